"""
Which fields of the spec the parts of a pod come from: what to look at when one of them fails.

Only what is there is named: a field that is not set is nobody's mistake.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import attrs

from controller.api.v2.cluster import ClusterSpec

BACKREST = "spec.backRestSidecar"


@attrs.frozen(kw_only=True)
class Reference:
    """A Secret or ConfigMap that a variable comes from; *key* is None if it is taken as a whole."""

    kind: str
    name: str
    key: str | None
    path: str


@attrs.frozen(kw_only=True)
class Origins:
    """Where the spec speaks of the parts of a rack's pods.

    *sidecars* are the user's containers by name. The others are paths, None where the field is not set;
    *changed_image* is that of Cassandra's image, if it is what changed last.
    """

    sidecars: Mapping[str, str] = attrs.field(factory=dict)
    references: tuple[Reference, ...] = ()
    bootstrap_image: str | None = None
    builder_image: str | None = None
    scripts: str | None = None
    changed_image: str | None = None


def origins(spec: ClusterSpec, *, image_changed: bool = False) -> Origins:
    """Return the origins of the pods that *spec* asks for."""
    return Origins(
        sidecars={
            str(each.get("name")): f"spec.sidecarConfigs[{i}]" for i, each in enumerate(spec.sidecar_configs)
        },
        references=tuple(_references(spec)),
        bootstrap_image="spec.bootstrapImage" if spec.bootstrap_image else None,
        builder_image="spec.configBuilderImage" if spec.config_builder_image else None,
        scripts="spec.configMapName" if spec.config_map_name else None,
        changed_image="spec.cassandraImage" if image_changed else None,
    )


def _references(spec: ClusterSpec) -> Iterator[Reference]:
    """Yield what variables refer to, in the order of the spec."""
    yield from _of_variables("spec.envVars", spec.env_vars)
    for i, sidecar in enumerate(spec.sidecar_configs):
        path = f"spec.sidecarConfigs[{i}]"
        yield from _of_variables(f"{path}.env", sidecar.get("env") or ())
        for j, source in enumerate(sidecar.get("envFrom") or ()):
            for field, kind in (("secretRef", "Secret"), ("configMapRef", "ConfigMap")):
                found = source.get(field) or {}
                if found.get("name"):
                    yield Reference(kind=kind, name=found["name"], key=None, path=f"{path}.envFrom[{j}]")
    if spec.back_rest_sidecar is not None:
        yield from _of_variables(f"{BACKREST}.envVars", spec.back_rest_sidecar.env_vars)
    if spec.image_jolokia_secret is not None and spec.image_jolokia_secret.name:
        name = spec.image_jolokia_secret.name
        for key in ("username", "password"):
            yield Reference(kind="Secret", name=name, key=key, path="spec.imageJolokiaSecret.name")


def _of_variables(path: str, variables: Iterable[Mapping[str, Any]]) -> Iterator[Reference]:
    for i, variable in enumerate(variables):
        source = variable.get("valueFrom") or {}
        for field, kind in (("secretKeyRef", "Secret"), ("configMapKeyRef", "ConfigMap")):
            found = source.get(field) or {}
            if found.get("name"):
                yield Reference(kind=kind, name=found["name"], key=found.get("key"), path=f"{path}[{i}]")
