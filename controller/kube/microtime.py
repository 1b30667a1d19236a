"""
Instants as Kubernetes writes them, to the microsecond.

Go's layout for them has six digits, and refuses an instant that has none because it falls on a whole
second. Python leaves them out then: once in a million writes.
"""

from __future__ import annotations

from datetime import UTC, datetime


def micro_time(instant: datetime | None) -> str | None:
    """Write *instant* as Go's MicroTime: in UTC, always with six digits and a Z."""
    return None if instant is None else instant.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def read_micro_time(text: object) -> datetime | None:
    """Read a MicroTime of any make; None if there is none, or nothing that is one."""
    if not isinstance(text, str):
        return None
    try:
        instant = datetime.fromisoformat(text)
    except ValueError:
        return None
    return instant if instant.tzinfo is not None else instant.replace(tzinfo=UTC)
