"""
Writes to the Kubernetes API, in ten methods; reading is inherited.

- Before every write the fence is asked, and after it nothing happens but sending: who has lost the lease
  writes nothing.
- What is deleted or evicted is named by its UID, so that another object that took its name is safe.
- The spec of a user's resource cannot be written: whoever tries has a bug, and gets `ValueError`.
- Nothing is tried twice.

All methods raise the errors of `controller.domain.errors`; what comes back is JSON as decoded.
`TransientError` after a write means that nobody knows whether it was carried out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from http import HTTPStatus
from typing import Any, Protocol

import attrs

from controller.api.v2.cluster import GROUP
from controller.api.v2.jsonvalues import thaw
from controller.domain.errors import ConflictError
from controller.kube.encoding import Json
from controller.kube.errors import check
from controller.kube.kinds import POD, Kind, Object
from controller.kube.reader import KubeReader, object_in
from controller.kube.transport import Request, Response, Transport

FIELD_MANAGER = "casskop-py"

_JSON = "application/json"
# JSON is YAML, and servers before 1.33 know apply by no other name.
_APPLY = "application/apply-patch+yaml"
_MERGE = "application/merge-patch+json"
_JSON_PATCH = "application/json-patch+json"


class WriteCounter(Protocol):
    """Counts what changes the cluster, or may have."""

    def wrote(self, *, verb: str, resource: str) -> None:
        """A write of *resource*, as `pods/eviction`, is about to be sent."""


class NoWriteCounter:
    """Counts nothing."""

    def wrote(self, *, verb: str, resource: str) -> None:
        """Do nothing."""


class KubeClient(KubeReader):
    """
    Reads and writes over *transport*, as the field manager *field_manager*.

    *fence* raises `NotLeadingError` if nothing may be written now. *timeout* is the deadline of one
    request, in seconds. *pace* is called before each request, and may wait, or raise `TransientError`.
    """

    def __init__(  # noqa: PLR0913 -- each is a seam, all by name
        self,
        transport: Transport,
        *,
        fence: Callable[[], None],
        field_manager: str = FIELD_MANAGER,
        counter: WriteCounter | None = None,
        timeout: float = 10.0,
        pace: Callable[[], None] = lambda: None,
    ) -> None:
        super().__init__(transport, timeout=timeout, pace=pace)
        self._fence = fence
        self._manager = field_manager
        self._counter: WriteCounter = NoWriteCounter() if counter is None else counter

    def create(self, kind: Kind, namespace: str, body: Object) -> dict[str, Any]:
        """Create *body*; `AlreadyExistsError` if there is one of that name."""
        write = _Write(
            verb="create",
            kind=kind,
            namespace=namespace,
            name=str(body["metadata"].get("name") or ""),
            method="POST",
            path=kind.path(namespace),
            body=thaw(body),
        )
        return self._written(write)

    def check_fence(self) -> None:
        """Raise `NotLeadingError` if nothing may be changed now, here or elsewhere."""
        self._fence()

    def apply(self, kind: Kind, namespace: str, name: str, body: Object) -> dict[str, Any]:
        """
        Create the object, or bring the fields in *body* to its values, taking them from whoever has them.

        Fields that we applied before and no longer send are removed. With a uid in its metadata nothing
        is created: `ConflictError` if the object is gone or another.
        """
        _spare_spec(kind, body)
        write = _patch("apply", kind, namespace, name, thaw(body), content_type=_APPLY)
        return self._written(attrs.evolve(write, query={"force": "true"}))

    def replace(self, kind: Kind, namespace: str, name: str, body: Object) -> dict[str, Any]:
        """
        Replace the object by *body*; `ConflictError` if it is no longer at the version in there.

        Raises `ValueError` for a body without a version, which would overwrite anything.
        """
        _spare_spec(kind, body, "spec")
        if not body["metadata"].get("resourceVersion"):
            raise ValueError("a replacement names the version that it replaces")
        write = _Write(
            verb="update",
            kind=kind,
            namespace=namespace,
            name=name,
            method="PUT",
            path=kind.path(namespace, name),
            body=thaw(body),
        )
        return self._written(write)

    def patch_status(  # noqa: PLR0913 -- the parameters of the API, by name
        self,
        kind: Kind,
        namespace: str,
        name: str,
        status: Object,
        *,
        uid: str | None = None,
        resource_version: str | None = None,
    ) -> dict[str, Any]:
        """
        Merge *status* into the object's status; a member that is None is removed.

        `ConflictError` if it has not the *uid*, or is not at the *resource_version*, that is given. With
        the *uid* alone the object is read first: at this place a server looks at the version only.
        """
        if uid is not None and resource_version is None:
            live = self.get(kind, namespace, name)["metadata"]
            if live["uid"] != uid:
                raise ConflictError(f"patch {kind.named(namespace, name)}: it is another one by now")
            resource_version = live["resourceVersion"]
        body = thaw(_preconditioned({"status": status}, uid=uid, resource_version=resource_version))
        return self._written(
            _patch("patch", kind, namespace, name, body, content_type=_MERGE, subresource="status")
        )

    def merge_patch(  # noqa: PLR0913 -- the parameters of the API, by name
        self,
        kind: Kind,
        namespace: str,
        name: str,
        patch: Object,
        *,
        uid: str | None = None,
        resource_version: str | None = None,
    ) -> dict[str, Any]:
        """
        Merge *patch* into the object; a member that is None is removed.

        `ConflictError` if it has not the *uid*, or is not at the *resource_version*, that is given.
        """
        _spare_spec(kind, patch)
        body = thaw(_preconditioned(patch, uid=uid, resource_version=resource_version))
        return self._written(_patch("patch", kind, namespace, name, body, content_type=_MERGE))

    def json_patch(
        self, kind: Kind, namespace: str, name: str, operations: Sequence[Object]
    ) -> dict[str, Any]:
        """
        Carry out JSON patch *operations*.

        `ConflictError` if a `test` among them fails. The server does not tell that from an operation
        that is impossible, such as removing what is not there: with a `test` that is a conflict, too.
        """
        for operation in operations:
            for pointer in (operation["path"], operation.get("from", "/metadata")):
                _spare_spec(kind, (), pointer.split("/")[1] if pointer else "spec")
        body = [thaw(operation) for operation in operations]
        write = _patch("patch", kind, namespace, name, body, content_type=_JSON_PATCH)
        response = self._send(write)
        if response.status == HTTPStatus.UNPROCESSABLE_ENTITY and _may_be_test(response, operations):
            raise ConflictError(f"{write.what}: it is not as it was expected")
        return object_in(response, what=write.what)

    def delete(  # noqa: PLR0913 -- the parameters of the API, by name
        self,
        kind: Kind,
        namespace: str,
        name: str,
        *,
        uid: str,
        resource_version: str | None = None,
        propagation: str | None = None,
        grace_seconds: int | None = None,
    ) -> None:
        """
        Ask for the object's deletion; it may be there for long afterwards.

        `ConflictError` if it has another uid, or is not at the *resource_version* that is given.
        *propagation* is `Orphan`, `Background` or `Foreground`.
        """
        write = _Write(
            verb="delete",
            kind=kind,
            namespace=namespace,
            name=name,
            method="DELETE",
            path=kind.path(namespace, name),
            body={
                "apiVersion": "v1",
                "kind": "DeleteOptions",
                "preconditions": _given(uid=_required(uid), resourceVersion=resource_version),
                **_given(propagationPolicy=propagation, gracePeriodSeconds=grace_seconds),
            },
        )
        check(self._send(write), what=write.what)

    def evict(self, namespace: str, pod: str, *, uid: str, grace_seconds: int | None = None) -> None:
        """
        Ask for a pod's deletion, as far as its PodDisruptionBudget allows.

        `DisruptionBudgetError` if it does not, `ConflictError` if the pod has another uid.
        """
        write = _Write(
            verb="create",
            kind=POD,
            namespace=namespace,
            name=pod,
            method="POST",
            path=POD.path(namespace, pod, "eviction"),
            subresource="eviction",
            body={
                "apiVersion": "policy/v1",
                "kind": "Eviction",
                "metadata": {"namespace": namespace, "name": pod},
                "deleteOptions": {
                    "preconditions": {"uid": _required(uid)},
                    **_given(gracePeriodSeconds=grace_seconds),
                },
            },
        )
        check(self._send(write), what=write.what)

    def _written(self, write: _Write) -> dict[str, Any]:
        return object_in(self._send(write), what=write.what)

    def _send(self, write: _Write) -> Response:
        query = dict(write.query)
        if write.method != "DELETE" and write.subresource != "eviction":
            query["fieldManager"] = self._manager
        request = Request(
            method=write.method,
            path=write.path,
            query=query,
            headers={"Content-Type": write.content_type},
            body=write.body,
            timeout=self._timeout,
        )
        # Before the fence: what may wait must not stand between asking and sending.
        self._pace()
        self._fence()
        self._counter.wrote(verb=write.verb, resource=write.resource)
        return self._transport.send(request)


@attrs.frozen(kw_only=True)
class _Write:
    """One write; *body* is plain JSON."""

    verb: str
    kind: Kind
    namespace: str
    name: str
    method: str
    path: str
    body: Json
    content_type: str = _JSON
    subresource: str = ""
    query: Mapping[str, str] = attrs.field(factory=dict)

    @property
    def what(self) -> str:
        """What is done, for people: `evict Pod prod/cc-dc1-rack1-0`."""
        verb = "evict" if self.subresource == "eviction" else self.verb
        return f"{verb} {self.kind.named(self.namespace, self.name)}"

    @property
    def resource(self) -> str:
        """What is written, as in RBAC rules: `pods/eviction`."""
        return f"{self.kind.plural}/{self.subresource}" if self.subresource else self.kind.plural


def _patch(  # noqa: PLR0913 -- by position what is always there
    verb: str,
    kind: Kind,
    namespace: str,
    name: str,
    body: Json,
    *,
    content_type: str,
    subresource: str = "",
) -> _Write:
    return _Write(
        verb=verb,
        kind=kind,
        namespace=namespace,
        name=name,
        method="PATCH",
        path=kind.path(namespace, name, subresource),
        body=body,
        content_type=content_type,
        subresource=subresource,
    )


def _spare_spec(kind: Kind, touched: Iterable[str], *more: str) -> None:
    if kind.group == GROUP and "spec" in (*touched, *more):
        raise ValueError(f"the spec of a {kind.kind} is its user's")


def _required(uid: str) -> str:
    """Return *uid*; an empty one would be no precondition at all."""
    if not uid:
        raise ValueError("a deletion names the uid of what it deletes")
    return uid


def _preconditioned(patch: Object, *, uid: str | None, resource_version: str | None) -> Object:
    given = _given(uid=uid, resourceVersion=resource_version)
    return {**patch, "metadata": {**patch.get("metadata", {}), **given}} if given else patch


def _given(**members: object) -> dict[str, Any]:
    return {key: value for key, value in members.items() if value is not None}


def _may_be_test(response: Response, operations: Sequence[Object]) -> bool:
    """Whether a refusal may be that of a `test`: the server then says nothing of fields."""
    status = response.body if isinstance(response.body, Mapping) else {}
    causes = (status.get("details") or {}).get("causes")
    return not causes and any(operation["op"] == "test" for operation in operations)
