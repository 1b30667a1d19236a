"""What a reader may rely on: what each method sends, and that nothing is written without the fence."""

from __future__ import annotations

from collections.abc import Callable
from types import MappingProxyType
from typing import Any

import attrs
import pytest

from controller.domain.errors import (
    ConflictError,
    NotFoundError,
    NotLeadingError,
    TerminalError,
    TransientError,
)
from controller.kube import kinds
from controller.kube.client import KubeClient
from controller.kube.errors import AlreadyExistsError, DisruptionBudgetError
from controller.kube.live import LiveTransport
from unit_tests.kube.api_stub import Answer, ApiStub, status

LIVE = {"metadata": {"name": "x", "uid": "u", "resourceVersion": "7"}}


@attrs.define
class Notes:
    """A fence that can be closed, and what was counted, in one order."""

    closed: bool = False
    happened: list[str] = attrs.field(factory=list)

    def fence(self) -> None:
        """Note that it was asked."""
        self.happened.append("fence")
        if self.closed:
            raise NotLeadingError("no")

    def wrote(self, *, verb: str, resource: str) -> None:
        """Note a write."""
        self.happened.append(f"{verb} {resource}")


@pytest.fixture
def notes() -> Notes:
    """Return an open fence."""
    return Notes()


@pytest.fixture
def client(transport: LiveTransport, notes: Notes) -> KubeClient:
    """Return a client behind that fence."""
    return KubeClient(transport, fence=notes.fence, counter=notes, timeout=5.0)


BODY = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "s"}, "spec": {"a": 1}}
WRITES: dict[str, Callable[[KubeClient], object]] = {
    "create services": lambda c: c.create(kinds.SERVICE, "prod", BODY),
    "apply services": lambda c: c.apply(kinds.SERVICE, "prod", "s", BODY),
    "update leases": lambda c: c.replace(kinds.LEASE, "prod", "l", {"metadata": {"resourceVersion": "7"}}),
    "patch cassandraclusters/status": lambda c: c.patch_status(
        kinds.CASSANDRA_CLUSTER, "prod", "cc", {"phase": "Running"}
    ),
    "patch pods": lambda c: c.merge_patch(kinds.POD, "prod", "p", {"metadata": {"labels": {"a": "b"}}}),
    "patch cassandraclusters": lambda c: c.json_patch(
        kinds.CASSANDRA_CLUSTER, "prod", "cc", [{"op": "remove", "path": "/metadata/finalizers/0"}]
    ),
    "delete persistentvolumeclaims": lambda c: c.delete(kinds.PERSISTENT_VOLUME_CLAIM, "prod", "d", uid="u"),
    "create pods/eviction": lambda c: c.evict("prod", "p", uid="u"),
}


@pytest.mark.parametrize("write", WRITES)
def test_the_fence_is_asked_before_every_write(
    api: ApiStub, client: KubeClient, notes: Notes, write: str
) -> None:
    """Fence, count, and then the request, once."""
    WRITES[write](client)

    assert notes.happened == ["fence", write]
    assert len(api.asked) == 1


@pytest.mark.parametrize("write", WRITES)
def test_behind_a_closed_fence_nothing_is_sent(
    api: ApiStub, client: KubeClient, notes: Notes, write: str
) -> None:
    """Who has lost the lease writes nothing, and counts nothing."""
    notes.closed = True

    with pytest.raises(NotLeadingError):
        WRITES[write](client)

    assert api.asked == []
    assert notes.happened == ["fence"]


@pytest.mark.parametrize("write", WRITES)
def test_a_write_that_is_not_answered_is_not_repeated(api: ApiStub, client: KubeClient, write: str) -> None:
    """It may have been carried out: only who asked for it can tell what to do."""
    api.answers(Answer("<html>gateway timeout</html>", 504))

    with pytest.raises(TransientError):
        WRITES[write](client)

    assert len(api.asked) == 1


@pytest.mark.parametrize("write", WRITES)
def test_who_waits_for_a_turn_asks_the_fence_afterwards(
    transport: LiveTransport, notes: Notes, write: str
) -> None:
    """Or the lease could be lost in between."""
    client = KubeClient(transport, fence=notes.fence, pace=lambda: notes.happened.append("pace"))
    WRITES[write](client)

    assert notes.happened == ["pace", "fence"]


