"""
Answers on their way out: as values for callers in the same process, as bytes for HTTP.

Values are copies, so that nobody can change what is stored; bytes are made once per stored version.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import attrs

from controller.kube.transport import Response
from e2e.simkube.store import Version
from e2e.simkube.values import Json, Object, clone, encode


@attrs.frozen(kw_only=True)
class Page:
    """A list: *head* is all of it but the items. Items of *bare* lists go without kind and version."""

    head: Object
    items: Sequence[Version]
    bare: bool = False


# Text goes out as it is; bytes are an OpenAPI document in protobuf.
Body = Object | str | bytes | Version | Page

OPENAPI_PROTOBUF = "application/com.github.proto-openapi.spec.v2.v1.0+protobuf"


@attrs.frozen(kw_only=True)
class Answer:
    """What the server says, not yet encoded. An object in *body* belongs to the answer."""

    status: int = 200
    headers: Mapping[str, str] = attrs.field(factory=dict)
    body: Body = ""
    delay: float = 0.0  # seconds that the answer takes on its way

    def response(self) -> Response:
        """The answer as values that the caller may change."""
        return Response(status=self.status, headers=dict(self.headers), body=values(self.body))

    def shared(self) -> Response:
        """The answer for a caller that changes nothing: an object in it is the store's own."""
        body = self.body.object if isinstance(self.body, Version) else values(self.body)
        return Response(status=self.status, headers=dict(self.headers), body=body)

    def content(self) -> tuple[str, bytes]:
        """Content type and bytes."""
        if isinstance(self.body, str):
            return "text/plain; charset=utf-8", self.body.encode()
        if isinstance(self.body, bytes):
            return OPENAPI_PROTOBUF, self.body
        return "application/json", as_bytes(self.body)


def values(body: Body) -> Json:
    """A body as values of its own."""
    if isinstance(body, Version):
        return body.copy()
    if isinstance(body, Page):
        items = [version.copy() for version in body.items]
        if body.bare:
            for item in items:
                del item["kind"], item["apiVersion"]
        return {**clone(body.head), "items": items}
    return clone(body)


def as_bytes(body: Body) -> bytes:
    """A body as it goes out; an object as JSON."""
    if isinstance(body, bytes):
        return body
    if isinstance(body, Version):
        return body.bytes()
    if isinstance(body, Page):
        each = Version.tail if body.bare else Version.bytes
        items = b",".join([each(version) for version in body.items])
        return encode(body.head)[:-1] + b',"items":[' + items + b"]}"
    return encode(body)


def event_bytes(kind: str, body: Body) -> bytes:
    """A watch event as a line of JSON."""
    return b'{"type":"' + kind.encode() + b'","object":' + as_bytes(body) + b"}\n"
