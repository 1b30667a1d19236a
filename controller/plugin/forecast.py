"""
What the operator will do with a cluster, step by step, until nothing is left to do or nobody can go on.

Every step is decided by the operator's own code: its reading of the spec, its judgement of changes, its
snapshot, its plan. Only what follows from a step is a model (`controller.plugin.model`). So a forecast is
right about what is done and in which order, as long as pods start and nodes do what they are asked.
"""

from __future__ import annotations

from collections.abc import Iterator
import datetime as dt
import statistics
from typing import Final

import attrs

from controller.api.v2 import names
from controller.api.v2.codec import encode_status
from controller.builders.context import Images
from controller.builders.places import places
from controller.domain import pause
from controller.domain.actions import (
    Action,
    ApplyObject,
    ApplyStatefulSet,
    Decommission,
    DeleteObject,
    GrowClaim,
    Hold,
    MarkOperation,
    NoteLeaving,
    NoteResize,
    RestartPod,
    RunOperation,
    ShrinkStatefulSet,
    StartRack,
    StopRack,
    Wait,
    Write,
)
from controller.domain.conditions import IGNORED
from controller.domain.observed import Pod
from controller.domain.plan import plan
from controller.domain.status import corrected, status
from controller.kube import kinds
from controller.kube.client import KubeClient
from controller.plugin.model import Model
from controller.plugin.model_nodes import ModelNodes
from controller.plugin.session import Object
from controller.plugin.world import Shelf, World, removing, without_removals
from controller.reconcile import snapshot
from controller.reconcile.accepted import Chosen, accepted_text, choose, facts_of
from controller.reconcile.credentials import Logins
from controller.reconcile.observe import Observer
from controller.reconcile.ours import by_rack
from controller.reconcile.questions import Questions
from controller.reconcile.resizing import with_copies
from controller.reconcile.stores import BY_CLUSTER
from controller.runtime.clock import RealClock
from controller.runtime.inquiries import Inquiries, on_the_spot
from controller.runtime.store import Key

# Looks at the model before a forecast is given up: a cluster takes a handful for each node.
_LOOKS: Final = 4000
# Looks in which only this is done over and over: the model does not follow what is wanted of it.
_SAME: Final = 3
# Looks that only change status before it is over: what is noted in one may be acted upon in the next.
_IDLE: Final = 3


@attrs.frozen(kw_only=True)
class Step:
    """One action: its kind, what it is done to, and why, in the operator's words."""

    action: str
    target: str
    why: str


@attrs.frozen(kw_only=True)
class Forecast:
    """
    What will be done, and where it ends.

    *refused* are parts of the spec that are not carried out; *holds* wait for a person, *waits* for what the
    model does not bring about. With neither, and nothing *unknown*, the cluster ends as the spec asks.
    *before* and *after* are the sizes of the racks; *seconds* is how long starts of nodes take in all, None
    if no pod tells.
    """

    steps: tuple[Step, ...]
    refused: tuple[str, ...] = ()
    holds: tuple[Hold, ...] = ()
    waits: tuple[Wait, ...] = ()
    unknown: str | None = None
    assumed: tuple[str, ...] = ()
    restarts: tuple[str, ...] = ()
    joins: tuple[str, ...] = ()
    leaves: tuple[str, ...] = ()
    seconds: float | None = None

    @property
    def clear(self) -> bool:
        """Whether it ends as the spec asks for, all of it."""
        return not (self.refused or self.holds or self.waits or self.unknown)


@attrs.frozen(kw_only=True)
class Look:
    """One look of the operator's: what it goes by, what it would do, and whether it says anything new."""

    chosen: Chosen
    actions: tuple[Action, ...]
    news: bool = False


