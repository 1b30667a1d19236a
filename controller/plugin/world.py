"""
All that the operator would read of one cluster, read once: from the API server, or from a saved bundle.

What could not be read is missing, and `unread` says why. Secrets are there by name only: what is in them
decides nothing but whether nodes can be asked.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
import contextlib
from http import HTTPStatus
from typing import Any, Final

import attrs

from controller.api.v2 import names
from controller.api.v2.cluster import ActionStatus, OperationName
from controller.domain.errors import NotFoundError, OperatorError
from controller.kube import kinds
from controller.kube.errors import ForbiddenError
from controller.kube.kinds import Kind
from controller.kube.transport import Request, Response
from controller.plugin.errors import StopError
from controller.plugin.session import Object, Session

OWNED: Final = (
    kinds.STATEFULSET,
    kinds.POD,
    kinds.PERSISTENT_VOLUME_CLAIM,
    kinds.SERVICE,
    kinds.POD_DISRUPTION_BUDGET,
    kinds.NETWORK_POLICY,
    kinds.CONFIG_MAP,
)
# What is read beside the cluster's own objects, and may be forbidden.
BESIDE: Final = (kinds.SECRET, kinds.STORAGE_CLASS)
DEPLOYMENT: Final = Kind(group="apps", version="v1", plural="deployments", kind="Deployment")
# Some login, so that the model's nodes may be asked; base64 of "-".
_LOGIN: Final = {"username": "LQ==", "password": "LQ=="}


@attrs.frozen(kw_only=True)
class World:
    """*cluster* and, by plural, what belongs to it. *image* is the operator's, None if nobody knows it.

    *taken* is when it was read, in seconds since the epoch, if that was not just now.
    """

    namespace: str
    cluster: Object
    objects: Mapping[str, tuple[Object, ...]]
    image: str | None = None
    unread: Mapping[str, str] = attrs.field(factory=dict)
    taken: float | None = None

    def of(self, kind: Kind) -> tuple[Object, ...]:
        """Return the objects of *kind*, by name."""
        return self.objects.get(kind.plural, ())

    @property
    def name(self) -> str:
        """The cluster's name."""
        return str(self.cluster["metadata"]["name"])


def read(session: Session, cluster: Object) -> World:
    """Return the world of *cluster*, which may be one that does not exist yet."""
    name = cluster["metadata"]["name"]
    objects: dict[str, tuple[Object, ...]] = {}
    unread: dict[str, str] = {}
    for kind in OWNED:
        try:
            objects[kind.plural] = tuple(session.owned(kind, name))
        except ForbiddenError as error:
            if kind != kinds.NETWORK_POLICY:
                raise
            # Few users may see them, and the rest of a plan is none the worse.
            objects[kind.plural] = ()
            unread[kind.plural] = str(error)
    spec = cluster.get("spec") or {}
    scripts = spec.get("configMapName")
    if scripts and all(each["metadata"]["name"] != scripts for each in objects[kinds.CONFIG_MAP.plural]):
        with contextlib.suppress(NotFoundError):
            found = session.client.get(kinds.CONFIG_MAP, session.namespace, scripts)
            objects[kinds.CONFIG_MAP.plural] += (found,)
    objects[kinds.CONTROLLER_REVISION.plural] = tuple(_revisions(session, objects, unread))
    secret = (spec.get("imageJolokiaSecret") or {}).get("name")
    for kind in BESIDE:
        wanted = secret or names.jolokia_secret(name)
        field = f"metadata.name={wanted}" if kind == kinds.SECRET else ""
        where = session.namespace if kind.namespaced else None
        try:
            # Of a class it matters whether its volumes may grow; nobody's login is read.
            page = session.client.list_page(
                kind, where, field_selector=field, metadata_only=kind == kinds.SECRET
            )
        except ForbiddenError as error:
            unread[kind.plural] = str(error)
        else:
            objects[kind.plural] = tuple(dict(item) for item in page.items)
    return World(
        namespace=session.namespace,
        cluster=cluster,
        objects=objects,
        image=operator_image(session) or _own_image(objects[kinds.STATEFULSET.plural]),
        unread=unread,
    )


def removing(world: World) -> tuple[str, ...]:
    """Return the pods through which dead nodes are to be removed, or are being removed."""
    return tuple(
        str(pod["metadata"]["name"])
        for pod in world.of(kinds.POD)
        if (labels := pod["metadata"].get("labels") or {}).get(names.OPERATION_NAME) == OperationName.REMOVE
        and labels.get(names.OPERATION_STATUS) in {ActionStatus.TO_DO, ActionStatus.ONGOING}
    )


