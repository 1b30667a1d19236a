"""What a Jolokia client promises, against answers as real agents give them."""

from __future__ import annotations

import base64
from collections.abc import Callable
import json

import httpx
import pytest

from controller.cassandra import mbeans
from controller.cassandra.jolokia import Credentials, Endpoint, Jolokia, JolokiaError
from controller.cassandra.node import Nodes, ask
from controller.domain.errors import TransientError
from controller.domain.ring import Mode, Silent, View

VALUES = {
    "OperationMode": "NORMAL",
    "NativeTransportRunning": True,
    "ReleaseVersion": "5.0.9",
    "EndpointToHostId": {"10.0.0.1": "id-1", "10.0.0.2": "id-2"},
    "JoiningNodes": ["10.0.0.2"],
    "LeavingNodes": [],
    "MovingNodes": [],
    "UnreachableNodes": [],
}
NODE = Endpoint(host="10.0.0.1", credentials=Credentials(username="u", password="s3cret"))


class Counts:
    """Remembers what was counted."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, str]] = []

    def jolokia_call(self, mbean: str, result: str, seconds: float) -> None:
        """Count one call."""
        self.calls.append((mbean, result))


def client(answer: Callable[[httpx.Request], httpx.Response], counts: Counts | None = None) -> Jolokia:
    """Return a client whose agent is *answer*."""
    made = Jolokia.over(httpx.MockTransport(answer), counter=counts)
    return Jolokia(http=made.http, counter=counts, sleep=lambda _: None)


def text(body: object, status: int = 200) -> httpx.Response:
    """Return an answer the way Jolokia 1.7 labels it."""
    return httpx.Response(status, text=json.dumps(body), headers={"content-type": "text/plain"})


def test_a_view_is_read_in_one_request() -> None:
    """All attributes come in one POST, with the login in a header and nowhere else."""
    requests: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        requests.append(request)
        return text({"value": VALUES, "status": 200})

    view = ask(client(answer), NODE)

    assert isinstance(view, View)
    assert (view.mode, view.release_version, view.joining) == (
        Mode.NORMAL,
        "5.0.9",
        frozenset({"10.0.0.2"}),
    )
    (request,) = requests
    assert str(request.url) == "http://10.0.0.1:8778/jolokia/"
    assert json.loads(request.content)["attribute"] == list(mbeans.VIEW_ATTRIBUTES)
    login = request.headers["authorization"].removeprefix("Basic ")
    assert base64.b64decode(login) == b"u:s3cret"
    assert b"s3cret" not in request.content
    assert "s3cret" not in repr(NODE)


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (httpx.Response(401), "refuses the login of spec.imageJolokiaSecret"),
        (
            text(
                {
                    "error_type": "javax.management.InstanceNotFoundException",
                    "error": "javax.management.InstanceNotFoundException : No MBean",
                    "status": 404,
                }
            ),
            "No MBean",
        ),
        (httpx.Response(400, text="Invalid arguments"), "Invalid arguments"),
        (text({"status": 500}), "without an error text"),
        (text({"value": {**VALUES, "OperationMode": None}, "status": 200}), "OperationMode"),
        (text({"value": None, "status": 200}), "not attributes"),
        (httpx.Response(200, text="<html>"), "no JSON"),
        (text([1]), "answered list"),
    ],
)
def test_anything_but_a_whole_answer_is_silence(answer: httpx.Response, says: str) -> None:
    """Errors, half answers and nonsense give `Silent` with what happened; never a view."""
    heard = ask(client(lambda _: answer), NODE)

    assert isinstance(heard, Silent)
    assert says in heard.why


def test_an_unknown_mode_is_unknown() -> None:
    """A word of a newer Cassandra is not taken for one we know."""
    heard = ask(
        client(lambda _: text({"value": {**VALUES, "OperationMode": "NAPPING"}, "status": 200})), NODE
    )

    assert isinstance(heard, View)
    assert heard.mode is Mode.UNKNOWN


def test_a_read_is_tried_twice_and_no_more() -> None:
    """One lost answer does not matter, a node that stays silent costs two tries, each of them counted."""
    counts, failures = Counts(), [httpx.ReadTimeout("slow"), httpx.ConnectError("refused")]

    def answer(request: httpx.Request) -> httpx.Response:
        if failures:
            raise failures.pop()
        return text({"value": VALUES, "status": 200})

    jolokia = client(answer, counts)

    with pytest.raises(TransientError, match="did not answer in time"):
        jolokia.read(NODE, mbeans.STORAGE_SERVICE, ["OperationMode"])
    assert jolokia.read(NODE, mbeans.STORAGE_SERVICE, ["OperationMode"]) == VALUES
    assert [result for _, result in counts.calls] == ["error", "error", "success"]


def test_a_refusal_is_not_tried_again() -> None:
    """What the agent refuses once it refuses twice."""
    counts = Counts()
    jolokia = client(lambda _: httpx.Response(401), counts)

    with pytest.raises(JolokiaError):
        jolokia.read(NODE, mbeans.STORAGE_SERVICE, ["OperationMode"])

    assert counts.calls == [(mbeans.STORAGE_SERVICE, "error")]


def test_an_ipv6_host_stands_in_brackets() -> None:
    """An address that contains colons makes a valid URL."""
    assert Endpoint(host="fd00::1").url == "http://[fd00::1]:8778/jolokia/"


def test_nodes_are_asked_side_by_side() -> None:
    """The answers of many nodes come together, each under its own pod, silent ones among them."""

    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.host == "10.0.0.2":
            raise httpx.ConnectError("refused")
        return text({"value": VALUES, "status": 200})

    nodes = Nodes(client(answer))
    ring = nodes.ring({"a": NODE, "b": Endpoint(host="10.0.0.2")})

    assert isinstance(ring.answers["a"], View)
    assert isinstance(ring.answers["b"], Silent)
    assert nodes.ring({}).answers == {}
