"""
Kubernetes objects, as JSON, to the values that a plan reads: pure, one function a kind.

Objects come trimmed from a store or whole from the API server; what is missing in either is read as
absent, never guessed. Unknown fields are ignored.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
import datetime as dt
from typing import Any, Final

from controller.api.v2 import names
from controller.builders.places import places, running
from controller.domain.live import decode_before
from controller.domain.observed import Claim, Container, Pod, StatefulSet
from controller.domain.operations import pods

Object = Mapping[str, Any]

UNKNOWN_REVISION: Final = -1
# Where the scheduler wants a volume that is made for its first pod.
_SELECTED_NODE: Final = "volume.kubernetes.io/selected-node"
# What a resizer, and a kubelet, say on a claim whose volume does not grow.
_RESIZE_ERRORS: Final = frozenset({"ControllerResizeError", "NodeResizeError"})


def pod(obj: Object) -> Pod:
    """Return what a plan reads of a Pod."""
    metadata, status = obj["metadata"], obj.get("status") or {}
    containers = tuple(_containers(status))
    cassandra = next((c for c in containers if c.name == "cassandra" and not c.init), None)
    phase = status.get("phase") or "Pending"
    return Pod(
        name=metadata["name"],
        uid=metadata["uid"],
        ordinal=ordinal(metadata["name"]),
        phase=phase,
        ip=status.get("podIP") or None,
        node=(obj.get("spec") or {}).get("nodeName") or None,
        revision=(metadata.get("labels") or {}).get("controller-revision-hash"),
        created=instant(metadata.get("creationTimestamp")),
        terminating=bool(metadata.get("deletionTimestamp")),
        # Kubernetes dates it so.
        gone_by=instant(metadata.get("deletionTimestamp")),
        ready=phase == "Running" and cassandra is not None and cassandra.ready,
        ready_since=_ready_since(status),
        unschedulable=_unschedulable(status),
        held_since=_held_since(status),
        containers=containers,
        operation=pods.read(metadata.get("labels") or {}, metadata.get("annotations") or {}),
        before=decode_before((metadata.get("annotations") or {}).get(names.BEFORE_TOLD)),
    )


def statefulset(obj: Object, *, drift: tuple[str, ...] = ()) -> StatefulSet:
    """Return what a plan reads of a StatefulSet; *drift* names our fields that others have changed."""
    metadata, spec, status = obj["metadata"], obj.get("spec") or {}, obj.get("status") or {}
    annotations = metadata.get("annotations") or {}
    return StatefulSet(
        name=metadata["name"],
        uid=metadata["uid"],
        resource_version=metadata.get("resourceVersion", ""),
        generation=metadata.get("generation", 0),
        observed_generation=status.get("observedGeneration", 0),
        replicas=places(obj),
        running=running(obj),
        template_hash=annotations.get(names.TEMPLATE_HASH),
        template_revision=template_revision(obj),
        update_revision=status.get("updateRevision"),
        on_delete=(spec.get("updateStrategy") or {}).get("type") == "OnDelete",
        terminating=bool(metadata.get("deletionTimestamp")),
        change=annotations.get(names.LAST_CHANGE),
        drift=drift,
        capacity=capacity(obj),
    )


def claim(obj: Object) -> Claim:
    """Return what a plan reads of a PersistentVolumeClaim."""
    spec, status = obj.get("spec") or {}, obj.get("status") or {}
    return Claim(
        name=obj["metadata"]["name"],
        uid=obj["metadata"]["uid"],
        phase=status.get("phase") or "Pending",
        storage_class=spec.get("storageClassName"),
        terminating=bool(obj["metadata"].get("deletionTimestamp")),
        requested=((spec.get("resources") or {}).get("requests") or {}).get("storage"),
        capacity=(status.get("capacity") or {}).get("storage"),
        trouble=_growth_trouble(status),
        created=instant(obj["metadata"].get("creationTimestamp")),
        node=(obj["metadata"].get("annotations") or {}).get(_SELECTED_NODE),
        restart_since=_restart_since(status),
    )


def capacity(statefulset: Object) -> str | None:
    """Return the size of the data volumes that new pods of *statefulset* get; None without any."""
    for template in (statefulset.get("spec") or {}).get("volumeClaimTemplates") or ():
        if template["metadata"]["name"] == names.DATA:
            requests = (template["spec"].get("resources") or {}).get("requests") or {}
            size: str | None = requests.get("storage")
            return size
    return None


def _growth_trouble(status: Object) -> str | None:
    """Return what the storage says of a growth that fails, None if it does not."""
    for condition in status.get("conditions") or ():
        if condition.get("type") in _RESIZE_ERRORS and condition.get("status") == "True":
            return str(condition.get("message") or condition["type"])
    state = (status.get("allocatedResourceStatuses") or {}).get("storage") or ""
    return f"it calls this {state}" if state.endswith("Infeasible") else None


def _restart_since(status: Object) -> dt.datetime | None:
    """Return since when only the file system is too small, None if it is not."""
    for condition in status.get("conditions") or ():
        if condition.get("type") == "FileSystemResizePending" and condition.get("status") == "True":
            return instant(condition.get("lastTransitionTime"))
    return None


def template_revision(obj: Object) -> int:
    """Return the template revision of a StatefulSet; CassKop's have no annotation: 0.

    `UNKNOWN_REVISION` if it cannot be told: the annotation is no number, or it is missing where it once
    was, since CassKop neither leaves a hash of ours nor makes `OnDelete`.
    """
    annotations = obj["metadata"].get("annotations") or {}
    text = annotations.get(names.TEMPLATE_REVISION)
    if text is None:
        strategy = ((obj.get("spec") or {}).get("updateStrategy") or {}).get("type")
        ours = names.TEMPLATE_HASH in annotations or strategy == "OnDelete"
        return UNKNOWN_REVISION if ours else 0
    return int(text) if text.isdecimal() else UNKNOWN_REVISION


def ordinal(name: str) -> int:
    """Return the number at the end of a pod's name; -1 if it has none."""
    digits = name.rpartition("-")[2]
    return int(digits) if digits.isdecimal() else -1


