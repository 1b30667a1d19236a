"""
How objects end: finalizers, grace, preconditions.

An object with finalizers is marked and stays until the last one is taken away. A pod on a node stays
for its grace period, and longer: only the kubelet, by deleting it with grace 0, lets it go.
"""

from __future__ import annotations

import attrs

from e2e.simkube import errors
from e2e.simkube.encoding import Answer
from e2e.simkube.errors import Problems
from e2e.simkube.kinds import Resource
from e2e.simkube.routing import Target
from e2e.simkube.rules import rules_of
from e2e.simkube.state import State
from e2e.simkube.store import Key, Place, Version
from e2e.simkube.values import Json, Object, clone, parse_time, second

ORPHAN = "orphan"
FOREGROUND = "foregroundDeletion"
PODS: Place = ("", "pods")
NAMESPACES: Place = ("", "namespaces")
_DEFINITIONS: Place = ("apiextensions.k8s.io", "customresourcedefinitions")
_UNDELETABLE = ("default", "kube-system", "kube-public")


@attrs.frozen(kw_only=True)
class DeleteOptions:
    """How an object is to be deleted."""

    grace: int | None = None  # seconds
    policy: str = ""  # Background, Foreground, Orphan; "" is the kind's default
    uid: str = ""
    version: str = ""
    dry_run: bool = False


def delete_options(body: Json, query: dict[str, str]) -> DeleteOptions:
    """The options in the body or, without a body, in the query; 400 or 422 for senseless ones."""
    if body and not isinstance(body, dict):
        raise errors.bad_request("DeleteOptions must be an object")
    given = {**query, **(body or {})}
    problems = Problems()
    policy = given.get("propagationPolicy") or ""
    orphan = given.get("orphanDependents")
    if orphan is not None:
        if policy:
            problems.invalid(
                "propagationPolicy", policy, "orphanDependents and deletionPropagation cannot be both set"
            )
        policy = "Orphan" if orphan in (True, "true", "1") else "Background"
    if policy not in ("", "Background", "Foreground", "Orphan"):
        problems.unsupported("propagationPolicy", policy, ("Foreground", "Background", "Orphan", "nil"))
    dry_run = given.get("dryRun") or []
    dry_run = [dry_run] if isinstance(dry_run, str) else dry_run
    if dry_run not in ([], ["All"]):
        problems.unsupported("dryRun", dry_run, ("All",))
    if problems:
        raise errors.invalid("DeleteOptions", "meta.k8s.io", "", problems.causes)
    grace = given.get("gracePeriodSeconds")
    preconditions = given.get("preconditions") or {}
    return DeleteOptions(
        grace=None if grace is None else int(grace),
        policy=policy,
        uid=preconditions.get("uid") or "",
        version=preconditions.get("resourceVersion") or "",
        dry_run=bool(dry_run),
    )


class Life:
    """Deletion in one server."""

    def __init__(self, state: State) -> None:
        self._state = state

    def delete(self, target: Target, options: DeleteOptions) -> Answer:
        """Delete one object, or mark it: 200 with the object or a Status."""
        resource = target.resource
        version = self._state.store.get(resource.place, target.key)
        if version is None:
            raise target.not_found()
        if resource.place == NAMESPACES and target.name in _UNDELETABLE:
            raise errors.forbidden("namespaces", "", target.name, "this namespace may not be deleted")
        self.check(target, version, options)
        marked = self._marked(resource, version.object, options)
        if self._done(resource.place, marked):
            if not options.dry_run:
                self._state.store.drop(resource.place, target.key)
            if rules_of(resource, self._state).returns_deleted:
                # Only pods are marked before they go, even when they go at once.
                return Answer(body=marked if resource.place == PODS else version)
            return Answer(body=self._gone(target, version))
        if options.dry_run or marked == version.object:
            return Answer(body=marked)
        return Answer(body=self._state.store.put(resource.place, target.key, marked))

    def _gone(self, target: Target, version: Version) -> Object:
        details = {"name": target.name}
        if target.resource.group:
            details["group"] = target.resource.group
        details |= {
            "kind": target.resource.plural,
            "uid": version.object["metadata"]["uid"],
        }
        return {
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {},
            "status": "Success",
            "details": details,
        }

    def check(self, target: Target, version: Version, options: DeleteOptions) -> None:
        """409 if a precondition does not hold."""
        details = version.object["metadata"]
        name, kind = target.name or "", target.resource.kind
        group = target.resource.group
        if options.uid and options.uid != details["uid"]:
            why = (
                f"the UID in the precondition ({options.uid}) does not match the UID in record "
                f"({details['uid']}). The object might have been deleted and then recreated"
            )
            raise errors.conflict(kind, group, name, why)
        if options.version and options.version != details["resourceVersion"]:
            why = (
                f"the ResourceVersion in the precondition ({options.version}) does not match the "
                f"ResourceVersion in record ({details['resourceVersion']}). The object might have "
                "been modified"
            )
            raise errors.conflict(kind, group, name, why)

    def _marked(self, resource: Resource, found: Object, options: DeleteOptions) -> Object:
        """*found* as it is after being marked for deletion, as a new object."""
        place = resource.place
        marked: Object = clone(found)
        details = marked["metadata"]
        self._mark_finalizers(details, options.policy)
        if place == NAMESPACES:
            marked.setdefault("status", {})["phase"] = "Terminating"
        grace = _grace(place, found, options)
        if not details.get("deletionTimestamp"):
            now = self._state.simulation.now
            details["deletionTimestamp"] = second(now + grace)
            if place not in (NAMESPACES, _DEFINITIONS):
                details["deletionGracePeriodSeconds"] = grace
                if details.get("generation"):
                    details["generation"] += 1
            rules_of(resource, self._state).mark_deleted(marked)
        elif grace < details.get("deletionGracePeriodSeconds", 0):
            asked = parse_time(details["deletionTimestamp"]) - details["deletionGracePeriodSeconds"]
            details["deletionTimestamp"] = second(asked + grace)
            details["deletionGracePeriodSeconds"] = grace
        return marked

    def _mark_finalizers(self, details: Object, policy: str) -> None:
        finalizers = list(details.get("finalizers") or ())
        wanted = {"Orphan": [ORPHAN], "Foreground": [FOREGROUND], "Background": []}.get(policy)
        if wanted is not None:
            finalizers = [one for one in finalizers if one not in (ORPHAN, FOREGROUND)] + wanted
        if finalizers:
            details["finalizers"] = finalizers
        else:
            details.pop("finalizers", None)

    def _done(self, place: Place, marked: Object) -> bool:
        details = marked["metadata"]
        if details.get("finalizers"):
            return False
        if place == NAMESPACES and (marked.get("spec") or {}).get("finalizers"):
            return False
        return not details.get("deletionGracePeriodSeconds")

    def put(self, place: Place, key: Key, found: Object) -> Version:
        """Store *found*, or remove the object if it was marked and nothing keeps it any more."""
        if found["metadata"].get("deletionTimestamp") and self._done(place, found):
            return self._state.store.drop(place, key, found)
        return self._state.store.put(place, key, found)


def _grace(place: Place, found: Object, options: DeleteOptions) -> int:
    if place != PODS:
        return 0
    spec = found["spec"]
    if not spec.get("nodeName") or (found.get("status") or {}).get("phase") in ("Succeeded", "Failed"):
        return 0
    if options.grace is not None:
        return max(options.grace, 0) if options.grace >= 0 else 1
    return int(spec.get("terminationGracePeriodSeconds", 30))
