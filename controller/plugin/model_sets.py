"""
What StatefulSets of a model do: they make pods, which come up, and take those away that have no place.

It is kind: every pod that is made comes up. One that is in trouble now stays in it until it is made again.
"""

from __future__ import annotations

from collections.abc import Mapping

from controller.api.v2 import names
from controller.domain.desired import DesiredRack
from controller.domain.trouble import diagnose
from controller.kube import kinds
from controller.plugin.model_objects import new_claim, pod_status, reference, stamp
from controller.plugin.model_store import ModelStore
from controller.plugin.session import Object
from controller.reconcile import snapshot


class ModelSets:
    """The StatefulSet controller and the kubelets of a model, whose objects are in *store*."""

    def __init__(self, store: ModelStore) -> None:
        self._store = store

    def settle(self, racks: Mapping[str, DesiredRack]) -> bool:
        """Let StatefulSets make their pods and pods come up; tell whether anything changed."""
        changed = False
        wanted: dict[str, tuple[Object, int]] = {}
        for name, obj in self._store.objects[kinds.STATEFULSET].items():
            changed |= self._observed(name)
            self.owned_by(name, obj)
            for ordinal in range(obj["spec"].get("replicas", 1)):
                wanted[f"{name}-{ordinal}"] = (self._store.objects[kinds.STATEFULSET][name], ordinal)
        pods = self._store.objects[kinds.POD]
        for name in sorted(pods.keys() - wanted.keys()):
            if not pods[name]["metadata"].get("ownerReferences"):
                # Its StatefulSet was taken away, and comes back.
                continue
            del pods[name]
            self._store.told.pop(name, None)
            changed = True
        for name, (owner, _) in wanted.items():
            changed |= self._come_up(name, owner, racks)
        return changed

    def _come_up(self, name: str, owner: Object, racks: Mapping[str, DesiredRack]) -> bool:
        pod = self._store.objects[kinds.POD].get(name)
        if pod is None or pod["metadata"].get("deletionTimestamp"):
            self._make(name, owner)
            return True
        seen = snapshot.pod(pod)
        if seen.ready or name in self._store.left:
            return False
        want = racks.get((pod["metadata"].get("labels") or {}).get(names.DC_RACK, ""))
        if seen.unschedulable or (want is not None and diagnose(seen, want, self._store.now) is not None):
            return False
        self._store.change(
            kinds.POD, name, status=pod_status(ready=True, pod=pod, now=self._store.now, name=name)
        )
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
                "creationTimestamp": stamp(self._store.now),
                "ownerReferences": [reference(owner)],
            },
            "spec": {**template["spec"], "nodeName": "a-node"},
        }
        pod["status"] = pod_status(ready=True, pod=pod, now=self._store.now, name=name)
        self._store.put(kinds.POD, pod, new=True)
        self._store.left.discard(name)
        for claim in owner["spec"].get("volumeClaimTemplates") or ():
            claimed = names.claim(claim["metadata"]["name"], name)
            if claimed not in self._store.objects[kinds.PERSISTENT_VOLUME_CLAIM]:
                self._claim(claimed, claim, owner)

    def _claim(self, name: str, template: Object, owner: Object) -> None:
        first = names.claim(template["metadata"]["name"], f"{owner['metadata']['name']}-0")
        before = self._store.objects[kinds.PERSISTENT_VOLUME_CLAIM].get(first)
        self._store.put(kinds.PERSISTENT_VOLUME_CLAIM, new_claim(name, template, owner, before=before))

    def owned_by(self, name: str, statefulset: Object | None) -> None:
        """Give pods and revisions of the StatefulSet *name* to *statefulset*, or to nobody."""
        for kind in (kinds.POD, kinds.CONTROLLER_REVISION):
            for each, obj in list(self._store.objects[kind].items()):
                owned = bool(obj["metadata"].get("ownerReferences"))
                if each.rpartition("-")[0] == name and owned == (statefulset is None):
                    owners = [] if statefulset is None else [reference(statefulset)]
                    self._store.change(kind, each, metadata={**obj["metadata"], "ownerReferences": owners})

    def _observed(self, name: str) -> bool:
        """Let the StatefulSet controller see the newest spec; tell whether it is news."""
        obj = self._store.objects[kinds.STATEFULSET][name]
        status = obj.get("status") or {}
        if status.get("observedGeneration") == obj["metadata"]["generation"]:
            return False
        # What there is of a revision was decided when the template was stored.
        seen = {**status, "observedGeneration": obj["metadata"]["generation"]}
        self._store.change(kinds.STATEFULSET, name, status=seen)
        return True
