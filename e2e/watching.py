"""Wait for the world, with a deadline and a reason, and find a cluster's parts with kubectl."""

from __future__ import annotations

from collections.abc import Callable
import time
from typing import TypeVar

from e2e.kubectl import Kubectl, KubectlError, Object
from e2e.providers.cluster import MissingError, TooLateError, by_name, by_time
from e2e.providers.cluster import is_true as cluster_is_true

T = TypeVar("T")


def eventually(
    probe: Callable[[], T | None],
    *,
    seconds: float,
    what: str,
    every: float = 0.5,
    errors: type[Exception] = KubectlError,
) -> T:
    """Return the first answer of *probe* that is true; such *errors* are no answer.

    Raises `TooLateError` with *what* was waited for and the last answer or error after *seconds*.
    """
    end = time.monotonic() + seconds
    while True:
        last: object = None
        try:
            found = probe()
        except (errors, KubectlError, MissingError) as error:
            last = error
        else:
            if found:
                return found
            last = found
        if time.monotonic() > end:
            raise TooLateError(f"{what}: not within {seconds:g} s; last seen: {last}")
        time.sleep(every)


def cluster(kubectl: Kubectl, name: str) -> Object:
    """Return a CassandraCluster as it is stored."""
    return kubectl.get("cassandracluster", name)


def is_true(kubectl: Kubectl, name: str, kind: str) -> Object | None:
    """Return the cluster if its condition *kind* is true for the spec as it is now."""
    obj = cluster(kubectl, name)
    return obj if cluster_is_true(obj, kind) else None


def pods(kubectl: Kubectl, name: str) -> list[Object]:
    """Return the cluster's pods, by name."""
    items: list[Object] = kubectl.get("pods", "-l", f"cassandracluster={name}")["items"]
    return by_name(items)


def events(kubectl: Kubectl, name: str) -> list[Object]:
    """Return the events about the CassandraCluster, oldest first."""
    selector = f"involvedObject.kind=CassandraCluster,involvedObject.name={name}"
    items: list[Object] = kubectl.get("events", f"--field-selector={selector}")["items"]
    return by_time(items)
