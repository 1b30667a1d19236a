"""
The operator's settings, from flags and environment, checked once at start.

Flags win over the environment. CassKop's names are kept where it has them. A wrong value is refused with
its name and what would be right; nothing is guessed. Flags of CassKop's that can mean nothing here are taken
and named, so that its Deployment starts with this image, too.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
import re
from typing import TypeVar

import attrs

from controller.runtime.lease import Timing

N = TypeVar("N", int, float)

_LEVELS = ("DEBUG", "INFO", "WARN", "ERROR")
_LOG_TYPES: Mapping[str, bool] = {"json": True, "text": False}
# A label of DNS, as names of namespaces are; and a name of DNS, as those of pods are.
_NAMESPACE = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
_POD = re.compile(r"[a-z0-9]([-.a-z0-9]{0,251}[a-z0-9])?")
# How controller-runtime writes logs. The value of all but `zap-devel` may also be the next word.
_ZAP = re.compile(r"--?zap-(devel|encoder|log-level|stacktrace-level|time-encoding)(=.*)?", re.DOTALL)
_LAST_PORT = 65535
_MOST_WORKERS = 1000
_SHORTEST_LEASE, _LONGEST_LEASE = 3.0, 3600.0


class SettingsError(Exception):
    """A flag or variable has a value that cannot be used."""


@attrs.frozen(kw_only=True)
class Address:
    """Where a server listens; an empty *host* means every interface."""

    host: str
    port: int

    @classmethod
    def parse(cls, text: str, *, name: str) -> Address:
        """Read `host:port`, `[host]:port` or `:port`; *name* is for the error."""
        host, colon, port = text.rpartition(":")
        # Not `isdigit`, which is also true of what no int is read from.
        if not colon or not re.fullmatch(r"[0-9]{1,5}", port) or int(port) > _LAST_PORT:
            raise SettingsError(f"{name} is {text!r}; give it as host:port or :port")
        return cls(host=host.removeprefix("[").removesuffix("]"), port=int(port))


@attrs.frozen(kw_only=True)
class Settings:
    """Everything that can be set from outside.

    *namespace* is the one that is watched, None for all. *own_namespace* is where the lease lives, and
    *image* the image that the operator itself runs, which is also the default for init containers.
    *kubeconfig* says where the API server is; None for the pod's service account, else as kubectl. *requests*
    a second, and *burst* at once, is how many may be sent to the API server; 0 is no limit. *ignored*
    are flags that were given and mean nothing.
    """

    namespace: str | None
    own_namespace: str
    pod_name: str
    image: str
    metrics: Address
    health: Address
    kubeconfig: str | None = None
    workers: int = 16
    requests: float = 50.0
    burst: int = 100
    log_level: str = "INFO"
    log_json: bool | None = None
    lease_seconds: float = 15.0
    ignored: tuple[str, ...] = ()

    @property
    def timing(self) -> Timing:
        """Return the durations of the lease: renewed within two thirds of it, tried every two fifteenths."""
        lease = self.lease_seconds
        return Timing(lease=lease, renew=lease * 2 / 3, retry=lease * 2 / 15)


def parse(arguments: Sequence[str], environment: Mapping[str, str]) -> Settings:
    """Return the settings that *arguments* and *environment* give.

    Raises `SettingsError` with one line that names the value to correct. Ends the process, as argparse
    does, for `--help` and for flags that it cannot read.
    """
    ours, ignored = _without_zap(arguments)
    options = _parser().parse_args(ours)
    namespace = _named(environment, "WATCH_NAMESPACE", _NAMESPACE, "the name of one namespace, or unset")
    own = _named(environment, "POD_NAMESPACE", _NAMESPACE, "the name of the namespace that we run in")
    return Settings(
        namespace=namespace,
        own_namespace=own or namespace or "default",
        pod_name=_named(environment, "POD_NAME", _POD, "the name of the pod that we run in") or "casskop",
        image=environment.get("OPERATOR_IMAGE") or "casskop:dev",
        metrics=Address.parse(options.metrics_addr, name="--metrics-addr"),
        health=Address.parse(options.health_probe_bind_address, name="--health-probe-bind-address"),
        kubeconfig=environment.get("KUBECONFIG") or None,
        workers=_within(
            "--max-concurrent-reconciles", options.max_concurrent_reconciles, least=1, most=_MOST_WORKERS
        ),
        requests=_within("--kube-api-qps", options.kube_api_qps, least=0, most=10_000),
        burst=_within("--kube-api-burst", options.kube_api_burst, least=1, most=10_000),
        log_level=_level(options.log_level, environment),
        log_json=_log_json(environment),
        lease_seconds=_within(
            "--lease-seconds", options.lease_seconds, least=_SHORTEST_LEASE, most=_LONGEST_LEASE
        ),
        ignored=ignored,
    )


def _without_zap(arguments: Sequence[str]) -> tuple[list[str], tuple[str, ...]]:
    """Return *arguments* without those of controller-runtime about logs, and the names of these."""
    ours: list[str] = []
    ignored: list[str] = []
    lacks_value = False
    for word in arguments:
        found = _ZAP.fullmatch(word)
        if found is not None:
            ignored.append(f"--zap-{found[1]}")
        elif not lacks_value or word.startswith("-"):
            ours.append(word)
        lacks_value = found is not None and found[2] is None and found[1] != "devel"
    return ours, tuple(ignored)


def _named(environment: Mapping[str, str], name: str, pattern: re.Pattern[str], right: str) -> str | None:
    """Return the variable *name*, None if it is unset or empty; *right* says what it has to be."""
    value = environment.get(name) or None
    if value is not None and pattern.fullmatch(value) is None:
        raise SettingsError(f"{name} is {value!r}; it has to be {right}")
    return value


def _within(name: str, value: N, *, least: float, most: float) -> N:
    # In this form it is false for what is no number, too.
    if not least <= value <= most:
        raise SettingsError(f"{name} is {value:g}; it has to be between {least:g} and {most:g}")
    return value


def _level(flag: str | None, environment: Mapping[str, str]) -> str:
    name, value = ("LOG_LEVEL", environment.get("LOG_LEVEL")) if flag is None else ("--log-level", flag)
    level = (value or "INFO").upper()
    if level not in _LEVELS:
        raise SettingsError(f"{name} is {value!r}; it is one of {', '.join(_LEVELS)}")
    return level


def _log_json(environment: Mapping[str, str]) -> bool | None:
    value = environment.get("LOG_TYPE")
    if not value:
        return None
    if value.lower() not in _LOG_TYPES:
        raise SettingsError(f"LOG_TYPE is {value!r}; it is one of {', '.join(_LOG_TYPES)}, or unset")
    return _LOG_TYPES[value.lower()]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="casskop operator",
        description="Run the operator: watch CassandraClusters and bring what exists to what they ask for.",
        epilog="environment: WATCH_NAMESPACE (unset: all), POD_NAMESPACE, POD_NAME, OPERATOR_IMAGE,"
        " LOG_LEVEL (DEBUG, INFO, WARN, ERROR), LOG_TYPE (json, text), KUBECONFIG",
        # A flag that is added later must not change what an abbreviation means.
        allow_abbrev=False,
    )
    parser.add_argument(
        "--metrics-addr", metavar="ADDRESS", default=":8080", help="where /metrics is served (%(default)s)"
    )
    parser.add_argument(
        "--health-probe-bind-address",
        metavar="ADDRESS",
        default=":8081",
        help="where /healthz and /readyz are (%(default)s)",
    )
    parser.add_argument(
        "--max-concurrent-reconciles",
        metavar="N",
        type=int,
        default=16,
        help="how many clusters are worked on at a time (%(default)s)",
    )
    parser.add_argument(
        "--kube-api-qps",
        metavar="N",
        type=float,
        default=50.0,
        help="requests a second to the API server, watches and the lease apart; 0 is no limit (%(default)s)",
    )
    parser.add_argument(
        "--kube-api-burst",
        metavar="N",
        type=int,
        default=100,
        help="how many of them at once, after a quiet time (%(default)s)",
    )
    parser.add_argument("--log-level", metavar="LEVEL", default=None, help="overrides LOG_LEVEL")
    parser.add_argument(
        "--lease-seconds",
        metavar="SECONDS",
        type=float,
        default=15.0,
        help="how long a dead leader is waited for (%(default)s)",
    )
    return parser