class Operator:
    """The operator's decisions about *world*, on a model; if *approving*, edits do not wait for anybody."""

    def __init__(self, world: World, now: dt.datetime, *, approving: bool = False) -> None:
        self.model = Model(without_removals(world), now)
        self._approving = approving
        # The hash of the edit whose approval was supposed.
        self.approved: str | None = None
        # Users' ConfigMaps are in no bundle.
        partly = frozenset({kinds.CONFIG_MAP.plural} if world.taken is not None else ())
        client = KubeClient(Shelf(self.model.there, partly), fence=lambda: None)
        self._key = Key(world.namespace, world.name)
        # The model's nodes answer at once, so that nobody has to be woken.
        inquiries: Inquiries[Key] = Inquiries(wake=lambda _: None, clock=RealClock(), spawn=on_the_spot)
        self._questions = Questions(ModelNodes(self.model), inquiries)
        self._observer = Observer(
            client=client,
            stores=self.model.stores,
            questions=self._questions,
            logins=Logins(client, self.model.stores.secrets.version),
            images=Images(own=world.image or "casskop"),
            now=lambda: self.model.now,
            call=self.model.call,
        )

    def step(self) -> Look:
        """Decide once, and do what is decided."""
        model = self.model
        model.load()
        chosen = choose(model.cluster, lambda cluster: facts_of(cluster, model.stores))
        if self._approving and chosen.pending is not None:
            self.approved = chosen.pending.hash
            self._annotate(names.APPROVED, self.approved)
            chosen = choose(model.cluster, lambda cluster: facts_of(cluster, model.stores))
        if not chosen.usable:
            return Look(chosen=chosen, actions=())
        is_paused = pause.paused(chosen.cluster.metadata.annotations)
        if chosen.remember is not None and not is_paused:
            self._annotate(names.LAST_APPLIED, accepted_text(chosen.remember))
        with self._questions.look(self._key):
            wish, observed = self._observer.observe(chosen.cluster, chosen.leaving)
        actions = (pause.hold(),) if is_paused else plan(wish.desired, observed)
        live = by_rack(model.stores.statefulsets.find(BY_CLUSTER, self._key), chosen.cluster)
        for action in actions:
            if isinstance(action, Write):
                model.carry_out(action, wish.bodies)
        new = status(chosen.cluster.status, wish.desired, observed, actions)
        new = with_copies(new, actions, live)
        new = attrs.evolve(corrected(new) if chosen.refused else new, seed_list=wish.seeds)
        said = encode_status(new)
        news = said != encode_status(chosen.cluster.status)
        model.cluster = {**model.cluster, "status": said}
        self.racks = {rack.name: rack for rack in wish.desired.racks}
        return Look(chosen=chosen, actions=actions, news=news)

    def _annotate(self, name: str, text: str) -> None:
        metadata = self.model.cluster["metadata"]
        annotations = {**(metadata.get("annotations") or {}), name: text}
        self.model.cluster = {**self.model.cluster, "metadata": {**metadata, "annotations": annotations}}

    def settle(self) -> bool:
        """Let pods come up; tell whether anything changed."""
        return self.model.settle(self.racks)


def first(world: World, now: dt.datetime) -> Look:
    """Return what the operator decides about *world* as it is."""
    return Operator(world, now).step()


def forecast(world: World, now: dt.datetime, *, approving: bool = False) -> Forecast:
    """Return what the operator will do with *world*, whose cluster has the spec that is asked about.

    While *approving*, an edit that waits for approval is taken to be approved.
    """
    operator = Operator(world, now, approving=approving)
    steps: list[Step] = []
    last: tuple[Step, ...] = ()
    again = idle = 0
    look: Look | None = None
    unknown: str | None = None
    for _ in range(_LOOKS):
        look = operator.step()
        noted = [a for a in look.actions if not isinstance(a, Wait | Hold)]
        now_done = tuple(step_of(action) for action in noted)
        again = again + 1 if now_done and now_done == last else 0
        last = now_done
        if again >= _SAME:
            unknown = f"{now_done[0].action} {now_done[0].target} is decided again and again"
            break
        steps.extend(now_done)
        if not look.chosen.usable:
            break
        idle = 0 if operator.settle() or noted else idle + 1
        if idle and (not look.news or idle >= _IDLE):
            break
    else:
        unknown = f"no end after {_LOOKS} looks"
    assert look is not None or unknown is not None
    found = _summed(world, steps, look, unknown)
    if operator.approved is None:
        return found
    supposed = f"the edit is approved (kubectl casskop approve {world.name}, hash {operator.approved})"
    return attrs.evolve(found, assumed=(supposed, *found.assumed))


def _summed(world: World, steps: list[Step], look: Look | None, unknown: str | None) -> Forecast:
    chosen, actions = (look.chosen, look.actions) if look is not None else (None, ())
    made = {name for name, pod in _pods(world).items() if pod.ready}
    started = [s.target for s in steps if s.action in ("RestartPod", "DeletePod")]
    grown = list(_grown(world, steps))
    starts = [_start_seconds(pod) for pod in world.of(kinds.POD)]
    known = [s for s in starts if s is not None]
    count = len(started) + len(grown)
    return Forecast(
        steps=tuple(steps),
        refused=_refused(chosen) if chosen is not None else (),
        holds=tuple(a for a in actions if isinstance(a, Hold)),
        waits=() if unknown else tuple(a for a in actions if isinstance(a, Wait)),
        unknown=unknown,
        assumed=(*_ignored(chosen), *_assumed(world, steps, made)),
        restarts=tuple(started),
        joins=tuple(grown),
        leaves=tuple(s.target for s in steps if s.action == Decommission.__name__),
        seconds=statistics.median(known) * count if known and count else None,
    )


