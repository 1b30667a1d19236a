"""
Why a pod does not come up, in words that lead to the field to change.

It reads what the scheduler and the kubelet say and blames a field of the spec. It promises to repeat
their own words, so that a wrong guess of the field still leaves the reader with the facts.
"""

from __future__ import annotations

import datetime as dt

import attrs

from controller.domain.desired import DesiredRack
from controller.domain.observed import Container, Pod

# Being unschedulable for a moment is normal while volumes are bound and images of peers are pulled.
PATIENCE = dt.timedelta(seconds=10)

_IMAGE_REASONS = frozenset(
    {
        "ErrImagePull",
        "ImagePullBackOff",
        "InvalidImageName",
        "ErrImageNeverPull",
        "ImageInspectError",
    }
)
_CONFIG_REASONS = frozenset({"CreateContainerConfigError", "CreateContainerError", "RunContainerError"})
_IMAGE_FIELDS = {
    "base-config-builder": "spec.cassandraImage",
    "cassandra": "spec.cassandraImage",
    "config-builder": "spec.configBuilderImage",
    "bootstrap": "spec.bootstrapImage",
    "backrest-sidecar": "spec.backRestSidecar.image",
}
# What the scheduler's sentence contains, the field to look at ("" is the rack's own), what to do.
_SCHEDULING = (
    ("node affinity", ".labels", "give it labels that a node carries, or label a node"),
    ("anti-affinity", "spec.hardAntiAffinity", "add nodes, or allow two pods on a node"),
    ("Insufficient", "spec.resources", "ask for less, or add nodes"),
    ("untolerated taint", "spec.pod.tolerations", "tolerate the taint, or remove it from a node"),
    (
        "PersistentVolumeClaim",
        "spec.dataStorageClass",
        "name a storage class that can provide volumes",
    ),
    ("storageclass", "spec.dataStorageClass", "name a storage class that exists"),
    (
        "volume",
        "spec.dataStorageClass",
        "look at the pod's volumes: they tie it to nodes it cannot use",
    ),
)


@attrs.frozen(kw_only=True)
class Trouble:
    """A pod that will not come up by itself: *reason* for conditions, *path* to look at, *why* to read."""

    pod: str
    reason: str
    path: str
    why: str


# Of long texts both ends are kept, so many characters each.
_END = 200


def diagnose(pod: Pod, rack: DesiredRack, now: dt.datetime) -> Trouble | None:
    """Return what keeps *pod* from coming up, or None while it may still be on its way."""
    if pod.ready or pod.terminating:
        return None
    if pod.unschedulable is not None:
        if pod.created is not None and now - pod.created < PATIENCE:
            return None
        return _unschedulable(pod, pod.unschedulable, rack)
    for container in pod.containers:
        trouble = _container_trouble(pod, container)
        if trouble is not None:
            return trouble
    return None


def _unschedulable(pod: Pod, words: str, rack: DesiredRack) -> Trouble:
    """Find the field that keeps *pod* off every node."""
    otherwise = ("", "", "change it so that a node can take the pod")
    _, field, advice = next((row for row in _SCHEDULING if row[0] in words), otherwise)
    path = field if field.startswith("spec") else f"{rack.path}{field}"
    return Trouble(
        pod=pod.name,
        reason="PodUnschedulable",
        path=path,
        why=f"no node can take {pod.name} (see {path}; {advice}): {_sentence(words)}",
    )


def _container_trouble(pod: Pod, container: Container) -> Trouble | None:
    """Find what keeps one container from running."""
    if container.running or container.ready:
        return None
    words = _sentence(container.message or container.last_words or container.reason or "")
    if container.reason in _IMAGE_REASONS:
        path = _IMAGE_FIELDS.get(container.name, "spec.sidecarConfigs")
        return Trouble(
            pod=pod.name,
            reason="ImageCannotBePulled",
            path=path,
            why=f"the image of container {container.name} in {pod.name} cannot be pulled"
            f" (set {path} to one that can): {words}",
        )
    if container.reason in _CONFIG_REASONS:
        return Trouble(
            pod=pod.name,
            reason="ContainerCannotBeMade",
            path="spec",
            why=f"container {container.name} of {pod.name} cannot be made: {words}",
        )
    failed = container.exit_code not in (None, 0)
    if container.reason == "CrashLoopBackOff" or (failed and container.restarts > 0):
        if container.out_of_memory:
            return _out_of_memory(pod, container)
        path = "spec.config" if container.name in _IMAGE_FIELDS else "spec.sidecarConfigs"
        last = _sentence(container.last_words or container.message or "it left no message")
        return Trouble(
            pod=pod.name,
            reason="ContainerCrashes",
            path=path,
            why=f"container {container.name} of {pod.name} ends again and again"
            f" ({container.restarts} restarts; look at {path} and at its log). Its last words: {last}",
        )
    return None


def _out_of_memory(pod: Pod, container: Container) -> Trouble:
    """Say what a log cannot: the process had no time to write anything."""
    path = "spec.resources.limits.memory" if container.name in _IMAGE_FIELDS else "spec.sidecarConfigs"
    return Trouble(
        pod=pod.name,
        reason="ContainerCrashes",
        path=path,
        why=f"container {container.name} of {pod.name} is killed again and again for taking more memory than"
        f" its limit ({container.restarts} restarts; raise {path}, or let it use less: a smaller heap)",
    )


def _sentence(words: str) -> str:
    """Fit foreign words into ours: one line, and no longer than a reader will read."""
    line = " ".join(words.split())
    # A list of problems begins with the first one, a log ends with what went wrong.
    return line if len(line) <= 2 * _END else f"{line[:_END]} … {line[-_END:]}"
