"""
The containers of a Cassandra pod.

Their names and their order are part of the API: users' scripts and `kubectl exec` without `-c` rely on
them. Init: `base-config-builder`, `config-builder`, `bootstrap`. Then the user's sidecars, `cassandra`,
`backrest-sidecar`.
"""

from __future__ import annotations

from typing import Any

from controller.api.v2 import effective, names
from controller.api.v2.jsonvalues import JsonMap, thaw
from controller.builders import config, environment, probes, security, volumes
from controller.builders.context import Context
from controller.builders.resources import (
    BACKREST_RESOURCES,
    INIT_RESOURCES,
    canonical_requirements,
    canonical_resources,
)

Container = dict[str, Any]

# Name and number of each port of `cassandra`, in CassKop's order.
PORTS = (
    ("intra-node", 7000),
    ("intra-node-tls", 7001),
    ("jmx-port", 7199),
    ("cql", 9042),
    ("promjmx", 9500),
    ("jolokia", 8778),
)
BACKREST_PORT = 4567


def init_containers(context: Context) -> list[Container]:
    """Return the init containers: base files, then configuration, then agents, scripts and seeds."""
    return [_base_config_builder(context), _config_builder(context), _bootstrap(context)]


def main_containers(context: Context) -> list[Container]:
    """Return the containers that run as long as the pod."""
    sidecar = context.cluster.spec.back_rest_sidecar
    backrest = [_backrest(context)] if sidecar and sidecar.enabled else []
    return [*_sidecars(context), _cassandra(context), *backrest]


def _init(context: Context, name: str, image: str, mounts: list[volumes.Mount]) -> Container:
    return {
        "name": name,
        "image": image,
        "imagePullPolicy": context.cluster.spec.image_pull_policy,
        "resources": thaw(INIT_RESOURCES),
        "volumeMounts": volumes.seen_by_others(context, mounts),
    }


def _base_config_builder(context: Context) -> Container:
    container = _init(
        context, names.BASE_CONFIG_BUILDER, context.cluster.spec.cassandra_image or "", [volumes.OUTPUT]
    )
    container["command"] = ["/bin/sh"]
    container["args"] = ["-c", "cp -r /etc/cassandra/* /bootstrap/"]
    return _hardened(context, container, read_only=True)


def _config_builder(context: Context) -> Container:
    data = config.config_file_data(
        context.cluster, context.dc, context.rack, seeds=context.seeds, revision=context.revision
    )
    mounts = [volumes.OUTPUT, *([volumes.TEMPORARY] if context.hardened else [])]
    return _with_own_image(
        context, names.CONFIG_BUILDER, context.cluster.spec.config_builder_image, mounts
    ) | {
        "env": environment.config_builder(
            context.cluster, data, config.version(context.cluster, context.revision)
        )
    }


def _bootstrap(context: Context) -> Container:
    """Return `bootstrap`. In revision 1 it can see whether its node has ever been part of the ring."""
    mounts = [volumes.CONFIG, volumes.LIBRARIES, volumes.TOOLS]
    if context.cluster.spec.config_map_name:
        mounts.append(volumes.USER_SCRIPTS)
    variables = environment.bootstrap(context.cluster, context.seeds)
    if context.hardened:
        mounts += [*volumes.data_mount(context), volumes.TEMPORARY, volumes.RING]
        variables = environment.bootstrap_with_identity(context.cluster, context.seeds)
    container = _with_own_image(context, names.BOOTSTRAP, context.cluster.spec.bootstrap_image, mounts)
    return container | {"env": variables}


def _with_own_image(context: Context, name: str, image: str | None, mounts: list[volumes.Mount]) -> Container:
    """Return an init container with the user's image and its entry point, or ours told what to be.

    Only of our own image do we know that it writes nowhere but to its mounts.
    """
    if image is not None:
        return _hardened(context, _init(context, name, image, mounts), read_only=False)
    container = _init(context, name, context.own_image, mounts) | {"args": [name]}
    return _hardened(context, container, read_only=True)


def _hardened(context: Context, container: Container, *, read_only: bool) -> Container:
    if not context.hardened:
        return container
    return container | {"securityContext": security.restricted(read_only=read_only)}


def _cassandra(context: Context) -> Container:
    spec = context.cluster.spec
    return {
        "name": names.CASSANDRA,
        "image": spec.cassandra_image,
        "imagePullPolicy": spec.image_pull_policy,
        "command": ["sh", "-c", "tail -f /dev/null"] if spec.debug else ["cassandra", "-f"],
        "ports": [{"name": name, "containerPort": number, "protocol": "TCP"} for name, number in PORTS],
        "env": environment.cassandra(context.cluster),
        "resources": canonical_requirements(effective.resources(context.cluster, context.dc)),
        "volumeMounts": volumes.cassandra_mounts(context),
        "securityContext": security.cassandra_context(context),
        **probes.cassandra_probes(context),
        **probes.lifecycle(context),
        # When Cassandra refuses to start, the end of its log says why: it has no other last words.
        **({"terminationMessagePolicy": "FallbackToLogsOnError"} if context.hardened else {}),
    }


def _backrest(context: Context) -> Container:
    sidecar = context.cluster.spec.back_rest_sidecar
    assert sidecar is not None
    mounts = [
        *map(thaw, sidecar.volume_mount),
        volumes.CONFIG,
        volumes.LIBRARIES,
        *volumes.data_mount(context),
        volumes.TEMPORARY,
        *([volumes.TOKEN] if context.hardened else []),
    ]
    container: Container = {
        "name": names.BACKREST,
        "image": sidecar.image,
        "ports": [{"name": "http", "containerPort": BACKREST_PORT}],
        "env": environment.bootstrap(context.cluster, context.seeds),
        "resources": canonical_requirements(sidecar.resources or BACKREST_RESOURCES),
        "volumeMounts": volumes.seen_by_others(context, mounts),
        "readinessProbe": probes.backrest_readiness(),
    }
    if sidecar.image_pull_policy:
        container["imagePullPolicy"] = sidecar.image_pull_policy
    return _hardened(context, container, read_only=True)


def _sidecars(context: Context) -> list[Container]:
    return [_sidecar(context, container) for container in context.cluster.spec.sidecar_configs]


def _sidecar(context: Context, given: JsonMap) -> Container:
    """Return a container of the user's with the bootstrap environment appended."""
    container = canonical_resources({"resources": {}, **given})
    variables = [
        *map(environment.users, given.get("env", ())),
        *environment.bootstrap(context.cluster, context.seeds),
    ]
    mounts = volumes.seen_by_others(context, container.get("volumeMounts", []))
    container |= {"env": variables} | ({"volumeMounts": mounts} if mounts else {})
    if context.hardened:
        container["env"] = environment.without_duplicates(variables)
        container["securityContext"] = security.sidecar_context(given.get("securityContext", {}))
    return container
