"""
Which nodes may be down together: a proof from replication, token ownership and who is up now.

Pure, and about nodes as names: addresses or pods, whatever the caller uses throughout. It promises that
what `prove` returns keeps every range that can be kept at the consistency asked for, counting all who
are down for whatever reason. It does not promise that nothing else fails meanwhile.
"""

from controller.domain.availability.inferred import inferred
from controller.domain.availability.placement import Layout, Place
from controller.domain.availability.proof import CASSANDRAS_OWN, Blocked, Consistency, Keyspace, Proof, prove
from controller.domain.availability.replication import (
    Local,
    NetworkTopology,
    Replication,
    Simple,
    Unprovable,
    replication_of,
)

__all__ = [
    "CASSANDRAS_OWN",
    "Blocked",
    "Consistency",
    "Keyspace",
    "Layout",
    "Local",
    "NetworkTopology",
    "Place",
    "Proof",
    "Replication",
    "Simple",
    "Unprovable",
    "inferred",
    "prove",
    "replication_of",
]
