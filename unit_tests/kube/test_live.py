"""What a reader may rely on: one request is one exchange, it ends in time, and no connection is lost."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
import threading
import time

import pytest

from controller.domain.errors import TransientError
from controller.kube.in_cluster import InCluster
from controller.kube.live import LiveEvents, LiveTransport
from controller.kube.transport import Interruptible, Request, Response
from unit_tests.kube.api_stub import Answer, ApiStub, Behaviour, Drop, Hang, Stream, Trickle, status

GET = Request(method="GET", path="/api/v1/pods", timeout=5.0)


def event(name: str) -> dict[str, object]:
    """Return an event about an object of that name."""
    return {"type": "ADDED", "object": {"metadata": {"name": name}}}


# -- one exchange


def test_a_request_goes_out_as_it_was_asked(api: ApiStub, transport: LiveTransport) -> None:
    """Path, query, headers and body arrive; a body is JSON in UTF-8 unless a header says otherwise."""
    transport.send(
        Request(
            method="PATCH",
            path="/apis/apps/v1/namespaces/a/statefulsets/b",
            query={"fieldManager": "me", "labelSelector": "app=a,b in (c)"},
            headers={"Content-Type": "application/apply-patch+yaml"},
            body={"metadata": {"name": "é😀"}},
        )
    )
    transport.send(Request(method="POST", path="/x", body={}))
    transport.send(GET)

    patch, post, get = api.asked
    assert (patch.method, patch.path) == ("PATCH", "/apis/apps/v1/namespaces/a/statefulsets/b")
    assert patch.query == {"fieldManager": "me", "labelSelector": "app=a,b in (c)"}
    assert patch.headers["content-type"] == "application/apply-patch+yaml"
    # Not as escapes, which a reader of YAML takes for two halves of nothing.
    assert patch.raw == '{"metadata":{"name":"é😀"}}'.encode()
    assert post.headers["content-type"] == "application/json"
    assert get.headers["accept"] == "application/json"
    assert get.headers["user-agent"].startswith("casskop/")
    assert "content-type" not in get.headers
    assert get.body is None


def test_every_answer_comes_back_whatever_its_status(api: ApiStub, transport: LiveTransport) -> None:
    """A refusal, a redirect and a page of a proxy are answers, not errors."""
    api.answers(
        Answer({"a": 1}, 200, {"X-Thing": "y"}),
        status(409, "Conflict"),
        Answer("<html>no</html>", 502),
        Answer({}, 302, {"Location": f"{api.url}/elsewhere"}),
        Answer("", 204),
    )

    answers = [transport.send(GET) for _ in range(5)]

    assert [answer.status for answer in answers] == [200, 409, 502, 302, 204]
    assert answers[0].body == {"a": 1}
    assert answers[0].headers["x-thing"] == "y"
    assert answers[1].body["reason"] == "Conflict"
    assert answers[2].body == "<html>no</html>"
    assert answers[4].body is None
    assert len(api.asked) == 5


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH", "POST"])
def test_a_lost_answer_is_told_and_nothing_is_sent_twice(
    api: ApiStub, transport: LiveTransport, method: str
) -> None:
    """A connection that breaks before the answer is `TransientError`, after exactly one request."""
    api.answers(Drop())

    with pytest.raises(TransientError, match=f"no answer to {method} /x"):
        transport.send(Request(method=method, path="/x", body={}))

    assert len(api.asked) == 1


def test_nobody_there_is_told(transport: LiveTransport, api: ApiStub) -> None:
    """A refused connection is `TransientError`."""
    with ApiStub() as other:
        url = other.url
    live = LiveTransport(InCluster(server=url), pool_size=1)

    with pytest.raises(TransientError, match="no answer"):
        live.send(GET)

    live.close()


@pytest.mark.parametrize("behaviour", [Hang(), Trickle(0.02), Stream(pieces=[{}], then="hang")])
def test_a_request_ends_by_its_deadline(api: ApiStub, transport: LiveTransport, behaviour: Behaviour) -> None:
    """Whether nothing comes, or a little for ever, or half of it: the deadline holds for the whole."""
    api.answers(behaviour)
    began = time.monotonic()

    with pytest.raises(TransientError, match="nothing came in time"):
        transport.send(Request(method="GET", path="/x", timeout=0.3))

    assert 0.25 < time.monotonic() - began < 2.0
    assert api.wait_closed(0)


def test_what_a_transport_counts(api: ApiStub) -> None:
    """One count per exchange: method, host, and the code or `<error>`."""
    counted: list[tuple[str, str, str]] = []

    class Counter:
        def answered(self, *, method: str, host: str, code: str, seconds: float) -> None:
            assert 0 <= seconds < 60
            counted.append((method, host, code))

    live = LiveTransport(InCluster(server=api.url), pool_size=1, metrics=Counter())
    api.answers(Answer({}), status(404, "NotFound"), Stream(pieces=[]), Drop())

    live.send(GET)
    live.send(GET)
    with live.stream(GET, silence=1):
        pass
    with pytest.raises(TransientError):
        live.send(GET)

    host = api.url.removeprefix("http://")
    assert counted == [("GET", host, code) for code in ("200", "404", "200", "<error>")]
    live.close()


# -- connections


def test_no_connection_is_lost(api: ApiStub, transport: LiveTransport) -> None:
    """400 calls from four threads, answers and refusals of all sizes, use no more than four connections."""
    api.answers(
        *(
            Answer({"x": "y" * size}, code)
            for size in (0, 10, 100_000)
            for code in (200, 201, 404, 409, 422, 500)
        ),
        Answer({}),
    )

    with ThreadPoolExecutor(4) as threads:
        answers = list(threads.map(lambda _: transport.send(GET), range(400)))

    assert len(answers) == 400
    assert len(api.asked) == 400
    assert api.connections <= 4
    assert api.open_sockets() <= 4


def test_a_connection_that_failed_is_not_used_again(api: ApiStub, transport: LiveTransport) -> None:
    """After a deadline in the middle of a body, the next request gets its own answer."""
    api.answers(Trickle(0.02), Answer({"right": True}))
    with pytest.raises(TransientError):
        transport.send(Request(method="GET", path="/x", timeout=0.2))

    assert transport.send(GET).body == {"right": True}
    assert [asked.connection for asked in api.asked] == [0, 1]


def test_a_connection_that_the_server_closed_is_replaced(api: ApiStub, transport: LiveTransport) -> None:
    """A server may close a connection after an answer; the next request opens another."""
    api.answers(Answer({}, 200, {"Connection": "close"}), Answer({"second": True}))

    transport.send(GET)
    assert api.wait_closed(0)

    assert transport.send(GET).body == {"second": True}


# -- streams


def opened(answer: Response | Iterator[object]) -> LiveEvents:
    """Return the events of a watch that was not refused."""
    assert isinstance(answer, LiveEvents)
    assert isinstance(answer, Interruptible)
    return answer


def test_a_stream_gives_events_as_they_come(api: ApiStub, transport: LiveTransport) -> None:
    """Events are whole and in order, however the bytes were cut; the end of the stream is its end."""
    lines = b'{"type": "ADDED", "object": {"n": 1}}\n{"type": "ADDED", "object": {"n": 2}}\n\n'
    api.answers(Stream(pieces=[event("a"), lines[:20], lines[20:50], lines[50:]]))

    with transport.stream(GET, silence=5) as answer:
        events = list(opened(answer))

    assert events == [
        event("a"),
        {"type": "ADDED", "object": {"n": 1}},
        {"type": "ADDED", "object": {"n": 2}},
    ]


def test_a_refused_stream_is_an_answer(api: ApiStub, transport: LiveTransport) -> None:
    """A watch that is refused gives the refusal, with its headers."""
    refusal = status(429, "TooManyRequests")
    api.answers(Answer(refusal.body, 429, {"Retry-After": "7"}))

    with transport.stream(GET, silence=5) as answer:
        assert isinstance(answer, Response)
        assert (answer.status, answer.body["reason"]) == (429, "TooManyRequests")
        assert answer.headers["retry-after"] == "7"


def test_silence_ends_a_stream(api: ApiStub, transport: LiveTransport) -> None:
    """Nothing for the silence limit is `TransientError`, after what came before it."""
    api.answers(Stream(pieces=[event("a")], then="hang"))

    with transport.stream(GET, silence=0.2) as answer:
        events = opened(answer)
        assert next(events) == event("a")
        with pytest.raises(TransientError, match="nothing came in time"):
            next(events)

    assert api.wait_closed(0)


@pytest.mark.parametrize(
    "stream",
    [
        Stream(pieces=[event("a")], then="cut"),
        Stream(pieces=[event("a"), b'{"type": "ADD']),
        Stream(pieces=[event("a"), b"not JSON\n"]),
    ],
    ids=["cut", "half", "garbled"],
)
def test_a_broken_stream_is_told(api: ApiStub, transport: LiveTransport, stream: Stream) -> None:
    """A stream that does not end as it should is never taken for one that did."""
    api.answers(stream)

    with transport.stream(GET, silence=5) as answer:
        events = opened(answer)
        assert next(events) == event("a")
        with pytest.raises(TransientError):
            next(events)


def test_a_stream_that_never_opens_ends_by_the_deadline(api: ApiStub, transport: LiveTransport) -> None:
    """The request's deadline holds until the stream is open."""
    api.answers(Hang())

    with (
        pytest.raises(TransientError, match="nothing came in time"),
        transport.stream(Request(method="GET", path="/x", timeout=0.2), silence=60),
    ):
        pass


def test_leaving_closes_the_connection(api: ApiStub, transport: LiveTransport) -> None:
    """A watch that is left in the middle costs the server nothing more."""
    api.answers(Stream(pieces=[event("a"), event("b")], then="hang"), Answer({}))

    with transport.stream(GET, silence=60) as answer:
        assert next(opened(answer)) == event("a")

    assert api.wait_closed(0)
    assert transport.send(GET).status == 200


def test_another_thread_can_end_a_stream(api: ApiStub, transport: LiveTransport) -> None:
    """A thread that waits for an event is freed at once, and sees an ordinary end."""
    waiting = threading.Event()
    api.answers(Stream(pieces=[event("a")], then="hang", after_first=waiting.set))
    seen: list[object] = []

    def follow() -> None:
        with transport.stream(GET, silence=60) as answer:
            events.append(opened(answer))
            seen.extend(events[0])

    events: list[LiveEvents] = []
    thread = threading.Thread(target=follow)
    thread.start()
    assert waiting.wait(5)
    while not events:
        time.sleep(0.001)
    events[0].interrupt()
    thread.join(5)

    assert not thread.is_alive()
    assert seen in ([event("a")], [])
    assert api.wait_closed(0)
    events[0].interrupt()
