"""
Files on disk: whole or not at all.

A file is written beside its place and then moved there, so a container that is stopped in between leaves
either the old file or the new one. What is secret is readable by its owner only, from its first byte on.
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

PLAIN = 0o644
PROGRAM = 0o755
SECRET = 0o600

# The kubelet shows so much of the end of what is written there in the container's status.
_KUBELET_READS = 4096  # bytes
TERMINATION_LOG = Path("/dev/termination-log")


def write(path: Path, content: str | bytes, *, mode: int = PLAIN) -> None:
    """Put *content* at *path* with *mode*; its folder is made if needed. Raises OSError."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.new")
    beside.unlink(missing_ok=True)
    handle = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(handle, "wb") as file:
        file.write(content.encode() if isinstance(content, str) else content)
        os.fchmod(file.fileno(), mode)
    beside.replace(path)


def read(path: Path) -> str | None:
    """Return the text at *path*, or None if there is no file."""
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return None


def leave_word(lines: tuple[str, ...], path: Path = TERMINATION_LOG) -> None:
    """
    Leave *lines* where the kubelet looks for the reason of an exit, if it has put a file there.

    Lines that would not be shown are left out and counted.
    """
    with contextlib.suppress(OSError), path.open("r+b") as file:
        file.truncate()
        file.write(_shown(lines))


def _shown(lines: tuple[str, ...]) -> bytes:
    """Return as many of *lines* as the kubelet shows, the first ones first."""
    encoded = [line.encode(errors="replace") for line in lines]
    whole = b"\n".join(encoded)
    if len(whole) <= _KUBELET_READS:
        return whole
    for count in range(len(lines) - 1, 0, -1):
        rest = len(lines) - count
        told = b"\n".join([*encoded[:count], f"and {rest} more; the container's log has all".encode()])
        if len(told) <= _KUBELET_READS:
            return told
    return encoded[0][:_KUBELET_READS].decode(errors="ignore").encode()
