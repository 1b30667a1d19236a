"""
What becomes of the removal of a dead node that has begun.

- It is over when no peer knows the node any more, whatever has become of the call.
- Then, if its pod was named, that pod and its volumes are taken away by uid, so that a new node comes in its
  place, wherever Kubernetes has room: only what was noted before Cassandra was asked.
- One that waits for a node that is down waits on, until its user has it ended without that node.
- One that runs no more and is not over is begun once more: half removed, a node is in the way of all that
  comes, and Cassandra goes on with what it finds.
"""

from __future__ import annotations

import datetime as dt
from typing import Final

import attrs

from controller.api.v2 import names
from controller.domain.actions import (
    Action,
    MarkOperation,
    OperationStep,
    ReleasePlace,
    StopOperation,
    Wait,
)
from controller.domain.desired import Desired
from controller.domain.leaving import Call, Ended, Held
from controller.domain.observed import Observed, Pod
from controller.domain.operations.kinds import Remove
from controller.domain.operations.pods import Running
from controller.domain.operations.seen import Busy
from controller.domain.plan.waiting import GOSSIP_SECONDS, SILENCE_SECONDS
from controller.domain.removing import Orphan, Out, Removal, outcome, owners, under_way

# How long it takes at least until one whose answer was lost is asked for once more.
_PAUSE: Final = dt.timedelta(seconds=10)


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
        return emptied(removal, found, text, observed)
    if removal.host_id not in _known_to(worker, observed):
        return [Wait(seconds=GOSSIP_SECONDS, why=f"{text}: {worker.name} knows it no more, but {found}")]
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


def unheard(rack: str, worker: Pod, text: str, call: Call, observed: Observed) -> list[Action] | None:
    """Return what is to be done about a removal whose call does not tell; None: Cassandra is to be asked."""
    running = worker.operation.running
    assert running is not None
    if worker.name not in observed.members():
        return [Wait(seconds=SILENCE_SECONDS, why=f"{text}: {worker.name} is not a member that serves now")]
    said = observed.operations.busy.get(worker.name)
    if not isinstance(said, Busy):
        why = said.why if said is not None else "it was not asked"
        return [Wait(seconds=SILENCE_SECONDS, why=f"{text}: it is not known whether it runs: {why}")]
    if said.with_(Remove()):
        return [Wait(seconds=SILENCE_SECONDS, why=f"{text} runs, as the node says")]
    restarted = running.restarts is not None and worker.restarts != running.restarts
    if restarted or isinstance(call, Ended):
        return _once_more(rack, worker, running, text, observed)
    noted = observed.operations.removal
    if noted is None or noted.through_uid != worker.uid:
        return [Wait(seconds=None, why=f"{text}: it has yet to be noted in status")]
    return None


def _once_more(rack: str, worker: Pod, running: Running, text: str, observed: Observed) -> list[Action]:
    now, began = observed.now, _instant(running.began)
    if began is not None and now - began < _PAUSE:
        return [Wait(seconds=SILENCE_SECONDS, why=f"{text}: Cassandra is asked for it once more soon")]
    again = attrs.evolve(running, began=now.isoformat(), restarts=worker.restarts)
    return [
        MarkOperation(
            rack=rack,
            pod=worker.name,
            uid=worker.uid,
            step=OperationStep.BEGIN,
            name=running.name,
            labels={},
            annotations={names.OPERATION: again.text()},
            expected={},
            why=f"{text} did not come to its end, and is begun once more",
        )
    ]


def _instant(text: str) -> dt.datetime | None:
    try:
        found = dt.datetime.fromisoformat(text)
    except ValueError:
        return None
    return found if found.tzinfo is not None else None


def _busy(worker: Pod, observed: Observed) -> bool:
    said = observed.operations.busy.get(worker.name)
    return isinstance(said, Busy) and said.with_(Remove())


def _known_to(worker: Pod, observed: Observed) -> frozenset[str]:
    """Return the host ids that *worker* knows; the one that is removed stands for one that says nothing."""
    view = observed.ring.views().get(worker.name)
    running = worker.operation.running
    if view is None or not view.host_ids:
        return frozenset({running.host_id} if running is not None else ())
    return frozenset(view.host_ids.values())


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


def emptied(removal: Removal | Orphan, found: Out, text: str, observed: Observed) -> list[Action] | Out:
    """Return how the dead node's place is emptied; its end once nothing of what was noted is there."""
    if removal.pod is None:
        return _forgotten(removal, found, text, observed)
    place = removal.place
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
    return _forgotten(removal, found, text, observed)


def _forgotten(removal: Removal | Orphan, found: Out, text: str, observed: Observed) -> list[Action] | Out:
    """Return the end, once neither record nor status has the dead node as the member that its pod was."""
    for name in sorted(owners(removal, observed)):
        if name in observed.recorded or observed.hosts.get(name) == removal.host_id:
            return [Wait(seconds=GOSSIP_SECONDS, why=f"{text}: {name} is taken from the record of members")]
    return found
