"""
A model of a cluster that does as it is told, in values: for tests of the planner.

It knows what a StatefulSet controller, a kubelet and Cassandra make of each action, one stage at a time,
and nothing of HTTP. A pod goes through *absent, pending, starting, joining, seen-late, member*; one that
was a member before does not join again, and is a member to its peers all the time, up or down.
"""

from __future__ import annotations

from collections.abc import Mapping
import datetime as dt
import hashlib

import attrs

from controller.domain.actions import Action, ApplyObject, ApplyStatefulSet, DeletePod, RestartPod
from controller.domain.availability import Keyspace, Place
from controller.domain.desired import Desired, DesiredRack, Rollout
from controller.domain.observed import Container, Observed, Pod, Rack, SharedObject, StatefulSet
from controller.domain.ownership import Ownership
from controller.domain.ring import Mode, Ring, View

NOW = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
LONG_AGO = NOW - dt.timedelta(hours=1)
STAGES = ("absent", "pending", "starting", "joining", "seen-late", "member")
TOKENS = 3


@attrs.frozen(kw_only=True)
class RackModel:
    """One rack: the StatefulSet's size and template, and each pod's stage and template."""

    replicas: int
    template: str
    stages: tuple[str, ...]
    templates: tuple[str, ...]


@attrs.frozen(kw_only=True)
class World:
    """What exists; *broken* names templates whose pods crash at their first step.

    *joined* holds rack and ordinal of each pod that was ever a member, *restarts* what was restarted.
    """

    racks: Mapping[str, RackModel] = attrs.field(factory=dict)
    shared: Mapping[str, str] = attrs.field(factory=dict)
    broken: frozenset[str] = frozenset()
    keyspaces: tuple[Keyspace, ...] = ()
    joined: frozenset[tuple[str, int]] = attrs.field()
    restarts: tuple[str, ...] = ()

    @joined.default
    def _members(self) -> frozenset[tuple[str, int]]:
        return frozenset(self.at("member"))

    def at(self, *stages: str) -> list[tuple[str, int]]:
        """Return the pods, by rack and ordinal, that are at one of *stages*."""
        return [
            (name, ordinal)
            for name, rack in self.racks.items()
            for ordinal, stage in enumerate(rack.stages)
            if stage in stages
        ]

    def unfinished(self) -> list[tuple[str, int]]:
        """Return the pods, by rack and ordinal, that have further to go."""
        return [
            (name, ordinal)
            for name, rack in self.racks.items()
            for ordinal, stage in enumerate(rack.stages)
            if stage != "member" and (stage != "pending" or rack.templates[ordinal] not in self.broken)
        ]

    def advance(self, name: str, ordinal: int) -> World:
        """Move one pod to its next stage."""
        rack = self.racks[name]
        stage = rack.stages[ordinal]
        templates = list(rack.templates)
        if stage == "absent":
            templates[ordinal] = rack.template
        stages = list(rack.stages)
        following = STAGES[STAGES.index(stage) + 1]
        alone = not any("member" in r.stages for r in self.racks.values())
        if following == "joining" and (name, ordinal) in self.joined:
            following = "seen-late"
        # The first node of a ring has no peers that could learn of it late.
        stages[ordinal] = "member" if alone and following == "seen-late" else following
        moved = attrs.evolve(rack, stages=tuple(stages), templates=tuple(templates))
        joined = self.joined | ({(name, ordinal)} if stages[ordinal] == "member" else frozenset())
        return attrs.evolve(self, racks={**self.racks, name: moved}, joined=joined)

    def after(self, action: Action, desired: Desired) -> World:
        """Return what is stored right after *action*; nothing has moved on yet."""
        match action:
            case ApplyObject(kind=kind, name=name):
                key = f"{kind}/{name}"
                return attrs.evolve(self, shared={**self.shared, key: desired.shared[key]})
            case ApplyStatefulSet(rack=name, replicas=replicas):
                want = next(rack for rack in desired.racks if rack.name == name)
                old = self.racks.get(name, RackModel(replicas=0, template="", stages=(), templates=()))
                more = replicas - len(old.stages)
                new = RackModel(
                    replicas=replicas,
                    template=want.template_hash,
                    stages=old.stages + ("absent",) * more,
                    templates=old.templates + ("",) * more,
                )
                return attrs.evolve(self, racks={**self.racks, name: new})
            case DeletePod(pod=pod) | RestartPod(pod=pod):
                name, ordinal = find(pod, desired)
                rack = self.racks[name]
                stages = list(rack.stages)
                stages[ordinal] = "absent"
                restarts = (pod,) if isinstance(action, RestartPod) else ()
                return attrs.evolve(
                    self,
                    racks={**self.racks, name: attrs.evolve(rack, stages=tuple(stages))},
                    restarts=self.restarts + restarts,
                )
            case _:
                return self

    def observed(self, desired: Desired, *, ownership: bool = False) -> Observed:
        """Return the snapshot that an observer would make of this world, if need be with *ownership*."""
        racks = {r.name: self._rack(r) for r in desired.racks if r.name in self.racks}
        pods = [pod for rack in racks.values() for pod in rack.pods]
        places = {
            (r.name, i): address(r, i)
            for r in desired.racks
            if r.name in self.racks
            for i in range(len(self.racks[r.name].stages))
        }
        up = {places[p] for p in self.at("seen-late", "member")}
        known = {places[p] for p in (*self.at("joining", "seen-late", "member"), *self.joined)}
        late = set(self.at("seen-late"))
        old = frozenset(places[p] for p in self.joined)
        joining = frozenset(places[p] for p in late - self.joined)
        down = old - up | {places[p] for p in late & self.joined}
        answers = {
            p.name: View(
                mode=Mode.NORMAL,
                native_transport=True,
                release_version="5.0.9",
                host_ids={ip: f"id-{self._name(desired, ip)}" for ip in sorted(known)},
                joining=joining - {str(p.ip)},
                unreachable=down - {str(p.ip)},
            )
            for p in pods
            if p.ready
        }
        return Observed(
            now=NOW,
            racks=racks,
            shared={key: SharedObject(hash=value) for key, value in self.shared.items()},
            ring=Ring(answers=answers),
            joined=frozenset(
                f"{r.statefulset}-{i}" for r in desired.racks for n, i in self.joined if n == r.name
            ),
            ownership=self.ownership(desired) if ownership else None,
        )

    def ownership(self, desired: Desired) -> Ownership:
        """Return who owns what, as any node would tell it."""
        racks = {r.name: r for r in desired.racks}
        owners = {(rack, i): address(racks[rack], i) for rack, i in sorted(self.joined)}
        tokens: dict[int, str] = {}
        for (rack, i), owner in owners.items():
            for k in range(TOKENS):
                digest = hashlib.sha256(f"{rack} {i} {k}".encode()).digest()
                tokens[int.from_bytes(digest[:7], "big")] = owner
        return Ownership(
            tokens=tokens,
            places={ip: Place(dc=rack.partition("-")[0], rack=rack) for (rack, _), ip in owners.items()},
            keyspaces=self.keyspaces,
        )

    def _name(self, desired: Desired, ip: str) -> str:
        rack, ordinal = ip.split(".")[2:]
        return f"{desired.racks[int(rack)].statefulset}-{ordinal}"

    def _rack(self, want: DesiredRack) -> Rack:
        model = self.racks[want.name]
        pods = tuple(
            self._pod(want, ordinal) for ordinal, stage in enumerate(model.stages) if stage != "absent"
        )
        statefulset = StatefulSet(
            name=want.statefulset,
            uid=f"uid-{want.name}",
            resource_version="1",
            generation=1,
            observed_generation=1,
            replicas=model.replicas,
            template_hash=model.template,
            template_revision=1,
            update_revision=model.template,
            on_delete=True,
        )
        return Rack(statefulset=statefulset, pods=pods)

    def _pod(self, want: DesiredRack, ordinal: int) -> Pod:
        model = self.racks[want.name]
        stage, template = model.stages[ordinal], model.templates[ordinal]
        running = stage in ("joining", "seen-late", "member")
        crashes = template in self.broken
        container = Container(
            name="cassandra",
            running=running,
            started=stage in ("joining", "seen-late", "member"),
            reason="CrashLoopBackOff" if crashes else None,
            restarts=1 if crashes else 0,
            exit_code=1 if crashes else None,
        )
        return Pod(
            name=f"{want.statefulset}-{ordinal}",
            uid=f"uid-{want.statefulset}-{ordinal}",
            ordinal=ordinal,
            phase="Running" if running else "Pending",
            ip=address(want, ordinal),
            node="node",
            revision=template,
            created=LONG_AGO,
            ready=stage in ("seen-late", "member"),
            containers=(container,),
        )


