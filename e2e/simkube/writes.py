"""
Create, update and patch: from a body to a stored object, or to a refusal that changes nothing.

The order is that of a real server: read the body, fill in defaults, take back what this path may not
change, note who owns which field, validate, store. A write that changes nothing stores nothing and
keeps the resourceVersion.
"""

from __future__ import annotations

from collections.abc import Iterable

import attrs

from e2e.simkube import errors, managed, metadata, patch, schema
from e2e.simkube.builtin import Reader, struct
from e2e.simkube.encoding import Answer
from e2e.simkube.errors import Problems
from e2e.simkube.events import to_new_event, to_old_event
from e2e.simkube.kinds import Resource
from e2e.simkube.life import Life
from e2e.simkube.options import WriteOptions
from e2e.simkube.routing import Target
from e2e.simkube.rules import rules_of
from e2e.simkube.rules.custom import check_head
from e2e.simkube.state import State
from e2e.simkube.store import Version
from e2e.simkube.values import Json, Object, clone

_HEAD = ("kind", "apiVersion", "metadata")
_IDENTITY = ("name", "namespace", "uid", "resourceVersion")


@attrs.frozen(kw_only=True)
class Write:
    """One write on its way: what all its steps need to know."""

    target: Target
    options: WriteOptions
    warnings: list[str] = attrs.field(factory=list)
    operation: str = "Update"  # or Apply

    @property
    def resource(self) -> Resource:
        """The kind that is written."""
        return self.target.resource

    def headers(self) -> dict[str, str]:
        """The warnings for the client."""
        if not self.warnings:
            return {}
        return {"Warning": ", ".join(f"299 - {errors.shown(text)}" for text in self.warnings)}


