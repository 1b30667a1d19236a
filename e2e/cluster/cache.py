"""
What is built once and kept: a file or folder a thing, named after everything that went into it.

A thing gets its name only when it is complete, so a build that was interrupted is built again, and
one that is there is never built twice.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
import contextlib
import fcntl
import hashlib
import os
from pathlib import Path
import re
import shutil
import tempfile
import time

from e2e.cluster.shell import Trouble

_FINGERPRINT = re.compile("[0-9a-f]{16}")


def fingerprint(*parts: bytes | str) -> str:
    """Sixteen hexadecimal digits that stand for *parts*, in their order."""
    digest = hashlib.sha256()
    for part in parts:
        content = part.encode() if isinstance(part, str) else part
        digest.update(len(content).to_bytes(8, "big") + content)
    return digest.hexdigest()[:16]


def fingerprint_of_files(root: Path, files: Iterable[Path]) -> str:
    """A fingerprint of the names (below *root*), permissions and contents of *files*."""
    parts: list[bytes | str] = []
    for file in sorted(files):
        mode = file.stat().st_mode & 0o777
        parts += [f"{file.relative_to(root)} {mode:o}", file.read_bytes()]
    return fingerprint(*parts)


def kept(thing: Path, what: str, make: Callable[[Path], object]) -> Path:
    """
    Return *thing*, a file or folder; if it is not there, let *make* make it first.

    *make* gets a path where there is nothing yet, in the same folder. That *what* is built is
    announced, and its size and duration are printed.
    """
    if thing.exists():
        return thing
    print(f"building {what}", flush=True)
    began = time.monotonic()
    with _bench(thing.parent) as bench:
        make(bench / "unfinished")
        if not (bench / "unfinished").exists():
            raise Trouble(f"the build of {what} left nothing behind")
        with contextlib.suppress(OSError):  # somebody was quicker: theirs is as good
            (bench / "unfinished").rename(thing)
    size = _size(thing) / 1e6
    print(f"built {what}, {size:.0f} MB, in {time.monotonic() - began:.1f} s", flush=True)
    return thing


def forget_earlier(thing: Path) -> None:
    """Remove what is beside *thing* and differs from it only in the fingerprint of its name."""
    for old in earlier(thing.parent.iterdir(), thing):
        shutil.rmtree(old) if old.is_dir() else old.unlink(missing_ok=True)


def earlier(things: Iterable[Path], newest: Path) -> list[Path]:
    """Those of *things* that are called like *newest* but for the fingerprint, without it."""
    front, back = (re.escape(part) for part in _FINGERPRINT.split(newest.name, maxsplit=1))
    alike = re.compile(front + _FINGERPRINT.pattern + back)
    return [each for each in things if each != newest and alike.fullmatch(each.name)]


@contextlib.contextmanager
def locked(file: Path, busy: str) -> Iterator[None]:
    """Hold the lock *file* for the length of a ``with`` block; Trouble(*busy*) if it is held."""
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise Trouble(busy) from error
        yield


@contextlib.contextmanager
def _bench(where: Path) -> Iterator[Path]:
    """A folder to build in; those of builders that were killed are swept away first."""
    where.mkdir(parents=True, exist_ok=True)
    for old in where.glob("building-*"):
        if not Path("/proc", old.name.split("-")[1]).exists():
            shutil.rmtree(old, ignore_errors=True)
    with tempfile.TemporaryDirectory(prefix=f"building-{os.getpid()}-", dir=where) as bench:
        yield Path(bench)


def _size(thing: Path) -> int:
    files = thing.rglob("*") if thing.is_dir() else [thing]
    return sum(each.lstat().st_size for each in files)
