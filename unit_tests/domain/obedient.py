"""
A model of a cluster that does as it is told, in values: for tests of the planner.

It knows what a StatefulSet controller, a kubelet and Cassandra make of each action, one stage at a time,
and nothing of HTTP. A pod goes through *absent, pending, starting, joining, seen-late, member*.
"""

from __future__ import annotations

from collections.abc import Mapping
import datetime as dt

import attrs

from controller.domain.actions import Action, ApplyObject, ApplyStatefulSet, DeletePod
from controller.domain.desired import Desired, DesiredRack
from controller.domain.observed import Container, Observed, Pod, Rack, SharedObject, StatefulSet
from controller.domain.ring import Mode, Ring, View

NOW = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
STAGES = ("absent", "pending", "starting", "joining", "seen-late", "member")


@attrs.frozen(kw_only=True)
class RackModel:
    """One rack: the StatefulSet's size and template, and each pod's stage and template."""

    replicas: int
    template: str
    stages: tuple[str, ...]
    templates: tuple[str, ...]


@attrs.frozen(kw_only=True)
class World:
    """What exists; *broken* names templates whose pods crash at their first step."""

    racks: Mapping[str, RackModel] = attrs.field(factory=dict)
    shared: Mapping[str, str] = attrs.field(factory=dict)
    broken: frozenset[str] = frozenset()

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
        # The first node of a ring has no peers that could learn of it late.
        stages[ordinal] = "member" if alone and following == "seen-late" else following
        moved = attrs.evolve(rack, stages=tuple(stages), templates=tuple(templates))
        return attrs.evolve(self, racks={**self.racks, name: moved})

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
            case DeletePod(pod=pod):
                name, ordinal = _find(pod, desired)
                rack = self.racks[name]
                stages = list(rack.stages)
                stages[ordinal] = "absent"
                return attrs.evolve(
                    self, racks={**self.racks, name: attrs.evolve(rack, stages=tuple(stages))}
                )
            case _:
                return self

    def observed(self, desired: Desired) -> Observed:
        """Return the snapshot that an observer would make of this world."""
        racks = {r.name: self._rack(r) for r in desired.racks if r.name in self.racks}
        pods = [pod for rack in racks.values() for pod in rack.pods]
        stages = {pod.name: self._stage(pod, desired) for pod in pods}
        in_ring = [p for p in pods if stages[p.name] in ("joining", "seen-late", "member")]
        host_ids = {str(p.ip): f"id-{p.name}" for p in in_ring}
        late = frozenset(str(p.ip) for p in pods if stages[p.name] == "seen-late")
        answers = {
            p.name: View(
                mode=Mode.NORMAL,
                native_transport=True,
                release_version="5.0.9",
                host_ids=host_ids,
                joining=late - {str(p.ip)},
            )
            for p in pods
            if p.ready
        }
        return Observed(
            now=NOW,
            racks=racks,
            shared={key: SharedObject(hash=value) for key, value in self.shared.items()},
            ring=Ring(answers=answers),
        )

    def _stage(self, pod: Pod, desired: Desired) -> str:
        name, ordinal = _find(pod.name, desired)
        return self.racks[name].stages[ordinal]

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
            reason="CrashLoopBackOff" if crashes else None,
            restarts=1 if crashes else 0,
            exit_code=1 if crashes else None,
        )
        return Pod(
            name=f"{want.statefulset}-{ordinal}",
            uid=f"uid-{want.statefulset}-{ordinal}",
            ordinal=ordinal,
            phase="Running" if running else "Pending",
            ip=f"10.0.{want.path[-2]}.{ordinal}",
            node="node",
            revision=template,
            created=NOW,
            ready=stage in ("seen-late", "member"),
            containers=(container,),
        )


def desired(sizes: tuple[int, ...], *, template: str = "t1", first_pods_first: bool = True) -> Desired:
    """Return what a spec with one DC and these rack sizes asks for."""
    racks = tuple(
        DesiredRack(
            name=f"dc1-rack{i}",
            path=f"spec.topology.dc[0].rack[{i}]",
            replicas=size,
            template_hash=template,
            statefulset=f"demo-dc1-rack{i}",
        )
        for i, size in enumerate(sizes)
    )
    return Desired(
        name="demo",
        racks=racks,
        shared={"Service/demo": "h1", "PodDisruptionBudget/demo": "h2"},
        first_pods_first=first_pods_first,
    )


def _find(pod: str, wanted: Desired) -> tuple[str, int]:
    """Return the rack and ordinal of the pod called *pod*."""
    statefulset, _, ordinal = pod.rpartition("-")
    return next(r.name for r in wanted.racks if r.statefulset == statefulset), int(ordinal)
