"""Planted bugs of nodes that leave, as in `bugs`: each function breaks the operator in this process."""
# ruff: noqa: ANN401 -- a planted bug takes whatever the code takes that it breaks

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import attrs

from controller.domain import leaving
from controller.domain.actions import (
    Action,
    Decommission,
    DeleteStatefulSet,
    LeaveStep,
    NoteLeaving,
)
from controller.domain.desired import Desired
from controller.domain.leaving import Fate, Gone, Leaves
from controller.domain.observed import Observed, Pod
from controller.domain.plan import datacenters, leave, left
from controller.domain.ring import Mode
from controller.executors.racks import Racks
from controller.reconcile import accepted
from e2e.sweep.bugs import replace


def takes_leaving_for_left() -> None:
    """Take the place of a node as soon as its peers see it leaving: its data is still on it."""

    def make(real: Callable[..., Fate]) -> Callable[..., Fate]:
        def fate(name: str, observed: Observed) -> Fate:
            found = real(name, observed)
            return Gone(why=found.why, member=True) if isinstance(found, Leaves) else found

        return fate

    replace(leave, "fate", make)
    replace(left, "_finishes", lambda _: lambda *_: False)


def takes_silence_for_gone() -> None:
    """Go by the peers that answer, however few: none of them knows a node that nobody was asked about."""

    def make(_: Callable[..., Any]) -> Callable[..., Any]:
        def witnesses(name: str, observed: Observed) -> Any:
            views = observed.ring.views()
            return {pod: view for pod, view in views.items() if pod != name and view.mode is Mode.NORMAL}

        return witnesses

    replace(leaving, "witnesses", make)
    # What the node says of itself would mend it.
    replace(leaving, "_serves", lambda _: lambda *_: False)


def lets_two_leave() -> None:
    """Ask the next node to leave while one is still at it."""

    def make(real: Callable[..., list[Action]]) -> Callable[..., list[Action]]:
        def under_way(desired: Desired, observed: Observed) -> list[Action]:
            actions = real(desired, observed)
            on_its_way = observed.leaving
            if on_its_way is None or on_its_way.proven:
                return actions
            rest = [p for p in observed.pods() if p.ready and p.name != on_its_way.pod]
            return [*actions, *(_asked(on_its_way.rack, pod) for pod in rest[1:][-1:])]

        return under_way

    replace(leave, "under_way", make)


def asks_before_it_notes() -> None:
    """Ask a node to leave in the same breath in which that is decided: status says so only afterwards."""

    def make(real: Callable[..., list[Action]]) -> Callable[..., list[Action]]:
        def begin(desired: Desired, observed: Observed) -> list[Action]:
            actions = real(desired, observed)
            begun = {a.pod: a for a in actions if isinstance(a, NoteLeaving) and a.step is LeaveStep.BEGIN}
            pods = [pod for pod in observed.pods() if pod.name in begun]
            return [*actions, *(_asked(begun[pod.name].rack, pod) for pod in pods)]

        return begin

    replace(leave, "begin", make)


def leaves_volumes_behind() -> None:
    """Be done with a node once its place is gone, and leave its volume to the next of that name."""

    def make(_: Callable[..., Any]) -> Callable[..., Any]:
        def left_behind(place: Any, _: Fate) -> Iterator[Action]:
            why = f"{place.name} is gone"
            yield NoteLeaving(rack=place.want.name, pod=place.name, step=LeaveStep.END, why=why)

        return left_behind

    replace(leave, "left_behind", make)


def removes_racks_with_their_nodes() -> None:
    """Delete whatever rack the spec does not name any more, nodes or not."""
    replace(accepted, "judge", _without_a_word)

    def make(_: Callable[..., Any]) -> Callable[..., Any]:
        def removed(desired: Desired, observed: Observed) -> Iterator[Action]:
            asked = {rack.name for rack in desired.racks}
            for name, rack in observed.racks.items():
                have = rack.statefulset
                if name not in asked and have is not None and not have.terminating:
                    yield DeleteStatefulSet(
                        rack=name, statefulset=have.name, uid=have.uid, why="not asked for"
                    )

        return removed

    replace(datacenters, "removed", make)

    def unchecked(real: Callable[..., Any]) -> Callable[..., Any]:
        def delete(self: Racks, action: Any, live: Any, bodies: Any) -> Any:
            blind: Any = _NoPods(self.client)
            blind = attrs.evolve(self, client=blind)
            return real(blind, action, {**live, "spec": {**live["spec"], "replicas": 0}}, bodies)

        return delete

    replace(Racks, "_delete", unchecked)


def _without_a_word(real: Callable[..., Any]) -> Callable[..., Any]:
    """Return a judge that holds nothing back."""

    def judge(old: Any, new: Any, facts: Any) -> Any:
        return attrs.evolve(real(old, new, facts), spec=new, held=())

    return judge


class _NoPods:
    """A client that finds no pods."""

    def __init__(self, real: Any) -> None:
        self._real = real

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)

    def list_page(self, *args: Any, **named: Any) -> Any:
        return attrs.evolve(self._real.list_page(*args, **named), items=())


def _asked(rack: str, pod: Pod) -> Decommission:
    return Decommission(
        rack=rack,
        pod=pod.name,
        uid=pod.uid,
        ip=pod.ip or "",
        release="5.0",
        call_id=f"planted {pod.uid}",
        why=f"{pod.name} is asked to leave",
    )