def test_reads_wait_for_a_turn_too(api: ApiStub, transport: LiveTransport, notes: Notes) -> None:
    """And who gets none sends nothing."""

    def never() -> None:
        raise TransientError("too many")

    KubeClient(transport, fence=notes.fence, pace=lambda: notes.happened.append("pace")).get(
        kinds.POD, "a", "b"
    )
    impatient = KubeClient(transport, fence=notes.fence, pace=never)
    for ask in (lambda: impatient.get(kinds.POD, "a", "b"), lambda: impatient.list_page(kinds.POD)):
        with pytest.raises(TransientError, match="too many"):
            ask()

    assert notes.happened == ["pace"]
    assert len(api.asked) == 1


def test_reading_needs_no_fence(api: ApiStub, client: KubeClient, notes: Notes) -> None:
    """A standby reads, and no read counts as a write."""
    notes.closed = True
    api.answers(Answer(LIVE), Answer({"metadata": {"resourceVersion": "9"}, "items": []}))

    assert client.get(kinds.POD, "prod", "x") == LIVE
    assert client.list_page(kinds.POD).version == "9"
    assert notes.happened == []


def test_apply_takes_over_what_it_sends(api: ApiStub, client: KubeClient) -> None:
    """Server-side apply by force, as our field manager, with the body as JSON."""
    api.answers(Answer(LIVE))
    read_only = MappingProxyType({**BODY, "spec": MappingProxyType({"list": (1, 2)})})

    assert client.apply(kinds.SERVICE, "prod", "s", read_only) == LIVE

    (asked,) = api.asked
    assert (asked.method, asked.path) == ("PATCH", "/api/v1/namespaces/prod/services/s")
    assert asked.query == {"force": "true", "fieldManager": "casskop-py"}
    assert asked.headers["content-type"] == "application/apply-patch+yaml"
    assert asked.body == {**BODY, "spec": {"list": [1, 2]}}


def test_create_and_replace(api: ApiStub, client: KubeClient) -> None:
    """The body as it is, to the collection or to the object."""
    client.create(kinds.SERVICE, "prod", BODY)
    client.replace(kinds.LEASE, "prod", "l", {"metadata": {"resourceVersion": "7"}})

    create, replace = api.asked
    assert (create.method, create.path, create.body) == ("POST", "/api/v1/namespaces/prod/services", BODY)
    assert (replace.method, replace.path) == ("PUT", "/apis/coordination.k8s.io/v1/namespaces/prod/leases/l")
    assert create.query == replace.query == {"fieldManager": "casskop-py"}


def test_a_replacement_must_name_what_it_replaces(api: ApiStub, client: KubeClient) -> None:
    """Without a version it would overwrite whatever is there."""
    with pytest.raises(ValueError, match="version"):
        client.replace(kinds.LEASE, "prod", "l", {"metadata": {"name": "l"}})

    assert api.asked == []


def test_merge_patches_carry_their_preconditions(api: ApiStub, client: KubeClient) -> None:
    """The uid and the version go into the metadata, beside what is patched there."""
    patch = {"metadata": {"labels": {"operation-status": None}}}
    client.merge_patch(kinds.POD, "prod", "p", patch, uid="u", resource_version="7")
    client.merge_patch(kinds.POD, "prod", "p", patch)

    with_both, without = api.asked
    assert with_both.headers["content-type"] == "application/merge-patch+json"
    assert with_both.body == {
        "metadata": {"labels": {"operation-status": None}, "uid": "u", "resourceVersion": "7"}
    }
    assert without.body == patch


def test_a_status_is_merged_alone(api: ApiStub, client: KubeClient) -> None:
    """Nothing but the status is in the patch, at the version that is given."""
    client.patch_status(kinds.CASSANDRA_CLUSTER, "prod", "cc", {"phase": "Running"}, resource_version="7")

    (asked,) = api.asked
    assert asked.path == "/apis/db.orange.com/v2/namespaces/prod/cassandraclusters/cc/status"
    assert asked.headers["content-type"] == "application/merge-patch+json"
    assert asked.body == {"status": {"phase": "Running"}, "metadata": {"resourceVersion": "7"}}


