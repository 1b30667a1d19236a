"""
One run of one story, with at most one fault, from an empty cluster to the verdict.

The same story, seed and plan give the same history, byte for byte.
"""

from __future__ import annotations

from collections.abc import Mapping
import contextlib
import itertools
from typing import Any, assert_never

import attrs

from controller.kube import kinds
from controller.kube.kinds import Kind
from controller.kube.transport import Request
from e2e.providers.sim import NAMESPACE, SimCluster
from e2e.simcontrollers.images import Images
from e2e.simtime import EPOCH
from e2e.sweep.accidents import CRASH, OUTAGE, UNDO
from e2e.sweep.carry_out import approval, befall, removal, replicate
from e2e.sweep.director import Decide, Director
from e2e.sweep.endstate import differences, end_state, stale_stores
from e2e.sweep.plans import CALL, FAULTS, Plan
from e2e.sweep.steps import (
    AddMachine,
    Annotate,
    Apply,
    Approve,
    BringBack,
    Delete,
    Edit,
    Keyspace,
    Label,
    Pause,
    PowerOff,
    Remove,
    RemoveMachine,
    Replicate,
    Step,
    Story,
    Until,
)
from e2e.sweep.witness import Violation, Witness

# A fault may cost as much more than a step's own limit: a lease, a backoff, a restart of a pod.
PATIENCE_SECONDS = 400.0
SETTLE_SECONDS = 20.0
QUIET_SECONDS = 60.0
# A run that asks the API server so often is in a hot loop.
MOST_REQUESTS = 4000
# While all writes are refused, each changed object may wake the operator; not more often.
MOST_REFUSALS = 40
MISSING_IMAGE = "cassandra:no-such-tag"
# Where the end differs rightly, by fault: what nobody saw nobody can tell of; a process that started again
# shows that, and what it found then; and of edits that were taken back there is a history.
_RESTARTED = (".lastState", ".restartCount", ".initContainerStatuses")
_TAKEN_BACK = (
    ".generation",
    "bservedGeneration",
    ".podLastOperation",
    ".dueOperations",
    "operation-",
    "last-change",
)
# What was done last hangs on what came first.
_TOLD = ("cassandraLastAction.name", "lastClusterAction")
_APART: Mapping[str | None, tuple[str, ...]] = {
    "stale-restart": (*_TOLD, ".podLastOperation.podsOK"),
    CRASH: (*_RESTARTED, *_TOLD),
    OUTAGE: (*_RESTARTED, *_TOLD),
    UNDO: (*_RESTARTED, *_TAKEN_BACK, *_TOLD),
}
_KINDS = {
    "cassandraclusters": kinds.CASSANDRA_CLUSTER,
    "pods": kinds.POD,
    "persistentvolumeclaims": kinds.PERSISTENT_VOLUME_CLAIM,
    "secrets": kinds.SECRET,
}


class _BrokenError(Exception):
    """There is a verdict: nothing that follows matters."""


@attrs.frozen(kw_only=True)
class Outcome:
    """What a run came to. *points* counts them by kind, *requests* the operator's, *history* is a hash."""

    violations: tuple[Violation, ...]
    points: Mapping[str, int]
    requests: int
    seconds: float
    history: str
    end: Mapping[str, Any]


