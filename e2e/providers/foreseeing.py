"""
A simulated cluster that holds `kubectl casskop plan` to its word: whatever is edited, it is foretold first.

At each edit of a CassandraCluster that is at rest, or new, the forecast is made before time goes on. What
is then done has to be what it says, in its order, and all of it once the cluster is at rest again. Where
somebody breaks something meanwhile, or edits again, only what was done until then is compared.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
import datetime as dt
from typing import Any, Final, TypeVar

import attrs

from controller.api.v2 import names
from controller.domain.actions import Action, ApplyObject, NoteLeaving, NoteResize, Write
from controller.plugin.forecast import Step, forecast, step_of
from controller.plugin.session import Output, Session
from controller.plugin.world import read
from controller.runtime.store import Key
from e2e.providers.cluster import CLUSTERS, MissingError, Object, at_rest, is_stopped
from e2e.providers.sim import NAMESPACE
from e2e.providers.simulated import SimulatedCluster

T = TypeVar("T")

# A seed list may follow once all nodes have joined.
_AFTERWARDS_SECONDS: Final = 30.0
_UNREST: Final = "it was not at rest"
_CLAIMS: Final = "persistentvolumeclaims"
# What is named after its cluster.
_OWN: Final = frozenset({"pods", "statefulsets", _CLAIMS})
# Of so many edits, one of so many at least has to be compared to its end, with something done for it.
_MANY: Final = 20
_SHARE: Final = 5


@attrs.frozen(kw_only=True)
class Verdict:
    """How one forecast came out.

    `whole`: everything that it says was done, and nothing else. `part`: what was done is its beginning, and
    then the cluster was edited again, or somebody meddled. `exempt`: there was none, or nothing was done
    before that. `wrong`: *text* says in which step. *steps* is how many were compared.
    """

    cluster: str
    edit: str
    outcome: str
    steps: int = 0
    text: str = ""

    def __str__(self) -> str:
        """Return a line for people."""
        return (
            f"{self.outcome}: {self.cluster}, {self.steps} steps, {self.text or 'as foretold'} ({self.edit})"
        )


@attrs.define
class _Open:
    """A forecast that is to come true: which *edit* it is for, and whether somebody *meddled* since.

    *members* is what the record of members says.
    """

    edit: str
    steps: tuple[Step, ...]
    members: str = ""
    done: list[Step] = attrs.field(factory=list)
    meddled: str = ""


class Foresight:
    """A trail that keeps what is done for clusters with an open forecast, and the verdicts so far."""

    def __init__(self) -> None:
        self.open: dict[str, _Open] = {}
        self.verdicts: list[Verdict] = []
        # What the record of a cluster's members says now.
        self.members: Callable[[str], str] = lambda _: ""

    def decided(self, key: Key, actions: tuple[Action, ...]) -> None:
        """Let it pass."""

    def did(self, key: Key, action: Write | NoteLeaving | NoteResize) -> None:
        """Keep what was done, unless somebody has meddled.

        A write of the record that leaves the members as they were is left out: a pod that restarts within a
        minute of its volume's making is noted there as one that lost its disk, until it has started. That is
        of no consequence, and a forecast knows nothing of seconds.
        """
        found = self.open.get(key.name)
        if found is None or found.meddled:
            return
        if isinstance(action, ApplyObject) and action.name == names.ring_configmap(key.name):
            before, found.members = found.members, self.members(key.name)
            if before == found.members:
                return
        found.done.append(step_of(action))

    def those(self, outcome: str) -> list[Verdict]:
        """Return the verdicts of one kind."""
        return [verdict for verdict in self.verdicts if verdict.outcome == outcome]

    def summary(self) -> str:
        """Return how many came out how, in a line for people."""
        told = []
        for outcome in ("whole", "part", "exempt", "wrong"):
            found = self.those(outcome)
            told.append(f"{len(found)} {outcome} ({sum(v.steps for v in found)} steps)")
        unmade = sum(verdict.text == _UNREST for verdict in self.verdicts)
        return f"forecasts: {', '.join(told)}; {unmade} edits were made before the cluster was at rest"

    def check(self) -> None:
        """Raise `AssertionError` for what came out wrong, or if hardly anything was compared."""
        wrong = [str(verdict) for verdict in self.those("wrong")]
        assert not wrong, "\n".join(wrong)
        whole = [verdict for verdict in self.those("whole") if verdict.steps]
        assert len(self.verdicts) < _MANY or len(whole) >= len(self.verdicts) // _SHARE, self.summary()


class ForeseeingCluster:
    """The simulated cluster *inner*, whose operator's trail is *foresight*."""

    def __init__(self, inner: SimulatedCluster, foresight: Foresight) -> None:
        self._inner = inner
        self.foresight = foresight
        foresight.members = self._members
        self._session = Session(transport=inner.sim.transport, namespace=NAMESPACE, out=Output())

    # -- what a user does

    def apply(self, *given: Mapping[str, Any]) -> None:
        """Apply each object, with a forecast before a cluster's."""
        for obj in given:
            name = str(obj["metadata"]["name"])
            if obj["kind"] == "CassandraCluster":
                self._edit(name, f"apply {name}", lambda o=obj: self._inner.apply(o))  # type: ignore[misc]  # mypy cannot infer defaults
            else:
                self.meddle(f"{obj['kind']} {name} was applied")
                self._inner.apply(obj)

    def patch(self, kind: str, name: str, patch: Mapping[str, Any]) -> None:
        """Patch, with a forecast before a cluster's."""
        if kind == CLUSTERS:
            self._edit(name, f"patch {name} {dict(patch)}", lambda: self._inner.patch(kind, name, patch))
        else:
            self.meddle(f"{kind} {name} was patched", name if kind in _OWN else "")
            self._inner.patch(kind, name, patch)

    def delete(self, kind: str, name: str, *, seconds: float = 120) -> None:
        """Delete; what becomes of it is nobody's forecast."""
        if kind == CLUSTERS:
            self._close(name)
        else:
            self.meddle(f"{kind} {name} was deleted", name if kind in _OWN else "")
        self._inner.delete(kind, name, seconds=seconds)

    def kill_operator(self) -> None:
        """End the operator's process."""
        self.meddle("the operator was killed")
        self._inner.kill_operator()

    def steal_lease(self) -> None:
        """End the operator as the loss of its lease does."""
        self.meddle("the lease was stolen")
        self._inner.steal_lease()

    # -- what a user sees

    def get(self, kind: str, name: str) -> Object:
        """Read an object."""
        return self._inner.get(kind, name)

    def of(self, name: str, kind: str) -> list[Object]:
        """List by the cluster's label."""
        return self._inner.of(name, kind)

    def events(self, name: str) -> list[Object]:
        """List by what the events are about."""
        return self._inner.events(name)

    def views(self, name: str) -> dict[str, Object]:
        """Ask the simulated agents."""
        return self._inner.views(name)

    def eventually(self, probe: Callable[[], T | None], *, seconds: float, what: str) -> T:
        """Let simulated time pass."""
        return self._inner.eventually(probe, seconds=seconds, what=what)

    # -- forecasts

    def close(self) -> None:
        """Compare what is still open."""
        for name in list(self.foresight.open):
            self._close(name)

    def _edit(self, name: str, edit: str, write: Callable[[], None]) -> None:
        self._close(name)
        before = self._there(name)
        if before is not None and not _rests(before):
            write()
            self._note(name, edit, "exempt", 0, _UNREST)
            return
        write()
        # No time has passed: the operator has not seen it yet.
        world = read(self._session, self._inner.get(CLUSTERS, name))
        now = dt.datetime.fromtimestamp(self._inner.sim.simulation.now, dt.UTC)
        self.foresight.open[name] = _Open(edit, forecast(world, now).steps, self._members(name))

    def _members(self, name: str) -> str:
        try:
            return str(self._inner.get("configmaps", names.ring_configmap(name))["data"].get("joined"))
        except MissingError:
            return ""

    def _there(self, name: str) -> Object | None:
        try:
            return self._inner.get(CLUSTERS, name)
        except MissingError:
            return None

    def meddle(self, why: str, about: str = "") -> None:
        """Say that somebody does what no forecast can know of, to the object *about* or to all.

        A cluster that is at rest by then has done what it had to.
        """
        for name, found in list(self.foresight.open.items()):
            if about and not about.removeprefix("data-").startswith(f"{name}-"):
                continue
            obj = self._there(name)
            if obj is not None and _rests(obj) and tuple(_plain(found.done)) == tuple(_plain(found.steps)):
                self._close(name)
            else:
                found.meddled = found.meddled or why

    def _close(self, name: str) -> None:
        """Compare what was foretold for the cluster with what was done until now."""
        found = self.foresight.open.get(name)
        if found is None:
            return
        obj = self._there(name)
        rests = obj is not None and _rests(obj)
        whole = rests and not found.meddled
        if whole and len(tuple(_plain(found.done))) < len(tuple(_plain(found.steps))):
            self._inner.sim.run(_AFTERWARDS_SECONDS)
        del self.foresight.open[name]
        done, told = tuple(_plain(found.done)), tuple(_plain(found.steps))
        why = difference(told, done, whole=whole)
        outcome = "wrong" if why else "whole" if whole else "part" if done else "exempt"
        if why:
            why += (
                f"; done was {'; '.join(f'{step.action} {step.target}: {step.why}' for step in found.done)}"
            )
        self._note(name, found.edit, outcome, len(done), why or found.meddled)

    def _note(self, name: str, edit: str, outcome: str, steps: int, text: str) -> None:
        verdict = Verdict(cluster=name, edit=edit, outcome=outcome, steps=steps, text=text)
        self.foresight.verdicts.append(verdict)


def _rests(obj: Object) -> bool:
    return at_rest(obj) or is_stopped(obj)


def _plain(steps: Sequence[Step]) -> Iterator[str]:
    """Yield what was done, and what is done twice in a row once."""
    last = ""
    for step in steps:
        text = f"{step.action} {step.target}".rstrip()
        if text != last:
            yield text
        last = text


def difference(told: Sequence[str], done: Sequence[str], *, whole: bool) -> str:
    """Return where what was *done* is not what was *told*, or, unless *whole*, its beginning; "" if it is."""
    for number, (one, other) in enumerate(zip(told, done, strict=False), 1):
        if one != other:
            return f"step {number} is {other!r}, foretold was {one!r}"
    if len(done) > len(told):
        return f"step {len(told) + 1} is {done[len(told)]!r}, and nothing more was foretold"
    if whole and len(done) < len(told):
        return f"{told[len(done)]!r} was foretold for step {len(done) + 1}, and not done"
    return ""
