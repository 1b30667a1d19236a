"""
A model of a cluster whose racks grow and shrink as told, in values: for tests of the planner.

A place goes through *absent, pending, starting, joining, member, leaving, left*; one that was taken away is
*stopping* until its pod is gone. Status is kept as the operator writes it, and is all that it remembers.
What no cluster may be told is an `AssertionError`.
"""

from __future__ import annotations

from collections.abc import Mapping
import datetime as dt

import attrs

from controller.api.v2.cluster import ClusterStatus
from controller.domain import leaving_status
from controller.domain.actions import (
    Action,
    ApplyObject,
    ApplyStatefulSet,
    Decommission,
    DeleteClaim,
    DeleteStatefulSet,
    ShrinkStatefulSet,
)
from controller.domain.availability import Keyspace, Place
from controller.domain.desired import Desired, DesiredRack
from controller.domain.leaving import forgotten
from controller.domain.observed import Claim, Container, Observed, Pod, Rack, SharedObject, StatefulSet
from controller.domain.ownership import Ownership
from controller.domain.plan import needs_ownership, plan
from controller.domain.ring import Mode, Ring, View
from controller.domain.status import status
from unit_tests.domain.obedient import NOW

NEXT = {
    "absent": "pending",
    "pending": "starting",
    "starting": "joining",
    "joining": "member",
    "leaving": "left",
}
IN_RING = ("joining", "member", "leaving")
_MODES = {
    "joining": Mode.JOINING,
    "member": Mode.NORMAL,
    "leaving": Mode.LEAVING,
    "left": Mode.DECOMMISSIONED,
}
Spot = tuple[str, int]


