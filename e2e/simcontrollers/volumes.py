"""
Volumes: claims get one, grow, and go.

A claim is bound at once or, with WaitForFirstConsumer, when the scheduler has chosen a node for its pod.
A volume is on one node unless its class has the parameter `shared: "true"`. A claim that is deleted
stays until no pod uses it; with the reclaim policy Delete its volume goes with it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
import enum
from typing import Any

from e2e.simcontrollers import objects
from e2e.simcontrollers.client import CREATED, Client
from e2e.simcontrollers.due import Due
from e2e.simcontrollers.fit import HOSTNAME
from e2e.simcontrollers.index import Key, by_claim, by_uid, key_of
from e2e.simcontrollers.objects import CLAIMS, CLASSES, PODS, VOLUMES, Kind, Obj
from e2e.simcontrollers.pace import Pace
from e2e.simcontrollers.view import View
from e2e.simtime import Simulation

SELECTED_NODE = "volume.kubernetes.io/selected-node"
_DEFAULT = "storageclass.kubernetes.io/is-default-class"
# The API server puts these on claims and volumes; they go when nobody uses the one or the other.
CLAIM_FINALIZER = "kubernetes.io/pvc-protection"
VOLUME_FINALIZER = "kubernetes.io/pv-protection"
# Simulated storage counts in Gi and rounds up, as many real ones do.
_STEP = 2**30


class Growth(enum.Enum):
    """What comes of a request for a larger volume."""

    WORKS = "works"
    # The resizer fails each time, as on a full storage.
    FAILS = "fails"
    # Nobody answers: the claim keeps its size without a word.
    SILENT = "silent"


def class_of(claim: Mapping[str, Any]) -> str | None:
    """Return the name of *claim*'s class, None if it leaves the choice to the server."""
    found = objects.spec(claim).get("storageClassName")
    return None if found is None else str(found)


def default_class(view: View) -> str | None:
    """Return the name of the default class, if there is one."""
    for storage_class in view.all(CLASSES):
        if objects.annotations_of(storage_class).get(_DEFAULT) == "true":
            return objects.name(storage_class)
    return None


