"""
Play the part of a storage driver that can grow volumes.

A claim whose request is larger than its capacity gets the conditions, the events and in the end
the capacity that a real driver would give. How it goes is said by annotations on its storage
class:

- ``casskop-e2e/resize-delay``: seconds from seeing the request to granting it (default 2);
- ``casskop-e2e/resize-round-up``: a quantity that the capacity is rounded up to a multiple of;
- ``casskop-e2e/resize-fail``: a sentence with which every growth fails, for as long as it is there.

The folder behind the volume does not grow: it has no limit in the first place.
"""

from __future__ import annotations

from collections.abc import Iterator
import contextlib
from dataclasses import dataclass
from datetime import UTC, datetime
from fractions import Fraction
import http.client
import math
from pathlib import Path
import sys
import time
from typing import Protocol

from e2e.cluster.api import Api, ApiError, Json

PREFIX = "casskop-e2e/resize-"
CLASSES = "/apis/storage.k8s.io/v1/storageclasses"
PERIOD = 1.0  # seconds between two looks at all claims

_UNITS: dict[str, int] = {
    "": 1,
    "k": 10**3,
    "M": 10**6,
    "G": 10**9,
    "T": 10**12,
    "P": 10**15,
    "E": 10**18,
} | {f"{letter}i": 1024**power for power, letter in enumerate("KMGTPE", 1)}


@dataclass(frozen=True, kw_only=True)
class Manner:
    """How a storage class grows its volumes."""

    delay: float = 2.0  # seconds
    round_up: int = 1  # bytes
    failure: str = ""


@dataclass(frozen=True, kw_only=True)
class Growth:
    """One claim that wants to be larger than it is; sizes in bytes."""

    namespace: str
    name: str
    volume: str
    storage_class: str
    wanted: int
    since: float  # when this very size was first seen, on the clock that steps the resizer


def parse_quantity(text: str) -> int:
    """
    Return a Kubernetes quantity as a whole number, rounded up; ValueError if it is none.

    >>> parse_quantity("1Gi")
    1073741824
    """
    number = text.rstrip("kKMGTPEi")
    unit = text[len(number) :]
    if unit not in _UNITS:
        raise ValueError(f"{text} is not a quantity")
    return math.ceil(Fraction(number) * _UNITS[unit])


def format_quantity(size: int) -> str:
    """
    Return a number of bytes as drivers do: in the largest binary unit that divides it.

    >>> format_quantity(3 * 1024**3)
    '3Gi'
    """
    for power, letter in reversed(list(enumerate("KMGTPE", 1))):
        if size % 1024**power == 0:
            return f"{size // 1024**power}{letter}i"
    return str(size)


def manner(storage_class: Json) -> Manner:
    """Read the annotations of a storage class."""
    said = storage_class["metadata"].get("annotations") or {}
    return Manner(
        delay=float(said.get(f"{PREFIX}delay", 2.0)),
        round_up=parse_quantity(said.get(f"{PREFIX}round-up", "1")),
        failure=said.get(f"{PREFIX}fail", ""),
    )