@attrs.frozen(kw_only=True)
class Cluster:
    """*sizes* of the StatefulSets, the stage of each place, and the *claims* by pod.

    *lives* counts the nodes that a place has had: each has a host id of its own. *asked* counts the
    decommissions.
    """

    sizes: Mapping[str, int] = attrs.field(factory=dict)
    places: Mapping[Spot, str] = attrs.field(factory=dict)
    claims: frozenset[str] = frozenset()
    lives: Mapping[Spot, int] = attrs.field(factory=dict)
    keyspaces: tuple[Keyspace, ...] = ()
    recorded: frozenset[str] = frozenset()
    shared: Mapping[str, str] = attrs.field(factory=dict)
    status: ClusterStatus = attrs.field(factory=ClusterStatus)
    # What each node holds, in bytes.
    load: int = 0
    clock: int = 0
    asked: int = 0

    @classmethod
    def running(cls, want: Desired, *, keyspaces: tuple[Keyspace, ...] = ()) -> Cluster:
        """Return a cluster that is as *want* asks for."""
        places = {(r.name, i): "member" for r in want.racks for i in range(r.replicas)}
        world = cls(
            sizes={r.name: r.replicas for r in want.racks if r.replicas},
            places=places,
            claims=frozenset(f"{r.statefulset}-{i}" for r in want.racks for i in range(r.replicas)),
            lives=dict.fromkeys(places, 1),
            keyspaces=keyspaces,
            recorded=frozenset(f"{r.statefulset}-{i}" for r in want.racks for i in range(r.replicas)),
            shared=want.shared,
        )
        seen = world.observed(want)
        return attrs.evolve(world, status=status(world.status, want, seen, ()))

    def step(self, want: Desired) -> tuple[Cluster, tuple[Action, ...]]:
        """Plan, carry out the first thing to be done, and write status; return the plan as well."""
        seen = self.observed(want)
        if needs_ownership(want, seen):
            seen = attrs.evolve(seen, ownership=self.ownership(want))
        actions = plan(want, seen)
        world = self
        for action in actions:
            world = world.after(action, want, seen)
            if world is not self:
                break
        written = status(self.status, want, seen, actions)
        # As the ring's ConfigMap, which is written before status.
        recorded = (self.recorded | seen.joined) - seen.gone
        return attrs.evolve(world, status=written, recorded=recorded, clock=self.clock + 1), actions

    def after(self, action: Action, want: Desired, seen: Observed) -> Cluster:
        """Return what is stored right after *action*."""
        match action:
            case ApplyObject(kind=kind, name=name):
                key = f"{kind}/{name}"
                return attrs.evolve(self, shared={**self.shared, key: want.shared[key]})
            case ApplyStatefulSet(rack=rack, replicas=replicas):
                old = self.sizes.get(rack, 0)
                assert replicas in (old, old + 1), action
                assert replicas == old or not self.moving(), "one at a time"
                spot = (rack, old)
                pod = self._pod_name(spot, want)
                known = self.recorded | frozenset(self.status.cassandra_node_status)
                # Else the next node in this place would pass for the one that left.
                assert replicas == old or pod in self.claims or pod not in known, f"{pod} is on record"
                more = {spot: self.places.get(spot, "absent")} if replicas > old else {}
                return attrs.evolve(
                    self, sizes={**self.sizes, rack: replicas}, places={**self.places, **more}
                )
            case Decommission(rack=rack, pod=pod):
                spot = (rack, int(pod.rpartition("-")[2]))
                assert self.places[spot] in ("member", "leaving"), action
                others = [s for s, stage in self.places.items() if s != spot and stage != "member"]
                assert not others, f"{others} were not members when {pod} was told to leave"
                return attrs.evolve(self, places={**self.places, spot: "leaving"}, asked=self.asked + 1)
            case ShrinkStatefulSet(rack=rack, replicas=replicas):
                spot = (rack, replicas)
                assert self.sizes[rack] == replicas + 1, action
                assert self.places[spot] not in ("member", "leaving"), action
                places = dict(self.places)
                if places[spot] == "absent":
                    del places[spot]
                else:
                    places[spot] = "stopping"
                return attrs.evolve(self, sizes={**self.sizes, rack: replicas}, places=places)
            case DeleteClaim(pod=pod):
                assert pod not in {p.name for p in seen.pods()}, action
                return attrs.evolve(self, claims=self.claims - {pod})
            case DeleteStatefulSet(rack=rack):
                assert not self.sizes[rack], action
                sizes = {name: size for name, size in self.sizes.items() if name != rack}
                return attrs.evolve(self, sizes=sizes)
            case _:
                return self

    def moving(self) -> list[Spot]:
        """Return the places that are on their way in or out."""
        return [spot for spot, stage in self.places.items() if stage != "member"]

    def advance(self, spot: Spot, want: Desired) -> Cluster:
        """Let one place take its next stage, as far as it has one."""
        stage = self.places[spot]
        places, lives, claims = dict(self.places), dict(self.lives), self.claims
        if stage == "stopping":
            del places[spot]
        elif stage in NEXT:
            places[spot] = NEXT[stage]
        if stage == "absent":
            claims |= {self._pod_name(spot, want)}
        if stage == "starting":
            lives[spot] = lives.get(spot, 0) + 1
        return attrs.evolve(self, places=places, lives=lives, claims=claims)

    def crashed(self, spot: Spot) -> Cluster:
        """Let the process of a place that leaves begin anew: it is a member as it was before."""
        return attrs.evolve(self, places={**self.places, spot: "member"})

    def ready_to_move(self) -> list[Spot]:
        """Return the places that have a next stage."""
        return [s for s, stage in self.places.items() if stage in NEXT or stage == "stopping"]

    def observed(self, want: Desired) -> Observed:
        """Return the snapshot that an observer would make."""
        racks = {name: self._rack(name, want) for name in self._names(want)}
        known = {self._address(s): self._host_id(s) for s, stage in self.places.items() if stage in IN_RING}
        views = {
            self._pod_name(spot, want): View(
                mode=Mode.NORMAL,
                native_transport=True,
                release_version="5.0.9",
                host_ids=known,
                joining=frozenset(self._address(s) for s, at in self.places.items() if at == "joining"),
                leaving=frozenset(self._address(s) for s, at in self.places.items() if at == "leaving"),
            )
            for spot, stage in self.places.items()
            if stage == "member"
        }
        nodes = self.status.cassandra_node_status
        seen = Observed(
            now=NOW + dt.timedelta(seconds=5 * self.clock),
            racks=racks,
            shared={key: SharedObject(hash=value) for key, value in self.shared.items()},
            ring=Ring(answers=views),
            joined=self.recorded | frozenset(nodes),
            recorded=self.recorded,
            hosts={pod: node.host_id for pod, node in nodes.items() if node.host_id},
            loads=dict.fromkeys(views, self.load),
            leaving=leaving_status.leaving(self.status.cassandra_rack_status),
        )
        if seen.leaving is not None:
            seen = attrs.evolve(seen, leaver=self._word_of(seen.leaving.pod, want, views))
        gone = forgotten(seen)
        return attrs.evolve(seen, gone=gone, joined=(seen.joined | seen.members()) - gone)

    def ownership(self, want: Desired) -> Ownership:
        """Return who owns what, as any node would tell it."""
        owners = [s for s, stage in sorted(self.places.items()) if stage in ("member", "leaving")]
        return Ownership(
            tokens={i: self._address(spot) for i, spot in enumerate(owners)},
            places={self._address(s): Place(dc=s[0].partition("-")[0], rack=s[0]) for s in owners},
            keyspaces=self.keyspaces,
        )

    def _names(self, want: Desired) -> list[str]:
        return sorted({*self.sizes, *(rack for rack, _ in self.places)})

    def _word_of(self, pod: str, want: Desired, views: Mapping[str, View]) -> View | None:
        spot = next((s for s in self.places if self._pod_name(s, want) == pod), None)
        mode = _MODES.get(self.places[spot]) if spot is not None else None
        if mode is None:
            return None
        view = next(
            iter(views.values()),
            View(mode=mode, native_transport=False, release_version="5.0.9", host_ids={}),
        )
        return attrs.evolve(view, mode=mode)

    def _pod_name(self, spot: Spot, want: Desired) -> str:
        return f"{want.name}-{spot[0]}-{spot[1]}"

    def _address(self, spot: Spot) -> str:
        return f"{spot[0]}.{spot[1]}.{self.lives.get(spot, 0)}"

    def _host_id(self, spot: Spot) -> str:
        return f"host-{self._address(spot)}"

    def _rack(self, name: str, want: Desired) -> Rack:
        asked: DesiredRack | None = next((r for r in want.racks if r.name == name), None)
        template = asked.template_hash if asked is not None else "t1"
        spots = sorted(spot for spot in self.places if spot[0] == name)
        pods = tuple(self._pod(s, want, template) for s in spots if self.places[s] != "absent")
        prefix = f"{want.name}-{name}-"
        claims = tuple(
            Claim(name=f"data-{pod}", uid=f"uid-{pod}", phase="Bound", storage_class=None, capacity="1Gi")
            for pod in sorted(self.claims)
            if pod.startswith(prefix)
        )
        if name not in self.sizes:
            return Rack(pods=pods, claims=claims)
        statefulset = StatefulSet(
            name=f"{want.name}-{name}",
            uid=f"uid-{name}",
            resource_version="1",
            generation=1,
            observed_generation=1,
            replicas=self.sizes[name],
            template_hash=template,
            template_revision=1,
            update_revision=template,
            on_delete=True,
        )
        return Rack(statefulset=statefulset, pods=pods, claims=claims)

    def _pod(self, spot: Spot, want: Desired, template: str) -> Pod:
        stage = self.places[spot]
        runs = stage in _MODES
        return Pod(
            name=self._pod_name(spot, want),
            uid=f"uid-{self._pod_name(spot, want)}",
            ordinal=spot[1],
            phase="Running" if runs else "Pending",
            ip=self._address(spot) if runs else None,
            node="node",
            revision=template,
            created=NOW,
            terminating=stage == "stopping",
            ready=stage == "member",
            containers=(Container(name="cassandra", running=runs, started=runs),),
        )
