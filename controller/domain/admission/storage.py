"""Rules on volumes: sizes, and names and places of further volumes."""

from __future__ import annotations

from collections.abc import Iterator

from controller.api.v2 import names
from controller.api.v2.cluster import CassandraCluster, StorageConfig
from controller.api.v2.problems import Problem
from controller.domain.admission import syntax
from controller.domain.admission.resources import amount


def problems(cluster: CassandraCluster) -> Iterator[Problem]:
    """Yield problems of capacities and of `storageConfigs`."""
    spec = cluster.spec
    dcs = spec.topology.dc if spec.topology else ()
    yield from _size("spec.dataCapacity", spec.data_capacity or None)
    yield from _class("spec.dataStorageClass", spec.data_storage_class)
    for index, dc in enumerate(dcs):
        yield from _size(f"spec.topology.dc[{index}].dataCapacity", dc.data_capacity or None)
        yield from _class(f"spec.topology.dc[{index}].dataStorageClass", dc.data_storage_class)
    has_data = bool(spec.data_capacity) or any(dc.data_capacity for dc in dcs)
    # Where a volume of ours that cannot give way is mounted, and who got there first.
    places = {names.DATA_PATH: "the data volume"} if has_data else {}
    taken: dict[str, str] = dict.fromkeys(names.VOLUMES, "a volume of the operator")
    for index, volume in enumerate(spec.storage_configs):
        path = f"spec.storageConfigs[{index}]"
        yield from _volume_problems(path, volume)
        for field, text, others in (("name", volume.name, taken), ("mountPath", volume.mount_path, places)):
            if text in others:
                yield Problem(
                    path=f"{path}.{field}", message=f"{text!r} belongs to {others[text]}; choose another"
                )
            others.setdefault(text, path)


def _volume_problems(path: str, volume: StorageConfig) -> Iterator[Problem]:
    wrong = syntax.dns_label(volume.name)
    if wrong:
        yield Problem(path=f"{path}.name", message=wrong)
    wrong = syntax.mount_path(volume.mount_path)
    if wrong:
        yield Problem(path=f"{path}.mountPath", message=wrong)
    claim = volume.pvc_spec
    if not claim.get("accessModes"):
        message = "is missing; write how the volume is used, such as [ReadWriteOnce]"
        yield Problem(path=f"{path}.pvcSpec.accessModes", message=message)
    size = f"{path}.pvcSpec.resources.requests.storage"
    storage = ((claim.get("resources") or {}).get("requests") or {}).get("storage")
    if storage is None:
        yield Problem(path=size, message="is missing; write the size of the volume, such as 10Gi")
    else:
        yield from _size(size, storage)


def _size(path: str, value: object) -> Iterator[Problem]:
    if value is not None:
        result = amount(path, value, positive=True)
        if isinstance(result, Problem):
            yield result


def _class(path: str, name: str | None) -> Iterator[Problem]:
    wrong = syntax.object_name(name) if name else None
    if wrong:
        yield Problem(path=path, message=wrong)
