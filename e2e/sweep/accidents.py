"""
What befalls the cluster and not the operator: a process dies, a node loses its power, a user thinks twice.

Whom it strikes follows from the number of the point, so that a replay strikes the same. An accident that
finds nobody is none: `possible` says so before.
"""

from __future__ import annotations

from collections.abc import Mapping
import copy
from typing import Any, Final

import attrs

from e2e.providers.sim import SimCluster
from e2e.sweep.world import look

CRASH, OUTAGE, UNDO = "crash", "outage", "undo"
ACCIDENTS: Final = frozenset({CRASH, OUTAGE, UNDO})

# Longer than it takes until the API server believes that a node is lost, shorter than pods stay on it.
OUTAGE_SECONDS: Final = 60.0
UNDO_SECONDS: Final = 15.0
# After so long an accident is over, but for what Cassandra and the kubelet need to start again.
OVER_SECONDS: Final[Mapping[str, float]] = {CRASH: 0.0, OUTAGE: OUTAGE_SECONDS, UNDO: UNDO_SECONDS}


@attrs.frozen(kw_only=True)
class Edited:
    """The latest edit of a user's: what *spec* it merged into the cluster *name*, and what stood there."""

    name: str
    spec: Mapping[str, Any]
    before: Mapping[str, Any]


class Accidents:
    """Lets accidents happen to *cluster*."""

    def __init__(self, cluster: SimCluster) -> None:
        self._cluster = cluster
        self._edited: Edited | None = None

    def edited(self, name: str, spec: Mapping[str, Any]) -> None:
        """Note that a user is about to merge *spec* into the spec of the cluster *name*."""
        now = self._spec(name) or {}
        before = {key: copy.deepcopy(now.get(key)) for key in spec}
        self._edited = Edited(name=name, spec=spec, before=before)

    def possible(self, accident: str) -> bool:
        """Whether there is anybody whom *accident* can befall now."""
        match accident:
            case "crash":
                return bool(self._processes())
            case "outage":
                return bool(self._hosts())
            case _:
                return self._edited is not None and self._spec(self._edited.name) is not None

    def befall(self, accident: str, number: int) -> None:
        """Let *accident* happen, to whom the *number* of the point says."""
        match accident:
            case "crash":
                running = self._processes()
                self._cluster.controllers.ring.kill(running[number % len(running)])
            case "outage":
                hosts = self._hosts()
                self._cut_power(hosts[number % len(hosts)])
            case _:
                assert self._edited is not None
                self._take_back(self._edited)

    def _cut_power(self, host: str) -> None:
        nodes = self._cluster.controllers.nodes
        nodes.power_off(host)
        self._cluster.simulation.after(OUTAGE_SECONDS, lambda: nodes.bring_back(host))

    def _take_back(self, edit: Edited) -> None:
        """Put back what stood there, and make the edit once more unless somebody edits in between."""
        self._cluster.edit(edit.name, edit.before)

        def again() -> None:
            if self._edited is edit and self._spec(edit.name) is not None:
                self._cluster.edit(edit.name, edit.spec)

        self._cluster.simulation.after(UNDO_SECONDS, again)

    def _spec(self, name: str) -> Mapping[str, Any] | None:
        found = look(self._cluster).clusters.get(name)
        return None if found is None else found["spec"]

    def _processes(self) -> list[str]:
        """Return the addresses of all Cassandra processes."""
        return [node.address for node in self._cluster.controllers.ring.nodes()]

    def _hosts(self) -> list[str]:
        """Return the Kubernetes nodes that have power and run a pod."""
        pods = look(self._cluster).pods.values()
        bound = {str(pod["spec"].get("nodeName") or "") for pod in pods}
        return sorted(host for host in bound - {""} if not self._cluster.controllers.nodes.lost(host))