class VolumeController:
    """Looks after all claims in *view*; *lost* is called with a claim's uid when its data is gone."""

    def __init__(
        self,
        client: Client,
        view: View,
        simulation: Simulation,
        pace: Pace,
        *,
        lost: Callable[[str], None] = lambda _uid: None,
    ) -> None:
        self._client = client
        self._view = view
        self._simulation = simulation
        self._pace = pace
        self._lost = lost
        self.growth = Growth.WORKS
        # Uids of claims for which a volume is being made, and of those being resized with the size.
        self._making: set[str] = set()
        self._growing: dict[str, int] = {}
        self._claims = view.index(CLAIMS, by_uid)
        self._users = view.index(PODS, by_claim)
        self._promised = view.index(VOLUMES, _by_reference)
        self._due, self._due_volumes = Due(), Due()
        view.listen(CLAIMS, self._told)
        view.listen(VOLUMES, self._told_of_volume)

    def step(self) -> None:
        """Take the next step of every claim and every volume that may have one."""
        self._due.each(self._look)
        self._due_volumes.each(self._look_at_volume)

    def _told(self, old: Obj | None, new: Obj | None) -> None:
        for claim in (old, new):
            if claim is not None:
                self._due.add(key_of(claim))
                for volume in self._promised.find(key_of(claim)):
                    self._due_volumes.add(key_of(volume))

    def _told_of_volume(self, old: Obj | None, new: Obj | None) -> None:
        for volume in (old, new):
            if volume is not None:
                self._due_volumes.add(key_of(volume))

    def _look(self, key: Key) -> bool:
        """Take the next step of one claim; whether it is bound and as large as it is to be."""
        claim = self._view.get(CLAIMS, *key)
        if claim is None:
            return True
        if objects.terminating(claim):
            self._release(claim)
        elif objects.status(claim).get("phase") != "Bound":
            self._bind(claim)
        else:
            self._grow(claim)
            return _asked(claim) <= _has(claim)
        return False

    def _look_at_volume(self, key: Key) -> bool:
        """Take the next step of one volume; whether there was none."""
        calls, volume = self._client.calls, self._view.get(VOLUMES, *key)
        if volume is not None:
            self._reclaim(volume)
        return self._client.calls == calls

    def _bind(self, claim: Mapping[str, Any]) -> None:
        uid = objects.uid(claim)
        if uid in self._making:
            return
        if not objects.status(claim).get("phase"):
            self._client.patch_status(CLAIMS, claim, {"phase": "Pending"})
        name = class_of(claim) or (default_class(self._view) if class_of(claim) is None else None)
        if name is None:
            message = "no persistent volumes available for this claim and no storage class is set"
            self._client.event(CLAIMS, claim, "FailedBinding", message)
            return
        storage_class = self._view.get(CLASSES, "", name)
        if storage_class is None:
            message = f'storageclass.storage.k8s.io "{name}" not found'
            self._client.event(CLAIMS, claim, "ProvisioningFailed", message, warn=True)
            return
        node = objects.annotations_of(claim).get(SELECTED_NODE)
        if node is None and storage_class.get("volumeBindingMode") == "WaitForFirstConsumer":
            message = "waiting for first consumer to be created before binding"
            self._client.event(CLAIMS, claim, "WaitForFirstConsumer", message)
            return
        self._making.add(uid)
        self._simulation.after(self._pace.provision, lambda: self._provision(uid, name, node))

    def _provision(self, uid: str, class_name: str, node: str | None) -> None:
        """Make the volume and bind it to the claim with *uid*, if that is still there."""
        self._making.discard(uid)
        self._view.refresh()
        claim = next(iter(self._claims.find(uid)), None)
        storage_class = self._view.get(CLASSES, "", class_name)
        if claim is None or storage_class is None or objects.terminating(claim):
            return
        asked = _rounded(objects.size(_request(claim)))
        volume = _volume(claim, storage_class, capacity=asked, node=node)
        made = self._client.create(VOLUMES, volume)
        if made.status != CREATED:
            return
        self._client.patch(
            CLAIMS,
            claim,
            {
                "metadata": {"annotations": {"pv.kubernetes.io/bind-completed": "yes"}},
                "spec": {"volumeName": objects.name(volume)},
            },
        )
        self._client.patch_status(
            CLAIMS,
            claim,
            {
                "phase": "Bound",
                "accessModes": objects.spec(claim).get("accessModes") or ["ReadWriteOnce"],
                "capacity": {"storage": objects.gibibytes(asked)},
            },
        )
        self._client.patch_status(VOLUMES, made.body, {"phase": "Bound"})
        message = f"Successfully provisioned volume {objects.name(volume)}"
        self._client.event(CLAIMS, claim, "ProvisioningSucceeded", message)

    def _grow(self, claim: Mapping[str, Any]) -> None:
        uid = objects.uid(claim)
        have, asked = _has(claim), _asked(claim)
        if asked <= have or self._growing.get(uid) == asked or self.growth is Growth.SILENT:
            return
        name = class_of(claim) or default_class(self._view) or ""
        storage_class = self._view.get(CLASSES, "", name)
        if storage_class is None or not storage_class.get("allowVolumeExpansion"):
            return
        self._growing[uid] = asked
        self._condition(claim, asked, "Resizing", "ControllerResizeInProgress", "")
        self._client.event(CLAIMS, claim, "Resizing", "External resizer is resizing volume")
        self._simulation.after(self._pace.resize, lambda: self._grown(uid, asked))

    def _grown(self, uid: str, asked: int) -> None:
        if self._growing.get(uid) != asked:
            # Something else is asked for by now, and is seen to.
            return
        del self._growing[uid]
        self._view.refresh()
        claim = next(iter(self._claims.find(uid)), None)
        if claim is None:
            return
        name = str(objects.spec(claim).get("volumeName"))
        if self.growth is Growth.FAILS:
            message = f'resize volume "{name}" by resizer failed: no space left in storage'
            self._condition(claim, asked, "ControllerResizeError", "ControllerResizeInfeasible", message)
            self._client.event(CLAIMS, claim, "VolumeResizeFailed", message, warn=True)
            # It is tried again, for as long as it is asked for.
            self._growing[uid] = asked
            self._simulation.after(self._pace.resize * 2, lambda: self._grown(uid, asked))
            return
        capacity = {"storage": objects.gibibytes(_rounded(asked))}
        volume = self._view.get(VOLUMES, "", name)
        if volume is not None:
            self._client.patch(VOLUMES, volume, {"spec": {"capacity": capacity}})
        done: Obj = {"capacity": capacity, "conditions": None, "allocatedResourceStatuses": None}
        self._client.patch_status(CLAIMS, claim, done)
        message = "MountVolume.NodeExpandVolume succeeded for volume"
        self._client.event(CLAIMS, claim, "FileSystemResizeSuccessful", message)

    def _condition(self, claim: Mapping[str, Any], asked: int, kind: str, state: str, message: str) -> None:
        """Show how the growth of *claim* to *asked* bytes stands, as a resizer does."""
        condition = {
            "type": kind,
            "status": "True",
            "message": message,
            "lastTransitionTime": objects.timestamp(self._simulation.now),
        }
        status = {
            "conditions": [condition],
            "allocatedResources": {"storage": objects.gibibytes(asked)},
            "allocatedResourceStatuses": {"storage": state},
        }
        self._client.patch_status(CLAIMS, claim, status)

    def _release(self, claim: Mapping[str, Any]) -> None:
        """Let a claim go that is to be deleted, once no pod uses it."""
        finalizers = objects.meta(claim).get("finalizers") or []
        if CLAIM_FINALIZER in finalizers and not self._used(claim):
            self._unprotect(CLAIMS, claim, CLAIM_FINALIZER)

    def _unprotect(self, kind: Kind, obj: Mapping[str, Any], finalizer: str) -> None:
        left = [one for one in objects.meta(obj).get("finalizers") or [] if one != finalizer]
        self._client.patch(kind, obj, {"metadata": {"finalizers": left or None}})

    def _used(self, claim: Mapping[str, Any]) -> bool:
        return self._users.count(key_of(claim)) > 0

    def _reclaim(self, volume: Mapping[str, Any]) -> None:
        """Delete *volume* if its claim is gone, or keep it as released."""
        reference = objects.spec(volume).get("claimRef") or {}
        claim = self._view.get(CLAIMS, reference.get("namespace", ""), reference.get("name", ""))
        if claim is not None and objects.uid(claim) == reference.get("uid"):
            return
        if objects.spec(volume).get("persistentVolumeReclaimPolicy", "Delete") == "Delete":
            if not objects.terminating(volume):
                self._client.delete(VOLUMES, volume)
                self._lost(str(reference.get("uid")))
            elif VOLUME_FINALIZER in (objects.meta(volume).get("finalizers") or []):
                self._unprotect(VOLUMES, volume, VOLUME_FINALIZER)
        elif objects.status(volume).get("phase") != "Released":
            self._client.patch_status(VOLUMES, volume, {"phase": "Released"})


