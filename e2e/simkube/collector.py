"""
Garbage collection by owner references, as the controller manager does it.

- An object all of whose owners are gone is deleted; the uid decides, not the name.
- An owner that is deleted in the foreground waits for the dependents that block it.
- Dependents of an owner that is deleted with Orphan lose their reference and stay.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
import functools

from e2e.simkube.life import FOREGROUND, ORPHAN, DeleteOptions, Life
from e2e.simkube.routing import Target
from e2e.simkube.state import State
from e2e.simkube.store import Change, Key, Place
from e2e.simkube.values import Object, clone

# How long the collector takes to notice, in simulated seconds; a scenario may make it slower.
NOTICE_SECONDS = 0.0
_Where = tuple[Place, Key]


class Collector:
    """Deletes what nobody owns any more."""

    def __init__(self, state: State, life: Life) -> None:
        self.delay = NOTICE_SECONDS
        self._state = state
        self._life = life
        # Every owner reference of every object is in here, under the uid that it names.
        self._dependents: dict[str, set[_Where]] = {}
        # Owners that are being deleted in the foreground, by uid.
        self._waiting: dict[str, _Where] = {}
        state.store.listen(self._changed)

    def _changed(self, place: Place, change: Change) -> None:
        where = (place, change.key)
        before = _owner_uids(change.before.object) if change.before is not None else set()
        after = _owner_uids(change.after.object) if not change.deleted else set()
        for uid in before - after:
            dependents = self._dependents.get(uid, set())
            dependents.discard(where)
            if not dependents:
                self._dependents.pop(uid, None)
        for uid in after - before:
            self._dependents.setdefault(uid, set()).add(where)
        details = change.after.object["metadata"]
        if change.deleted:
            self._waiting.pop(details["uid"], None)
            if self._dependents.get(details["uid"]):
                self._later(lambda: self._owner_gone(details["uid"]))
            for uid in before & self._waiting.keys():
                self._later(functools.partial(self._dependent_gone, uid))
            return
        if after - before:
            self._later(lambda: self._look(where))
        finalizers = details.get("finalizers") or ()
        if details.get("deletionTimestamp") and (ORPHAN in finalizers or FOREGROUND in finalizers):
            self._waiting[details["uid"]] = where
            self._later(lambda: self._finish(where))

    def _later(self, act: Callable[[], None]) -> None:
        self._state.simulation.after(self.delay, act)

    def _owner_gone(self, uid: str) -> None:
        for where in sorted(self._dependents.get(uid, ())):
            self._look(where)

    def _look(self, where: _Where) -> None:
        """Delete the object if all its owners are gone, or take out the references to those gone."""
        version = self._state.store.get(*where)
        if version is None:
            return
        found = version.object
        owners = found["metadata"].get("ownerReferences") or []
        if not owners or found["metadata"].get("deletionTimestamp"):
            return
        present = [one for one in owners if self._is_there(one, where[1][0])]
        if not present:
            self._delete(where, found, "Background")
        elif len(present) < len(owners):
            self._put(where, found, {"ownerReferences": present})

    def _is_there(self, owner: Object, namespace: str) -> bool:
        """Whether the owner of this uid exists; yes where nobody can know."""
        group = owner["apiVersion"].rpartition("/")[0]
        resource = self._state.kinds.named(group, owner["kind"])
        if resource is None:
            return True
        key = (namespace if resource.namespaced else "", owner["name"])
        version = self._state.store.get(resource.place, key)
        return version is not None and version.object["metadata"]["uid"] == owner["uid"]

    def _finish(self, where: _Where) -> None:
        """Do what a finalizer of the collector on an owner waits for."""
        version = self._state.store.get(*where)
        if version is None or not version.object["metadata"].get("deletionTimestamp"):
            return
        found = version.object
        finalizers = list(found["metadata"].get("finalizers") or ())
        if ORPHAN in finalizers:
            self._orphan(found["metadata"]["uid"])
            finalizers.remove(ORPHAN)
        elif FOREGROUND in finalizers and not self._blocked(found["metadata"]["uid"]):
            finalizers.remove(FOREGROUND)
        else:
            return
        self._put(where, found, {"finalizers": finalizers})

    def _orphan(self, uid: str) -> None:
        for where in sorted(self._dependents.get(uid, ())):
            version = self._state.store.get(*where)
            if version is not None:
                owners = version.object["metadata"]["ownerReferences"]
                left = [one for one in owners if one["uid"] != uid]
                self._put(where, version.object, {"ownerReferences": left})

    def _blocked(self, uid: str) -> bool:
        """Delete the dependents in the foreground; whether one that blocks is still there."""
        for where, found in tuple(self._each_dependent(uid)):
            if not found["metadata"].get("deletionTimestamp"):
                self._delete(where, found, "Foreground")
        return any(
            owner["uid"] == uid and owner.get("blockOwnerDeletion")
            for _, found in self._each_dependent(uid)
            for owner in found["metadata"]["ownerReferences"]
        )

    def _each_dependent(self, uid: str) -> Iterator[tuple[_Where, Object]]:
        for where in sorted(self._dependents.get(uid, ())):
            version = self._state.store.get(*where)
            if version is not None:
                yield where, version.object

    def _dependent_gone(self, uid: str) -> None:
        """An owner that waits in the foreground may be free now."""
        where = self._waiting.get(uid)
        if where is not None:
            self._finish(where)

    def _delete(self, where: _Where, found: Object, policy: str) -> None:
        place, (namespace, name) = where
        resource = self._state.kinds.at(place)
        if resource is not None:
            target = Target(resource=resource, namespace=namespace or None, name=name)
            options = DeleteOptions(policy=policy, uid=found["metadata"]["uid"])
            self._life.delete(target, options)

    def _put(self, where: _Where, found: Object, changes: Object) -> None:
        changed: Object = clone(found)
        for name, value in changes.items():
            if value:
                changed["metadata"][name] = value
            else:
                changed["metadata"].pop(name, None)
        self._life.put(*where, changed)


def _owner_uids(found: Object) -> set[str]:
    return {one["uid"] for one in found["metadata"].get("ownerReferences") or ()}
