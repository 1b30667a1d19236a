"""From a request about objects to the part of the server that carries it out."""

from __future__ import annotations

import attrs

from controller.kube.transport import Request
from e2e.simkube import errors, patch, reviews
from e2e.simkube.encoding import Answer, Page
from e2e.simkube.life import Life, delete_options
from e2e.simkube.options import header, list_options, write_options
from e2e.simkube.reads import Reads
from e2e.simkube.routing import Target
from e2e.simkube.state import State
from e2e.simkube.subresources import Subresources
from e2e.simkube.values import Json
from e2e.simkube.writes import Write, Writes

_NAMES = {"POST": "create", "PUT": "update", "PATCH": "patch"}


def verb_of(request: Request, target: Target) -> str:
    """What Kubernetes calls a request."""
    if request.method == "GET":
        return "list" if target.name is None else "get"
    if request.method == "DELETE":
        return "deletecollection" if target.name is None else "delete"
    return _NAMES.get(request.method, request.method.lower())


class Verbs:
    """Carries out the requests of one server."""

    def __init__(self, state: State, life: Life) -> None:
        self._life = life
        self._reads = Reads(state)
        self._writes = Writes(state, life)
        self._subresources = Subresources(state, self._writes, life)

    def carry_out(self, request: Request, target: Target, body: Json, *, upto: int | None) -> Answer:
        """Do what *request* asks; *upto* is the version that a stale server has seen."""
        if target.subresource not in ("", "status"):
            return self._below(request, target, body)
        if verb_of(request, target) not in target.resource.verbs:
            raise errors.method_not_allowed()
        if request.method == "GET" and target.name is not None:
            version = request.query.get("resourceVersion", "")
            return Answer(body=self._reads.get(target, version, upto=upto))
        if request.method == "GET":
            options = list_options(request.query, watch=False)
            return self._reads.list(target, options, upto=upto)
        if target.name is None:
            return self._to_collection(request, target, body)
        return self._to_object(request, target, body)

    def _below(self, request: Request, target: Target, body: Json) -> Answer:
        if request.method == "GET":
            return self._subresources.get(target)
        write = Write(target=target, options=write_options(request))
        return self._subresources.write(write, request.method, body, _media(request))

    def _to_collection(self, request: Request, target: Target, body: Json) -> Answer:
        if request.method == "DELETE":
            return self._delete_all(request, target, body)
        spread = target.resource.namespaced and target.namespace is None
        if request.method != "POST" or spread:
            raise errors.method_not_allowed()
        write = Write(target=target, options=write_options(request))
        if target.resource.place == reviews.REVIEWS:
            return reviews.answer(self._writes.read(write, body))
        return self._writes.create(write, body)

    def _to_object(self, request: Request, target: Target, body: Json) -> Answer:
        if request.method == "DELETE" and not target.subresource:
            return self._life.delete(target, delete_options(body, dict(request.query)))
        if request.method not in ("PUT", "PATCH"):
            raise errors.method_not_allowed()
        write = Write(target=target, options=write_options(request))
        if request.method == "PUT":
            return self._writes.update(write, body)
        if _media(request) not in patch.MEDIA:
            raise errors.unsupported_media_type()
        return self._writes.patch(write, body, _media(request))

    def _delete_all(self, request: Request, target: Target, body: Json) -> Answer:
        """Delete what a list selects; the answer is that list as it was."""
        options = delete_options(body, dict(request.query))
        chosen = self._reads.list(target, list_options(request.query, watch=False), upto=None)
        for version in chosen.body.items if isinstance(chosen.body, Page) else ():
            details = version.object["metadata"]
            one = attrs.evolve(target, namespace=details.get("namespace"), name=details["name"])
            self._life.delete(one, options)
        return chosen


def _media(request: Request) -> str:
    return header(request, "content-type").partition(";")[0].strip()
