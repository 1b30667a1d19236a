"""The pods that have a node, as the scheduler asks for them: by label, by node, by what they demand."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterable, Mapping
from typing import Any

from e2e.simcontrollers import objects
from e2e.simcontrollers.index import by_label, selected
from e2e.simcontrollers.objects import PODS, Obj
from e2e.simcontrollers.view import View

REQUIRED = "requiredDuringSchedulingIgnoredDuringExecution"
PREFERRED = "preferredDuringSchedulingIgnoredDuringExecution"

_DEMANDING = "demanding"


class Peers:
    """The pods in *view* that have a node and are not done, and those that were placed since it was new."""

    def __init__(self, view: View) -> None:
        self._labelled = view.index(PODS, by_label)
        self._running = view.index(PODS, _by_node)
        self._demanding = view.index(PODS, _by_demand)
        # Pods that got a node in this look, by uid: the view does not show it yet.
        self._placed: dict[str, str] = {}
        self._more: Counter[str] = Counter()

    def renew(self) -> None:
        """Forget what was placed: the view shows it now."""
        self._placed.clear()
        self._more.clear()

    def place(self, pod: Mapping[str, Any], node: str) -> None:
        """Take in that *pod* has been bound to *node*."""
        self._placed[objects.uid(pod)] = node
        self._more[node] += not _done(pod)

    def on(self, node: str) -> int:
        """Return how many there are on *node*."""
        return self._running.count(node) + self._more[node]

    def selected(self, term: Mapping[str, Any], owner: Mapping[str, Any]) -> list[tuple[Obj, str]]:
        """Return those whom *term*, which the pod *owner* carries, means, each with its node."""
        found: list[Obj] = []
        for namespace in dict.fromkeys(term.get("namespaces") or [objects.namespace(owner)]):
            found += selected(self._labelled, namespace, term.get("labelSelector"))
        return self._placed_of(found)

    def demanding(self) -> list[tuple[Obj, str]]:
        """Return those that keep others away from them, each with its node."""
        return self._placed_of(self._demanding.find(_DEMANDING))

    def _placed_of(self, pods: Iterable[Obj]) -> list[tuple[Obj, str]]:
        found = []
        for pod in pods:
            node = objects.spec(pod).get("nodeName") or self._placed.get(objects.uid(pod))
            if node and not _done(pod):
                found.append((pod, str(node)))
        return found


def anti_affinity(pod: Mapping[str, Any], when: str) -> list[Obj]:
    """Return the terms by which *pod* stays away from others, those that are `REQUIRED` or `PREFERRED`."""
    affinity = objects.spec(pod).get("affinity") or {}
    return (affinity.get("podAntiAffinity") or {}).get(when) or []


def _done(pod: Mapping[str, Any]) -> bool:
    return objects.status(pod).get("phase") in {"Failed", "Succeeded"}


def _by_node(pod: Obj) -> Iterable[Hashable]:
    node = objects.spec(pod).get("nodeName")
    return (str(node),) if node and not _done(pod) else ()


def _by_demand(pod: Obj) -> Iterable[Hashable]:
    return (_DEMANDING,) if anti_affinity(pod, REQUIRED) else ()