def instant(text: object) -> dt.datetime | None:
    """Read an API timestamp; None if there is none or it cannot be read."""
    try:
        return dt.datetime.fromisoformat(text) if isinstance(text, str) else None
    except ValueError:
        return None


def _unschedulable(status: Object) -> str | None:
    """Return the scheduler's words if no node can take the pod."""
    for condition in status.get("conditions") or ():
        if (
            condition.get("type") == "PodScheduled"
            and condition.get("status") == "False"
            and condition.get("reason") == "Unschedulable"
        ):
            return str(condition.get("message") or "the scheduler gave no reason")
    return None


def _held_since(status: Object) -> dt.datetime | None:
    """Return since when a kubelet mounts volumes and sets up the network, None if it is not at that."""
    for condition in status.get("conditions") or ():
        if condition.get("type") == "PodReadyToStartContainers" and condition.get("status") == "False":
            return instant(condition.get("lastTransitionTime"))
    return None


def _ready_since(status: Object) -> dt.datetime | None:
    """Return since when all containers are ready; None if they are not."""
    for condition in status.get("conditions") or ():
        if condition.get("type") == "ContainersReady" and condition.get("status") == "True":
            return instant(condition.get("lastTransitionTime"))
    return None


def _containers(status: Object) -> Iterable[Container]:
    """Yield init containers, then containers, in the order of the pod."""
    for field, init in (("initContainerStatuses", True), ("containerStatuses", False)):
        for item in status.get(field) or ():
            yield _container(item, init=init)


def _container(item: Object, *, init: bool) -> Container:
    state = item.get("state") or {}
    waiting, terminated = state.get("waiting") or {}, state.get("terminated") or {}
    last = (item.get("lastState") or {}).get("terminated") or {}
    ended = terminated or last
    return Container(
        name=item["name"],
        running="running" in state,
        ready=bool(item.get("ready")),
        started=bool(item.get("started")),
        since=instant((state.get("running") or {}).get("startedAt")),
        restarts=item.get("restartCount", 0),
        reason=waiting.get("reason") or terminated.get("reason"),
        message=waiting.get("message") or terminated.get("message"),
        exit_code=ended.get("exitCode"),
        last_words=ended.get("message"),
        out_of_memory=ended.get("reason") == "OOMKilled",
        init=init,
    )
