"""
Reads from the Kubernetes API: one object, or one page of a list.

What comes back is what is stored now, as decoded from JSON; nothing is cached, and nothing tried twice.
Errors are those of `controller.domain.errors`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from controller.domain.errors import TransientError
from controller.kube.errors import check
from controller.kube.kinds import Kind
from controller.kube.transport import Request, Response, Transport
from controller.runtime.reflector import Page


class KubeReader:
    """
    Reads over *transport*; *timeout* is the deadline of one request, in seconds.

    *pace* is called before each request, and may wait, or raise `TransientError`.
    """

    def __init__(
        self, transport: Transport, *, timeout: float = 10.0, pace: Callable[[], None] = lambda: None
    ) -> None:
        self._transport = transport
        self._timeout = timeout
        self._pace = pace

    def get(self, kind: Kind, namespace: str, name: str) -> dict[str, Any]:
        """Return the object as it is stored now; *namespace* is "" for kinds that have none."""
        request = Request(method="GET", path=kind.path(namespace, name), timeout=self._timeout)
        self._pace()
        return object_in(self._transport.send(request), what=f"get {kind.named(namespace, name)}")

    def list_page(  # noqa: PLR0913 -- the parameters of the API, by name
        self,
        kind: Kind,
        namespace: str | None = None,
        *,
        label_selector: str = "",
        field_selector: str = "",
        limit: int | None = 500,
        continue_token: str = "",
        version: str = "",
        metadata_only: bool = False,
        timeout: float | None = None,
    ) -> Page:
        """
        Return one page of the objects in *namespace*, or in all with None.

        *version* "" asks for the newest state, any other for nothing older than that. *limit* None asks
        for everything at once. With *metadata_only* objects come without spec, status and data, and a
        server that cannot leave them out refuses.
        """
        query = {
            "labelSelector": label_selector,
            "fieldSelector": field_selector,
            "limit": "" if limit is None else str(limit),
            "continue": continue_token,
            "resourceVersion": version,
            # Otherwise a server that pages takes the version for exactly that one.
            "resourceVersionMatch": "" if version in ("", "0") else "NotOlderThan",
        }
        request = Request(
            method="GET",
            path=kind.path(namespace),
            query={key: value for key, value in query.items() if value},
            headers=accept_metadata(listing=True) if metadata_only else {},
            timeout=self._timeout if timeout is None else timeout,
        )
        what = f"list {kind.plural} in {namespace}" if namespace else f"list {kind.plural}"
        self._pace()
        body = object_in(self._transport.send(request), what=what)
        items, metadata = body.get("items"), body.get("metadata")
        if not isinstance(metadata, dict) or not isinstance(items, list | None):
            # Part of a list must not pass for the whole: what is absent would count as deleted.
            raise TransientError(f"{what}: the answer is no list")
        return Page(
            items=items or (),
            version=metadata.get("resourceVersion", ""),
            continue_token=metadata.get("continue", ""),
        )


def accept_metadata(*, listing: bool) -> dict[str, str]:
    """Return the header that asks for objects without spec, status and data: in lists, or in watches."""
    # Nothing else is accepted: a server that cannot do this must not send us every Secret instead.
    kind = "PartialObjectMetadataList" if listing else "PartialObjectMetadata"
    return {"Accept": f"application/json;as={kind};g=meta.k8s.io;v=v1"}


def object_in(response: Response, *, what: str) -> dict[str, Any]:
    """Return the JSON object of a success; raise the error that *response* is otherwise."""
    body = check(response, what=what)
    if not isinstance(body, dict):
        # A proxy's page, perhaps. It says nothing about what we asked.
        raise TransientError(f"{what}: the answer is no JSON object")
    return body
