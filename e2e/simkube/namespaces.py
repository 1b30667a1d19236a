"""
Namespaces: what a new one gets, and how one ends.

As in a real cluster a namespace that is deleted first loses its content; objects with finalizers keep
it Terminating until they are gone.
"""

from __future__ import annotations

from e2e.simkube.life import NAMESPACES, DeleteOptions, Life
from e2e.simkube.routing import Target
from e2e.simkube.state import State
from e2e.simkube.store import Change, Key, Place
from e2e.simkube.values import Object, clone

_CA_TEXT = (
    "Contains a CA bundle that can be used to verify the kube-apiserver when using internal endpoints "
    "such as the internal service IP or kubernetes.default.svc. No other usage is guaranteed across "
    "distributions of Kubernetes clusters."
)
# How long the namespace controller takes to notice, in simulated seconds.
_NOTICE_SECONDS = 0.0


class Namespaces:
    """Fills new namespaces and empties deleted ones."""

    def __init__(self, state: State, life: Life) -> None:
        self._state = state
        self._life = life
        self._looking: set[str] = set()
        state.store.listen(self._changed)

    def _changed(self, place: Place, change: Change) -> None:
        if place == NAMESPACES and change.before is None:
            self._fill(change.after.object["metadata"]["name"])
        elif place == NAMESPACES and not change.deleted:
            if change.after.object["metadata"].get("deletionTimestamp"):
                self._look_later(change.after.object["metadata"]["name"])
        elif change.deleted and change.key[0]:
            there = self._state.store.get(NAMESPACES, ("", change.key[0]))
            if there is not None and there.object["metadata"].get("deletionTimestamp"):
                self._look_later(change.key[0])

    def _fill(self, namespace: str) -> None:
        account: Object = {"kind": "ServiceAccount", "apiVersion": "v1"}
        self._add(("", "serviceaccounts"), namespace, "default", account)
        authority: Object = {"kind": "ConfigMap", "apiVersion": "v1", "data": {"ca.crt": ""}}
        notes = {"kubernetes.io/description": _CA_TEXT}
        self._add(("", "configmaps"), namespace, "kube-root-ca.crt", authority, notes)

    def _add(
        self,
        place: Place,
        namespace: str,
        name: str,
        found: Object,
        annotations: Object | None = None,
    ) -> None:
        details: Object = {
            "name": name,
            "namespace": namespace,
            "uid": self._state.uid(),
            "creationTimestamp": self._state.now(),
        }
        if annotations:
            details["annotations"] = annotations
        head = {"kind": found["kind"], "apiVersion": "v1", "metadata": details}
        self._state.store.put(place, (namespace, name), head | found)

    def _look_later(self, namespace: str) -> None:
        if namespace not in self._looking:
            self._looking.add(namespace)
            self._state.simulation.after(_NOTICE_SECONDS, lambda: self._empty(namespace))

    def _empty(self, namespace: str) -> None:
        self._looking.discard(namespace)
        key: Key = ("", namespace)
        there = self._state.store.get(NAMESPACES, key)
        if there is None or not there.object["metadata"].get("deletionTimestamp"):
            return
        if self._delete_content(namespace):
            return
        done: Object = clone(there.object)
        left = [one for one in done["spec"].get("finalizers") or () if one != "kubernetes"]
        done["spec"] = {"finalizers": left} if left else {}
        self._life.put(NAMESPACES, key, done)

    def _delete_content(self, namespace: str) -> bool:
        """Delete everything in a namespace; whether anything is left."""
        left = False
        for resource in self._state.kinds.all():
            if not resource.namespaced:
                continue
            for version in tuple(self._state.store.each(resource.place, namespace)):
                name = version.object["metadata"]["name"]
                target = Target(resource=resource, namespace=namespace, name=name)
                if not version.object["metadata"].get("deletionTimestamp"):
                    self._life.delete(target, DeleteOptions(policy="Background"))
            left = left or any(True for _ in self._state.store.each(resource.place, namespace))
        return left