def without_removals(world: World) -> World:
    """Return *world* as if nobody had asked for removals: in a model, no node is dead."""
    asked = removing(world)

    def idle(pod: Object) -> Object:
        if pod["metadata"]["name"] not in asked:
            return pod
        metadata = dict(pod["metadata"])
        metadata["labels"] = {k: v for k, v in metadata["labels"].items() if k != names.OPERATION_STATUS}
        annotations = metadata.get("annotations") or {}
        metadata["annotations"] = {k: v for k, v in annotations.items() if k != names.OPERATION}
        return {**pod, "metadata": metadata}

    pods = tuple(idle(pod) for pod in world.of(kinds.POD))
    status = {k: v for k, v in (world.cluster.get("status") or {}).items() if k != "nodeRemoval"}
    cluster = {**world.cluster, **({"status": status} if status else {})}
    return attrs.evolve(world, cluster=cluster, objects={**world.objects, kinds.POD.plural: pods})


def _revisions(
    session: Session, objects: Mapping[str, tuple[Object, ...]], unread: dict[str, str]
) -> Iterator[Object]:
    """Yield what the pods were made from, and what new ones are made from."""
    labels = [each["metadata"].get("labels") or {} for each in objects[kinds.POD.plural]]
    wanted = {each["controller-revision-hash"] for each in labels if each.get("controller-revision-hash")}
    for obj in objects[kinds.STATEFULSET.plural]:
        wanted.add((obj.get("status") or {}).get("updateRevision"))
    for name in sorted(wanted - {None}):
        try:
            yield session.client.get(kinds.CONTROLLER_REVISION, session.namespace, name)
        except NotFoundError:
            continue
        except ForbiddenError as error:
            unread[kinds.CONTROLLER_REVISION.plural] = str(error)
            return


def operator_pods(session: Session) -> list[Object]:
    """Return the operator's pods in the namespace; none if they are elsewhere or may not be seen."""
    try:
        return session.items(kinds.POD, labels="app=casskop")
    except OperatorError:
        return []


def operator_image(session: Session) -> str | None:
    """Return the image that the operator in the namespace gives to new pods, None if none is found."""
    for pod in operator_pods(session):
        for container in pod["spec"].get("containers") or ():
            if container.get("name") == "casskop":
                env = {each["name"]: each.get("value") for each in container.get("env") or ()}
                return str(env.get("OPERATOR_IMAGE") or container.get("image"))
    return None


def _own_image(statefulsets: tuple[Object, ...]) -> str | None:
    """Return the image of the operator that the newest of *statefulsets* was made with."""
    for obj in statefulsets:
        for container in obj["spec"]["template"]["spec"].get("initContainers") or ():
            if container["name"] == names.CONFIG_BUILDER:
                return str(container["image"])
    return None


class Shelf:
    """Answers reads from the objects by plural, as an API server would; what is not there may not be read.

    *objects* returns those of a kind as they are now, None for a kind that was not read; of the kinds
    *partly*, only some were.
    """

    def __init__(
        self, objects: Callable[[str], Iterable[Object] | None], partly: frozenset[str] = frozenset()
    ) -> None:
        self._objects = objects
        self._partly = partly

    def send(self, request: Request) -> Response:
        """Answer a read of one object, or of all of a kind with the labels that are asked for."""
        *_, plural, name = request.path.split("/")
        listed = self._objects(name) if request.method == "GET" else None
        if listed is not None:
            items = [obj for obj in listed if _selected(obj, request.query.get("labelSelector", ""))]
            return Response(status=HTTPStatus.OK, body={"items": items, "metadata": {"resourceVersion": "1"}})
        there = self._objects(plural) if request.method == "GET" else None
        if there is None:
            return _refusal(HTTPStatus.FORBIDDEN, "Forbidden", f"{request.path} was not read")
        for obj in there:
            if obj["metadata"]["name"] == name:
                return Response(status=HTTPStatus.OK, body={**obj, **_content(plural)})
        if plural in self._partly:
            return _refusal(HTTPStatus.FORBIDDEN, "Forbidden", f"{request.path} was not read")
        return _refusal(HTTPStatus.NOT_FOUND, "NotFound", f"{plural} {name} not found")

    def stream(
        self, request: Request, *, silence: float
    ) -> contextlib.AbstractContextManager[Response | Iterator[Mapping[str, Any]]]:
        """Refuse: nothing ever changes here."""
        raise StopError(f"{request.path} does not change here, not in {silence:g} s either")


def _selected(obj: Object, selector: str) -> bool:
    """Tell whether *obj* has all labels of *selector*, which is a list of equations."""
    labels = obj["metadata"].get("labels") or {}
    wanted = (each.partition("=") for each in selector.split(",") if each)
    return all(labels.get(key) == value for key, _, value in wanted)


def _content(plural: str) -> Object:
    return {"data": _LOGIN} if plural == kinds.SECRET.plural else {}


def _refusal(code: int, reason: str, message: str) -> Response:
    body = {"kind": "Status", "status": "Failure", "reason": reason, "message": message, "code": code}
    return Response(status=code, body=body)
