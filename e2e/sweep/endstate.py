"""
The state that a story ends in, without what no two runs share: times, UIDs, versions, addresses.

Two runs of a story end well only if these are equal: what a fault leaves behind shows here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from controller.runtime.store import Key
from e2e.providers.sim import SimCluster
from e2e.sweep import world

_KINDS: Final = (
    world.CLUSTERS,
    world.STATEFULSETS,
    world.PODS,
    world.CLAIMS,
    world.BUDGETS,
    world.SERVICES,
    world.CONFIG_MAPS,
    world.SECRETS,
)
# Members that differ from run to run, wherever they are.
_PASSING: Final = frozenset(
    {
        "uid",
        "resourceVersion",
        "creationTimestamp",
        "managedFields",
        "lastTransitionTime",
        "lastProbeTime",
        "startTime",
        "endTime",
        "startedAt",
        "finishedAt",
        "containerID",
        "podIP",
        "podIPs",
        "hostIP",
        "hostIPs",
        "hostId",
        "disk",
        "nodeIp",
        "nodeName",
        "volumeName",
        "clusterIP",
        "clusterIPs",
        "volume.kubernetes.io/selected-node",
        "operation-start",
        "operation-end",
        # When what is due became so.
        "since",
        # Which process it was that asked.
        "operatorName",
        "cassandraclusters.db.orange.com/operation-request",
        # The owner's UID, and what is made from it; what it is the hash of is compared itself.
        "cassandraclusters.db.orange.com/cluster-uid",
        "cassandraclusters.db.orange.com/object-hash",
        "cassandraclusters.db.orange.com/login",
    }
)
# Counted by the server at every write: how often depends on what was seen in between.
_COUNTED: Final = frozenset({"generation", "observedGeneration"})


def end_state(cluster: SimCluster) -> dict[str, Any]:
    """Return every object in the namespace by `kind/name`, and the modes of the nodes by pod."""
    found: dict[str, Any] = {}
    for place in _KINDS:
        drop = _PASSING if place == world.CLUSTERS else _PASSING | _COUNTED
        for version in cluster.server.store.each(place, cluster.namespace):
            name = version.object["metadata"]["name"]
            found[f"{place[1]}/{name}"] = _lasting(version.object, drop)
    for node in world.look(cluster).nodes:
        found[f"nodes/{node.pod}"] = {"mode": node.mode, "serves": node.serves, "knows": len(node.knows)}
    return found


def differences(wanted: Any, found: Any, path: str = "") -> Iterator[str]:  # noqa: ANN401 -- JSON
    """Yield where *found* is not as *wanted*, one sentence each."""
    if wanted == found:
        return
    if isinstance(wanted, Mapping) and isinstance(found, Mapping):
        for key in sorted({*wanted, *found}):
            yield from differences(wanted.get(key), found.get(key), f"{path}.{key}" if path else key)
    elif isinstance(wanted, list) and isinstance(found, list) and len(wanted) == len(found):
        for index, (one, other) in enumerate(zip(wanted, found, strict=True)):
            yield from differences(one, other, f"{path}[{index}]")
    else:
        yield f"{path} is {_short(found)}, without faults {_short(wanted)}"


def stale_stores(cluster: SimCluster) -> Iterator[str]:
    """Yield where the operator's stores are not what the API server has."""
    operator = cluster.operator
    if operator is None:
        yield "no operator runs"
        return
    for kind, store in operator.core.stores.by_kind().items():
        place = (kind.group, kind.plural)
        live = {
            Key(cluster.namespace, v.object["metadata"]["name"]): v.object["metadata"]["resourceVersion"]
            for v in cluster.server.store.each(place, cluster.namespace)
        }
        for key in store.keys():  # noqa: SIM118 -- a store is no dict
            if key not in live:
                yield f"the store has {kind.plural} {key.name}, which is gone"
            elif store.version(key) != live[key]:
                yield f"the store has {kind.plural} {key.name} at an old version"


def _lasting(value: Any, drop: frozenset[str]) -> Any:  # noqa: ANN401 -- JSON
    """Return *value* without what is to be dropped, nor what held nothing else."""
    if isinstance(value, Mapping):
        kept = {k: _lasting(v, drop) for k, v in value.items() if k not in drop}
        return {k: v for k, v in kept.items() if v != {} or value[k] == {}}
    if isinstance(value, list):
        return [_lasting(v, drop) for v in value]
    return value


def _short(value: Any) -> str:  # noqa: ANN401 -- JSON
    text = "absent" if value is None else repr(value)
    return text if len(text) <= 120 else text[:119] + "…"
