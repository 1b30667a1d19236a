"""
What an MBean is to the agent: attributes to read, attributes to write, operations with overloads.

The tables of the simulated MBeans are made of these; `find` picks the overload that a request names,
with the words that Jolokia has for a request that names none.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import attrs

from e2e.simcassandra.deferred import JavaError
from e2e.simcassandra.node import Node

Reader = Callable[[Node], Any]
Writer = Callable[[Node, Any], None]
# Returns JSON, or a Deferred of JSON for what blocks.
Operation = Callable[[Node, Sequence[Any]], Any]


class BadRequestError(JavaError):
    """A request that the agent itself refuses, before Cassandra sees it."""

    def __init__(self, message: str) -> None:
        super().__init__("java.lang.IllegalArgumentException", message)


@attrs.frozen(kw_only=True)
class Overload:
    """One form of an operation: Java's names of its parameter types, and what it does."""

    signature: tuple[str, ...]
    run: Operation

    def text(self) -> str:
        """Return the signature as Jolokia writes it."""
        return f"({','.join(self.signature)})"


@attrs.frozen(kw_only=True)
class MBean:
    """One MBean of one node."""

    attributes: Mapping[str, Reader] = attrs.field(factory=dict)
    writers: Mapping[str, Writer] = attrs.field(factory=dict)
    operations: Mapping[str, Sequence[Overload]] = attrs.field(factory=dict)


def truth(value: object) -> bool:
    """Return a boolean argument, which may come as a text too."""
    return str(value).lower() == "true"


def overload(signature: str, run: Operation) -> Overload:
    """Return an overload with the comma-separated *signature*."""
    return Overload(signature=tuple(signature.split(",")) if signature else (), run=run)


def find(mbean: MBean, name: str, operation: str, arguments: Sequence[Any]) -> Overload:
    """Return the overload of *operation*, such as `rebuild(java.lang.String)`, of the MBean *name*.

    Raises `BadRequestError` for an unknown operation, an ambiguous one, or a wrong number of arguments.
    """
    bare, bracket, rest = operation.partition("(")
    overloads = mbean.operations.get(bare)
    if not overloads:
        raise BadRequestError(f"No operation {bare} found on MBean {name}")
    known = ",".join(one.text() for one in overloads)
    if bracket:
        signature = rest.rstrip(")")
        wanted = tuple(signature.split(",")) if signature else ()
        chosen = next((one for one in overloads if one.signature == wanted), None)
        if chosen is None:
            raise BadRequestError(
                f"No operation {operation} on MBean {name} exists. Known signatures: {known}"
            )
    elif len(overloads) > 1:
        raise BadRequestError(
            f"Operation {bare} on MBean {name} is overloaded. Signatures found: {known}. "
            "Use a signature when specifying the operation."
        )
    else:
        chosen = overloads[0]
    if len(arguments) != len(chosen.signature):
        raise BadRequestError(
            f"Invalid number of operation arguments. Operation {operation} on {name} requires "
            f"{len(chosen.signature)} parameters, not {len(arguments)} as given"
        )
    return chosen
