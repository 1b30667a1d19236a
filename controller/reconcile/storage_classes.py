"""
Whether the storage classes exist that new racks ask for.

Claim templates cannot be changed, so a wrong class is caught before a StatefulSet exists. An operator
that may not read storage classes leaves it to the provisioner to complain.
"""

from __future__ import annotations

from collections.abc import Mapping

from controller.api.v2 import effective, names
from controller.api.v2.cluster import CassandraCluster
from controller.api.v2.defaults import with_defaults
from controller.api.v2.revision import Revision
from controller.domain.errors import NotFoundError, TerminalError
from controller.domain.observed import Obstacle
from controller.kube import kinds
from controller.kube.client import KubeClient
from controller.reconcile.stores import Object


def missing(client: KubeClient, cluster: CassandraCluster, live: Mapping[str, Object]) -> list[Obstacle]:
    """Look for the storage classes of the racks that *live* lacks, and say where each is asked for."""
    full = with_defaults(cluster, revision=Revision.newest())
    asked: dict[str, str] = {}
    for i, dc in enumerate(effective.dcs(full)):
        storage_class = effective.data_storage_class(full, dc)
        new = any(names.rack_name(dc.name, rack.name) not in live for rack in dc.rack)
        if new and storage_class and effective.data_capacity(full, dc):
            own = f"spec.topology.dc[{i}].dataStorageClass"
            asked.setdefault(storage_class, own if dc.data_capacity else "spec.dataStorageClass")
        for j, volume in enumerate(full.spec.storage_configs if new else ()):
            name = volume.pvc_spec.get("storageClassName")
            if isinstance(name, str) and name:
                asked.setdefault(name, f"spec.storageConfigs[{j}].pvcSpec.storageClassName")
    return [o for name, path in asked.items() if (o := _obstacle(client, name, path)) is not None]


def _obstacle(client: KubeClient, name: str, path: str) -> Obstacle | None:
    try:
        client.get(kinds.STORAGE_CLASS, "", name)
    except NotFoundError:
        why = f"{path}: there is no storage class {name}: name one that exists (kubectl get storageclass)"
        return Obstacle(reason="StorageClassMissing", path=path, why=why)
    except TerminalError:
        return None
    return None
