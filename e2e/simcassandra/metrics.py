"""
The metrics MBeans: one object name for each table, keyspace and figure.

Only figures that the simulation knows are there; the name of an MBean is read in any order of its keys.
"""

from __future__ import annotations

from collections.abc import Mapping
from fnmatch import fnmatchcase

from e2e.simcassandra.mbean import MBean
from e2e.simcassandra.node import Node

DOMAIN = "org.apache.cassandra.metrics"
# What a partition comes to on average: turns bytes into a number of keys.
_PARTITION_BYTES = 70


def keys_of(name: str) -> dict[str, str]:
    """Return the keys of the object name *name*; empty if it is not a metric's."""
    domain, _, rest = name.partition(":")
    if domain != DOMAIN:
        return {}
    return dict(part.split("=", 1) for part in rest.split(",") if "=" in part)


def canonical(node: Node, keys: Mapping[str, str]) -> str:
    """Return the object name with *keys* in the order in which *node*'s agent lists matches."""
    order = sorted(keys) if node.config.jolokia.startswith("1.") else list(keys)
    return f"{DOMAIN}:{','.join(f'{key}={keys[key]}' for key in order)}"


def matching(node: Node, pattern: str) -> dict[str, MBean]:
    """Return *node*'s metrics that *pattern*, in which values may have `*`, names."""
    wanted = keys_of(pattern)
    found = {}
    for keys, bean in _all(node):
        if set(keys) == set(wanted) and all(fnmatchcase(keys[k], v) for k, v in wanted.items()):
            found[canonical(node, keys)] = bean
    return found


def _all(node: Node) -> list[tuple[dict[str, str], MBean]]:
    beans = [
        ({"type": "Storage", "name": "Load"}, _count(node.load())),
        ({"type": "Storage", "name": "TotalHints"}, _count(0)),
        ({"type": "Storage", "name": "Exceptions"}, _count(0)),
        ({"type": "Compaction", "name": "PendingTasks"}, _value(len(node.compactions))),
        ({"type": "Client", "name": "connectedNativeClients"}, _value(0)),
    ]
    for keyspace in node.schema.keyspaces.values() if node.schema is not None else []:
        used = node.volume.bytes_of(node.data, keyspace.name)
        space = {"type": "Keyspace", "keyspace": keyspace.name}
        beans.append(({**space, "name": "LiveDiskSpaceUsed"}, _value(used)))
        share = used // max(1, len(keyspace.tables))
        for table in keyspace.tables:
            keys = {"type": "Table", "keyspace": keyspace.name, "scope": table}
            beans += [
                ({**keys, "name": "LiveDiskSpaceUsed"}, _count(share)),
                ({**keys, "name": "TotalDiskSpaceUsed"}, _count(share)),
                ({**keys, "name": "EstimatedPartitionCount"}, _value(share // _PARTITION_BYTES)),
                ({**keys, "name": "LiveSSTableCount"}, _value(min(3, share))),
            ]
    return beans


def _count(number: int) -> MBean:
    return MBean(attributes={"Count": lambda _: number})


def _value(number: int) -> MBean:
    return MBean(attributes={"Value": lambda _: number})