def capacity(growth: Growth, how: Manner) -> int:
    """The size to grant: the wanted one, or the next multiple of what the class rounds up to."""
    return -(-growth.wanted // how.round_up) * how.round_up


def wanting(claims: list[Json], now: float) -> Iterator[Growth]:
    """The bound claims that want to grow."""
    for claim in claims:
        has = claim.get("status", {}).get("capacity", {}).get("storage")
        wants = claim["spec"]["resources"]["requests"]["storage"]
        if has and claim["status"].get("phase") == "Bound":
            wanted = parse_quantity(wants)
            if wanted > parse_quantity(has):
                yield Growth(
                    namespace=claim["metadata"]["namespace"],
                    name=claim["metadata"]["name"],
                    volume=claim["spec"]["volumeName"],
                    storage_class=claim["spec"].get("storageClassName") or "",
                    wanted=wanted,
                    since=now,
                )


class Asking(Protocol):
    """What the resizer needs of the API; :class:`e2e.cluster.api.Api` has it."""

    def get(self, path: str) -> Json:
        """GET *path*."""

    def merge(self, path: str, body: Json) -> Json:
        """Merge *body* into the object at *path*."""

    def create(self, path: str, body: Json) -> Json:
        """POST *body* to a collection."""


class Resizer:
    """Looks at all claims, one step at a time; the caller keeps the clock."""

    def __init__(self, api: Asking) -> None:
        self._api = api
        # By namespace and name. A claim that asks for yet another size starts its delay anew.
        self._under_way: dict[tuple[str, str], Growth] = {}
        self._told: set[tuple[str, str, int, str]] = set()  # growths that were said to have failed

    def step(self, now: float) -> None:
        """Begin, finish or fail what is due at *now*, in seconds on any clock that only rises."""
        claims = self._api.get("/api/v1/persistentvolumeclaims")["items"]
        seen = {(growth.namespace, growth.name): growth for growth in wanting(claims, now)}
        for key, growth in seen.items():
            before = self._under_way.get(key)
            if before and before.wanted == growth.wanted:
                seen[key] = before
            else:
                self._condition(growth, "Resizing", "ControllerResizeInProgress", "")
        self._under_way = seen
        self._told = {each for each in self._told if each[:2] in seen}
        for growth in seen.values():
            how = manner(self._api.get(f"{CLASSES}/{growth.storage_class}"))
            if now - growth.since >= how.delay:
                self._settle(growth, how)

    def _settle(self, growth: Growth, how: Manner) -> None:
        if how.failure:
            told = (growth.namespace, growth.name, growth.wanted, how.failure)
            if told not in self._told:
                self._told.add(told)
                self._condition(growth, "ControllerResizeError", "ControllerResizeInfeasible", how.failure)
                self._event(growth, how.failure)
            return
        size = {"storage": format_quantity(capacity(growth, how))}
        self._api.merge(f"/api/v1/persistentvolumes/{growth.volume}", {"spec": {"capacity": size}})
        self._status(growth, {"capacity": size, "conditions": [], "allocatedResourceStatuses": None})

    def _condition(self, growth: Growth, kind: str, state: str, message: str) -> None:
        condition = {
            "type": kind,
            "status": "True",
            "message": message,
            "lastTransitionTime": _timestamp(),
        }
        resources = {"storage": format_quantity(growth.wanted)}
        self._status(
            growth,
            {
                "conditions": [condition],
                "allocatedResources": resources,
                "allocatedResourceStatuses": {"storage": state},
            },
        )

    def _status(self, growth: Growth, status: Json) -> None:
        path = f"/api/v1/namespaces/{growth.namespace}/persistentvolumeclaims/{growth.name}/status"
        self._api.merge(path, {"status": status})

    def _event(self, growth: Growth, message: str) -> None:
        about = {
            "apiVersion": "v1",
            "kind": "PersistentVolumeClaim",
            "namespace": growth.namespace,
            "name": growth.name,
        }
        event = {
            "metadata": {"generateName": f"{growth.name}.", "namespace": growth.namespace},
            "involvedObject": about,
            "type": "Warning",
            "reason": "VolumeResizeFailed",
            "message": message,
            "source": {"component": "casskop-e2e-resizer"},
            "firstTimestamp": _timestamp(),
            "lastTimestamp": _timestamp(),
            "count": 1,
        }
        self._api.create(f"/api/v1/namespaces/{growth.namespace}/events", event)


def main(kubeconfig: str) -> None:
    """Step for ever; what goes wrong is printed and tried again at the next step."""
    resizer = Resizer(Api(Path(kubeconfig)))
    while True:
        try:
            resizer.step(time.monotonic())
        except (OSError, http.client.HTTPException, ApiError, ValueError) as error:
            print(f"{_timestamp()} {type(error).__name__}: {error}", flush=True)
        time.sleep(PERIOD)


def _timestamp() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        main(sys.argv[1])
