"""CustomResourceDefinitions: what is wrong with one, and what is filled in."""

from __future__ import annotations

from e2e.simkube import errors, names
from e2e.simkube.errors import Problems
from e2e.simkube.rules.base import Rules
from e2e.simkube.schema import compile_schema
from e2e.simkube.values import Object, dig

_SCOPES = ("Cluster", "Namespaced")
CLEANUP = "customresourcecleanup.apiextensions.k8s.io"


class DefinitionRules(Rules):
    """CustomResourceDefinitions."""

    overwrites = False
    returns_deleted = False

    def default(self, found: Object) -> None:
        """Fill in the names and the conversion."""
        spec = found["spec"]
        kinds = spec.setdefault("names", {})
        kind = kinds.get("kind", "")
        if not kinds.get("singular"):
            kinds["singular"] = kind.lower()
        if not kinds.get("listKind") and kind:
            kinds["listKind"] = f"{kind}List"
        spec.setdefault("conversion", {"strategy": "None"})

    def prepare_create(self, found: Object) -> None:
        """A new definition serves nothing yet."""
        stored = [one["name"] for one in found["spec"].get("versions") or () if one.get("storage")]
        found["status"] = {
            "conditions": None,
            "acceptedNames": {"plural": "", "kind": ""},
            "storedVersions": stored,
        }

    def mark_deleted(self, found: Object) -> None:
        """It stays until its objects are gone."""
        finalizers = found["metadata"].setdefault("finalizers", [])
        if CLEANUP not in finalizers:
            finalizers.append(CLEANUP)

    def validate(self, found: Object, problems: Problems) -> None:
        """Check names, scope, versions and schemas."""
        spec = found["spec"]
        plural, group = spec["names"].get("plural", ""), spec.get("group", "")
        if found["metadata"].get("name") != f"{plural}.{group}":
            problems.invalid(
                "metadata.name",
                found["metadata"].get("name"),
                'must be spec.names.plural+"."+spec.group',
            )
        if not group:
            problems.required("spec.group")
        elif wrong := names.subdomain(group):
            problems.invalid("spec.group", group, wrong)
        for name in ("plural", "singular", "kind", "listKind"):
            if not spec["names"].get(name):
                problems.required(f"spec.names.{name}")
        if spec.get("scope") not in _SCOPES:
            problems.unsupported("spec.scope", spec.get("scope", ""), _SCOPES)
        if spec["conversion"].get("strategy") != "None":
            raise errors.lacking("conversion of custom resources by webhook")
        versions = spec.get("versions") or ()
        if sum(bool(one.get("storage")) for one in versions) != 1:
            problems.invalid(
                "spec.versions", versions, "must have exactly one version marked as storage version"
            )
        for index, version in enumerate(versions):
            self._check_version(version, f"spec.versions[{index}]", problems)

    def _check_version(self, version: Object, field: str, problems: Problems) -> None:
        where = f"{field}.schema.openAPIV3Schema"
        schema = dig(version, "schema", "openAPIV3Schema")
        if schema is None:
            problems.required(where, "schemas are required")
            return
        compile_schema(schema)
        if schema.get("type") != "object":
            problems.invalid(f"{where}.type", schema.get("type", ""), 'must be "object" at the root')
        _check_structural(schema, where, problems)


def _check_structural(schema: Object, field: str, problems: Problems) -> None:
    """Report what makes a schema not structural: no type, or both kinds of properties."""
    free = schema.get("x-kubernetes-int-or-string") or schema.get("x-kubernetes-preserve-unknown-fields")
    if not schema.get("type") and not free:
        problems.required(f"{field}.type", "must not be empty for specified object fields")
    if schema.get("properties") and schema.get("additionalProperties"):
        problems.forbidden(f"{field}.additionalProperties", "must not be used with properties")
    for name, inner in (schema.get("properties") or {}).items():
        _check_structural(inner, f"{field}.properties[{name}]", problems)
    if schema.get("items"):
        _check_structural(schema["items"], f"{field}.items", problems)
    elif schema.get("type") == "array":
        problems.required(f"{field}.items", "must be specified")
    if isinstance(schema.get("additionalProperties"), dict):
        _check_structural(schema["additionalProperties"], f"{field}.additionalProperties", problems)
    kind = schema.get("x-kubernetes-list-type")
    if kind == "map" and not schema.get("x-kubernetes-list-map-keys"):
        problems.required(
            f"{field}.x-kubernetes-list-map-keys",
            "must not be empty if x-kubernetes-list-type is map",
        )
