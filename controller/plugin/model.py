"""
A model of what follows from an action: a StatefulSet makes its pods, a pod comes up, a node joins or leaves.

It is kind: every pod that is made comes up, every node joins, every node that is asked to leave has left by
the next look. A pod that is in trouble now stays in it until it is made again. The operator's own code reads
the model as it reads a cluster, and cannot tell the difference.
"""

from __future__ import annotations

from collections.abc import Mapping
import datetime as dt
import hashlib
from typing import Final, assert_never
import uuid

from controller.api.v2 import names
from controller.api.v2.cluster import OperationName
from controller.api.v2.version import product_version
from controller.builders.copies import with_capacity
from controller.domain.actions import (
    ApplyObject,
    ApplyStatefulSet,
    CreateSecret,
    Decommission,
    DeleteClaim,
    DeleteObject,
    DeletePod,
    DeleteStatefulSet,
    DetachStatefulSet,
    GrowClaim,
    MarkOperation,
    ReleasePlace,
    ReloadSeeds,
    RestartPod,
    RunOperation,
    ShrinkStatefulSet,
    StartRack,
    StopOperation,
    StopRack,
    Tune,
    Write,
)
from controller.domain.desired import DesiredRack
from controller.domain.leaving import Call, Ended, Held, NotCalled
from controller.domain.live import Attribute, Value, encode_before
from controller.executors.base import Bodies
from controller.kube import kinds
from controller.plugin.model_objects import pod_status, resized
from controller.plugin.model_sets import ModelSets
from controller.plugin.model_store import ModelStore
from controller.plugin.session import Object
from controller.plugin.world import World
from controller.reconcile import snapshot

# Simulated time between two looks: longer than any start takes to be believed in.
STEP: Final = dt.timedelta(seconds=60)
_SHARED: Final = {
    "Service": kinds.SERVICE,
    "PodDisruptionBudget": kinds.POD_DISRUPTION_BUDGET,
    "NetworkPolicy": kinds.NETWORK_POLICY,
    "ConfigMap": kinds.CONFIG_MAP,
}


# What is done beside StatefulSets and the life of pods.
_Beside = (
    DeleteObject
    | CreateSecret
    | DeleteClaim
    | GrowClaim
    | MarkOperation
    | RunOperation
    | StopOperation
    | ReleasePlace
    | ReloadSeeds
    | Tune
)


