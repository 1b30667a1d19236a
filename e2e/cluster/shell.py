"""
Run programs to their end, with a deadline and an error that a person can use.

It does not start anything that stays: :mod:`e2e.cluster.processes` does.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
import subprocess
import time


class Trouble(Exception):  # noqa: N818 -- for people, who may well be its cause
    """Something the person at the terminal has to know: one line, with what to do about it."""


def run(
    *argv: str | Path,
    timeout: float = 60,
    check: bool = True,
    stdin: str | None = None,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
) -> subprocess.CompletedProcess[str]:
    """
    Run a program and return its outcome with its output as text.

    *timeout* is in seconds. Raises Trouble when it takes longer, is not installed, or (with
    *check*) ends with another code than 0; the text is then the last line that it printed.
    """
    words = [str(word) for word in argv]
    try:
        done = subprocess.run(
            words,
            input=stdin,
            stdin=None if stdin is not None else subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
            cwd=cwd,
            env=env,
        )
    except FileNotFoundError as error:
        raise Trouble(f"{words[0]} is not installed: run `python -m e2e.cluster deps`") from error
    except subprocess.TimeoutExpired as error:
        raise Trouble(f"`{_short(words)}` did not end within {timeout:g} s") from error
    if check and done.returncode:
        said = (done.stderr.strip() or done.stdout.strip() or "it said nothing").splitlines()
        raise Trouble(f"`{_short(words)}` failed with {done.returncode}: {said[-1]}")
    return done


def wait_for(
    what: str, probe: Callable[[], bool], *, timeout: float, every: float = 0.2, hint: str = ""
) -> None:
    """Ask *probe* until it says yes; Trouble with *hint* after *timeout* seconds."""
    deadline = time.monotonic() + timeout
    while not probe():
        if time.monotonic() > deadline:
            raise Trouble(f"{what} did not happen within {timeout:g} s" + (hint and f"; {hint}"))
        time.sleep(every)


def _short(words: list[str]) -> str:
    text = " ".join(words)
    return text if len(text) <= 100 else text[:97] + "..."
