"""Rules on resources: quantities that can be read, are not negative, and requests within limits."""

from __future__ import annotations

from collections.abc import Iterator
import decimal

from controller.api.v2 import quantity
from controller.api.v2.cluster import CassandraCluster
from controller.api.v2.jsonvalues import JsonMap
from controller.api.v2.problems import Problem

Amounts = dict[str, decimal.Decimal]


def problems(cluster: CassandraCluster) -> Iterator[Problem]:
    """Yield problems of the resources of all containers."""
    spec = cluster.spec
    yield from _requirement_problems("spec.resources", spec.resources)
    for index, dc in enumerate(spec.topology.dc if spec.topology else ()):
        yield from _requirement_problems(f"spec.topology.dc[{index}].resources", dc.resources)
    if spec.back_rest_sidecar:
        yield from _requirement_problems("spec.backRestSidecar.resources", spec.back_rest_sidecar.resources)
    for index, container in enumerate(spec.sidecar_configs):
        yield from _requirement_problems(
            f"spec.sidecarConfigs[{index}].resources", container.get("resources")
        )


def amount(path: str, value: object, *, positive: bool = False) -> decimal.Decimal | Problem:
    """Return the amount at *path*, or what is wrong with it. With *positive*, zero is wrong too."""
    try:
        parsed = quantity.parse(value)
    except quantity.QuantityError as error:
        return Problem(path=path, message=str(error))
    if parsed < 0:
        return Problem(path=path, message=f"{value} is negative; write a quantity above zero")
    if positive and parsed == 0:
        return Problem(path=path, message="nothing can be stored in 0; write a quantity above zero")
    return parsed


def _requirement_problems(path: str, requirements: JsonMap | None) -> Iterator[Problem]:
    amounts: dict[str, Amounts] = {"requests": {}, "limits": {}}
    for kind, known in amounts.items():
        for name, value in ((requirements or {}).get(kind) or {}).items():
            result = amount(f"{path}.{kind}.{name}", value)
            if isinstance(result, Problem):
                yield result
            else:
                known[name] = result
    for name, asked in amounts["requests"].items():
        limit = amounts["limits"].get(name)
        if limit is not None and asked > limit:
            yield Problem(
                path=f"{path}.requests.{name}",
                message="the request is above the limit; lower it, or raise the limit",
            )
