"""
Why a pod does not come up, in words that lead to the field to change.

It reads what the scheduler and the kubelet say and blames a field of the spec. It promises to repeat
their own words, so that a wrong guess of the field still leaves the reader with the facts.
"""

from __future__ import annotations

import datetime as dt
import re

import attrs

from controller.domain.desired import DesiredRack
from controller.domain.observed import Container, Pod
from controller.domain.origins import BACKREST, Origins

# Being unschedulable for a moment is normal while volumes are bound and images of peers are pulled.
PATIENCE = dt.timedelta(seconds=10)
# Volumes are attached, and networks set up, within seconds; a large image is pulled afterwards.
_MOUNTS = dt.timedelta(minutes=2)

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
_SIDECARS = "spec.sidecarConfigs"
_CONFIG = "spec.config"
# What a kubelet says of a variable whose source is not there.
_NO_OBJECT = re.compile(r'(secret|configmap) "([^"]+)" not found', re.IGNORECASE)
_NO_KEY = re.compile(r"couldn't find key (\S+) in (Secret|ConfigMap) (?:\S+/)?([\w.-]+)")
_KINDS = {"secret": "Secret", "configmap": "ConfigMap"}
# Cassandra's words when nobody answers its gossip: with data, and without.
_ALONE = ("Unable to gossip with any", "Unable to contact any seeds")
# The user's scripts, by which bootstrap speaks of them, and where a user's image sees them.
_SCRIPTS = ("pre_run", "post_run", "/configmap")
# A volume is where it is: neither labels nor sizes of the rack are to blame, nor is a storage class.
_VOLUME_IS_ELSEWHERE = (
    "spec.nodeReplacement",
    (
        "its volume lies on a machine that cannot take it: bring that one back or uncordon it, or, if it is"
        " gone for good, have the node replaced"
    ),
)
# What the scheduler's sentence contains, the field to look at ("" is the rack's own), what to do.
_SCHEDULING = (
    ("PersistentVolume's node affinity", *_VOLUME_IS_ELSEWHERE),
    ("volume node affinity conflict", *_VOLUME_IS_ELSEWHERE),
    ("unschedulable", "", "`kubectl uncordon` a machine that may take it"),
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
        trouble = _container_trouble(pod, container, rack)
        if trouble is not None:
            return trouble
    if pod.held_since is not None and now - pod.held_since >= _MOUNTS and not _over(pod):
        return _held(pod, rack.origins)
    return None


def _over(pod: Pod) -> bool:
    """Tell whether *pod* runs, or has ended for good."""
    return pod.phase in {"Failed", "Succeeded"} or any(container.running for container in pod.containers)


def _held(pod: Pod, origins: Origins) -> Trouble:
    """Say that nothing of *pod* begins; only events tell what its kubelet waits for."""
    path = origins.scripts or "spec"
    named = f", of which {path} may name one" if origins.scripts else ""
    return Trouble(
        pod=pod.name,
        reason="PodCannotBegin",
        path=path,
        why=f"no container of {pod.name} begins: its volumes cannot be mounted{named}, or its network is not"
        f" there; `kubectl describe pod {pod.name}` says which",
    )


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


def _container_trouble(pod: Pod, container: Container, rack: DesiredRack) -> Trouble | None:
    """Find what keeps one container from running."""
    if container.running or container.ready:
        return None
    words = _sentence(container.message or container.last_words or container.reason or "")
    origins = rack.origins
    if container.reason in _IMAGE_REASONS:
        path = _IMAGE_FIELDS.get(container.name) or _sidecar(container.name, origins)
        return Trouble(
            pod=pod.name,
            reason="ImageCannotBePulled",
            path=path,
            why=f"the image of container {container.name} in {pod.name} cannot be pulled"
            f" (set {path} to one that can): {words}",
        )
    if container.reason in _CONFIG_REASONS:
        path, advice = _cannot_be_made(container, words, origins)
        return Trouble(
            pod=pod.name,
            reason="ContainerCannotBeMade",
            path=path,
            why=f"container {container.name} of {pod.name} cannot be made (see {path}; {advice}): {words}",
        )
    failed = container.exit_code not in (None, 0)
    if container.reason == "CrashLoopBackOff" or (failed and container.restarts > 0):
        if container.out_of_memory:
            return _out_of_memory(pod, container, origins)
        last = _sentence(container.last_words or container.message or "it left no message")
        paths = _suspects(container.name, last, origins)
        advice = f"look at {', '.join(paths)} and at its log"
        if container.name == "cassandra" and any(said in last for said in _ALONE):
            # What it starts with was written when its pod was: it has not heard of who came since.
            advice = (
                "it reaches none of the nodes that it knew when its pod was made: it starts once one of"
                f" them serves, and `kubectl delete pod {pod.name}` has it look for the seeds of now; if they"
                f" serve, {advice}"
            )
        return Trouble(
            pod=pod.name,
            reason="ContainerCrashes",
            path=paths[0],
            why=f"container {container.name} of {pod.name} ends again and again"
            f" ({container.restarts} restarts; {advice}). Its last words: {last}",
        )
    return None


def _sidecar(name: str, origins: Origins) -> str:
    """Return where the spec speaks of the sidecar called *name*; of one that was injected, as a whole."""
    return origins.sidecars.get(name, _SIDECARS)


def _suspects(name: str, words: str, origins: Origins) -> tuple[str, ...]:
    """Return the fields that may have the container called *name* end, the likeliest first."""
    found: tuple[str | None, ...]
    match name:
        case "base-config-builder":
            found = ("spec.cassandraImage",)
        case "config-builder":
            found = (_CONFIG, origins.builder_image)
        case "bootstrap":
            by_script = origins.scripts if any(word in words for word in _SCRIPTS) else None
            found = (by_script, origins.bootstrap_image, origins.scripts)
            found = found if any(found[:2]) else (_CONFIG, origins.scripts)
        case "cassandra":
            found = (origins.changed_image, _CONFIG)
        case "backrest-sidecar":
            found = (BACKREST,)
        case _:
            found = (_sidecar(name, origins),)
    return tuple(dict.fromkeys(path for path in found if path))


def _cannot_be_made(container: Container, words: str, origins: Origins) -> tuple[str, str]:
    """Return the field that keeps *container* from being made, and what to do."""
    whole, part = _NO_OBJECT.search(words), _NO_KEY.search(words)
    if whole is not None or part is not None:
        kind, name, key = _missing(whole, part)
        # Variables of the backup sidecar are those of others, too; their own come first.
        own = {"cassandra": "spec.envVars"} | dict(origins.sidecars)
        mine = own.get(container.name, BACKREST)
        paths = [
            r.path for r in origins.references if (r.kind, r.name) == (kind, name) and key in {None, r.key}
        ]
        paths.sort(key=lambda path: not path.startswith(mine))
        what = f"create {kind} {name}" if key is None else f"add key {key} to {kind} {name}"
        return (paths[0] if paths else "spec"), f"{what}, or take the reference out"
    image = _IMAGE_FIELDS.get(container.name) or _sidecar(container.name, origins)
    return image, "its image may lack the program that it is to run"


def _missing(whole: re.Match[str] | None, part: re.Match[str] | None) -> tuple[str, str, str | None]:
    """Return kind and name of what a kubelet does not find, and the key if the rest is there."""
    if part is not None:
        return part[2], part[3], part[1]
    assert whole is not None
    return _KINDS[whole[1].lower()], whole[2], None


def _out_of_memory(pod: Pod, container: Container, origins: Origins) -> Trouble:
    """Say what a log cannot: the process had no time to write anything."""
    if container.name == "backrest-sidecar":
        path = f"{BACKREST}.resources.limits.memory"
    elif container.name in _IMAGE_FIELDS:
        path = "spec.resources.limits.memory"
    else:
        path = _sidecar(container.name, origins)
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
