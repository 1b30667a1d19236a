"""
Shell completion, as kubectl has it for plug-ins.

kubectl runs `kubectl_complete-casskop WORDS`, where it is on PATH, and offers the lines that it prints; a
last line `:4` tells the shell not to add names of files. The same program, called by that name, answers.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
import itertools
import sys
from typing import Final

from controller.domain.errors import OperatorError
from controller.kube import kinds
from controller.kube.kinds import Kind
from controller.plugin.command import Command
from controller.plugin.errors import DONE, StopError
from controller.plugin.kubectl import Kubectl
from controller.plugin.operations import known_operations
from controller.plugin.session import Output, Session

WORD: Final = "__complete"
# Cobra's word for: offer nothing but these lines.
NO_FILES: Final = ":4"
FILES: Final = ":0"
# By option or positional argument: whose names to offer.
_NAMES: Final[dict[str, Kind]] = {
    "--pod": kinds.POD,
    "--from-pod": kinds.POD,
    "--prefix": kinds.POD,
    "--crd": kinds.CASSANDRA_CLUSTER,
    "cluster": kinds.CASSANDRA_CLUSTER,
    "--namespace": kinds.NAMESPACE,
    "-n": kinds.NAMESPACE,
}
_PATHS: Final = frozenset({"-f", "--filename", "--kubeconfig", "--file"})

Parser = Callable[[Command], argparse.ArgumentParser]
Offer = Callable[[Kind, Sequence[str]], list[str]]


def offers(words: Sequence[str], commands: Sequence[Command], parser: Parser, of_kind: Offer) -> list[str]:
    """Return what may stand in the place of the last of *words*, and the directive for the shell."""
    *before, last = words or [""]
    command = next((c for word in before for c in commands if c.name == word), None)
    if command is None:
        found = [f"{c.name}\t{c.help}" for c in commands]
    else:
        known = parser(command)
        previous = before[-1] if before else ""
        if previous in _PATHS:
            return [FILES]
        if previous in _NAMES:
            found = of_kind(_NAMES[previous], before)
        elif last.startswith("-"):
            found = [
                f"{option}\t{action.help}"
                for action in known._actions  # noqa: SLF001 -- argparse tells of its options nowhere else
                for option in action.option_strings
                if option.startswith("--")
            ]
        elif command.name in ("operate", "pause", "unpause"):
            found = list(known_operations())
        elif any(a.dest == "cluster" for a in known._actions):  # noqa: SLF001 -- as above
            found = of_kind(kinds.CASSANDRA_CLUSTER, before)
        else:
            found = []
    return [*sorted(each for each in found if each.startswith(last)), NO_FILES]


def main(words: Sequence[str], commands: Sequence[Command], parser: Parser) -> int:
    """Print what may stand in the place of the last of *words*."""
    for line in offers(words, commands, parser, _from_cluster):
        sys.stdout.write(f"{line}\n")
    return DONE


def entry() -> int:
    """Answer kubectl, which calls `kubectl_complete-casskop` with the words so far."""
    from controller.plugin.__main__ import main as plugin  # noqa: PLC0415 -- it knows all commands, and us

    return plugin([WORD, *sys.argv[1:]])


def _from_cluster(kind: Kind, words: Sequence[str]) -> list[str]:
    """Return the names of the objects of *kind*; none where they cannot be had: nobody asked aloud."""
    options, namespace = [], None
    for option, value in itertools.pairwise(words):
        if option in ("--context", "--kubeconfig"):
            options.append(f"{option}={value}")
        if option in ("-n", "--namespace"):
            namespace = value
    kubectl = Kubectl(options=tuple(options))
    try:
        with kubectl.proxy() as transport:
            session = Session(transport=transport, namespace=namespace or kubectl.namespace(), out=Output())
            labels = kinds.OWNED_SELECTOR if kind == kinds.POD else ""
            where = session.namespace if kind.namespaced else None
            page = session.client.list_page(kind, where, label_selector=labels, metadata_only=True)
    except (StopError, OperatorError):
        return []
    return [str(item["metadata"]["name"]) for item in page.items]
