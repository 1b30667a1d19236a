"""From a path to what it is about."""

from __future__ import annotations

import attrs

from e2e.simkube import errors
from e2e.simkube.kinds import Kinds, Resource
from e2e.simkube.store import Key


@attrs.frozen(kw_only=True)
class Target:
    """What a request is about: a collection, an object, or something below an object."""

    resource: Resource
    namespace: str | None = None  # None: cluster-scoped, or all namespaces
    name: str | None = None
    subresource: str = ""

    @property
    def key(self) -> Key:
        """Where the object is kept."""
        return (self.namespace or "", self.name or "")

    def not_found(self) -> errors.StatusError:
        """404 for this object."""
        return errors.not_found(self.resource.plural, self.resource.group, self.name or "")


def route(path: str, kinds: Kinds) -> Target | None:
    """The target that *path* names; None if it is not below a group and version."""
    parts = path.strip("/").split("/")
    if parts[0] == "api" and len(parts) >= 3:
        group, version, rest = "", parts[1], parts[2:]
    elif parts[0] == "apis" and len(parts) >= 4:
        group, version, rest = parts[1], parts[2], parts[3:]
    else:
        return None
    if not kinds.knows_version(group, version):
        return None
    if rest[0] == "watch":
        raise errors.lacking("paths with /watch/, which are deprecated: use ?watch=1")
    return _target(kinds, group, version, rest)


def _target(kinds: Kinds, group: str, version: str, rest: list[str]) -> Target:
    namespace = None
    below_namespace = ("status", "finalize")
    if rest[0] == "namespaces" and len(rest) >= 3 and rest[2] not in below_namespace:
        namespace, rest = rest[1], rest[2:]
    resource = kinds.of(group, version, rest[0])
    name = rest[1] if len(rest) > 1 else None
    scoped_well = (
        resource.namespaced or namespace is None
        if name is None
        else resource.namespaced == (namespace is not None)
    )
    if not scoped_well or len(rest) > 3:
        raise errors.no_such_resource()
    subresource = rest[2] if len(rest) > 2 else ""
    if subresource and subresource not in resource.subresources:
        if subresource in _LACKING:
            raise errors.lacking(f"{resource.plural}/{subresource}")
        raise errors.no_such_resource()
    return Target(resource=resource, namespace=namespace, name=name, subresource=subresource)


_LACKING = frozenset(
    {
        "attach",
        "ephemeralcontainers",
        "exec",
        "log",
        "portforward",
        "proxy",
        "resize",
        "token",
    }
)
