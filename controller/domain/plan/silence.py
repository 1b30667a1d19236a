"""
Nodes that are ready and do not answer the operator: who is waited for, and who is not.

The kubelet has yet to find out, so their silence stops a roll. A node that refuses the operator's login
lives, and when none answers, it is the operator that is cut off.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from controller.domain.actions import Wait
from controller.domain.observed import Observed, Pod
from controller.domain.plan.waiting import SILENCE_SECONDS
from controller.domain.ring import Silent


def waits(unheard: Iterable[tuple[Pod, str, bool]], observed: Observed) -> Iterator[Wait]:
    """Yield waits for pods that have just fallen silent, each with why, and whether it refuses the login."""
    if not observed.ring.views():
        return
    for pod, why, refused in unheard:
        if not refused:
            yield Wait(
                seconds=SILENCE_SECONDS,
                why=f"{pod.name} is ready but does not answer the operator: {why} (if this lasts,"
                f" `kubectl delete pod {pod.name}` restarts it, and spec.unlockNextOperation goes on without"
                " its answer)",
            )


def mute(older: Sequence[Pod], rack: Sequence[Pod], ring: Sequence[Pod], observed: Observed) -> Pod | None:
    """Return the pod that tried what is no longer wanted, and is ready and silent; None if there is none.

    It is one of the *older* ones, the only one of its template in its *rack*, and the last that was made in
    the *ring*. What it tried may be what keeps it from answering.
    """
    if not observed.ring.views():
        return None
    for pod in older:
        answer = observed.ring.answers.get(pod.name)
        quiet = isinstance(answer, Silent) and not answer.refused and pod.ready and not pod.terminating
        alone = not any(other.revision == pod.revision for other in rack if other.uid != pod.uid)
        if quiet and alone and all(_before(other, pod) for other in ring if other.uid != pod.uid):
            return pod
    return None


def _before(pod: Pod, other: Pod) -> bool:
    return pod.created is not None and other.created is not None and pod.created < other.created
