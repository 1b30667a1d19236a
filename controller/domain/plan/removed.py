"""
What becomes of the removal of a dead node that has begun.

- It is over when no peer knows the node any more, whatever has become of the call.
- Then, if its pod was named, that pod and its volumes are taken away by uid, so that a new node comes in its
  place, wherever Kubernetes has room: only what was noted before Cassandra was asked.
- One that waits for a node that is down waits on, until its user has it ended without that node.
"""

from __future__ import annotations

import attrs

from controller.domain.actions import Action, ReleasePlace, StopOperation, Wait
from controller.domain.desired import Desired
from controller.domain.leaving import Ended, Held
from controller.domain.observed import Observed, Pod
from controller.domain.operations.kinds import Remove
from controller.domain.operations.seen import Busy
from controller.domain.plan.waiting import GOSSIP_SECONDS, SILENCE_SECONDS
from controller.domain.removing import Out, Removal, outcome, under_way


@attrs.frozen(kw_only=True)
class Failed:
    """It did not come to its end; *why* says what to do."""

    why: str


def go_on(worker: Pod, text: str, desired: Desired, observed: Observed) -> list[Action] | Out | Failed | None:
    """Return what is to be done about a removal that was begun, or how it ended.

    None says that the call has to tell, as for any other operation.
    """
    removal = next((each for each in under_way(observed) if each.worker.name == worker.name), None)
    if removal is None:
        return Failed(
            why="it is not known which node was to be removed, since another operator began it: ask again"
        )
    call = observed.operations.calls.get(worker.name)
    found = outcome(removal, observed)
    if isinstance(found, Out):
        return _emptied(removal, found, text, observed)
    if isinstance(call, Ended) and not call.lost and call.failure is None:
        back = _back(removal, observed)
        if back is not None:
            return Failed(why=f"{back} has come back as the node that was removed")
        return [Wait(seconds=GOSSIP_SECONDS, why=f"{text} is done, says {worker.name}, but {found}")]
    stuck = _stuck(removal, observed)
    if stuck is None or not (isinstance(call, Held) or _busy(worker, observed)):
        return None
    if desired.rollout.unlocked:
        why = f"{text} is ended without {stuck}, by spec.unlockNextOperation: repair it when it is back"
        stop = StopOperation(pod=worker.name, uid=worker.uid, ip=worker.ip or "", operation=Remove(), why=why)
        return [stop, Wait(seconds=SILENCE_SECONDS, why=why)]
    return [
        Wait(
            seconds=SILENCE_SECONDS,
            why=f"{text} runs, and may wait for {stuck}, which is down: it goes on when that is back, or"
            " without it, and without what it was to get, if spec.unlockNextOperation is true",
        )
    ]


def _busy(worker: Pod, observed: Observed) -> bool:
    said = observed.operations.busy.get(worker.name)
    return isinstance(said, Busy) and said.with_(Remove())


def _back(removal: Removal, observed: Observed) -> str | None:
    members = observed.members()
    return next(
        (
            pod.name
            for pod in observed.pods()
            if pod.name in members and observed.ring.host_id(pod.name, pod.ip or "") == removal.host_id
        ),
        None,
    )


def _stuck(removal: Removal, observed: Observed) -> str | None:
    """Return the address of another node that is down, and that Cassandra may wait for."""
    for view in observed.ring.views().values():
        for address in sorted(view.unreachable - view.leaving):
            if view.host_ids.get(address) not in {None, removal.host_id}:
                return address
    return None


def _emptied(removal: Removal, found: Out, text: str, observed: Observed) -> list[Action] | Out:
    """Return how the dead node's place is emptied; its end once nothing of what was noted is there."""
    if removal.pod is None:
        return found
    place = removal.running.place
    pod = next((each for each in observed.pods() if each.name == removal.pod), None)
    claims = [claim for claim in observed.claims_of(removal.pod) if place.get(claim.name) == claim.uid]
    # Whatever has the dead node's volumes is no new node. One that ends already may hang on a lost machine.
    old = pod is not None and (bool(claims) or place.get(pod.name) == pod.uid)
    live = [claim for claim in claims if not claim.terminating]
    if pod is not None and old and pod.name in observed.members():
        return Out(why=f"{found.why}; {pod.name} serves, and is left alone")
    if live or old:
        uid = pod.uid if pod is not None and old else None
        return [
            ReleasePlace(
                pod=removal.pod,
                uid=uid,
                claims={claim.name: claim.uid for claim in live},
                why=f"the place of {removal.pod} is emptied for a new node: {found.why}",
                removed=True,
            )
        ]
    if claims:
        return [Wait(seconds=SILENCE_SECONDS, why=f"{text}: {claims[0].name} is on its way out")]
    if removal.pod in observed.recorded:
        return [
            Wait(seconds=GOSSIP_SECONDS, why=f"{text}: {removal.pod} is taken from the record of members")
        ]
    return found
