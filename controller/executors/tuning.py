"""
Nodes that are told a setting while they run: over Jolokia, and proven by asking for it in the same breath.

Nobody waits for a node that hangs: it is told beside the worker.
What they had before is written on the pod first, so that it can be told them again, whoever asks.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import attrs

from controller.api.v2 import names
from controller.cassandra.jolokia import Endpoint, Jolokia, JolokiaError
from controller.domain.actions import Tune
from controller.domain.errors import ConflictError, NotFoundError, TransientError
from controller.domain.live import Setting, encode_before
from controller.executors import brief
from controller.executors.base import Bodies, Written
from controller.kube import kinds
from controller.kube.client import KubeClient
from controller.runtime.held_calls import HeldCalls
from controller.runtime.store import Key

_WAY_OUT: Final = "a restart makes it so (spec.restartedAt)"


@attrs.frozen
class Tunings:
    """Tells nodes what to go by."""

    client: KubeClient
    jolokia: Jolokia
    calls: HeldCalls[Key, str | None]

    def __call__(self, action: Tune, bodies: Bodies) -> Written | None:
        """Carry out *action*, and return what was written to the API server, if anything.

        Raises `ConflictError` if the pod is another one than that of the plan, `Asking` while it is being
        told, and what came of that if it failed: `TransientError` if the node does not answer, or does not
        have afterwards what it was told.
        """
        call_id = ("tune", action.uid, action.ip, action.settings)
        brief.check(self.calls, call_id)
        pod = self._the_one(action, bodies.namespace)
        written = self._note(action, pod, bodies.namespace)
        self.client.check_fence()
        endpoint = Endpoint(host=action.ip, credentials=bodies.login)
        brief.make(
            self.calls,
            call_id,
            Key(bodies.namespace, bodies.cluster),
            lambda: tell(self.jolokia, endpoint, action.pod, action.settings),
            pod=action.pod,
        )
        return written

    def _the_one(self, action: Tune, namespace: str) -> dict[str, Any]:
        try:
            live = self.client.get(kinds.POD, namespace, action.pod)
        except NotFoundError:
            raise ConflictError(f"pod {action.pod} is gone since the plan was made") from None
        address = (live.get("status") or {}).get("podIP")
        if live["metadata"]["uid"] != action.uid or address != action.ip:
            raise ConflictError(f"pod {action.pod} is another one than the plan was made on")
        return live

    def _note(self, action: Tune, pod: dict[str, Any], namespace: str) -> Written | None:
        """Write down what was before; what is written already was so when nothing was told yet."""
        noted = (pod["metadata"].get("annotations") or {}).get(names.BEFORE_TOLD)
        text = encode_before(noted, action.before)
        if text == noted or not action.before:
            return None
        patch = {"metadata": {"annotations": {names.BEFORE_TOLD: text}}}
        version = pod["metadata"]["resourceVersion"]
        stored = self.client.merge_patch(
            kinds.POD, namespace, action.pod, patch, uid=action.uid, resource_version=version
        )
        return Written.of(kinds.POD, stored)


def tell(jolokia: Jolokia, endpoint: Endpoint, pod: str, settings: Sequence[Setting]) -> None:
    """Tell the node of *pod* its *settings*; raises `TransientError` unless it has them then."""
    requests: list[dict[str, Any]] = [
        {"type": "write", "mbean": s.attribute.mbean, "attribute": s.attribute.name, "value": s.value}
        for s in settings
    ]
    requests += [
        {"type": "read", "mbean": s.attribute.mbean, "attribute": s.attribute.name} for s in settings
    ]
    answers = jolokia.bulk(endpoint, requests)
    half = len(settings)
    for setting, wrote, has in zip(settings, answers[:half], answers[half:], strict=True):
        if isinstance(wrote, JolokiaError):
            raise TransientError(f"{pod} does not take {setting.key}: {wrote}; {_WAY_OUT}")
        if has != setting.value:
            why = f"{pod} says {setting.key} is {has} after it was told {setting.value}"
            raise TransientError(f"{why}; {_WAY_OUT}")
