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
    pod: Mapping[str, Any], inits: Sequence[Container], mains: Sequence[Container], *, now: float
) -> list[Obj]:
    """Return the conditions: those of others on *pod* stay as they are."""
    initialized = all(c.done for c in inits)
    pending = [c.name for c in mains if not c.ready]
    ready = initialized and not pending
    unready: Obj = {}
    if not ready:
        message = f"containers with unready status: [{' '.join(pending)}]"
        unready = {"reason": "ContainersNotReady", "message": message}
    values: tuple[tuple[str, bool, Obj], ...] = (
        ("PodScheduled", True, {}),
        ("Initialized", initialized, {} if initialized else {"reason": "ContainersNotInitialized"}),
        ("ContainersReady", ready, unready),
        ("Ready", ready, unready),
    )
    conditions = [dict(c) for c in objects.status(pod).get("conditions") or []]
    when = objects.timestamp(now)
    for kind, value, more in values:
        condition = {"type": kind, "status": str(value), "lastTransitionTime": when, **more}
        conditions = objects.set_condition(conditions, condition)
    return conditions
