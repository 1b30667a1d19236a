"""
Whether the ConfigMap with the user's scripts is there, before a pod is restarted or made for it.

A pod that mounts one that is missing never begins. So racks keep what their template names as long as what
is newly named is not there; a rack that is still to be made waits for it. One that goes while a cluster runs
with it changes nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

import attrs

from controller.api.v2 import effective, names
from controller.api.v2.cluster import CassandraCluster
from controller.api.v2.defaults import with_defaults
from controller.api.v2.revision import Revision
from controller.domain.desired import Refusal
from controller.domain.errors import NotFoundError, TerminalError
from controller.domain.observed import Obstacle
from controller.kube import kinds
from controller.kube.client import KubeClient
from controller.reconcile.stores import Object

PATH: Final = "spec.configMapName"
REASON: Final = "ConfigMapMissing"


def missing(client: KubeClient, cluster: CassandraCluster, *, known: bool) -> bool:
    """Tell whether the ConfigMap that *cluster* names is surely not there; *known*: a store has it."""
    name = cluster.spec.config_map_name
    if not name or known:
        return False
    try:
        # The store may not have it yet.
        client.get(kinds.CONFIG_MAP, cluster.namespace, name)
    except NotFoundError:
        return True
    except TerminalError:
        return False
    return False


def obstacles(cluster: CassandraCluster, live: Mapping[str, Object]) -> Iterable[Obstacle]:
    """Yield what keeps racks, those that *live* lacks, from being made: their pods would never begin."""
    full = with_defaults(cluster, revision=Revision.newest())
    asked = {names.rack_name(dc.name, rack.name) for dc, rack in effective.racks(full)}
    if asked - live.keys():
        yield Obstacle(reason=REASON, path=PATH, why=f"{PATH}: {_why(cluster)}")


def kept(cluster: CassandraCluster, live: Object | None) -> tuple[CassandraCluster, tuple[Refusal, ...]]:
    """Return *cluster* as the rack with StatefulSet *live* follows it while the ConfigMap is missing."""
    if live is None or _mounted(live) == cluster.spec.config_map_name:
        return cluster, ()
    spec = attrs.evolve(cluster.spec, config_map_name=_mounted(live))
    why = f"{PATH}: {_why(cluster)}; no node is restarted for it before"
    return attrs.evolve(cluster, spec=spec), (Refusal(path=PATH, why=why, reason=REASON),)


def _why(cluster: CassandraCluster) -> str:
    return (
        f"there is no ConfigMap {cluster.spec.config_map_name} in namespace {cluster.namespace}: create it,"
        " or take the name out"
    )


def _mounted(live: Object) -> str | None:
    """Return the name of the ConfigMap that pods of *live* mount for scripts; None without one."""
    for volume in live["spec"]["template"]["spec"].get("volumes") or ():
        if volume["name"] == names.USER_SCRIPTS:
            name: str | None = (volume.get("configMap") or {}).get("name")
            return name
    return None