def test_a_status_goes_to_the_object_of_that_uid_only(api: ApiStub, client: KubeClient, notes: Notes) -> None:
    """A server ignores the uid in a status patch: so it is read first, and the version holds it fast."""
    api.answers(Answer(LIVE), Answer(LIVE), Answer(LIVE))

    client.patch_status(kinds.CASSANDRA_CLUSTER, "prod", "x", {"phase": "Running"}, uid="u")
    with pytest.raises(ConflictError, match="another"):
        client.patch_status(kinds.CASSANDRA_CLUSTER, "prod", "x", {"phase": "Running"}, uid="older")

    assert [asked.method for asked in api.asked] == ["GET", "PATCH", "GET"]
    assert api.asked[1].body["metadata"] == {"uid": "u", "resourceVersion": "7"}
    assert notes.happened == ["fence", "patch cassandraclusters/status"]


OPERATIONS = [
    {"op": "test", "path": "/metadata/finalizers/0", "value": "a"},
    {"op": "remove", "path": "/metadata/finalizers/0"},
]


def test_json_patch(api: ApiStub, client: KubeClient) -> None:
    """The operations as they are, with their media type."""
    client.json_patch(kinds.CASSANDRA_CLUSTER, "prod", "cc", OPERATIONS)

    (asked,) = api.asked
    assert asked.headers["content-type"] == "application/json-patch+json"
    assert asked.body == OPERATIONS


def test_a_failed_test_of_a_json_patch_is_a_conflict(api: ApiStub, client: KubeClient) -> None:
    """The server says "invalid" and nothing more; with causes, or without a test, it is no conflict."""
    bare = status(422, "Invalid", "the server rejected our request due to an error in our request")
    api.answers(bare, bare, status(422, "Invalid", "no", causes=[{"field": "metadata.finalizers"}]))

    with pytest.raises(ConflictError, match="not as it was expected"):
        client.json_patch(kinds.CASSANDRA_CLUSTER, "prod", "cc", OPERATIONS)
    with pytest.raises(TerminalError):
        client.json_patch(kinds.CASSANDRA_CLUSTER, "prod", "cc", OPERATIONS[1:])
    with pytest.raises(TerminalError):
        client.json_patch(kinds.CASSANDRA_CLUSTER, "prod", "cc", OPERATIONS)


def test_a_deletion_names_what_it_deletes(api: ApiStub, client: KubeClient) -> None:
    """The uid always, the rest as given."""
    client.delete(kinds.POD, "prod", "p", uid="u")
    client.delete(
        kinds.STATEFULSET,
        "prod",
        "s",
        uid="u",
        resource_version="7",
        propagation="Orphan",
        grace_seconds=0,
    )

    plain, full = api.asked
    options = {"apiVersion": "v1", "kind": "DeleteOptions"}
    assert (plain.method, plain.path) == ("DELETE", "/api/v1/namespaces/prod/pods/p")
    assert plain.query == {}
    assert plain.body == {**options, "preconditions": {"uid": "u"}}
    assert full.body == {
        **options,
        "preconditions": {"uid": "u", "resourceVersion": "7"},
        "propagationPolicy": "Orphan",
        "gracePeriodSeconds": 0,
    }


@pytest.mark.parametrize(
    "write",
    [
        lambda c: c.delete(kinds.POD, "prod", "p", uid=""),
        lambda c: c.evict("prod", "p", uid=""),
    ],
)
def test_an_empty_uid_is_no_precondition(
    api: ApiStub, client: KubeClient, write: Callable[[KubeClient], object]
) -> None:
    """It would delete whatever has that name: it is refused before anything is sent."""
    with pytest.raises(ValueError, match="uid"):
        write(client)

    assert api.asked == []


def test_an_eviction_names_what_it_evicts(api: ApiStub, client: KubeClient) -> None:
    """The pod's uid is a precondition; a budget that does not allow it has an error of its own."""
    api.answers(
        Answer({}, 201),
        status(429, "TooManyRequests", "Cannot evict pod", causes=[{"reason": "DisruptionBudget"}]),
    )

    client.evict("prod", "p", uid="u", grace_seconds=30)
    with pytest.raises(DisruptionBudgetError, match="evict Pod prod/p: TooManyRequests"):
        client.evict("prod", "p", uid="u")

    asked = api.asked[0]
    assert (asked.method, asked.path) == ("POST", "/api/v1/namespaces/prod/pods/p/eviction")
    assert asked.body == {
        "apiVersion": "policy/v1",
        "kind": "Eviction",
        "metadata": {"namespace": "prod", "name": "p"},
        "deleteOptions": {"preconditions": {"uid": "u"}, "gracePeriodSeconds": 30},
    }


CC = kinds.CASSANDRA_CLUSTER


