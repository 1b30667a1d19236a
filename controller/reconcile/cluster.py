"""
One reconcile of a CassandraCluster: observe, plan, act, finish.

It decides nothing and waits for nothing. It may be killed anywhere: the next one begins from what the
API server and the ring show. Status is written whatever happened before, on errors too.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeGuard

import attrs
import structlog

from controller.api.v2 import names
from controller.api.v2.cluster import CassandraCluster
from controller.domain import conditions, pause, streaming
from controller.domain.actions import (
    Action,
    Hold,
    MarkOperation,
    NoteLeaving,
    NoteResize,
    OperationStep,
    RunOperation,
    StopOperation,
    Wait,
    Write,
)
from controller.domain.conditions import Finding
from controller.domain.errors import (
    ConflictError,
    NotFoundError,
    NotLeadingError,
    OperatorError,
    TerminalError,
    TransientError,
)
from controller.domain.observed import Observed
from controller.domain.plan import plan
from controller.domain.status import corrected, status
from controller.executors.base import Executor, Written
from controller.kube import kinds
from controller.kube.client import KubeClient
from controller.reconcile.accepted import Chosen, accepted_text, choose, facts_of
from controller.reconcile.caught_up import CaughtUp
from controller.reconcile.deletion import Deletion
from controller.reconcile.finish import Finisher
from controller.reconcile.observe import Observer
from controller.reconcile.ours import by_rack
from controller.reconcile.resizing import with_copies
from controller.reconcile.stores import BY_CLUSTER, Object, Stores
from controller.reconcile.takeover import CassKop
from controller.reconcile.trail import NoTrail, Trail
from controller.reconcile.wish import Wish
from controller.runtime.inquiries import Asking
from controller.runtime.store import Key
from controller.runtime.workers import After, Done, Pending, Result

log = structlog.get_logger(__name__)

# How soon to look again whether CassKop has gone; no event tells of that.
CASSKOP_SECONDS = 10.0


@attrs.frozen(kw_only=True)
class _Seen:
    """What one reconcile went by, and what it decided."""

    wish: Wish
    observed: Observed
    actions: tuple[Action, ...]


@attrs.frozen(kw_only=True)
class ClusterReconciler:
    """Reconciles one key at a time; one object serves all workers, and holds nothing about any cluster."""

    client: KubeClient
    stores: Stores
    observer: Observer
    executor: Executor
    finisher: Finisher
    caught_up: CaughtUp
    deletion: Deletion
    casskop: CassKop
    trail: Trail = attrs.field(factory=NoTrail)

    def reconcile(self, key: Key) -> Result:
        """Take the next step for the cluster called *key*; its nodes are asked beside it, before that."""
        try:
            return self._reconcile(key)
        except Asking as asking:
            return Pending(seconds=asking.seconds, why="its nodes are being asked")

    def _reconcile(self, key: Key) -> Result:
        obj = self.stores.clusters.get(key)
        if obj is None:
            self.caught_up.forget(key)
            self.observer.forget(key)
            return Done(why="the cluster is gone")
        other = self.casskop.leads(key.namespace)
        if other is not None:
            # Nothing is written either: the status is CassKop's meanwhile.
            return After(seconds=CASSKOP_SECONDS, why=f"CassKop leads in pod {other}: stop it first")
        if pause.paused(obj["metadata"].get("annotations") or {}):
            return self._paused(key, obj)
        if obj["metadata"].get("deletionTimestamp"):
            return self.deletion.step(key, obj)
        behind = self.caught_up.behind(key)
        if behind is not None:
            return After(seconds=behind, why="the stores do not show our last writes yet")
        if self._outdated(key, obj):
            return self._reconcile(key)
        return self._step(key, obj)

    def _outdated(self, key: Key, obj: Object) -> bool:
        """Tell whether the store has another version of *obj* by now: it came, or was read live just now."""
        return self.stores.clusters.version(key) != str(obj["metadata"]["resourceVersion"])

    def _step(self, key: Key, obj: Object) -> Result:
        chosen = choose(obj, lambda cluster: facts_of(cluster, self.stores))
        cluster = chosen.cluster
        if not chosen.usable:
            self._finish(key, chosen)
            return Done(why="the spec is refused")
        seen: _Seen | None = None
        done: list[str] = []
        try:
            for written in self.deletion.prepare(cluster, obj):
                self._wrote(key, written)
            if chosen.remember is not None:
                self._remember(key, chosen.remember)
            wish, observed = self.observer.observe(cluster, chosen.leaving)
            seen = _Seen(wish=wish, observed=observed, actions=plan(wish.desired, observed))
            self.trail.decided(key, seen.actions)
            self._act(key, cluster, seen, done)
        except (NotLeadingError, Asking):
            raise
        except Exception as failure:
            self._finish_failed(key, chosen, seen, failure)
            raise
        self._finish(key, chosen, seen)
        return _result(seen.actions, tuple(done))

    def _paused(self, key: Key, obj: Object) -> Result:
        """Say what is seen of a cluster in which nothing may be changed, without a word in events.

        A deletion waits, too: its volumes may be why somebody paused it.
        """
        behind = self.caught_up.behind(key)
        if behind is not None:
            return After(seconds=behind, why="the stores do not show our last writes yet")
        if self._outdated(key, obj):
            return self._reconcile(key)
        chosen = choose(obj, lambda cluster: facts_of(cluster, self.stores))
        seen: _Seen | None = None
        if chosen.usable:
            wish, observed = self.observer.observe(chosen.cluster, chosen.leaving)
            seen = _Seen(wish=wish, observed=observed, actions=(pause.hold(),))
        self._finish(key, chosen, seen)
        return Done(why=pause.hold().why)

    def _act(self, key: Key, cluster: CassandraCluster, seen: _Seen, done: list[str]) -> None:
        """Carry out the planned writes, in order, and note each in *done*; stop at the first failure."""
        if any(not isinstance(action, Wait | Hold) for action in seen.actions):
            self._require_alive(cluster)
        news = [action for action in seen.actions if _is_ask(action) and not action.again]
        for action in seen.actions:
            if isinstance(action, Write):
                written = self.executor.run(action, seen.wish.bodies)
                if written is not None:
                    self._wrote(key, written)
                self.trail.did(key, action)
                done.append(_name(action))
                # That it begins was told when that was noted, and that it stopped will be.
                if not isinstance(action, RunOperation | StopOperation):
                    self._tell(cluster, action, news)
            elif isinstance(action, NoteLeaving):
                # It is written with the rest of status, at the end.
                self.trail.did(key, action)
                done.append(action.step.value)
                self.finisher.did(cluster, action=action.step.value, why=action.why)
            elif isinstance(action, NoteResize):
                self.trail.did(key, action)
                done.append(type(action).__name__)
                self.finisher.did(cluster, action=type(action).__name__, why=action.why)

    def _tell(self, cluster: CassandraCluster, action: Write, news: Sequence[MarkOperation]) -> None:
        """Tell what was done, and only once what is asked of many nodes: the *news* of this step."""
        why = action.why
        if _is_ask(action):
            if not news or action is not news[0]:
                return
            why += f" (and so on {len(news) - 1} more)" if len(news) > 1 else ""
        failed = isinstance(action, MarkOperation) and action.step is OperationStep.FAILED
        self.finisher.did(cluster, action=_name(action), why=why, failed=failed)

    def _require_alive(self, cluster: CassandraCluster) -> None:
        """Raise `ConflictError` unless the cluster is there: a store that lags shows some that are gone.

        What would be made for one of those would stand in the way of the next of that name.
        """
        try:
            live = self.client.get(kinds.CASSANDRA_CLUSTER, cluster.namespace, cluster.name)["metadata"]
        except NotFoundError:
            raise ConflictError(f"CassandraCluster {cluster.name} is gone") from None
        if live["uid"] != cluster.metadata.uid or live.get("deletionTimestamp"):
            raise ConflictError(f"CassandraCluster {cluster.name} is being deleted, or is another one by now")

    def _finish(
        self,
        key: Key,
        chosen: Chosen,
        seen: _Seen | None = None,
        failure: Exception | None = None,
    ) -> None:
        """Write status and conditions: what was *chosen*, and what *seen* and *failure* come to."""
        cluster, found = chosen.cluster, list(chosen.found)
        new, now, generation = cluster.status, self.observer.now(), cluster.metadata.generation
        if seen is not None:
            new = status(cluster.status, seen.wish.desired, seen.observed, seen.actions)
            new = attrs.evolve(new, seed_list=seen.wish.seeds)
            live = by_rack(self.stores.statefulsets.find(BY_CLUSTER, key), cluster)
            new = with_copies(new, seen.actions, live)
            seen_so = conditions.findings(
                seen.wish.desired, seen.observed, seen.actions, edit_refused=chosen.refused, status=new
            )
            found = [*seen_so, *found]
        refused = conditions.not_carried_out(seen.actions) if seen is not None else None
        if refused is not None and not chosen.refused and chosen.pending is None:
            found.append(refused)
        if chosen.refused or refused is not None:
            new = corrected(new)
        new = attrs.evolve(new, pending_change=chosen.pending)
        if failure is None:
            new = attrs.evolve(new, observed_generation=generation)
        else:
            found = [*found, *_failure(failure)]
        is_paused = pause.paused(cluster.metadata.annotations)
        if is_paused or any(c.type == pause.REASON for c in cluster.status.conditions):
            found = [*found, pause.finding(is_paused=is_paused)]
        merged = conditions.merge(cluster.status.conditions, found, generation=generation, now=now)
        written = self.finisher.finish(cluster, attrs.evolve(new, conditions=merged), quiet=is_paused)
        if written is not None:
            self._wrote(key, written)
            told = streaming.news(cluster.status.streaming, new.streaming)
            if told is not None:
                self.finisher.did(cluster, action="Streams", why=told)

    def _finish_failed(
        self,
        key: Key,
        chosen: Chosen,
        seen: _Seen | None,
        failure: Exception,
    ) -> None:
        """Say in status that a step failed. If that fails too, the first failure is the one to tell.

        Who was just asked to wait by the API server does not write it: that would be no waiting.
        """
        if isinstance(failure, TransientError) and failure.retry_after is not None:
            return
        try:
            self._finish(key, chosen, seen, failure)
        except OperatorError as error:
            log.warning("status is not written", error=str(error))

    def _remember(self, key: Key, obj: Object) -> None:
        """Keep the accepted spec in CassKop's annotation, for the day when an edit is refused.

        It comes before anything is made from the spec: what is half done must not be undone by a refusal.
        """
        wanted = accepted_text(obj)
        if (obj["metadata"].get("annotations") or {}).get(names.LAST_APPLIED) == wanted:
            return
        patch = {"metadata": {"annotations": {names.LAST_APPLIED: wanted}}}
        stored = self.client.merge_patch(
            kinds.CASSANDRA_CLUSTER, key.namespace, key.name, patch, uid=obj["metadata"]["uid"]
        )
        self._wrote(key, Written.of(kinds.CASSANDRA_CLUSTER, stored))

    def _wrote(self, key: Key, written: Written) -> None:
        self.caught_up.expect(key, written)


def _is_ask(action: Action) -> TypeGuard[MarkOperation]:
    """Tell whether *action* asks a node for what is due on many."""
    return isinstance(action, MarkOperation) and action.step is OperationStep.ASK


def _name(action: Write) -> str:
    """Return the word for *action* in events and logs."""
    return action.step.value if isinstance(action, MarkOperation) else type(action).__name__


def _failure(failure: Exception) -> list[Finding]:
    """Return what conditions say of *failure*; what is no known class is a bug, whose text is for the log."""
    match failure:
        case TerminalError():
            return conditions.stopped(str(failure))
        case OperatorError():
            return [conditions.failed(str(failure))]
        case _:
            name = type(failure).__name__
            return [conditions.failed(f"a bug of the operator ({name}), whose log says more")]


def _result(actions: tuple[Action, ...], done: tuple[str, ...]) -> Result:
    """Return when to look again if no event comes first."""
    seconds = [a.seconds for a in actions if isinstance(a, Wait | Hold) and a.seconds is not None]
    why = actions[0].why if actions else "everything is as the spec asks for"
    if seconds:
        return After(seconds=min(seconds), actions=done, why=why)
    return Done(actions=done, why=why)
