"""The operations of StorageService that only look: ranges, owners and ownership of a keyspace."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, assert_never

from e2e.simcassandra import texts
from e2e.simcassandra.deferred import JavaError, failed_assertion, illegal_argument, illegal_state
from e2e.simcassandra.keyspaces import LOCAL_KEYSPACES
from e2e.simcassandra.mbean import Overload, overload
from e2e.simcassandra.node import Node
from e2e.simcassandra.tokens import (
    LocalStrategy,
    NetworkTopology,
    Replication,
    SimpleStrategy,
    ownership,
    replicas,
)

STRING = "java.lang.String"

Args = Sequence[Any]


def operations() -> dict[str, tuple[Overload, ...]]:
    """Return them; they are the same in all releases."""
    return {
        "describeRingJMX": (overload(STRING, lambda n, a: _describe(n, a[0], port=False)),),
        "describeRingWithPortJMX": (overload(STRING, lambda n, a: _describe(n, a[0], port=True)),),
        "getRangeToEndpointMap": (overload(STRING, lambda n, a: _ranges(n, a[0], _plain)),),
        "getRangeToEndpointWithPortMap": (overload(STRING, lambda n, a: _ranges(n, a[0], texts.with_port)),),
        "getPendingRangeToEndpointMap": (overload(STRING, lambda n, a: _pending(n, a[0])),),
        "effectiveOwnership": (overload(STRING, _effective),),
        "effectiveOwnershipWithPort": (
            overload(STRING, lambda n, a: {texts.with_port(k): v for k, v in _owned(n, a[0]).items()}),
        ),
        "getTokens": (overload(STRING, _tokens),),
        "getKeyspaceReplicationInfo": (overload(STRING, lambda n, a: _replication_text(n, str(a[0]))),),
    }


def _plain(address: str) -> str:
    return address


def _replication(node: Node, keyspace: str) -> Replication | None:
    known = node.schema.keyspaces if node.schema is not None else {}
    return known[keyspace].replication if keyspace in known else None


def _replication_text(node: Node, keyspace: str) -> str:
    """Return a keyspace's replication as `nodetool describecluster` shows it."""
    replication = LocalStrategy() if keyspace in LOCAL_KEYSPACES else _replication(node, keyspace)
    match replication:
        case None:
            raise illegal_argument("")
        case SimpleStrategy(factor=factor):
            return f"SimpleStrategy {{replication_factor={factor}}}"
        case NetworkTopology(factors=factors):
            return f"NetworkTopologyStrategy {{{', '.join(f'{dc}={n}' for dc, n in factors.items())}}}"
        case LocalStrategy():
            return "LocalStrategy {}"
        case _:
            assert_never(replication)


def _describe(node: Node, keyspace: str, *, port: bool) -> list[str]:
    replication = _replication(node, keyspace)
    if keyspace in LOCAL_KEYSPACES:
        raise JavaError("java.io.IOException", f"There is no ring for the keyspace: {keyspace}")
    if replication is None:
        raise JavaError("java.io.IOException", f"No such keyspace: {keyspace}")
    layout = node.view.layout()
    return [
        texts.token_range(layout, start, end, replicas(layout, replication, end), port=port)
        for start, end in layout.ranges()
    ]


def _ranges(node: Node, keyspace: str, shown: Callable[[str], str]) -> dict[str, list[str]]:
    replication = _replication(node, keyspace)
    if replication is None:
        raise failed_assertion(f"Unknown keyspace {keyspace}")
    layout = node.view.layout()
    return {
        f"[{start}, {end}]": [shown(a) for a in replicas(layout, replication, end)]
        for start, end in layout.ranges()
    }


def _pending(node: Node, keyspace: str) -> dict[str, list[str]]:
    """Return the ranges that are on their way, and to whom."""
    replication = _replication(node, keyspace)
    if replication is None:
        return {}
    before, after = node.view.layout(), node.view.future()
    tokens = sorted({*before.tokens, *after.tokens})
    pending = {}
    for index, end in enumerate(tokens):
        has = replicas(before, replication, end)
        gets = [a for a in replicas(after, replication, end) if a not in has]
        if gets:
            pending[f"[{tokens[index - 1]}, {end}]"] = gets
    return pending


def _effective(node: Node, args: Args) -> dict[str, float]:
    return {texts.inet_key(node, a): share for a, share in _owned(node, args[0]).items()}


def _owned(node: Node, keyspace: str | None) -> dict[str, float]:
    known = node.schema.keyspaces if node.schema is not None else {}
    if keyspace is None:
        settings = {str(k.replication) for k in known.values()}
        if len(settings) > 1:
            raise illegal_state(
                "Non-system keyspaces don't have the same replication settings, "
                "effective ownership information is meaningless"
            )
        keyspace = next(iter(known))
    if keyspace not in known:
        raise illegal_argument(f"The keyspace {keyspace}, does not exist")
    return ownership(node.view.layout(), known[keyspace].replication)


def _tokens(node: Node, args: Args) -> list[str]:
    address = str(args[0])
    if not node.view.is_member(address):
        told = f"Unable to get tokens for /{address}:7000; it is not a member"
        raise failed_assertion(told if node.release.line > (4, 0) else "")
    return [str(token) for token in sorted(node.view.members[address])]
