"""What a story may wait for: questions to a world, each answered yes or no by what truly is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from controller.api.v2.names import OPERATION_RESULT
from e2e.sweep.world import Object, World, condition, label, wanted_size

Probe = Callable[[World], bool]

# Why an operation may rightly fail: its node or a peer went down in the middle, or the answer was lost.
_REASONS: Final = (
    "Cassandra was restarted",
    "the answer was lost",
    "Stream failed: connection to",
    "failed stream session",
)


def ready(name: str) -> Probe:
    """The cluster says of its spec as it is now that it is Ready and nothing is left to do; and it is."""

    def probe(world: World) -> bool:
        obj = world.clusters.get(name)
        if obj is None:
            return False
        found = condition(obj, "Ready")
        current = found.get("observedGeneration") == obj["metadata"].get("generation")
        idle = condition(obj, "Progressing")["status"] == "False"
        serving = [n for n in world.nodes_of(name) if n.mode == "NORMAL" and n.serves]
        return found["status"] == "True" and idle and current and len(serving) == wanted_size(obj)

    return probe


def says(name: str, kind: str, reason: str, *, status: str = "True") -> Probe:
    """A condition of the cluster has that *status*, for *reason*."""

    def probe(world: World) -> bool:
        obj = world.clusters.get(name)
        found = condition(obj, kind) if obj is not None else {}
        return (found.get("status"), found.get("reason")) == (status, reason)

    return probe


def missing(name: str) -> Probe:
    """The cluster says that it is not Ready."""

    def probe(world: World) -> bool:
        obj = world.clusters.get(name)
        return obj is not None and condition(obj, "Ready")["status"] == "False"

    return probe


def down(name: str) -> Probe:
    """A node of the cluster does not serve, whoever knows of it."""

    def probe(world: World) -> bool:
        serving = [n for n in world.nodes_of(name) if n.mode == "NORMAL" and n.serves]
        return name in world.clusters and len(serving) < wanted_size(world.clusters[name])

    return probe


def gone(name: str) -> Probe:
    """The cluster, its StatefulSets and its pods are no more; its volumes are."""

    def probe(world: World) -> bool:
        left = [*world.statefulsets.values(), *world.pods.values(), *world.budgets.values()]
        volumes = [claim for claim in world.claims.values() if label(claim) == name]
        return name not in world.clusters and name not in map(label, left) and bool(volumes)

    return probe


def nothing_left(name: str) -> Probe:
    """The cluster and all that carries its label is no more, volumes too."""

    def probe(world: World) -> bool:
        kinds = (world.statefulsets, world.pods, world.budgets, world.claims)
        left = [label(obj) for named in kinds for obj in named.values()]
        return name not in world.clusters and name not in left

    return probe


def tidy(name: str) -> Probe:
    """There are as many pods and volumes of the cluster as the spec asks for nodes: none of who left."""

    def probe(world: World) -> bool:
        obj = world.clusters.get(name)
        kinds = (world.pods, world.claims)
        sizes = [sum(label(each) == name for each in named.values()) for named in kinds]
        return obj is not None and set(sizes) == {wanted_size(obj)}

    return probe


def racks(name: str, *wanted: str) -> Probe:
    """The cluster's StatefulSets are those of the racks called *wanted*."""
    names = {f"{name}-{rack}" for rack in wanted}
    return lambda world: {s["metadata"]["name"] for s in world.racks_of(name)} == names


def leaving(name: str, pod: str) -> Probe:
    """Cassandra in *pod* of the cluster hands its data over."""
    return lambda world: any(n.pod == pod and n.mode == "LEAVING" for n in world.nodes_of(name))


def placeless(pod: str) -> Probe:
    """There is such a pod, and the scheduler finds no Kubernetes node for it."""

    def probe(world: World) -> bool:
        found = world.pods.get(pod) or {}
        conditions = (found.get("status") or {}).get("conditions") or ()
        return any(c["type"] == "PodScheduled" and c.get("reason") == "Unschedulable" for c in conditions)

    return probe


def replaced(name: str) -> Probe:
    """All members that anybody in the cluster counts are there, as many as the spec asks for."""

    def probe(world: World) -> bool:
        obj, nodes = world.clusters.get(name), world.nodes_of(name)
        there = frozenset(node.address for node in nodes)
        return (
            obj is not None and len(nodes) == wanted_size(obj) and all(node.knows == there for node in nodes)
        )

    return probe