def desired(
    sizes: tuple[int, ...],
    *,
    template: str = "t1",
    first_pods_first: bool = True,
    rollout: Rollout | None = None,
    partitions: Mapping[int, int] | None = None,
) -> Desired:
    """Return what a spec with one DC and these rack sizes asks for; *partitions* are by rack."""
    racks = tuple(
        DesiredRack(
            name=f"dc1-rack{i}",
            path=f"spec.topology.dc[0].rack[{i}]",
            replicas=size,
            template_hash=template,
            statefulset=f"demo-dc1-rack{i}",
            partition=(partitions or {}).get(i, 0),
            recipe=template,
        )
        for i, size in enumerate(sizes)
    )
    return Desired(
        name="demo",
        racks=racks,
        shared={"Service/demo": "h1", "PodDisruptionBudget/demo": "h2"},
        first_pods_first=first_pods_first,
        rollout=rollout or Rollout(),
    )


def address(want: DesiredRack, ordinal: int) -> str:
    """Return the address that a pod keeps over its restarts."""
    return f"10.0.{want.path[-2]}.{ordinal}"


def find(pod: str, wanted: Desired) -> tuple[str, int]:
    """Return the rack and ordinal of the pod called *pod*."""
    statefulset, _, ordinal = pod.rpartition("-")
    return next(r.name for r in wanted.racks if r.statefulset == statefulset), int(ordinal)
