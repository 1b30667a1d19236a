"""
A model of what follows from an action: a StatefulSet makes its pods, a pod comes up, a node joins or leaves.

It is kind: every pod that is made comes up, every node joins, every node that is asked to leave has left by
the next look. A pod that is in trouble now stays in it until it is made again. The operator's own code reads
the model as it reads a cluster, and cannot tell the difference.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
import datetime as dt
import hashlib
from typing import Any, Final, assert_never
import uuid

from controller.api.v2 import names
from controller.api.v2.cluster import OperationName
from controller.builders.copies import with_capacity
from controller.builders.hashing import short_hash
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
from controller.domain.trouble import diagnose
from controller.executors.base import Bodies
from controller.kube import kinds
from controller.kube.kinds import Kind
from controller.plugin.model_objects import (
    kept,
    new_claim,
    pod_status,
    reference,
    resized,
    stamp,
    template_mark,
)
from controller.plugin.session import Object
from controller.plugin.world import OWNED, World
from controller.reconcile import snapshot
from controller.reconcile.stores import Stores
from controller.runtime.store import Entry, Key

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
    | Tune
)


class Model:
    """The objects of *world*, and what becomes of them."""

    def __init__(self, world: World, now: dt.datetime) -> None:
        self.now = now
        self.namespace = world.namespace
        self.cluster = world.cluster
        self.stores = Stores()
        self.objects: dict[Kind, dict[str, Object]] = {
            kind: {str(obj["metadata"]["name"]): obj for obj in world.of(kind)}
            for kind in (*OWNED, kinds.SECRET, kinds.CONTROLLER_REVISION)
        }
        self._read = frozenset(world.objects)
        self._beside = world.of(kinds.STORAGE_CLASS)
        # What nodes were told while they ran, by pod.
        self.told: dict[str, dict[Attribute, Value]] = {}
        # Pods whose nodes have left the ring, and pods that were made here.
        self.left: set[str] = set()
        # StatefulSets that were taken away from their pods, which run on.
        self._apart: dict[str, Object] = {}
        # How calls to nodes have ended, and whether any time has passed.
        self._calls: dict[str, Call] = {}
        self._begun = False
        self._version = 10**12
        status = world.cluster.get("status") or {}
        self._hosts: dict[str, str] = {
            pod: node["hostId"]
            for pod, node in (status.get("cassandraNodeStatus") or {}).items()
            if node.get("hostId")
        }
        self._leaving = {
            pod
            for rack in (status.get("cassandraRackStatus") or {}).values()
            if (operation := rack.get("podLastOperation") or {}).get("name") == OperationName.DECOMMISSION
            and operation.get("status") == "Ongoing"
            for pod in operation.get("pods") or ()
        }
        self.load()

    # -- what the operator sees

    def load(self) -> None:
        """Show the objects as they are now."""
        for kind, store in self.stores.by_kind().items():
            there = (
                [self.cluster]
                if kind == kinds.CASSANDRA_CLUSTER
                else list(self.objects.get(kind, {}).values())
            )
            store.replace(
                Entry(
                    Key(self.namespace, obj["metadata"]["name"]),
                    str(obj["metadata"].get("resourceVersion", "")),
                    kind.transform(obj),
                )
                for obj in there
            )

    def there(self, plural: str) -> Iterable[Object] | None:
        """Return the objects of a kind as they are now; None if it was not read."""
        if plural == kinds.STORAGE_CLASS.plural:
            return self._beside if plural in self._read else None
        kind = next((kind for kind in self.objects if kind.plural == plural), None)
        return None if kind is None or plural not in self._read else self.objects[kind].values()

    def host_id(self, pod: str) -> str:
        """Return the host id of a node: the one that status knows, or one that is made up."""
        made = uuid.UUID(bytes=hashlib.sha256(pod.encode()).digest()[:16])
        return self._hosts.setdefault(pod, str(made))

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
                self._put(_SHARED[kind], bodies.shared[f"{kind}/{name}"])
            case ApplyStatefulSet(rack=rack, replicas=replicas, capacity=capacity):
                body = bodies.statefulset(rack, replicas)
                self._put(kinds.STATEFULSET, body if capacity is None else with_capacity(body, capacity))
            case DeletePod(pod=pod) | RestartPod(pod=pod):
                del self.objects[kinds.POD][pod]
                self.told.pop(pod, None)
            case Decommission(pod=pod):
                self.left.add(pod)
                self._change(kinds.POD, pod, status=pod_status(ready=False, pod=self.objects[kinds.POD][pod]))
            case ShrinkStatefulSet(statefulset=name, replicas=replicas):
                spec = {**self.objects[kinds.STATEFULSET][name]["spec"], "replicas": replicas}
                self._change(kinds.STATEFULSET, name, spec=spec)
            case DeleteStatefulSet(statefulset=name):
                del self.objects[kinds.STATEFULSET][name]
            case DetachStatefulSet(statefulset=name):
                self._apart[name] = self.objects[kinds.STATEFULSET].pop(name)
                self._owned_by(name, None)
            case StopRack(statefulset=name, size=size):
                self._change(kinds.STATEFULSET, name, **resized(self._rack(name), 0, noted=size))
            case StartRack(statefulset=name, size=size, replicas=replicas):
                left = None if replicas == size else size
                self._change(kinds.STATEFULSET, name, **resized(self._rack(name), replicas, noted=left))
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
                self._put(kinds.SECRET, {"metadata": metadata})
            case Tune(pod=pod, settings=settings, before=before):
                self.told.setdefault(pod, {}).update({s.attribute: s.value for s in settings})
                self._note_before(pod, before)
            case StopOperation():
                # No node of a model is ever at anything.
                pass
            case ReleasePlace(pod=pod, claims=claims):
                for claim in claims:
                    self.objects[kinds.PERSISTENT_VOLUME_CLAIM].pop(claim, None)
                del self.objects[kinds.POD][pod]
                # Whoever takes its place is another node.
                self._hosts.pop(pod, None)
            case _:
                assert_never(action)

    def settle(self, racks: Mapping[str, DesiredRack]) -> bool:
        """Let StatefulSets make their pods and pods come up; tell whether anything changed."""
        self.now += STEP
        changed = not self._begun and self._leave()
        self._begun = True
        wanted: dict[str, tuple[Object, int]] = {}
        for name, obj in self.objects[kinds.STATEFULSET].items():
            changed |= self._observed(name)
            self._owned_by(name, obj)
            for ordinal in range(obj["spec"].get("replicas", 1)):
                wanted[f"{name}-{ordinal}"] = (self.objects[kinds.STATEFULSET][name], ordinal)
        pods = self.objects[kinds.POD]
        for name in sorted(pods.keys() - wanted.keys()):
            if not pods[name]["metadata"].get("ownerReferences"):
                # Its StatefulSet was taken away, and comes back.
                continue
            del pods[name]
            self.told.pop(name, None)
            changed = True
        for name, (owner, _) in wanted.items():
            changed |= self._come_up(name, owner, racks)
        return changed

    def _leave(self) -> bool:
        """Let the node leave that was on its way out at the beginning; tell whether there is one."""
        changed = False
        for pod in self._leaving & self.objects[kinds.POD].keys():
            self.left.add(pod)
            self._change(kinds.POD, pod, status=pod_status(ready=False, pod=self.objects[kinds.POD][pod]))
            changed = True
        return changed

    def _mark(self, action: MarkOperation) -> None:
        metadata = self.objects[kinds.POD][action.pod]["metadata"]
        for field, values in (("labels", action.labels), ("annotations", action.annotations)):
            both = {**(metadata.get(field) or {}), **values}
            metadata = {**metadata, field: {key: value for key, value in both.items() if value is not None}}
        self._change(kinds.POD, action.pod, metadata=metadata)

    def _come_up(self, name: str, owner: Object, racks: Mapping[str, DesiredRack]) -> bool:
        pod = self.objects[kinds.POD].get(name)
        if pod is None or pod["metadata"].get("deletionTimestamp"):
            self._make(name, owner)
            return True
        seen = snapshot.pod(pod)
        if seen.ready or name in self.left:
            return False
        want = racks.get((pod["metadata"].get("labels") or {}).get(names.DC_RACK, ""))
        if seen.unschedulable or (want is not None and diagnose(seen, want, self.now) is not None):
            return False
        self._change(kinds.POD, name, status=pod_status(ready=True, pod=pod, now=self.now, name=name))
        return True

    def _make(self, name: str, owner: Object) -> None:
        template = owner["spec"]["template"]
        labels = {
            **(template["metadata"].get("labels") or {}),
            "controller-revision-hash": owner["status"]["updateRevision"],
        }
        pod: Object = {
            "metadata": {
                "name": name,
                "labels": labels,
                "annotations": dict(template["metadata"].get("annotations") or {}),
                "creationTimestamp": stamp(self.now),
                "ownerReferences": [reference(owner)],
            },
            "spec": {**template["spec"], "nodeName": "a-node"},
        }
        pod["status"] = pod_status(ready=True, pod=pod, now=self.now, name=name)
        self._put(kinds.POD, pod, new=True)
        self.left.discard(name)
        for claim in owner["spec"].get("volumeClaimTemplates") or ():
            claimed = names.claim(claim["metadata"]["name"], name)
            if claimed not in self.objects[kinds.PERSISTENT_VOLUME_CLAIM]:
                self._claim(claimed, claim, owner)

    def _claim(self, name: str, template: Object, owner: Object) -> None:
        first = names.claim(template["metadata"]["name"], f"{owner['metadata']['name']}-0")
        before = self.objects[kinds.PERSISTENT_VOLUME_CLAIM].get(first)
        self._put(kinds.PERSISTENT_VOLUME_CLAIM, new_claim(name, template, owner, before=before))

    def _rack(self, name: str) -> Object:
        return self.objects[kinds.STATEFULSET][name]

    def _owned_by(self, name: str, statefulset: Object | None) -> None:
        """Give pods and revisions of the StatefulSet *name* to *statefulset*, or to nobody."""
        for kind in (kinds.POD, kinds.CONTROLLER_REVISION):
            for each, obj in list(self.objects[kind].items()):
                owned = bool(obj["metadata"].get("ownerReferences"))
                if each.rpartition("-")[0] == name and owned == (statefulset is None):
                    owners = [] if statefulset is None else [reference(statefulset)]
                    self._change(kind, each, metadata={**obj["metadata"], "ownerReferences": owners})

    def _observed(self, name: str) -> bool:
        """Let the StatefulSet controller see the newest spec; tell whether it is news."""
        obj = self.objects[kinds.STATEFULSET][name]
        status = obj.get("status") or {}
        if status.get("observedGeneration") == obj["metadata"]["generation"]:
            return False
        # What there is of a revision was decided when the template was stored.
        seen = {**status, "observedGeneration": obj["metadata"]["generation"]}
        self._change(kinds.STATEFULSET, name, status=seen)
        return True

    def _put(self, kind: Kind, body: Mapping[str, Any], *, new: bool = False) -> None:
        """Store *body* as it is, over what there is of that name."""
        name = str(body["metadata"]["name"])
        old = None if new else self.objects[kind].get(name)
        self._version += 1
        metadata = {
            **body["metadata"],
            "namespace": self.namespace,
            "uid": old["metadata"]["uid"] if old else f"new-{self._version}",
            "generation": (old["metadata"].get("generation", 0) if old else 0) + 1,
            "resourceVersion": str(self._version),
        }
        obj: Object = {**body, "metadata": metadata}
        if kind == kinds.STATEFULSET:
            obj["status"] = self._status_after(old or self._apart.get(name), obj)
            self._revise(obj)
        self.objects[kind][name] = obj

    def _status_after(self, old: Object | None, obj: Object) -> Object:
        """Return the status of a StatefulSet that is *obj* now: pods of another template are outdated."""
        name = obj["metadata"]["name"]
        if old is not None and template_mark(old) == template_mark(obj):
            return dict(old.get("status") or {})
        if old is None:
            # It is made again as its pods are: it was taken away from them before all this.
            for each, pod in sorted(self.objects[kinds.POD].items(), reverse=True):
                labels = pod["metadata"].get("labels") or {}
                mine = each.rpartition("-")[0] == name and not pod["metadata"].get("ownerReferences")
                if mine and "controller-revision-hash" in labels:
                    return {"updateRevision": labels["controller-revision-hash"]}
        return {"updateRevision": f"{name}-{short_hash(obj['spec']['template'])}"}

    def _revise(self, obj: Object) -> None:
        """Keep what pods are made from, as Kubernetes does."""
        name = obj["status"].get("updateRevision")
        if name is not None and name not in self.objects[kinds.CONTROLLER_REVISION]:
            self.objects[kinds.CONTROLLER_REVISION][name] = {
                "metadata": {"name": name, "ownerReferences": [{"uid": obj["metadata"]["uid"]}]},
                "data": {"spec": {"template": kept(obj)}},
            }

    def _grow(self, claim: str, capacity: str) -> None:
        spec = self.objects[kinds.PERSISTENT_VOLUME_CLAIM][claim]["spec"]
        asked = {**(spec.get("resources") or {}), "requests": {"storage": capacity}}
        self._change(
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
        self._change(kinds.POD, pod, metadata={**metadata, "annotations": noted})

    def _change(self, kind: Kind, name: str, **parts: Mapping[str, Any]) -> None:
        obj = self.objects[kind][name]
        self._version += 1
        metadata = {**(parts.get("metadata") or obj["metadata"]), "resourceVersion": str(self._version)}
        if "spec" in parts:
            metadata["generation"] = metadata.get("generation", 0) + 1
        self.objects[kind][name] = {**obj, **parts, "metadata": metadata}
