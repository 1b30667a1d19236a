"""
StatefulSets: one per rack, applied at a size.

- One that was there when the plan was made is only written while it is that very object at the version
  that was just read live, and never at a smaller size than it has.
- One that is made is created, and never written over one that is there by then. It never takes over
  pods that its size would make it delete.
- No write makes Kubernetes replace pods: where it would do that by itself (`RollingUpdate`), a changed
  template is refused; where the operator does it (`OnDelete`), the strategy is put right first.

It does not look at whether Cassandra nodes are well: that is the plan's.
"""

from __future__ import annotations

from typing import Any

import attrs

from controller.api.v2 import names
from controller.builders.copies import with_capacity
from controller.domain.actions import ApplyStatefulSet
from controller.domain.errors import ConflictError, TerminalError
from controller.executors.base import Bodies, Body, Written
from controller.executors.live import find, require_ours
from controller.kube import kinds
from controller.kube.apply import drifted
from controller.kube.client import FIELD_MANAGER, KubeClient
from controller.kube.ownership import take_over

_ON_DELETE = "OnDelete"
# The name under which CassKop owns the fields that it wrote: that of its program.
CASSKOP = frozenset({"casskop"})


@attrs.frozen
class StatefulSets:
    """Applies racks."""

    client: KubeClient

    def __call__(self, action: ApplyStatefulSet, bodies: Bodies) -> Written:
        """Create the rack's StatefulSet, or bring it to the wanted size and template.

        Raises `ConflictError` if what is there is not what the plan was made on, `TerminalError` if it
        is not this cluster's, or if the write would restart pods.
        """
        body = bodies.statefulset(action.rack, action.replicas)
        if action.capacity is not None:
            body = with_capacity(body, action.capacity)
        name = body["metadata"]["name"]
        live = find(self.client, kinds.STATEFULSET, bodies.namespace, name)
        if action.uid is None:
            self._check_new(live, body, bodies.namespace)
            # An apply that comes late, from a leader long gone, would bring a rack that has grown since
            # back to this size; a creation is refused then.
            stored = self._made(self.client.create(kinds.STATEFULSET, bodies.namespace, body))
        else:
            body = self._at(_the_one(live, body, action), body, bodies.namespace)
            stored = self.client.apply(kinds.STATEFULSET, bodies.namespace, name, body)
        return Written.of(kinds.STATEFULSET, stored)

    def _check_new(self, live: Body | None, body: Body, namespace: str) -> None:
        """Raise unless the place is free, and no pod would be deleted by a StatefulSet of this size."""
        name = body["metadata"]["name"]
        if live is not None:
            require_ours(live, body)
            raise ConflictError(f"StatefulSet {name} exists by now")
        labels = body["spec"]["selector"]["matchLabels"]
        selector = ",".join(f"{key}={value}" for key, value in sorted(labels.items()))
        # A page of 500 is more pods than any rack has.
        pods = self.client.list_page(kinds.POD, namespace, label_selector=selector).items
        # A StatefulSet takes over pods that are nobody's, and deletes those beyond its size.
        left = [p["metadata"]["name"] for p in pods if not p["metadata"].get("ownerReferences")]
        beyond = sorted(pod for pod in left if _ordinal(pod, name) >= body["spec"]["replicas"])
        if beyond:
            raise ConflictError(f"{', '.join(beyond)} would be deleted by a StatefulSet {name} of this size")

    def _at(self, live: Body, body: Body, namespace: str) -> dict[str, Any]:
        """Return *body* for the object at the version of *live*; put its update strategy right before."""
        had, wanted = (obj["spec"]["updateStrategy"]["type"] for obj in (live, body))
        # What CassKop wrote is ours from when we change its template: what the spec loses has to go.
        live = self._ours(live, CASSKOP if wanted == _ON_DELETE else frozenset())
        if wanted == _ON_DELETE:
            if had != _ON_DELETE:
                live = self._leave_pods_alone(live, body, namespace)
        elif had == _ON_DELETE:
            raise TerminalError(
                f"StatefulSet {live['metadata']['name']} leaves its pods to the operator, and is not"
                " given back to Kubernetes, which would restart them"
            )
        else:
            _refuse_restarts(live, body)
        exact = {key: live["metadata"][key] for key in ("uid", "resourceVersion")}
        return {**body, "metadata": {**body["metadata"], **exact}}

    def _made(self, live: Body) -> Body:
        """Give what was just created to our applies; the next one does if Kubernetes is at it already."""
        try:
            return self._ours(live)
        except ConflictError:
            return live

    def _ours(self, live: Body, others: frozenset[str] = frozenset()) -> Body:
        """Give what we, or *others*, wrote to our applies, or none of it could ever be taken away by one."""
        metadata = live["metadata"]
        operations = take_over(
            metadata.get("managedFields") or (),
            resource_version=metadata["resourceVersion"],
            makers={FIELD_MANAGER, *others},
        )
        if operations is None:
            return live
        return self.client.json_patch(kinds.STATEFULSET, metadata["namespace"], metadata["name"], operations)

    def _leave_pods_alone(self, live: Body, body: Body, namespace: str) -> Body:
        """Make *live* `OnDelete`, which restarts nothing, and return it as it is then.

        An apply cannot: the server refuses a `rollingUpdate` that somebody else owns beside `OnDelete`.
        The revision of *body* is noted in the same write: without it, nobody could tell whose template it is.
        """
        revision = body["metadata"]["annotations"][names.TEMPLATE_REVISION]
        return self.client.merge_patch(
            kinds.STATEFULSET,
            namespace,
            live["metadata"]["name"],
            {
                "metadata": {"annotations": {names.TEMPLATE_REVISION: revision}},
                "spec": {"updateStrategy": {"type": _ON_DELETE, "rollingUpdate": None}},
            },
            uid=live["metadata"]["uid"],
            resource_version=live["metadata"]["resourceVersion"],
        )


def _the_one(live: Body | None, body: Body, action: ApplyStatefulSet) -> Body:
    """Return *live* if it is what the plan was made on, and no larger; else raise `ConflictError`."""
    name = body["metadata"]["name"]
    if live is None:
        raise ConflictError(f"StatefulSet {name} is gone since the plan was made")
    if live["metadata"]["uid"] != action.uid:
        raise ConflictError(f"StatefulSet {name} is another one than the plan was made on")
    require_ours(live, body)
    if live["spec"].get("replicas", 1) > action.replicas:
        raise ConflictError(f"StatefulSet {name} has more nodes than the plan knew of")
    return live


def _refuse_restarts(live: Body, body: Body) -> None:
    """Raise `TerminalError` if storing *body* would change the template of a StatefulSet that then rolls."""
    had = (live["metadata"].get("annotations") or {}).get(names.TEMPLATE_HASH)
    # CassKop leaves no hash. Ours tells of fields, too, that are to go.
    outdated = had is not None and had != body["metadata"]["annotations"][names.TEMPLATE_HASH]
    changed = drifted(live["spec"]["template"], body["spec"]["template"])
    if outdated or changed:
        where = f" ({', '.join(changed)})" if changed else ""
        raise TerminalError(
            f"StatefulSet {live['metadata']['name']} is not written: its template would change{where},"
            " and Kubernetes would restart its pods at once, without a look at the ring"
        )


def _ordinal(pod: str, statefulset: str) -> int:
    """Return the ordinal of *pod* in *statefulset*; -1 if its name is none of that StatefulSet's."""
    owner, _, digits = pod.rpartition("-")
    return int(digits) if owner == statefulset and digits.isdecimal() else -1