class Writes:
    """Writes of one server."""

    def __init__(self, state: State, life: Life) -> None:
        self._state = state
        self._life = life

    def create(self, write: Write, body: Json) -> Answer:
        """Store a new object: 201, 409 if the name is taken."""
        found = self.read(write, body)
        details = found["metadata"]
        namespace = write.target.namespace or ""
        if details.setdefault("namespace", namespace) != namespace:
            raise errors.bad_request(
                "the namespace of the provided object does not match the namespace sent on the request"
            )
        if details.pop("resourceVersion", ""):
            raise errors.StatusError(500, "", "resourceVersion should not be set on objects to be created")
        for part in rules_of(write.resource, self._state).resets(""):
            found.pop(part, None)
        shown = self._as_asked(write.resource, found)
        self._tracker(write).created(shown, self._empty(write.resource))
        return self._create(write, found)

    def _create(self, write: Write, found: Object) -> Answer:
        resource = write.resource
        rules = rules_of(resource, self._state)
        details = found["metadata"]
        if not details.get("name") and details.get("generateName"):
            details["name"] = details["generateName"][:58] + self._state.suffix()
        if not resource.namespaced:
            details.pop("namespace", None)
        self._check_namespace(resource, found)
        if resource.definition is not None and self._terminating(resource):
            raise errors.method_not_allowed()
        rules.prepare_create(found)
        for name in ("deletionTimestamp", "deletionGracePeriodSeconds", "selfLink", "generation"):
            details.pop(name, None)
        details["uid"] = self._state.uid()
        details["creationTimestamp"] = self._state.now()
        if resource.generation or resource.custom:
            details["generation"] = 1
        rules.admit(found)
        problems = Problems()
        metadata.check(details, None, rules.name_problem, problems)
        rules.validate(found, problems)
        self._refuse(resource, found, problems)
        key = (details.get("namespace", ""), details["name"])
        if self._state.store.get(resource.place, key) is not None:
            raise errors.already_exists(resource.plural, resource.group, details["name"])
        rules.check(found, None)
        return self._store(write, found, 201)

    def update(self, write: Write, body: Json) -> Answer:
        """Replace an object by *body*."""
        found = self.read(write, body)
        target = write.target
        details = found["metadata"]
        if details.setdefault("name", target.name) != target.name:
            raise errors.bad_request(
                f"the name of the object ({details['name']}) does not match the name on the URL "
                f"({target.name})"
            )
        before = self._state.store.get(write.resource.place, target.key)
        if before is None:
            if rules_of(write.resource, self._state).creates_on_update and not target.subresource:
                details.pop("resourceVersion", None)
                return self.create(write, found)
            raise target.not_found()
        self._check_precondition(write, details, before)
        return self.replace(write, found, before)

    def patch(self, write: Write, body: Json, media: str) -> Answer:
        """Change an object by a patch of this media type; apply creates it if need be."""
        before = self._state.store.get(write.resource.place, write.target.key)
        if media == patch.APPLY:
            return self._apply(write, body, before)
        if write.options.force is not None:
            problems = Problems()
            problems.forbidden("force", "may not be specified for non-apply patch")
            raise errors.invalid("PatchOptions", "meta.k8s.io", "", problems.causes)
        if before is None:
            raise write.target.not_found()
        return self.patched(write, body, media, before)

    def patched(self, write: Write, body: Json, media: str, before: Version) -> Answer:
        """Change an object that is there by a patch that is no apply."""
        # A copy, as what a patch leaves alone goes into the new object as it is.
        form = self._as_asked(write.resource, before.copy())
        changed = patch.patched(form, body, media, write.resource)
        found = self._read_patched(write, changed, form if media != patch.JSON else {})
        details, old = found["metadata"], before.object["metadata"]
        for name in ("name", "namespace"):
            if details.get(name) != old.get(name):
                raise errors.bad_request(f"the {name} of the object cannot be changed by a patch")
        if details.get("uid") != old["uid"]:
            problems = Problems()
            problems.invalid("metadata.uid", details.get("uid", ""), "field is immutable")
            self._refuse(write.resource, found, problems)
        self._check_precondition(write, details, before)
        return self.replace(write, found, before)

    def _read_patched(self, write: Write, changed: Json, known: Object) -> Object:
        try:
            return self.read(write, changed, known)
        except errors.StatusError as error:
            if error.code != 400:
                raise
            why = error.message.partition(f"handled as a {write.resource.kind}: ")[2]
            problems = Problems()
            problems.invalid("patch", errors.shown(changed), why or error.message)
            raise errors.invalid("", "", "", problems.causes) from None

    def _apply(self, write: Write, body: Json, before: Version | None) -> Answer:
        if not write.options.named_manager:
            problems = Problems()
            problems.required("fieldManager", "is required for apply patch")
            raise errors.invalid("PatchOptions", "meta.k8s.io", "", problems.causes)
        write = attrs.evolve(write, operation="Apply")
        applied = self._configuration(write, body)
        if before is None:
            if write.target.subresource:
                raise write.target.not_found()
            if uid := applied["metadata"].get("uid"):
                given = f"the provided object specified uid {uid}"
                why = f"uid mismatch: {given}, and no existing object was found"
                resource = write.resource
                raise errors.conflict(resource.plural, resource.group, write.target.name or "", why)
            found = self.read(write, self._tracker(write).applied(applied, None, {}))
            found["metadata"].setdefault("namespace", write.target.namespace or "")
            return self._create(write, found)
        self._check_precondition(write, applied["metadata"], before)
        form = self._as_asked(write.resource, before.object)
        found = self._tracker(write).applied(applied, form, self._empty(write.resource))
        if managed.same(found, form):
            return Answer(headers=write.headers(), body=before)
        return self.replace(write, self.read(write, found), before)

    def _configuration(self, write: Write, body: Json) -> Object:
        """What an apply sends, without what its path may not change."""
        if not isinstance(body, dict):
            raise errors.bad_request("the body of an apply must be an object")
        self._check_kind(write.resource, body)
        for name in ("apiVersion", "kind"):
            if not body.get(name):
                raise errors.bad_request(f"Object '{name.capitalize()}' is missing")
        details = dict(body.get("metadata") or {})
        if details.get("managedFields"):
            raise errors.bad_request("metadata.managedFields must be nil")
        if details.setdefault("name", write.target.name) != write.target.name:
            raise errors.bad_request(
                f"the name of the object ({details['name']}) does not match the name on the URL "
                f"({write.target.name})"
            )
        if resets := rules_of(write.resource, self._state).resets(write.target.subresource):
            body = {name: value for name, value in body.items() if name not in resets}
        if "*" in resets:
            body = {name: body[name] for name in (*_HEAD, "status") if name in body}
            details = {name: details[name] for name in _IDENTITY if name in details}
        kept: Object = {**body, "metadata": details}
        return kept

    def _tracker(self, write: Write) -> managed.Tracker:
        return managed.Tracker(
            resource=write.resource,
            subresource=write.target.subresource,
            options=write.options,
            time=self._state.now(),
        )

    def _empty(self, resource: Resource) -> Object:
        """An object of this kind without any field, as its owners see it."""
        if resource.custom:
            return {"metadata": {}}
        empty: Object = Reader().read(resource.type, {})
        return empty

    def replace(self, write: Write, found: Object, before: Version) -> Answer:
        """Store *found* in place of *before*, as far as this path may change it."""
        resource, old = write.resource, before.object
        rules = rules_of(resource, self._state)
        details = found["metadata"]
        metadata.system_fields_of(details, old["metadata"])
        for name in ("name", "namespace", "resourceVersion"):
            if name in old["metadata"]:
                details[name] = old["metadata"][name]
        rules.isolate(found, old, write.target.subresource)
        if write.operation == "Update":
            shown, shown_old = (self._as_asked(resource, one) for one in (found, old))
            self._tracker(write).updated(shown, shown_old)
        rules.prepare_update(found, old)
        if any(found.get(part) != old.get(part) for part in _counted(resource, found, old)):
            details["generation"] = old["metadata"].get("generation", 0) + 1
        problems = Problems()
        metadata.check(details, old["metadata"], rules.name_problem, problems)
        if not (rules.validates_spec_only and found["spec"] is old["spec"]):
            rules.validate(found, problems)
        rules.validate_update(found, old, problems)
        self._refuse(resource, found, problems)
        rules.check(found, old)
        if managed.same(found, old):
            return Answer(headers=write.headers(), body=before)
        return self._store(write, found, 200)

    def read(self, write: Write, body: Json, known: Object | None = None) -> Object:
        """*body* as an object of the kind in its stored form, with defaults; 400 if it is none.

        *known* is an object of this form whose parts need no reading where *body* has the very same.
        """
        resource = write.resource
        if not isinstance(body, dict):
            raise errors.bad_request(f"the object provided is unrecognized (must be of type {resource.kind})")
        self._check_kind(resource, body)
        reader = Reader(known or {})
        try:
            found = self._read_by_type(resource, body, reader)
        except errors.StatusError as error:
            raise self._undecodable(resource, error.message) from None
        if (body.get("metadata") or {}).get("managedFields") == []:
            # Go tells an empty list from none here: it means to start anew.
            found["metadata"]["managedFields"] = []
        unknown = [f'unknown field "{name}"' for name in reader.unknown]
        if unknown and write.options.validation == "Strict":
            text = f"strict decoding error: {', '.join(unknown)}"
            raise self._undecodable(resource, text)
        if write.options.validation == "Warn":
            write.warnings.extend(text for text in unknown if text not in write.warnings)
        stored = self._state.stored_as(resource)
        if resource.place == ("", "events") and resource.group:
            found = to_old_event(found)
        details = metadata.ordered(found.get("metadata") or {})
        head = {"kind": resource.kind, "apiVersion": stored.api_version, "metadata": details}
        found = head | {k: v for k, v in found.items() if k not in _HEAD}
        rules_of(stored, self._state).default(found)
        return found

    def _read_by_type(self, resource: Resource, body: Object, reader: Reader) -> Object:
        if not resource.custom:
            read: Object = reader.read(resource.type, body)
            return read
        meta = struct("meta.v1.ObjectMeta")
        details = reader.read(meta, body.get("metadata") or {}, ((), "metadata"))
        rest = {name: value for name, value in body.items() if name not in _HEAD}
        if resource.schema is not None:
            rest = schema.prune(resource.schema, rest, "", reader.unknown)
        return {"metadata": details, **rest}

    def _check_kind(self, resource: Resource, body: Object) -> None:
        kind, version = body.get("kind"), body.get("apiVersion")
        if resource.custom:
            check_head(resource, body)
        if (kind and kind != resource.kind) or (version and version != resource.api_version):
            raise errors.bad_request(
                f'{kind or resource.kind} in version "{version or resource.version}" cannot be '
                f"handled as a {resource.kind}: the kind or version does not match the path"
            )

    def _undecodable(self, resource: Resource, why: str) -> errors.StatusError:
        return errors.bad_request(
            f'{resource.kind} in version "{resource.version}" cannot be handled as a {resource.kind}: {why}'
        )

    def _as_asked(self, resource: Resource, found: Object) -> Object:
        """An object in the form of the version that was asked for; its metadata is the same dict."""
        if found["apiVersion"] == resource.api_version:
            return found
        if resource.place == ("", "events"):
            return to_new_event(found)
        return {**found, "apiVersion": resource.api_version}

    def _check_precondition(self, write: Write, details: Object, before: Version) -> None:
        """409 if the body names another version or uid than the object has.

        For an apply the uid is no precondition, but a field that cannot be changed: 422.
        """
        resource, name = write.resource, write.target.name or ""
        given = details.get("resourceVersion", "")
        if given and given != str(before.number):
            raise errors.conflict(resource.plural, resource.group, name)
        if not given and write.operation == "Update" and not rules_of(resource, self._state).overwrites:
            problems = Problems()
            problems.invalid("metadata.resourceVersion", 0, "must be specified for an update")
            raise errors.invalid(resource.plural, resource.group, name, problems.causes)
        uid, real = details.get("uid"), before.object["metadata"]["uid"]
        if uid and uid != real and write.operation == "Apply":
            problems = Problems()
            problems.invalid("metadata.uid", uid, "field is immutable")
            self._refuse(resource, {"metadata": details}, problems)
        if uid and uid != real:
            why = f"Precondition failed: UID in precondition: {uid}, UID in object meta: {real}"
            raise errors.conflict(resource.plural, resource.group, name, why)

    def _check_namespace(self, resource: Resource, found: Object) -> None:
        if not resource.namespaced:
            return
        namespace = found["metadata"]["namespace"]
        there = self._state.store.get(("", "namespaces"), ("", namespace))
        if there is None:
            raise errors.not_found("namespaces", "", namespace)
        if there.object["metadata"].get("deletionTimestamp"):
            cause = {
                "reason": "NamespaceTerminating",
                "message": f"namespace {namespace} is being terminated",
                "field": "metadata.namespace",
            }
            raise errors.forbidden(
                resource.plural,
                resource.group,
                found["metadata"].get("name", ""),
                f"unable to create new content in namespace {namespace} because it is being terminated",
                causes=[cause],
            )

    def _terminating(self, resource: Resource) -> bool:
        place = ("apiextensions.k8s.io", "customresourcedefinitions")
        there = self._state.store.get(place, ("", f"{resource.plural}.{resource.group}"))
        return there is None or bool(there.object["metadata"].get("deletionTimestamp"))

    def _refuse(self, resource: Resource, found: Object, problems: Problems) -> None:
        if problems:
            name, group = found["metadata"].get("name", ""), self._state.stored_as(resource).group
            raise errors.invalid(resource.kind, group, name, problems.causes)

    def _store(self, write: Write, found: Object, status: int) -> Answer:
        details = found["metadata"]
        if write.options.dry_run:
            return Answer(status=status, headers=write.headers(), body=clone(found))
        key = (details.get("namespace", ""), details["name"])
        version = self._life.put(write.resource.place, key, found)
        return Answer(status=status, headers=write.headers(), body=version)


def _counted(resource: Resource, found: Object, before: Object) -> Iterable[str]:
    """The parts whose change counts up the generation."""
    if not resource.custom:
        return resource.generation
    apart = {*_HEAD, "status"} if "status" in resource.subresources else set(_HEAD)
    return (found.keys() | before.keys()) - apart
