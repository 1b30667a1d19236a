"""Rules on `config`: its sections, and a heap that fits the memory it has."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import attrs

from controller.api.v2 import effective, heap
from controller.api.v2.cluster import DC, CassandraCluster, Rack
from controller.api.v2.defaults import with_defaults
from controller.api.v2.jsonvalues import JsonMap
from controller.api.v2.problems import Problem
from controller.api.v2.revision import Revision

# With less, Cassandra spends its time collecting garbage or does not start at all.
_LEAST = 64 * 1024**2


@attrs.frozen(kw_only=True)
class _Setting:
    """A heap size as somebody wrote it, and where."""

    path: str
    value: object

    @property
    def size(self) -> int | None:
        return heap.size_in_bytes(self.value)


def problems(cluster: CassandraCluster) -> Iterator[Problem]:
    """Yield problems of the configuration on all levels."""
    filled = with_defaults(cluster, revision=Revision.newest())
    for index, dc in enumerate(effective.dcs(filled)):
        for position, rack in enumerate(dc.rack):
            levels = _levels(filled, dc, rack, f"spec.topology.dc[{index}]", position)
            for path, config in levels.items():
                yield from _sections(path, config)
            yield from _heap(filled, dc, f"spec.topology.dc[{index}]", levels)


def _levels(cluster: CassandraCluster, dc: DC, rack: Rack, dc_path: str, position: int) -> dict[str, JsonMap]:
    """Return the configuration of each level by its path, the strongest first."""
    levels = {
        f"{dc_path}.rack[{position}].config": rack.config,
        f"{dc_path}.config": dc.config,
        "spec.config": cluster.spec.config,
    }
    return {path: config for path, config in levels.items() if config is not None}


def _sections(path: str, config: JsonMap) -> Iterator[Problem]:
    for name, section in config.items():
        if not isinstance(section, Mapping):
            message = "is not an object; write settings below the name of a section, such as `cassandra-yaml`"
            yield Problem(path=f"{path}.{name}", message=message)


def _heap(cluster: CassandraCluster, dc: DC, dc_path: str, levels: dict[str, JsonMap]) -> Iterator[Problem]:
    maximum, initial = _setting(levels, heap.MAX), _setting(levels, heap.INITIAL)
    for setting in (maximum, initial):
        if setting and setting.size is None:
            message = f"{setting.value!r} is no heap size; write a whole number with M or G, such as 512M"
            yield Problem(path=setting.path, message=message)
    resources = effective.resources(cluster, dc)
    limit = heap.memory_limit(resources)
    default = heap.default_heap(resources).maximum * 1024**2
    if maximum is None and default < _LEAST:
        where = dc_path if resources is dc.resources else "spec"
        message = (
            "the heap is a quarter of this and would be too small for Cassandra; "
            "write at least 256Mi, or set `max_heap_size` in `config`"
        )
        yield Problem(path=f"{where}.resources.limits.memory", message=message)
    largest = default if maximum is None else maximum.size
    if maximum and maximum.size is not None and limit is not None and maximum.size > limit:
        message = "the heap is larger than the memory limit; lower it, or raise `resources.limits.memory`"
        yield Problem(path=maximum.path, message=message)
    if initial and initial.size is not None and largest is not None and initial.size > largest:
        message = "the heap would begin larger than it may grow; lower it, or raise `max_heap_size`"
        yield Problem(path=initial.path, message=message)


def _setting(levels: dict[str, JsonMap], name: str) -> _Setting | None:
    """Return the strongest setting of a JVM option, in whichever section it is."""
    for path, config in levels.items():
        for section in reversed(heap.JVM_SECTIONS):
            value = heap.option(config.get(section), name)
            if value is not None:
                return _Setting(path=f"{path}.{section}.{name}", value=value)
    return None
