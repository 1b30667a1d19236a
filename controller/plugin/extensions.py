"""
Commands that other packages bring along, by the entry point group `casskop.plugin`.

An entry point names a `Command`, under the command's own name. It is loaded when it is asked for and not
before, so that it costs the other commands nothing. What is known and missing has a stand-in, which says in
one line how to get it.
"""

from __future__ import annotations

import argparse
from importlib import metadata
from typing import Final

from controller.plugin.command import Command
from controller.plugin.errors import StopError
from controller.plugin.session import Session

GROUP: Final = "casskop.plugin"
_MISSING: Final = (
    "the simulator is not installed; the plugin that `make plugin` builds as one file brings it along"
)


def installed(name: str) -> Command | None:
    """Return the command called *name* that some package brings along, None if none does."""
    for point in metadata.entry_points(group=GROUP, name=name):
        try:
            command = point.load()
        except ImportError:
            # It is named by a package that is not there, or not all of it.
            continue
        if isinstance(command, Command):
            return command
    return None


def _refuse(session: Session, given: argparse.Namespace) -> int:
    raise StopError(f"{given.command} in namespace {session.namespace} is not possible: {_MISSING}")


STAND_INS: Final = (
    Command(
        name="simulate",
        help="play a change to its end on a simulation of this cluster, with faults if you like",
        arguments=lambda _: None,
        run=_refuse,
        lenient=True,
        epilog=f"Not here: {_MISSING}.",
    ),
)
NAMES: Final = frozenset(command.name for command in STAND_INS)
