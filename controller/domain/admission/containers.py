"""Rules on users' containers, environment variables and volume mounts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from controller.api.v2 import names, privileges
from controller.api.v2.cluster import CassandraCluster
from controller.api.v2.jsonvalues import JsonMap
from controller.api.v2.problems import Problem
from controller.domain.admission import syntax
from controller.domain.admission.references import choice

_JOLOKIA = "point `spec.imageJolokiaSecret` at a Secret instead"
# What the operator has to set itself, and what to do instead.
_RESERVED = {
    "POD_IP": "the probes need the pod's own address",
    "CASSANDRA_AUTH_JOLOKIA": _JOLOKIA,
    "JOLOKIA_USER": _JOLOKIA,
    "JOLOKIA_PASSWORD": _JOLOKIA,
}
_SOURCES = ("configMapKeyRef", "secretKeyRef", "fieldRef", "resourceFieldRef", "fileKeyRef")
# Where the backup sidecar sees our volumes.
_BACKREST_PLACES = ("/etc/cassandra", "/extra-lib", names.DATA_PATH, "/tmp")  # noqa: S108 # paths in the container


def problems(cluster: CassandraCluster) -> Iterator[Problem]:
    """Yield problems of `envVars`, `sidecarConfigs` and `backRestSidecar`."""
    spec = cluster.spec
    volumes = names.VOLUMES | {volume.name for volume in spec.storage_configs}
    if not spec.config_map_name:
        volumes -= {names.USER_SCRIPTS}
    yield from _variables("spec.envVars", spec.env_vars, _RESERVED)
    yield from _sidecars(spec.sidecar_configs, volumes)
    if spec.back_rest_sidecar:
        path = "spec.backRestSidecar"
        yield from _variables(f"{path}.envVars", spec.back_rest_sidecar.env_vars, _RESERVED)
        mounts = spec.back_rest_sidecar.volume_mount
        yield from _mounts(f"{path}.volumeMount", mounts, volumes, _BACKREST_PLACES)


def _sidecars(containers: Iterable[JsonMap], volumes: frozenset[str]) -> Iterator[Problem]:
    taken = dict.fromkeys(names.CONTAINERS, "a container of the operator")
    for index, container in enumerate(containers):
        path = f"spec.sidecarConfigs[{index}]"
        name = container["name"]
        wrong = syntax.dns_label(name)
        if name in taken:
            wrong = f"{name!r} is the name of {taken[name]}; choose another"
        if wrong:
            yield Problem(path=f"{path}.name", message=wrong)
        taken.setdefault(name, path)
        image = container.get("image") or ""
        wrong = syntax.image(image) if image else "is missing; write the image to run"
        if wrong:
            yield Problem(path=f"{path}.image", message=wrong)
        policies = ("Always", "IfNotPresent", "Never")
        yield from choice(f"{path}.imagePullPolicy", container.get("imagePullPolicy"), policies)
        context = container.get("securityContext", {})
        if privileges.contradicts(context):
            message = f"is false beside {privileges.gained(context)}, which allows it; remove one of them"
            yield Problem(path=f"{path}.securityContext.allowPrivilegeEscalation", message=message)
        yield from _variables(f"{path}.env", container.get("env", ()), {})
        yield from _mounts(f"{path}.volumeMounts", container.get("volumeMounts", ()), volumes, ())


def _variables(path: str, variables: Iterable[JsonMap], reserved: dict[str, str]) -> Iterator[Problem]:
    for index, variable in enumerate(variables):
        name, place = variable["name"], f"{path}[{index}]"
        wrong = syntax.variable_name(name)
        if name in reserved:
            wrong = f"{name} is set by the operator; remove it: {reserved[name]}"
        if wrong:
            yield Problem(path=f"{place}.name", message=wrong)
        source = variable.get("valueFrom")
        if source is not None and variable.get("value"):
            yield Problem(path=place, message="has both `value` and `valueFrom`; keep one of them")
        if source is not None and sum(kind in source for kind in _SOURCES) != 1:
            yield Problem(path=f"{place}.valueFrom", message=f"needs exactly one of {', '.join(_SOURCES)}")


def _mounts(
    path: str, mounts: Iterable[JsonMap], volumes: frozenset[str], places: Iterable[str]
) -> Iterator[Problem]:
    taken = dict.fromkeys(places, "a volume of the operator")
    for index, mount in enumerate(mounts):
        name, where, place = mount["name"], mount["mountPath"], f"{path}[{index}]"
        if name not in volumes:
            known = ", ".join(sorted(volumes - {names.BACKREST_TOKEN, names.RING}))
            message = f"there is no volume {name!r}; add it to `spec.storageConfigs`, or mount one of {known}"
            yield Problem(path=f"{place}.name", message=message)
        wrong = syntax.mount_path(where)
        if where in taken:
            wrong = f"{where!r} is where {taken[where]} is mounted; choose another path"
        if wrong:
            yield Problem(path=f"{place}.mountPath", message=wrong)
        taken.setdefault(where, place)
