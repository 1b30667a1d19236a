"""What a reader may rely on: what a reflector asks arrives, and what the server says comes back."""

from __future__ import annotations

import threading
import time
from typing import Any

import pytest

from controller.domain.errors import ExpiredError, OperatorError, TerminalError, TransientError
from controller.kube import kinds
from controller.kube.errors import UnknownKindError
from controller.kube.live import LiveTransport
from controller.kube.watch import KindSource
from controller.runtime.clock import RealClock
from controller.runtime.list_watch import List, Watch
from controller.runtime.reflector import Reflector, Source
from controller.runtime.store import Key, Store
from unit_tests.kube.api_stub import Answer, ApiStub, Stream, status

WATCH = Watch(version="7", timeout_seconds=300, silence=60.0)


def pod(name: str, version: str) -> dict[str, Any]:
    """Return a pod of cluster `cc`."""
    labels = {"app": "cassandracluster", "cassandracluster": "cc"}
    return {
        "metadata": {
            "name": name,
            "namespace": "prod",
            "uid": f"u-{name}",
            "resourceVersion": version,
            "labels": labels,
        }
    }


@pytest.fixture
def source(transport: LiveTransport) -> KindSource:
    """Return a source of the pods of all clusters."""
    return KindSource(transport, kinds.POD, label_selector=kinds.OWNED_SELECTOR)


def test_a_list_goes_out_as_it_was_asked(api: ApiStub, source: KindSource) -> None:
    """Version, limit, token and selector."""
    api.answers(Answer({"metadata": {"resourceVersion": "9", "continue": "more"}, "items": [pod("a", "3")]}))
    asked: Source = source

    page = asked.list_page(List(version="0", limit=500))
    asked.list_page(List(version="", limit=500, continue_token="more"))
    asked.list_page(List(version="7", limit=None))

    assert (page.items, page.version, page.continue_token) == ([pod("a", "3")], "9", "more")
    selector = {"labelSelector": "app=cassandracluster"}
    assert [each.query for each in api.asked] == [
        {**selector, "limit": "500", "resourceVersion": "0"},
        {**selector, "limit": "500", "continue": "more"},
        {**selector, "resourceVersion": "7", "resourceVersionMatch": "NotOlderThan"},
    ]


def test_a_watch_goes_out_as_it_was_asked(api: ApiStub, transport: LiveTransport) -> None:
    """With bookmarks, and as a watch-list when initial events are wanted; metadata alone if so set."""
    api.answers(Stream(pieces=[]))
    source = KindSource(transport, kinds.SECRET, namespace="prod", metadata_only=True)

    for initial_events in (False, True):
        request = Watch(version="7", timeout_seconds=300, silence=60.0, initial_events=initial_events)
        with source.watch(request) as events:
            assert list(events) == []

    plain, initial = api.asked
    query = {
        "watch": "true",
        "allowWatchBookmarks": "true",
        "timeoutSeconds": "300",
        "resourceVersion": "7",
    }
    assert plain.path == "/api/v1/namespaces/prod/secrets"
    assert plain.query == query
    assert initial.query == {**query, "sendInitialEvents": "true", "resourceVersionMatch": "NotOlderThan"}
    assert plain.headers["accept"] == "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1"


def test_events_come_as_the_server_sends_them(api: ApiStub, source: KindSource) -> None:
    """Bookmarks and errors, too: what they mean is the reflector's."""
    events = [
        {"type": "ADDED", "object": pod("a", "8")},
        {"type": "BOOKMARK", "object": {"metadata": {"resourceVersion": "9"}}},
        {"type": "ERROR", "object": {"kind": "Status", "code": 410, "reason": "Expired"}},
    ]
    api.answers(Stream(pieces=events))

    with source.watch(WATCH) as answer:
        assert list(answer) == events


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (status(410, "Expired"), ExpiredError),
        (status(429, "TooManyRequests", retryAfterSeconds=7), TransientError),
        (status(500, "InternalError"), TransientError),
        (status(401, "Unauthorized"), TransientError),
        (status(422, "Invalid"), TerminalError),
        (Answer("404 page not found", 404), UnknownKindError),
    ],
    ids=lambda value: str(value.status) if isinstance(value, Answer) else "",
)
def test_refusals_are_the_errors_that_a_reflector_knows(
    api: ApiStub, source: KindSource, answer: Answer, kind: type[OperatorError]
) -> None:
    """Of lists and of watches alike, with the delay that was asked for."""
    api.answers(answer)

    with pytest.raises(kind) as of_list:
        source.list_page(List(version="0", limit=500))
    with pytest.raises(kind) as of_watch, source.watch(WATCH):
        pass

    for found in (of_list.value, of_watch.value):
        if isinstance(found, TransientError):
            assert found.retry_after == (7 if answer.status == 429 else None)


def test_silence_of_a_watch_is_told(api: ApiStub, source: KindSource) -> None:
    """The limit is the request's."""
    api.answers(Stream(pieces=[], then="hang"))

    with (
        pytest.raises(TransientError, match="nothing came in time"),
        source.watch(Watch(version="7", timeout_seconds=300, silence=0.1)) as events,
    ):
        next(events)


def test_interrupting_ends_this_watch_and_every_later_one(api: ApiStub, source: KindSource) -> None:
    """A thread that reads is freed, and one that opens a watch afterwards finds nothing in it."""
    sent = threading.Event()
    api.answers(
        Stream(pieces=[{"type": "ADDED", "object": pod("a", "8")}], then="hang", after_first=sent.set)
    )
    opened = threading.Event()
    seen: list[object] = []

    def follow() -> None:
        with source.watch(WATCH) as events:
            opened.set()
            seen.extend(events)

    thread = threading.Thread(target=follow)
    thread.start()
    assert opened.wait(5)
    assert sent.wait(5)
    source.interrupt()
    thread.join(5)

    assert not thread.is_alive()
    assert len(seen) <= 1
    with source.watch(WATCH) as events:
        assert list(events) == []


def test_a_reflector_over_http_follows_and_stops(api: ApiStub, source: KindSource) -> None:
    """List, watch, resume from the last version; and a stop does not wait for an event."""
    api.answers(
        Answer({"metadata": {"resourceVersion": "5"}, "items": [pod("a", "3")]}),
        Stream(
            pieces=[
                {"type": "ADDED", "object": pod("b", "6")},
                {"type": "DELETED", "object": pod("a", "7")},
            ]
        ),
        Stream(pieces=[{"type": "MODIFIED", "object": pod("b", "8")}], then="hang"),
    )
    store: Store[kinds.Object] = Store()
    reflector = Reflector(
        kind="pods",
        source=source,
        store=store,
        transform=kinds.POD.transform,
        clock=RealClock(),
        roll=lambda: 0.0,
        interrupt=source.interrupt,
    )

    reflector.start()
    assert store.wait_synced(5)
    deadline = time.monotonic() + 5
    while store.version(Key("prod", "b")) != "8" and time.monotonic() < deadline:
        time.sleep(0.001)
    reflector.stop()

    assert reflector.join(5)
    assert store.keys() == (Key("prod", "b"),)
    assert store.version(Key("prod", "b")) == "8"
    assert [asked.query.get("resourceVersion") for asked in api.asked[:3]] == ["0", "5", "7"]