@pytest.mark.parametrize(
    "write",
    [
        lambda c: c.apply(CC, "prod", "cc", {"metadata": {}, "spec": {}}),
        lambda c: c.replace(CC, "prod", "cc", {"metadata": {"resourceVersion": "1"}}),
        lambda c: c.merge_patch(CC, "prod", "cc", {"spec": {"a": 1}}),
        lambda c: c.json_patch(CC, "prod", "cc", [{"op": "add", "path": "/spec/a", "value": 1}]),
        lambda c: c.json_patch(CC, "prod", "cc", [{"op": "replace", "path": "", "value": {}}]),
        lambda c: c.json_patch(CC, "prod", "cc", [{"op": "move", "from": "/spec", "path": "/metadata/a"}]),
    ],
)
def test_no_spec_of_a_user_is_ever_written(
    api: ApiStub, client: KubeClient, write: Callable[[KubeClient], object]
) -> None:
    """Whoever tries has a bug, which shows before anything is sent."""
    with pytest.raises(ValueError, match="the spec of a CassandraCluster is its user's"):
        write(client)

    assert api.asked == []


def test_refusals_are_the_errors_of_the_loop(api: ApiStub, client: KubeClient) -> None:
    """Each with what was tried, on what."""
    api.answers(
        status(404, "NotFound", 'pods "p" not found', name="p"),
        status(409, "AlreadyExists", "it is there"),
        Answer("<html>welcome</html>"),
    )

    with pytest.raises(NotFoundError, match="get Pod prod/p: NotFound"):
        client.get(kinds.POD, "prod", "p")
    with pytest.raises(AlreadyExistsError, match="create Service prod/s: AlreadyExists"):
        client.create(kinds.SERVICE, "prod", BODY)
    with pytest.raises(TransientError, match="get Node n: the answer is no JSON object"):
        client.get(kinds.NODE, "", "n")


# -- lists


def test_a_list_comes_in_pages(api: ApiStub, client: KubeClient) -> None:
    """Selectors, limit, token and version go out; items, version and token come back."""
    api.answers(
        Answer({"metadata": {"resourceVersion": "9", "continue": "more"}, "items": [LIVE]}),
        Answer({"metadata": {"resourceVersion": "9"}, "items": None}),
    )

    first = client.list_page(
        kinds.POD, "prod", label_selector="app=x", field_selector="spec.nodeName=n", version="0", limit=10
    )
    second = client.list_page(kinds.POD, continue_token="more", limit=None)

    assert (first.items, first.version, first.continue_token) == ([LIVE], "9", "more")
    assert (second.items, second.continue_token) == ((), "")
    assert api.asked[0].path == "/api/v1/namespaces/prod/pods"
    assert api.asked[0].query == {
        "labelSelector": "app=x",
        "fieldSelector": "spec.nodeName=n",
        "limit": "10",
        "resourceVersion": "0",
    }
    assert api.asked[1].path == "/api/v1/pods"
    assert api.asked[1].query == {"continue": "more"}


def test_a_list_at_a_version_is_nothing_older(api: ApiStub, client: KubeClient) -> None:
    """With paging, a server would otherwise take the version for exactly that one."""
    api.answers(Answer({"metadata": {}, "items": []}))

    client.list_page(kinds.POD, version="7")

    assert api.asked[0].query["resourceVersionMatch"] == "NotOlderThan"


def test_metadata_alone_is_all_that_is_accepted(api: ApiStub, client: KubeClient) -> None:
    """A server that cannot leave out the contents of Secrets is not to send them."""
    api.answers(Answer({"metadata": {}, "items": []}))

    client.list_page(kinds.SECRET, metadata_only=True)

    assert (
        api.asked[0].headers["accept"] == "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"
    )


@pytest.mark.parametrize("body", ["<html>", {}, {"items": []}, {"metadata": {}, "items": {}}, []])
def test_what_is_no_list_is_not_an_empty_one(api: ApiStub, client: KubeClient, body: Any) -> None:
    """What is absent from a list counts as deleted, so an answer must be one."""
    api.answers(Answer(body))

    with pytest.raises(TransientError, match="list pods"):
        client.list_page(kinds.POD)


def test_the_fence_may_be_asked_for_what_is_done_elsewhere(client: KubeClient, notes: Notes) -> None:
    """What changes a node, and not the API server, is held to the same lease."""
    client.check_fence()

    assert notes.happened == ["fence"]