def _by_reference(volume: Obj) -> Iterable[Key]:
    """Return namespace and name of the claim that *volume* is for."""
    reference = objects.spec(volume).get("claimRef") or {}
    return ((reference.get("namespace", ""), reference.get("name", "")),)


def _has(claim: Mapping[str, Any]) -> int:
    return objects.size((objects.status(claim).get("capacity") or {}).get("storage", "0"))


def _asked(claim: Mapping[str, Any]) -> int:
    return objects.size(_request(claim))


def _request(claim: Mapping[str, Any]) -> str:
    requests = (objects.spec(claim).get("resources") or {}).get("requests") or {}
    return str(requests.get("storage") or "1Gi")


def _rounded(number: int) -> int:
    return -(-number // _STEP) * _STEP


def _volume(
    claim: Mapping[str, Any], storage_class: Mapping[str, Any], *, capacity: int, node: str | None
) -> Obj:
    spec: Obj = {
        "accessModes": objects.spec(claim).get("accessModes") or ["ReadWriteOnce"],
        "capacity": {"storage": objects.gibibytes(capacity)},
        "claimRef": {
            "apiVersion": "v1",
            "kind": "PersistentVolumeClaim",
            "namespace": objects.namespace(claim),
            "name": objects.name(claim),
            "uid": objects.uid(claim),
        },
        "persistentVolumeReclaimPolicy": storage_class.get("reclaimPolicy") or "Delete",
        "storageClassName": objects.name(storage_class),
        "hostPath": {"path": f"/volumes/{objects.uid(claim)}"},
        "volumeMode": "Filesystem",
    }
    shared = (storage_class.get("parameters") or {}).get("shared") == "true"
    if node is not None and not shared:
        expression = {"key": HOSTNAME, "operator": "In", "values": [node]}
        term = {"matchExpressions": [expression]}
        spec["nodeAffinity"] = {"required": {"nodeSelectorTerms": [term]}}
    return {"metadata": {"name": f"pvc-{objects.uid(claim)}"}, "spec": spec}
