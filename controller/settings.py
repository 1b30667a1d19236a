"""
The operator's settings, from flags and environment, checked once at start.

Flags win over the environment. CassKop's names are kept where it has them. A wrong value is refused with
its name and what would be right; nothing is guessed.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence

import attrs

_LEVELS = ("DEBUG", "INFO", "WARN", "ERROR")


class SettingsError(Exception):
    """A flag or variable has a value that cannot be used."""


@attrs.frozen(kw_only=True)
class Address:
    """Where a server listens; an empty *host* means every interface."""

    host: str
    port: int

    @classmethod
    def parse(cls, text: str, *, name: str) -> Address:
        """Read `host:port` or `:port`; *name* is for the error."""
        host, colon, port = text.rpartition(":")
        if not colon or not port.isdigit() or int(port) > 65535:  # noqa: PLR2004 -- ports end there
            raise SettingsError(f"{name} is {text!r}; give it as host:port or :port")
        return cls(host=host, port=int(port))


@attrs.frozen(kw_only=True)
class Settings:
    """Everything that can be set from outside.

    *namespace* is the one that is watched, None for all. *own_namespace* is where the lease lives, and
    *image* the image that the operator itself runs, which is also the default for init containers.
    """

    namespace: str | None
    own_namespace: str
    pod_name: str
    image: str
    metrics: Address
    health: Address
    workers: int = 16
    log_level: str = "INFO"
    log_json: bool | None = None
    lease_seconds: float = 15.0

    @property
    def renew_seconds(self) -> float:
        """Return after how long without a renewal the leader steps down: two thirds of the lease."""
        return self.lease_seconds * 2 / 3


def parse(arguments: Sequence[str], environment: Mapping[str, str]) -> Settings:
    """Return the settings that *arguments* and *environment* give.

    Raises `SettingsError` with one line that names the value to correct.
    """
    options = _parser().parse_args(arguments)
    level = (options.log_level or environment.get("LOG_LEVEL") or "INFO").upper()
    if level not in _LEVELS:
        raise SettingsError(f"LOG_LEVEL is {level!r}; it is one of {', '.join(_LEVELS)}")
    if options.max_concurrent_reconciles < 1:
        raise SettingsError("--max-concurrent-reconciles must be at least 1")
    if options.lease_seconds < 3:  # noqa: PLR2004 -- said in the message
        raise SettingsError(
            "--lease-seconds must be at least 3, or no renewal has the time to be tried twice"
        )
    namespace = environment.get("WATCH_NAMESPACE") or None
    return Settings(
        namespace=namespace,
        own_namespace=environment.get("POD_NAMESPACE") or namespace or "default",
        pod_name=environment.get("POD_NAME") or "casskop",
        image=environment.get("OPERATOR_IMAGE") or "casskop:dev",
        metrics=Address.parse(options.metrics_addr, name="--metrics-addr"),
        health=Address.parse(options.health_probe_bind_address, name="--health-probe-bind-address"),
        workers=options.max_concurrent_reconciles,
        log_level=level,
        log_json=True if environment.get("LOG_TYPE") == "json" else None,
        lease_seconds=options.lease_seconds,
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="casskop operator",
        description="Run the operator: watch CassandraClusters and bring what exists to what they ask for.",
        epilog="environment: WATCH_NAMESPACE (unset: all), POD_NAMESPACE, POD_NAME, OPERATOR_IMAGE,"
        " LOG_LEVEL (DEBUG, INFO, WARN, ERROR), LOG_TYPE=json, KUBECONFIG",
    )
    parser.add_argument("--metrics-addr", default=":8080", help="where /metrics is served (%(default)s)")
    parser.add_argument(
        "--health-probe-bind-address", default=":8081", help="where /healthz and /readyz are (%(default)s)"
    )
    parser.add_argument(
        "--max-concurrent-reconciles", type=int, default=16, help="worker threads (%(default)s)"
    )
    parser.add_argument("--log-level", default=None, help="overrides LOG_LEVEL")
    parser.add_argument(
        "--lease-seconds", type=float, default=15.0, help="how long a dead leader is waited for (%(default)s)"
    )
    return parser
