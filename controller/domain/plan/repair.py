"""
Pods that cannot start: carry out a corrective edit at once, else say what has to be corrected.

Nothing is asked of Cassandra here: a cluster in which no node answers must still be repairable by an
edit. Only pods in which Cassandra does not run are ever deleted here, and only when a newer template
waits for them.
"""

from __future__ import annotations

from controller.domain.actions import Action, ApplyStatefulSet, DeletePod, Hold, Wait
from controller.domain.desired import Desired, DesiredRack
from controller.domain.observed import Observed, Pod, Rack, StatefulSet
from controller.domain.trouble import diagnose


def repair(desired: Desired, observed: Observed) -> list[Action]:
    """Return what frees the racks whose pods cannot start; empty if there is no such rack."""
    actions: list[Action] = []
    for want in desired.racks:
        rack = observed.racks.get(want.name)
        if rack is not None and rack.statefulset is not None:
            actions.extend(_repair_rack(want, rack, rack.statefulset, observed))
    return actions


def _repair_rack(want: DesiredRack, rack: Rack, statefulset: StatefulSet, observed: Observed) -> list[Action]:
    """Correct one rack's template, then replace the pods that are stuck with the old one."""
    stuck = [
        (pod, trouble)
        for pod in rack.pods
        if not pod.cassandra_runs and (trouble := diagnose(pod, want, observed.now)) is not None
    ]
    if not stuck:
        return []
    if statefulset.template_hash != want.template_hash and statefulset.waits_for_us:
        names = ", ".join(pod.name for pod, _ in stuck)
        return [
            ApplyStatefulSet(
                rack=want.name,
                replicas=statefulset.replicas,
                uid=statefulset.uid,
                why=f"{names} cannot start with the old template of rack {want.name}; the spec was corrected",
            )
        ]
    if not statefulset.settled:
        return [Wait(seconds=None, why=f"the StatefulSet of rack {want.name} takes up its new template")]
    outdated = [pod for pod, _ in stuck if _outdated(pod, statefulset)]
    if outdated:
        return [
            DeletePod(
                pod=pod.name,
                uid=pod.uid,
                why=f"{pod.name} never started with the old template; it is made again from the new one",
            )
            for pod in outdated
        ]
    return [Hold(reason=trouble.reason, path=trouble.path, why=trouble.why) for _, trouble in stuck]


def _outdated(pod: Pod, statefulset: StatefulSet) -> bool:
    """Tell whether *pod* was made from a template that is no longer the newest."""
    return statefulset.update_revision is not None and pod.revision != statefulset.update_revision
