"""
The environment variables of our containers.

Their names, order and values are part of the contract with bootstrap and config-builder images. Lists
are sorted by name, but for that of the config builder.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from controller.api.v2 import effective, names
from controller.api.v2.cluster import CassandraCluster, JmxConfiguration
from controller.api.v2.jsonvalues import JsonMap, thaw

Variable = dict[str, Any]

_LOG_DIR = "/var/log/cassandra"


def bootstrap(cluster: CassandraCluster, seeds: Iterable[str]) -> list[Variable]:
    """Return the environment of `bootstrap`, of the backup sidecar and, appended, of users' sidecars.

    What the user sets for the backup sidecar wins in all of them, as with CassKop.
    """
    sidecar = cluster.spec.back_rest_sidecar
    return _sorted(
        *_place(cluster, seeds),
        *_common(cluster),
        *map(users, sidecar.env_vars if sidecar else ()),
    )


def bootstrap_with_identity(cluster: CassandraCluster, seeds: Iterable[str]) -> list[Variable]:
    """Return the environment of `bootstrap` alone, with what it finds its own pod by.

    It looks there whether the node has ever joined. Where a node belongs is not the backup sidecar's to say.
    """
    listed = tuple(seeds)
    return _sorted(
        *bootstrap(cluster, listed),
        *_place(cluster, listed),
        _field("POD_NAME", "metadata.name"),
        _field("POD_NAMESPACE", "metadata.namespace"),
    )


def cassandra(cluster: CassandraCluster) -> list[Variable]:
    """Return the environment of `cassandra`; what the user sets wins."""
    jvm_opts = _jmx_options(cluster.spec.jmx_configuration)
    return _sorted(
        # nodetool of older releases cannot connect with later JDKs without it.
        _literal("JAVA_TOOL_OPTIONS", "-Dcom.sun.jndi.rmiURLParsing=legacy"),
        *_common(cluster),
        *([_literal("JVM_OPTS", jvm_opts)] if jvm_opts else []),
        *map(users, cluster.spec.env_vars),
    )


def config_builder(cluster: CassandraCluster, data: str, version: str) -> list[Variable]:
    """Return the environment of `config-builder`: *data* is CONFIG_FILE_DATA."""
    return [
        _literal("CONFIG_FILE_DATA", data),
        _literal("CONFIG_OUTPUT_DIRECTORY", "/bootstrap"),
        _field("RACK_NAME", f"metadata.labels['{names.RACK}']"),
        _literal("PRODUCT_NAME", cluster.spec.server_type or "cassandra"),
        _literal("PRODUCT_VERSION", version),
        _field("POD_IP", "status.podIP"),
        _field("HOST_IP", "status.hostIP"),
    ]


def without_duplicates(variables: list[Variable]) -> list[Variable]:
    """Keep the last of variables of one name, which is the one that a container sees."""
    last = {variable["name"]: variable for variable in variables}
    return list(last.values())


def _place(cluster: CassandraCluster, seeds: Iterable[str]) -> list[Variable]:
    return [
        _literal("CASSANDRA_CLUSTER_NAME", cluster.name),
        _field("CASSANDRA_DC", f"metadata.labels['{names.DC}']"),
        _field("CASSANDRA_RACK", f"metadata.labels['{names.RACK}']"),
        _literal("CASSANDRA_SEEDS", ",".join(seeds)),
    ]


def _common(cluster: CassandraCluster) -> list[Variable]:
    variables = [_literal("CASSANDRA_LOG_DIR", _LOG_DIR), _field("POD_IP", "status.podIP")]
    secret = effective.jolokia_secret(cluster)
    if secret:
        variables += [
            _literal("CASSANDRA_AUTH_JOLOKIA", "true"),
            _secret("JOLOKIA_USER", secret, "username"),
            _secret("JOLOKIA_PASSWORD", secret, "password"),
        ]
    return variables


def _jmx_options(jmx: JmxConfiguration | None) -> str:
    """Return the JVM properties for remote JMX, each followed by a space."""
    if jmx is None:
        return ""
    options = {
        "": jmx.jmx_remote_enable,
        ".ssl": jmx.jmx_remote_ssl,
        ".authenticate": jmx.jmx_remote_authenticate,
        ".port": jmx.jmx_remote_port or None,
        ".rmi.port": jmx.jmx_remote_rmi_port or None,
    }
    return "".join(
        f"-Dcom.sun.management.jmxremote{name}={str(value).lower()} "
        for name, value in options.items()
        if value is not None
    )


def _sorted(*variables: Variable) -> list[Variable]:
    """Sort by name; of variables of one name the last stays."""
    return sorted(without_duplicates(list(variables)), key=lambda variable: str(variable["name"]))


def _literal(name: str, value: str) -> Variable:
    """A variable with a value; an empty one is left out, as an API server does."""
    return {"name": name, "value": value} if value else {"name": name}


def _field(name: str, path: str) -> Variable:
    return {"name": name, "valueFrom": {"fieldRef": {"apiVersion": "v1", "fieldPath": path}}}


def _secret(name: str, secret: str, key: str) -> Variable:
    return {"name": name, "valueFrom": {"secretKeyRef": {"name": secret, "key": key}}}


def users(variable: JsonMap) -> Variable:
    """Return a variable of the user's, as an API server would store it."""
    plain = thaw(variable)
    if plain.get("value") == "":
        del plain["value"]
    field = plain.get("valueFrom", {}).get("fieldRef")
    if field is not None:
        field.setdefault("apiVersion", "v1")
    return plain
