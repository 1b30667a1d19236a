"""
How the kubelet tells whether Cassandra has started, serves, and lives; and what it does before a stop.

The scripts lie in /etc/cassandra, put there by the init container `bootstrap`. A bootstrap image of the
user's brings those for readiness and liveness; only ours brings the others, so only then are they called.
"""

from __future__ import annotations

from typing import Any

from controller.builders.context import Context

Probe = dict[str, Any]

_STARTUP_PERIOD = 2
# An hour: replaying commit logs or streaming a small node may take long; waiting harms nobody.
_STARTUP_ATTEMPTS = 1800


def cassandra_probes(context: Context) -> dict[str, Probe]:
    """Return the probes of `cassandra` by field name.

    A pod that is being debugged runs no Cassandra: in revision 1 nothing kills it for that.
    """
    spec = context.cluster.spec
    readiness = {"readinessProbe": _readiness(context)}
    if not context.hardened:
        return readiness | {"livenessProbe": _liveness(context)}
    if spec.debug:
        return readiness
    startup = {"startupProbe": _startup(context)} if context.own_bootstrap else {}
    return startup | readiness | {"livenessProbe": _liveness(context)}


def lifecycle(context: Context) -> dict[str, Any]:
    """Return the hook that drains the node before Cassandra is stopped, where our script is there."""
    if not context.hardened or not context.own_bootstrap or context.cluster.spec.debug:
        return {}
    return {"lifecycle": {"preStop": _exec("/bin/bash", "/etc/cassandra/pre-stop.sh")}}


def backrest_readiness() -> Probe:
    """Return the readiness probe of the backup sidecar."""
    return {
        "httpGet": {"path": "/status", "port": 4567},
        "initialDelaySeconds": 10,
        "timeoutSeconds": 5,
        "periodSeconds": 10,
        "failureThreshold": 10,
    }


def _startup(context: Context) -> Probe:
    return {
        **_exec("/bin/bash", "/etc/cassandra/startup-probe.sh"),
        "periodSeconds": _STARTUP_PERIOD,
        "failureThreshold": _STARTUP_ATTEMPTS,
        "timeoutSeconds": context.cluster.spec.readiness_health_check_timeout,
    }


def _readiness(context: Context) -> Probe:
    spec = context.cluster.spec
    return _timed(
        "/etc/cassandra/readiness-probe.sh",
        initialDelaySeconds=spec.readiness_initial_delay_seconds,
        timeoutSeconds=spec.readiness_health_check_timeout,
        periodSeconds=spec.readiness_health_check_period,
        failureThreshold=spec.readiness_failure_threshold,
        successThreshold=spec.readiness_success_threshold,
    )


def _liveness(context: Context) -> Probe:
    spec = context.cluster.spec
    return _timed(
        "/etc/cassandra/liveness-probe.sh",
        initialDelaySeconds=spec.liveness_initial_delay_seconds,
        timeoutSeconds=spec.liveness_health_check_timeout,
        periodSeconds=spec.liveness_health_check_period,
        failureThreshold=spec.liveness_failure_threshold,
        successThreshold=spec.liveness_success_threshold,
    )


def _timed(script: str, **timings: int | None) -> Probe:
    """Return a probe that runs *script*. A timing of zero is left out, as an API server does."""
    given = {name: seconds for name, seconds in timings.items() if seconds}
    return {**_exec("/bin/bash", "-c", script), **given}


def _exec(*command: str) -> dict[str, Any]:
    return {"exec": {"command": list(command)}}
