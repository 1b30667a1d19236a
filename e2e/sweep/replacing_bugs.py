"""Planted bugs of nodes that are replaced, as in `bugs`: each breaks the operator in this process."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from controller.domain.availability import Consistency, Proof
from controller.domain.plan import replace as replacing
from controller.reconcile import machines
from e2e.sweep.bugs import replace


def takes_a_silent_machine_for_gone() -> None:
    """Believe that a machine is no more as soon as a pod with a volume on it finds no place."""

    def make(_: Callable[..., Any]) -> Callable[..., Any]:
        def lost(_: object, names: Iterable[str]) -> frozenset[str]:
            return frozenset(names)

        return lost

    replace(machines, "lost", make)


def replaces_without_proof() -> None:
    """Give a volume up because its machine is gone, whoever else has the data that was on it."""

    def make(_: Callable[..., Any]) -> Callable[..., Any]:
        def proof(*_: object) -> Proof:
            return Proof(nodes=("anybody",), consistency=Consistency.ONE, keyspaces=(), ranges=0)

        return proof

    replace(replacing, "_proof", make)


def does_not_look_whether_a_node_is_dead_by_now() -> None:
    """Leave it to events to tell when the peers of a node come to believe that it is down."""
    replace(replacing, "undecided", lambda _: lambda *_: ())
