"""What is waited for until a pod is a member of the ring, in words; shared by all who have to wait."""

from __future__ import annotations

from collections.abc import Iterator

from controller.domain.actions import Action, Hold, Wait
from controller.domain.desired import DesiredRack
from controller.domain.observed import Observed, Pod, Rack
from controller.domain.streaming import EVERY, words
from controller.domain.trouble import diagnose

# Peers learn of a new member within about three seconds, and no event tells of it.
GOSSIP_SECONDS = 1.0
# A ready node that does not answer the operator: nothing tells when it will.
SILENCE_SECONDS = 5.0
# A node that hands its data over, or is about to be done with it: no event tells of its end.
SOON_SECONDS = 2.0
# What ends by itself, if it does: no event tells that it does not, which is told after ten minutes.
LASTS_SECONDS = 60.0


def find(rack: Rack, ordinal: int) -> Pod | None:
    """Return the rack's pod with this *ordinal*."""
    return next((pod for pod in rack.pods if pod.ordinal == ordinal), None)


def created(statefulset: str, ordinal: int) -> Wait:
    """Wait for a pod that its StatefulSet has yet to make."""
    return Wait(
        seconds=LASTS_SECONDS,
        why=f"pod {statefulset}-{ordinal} is being created"
        f" (if this lasts, `kubectl describe statefulset {statefulset}` says why)",
    )


def on_its_way(pod: Pod, want: DesiredRack, observed: Observed) -> Iterator[Action]:
    """Yield why *pod* is not a member of the ring yet; nothing if it is."""
    if pod.terminating:
        yield Wait(seconds=LASTS_SECONDS, why=f"pod {pod.name} is being deleted")
    elif not pod.ready:
        trouble = diagnose(pod, want, observed.now)
        if trouble is not None:
            yield Hold(reason=trouble.reason, path=trouble.path, why=trouble.why)
        elif pod.unschedulable is not None:
            yield Wait(seconds=10, why=f"pod {pod.name} waits for a node: {pod.unschedulable}")
        elif pod.cassandra_runs:
            why = f"Cassandra in {pod.name} starts and joins the ring{words(observed.streaming, pod.name)}"
            # No event tells how far it is.
            yield Wait(seconds=None if pod.name in observed.joined else EVERY.total_seconds(), why=why)
        else:
            seconds = None if pod.held_since is None else LASTS_SECONDS
            yield Wait(seconds=seconds, why=f"pod {pod.name} starts")
    else:
        missing = observed.ring.not_joined(pod.name, pod.ip or "")
        if missing is not None:
            silent = pod.name not in observed.ring.views()
            yield Wait(seconds=SILENCE_SECONDS if silent else GOSSIP_SECONDS, why=missing)
