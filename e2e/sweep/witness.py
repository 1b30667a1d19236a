"""
Watches a run: applies every invariant at every write of the operator's and after every step.

It changes nothing. It stops counting after the first broken invariants: what follows from them is noise.
"""

from __future__ import annotations

import hashlib
import marshal
from typing import Any, Final

import attrs

from e2e.providers.sim import SimCluster
from e2e.providers.sim_operator import AGENT
from e2e.simkube.store import Change, Place
from e2e.simtime import EPOCH
from e2e.sweep import invariants
from e2e.sweep.director import Director, PointedFaults
from e2e.sweep.world import CLAIMS, PODS, World, Write, copies, look

# The last format without references, which depend on who else holds an object.
_PLAIN: Final = 2
# What was decided before an accident may still be carried out so long after it.
RACE_SECONDS: Final = 1.0


@attrs.frozen(kw_only=True)
class Violation:
    """An invariant that did not hold: its name, when (simulated seconds), and what was seen."""

    rule: str
    at: float
    text: str

    def __str__(self) -> str:
        """Return a line for people."""
        return f"{self.rule} at {self.at:.2f} s: {self.text}"


class Witness:
    """Looks at *cluster* as *director* runs it."""

    def __init__(self, cluster: SimCluster, director: Director, faults: PointedFaults) -> None:
        self._cluster = cluster
        self._director = director
        self._faults = faults
        self.violations: list[Violation] = []
        self.last_write = EPOCH
        self.world = look(cluster)
        self._seen: tuple[Any, ...] = ()
        self._history = hashlib.sha256()
        cluster.server.store.listen(self._changed)

    @property
    def broken(self) -> bool:
        """Whether an invariant was broken."""
        return bool(self.violations)

    def digest(self) -> str:
        """Return the hash of all changes so far: equal histories have equal ones."""
        return self._history.hexdigest()

    def after_step(self) -> bool:
        """Apply the rules for worlds; whether anything had changed since the last time."""
        nodes = self._cluster.controllers.ring.nodes()
        seen = (
            self._cluster.server.store.version,
            tuple((n.address, n.mode, n.native_transport, n.view.epoch, n.at_work) for n in nodes),
        )
        if seen == self._seen:
            return False
        self._seen = seen
        before, self.world = self.world, look(self._cluster)
        for rule in invariants.WORLD_RULES:
            self._note(rule.__name__, rule(before, self.world))
        return True

    def behold(self) -> None:
        """Take the world as it is for what it was: what its user has just done breaks no rule."""
        self.world = look(self._cluster)

    def say(self, rule: str, text: str) -> None:
        """Note a violation found by somebody else."""
        self._note(rule, text)

    def _note(self, rule: str, text: str | None) -> None:
        if text is not None:
            now = self._cluster.simulation.now - EPOCH
            self.violations.append(Violation(rule=rule, at=round(now, 3), text=text))

    def _changed(self, place: Place, change: Change) -> None:
        now = self._cluster.simulation.now - EPOCH
        record = (now, self._faults.actor, *place, *change.key, change.deleted, change.after.object)
        # In this format equal values are equal bytes, whoever else holds a part of them.
        self._history.update(marshal.dumps(record, _PLAIN))
        if self._faults.actor != AGENT or change.key[0] != self._cluster.namespace:
            return
        self.last_write = self._cluster.simulation.now
        sent = self._director.sent
        assert sent is not None, "a write of the operator's that nobody sent"
        write = Write(
            place=place,
            name=change.key[1],
            request=sent.request,
            before=None if change.before is None else change.before.object,
            after=change.after.object,
            read=sent.read,
            fenced=sent.fenced,
        )
        world = self._before(place, change)
        accident = self._director.accident_at
        too_late = accident is not None and self._cluster.simulation.now < accident + RACE_SECONDS
        for rule in invariants.WRITE_RULES:
            if too_late and rule in invariants.OF_THIS_MOMENT:
                continue
            self._note(rule.__name__, rule(write, world))

    def _before(self, place: Place, change: Change) -> World:
        """Return the world as it was when the write came."""
        world = look(self._cluster)
        if place in (PODS, CLAIMS):
            world = attrs.evolve(world, copies=copies(self._cluster))
        field = invariants.PLACES.get(place)
        if field is None:
            return world
        named = {k: v for k, v in getattr(world, field).items() if k != change.key[1]}
        if change.before is not None:
            named[change.key[1]] = change.before.object
        changes: dict[str, Any] = {field: named}
        return attrs.evolve(world, **changes)
