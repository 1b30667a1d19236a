"""
Services, PodDisruptionBudget, NetworkPolicy and the ring's ConfigMap: applied whole, corrected in place.

One that exists is only written while it is this cluster's, and as it was just read: another object of the
same name is left alone, and a write that comes late changes nothing.
"""

from __future__ import annotations

from typing import Final

import attrs

from controller.builders.ring import read_ring_configmap
from controller.domain.actions import ApplyObject
from controller.domain.errors import ConflictError
from controller.executors.base import Bodies, Body, Written
from controller.executors.live import find, is_heard_of, require_ours
from controller.kube import kinds
from controller.kube.client import KubeClient

_KINDS: Final = {
    k.kind: k for k in (kinds.SERVICE, kinds.POD_DISRUPTION_BUDGET, kinds.NETWORK_POLICY, kinds.CONFIG_MAP)
}


@attrs.frozen
class Objects:
    """Applies the objects that all racks share."""

    client: KubeClient

    def __call__(self, action: ApplyObject, bodies: Bodies) -> Written:
        """Create the object or bring our fields of it to the wanted values.

        Raises `TerminalError` if there is one that is not this cluster's, `ConflictError` if it remembers
        members that the plan did not know of, or whose pods are ready by now.
        """
        kind = _KINDS[action.kind]
        body = bodies.shared[f"{action.kind}/{action.name}"]
        live = find(self.client, kind, bodies.namespace, action.name)
        if live is None and kind == kinds.CONFIG_MAP:
            # An apply that comes late, from a leader long gone, would empty a record that has grown since.
            stored = self.client.create(kind, bodies.namespace, body)
        else:
            if live is not None:
                require_ours(live, body)
                if kind == kinds.CONFIG_MAP:
                    self._require_no_loss(live, body, action.forgets, bodies.namespace)
                # Only what was looked at is written: neither a newer state nor another of that name.
                exact = {key: live["metadata"][key] for key in ("uid", "resourceVersion")}
                body = {**body, "metadata": {**body["metadata"], **exact}}
            stored = self.client.apply(kind, bodies.namespace, action.name, body)
        return Written.of(kind, stored)

    def _require_no_loss(self, live: Body, body: Body, forgets: frozenset[str], namespace: str) -> None:
        """Raise `ConflictError` if the record of members would forget one but for those that it *forgets*.

        Then the plan was made on an old one. So it was if the pod of one of those is ready: it is the next
        node of that name, and a member.
        """
        lost = (read_ring_configmap(live) or frozenset()) - (read_ring_configmap(body) or frozenset())
        if lost - forgets:
            unknown = ", ".join(sorted(lost - forgets))
            raise ConflictError(f"the record of members knows {unknown}, and the plan does not")
        for name in sorted(lost):
            pod = find(self.client, kinds.POD, namespace, name)
            if pod is not None and is_heard_of(pod):
                raise ConflictError(f"pod {name} is ready, and the plan was made before")
