"""
What the config builder is told: CONFIG_FILE_DATA.

A user's configuration comes on three levels, cluster, data centre and rack; later levels win, member by
member, lists as a whole. Leaves that nobody set get defaults. Which Cassandra file a leaf goes to, and
under which name, is the config builder's affair.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from controller.api.v2 import effective
from controller.api.v2.cluster import DC, CassandraCluster, Rack
from controller.api.v2.heap import INITIAL, MAX, Heap, default_heap, option, size_in_bytes
from controller.api.v2.jsonvalues import EMPTY, thaw
from controller.api.v2.revision import Revision
from controller.api.v2.version import casskop_product_version, numbers, product_version
from controller.builders import gojson

Config = dict[str, Any]

_JVM = "jvm-options"
_JVM_SERVER = "jvm-server-options"
_TIMEOUTS = ("read_request_timeout", "write_request_timeout", "counter_write_request_timeout")
_TIMEOUT_MS = 5000
_RING_DELAY_MS = 30000
_RING_DELAY = "cassandra_ring_delay_ms"
_JMX = "jmx-connection-type"
# The options that we have defaults for, by a spelling in which `-` and `_` are the same.
_OURS = {name.replace("-", "_"): name for name in (INITIAL, MAX, _RING_DELAY, _JMX)}
# From here on cassandra.yaml names durations without a unit, and values carry it.
_UNITS_IN_VALUES = (4, 1)
_FOUR = 4


def version(cluster: CassandraCluster, revision: Revision) -> str:
    """Return PRODUCT_VERSION; in revision 1 empty if neither spec nor image tag says it."""
    spec = cluster.spec
    read = casskop_product_version if revision is Revision.CASSKOP else product_version
    return read(spec.server_version, spec.cassandra_image or "")


def config_file_data(
    cluster: CassandraCluster, dc: DC, rack: Rack, *, seeds: Iterable[str], revision: Revision
) -> str:
    """Return the configuration of a rack's nodes as JSON text, in Go's way of writing it."""
    base: Config = {
        "cluster-info": {"name": cluster.name, "seeds": ",".join(seeds)},
        "datacenter-info": {"name": dc.name},
    }
    levels = [thaw(level or EMPTY) for level in (cluster.spec.config, dc.config, rack.config)]
    match revision:
        case Revision.CASSKOP:
            return gojson.dumps(_casskop_config(cluster, [base, *levels]))
        case Revision.HARDENED:
            return gojson.dumps(_our_config(cluster, dc, [base, *levels]))


def _casskop_config(cluster: CassandraCluster, levels: list[Config]) -> Config:
    """Merge as CassKop does.

    The user's JVM options move by the detected version, the defaults for them by `serverVersion` alone;
    so they may land in different sections. Heap sizes come from the cluster's resources only.
    """
    if version(cluster, Revision.CASSKOP).startswith("4"):
        levels = [_renamed(level) for level in levels]
    config = _merged(levels)
    for name in _TIMEOUTS:
        _default(config, "cassandra-yaml", f"{name}_in_ms", _TIMEOUT_MS)
    _default(config, "logback-xml", "debuglog-enabled", value=False)
    section = _JVM_SERVER if (cluster.spec.server_version or "").startswith("4") else _JVM
    _jvm_defaults(config, section, default_heap(cluster.spec.resources or EMPTY), jmx="remote-no-auth")
    return config


def _our_config(cluster: CassandraCluster, dc: DC, levels: list[Config]) -> Config:
    """Merge for new clusters.

    Options for the JVM are one section, the one that this version reads. The heap follows the resources
    of the data centre. JMX listens on the pod's own loopback unless a user opens it: with JMX, whoever
    reaches the port owns the node.
    """
    release = numbers(version(cluster, Revision.HARDENED))
    section = _JVM if release and release[0] < _FOUR else _JVM_SERVER
    config = _merged(_in_one_section(level, section) for level in levels)
    if release:
        _timeouts(config, units_in_values=release >= _UNITS_IN_VALUES)
    _default(config, "logback-xml", "debuglog-enabled", value=False)
    heap = default_heap(effective.resources(cluster, dc))
    _jvm_defaults(config, section, _around_the_users(heap, config.get(section)), jmx="local-no-auth")
    return config


def _jvm_defaults(config: Config, section: str, heap: Heap, *, jmx: str) -> None:
    _default(config, section, INITIAL, heap.initial_text)
    _default(config, section, MAX, heap.maximum_text)
    _default(config, section, _RING_DELAY, _RING_DELAY_MS)
    _default(config, section, _JMX, jmx)


def _around_the_users(heap: Heap, options: object) -> Heap:
    """Fit the default initial size to a largest size of the user's: the JVM refuses a larger one."""
    largest = size_in_bytes(option(options, MAX))
    if largest is None:
        return heap
    megabytes = largest // 1024**2
    return Heap(initial=max(megabytes // 4, 1), maximum=megabytes)


def _timeouts(config: Config, *, units_in_values: bool) -> None:
    """Set timeouts that were set under neither of their names: Cassandra refuses to know both."""
    given = config.get("cassandra-yaml")
    for name in _TIMEOUTS:
        if isinstance(given, Mapping) and {name, f"{name}_in_ms"} & given.keys():
            continue
        if units_in_values:
            _default(config, "cassandra-yaml", name, f"{_TIMEOUT_MS}ms")
        else:
            _default(config, "cassandra-yaml", f"{name}_in_ms", _TIMEOUT_MS)


def _default(config: Config, section: str, name: str, value: object) -> None:
    """Set a leaf that is absent or null."""
    leaves = config.setdefault(section, {})
    if isinstance(leaves, dict) and leaves.get(name) is None:
        leaves[name] = value


def _renamed(level: Config) -> Config:
    """Rename `jvm-options`; as in CassKop it takes the place of a section that has the new name."""
    if _JVM not in level:
        return level
    others = {name: value for name, value in level.items() if name != _JVM}
    return others | {_JVM_SERVER: level[_JVM]}


def _in_one_section(level: Config, section: str) -> Config:
    """Bring both sections of JVM options together; the one that has the right name wins."""
    found = sorted((name for name in (_JVM, _JVM_SERVER) if name in level), key=section.__eq__)
    others = {name: value for name, value in level.items() if name not in found}
    return _merged([others, *({section: _spelt_our_way(level[name])} for name in found)])


def _spelt_our_way(options: object) -> object:
    """Give options that we have defaults for the name that the default has, so that it is not added."""
    if not isinstance(options, dict):
        return options
    return {_OURS.get(name.replace("-", "_"), name): value for name, value in options.items()}


def _merged(levels: Iterable[Config]) -> Config:
    result: Config = {}
    for level in levels:
        for name, value in level.items():
            below = result.get(name)
            if isinstance(below, dict) and isinstance(value, dict):
                result[name] = _merged([below, value])
            else:
                result[name] = value
    return result
