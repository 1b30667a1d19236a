"""Nodes that are told to read their seed list anew, and so to find who has another address by now."""

from __future__ import annotations

import attrs

from controller.cassandra import operations
from controller.cassandra.jolokia import Endpoint, Jolokia, JolokiaError
from controller.domain.actions import ReloadSeeds
from controller.domain.errors import TransientError
from controller.executors import brief
from controller.executors.base import Bodies
from controller.runtime.held_calls import HeldCalls
from controller.runtime.store import Key


@attrs.frozen
class Seeds:
    """Tells nodes to look at their seeds; nobody waits for one that hangs."""

    jolokia: Jolokia
    calls: HeldCalls[Key, str | None]

    def __call__(self, action: ReloadSeeds, bodies: Bodies) -> None:
        """Carry out *action*.

        It is harmless to whichever node has that address. Raises `Asking` while it is being told, and
        `TransientError` if it does not answer or refuses.
        """
        call_id = ("seeds", action.uid, action.ip)
        brief.check(self.calls, call_id)
        endpoint = Endpoint(host=action.ip, credentials=bodies.login)
        key = Key(bodies.namespace, bodies.cluster)
        brief.make(self.calls, call_id, key, lambda: self._tell(endpoint, action.pod), pod=action.pod)

    def _tell(self, endpoint: Endpoint, pod: str) -> None:
        try:
            operations.reload_seeds(self.jolokia, endpoint)
        except JolokiaError as error:
            raise TransientError(f"{pod} does not read its seeds: {error}") from error
