"""Custom objects: what their CustomResourceDefinition says."""

from __future__ import annotations

from e2e.simkube import schema, validation
from e2e.simkube.errors import Problems
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
