"""
A keyspace's replication, as values, and out of the words that Cassandra has for it.

What cannot be reasoned about is a value as well: `Unprovable` says why.
"""

from __future__ import annotations

from collections.abc import Mapping
import re

import attrs


@attrs.frozen(kw_only=True)
class NetworkTopology:
    """A number of replicas for each data centre, spread over its racks."""

    factors: Mapping[str, int]


@attrs.frozen(kw_only=True)
class Simple:
    """*factor* replicas on the next nodes of the ring, whatever their rack and data centre."""

    factor: int


@attrs.frozen
class Local:
    """Every node has data of its own, which nobody else needs."""


@attrs.frozen(kw_only=True)
class Unprovable:
    """Nothing can be said about who holds what, since *why*."""

    why: str


Replication = NetworkTopology | Simple | Local | Unprovable

_TEXT = re.compile(r"(?P<strategy>[A-Za-z.]+)\s*\{(?P<options>[^}]*)\}")
_TRANSIENT = re.compile(r"\d+/\d+")


def replication_of(text: str) -> Replication:
    """Read what Cassandra 4.0 and later say: `NetworkTopologyStrategy {dc1=3, dc2=2}`."""
    found = _TEXT.fullmatch(text.strip())
    if found is None:
        return Unprovable(why=f"its replication {text!r} is not understood")
    strategy = found["strategy"].rpartition(".")[2]
    options = _options(found["options"])
    if strategy == "LocalStrategy":
        return Local()
    if any(_TRANSIENT.fullmatch(value) for value in options.values()):
        return Unprovable(why="it has transient replicas, which no quorum may count on")
    factors = {name: int(value) for name, value in options.items() if value.isdigit()}
    if len(factors) < len(options):
        return Unprovable(why=f"its replication {text!r} is not understood")
    if strategy == "NetworkTopologyStrategy":
        return NetworkTopology(factors=factors)
    if strategy == "SimpleStrategy" and "replication_factor" in factors:
        return Simple(factor=factors["replication_factor"])
    return Unprovable(why=f"its replication strategy {strategy} is not known")


def _options(text: str) -> dict[str, str]:
    pairs = (part.partition("=") for part in text.split(",") if part.strip())
    return {name.strip(): value.strip() for name, _, value in pairs}
