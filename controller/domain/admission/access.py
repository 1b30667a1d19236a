"""Rules on who may reach the nodes."""

from __future__ import annotations

from collections.abc import Iterator
import ipaddress

from controller.api.v2.cluster import CassandraCluster
from controller.api.v2.jsonvalues import EMPTY, JsonMap
from controller.api.v2.problems import Problem
from controller.domain.admission import syntax
from controller.domain.admission.references import choice

_OPERATORS = ("In", "NotIn", "Exists", "DoesNotExist")


def problems(cluster: CassandraCluster) -> Iterator[Problem]:
    """Yield problems of `spec.access`."""
    access = cluster.spec.access
    for index, peer in enumerate(access.clients if access else ()):
        yield from _peer(f"spec.access.clients[{index}]", peer)


def _peer(path: str, peer: JsonMap) -> Iterator[Problem]:
    block = peer.get("ipBlock")
    selectors = [name for name in ("podSelector", "namespaceSelector") if peer.get(name) is not None]
    if block is None and not selectors:
        message = "names nobody; write podSelector, namespaceSelector or ipBlock"
        yield Problem(path=path, message=message)
    if block is not None:
        if selectors:
            message = f"stands beside {selectors[0]}; write an item of its own for it"
            yield Problem(path=f"{path}.ipBlock", message=message)
        yield from _block(f"{path}.ipBlock", block)
    for name in selectors:
        yield from _selector(f"{path}.{name}", peer[name])


def _block(path: str, block: JsonMap) -> Iterator[Problem]:
    whole = _network(block.get("cidr"))
    if whole is None:
        yield Problem(path=f"{path}.cidr", message="is no range of addresses; write it such as 10.0.0.0/8")
    for index, text in enumerate(block.get("except") or ()):
        part = _network(text)
        inside = (
            part is not None
            and whole is not None
            and part.version == whole.version
            and part != whole
            and part.subnet_of(whole)  # type: ignore[arg-type] # of one version
        )
        if not inside:
            message = "is no range within cidr; write a smaller part of it"
            yield Problem(path=f"{path}.except[{index}]", message=message)


def _network(text: object) -> ipaddress.IPv4Network | ipaddress.IPv6Network | None:
    try:
        return ipaddress.ip_network(text) if isinstance(text, str) and "/" in text else None
    except ValueError:
        return None


def _selector(path: str, selector: JsonMap) -> Iterator[Problem]:
    for key, value in (selector.get("matchLabels") or EMPTY).items():
        wrong = syntax.qualified_key(key) or syntax.label_value(value)
        if wrong:
            yield Problem(path=f"{path}.matchLabels[{key}]", message=wrong)
    for index, expression in enumerate(selector.get("matchExpressions") or ()):
        here = f"{path}.matchExpressions[{index}]"
        yield from choice(f"{here}.operator", expression.get("operator") or "none", _OPERATORS)
        wrong = syntax.qualified_key(expression.get("key") or "")
        if wrong:
            yield Problem(path=f"{here}.key", message=wrong)
        values = expression.get("values") or ()
        if bool(values) != (expression.get("operator") in {"In", "NotIn"}):
            message = "go with the operators In and NotIn, which need some; no other one takes any"
            yield Problem(path=f"{here}.values", message=message)
        for value in values:
            wrong = syntax.label_value(value)
            if wrong:
                yield Problem(path=f"{here}.values", message=wrong)