def serving(name: str, nodes: int) -> Probe:
    """So many nodes of the cluster serve."""
    return lambda world: sum(n.mode == "NORMAL" and n.serves for n in world.nodes_of(name)) >= nodes


def exists(pod: str) -> Probe:
    """There is such a pod."""
    return lambda world: pod in world.pods


def operated(pod: str, status: str) -> Probe:
    """The last operation that labels of *pod* asked for has ended so."""

    def probe(world: World) -> bool:
        labels = world.pods[pod]["metadata"].get("labels") or {} if pod in world.pods else {}
        return labels.get("operation-status") == status and bool(labels.get("operation-end"))

    return probe


def settled(pod: str) -> Probe:
    """The last operation that labels of *pod* asked for is Done, or failed by what befell it."""

    def excused(world: World) -> bool:
        result = (world.pods[pod]["metadata"].get("annotations") or {}).get(OPERATION_RESULT) or ""
        return any(words in result for words in _REASONS)

    return any_of(operated(pod, "Done"), all_of(operated(pod, "Error"), excused))


def pending(name: str) -> Probe:
    """An edit of the cluster waits for approval, the newest one."""

    def probe(world: World) -> bool:
        obj = world.clusters.get(name) or {}
        status = obj.get("status") or {}
        return bool(status.get("pendingChange")) and (
            status.get("observedGeneration") == obj["metadata"].get("generation")
        )

    return probe


def on_image(pod: str, wanted: str) -> Probe:
    """There is such a pod, and Cassandra in it is to run from this image."""
    return lambda world: pod in world.pods and wanted in _images(world.pods[pod])


def tuned(name: str, megabytes: int) -> Probe:
    """All nodes of the cluster compact at so many megabytes a second."""
    return lambda world: {node.compacts_at for node in world.nodes_of(name)} == {megabytes}


def at_work(pod: str, method: str) -> Probe:
    """Cassandra in *pod* carries *method* out."""
    return lambda world: any(node.pod == pod and method in node.at_work for node in world.nodes)


def any_of(*probes: Probe) -> Probe:
    """One of them holds."""
    return lambda world: any(probe(world) for probe in probes)


def removing(name: str) -> Probe:
    """Cassandra in some pod of the cluster removes a dead node from the ring, or the ring has lost it."""
    return lambda world: (
        any(node.removes for node in world.nodes_of(name))
        or all(len(node.knows) < wanted_size(world.clusters[name]) for node in world.nodes_of(name))
    )


def image(name: str, wanted: str) -> Probe:
    """Every pod of the cluster runs Cassandra from this image."""

    def probe(world: World) -> bool:
        pods = [pod for pod in world.pods.values() if label(pod) == name]
        images = [image for pod in pods for image in _images(pod)]
        return bool(images) and set(images) == {wanted}

    return probe


def all_of(*probes: Probe) -> Probe:
    """All of them hold."""
    return lambda world: all(probe(world) for probe in probes)


def stopped(name: str) -> Probe:
    """The cluster says that it is stopped, and nothing of it runs; its volumes are there."""

    def probe(world: World) -> bool:
        obj = world.clusters.get(name)
        idle = obj is not None and condition(obj, "Progressing").get("reason") == "Stopped"
        volumes = [claim for claim in world.claims.values() if label(claim) == name]
        return (
            idle
            and not world.nodes_of(name)
            and name not in map(label, world.pods.values())
            and bool(volumes)
        )

    return probe


def sized(name: str, wanted: str) -> Probe:
    """Every volume of the cluster has this size, and new ones get it."""

    def probe(world: World) -> bool:
        claims = [claim for claim in world.claims.values() if label(claim) == name]
        sizes = [((c.get("status") or {}).get("capacity") or {}).get("storage") for c in claims]
        for rack in world.racks_of(name):
            templates = rack["spec"].get("volumeClaimTemplates") or ()
            sizes += [template["spec"]["resources"]["requests"]["storage"] for template in templates]
        return bool(world.racks_of(name)) and set(sizes) == {wanted}

    return probe


def budget(name: str, unavailable: int) -> Probe:
    """The disruption budget allows so many pods to be missing."""

    def probe(world: World) -> bool:
        found = world.budgets.get(name)
        return found is not None and found["spec"].get("maxUnavailable") == unavailable

    return probe


def _images(pod: Object) -> list[str]:
    return [c["image"] for c in pod["spec"]["containers"] if c["name"] == "cassandra"]