def _refused(chosen: Chosen) -> tuple[str, ...]:
    found = [f.message for f in chosen.found if f.type == "SpecAccepted" and not f.status]
    return tuple(found)


def _ignored(chosen: Chosen | None) -> tuple[str, ...]:
    """Return what is said of fields that are not known."""
    return tuple(f.message for f in chosen.found if f.reason == IGNORED) if chosen is not None else ()


def _assumed(world: World, steps: list[Step], ready: set[str]) -> Iterator[str]:
    """Yield what the forecast takes for granted and the operator will not."""
    kinds_of = {step.action for step in steps}
    if RestartPod.__name__ in kinds_of:
        yield "before each restart the operator proves from the ring that no quorum is lost, or waits"
    if Decommission.__name__ in kinds_of:
        yield "before a node leaves the operator checks that keyspaces have replicas enough without it"
    if GrowClaim.__name__ in kinds_of:
        yield "the storage gives volumes what they are asked for before anything else, under running nodes"
    if RunOperation.__name__ in kinds_of:
        yield "operations on nodes end well; how long they take is not known"
    if any(name not in ready for name in _pods(world)):
        yield "pods that start now come up"
    for pod in removing(world):
        yield f"{pod} is not asked to remove a node: only the nodes know who is dead"
    for plural, why in sorted(world.unread.items()):
        yield f"{plural} were not looked at: {why}"


def _pods(world: World) -> dict[str, Pod]:
    return {str(obj["metadata"]["name"]): snapshot.pod(obj) for obj in world.of(kinds.POD)}


def _grown(world: World, steps: list[Step]) -> Iterator[str]:
    """Yield the pods that come with larger StatefulSets, in their order."""
    sizes: dict[str, int] = {}
    # Pods may be without a StatefulSet for a moment; a rack that is stopped has places without pods.
    for obj in world.of(kinds.POD):
        there = names.ordinal(str(obj["metadata"]["name"])) + 1
        sizes[_rack(obj)] = max(there, sizes.get(_rack(obj), 0))
    sizes |= {_rack(obj): places(obj) for obj in world.of(kinds.STATEFULSET)}
    for step in steps:
        if step.action == ApplyStatefulSet.__name__:
            rack, _, size = step.target.partition(" to ")
            for ordinal in range(sizes.get(rack, 0), int(size)):
                yield f"{world.name}-{rack}-{ordinal}"
            sizes[rack] = max(int(size), sizes.get(rack, 0))
        elif step.action == ShrinkStatefulSet.__name__:
            rack, _, size = step.target.partition(" to ")
            sizes[rack] = int(size)


def _rack(obj: Object) -> str:
    return str((obj["metadata"].get("labels") or {}).get(names.DC_RACK))


def _start_seconds(pod: Object) -> float | None:
    """Return how long *pod* took from its creation until it was ready, None if it is not or was restarted."""
    state = pod.get("status") or {}
    if any(c.get("restartCount") for c in state.get("containerStatuses") or ()):
        return None
    ready: Object = next((c for c in state.get("conditions") or () if c["type"] == "Ready"), {})
    if ready.get("status") != "True":
        return None
    began = snapshot.instant(pod["metadata"].get("creationTimestamp"))
    ended = snapshot.instant(ready.get("lastTransitionTime"))
    return (ended - began).total_seconds() if began and ended else None


def step_of(action: Write | NoteLeaving | NoteResize) -> Step:
    """Return *action* as a line of a plan."""
    return Step(action=_name(action), target=_target(action), why=action.why)


def _name(action: Write | NoteLeaving | NoteResize) -> str:
    if isinstance(action, NoteLeaving | MarkOperation):
        return action.step.value
    return type(action).__name__


def _target(action: Write | NoteLeaving | NoteResize) -> str:
    """Return what *action* is done to, for people; sizes are part of it."""
    match action:
        case ApplyObject(kind=kind, name=name) | DeleteObject(kind=kind, name=name):
            return f"{kind} {name}"
        case (
            ApplyStatefulSet(rack=rack, replicas=replicas)
            | ShrinkStatefulSet(rack=rack, replicas=replicas)
            | StartRack(rack=rack, replicas=replicas)
        ):
            return f"{rack} to {replicas}"
        case StopRack(rack=rack):
            return f"{rack} to 0"
        case _:
            for field in ("claim", "pod", "statefulset", "rack", "name"):
                found = getattr(action, field, None)
                if found is not None:
                    return str(found)
            return ""
