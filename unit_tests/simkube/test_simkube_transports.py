"""In the same process and over HTTP: the same requests get the same answers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
import itertools
import re
import time
from typing import Any

import pytest

from controller.domain.errors import TransientError
from controller.kube.in_cluster import InCluster
from controller.kube.live import LiveTransport
from controller.kube.transport import Request, Response, Transport
from e2e.simkube.api import ApiServer
from e2e.simkube.faults import Hang, LoseAnswer, Match, Refuse, Rule
from e2e.simkube.inprocess import InProcess
from e2e.simkube.server import HttpServer, PortInUseError, kubeconfig
from e2e.simtime import Simulation
from unit_tests.simkube.simclient import APPLY, CONFIG_MAPS, MERGE, Client, config_map

_JSON_PATCH = "application/json-patch+json"
_ONE = f"{CONFIG_MAPS}/one"
_SETS = "/apis/apps/v1/namespaces/default/statefulsets"
# Method, path, body, media type, query: a bit of everything, refusals included.
_SCRIPT: list[tuple[str, str, Any, str, Mapping[str, str]]] = [
    ("GET", "/version", None, "", {}),
    ("GET", "/healthz", None, "", {}),
    ("GET", "/apis", None, "", {}),
    ("GET", "/api/v1", None, "", {}),
    ("GET", "/nothing", None, "", {}),
    ("POST", CONFIG_MAPS, config_map(x="1", ü="\u00fc \U0001f600"), "", {}),
    ("POST", CONFIG_MAPS, config_map(x="1"), "", {}),
    ("POST", CONFIG_MAPS, {"metadata": {"name": "UPPER"}}, "", {}),
    ("POST", CONFIG_MAPS, {"metadata": {"generateName": "made-"}}, "", {}),
    ("GET", _ONE, None, "", {}),
    ("GET", f"{CONFIG_MAPS}/none", None, "", {}),
    ("PATCH", _ONE, {"data": {"x": "2", "y": None}}, MERGE, {}),
    ("PATCH", _ONE, [{"op": "test", "path": "/data/x", "value": "9"}], _JSON_PATCH, {}),
    ("PATCH", _ONE, [{"op": "add", "path": "/data/z", "value": "9"}], _JSON_PATCH, {}),
    ("PATCH", _ONE, config_map(x="3"), APPLY, {"fieldManager": "me"}),
    ("PATCH", _ONE, config_map(x="3"), APPLY, {"fieldManager": "me", "force": "true"}),
    ("PATCH", _ONE, {"data": {}}, "text/plain", {}),
    ("PUT", _ONE, config_map(q="1"), "", {}),
    ("PUT", _ONE, {**config_map(q="1"), "nonsense": 1}, "", {"fieldValidation": "Warn"}),
    ("GET", CONFIG_MAPS, None, "", {"limit": "1"}),
    ("GET", CONFIG_MAPS, None, "", {"labelSelector": "a in (b", "limit": "1"}),
    ("GET", CONFIG_MAPS, None, "", {"fieldSelector": "metadata.name=one"}),
    ("POST", _SETS, {"metadata": {"name": "x"}, "spec": {}}, "", {}),
    ("DELETE", _ONE, None, "", {}),
    ("DELETE", _ONE, None, "", {}),
    ("POST", "/apis/apps/v1/namespaces/default/deployments", {}, "", {}),
]


def _played(sender: Client) -> list[Response]:
    return [sender.call(method, path, body, media, **query) for method, path, body, media, query in _SCRIPT]


def _timeless(answers: list[Response]) -> list[Any]:
    """Statuses and bodies, without the time that has passed."""

    def plain(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: plain(one) for key, one in value.items()}
        if isinstance(value, list):
            return [plain(one) for one in value]
        is_time = isinstance(value, str) and re.fullmatch(r"\d{4}-\d\d-\d\dT[\d:.]+Z", value)
        return "a time" if is_time else value

    return [(answer.status, plain(answer.body)) for answer in answers]


@pytest.fixture
def server() -> Iterator[HttpServer]:
    """A server on a free port."""
    with HttpServer(ApiServer(Simulation(5))) as running:
        yield running


@pytest.fixture
def live(server: HttpServer) -> Iterator[LiveTransport]:
    """The transport that the operator uses on a real cluster."""
    transport = LiveTransport(InCluster(server=server.url), pool_size=2)
    yield transport
    transport.close()


def test_both_transports_give_the_same_answers(live: LiveTransport) -> None:
    """Status and body of every request are equal, from creation to refusal."""
    by_socket = _played(Client(transport=live))
    # The user agent of both is the manager of the fields that they write.
    here = InProcess(ApiServer(Simulation(5)), agent="casskop/1")
    by_call = _played(Client(transport=here))

    for asked, one, other in zip(_SCRIPT, _timeless(by_socket), _timeless(by_call), strict=True):
        assert one == other, asked
    assert {answer.status for answer in by_call} >= {200, 201, 400, 404, 409, 415, 422, 501}


def test_both_transports_give_the_same_events(server: HttpServer, live: LiveTransport) -> None:
    """A watch that begins with what is there gives the same objects."""
    events: list[list[Any]] = []
    here: Transport = InProcess(server.api)
    _played(Client(transport=live))
    asked = Request(
        method="GET",
        path="/api/v1/namespaces",
        query={"watch": "1", "timeoutSeconds": "2"},
    )
    for transport in (live, here):
        with transport.stream(asked, silence=20) as stream:
            assert not isinstance(stream, Response)
            events.append(list(itertools.islice(stream, 4)))

    assert events[0] == events[1]
    assert [event["type"] for event in events[0]] == ["ADDED"] * 4


def test_a_stream_over_http_is_pushed(server: HttpServer, live: LiveTransport) -> None:
    """A change is told as it happens, not at the next look."""
    sender = Client(transport=live)
    version = sender.get(CONFIG_MAPS).body["metadata"]["resourceVersion"]
    asked = Request(method="GET", path=CONFIG_MAPS, query={"watch": "1", "resourceVersion": version})
    with live.stream(asked, silence=20) as stream:
        assert not isinstance(stream, Response)
        began = time.monotonic()
        sender.post(CONFIG_MAPS, config_map())
        event = next(stream)

    assert event["object"]["metadata"]["name"] == "one"
    # Well below the second after which a stream looks by itself whether its client is there.
    assert time.monotonic() - began < 0.9


def test_faults_reach_both(server: HttpServer, live: LiveTransport) -> None:
    """What is refused, hung or lost in-process is so over HTTP."""
    here = InProcess(server.api)
    for transport in (live, here):
        sender = Client(transport=transport, timeout=0.2)
        server.api.faults.add(Rule(Match(kinds=("secrets",)), Refuse(status=429, retry_after=1)))
        refused = sender.get("/api/v1/secrets")
        headers = {name.lower(): value for name, value in refused.headers.items()}
        assert (refused.status, headers["retry-after"]) == (429, "1")
        for fault in (Hang(), LoseAnswer()):
            server.api.faults.add(Rule(Match(kinds=("secrets",)), fault))
            with pytest.raises(TransientError):
                sender.get("/api/v1/secrets")


def test_a_port_in_use_is_said(server: HttpServer) -> None:
    """A second server on the port is an error with a sentence."""
    with pytest.raises(PortInUseError, match=f"cannot listen on 127.0.0.1:{server.port}"):
        HttpServer(ApiServer(Simulation()), port=server.port)


def test_stopping_ends_open_streams(live: LiveTransport, server: HttpServer) -> None:
    """A client that waits on a stream is let go."""
    asked = Request(method="GET", path=CONFIG_MAPS, query={"watch": "1", "resourceVersion": "1"})
    with live.stream(asked, silence=20) as stream:
        assert not isinstance(stream, Response)
        server.api.end_watches(Match())

        assert [event for event in stream if event["type"] != "ERROR"] == []


def test_the_kubeconfig_leads_to_the_server(server: HttpServer) -> None:
    """The current context names the server's address, and a token that it takes."""
    config = kubeconfig(server.url)

    context = {one["name"]: one["context"] for one in config["contexts"]}[config["current-context"]]
    clusters = {one["name"]: one["cluster"] for one in config["clusters"]}
    assert clusters[context["cluster"]]["server"] == server.url
    assert config["users"][0]["user"]["token"]
