"""
Serving custom kinds: a CustomResourceDefinition that is stored is served, one that goes takes its
objects with it.
"""

from __future__ import annotations

from e2e.simkube.builtin import struct
from e2e.simkube.kinds import Resource
from e2e.simkube.life import DeleteOptions, Life
from e2e.simkube.routing import Target
from e2e.simkube.rules.definitions import CLEANUP
from e2e.simkube.schema import compile_schema, type_of
from e2e.simkube.state import State
from e2e.simkube.store import Change, Key, Place
from e2e.simkube.types import Field, Type
from e2e.simkube.values import Object, clone, dig

DEFINITIONS: Place = ("apiextensions.k8s.io", "customresourcedefinitions")


class Customs:
    """Keeps the kinds that are served in step with the definitions."""

    def __init__(self, state: State, life: Life) -> None:
        self._state = state
        self._life = life
        # Deleting the objects of a definition tells of each that is gone: one round at a time.
        self._cleaning = False
        state.store.listen(self._changed)

    def _changed(self, place: Place, change: Change) -> None:
        if place != DEFINITIONS:
            self._object_gone(place, change)
            return
        found = change.after.object
        served = (found["spec"]["group"], found["spec"]["names"]["plural"])
        if change.deleted:
            self._state.kinds.serve((), served)
            return
        if change.before is None or change.before.object["spec"] != found["spec"]:
            self._state.kinds.serve(_resources(found), served)
        if found["metadata"].get("deletionTimestamp"):
            self._clean_up(change.key, found)
        elif not _established(found):
            self._establish(change)

    def _establish(self, change: Change) -> None:
        found: Object = clone(change.after.object)
        now = self._state.now()
        names = found["spec"]["names"]
        found["status"]["acceptedNames"] = names
        found["status"]["conditions"] = [
            {
                "type": "NamesAccepted",
                "status": "True",
                "lastTransitionTime": now,
                "reason": "NoConflicts",
                "message": "no conflicts found",
            },
            {
                "type": "Established",
                "status": "True",
                "lastTransitionTime": now,
                "reason": "InitialNamesAccepted",
                "message": "the initial names have been accepted",
            },
        ]
        self._state.store.put(DEFINITIONS, change.key, found)

    def _object_gone(self, place: Place, change: Change) -> None:
        """A definition that waits for its objects may be free now."""
        resource = self._state.kinds.at(place) if change.deleted else None
        if resource is None or resource.definition is None:
            return
        key = ("", f"{place[1]}.{place[0]}")
        there = self._state.store.get(DEFINITIONS, key)
        if there is not None and there.object["metadata"].get("deletionTimestamp"):
            self._clean_up(key, there.object)

    def _delete_objects(self, place: Place) -> bool:
        """Delete all objects of a kind; whether any is left."""
        resource = self._state.kinds.at(place)
        for version in tuple(self._state.store.each(place)):
            details = version.object["metadata"]
            if resource is not None and not details.get("deletionTimestamp"):
                namespace = details.get("namespace")
                one = Target(resource=resource, namespace=namespace, name=details["name"])
                self._life.delete(one, DeleteOptions())
        return any(True for _ in self._state.store.each(place))

    def _clean_up(self, key: Key, found: Object) -> None:
        """Delete the objects of a definition, and let the definition go when none is left."""
        if self._cleaning or CLEANUP not in (found["metadata"].get("finalizers") or ()):
            return
        place = (found["spec"]["group"], found["spec"]["names"]["plural"])
        self._cleaning = True
        left = self._delete_objects(place)
        self._cleaning = False
        now = self._state.store.get(DEFINITIONS, key)
        if left or now is None:
            return
        done = now.copy()
        done["metadata"]["finalizers"].remove(CLEANUP)
        if not done["metadata"]["finalizers"]:
            del done["metadata"]["finalizers"]
        self._life.put(DEFINITIONS, key, done)


def _established(found: Object) -> bool:
    return any(
        one["type"] == "Established" and one["status"] == "True"
        for one in dig(found, "status", "conditions") or ()
    )


def _resources(definition: Object) -> list[Resource]:
    """What a definition serves: one resource a version."""
    spec = definition["spec"]
    stored = next(one["name"] for one in spec["versions"] if one["storage"])
    # The storage version comes first: objects are stored in its form.
    versions = sorted(spec["versions"], key=lambda one: one["name"] != stored)
    return [_resource(definition, one) for one in versions if one["served"]]


def _resource(definition: Object, version: Object) -> Resource:
    spec, names = definition["spec"], definition["spec"]["names"]
    below = {
        name: ("get", "patch", "update")
        for name in ("status", "scale")
        if name in (version.get("subresources") or {})
    }
    compiled = compile_schema(version["schema"]["openAPIV3Schema"])
    shape = type_of(compiled)
    text = Field(type=Type(shape="scalar", scalar="string"))
    fields = {
        **shape.fields,
        "apiVersion": text,
        "kind": text,
        "metadata": Field(type=struct("meta.v1.ObjectMeta")),
    }
    return Resource(
        group=spec["group"],
        version=version["name"],
        plural=names["plural"],
        kind=names["kind"],
        singular=names["singular"],
        list_kind=names["listKind"],
        short_names=tuple(names.get("shortNames") or ()),
        categories=tuple(names.get("categories") or ()),
        namespaced=spec["scope"] == "Namespaced",
        subresources=below,
        place=(spec["group"], names["plural"]),
        definition=definition,
        schema=compiled,
        custom_type=Type(shape="struct", fields=fields, open=compiled.preserves),
    )
