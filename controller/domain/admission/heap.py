"""
Rules on `config`: its sections, and a heap that fits the memory it has.

CassKop takes heaps of any size, and clusters run with those that are refused here. So what a cluster has
already stands: it is told of, and is no reason to leave the cluster alone. Where Cassandra is not started
at all, with `debug`, no heap is too large.
"""

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


@attrs.frozen(kw_only=True)
class _Rack:
    """What counts for the heap of one rack: configuration by its path, strongest first, and *resources*.

    The latter are those of *where*, a path.
    """

    levels: dict[str, JsonMap]
    resources: JsonMap
    where: str


@attrs.frozen(kw_only=True)
class _Misfit:
    """A *problem* of sizes, and the sizes that make it one: of the heap as written, and of the memory."""

    problem: Problem
    sizes: tuple[object, object, int | None]


def problems(cluster: CassandraCluster) -> Iterator[Problem]:
    """Yield problems of the configuration on all levels."""
    for rack in _racks(cluster):
        for path, config in rack.levels.items():
            yield from _sections(path, config)
    for misfit in _misfits(cluster):
        yield misfit.problem


def standing(cluster: CassandraCluster, accepted: CassandraCluster) -> frozenset[Problem]:
    """Return the problems of sizes that *cluster* has in common with *accepted*, whose spec is carried out.

    They may have moved to another level, or to a data centre that is new. A change of one size that leaves
    the other one wrong is a problem of its own.
    """
    known = {misfit.sizes for misfit in _misfits(accepted)}
    found = list(_misfits(cluster))
    changed = {misfit.problem for misfit in found if misfit.sizes not in known}
    return frozenset(misfit.problem for misfit in found) - changed


def _racks(cluster: CassandraCluster) -> Iterator[_Rack]:
    filled = with_defaults(cluster, revision=Revision.newest())
    for index, dc in enumerate(effective.dcs(filled)):
        path, resources = f"spec.topology.dc[{index}]", effective.resources(filled, dc)
        where = path if resources is dc.resources else "spec"
        for position, rack in enumerate(dc.rack):
            levels = _levels(filled, dc, rack, path, position)
            yield _Rack(levels=levels, resources=resources, where=where)


def _misfits(cluster: CassandraCluster) -> Iterator[_Misfit]:
    if cluster.spec.debug:
        return
    for rack in _racks(cluster):
        maximum, initial = _setting(rack.levels, heap.MAX), _setting(rack.levels, heap.INITIAL)
        sizes = (_written(maximum), _written(initial), heap.memory_limit(rack.resources))
        for problem in _heap(maximum, initial, rack):
            yield _Misfit(problem=problem, sizes=sizes)


def _written(setting: _Setting | None) -> object:
    # As text, since whatever JSON somebody wrote need not have a hash.
    return None if setting is None else repr(setting.value)


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


def _heap(maximum: _Setting | None, initial: _Setting | None, rack: _Rack) -> Iterator[Problem]:
    for setting in (maximum, initial):
        if setting and setting.size is None:
            message = f"{setting.value!r} is no heap size; write a whole number with M or G, such as 512M"
            yield Problem(path=setting.path, message=message)
    limit = heap.memory_limit(rack.resources)
    default = heap.default_heap(rack.resources).maximum * 1024**2
    if maximum is None and default < _LEAST:
        message = (
            "the heap is a quarter of this and would be too small for Cassandra; "
            "write at least 256Mi, or set `max_heap_size` in `config`"
        )
        yield Problem(path=f"{rack.where}.resources.limits.memory", message=message)
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
