"""
The two ways in which preparing a node fails: on purpose, and by a bug of ours.

Either is told where the kubelet looks, so the operator can quote it. A bug's traceback goes to the log only,
since nobody knows which values are in it.
"""

from __future__ import annotations

from collections.abc import Iterator
import contextlib
from pathlib import Path

from controller.bootstrap import disk


class RefusedError(Exception):
    """The node must not start; the message is the line that says why."""


@contextlib.contextmanager
def bugs_told(termination_log: Path) -> Iterator[None]:
    """Let an unexpected exception pass, leaving word of its kind."""
    try:
        yield
    except Exception as error:
        kind = type(error).__name__
        disk.leave_word((f"failed by a bug: {kind}; the container's log has its traceback",), termination_log)
        raise
