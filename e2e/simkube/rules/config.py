"""ConfigMaps, Secrets and ServiceAccounts."""

from __future__ import annotations

import base64

from e2e.simkube import names
from e2e.simkube.errors import Problems
from e2e.simkube.rules.base import Rules
from e2e.simkube.values import Object, dig

_LIMIT = 1024 * 1024
_OPAQUE = "Opaque"
# The keys that secrets of these types must have.
_NEEDED = {
    "kubernetes.io/tls": ("tls.crt", "tls.key"),
    "kubernetes.io/dockerconfigjson": (".dockerconfigjson",),
}


def _keys(found: Object, part: str, problems: Problems) -> None:
    for key in found.get(part) or {}:
        if wrong := names.config_key(key):
            problems.invalid(f"{part}[{key}]", key, wrong)


def _fixed(found: Object, before: Object, parts: tuple[str, ...], problems: Problems) -> None:
    if not before.get("immutable"):
        return
    why = "field is immutable when `immutable` is set"
    if not found.get("immutable"):
        problems.forbidden("immutable", why)
    for part in parts:
        if found.get(part) != before.get(part):
            problems.forbidden(part, why)


class ConfigMapRules(Rules):
    """ConfigMaps."""

    def validate(self, found: Object, problems: Problems) -> None:
        """Check the keys and the size."""
        for key in found.get("data") or {}:
            if wrong := names.config_key(key):
                problems.invalid(f"data[{key}]", key, wrong)
            if key in (found.get("binaryData") or {}):
                problems.invalid(f"data[{key}]", key, "duplicate of key present in binaryData")
        _keys(found, "binaryData", problems)
        size = sum(len(value.encode()) for value in (found.get("data") or {}).values())
        size += sum(len(base64.b64decode(v)) for v in (found.get("binaryData") or {}).values())
        if size > _LIMIT:
            problems.too_long("", _LIMIT)

    def validate_update(self, found: Object, before: Object, problems: Problems) -> None:
        """An immutable ConfigMap stays as it is."""
        _fixed(found, before, ("data", "binaryData"), problems)


class SecretRules(Rules):
    """Secrets."""

    def default(self, found: Object) -> None:
        """Put stringData, which is for writing only, into data."""
        found.setdefault("type", _OPAQUE)
        for key, value in (found.pop("stringData", None) or {}).items():
            found.setdefault("data", {})[key] = base64.b64encode(value.encode()).decode()

    def validate(self, found: Object, problems: Problems) -> None:
        """Check the keys, and those that the type needs."""
        _keys(found, "data", problems)
        for key in _NEEDED.get(found["type"], ()):
            if dig(found, "data", key) is None:
                problems.required(f"data[{key}]")
        if sum(len(base64.b64decode(v)) for v in (found.get("data") or {}).values()) > _LIMIT:
            problems.too_long("data", _LIMIT)

    def validate_update(self, found: Object, before: Object, problems: Problems) -> None:
        """The type never changes; an immutable secret stays as it is."""
        if found["type"] != before["type"]:
            problems.invalid("type", found["type"], "field is immutable")
        _fixed(found, before, ("data",), problems)


class ServiceAccountRules(Rules):
    """ServiceAccounts."""

    returns_deleted = True
