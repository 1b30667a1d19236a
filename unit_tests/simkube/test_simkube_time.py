"""The in-process transport and the simulated clock."""

from __future__ import annotations

import pytest

from controller.domain.errors import TransientError
from controller.kube.transport import Request, Response
from e2e.simkube.inprocess import InProcess
from unit_tests.simkube.simclient import CONFIG_MAPS, client, server


def _watching(**query: str) -> Request:
    return Request(method="GET", path=CONFIG_MAPS, query={"watch": "1", **query})


def test_a_request_takes_no_time() -> None:
    """The simulated clock stands still, and what is due stays due."""
    made = server()
    ran: list[str] = []
    made.simulation.after(0, lambda: ran.append("due"))
    before = made.simulation.now

    client(made).made()

    assert made.simulation.now == before
    assert ran == []


def test_waiting_on_a_stream_moves_the_clock() -> None:
    """Whoever waits lets the next due callback run, and gets what it makes."""
    made = server()
    began = made.simulation.now

    def create() -> None:
        client(made).made("later")

    made.simulation.after(30, create)
    asked = _watching(resourceVersion=str(made.store.version))

    with InProcess(made).stream(asked, silence=60) as stream:
        assert not isinstance(stream, Response)
        event = next(iter(stream))

    assert event["object"]["metadata"]["name"] == "later"
    assert made.simulation.now == began + 30


def test_a_silent_stream_is_given_up() -> None:
    """After *silence* seconds without an event the client gives up, at that instant."""
    made = server()
    began = made.simulation.now
    asked = _watching(resourceVersion=str(made.store.version))

    with InProcess(made).stream(asked, silence=45) as stream:
        assert not isinstance(stream, Response)
        with pytest.raises(TransientError, match="nothing came for 45 seconds"):
            list(stream)

    assert made.simulation.now == began + 45


def test_bookmarks_break_the_silence() -> None:
    """A watch that asks for bookmarks gets one a minute, and one before its announced end."""
    made = server()
    began = made.simulation.now
    asked = _watching(
        resourceVersion=str(made.store.version), allowWatchBookmarks="true", timeoutSeconds="150"
    )

    with InProcess(made).stream(asked, silence=70) as stream:
        assert not isinstance(stream, Response)
        events = [(event["type"], made.simulation.now - began) for event in stream]

    assert events == [("BOOKMARK", 60), ("BOOKMARK", 120), ("BOOKMARK", 148)]
    assert made.simulation.now == began + 150


def test_a_stream_is_forgotten_when_it_is_left() -> None:
    """Leaving the context closes the watch on the server."""
    made = server()
    with InProcess(made).stream(_watching(), silence=10) as stream:
        assert not isinstance(stream, Response)

    client(made).made()
    assert list(stream) == []


def test_garbage_is_collected_in_simulated_time() -> None:
    """Dependents go a little later than their owner, as time passes and not before."""
    made = server()
    sender = client(made)
    owner = sender.made("owner")["metadata"]["uid"]
    reference = {"apiVersion": "v1", "kind": "ConfigMap", "name": "owner", "uid": owner}
    sender.post(CONFIG_MAPS, {"metadata": {"name": "child", "ownerReferences": [reference]}})
    sender.delete(f"{CONFIG_MAPS}/owner")

    assert sender.get(f"{CONFIG_MAPS}/child").status == 200
    made.simulation.run_until(made.simulation.now + 10)
    assert sender.get(f"{CONFIG_MAPS}/child").status == 404
