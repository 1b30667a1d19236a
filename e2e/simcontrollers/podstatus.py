"""A pod's status as its kubelet reports it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from e2e.simcontrollers import objects
from e2e.simcontrollers.containers import Container
from e2e.simcontrollers.objects import Obj


def status_of(
    inits: Sequence[Container],
    mains: Sequence[Container],
    *,
    host_ip: str,
    ip: str | None,
    began: float,
) -> Obj:
    """Return all of the status but the conditions."""
    started = bool(mains) and all(c.ever_started for c in mains)
    status: Obj = {
        "phase": "Running" if started else "Pending",
        "hostIP": host_ip,
        "startTime": objects.timestamp(began),
        "containerStatuses": [c.status() for c in mains],
    }
    if inits:
        status["initContainerStatuses"] = [c.status() for c in inits]
    if ip is not None:
        status |= {"podIP": ip, "podIPs": [{"ip": ip}]}
    return status


def conditions_of(
    pod: Mapping[str, Any],
    inits: Sequence[Container],
    mains: Sequence[Container],
    *,
    sandboxed: bool,
    now: float,
) -> list[Obj]:
    """Return the conditions in the kubelet's order; those of others on *pod* stay, before its own.

    *sandboxed*: its volumes are mounted, and it has its network.
    """
    incomplete = [c.name for c in inits if not c.done]
    initialized = not incomplete
    pending = [c.name for c in mains if not c.ready]
    ready = initialized and not pending
    unready: Obj = {}
    uninitialized: Obj = {}
    if incomplete:
        message = f"containers with incomplete status: [{' '.join(incomplete)}]"
        uninitialized = {"reason": "ContainersNotInitialized", "message": message}
    if not ready:
        message = f"containers with unready status: [{' '.join(pending)}]"
        unready = {"reason": "ContainersNotReady", "message": message}
    values: tuple[tuple[str, bool, Obj], ...] = (
        ("PodReadyToStartContainers", sandboxed, {}),
        ("Initialized", initialized, uninitialized),
        ("Ready", ready, unready),
        ("ContainersReady", ready, unready),
        ("PodScheduled", True, {}),
    )
    known = [dict(c) for c in objects.status(pod).get("conditions") or []]
    conditions = [c for c in known if c["type"] not in {kind for kind, _, _ in values}]
    when = objects.timestamp(now)
    for kind, value, more in values:
        condition = {"type": kind, "status": str(value), "lastTransitionTime": when, **more}
        same = [c for c in known if c["type"] == kind]
        conditions += objects.set_condition(same, condition)
    return conditions