class Model(ModelStore):
    """The objects of *world*, and what becomes of them."""

    def __init__(self, world: World, now: dt.datetime) -> None:
        super().__init__(world, now)
        self._sets = ModelSets(self)
        # How calls to nodes have ended, and whether any time has passed.
        self._calls: dict[str, Call] = {}
        self._begun = False
        status = world.cluster.get("status") or {}
        self._hosts: dict[str, str] = {
            pod: node["hostId"]
            for pod, node in (status.get("cassandraNodeStatus") or {}).items()
            if node.get("hostId")
        }
        self._releases: dict[str, str] = {
            pod: node["releaseVersion"]
            for pod, node in (status.get("cassandraNodeStatus") or {}).items()
            if node.get("releaseVersion")
        }
        self._leaving = {
            pod
            for rack in (status.get("cassandraRackStatus") or {}).values()
            if (operation := rack.get("podLastOperation") or {}).get("name") == OperationName.DECOMMISSION
            and operation.get("status") == "Ongoing"
            for pod in operation.get("pods") or ()
        }

    # -- what the operator sees

    def host_id(self, pod: str) -> str:
        """Return the host id of a node: the one that status knows, or one that is made up."""
        made = uuid.UUID(bytes=hashlib.sha256(pod.encode()).digest()[:16])
        return self._hosts.setdefault(pod, str(made))

    def release(self, pod: str) -> str:
        """Return what a node says it runs: what its image tells if it was made here, else what status knows.

        It is "" where neither tells.
        """
        obj = self.objects[kinds.POD][pod]
        known = self._releases.get(pod, "")
        if obj["metadata"].get("uid") not in self.made:
            return known
        images = [c["image"] for c in obj["spec"]["containers"] if c["name"] == names.CASSANDRA]
        given = (self.cluster.get("spec") or {}).get("serverVersion")
        return (product_version(given, images[0]) if images else None) or known

    def members(self) -> dict[str, str]:
        """Return the address of each node in the ring by the name of its pod."""
        return {
            name: pod["status"]["podIP"]
            for name, pod in self.objects[kinds.POD].items()
            if name not in self.left and snapshot.pod(pod).ready
        }

    def call(self, call_id: str) -> Call:
        """Return what is known of a call: what is asked about at the first look is under way, then over."""
        if not self._begun and call_id not in self._calls:
            self._calls[call_id] = Ended()
            return Held()
        return self._calls.get(call_id, NotCalled())

    # -- what becomes of actions

    def carry_out(self, action: Write, bodies: Bodies) -> None:
        """Do what *action* does to objects."""
        match action:
            case ApplyObject(kind=kind, name=name):
                self.put(_SHARED[kind], bodies.shared[f"{kind}/{name}"])
            case ApplyStatefulSet(rack=rack, replicas=replicas, capacity=capacity):
                body = bodies.statefulset(rack, replicas)
                self.put(kinds.STATEFULSET, body if capacity is None else with_capacity(body, capacity))
            case DeletePod(pod=pod) | RestartPod(pod=pod):
                del self.objects[kinds.POD][pod]
                self.told.pop(pod, None)
            case Decommission(pod=pod):
                self.left.add(pod)
                self.change(kinds.POD, pod, status=pod_status(ready=False, pod=self.objects[kinds.POD][pod]))
            case ShrinkStatefulSet(statefulset=name, replicas=replicas):
                spec = {**self.objects[kinds.STATEFULSET][name]["spec"], "replicas": replicas}
                self.change(kinds.STATEFULSET, name, spec=spec)
            case DeleteStatefulSet(statefulset=name):
                del self.objects[kinds.STATEFULSET][name]
            case DetachStatefulSet(statefulset=name):
                self.apart[name] = self.objects[kinds.STATEFULSET].pop(name)
                self._sets.owned_by(name, None)
            case StopRack(statefulset=name, size=size):
                self.change(kinds.STATEFULSET, name, **resized(self._rack(name), 0, noted=size))
            case StartRack(statefulset=name, size=size, replicas=replicas):
                left = None if replicas == size else size
                self.change(kinds.STATEFULSET, name, **resized(self._rack(name), replicas, noted=left))
            case _:
                self._carry_out_beside(action, bodies)

    def _carry_out_beside(self, action: _Beside, bodies: Bodies) -> None:  # noqa: C901 -- one arm an action
        """Do what *action* does beside StatefulSets and the life of pods."""
        match action:
            case DeleteObject(kind=kind, name=name):
                self.objects[_SHARED[kind]].pop(name, None)
            case DeleteClaim(claim=claim):
                self.objects[kinds.PERSISTENT_VOLUME_CLAIM].pop(claim, None)
            case GrowClaim(claim=claim, capacity=capacity):
                self._grow(claim, capacity)
            case MarkOperation():
                self._mark(action)
            case RunOperation(call_id=call_id):
                self._calls[call_id] = Ended()
            case CreateSecret(name=name):
                labels = names.cluster_labels(bodies.cluster)
                owners = [names.owner(bodies.cluster, bodies.uid)]
                metadata = {"name": name, "labels": labels, "ownerReferences": owners}
                self.put(kinds.SECRET, {"metadata": metadata})
            case Tune(pod=pod, settings=settings, before=before):
                self.told.setdefault(pod, {}).update({s.attribute: s.value for s in settings})
                self._note_before(pod, before)
            case StopOperation() | ReloadSeeds():
                # No node of a model is ever at anything, and all know each other.
                pass
            case ReleasePlace(pod=pod, claims=claims):
                for claim in claims:
                    self.objects[kinds.PERSISTENT_VOLUME_CLAIM].pop(claim, None)
                self.objects[kinds.POD].pop(pod, None)
                # Whoever takes its place is another node.
                self._hosts.pop(pod, None)
            case _:
                assert_never(action)

    def settle(self, racks: Mapping[str, DesiredRack]) -> bool:
        """Let StatefulSets make their pods and pods come up; tell whether anything changed."""
        self.now += STEP
        changed = not self._begun and self._leave()
        self._begun = True
        return self._sets.settle(racks) or changed

    def _leave(self) -> bool:
        """Let the node leave that was on its way out at the beginning; tell whether there is one."""
        changed = False
        for pod in self._leaving & self.objects[kinds.POD].keys():
            self.left.add(pod)
            self.change(kinds.POD, pod, status=pod_status(ready=False, pod=self.objects[kinds.POD][pod]))
            changed = True
        return changed

    def _mark(self, action: MarkOperation) -> None:
        metadata = self.objects[kinds.POD][action.pod]["metadata"]
        for field, values in (("labels", action.labels), ("annotations", action.annotations)):
            both = {**(metadata.get(field) or {}), **values}
            metadata = {**metadata, field: {key: value for key, value in both.items() if value is not None}}
        self.change(kinds.POD, action.pod, metadata=metadata)

    def _rack(self, name: str) -> Object:
        return self.objects[kinds.STATEFULSET][name]

    def _grow(self, claim: str, capacity: str) -> None:
        spec = self.objects[kinds.PERSISTENT_VOLUME_CLAIM][claim]["spec"]
        asked = {**(spec.get("resources") or {}), "requests": {"storage": capacity}}
        self.change(
            kinds.PERSISTENT_VOLUME_CLAIM,
            claim,
            spec={**spec, "resources": asked},
            status={"phase": "Bound", "capacity": {"storage": capacity}},
        )

    def _note_before(self, pod: str, before: Mapping[Attribute, Value]) -> None:
        metadata = self.objects[kinds.POD][pod]["metadata"]
        annotations = metadata.get("annotations") or {}
        text = encode_before(annotations.get(names.BEFORE_TOLD), before)
        noted = {**annotations, names.BEFORE_TOLD: text}
        self.change(kinds.POD, pod, metadata={**metadata, "annotations": noted})
