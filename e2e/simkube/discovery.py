"""What the server says about itself: versions, groups, resources, health."""

from __future__ import annotations

from controller.kube.transport import Request
from e2e.simkube import errors
from e2e.simkube.encoding import Answer
from e2e.simkube.kinds import Kinds, Resource
from e2e.simkube.openapi import OpenApi
from e2e.simkube.options import header
from e2e.simkube.values import Object

_VERSION = {
    "major": "1",
    "minor": "34",
    "gitVersion": "v1.34.4+simkube",
    "gitCommit": "",
    "gitTreeState": "",
    "buildDate": "1970-01-01T00:00:00Z",
    "goVersion": "",
    "compiler": "",
    "platform": "",
}
_HEALTH = ("healthz", "livez", "readyz")
# What a real server answers below these is lacking here, not unknown.
_LACKING = ("metrics", "logs", "debug", "openid", ".well-known")


def answer(request: Request, kinds: Kinds, openapi: OpenApi) -> Answer:
    """The answer to a request that is about no object."""
    parts = request.path.strip("/").split("/")
    if request.method != "GET":
        raise errors.method_not_allowed()
    match parts:
        case ["version"]:
            return Answer(body=dict(_VERSION))
        case ["api"]:
            return Answer(body=_api_versions())
        case ["apis"]:
            groups = [_group(kinds, name) for name in _group_names(kinds)]
            return Answer(body={"kind": "APIGroupList", "apiVersion": "v1", "groups": groups})
        case ["api", "v1"]:
            return Answer(body=_resources(kinds, "", "v1"))
        case ["apis", group] if group in _group_names(kinds):
            return Answer(body={"kind": "APIGroup", "apiVersion": "v1"} | _group(kinds, group))
        case ["apis", group, version] if _served(kinds, group, version):
            return Answer(body=_resources(kinds, group, version))
        case ["openapi", *_]:
            return openapi.answer(request.path, header(request, "accept"))
        case [first, *_]:
            return _about_itself(first, request)
        case _:
            return Answer(status=404, body="404 page not found\n")


def _about_itself(first: str, request: Request) -> Answer:
    """Answer for health, and for what only a real server has to tell of itself."""
    if first in _LACKING:
        raise errors.lacking(request.path)
    if first not in _HEALTH:
        return Answer(status=404, body="404 page not found\n")
    if "verbose" in request.query:
        raise errors.lacking(f"{first} with its checks one by one (?verbose)")
    return Answer(body="ok")


def _api_versions() -> Object:
    addresses = [{"clientCIDR": "0.0.0.0/0", "serverAddress": "127.0.0.1"}]
    return {
        "kind": "APIVersions",
        "versions": ["v1"],
        "serverAddressByClientCIDRs": addresses,
    }


def _group_names(kinds: Kinds) -> list[str]:
    return sorted({one.group for one in kinds.all() if one.group})


def _group(kinds: Kinds, name: str) -> Object:
    versions = sorted({one.version for one in kinds.all() if one.group == name})
    listed = [{"groupVersion": f"{name}/{version}", "version": version} for version in versions]
    return {"name": name, "versions": listed, "preferredVersion": listed[-1]}


def _served(kinds: Kinds, group: str, version: str) -> list[Resource]:
    found = [one for one in kinds.all() if (one.group, one.version) == (group, version)]
    return sorted(found, key=lambda one: one.plural)


def _resources(kinds: Kinds, group: str, version: str) -> Object:
    listed = [entry for one in _served(kinds, group, version) for entry in _entries(one)]
    return {
        "kind": "APIResourceList",
        "apiVersion": "v1",
        "groupVersion": f"{group}/{version}" if group else version,
        "resources": listed,
    }


# What a subresource speaks when it is not the kind itself.
_OTHER_KINDS: dict[str, Object] = {
    "scale": {"group": "autoscaling", "version": "v1", "kind": "Scale"},
    "eviction": {"group": "policy", "version": "v1", "kind": "Eviction"},
    "binding": {"kind": "Binding"},
}


def _entries(resource: Resource) -> list[Object]:
    first: Object = {
        "name": resource.plural,
        "singularName": resource.singular,
        "namespaced": resource.namespaced,
        "kind": resource.kind,
        "verbs": list(resource.verbs),
    }
    if resource.short_names:
        first["shortNames"] = list(resource.short_names)
    if resource.categories:
        first["categories"] = list(resource.categories)
    below = [
        {
            "name": f"{resource.plural}/{name}",
            "singularName": "",
            "namespaced": resource.namespaced,
            "kind": resource.kind,
            **_OTHER_KINDS.get(name, {}),
            "verbs": list(verbs),
        }
        for name, verbs in resource.subresources.items()
    ]
    return [first, *below]
