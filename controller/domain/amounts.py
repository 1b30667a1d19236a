"""Amounts in words, as people read them in conditions and events."""

from __future__ import annotations


def amount(size: int) -> str:
    """Return a number of bytes in words, as Cassandra has them."""
    value, unit = float(size), "bytes"
    for larger in ("KiB", "MiB", "GiB", "TiB"):
        if value < 1024:  # noqa: PLR2004 -- binary units
            break
        value, unit = value / 1024, larger
    return f"{value:.1f} {unit}" if unit != "bytes" else f"{size} bytes"


def duration(seconds: int) -> str:
    """Return a time in words, in the two units that matter."""
    minutes, rest = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min" if minutes else f"{rest} s"
