"""One command of the plugin: its name, its words for `--help`, its arguments and what it does."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Any

import attrs

from controller.plugin.session import Session


@attrs.frozen(kw_only=True)
class Command:
    """*run* does it and returns the exit code.

    A *lenient* one ends with the same words whatever its arguments are.
    """

    name: str
    help: str
    arguments: Callable[[argparse.ArgumentParser], Any]
    run: Callable[[Session, argparse.Namespace], int]
    epilog: str = ""
    lenient: bool = False


def cluster_argument(parser: argparse.ArgumentParser) -> None:
    """Let the user name a cluster; the only one of the namespace needs no name."""
    parser.add_argument(
        "cluster", nargs="?", help="name of the CassandraCluster; may be left out if there is only one"
    )
