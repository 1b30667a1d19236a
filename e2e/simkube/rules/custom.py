"""Custom objects: what their CustomResourceDefinition says."""

from __future__ import annotations

from e2e.simkube import errors, schema, validation
from e2e.simkube.errors import Problems
from e2e.simkube.kinds import Resource
from e2e.simkube.rules.base import Rules
from e2e.simkube.values import Object

_HEAD = ("apiVersion", "kind", "metadata")


class CustomRules(Rules):
    """The objects of one CustomResourceDefinition."""

    overwrites = False
    returns_deleted = False

    def resets(self, subresource: str) -> tuple[str, ...]:
        """Below status only the status is written, elsewhere all but the status."""
        if "status" not in self.resource.subresources:
            return ()
        return ("*",) if subresource == "status" else ("status",)

    def isolate(self, found: Object, before: Object, subresource: str) -> None:
        """A status write changes nothing but the status, not even labels."""
        if subresource != "status" or "status" not in self.resource.subresources:
            super().isolate(found, before, subresource)
            return
        status = found.pop("status", None)
        managed = found["metadata"].get("managedFields")
        found.clear()
        found |= before
        found["metadata"] = dict(before["metadata"])
        if managed is not None:
            found["metadata"]["managedFields"] = managed
        found.pop("status", None)
        if status is not None:
            found["status"] = status

    def default(self, found: Object) -> None:
        """Fill in the defaults of the schema."""
        compiled = self.resource.schema
        if compiled is not None:
            schema.default(compiled, found)

    def validate(self, found: Object, problems: Problems) -> None:
        """Check the object against the schema."""
        compiled = self.resource.schema
        if compiled is not None:
            body = {name: value for name, value in found.items() if name not in _HEAD}
            validation.validate(compiled, body, "", problems)


def check_head(resource: Resource, body: Object) -> None:
    """Refuse a custom object without the whole of its head, which kinds of Kubernetes' own may leave out."""
    kind, version = body.get("kind"), body.get("apiVersion")
    if not kind:
        raise errors.bad_request(
            f"the object provided is unrecognized (must be of type {resource.kind}): "
            f"Object 'Kind' is missing in '{errors.shown(body)}'"
        )
    if version != resource.api_version:
        raise errors.bad_request(
            f"the API version in the data ({version or ''}) does not match the expected API version "
            f"({resource.api_version})"
        )
    if kind != resource.kind:
        problems = Problems()
        problems.invalid("kind", kind, f"must be {resource.kind}")
        name = (body.get("metadata") or {}).get("name", "")
        raise errors.invalid(kind, resource.group, name, problems.causes)
