"""The objects of one kind by what they say of themselves, as the indexers of real informers have them."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping
from typing import Any

from e2e.simcontrollers import objects
from e2e.simcontrollers.objects import Obj

# (namespace, name); the namespace of cluster-scoped objects is "".
Key = tuple[str, str]
# From an object to the values under which it is to be found.
By = Callable[[Obj], Iterable[Hashable]]


def key_of(obj: Mapping[str, Any]) -> Key:
    """Return the namespace and name of *obj*."""
    return objects.namespace(obj), objects.name(obj)


class Index:
    """Finds objects by each value that *by* gives for them; an answer costs as much as it is long."""

    def __init__(self, by: By) -> None:
        self._by = by
        # No empty table stays behind.
        self._found: dict[Hashable, dict[Key, Obj]] = {}

    def find(self, value: Hashable) -> list[Obj]:
        """Return the objects that are found under *value*, by namespace and name."""
        found = self._found.get(value, {})
        return [found[key] for key in sorted(found)]

    def count(self, value: Hashable) -> int:
        """Return how many objects are found under *value*."""
        return len(self._found.get(value, ()))

    def change(self, key: Key, old: Obj | None, new: Obj | None) -> None:
        """Take in that the object *key* was *old* and is *new*; None where there was or is none."""
        before = set() if old is None else set(self._by(old))
        after = set() if new is None else set(self._by(new))
        for value in before - after:
            found = self._found[value]
            del found[key]
            if not found:
                del self._found[value]
        if new is not None:
            for value in after:
                self._found.setdefault(value, {})[key] = new


def by_uid(obj: Obj) -> Iterable[Hashable]:
    """Return the object's uid."""
    return (objects.uid(obj),)


def by_label(obj: Obj) -> Iterable[Hashable]:
    """Return the object's namespace, alone and with each of its labels; see `label_values`."""
    where = objects.namespace(obj)
    return ((where,), *((where, *label) for label in objects.labels(obj).items()))


def label_values(namespace: str, selector: Mapping[str, Any] | None) -> list[Hashable]:
    """Return values of `by_label` that all have whom *selector* takes in *namespace*; at least one."""
    wanted = (selector or {}).get("matchLabels") or {}
    return [(namespace, *label) for label in wanted.items()] or [(namespace,)]


def narrowest(index: Index, namespace: str, selector: Mapping[str, Any] | None) -> Hashable:
    """Return the one of the `label_values` under which *index* has the fewest objects."""
    return min(label_values(namespace, selector), key=index.count)


def selected(index: Index, namespace: str, selector: Mapping[str, Any] | None) -> list[Obj]:
    """Return the objects in *namespace* that *selector* takes; *index* is one `by_label`."""
    found = index.find(narrowest(index, namespace, selector))
    return [obj for obj in found if objects.matches(selector, objects.labels(obj))]


def by_node(pod: Obj) -> Iterable[Hashable]:
    """Return the name of the node that the pod is bound to."""
    node = objects.spec(pod).get("nodeName")
    return (node,) if node else ()


def by_claim(pod: Obj) -> Iterable[Hashable]:
    """Return namespace and name of each claim that the pod uses."""
    where = objects.namespace(pod)
    return [
        (where, volume["persistentVolumeClaim"].get("claimName"))
        for volume in objects.spec(pod).get("volumes") or []
        if volume.get("persistentVolumeClaim")
    ]