class Run:
    """Plays *story*; *decide* names the fault at a point. *reference* is the end without any fault."""

    def __init__(
        self,
        story: Story,
        decide: Decide,
        *,
        seed: int = 0,
        reference: Mapping[str, Any] | None = None,
    ) -> None:
        self._story = story
        self._reference = reference
        self._director = Director(decide)
        self._cluster = SimCluster(
            seed, images=Images(unknown={MISSING_IMAGE}), tap=self._director, holds=True
        )
        faults = self._director.bind(self._cluster)
        self._witness = Witness(self._cluster, self._director, faults)

    def possible(self, fault: str) -> bool:
        """Whether *fault* would change anything if it struck now."""
        return self._director.possible(fault)

    @property
    def parked(self) -> bool:
        """Whether threads of the operator's wait, which a fork of this process would not have."""
        return self._cluster.parked

    def play(self) -> Outcome:
        """Play the story to its end, or to the first broken invariant."""
        end: Mapping[str, Any] = {}
        with contextlib.suppress(_BrokenError):
            for step in self._story.given:
                self._do(step)
            self._director.open()
            for step in (*self._story.when, self._story.end):
                self._do(step)
            end = self._judge()
        return Outcome(
            violations=tuple(self._witness.violations),
            points=dict(self._director.counts),
            requests=self._director.requests,
            seconds=round(self._cluster.simulation.now - EPOCH, 3),
            history=self._witness.digest(),
            end=end,
        )

    def _do(self, step: Step) -> None:  # noqa: C901 -- an arm for each step
        match step:
            case Apply(object=obj):
                self._cluster.apply(obj)
            case Edit(name=name, spec=spec):
                self._director.accidents.edited(name, spec)
                self._cluster.edit(name, spec)
            case Delete():
                self._delete(step)
            case Label(pod=pod, labels=labels):
                self._merge(kinds.POD, pod, {"labels": labels})
            case Annotate(name=name, annotations=annotations):
                self._merge(kinds.CASSANDRA_CLUSTER, name, {"annotations": annotations})
            case Approve(name=name):
                self._merge(kinds.CASSANDRA_CLUSTER, name, {"annotations": approval(self._cluster, step)})
            case Remove(through=through):
                self._merge(kinds.POD, through, {"labels": removal(self._cluster, step)})
            case PowerOff() | BringBack() | AddMachine() | RemoveMachine():
                befall(self._cluster, step)
            case Keyspace() | Replicate():
                replicate(self._cluster, step)
            case Until():
                self._wait(step)
            case Pause(seconds=seconds):
                self._pass(seconds)
            case _:
                assert_never(step)

    def _delete(self, step: Delete) -> None:
        path = _KINDS[step.kind].path(NAMESPACE, step.name)
        body = {"gracePeriodSeconds": 0} if step.force else None
        self._cluster.transport.send(Request(method="DELETE", path=path, body=body))
        self._witness.behold()

    def _merge(self, kind: Kind, name: str, metadata: Mapping[str, Any]) -> None:
        headers = {"Content-Type": "application/merge-patch+json"}
        path, body = kind.path(NAMESPACE, name), {"metadata": metadata}
        self._cluster.transport.send(Request(method="PATCH", path=path, headers=headers, body=body))

    def _wait(self, step: Until) -> None:
        patience = PATIENCE_SECONDS if self._director.struck_at is not None else 0.0
        limit = self._cluster.simulation.now + step.seconds + patience
        self._witness.after_step()
        while not step.probe(self._witness.world):
            if not self._step(limit) and not self._more(limit):
                self._witness.say("faults_pass", f"{step.what}: not within {step.seconds:g} s")
                raise _BrokenError
            if self._director.struck_at is not None and not patience:
                patience = PATIENCE_SECONDS
                limit += patience

    def _more(self, limit: float) -> bool:
        due = self._cluster.simulation.next_due()
        return due is not None and due <= limit

    def _step(self, limit: float) -> bool:
        """Take steps until something changed; False if nothing did before *limit*."""
        while self._more(limit):
            self._cluster.simulation.step()
            changed = self._witness.after_step()
            if self._director.requests > MOST_REQUESTS:
                self._witness.say("no_hot_loop", f"{self._director.requests} requests")
            if self._director.refused > MOST_REFUSALS:
                self._witness.say(
                    "it_waits_as_told", f"{self._director.refused} writes in spite of Retry-After"
                )
            if self._witness.broken:
                raise _BrokenError
            if changed:
                return True
        return False

    def _pass(self, seconds: float) -> None:
        end = self._cluster.simulation.now + seconds
        while self._step(end):
            pass
        self._cluster.simulation.run_until(end)

    def _settle(self) -> float:
        """Let faults pass and the story come to its end, and then some time; return when it was there."""
        self._pass(max(self._director.over_at - self._cluster.simulation.now, 0.0) + SETTLE_SECONDS)
        self._wait(self._story.end)
        settled = self._cluster.simulation.now
        self._pass(QUIET_SECONDS)
        return settled

    def _judge(self) -> Mapping[str, Any]:
        """Let everything settle, and look whether it stays, and is as it should be."""
        settled = self._settle()
        if self._director.over_at > settled:
            # It struck while the operator repeated its words.
            settled = self._settle()
        say = self._witness.say
        if self._story.quiet and self._witness.last_write > settled:
            at = self._witness.last_write - EPOCH
            say("then_it_is_quiet", f"the operator still wrote at {at:.1f} s")
        if not self._story.end.probe(self._witness.world):
            say("it_stays_so", f"not any more: {self._story.end.what}")
        for text in stale_stores(self._cluster):
            say("stores_are_true", text)
        end = end_state(self._cluster)
        if self._reference is not None:
            found = differences(self._reference, end)
            accident = self._director.accident_at is not None
            apart = (
                *self._story.hangs_on,
                *(self._story.hangs_on_accidents if accident else ()),
                *(self._story.hangs_on_calls if accident or self._director.fault in FAULTS[CALL] else ()),
                *_APART.get(self._director.fault, ()),
            )
            found = (text for text in found if not any(name in text.split(" is ")[0] for name in apart))
            # The first few tell what kind of difference it is.
            for text in itertools.islice(found, 4):
                say("it_ends_as_without_faults", text)
        return end


def replay(story: Story, plan: Plan | None, *, seed: int = 0, reference: Mapping[str, Any] | None) -> Outcome:
    """Play *story* with the one fault of *plan*, or without any."""

    def decide(kind: str, number: int) -> str | None:
        return plan.fault if plan is not None and (plan.kind, plan.number) == (kind, number) else None

    return Run(story, decide, seed=seed, reference=reference).play()
