"""
What happened in a rehearsal, as values: what was done and why, what was waited for, who was down.

Times are simulated seconds from the moment at which the change was made.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import attrs

from controller.domain.actions import Action, Hold, NoteLeaving, NoteResize, Wait, Write
from controller.plugin.forecast import Step, step_of
from controller.plugin.plan import link
from controller.runtime.store import Key
from e2e.simtime import Simulation
from e2e.sweep.world import World

_MEMBERS: Final = frozenset({"NORMAL", "LEAVING", "MOVING"})


@attrs.frozen(kw_only=True)
class Entry:
    """One line of a history: a `step`, a `wait`, a `hold`, a `fault` or a `node`.

    *what* is the action and its target, or what is waited for; *why* the operator's reason, for a wait what
    ends it.
    """

    at: float
    kind: str
    what: str
    why: str = ""


@attrs.define
class History:
    """Hears of all that is done for the cluster called *name*, once it has begun; *hear* gets each line."""

    simulation: Simulation
    name: str
    hear: Callable[[Entry], None] = lambda _: None
    began: float | None = None
    entries: list[Entry] = attrs.field(factory=list)
    steps: list[Step] = attrs.field(factory=list)
    # What is waited for now, by kind and reason, without its figures.
    waits: tuple[dict[str, Any], ...] = ()
    last_done: float = 0.0
    # What was decided last and is not done: the first of it is under way.
    _undone: list[Write | NoteLeaving | NoteResize] = attrs.field(factory=list)
    _waited: frozenset[str] = frozenset()

    def begin(self) -> None:
        """Begin: the change is made now."""
        self.began = self.last_done = self.simulation.now

    def decided(self, key: Key, actions: tuple[Action, ...]) -> None:
        """Note what begins to be waited for."""
        if self.began is None or key.name != self.name:
            return
        self._undone = [action for action in actions if not isinstance(action, Wait | Hold)]
        waits = [action for action in actions if isinstance(action, Wait | Hold)]
        self.waits = tuple(link(action) for action in waits)
        for action in waits:
            if _shape(action) not in self._waited:
                kind = "hold" if isinstance(action, Hold) else "wait"
                self._add(kind, action.why, str(link(action)["ends"]))
        # Until something is done, the same waits may take turns.
        self._waited |= {_shape(action) for action in waits}

    def did(self, key: Key, action: Write | NoteLeaving | NoteResize) -> None:
        """Note what was done."""
        if self.began is None or key.name != self.name:
            return
        step = step_of(action)
        self._undone = [other for other in self._undone if other is not action]
        self.last_done = self.simulation.now
        self._waited = frozenset()
        self.steps.append(step)
        self._add("step", f"{step.action} {step.target}".rstrip(), step.why)

    def fault(self, what: str) -> None:
        """Note that something goes wrong."""
        self._add("fault", what)

    def cut_short(self, what: str) -> None:
        """Note that something goes wrong with the operator, and what it was at: that is in no other line."""
        step = step_of(self._undone[0]) if self._undone else None
        self.fault(what if step is None else f"{what}, at {step.action} {step.target}".rstrip())

    def node(self, what: str) -> None:
        """Note what became of a node."""
        self._add("node", what)

    def _add(self, kind: str, what: str, why: str = "") -> None:
        began = self.simulation.now if self.began is None else self.began
        at = round(self.simulation.now - began, 1)
        entry = Entry(at=at, kind=kind, what=what, why=why)
        self.entries.append(entry)
        self.hear(entry)


def _shape(action: Wait | Hold) -> str:
    """Return what tells waits apart: the reason without its figures, and which field ends it."""
    if isinstance(action, Hold):
        return action.path
    return "".join("#" if letter.isdigit() else letter for letter in action.why)


@attrs.define
class Nodes:
    """Follows who is in the ring: joins, leaves, restarts, and how many were down at once."""

    history: History
    joined: list[str] = attrs.field(factory=list)
    left: list[str] = attrs.field(factory=list)
    restarted: list[str] = attrs.field(factory=list)
    most_down: int = 0
    down: tuple[str, ...] = ()
    # The start of each member's process, by pod; members whose process does not serve now.
    _serving: dict[str, float] = attrs.field(factory=dict)
    _away: set[str] = attrs.field(factory=set)

    def begin(self, world: World, members: set[str]) -> None:
        """Begin with *world*; *members* are the pods whose nodes belong to the ring, up or not."""
        self._serving = _processes(world)
        self._away = members - self._serving.keys()
        self._count()

    def look(self, world: World) -> None:
        """Take in how the nodes are in *world*."""
        serving = _processes(world)
        self._away |= self._serving.keys() - serving.keys()
        for pod in sorted(self._away & {n.pod for n in world.nodes if n.mode == "DECOMMISSIONED"}):
            self._away.discard(pod)
            self.left.append(pod)
            self.history.node(f"{pod} has left the ring")
        for pod, began in sorted(serving.items()):
            if pod in self._away:
                self._away.discard(pod)
                self.restarted.append(pod)
                self.history.node(f"{pod} serves again")
            elif pod not in self._serving:
                self.joined.append(pod)
                self.history.node(f"{pod} has joined the ring")
            elif abs(began - self._serving[pod]) > 1.0:
                self.restarted.append(pod)
        self._serving = serving
        self._count()

    def _count(self) -> None:
        if len(self._away) > self.most_down:
            self.most_down, self.down = len(self._away), tuple(sorted(self._away))


def _processes(world: World) -> dict[str, float]:
    """Return when the process of each member that serves began, by pod."""
    return {n.pod: world.now - n.age for n in world.nodes if n.mode in _MEMBERS and n.serves}
