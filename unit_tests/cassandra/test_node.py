"""What is heard of nodes: whole views from every version, silence from everything else, and in time."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
import threading
from typing import Any

import attrs
import httpx
import pytest

from controller.cassandra import mbeans
from controller.cassandra.jolokia import Credentials, Endpoint, Jolokia
from controller.cassandra.node import Nodes, ask
from controller.domain.ring import Mode, Silent, View
from unit_tests.cassandra.recordings import RECORDINGS, answer, attributes, error, text

NODE = Endpoint(host="127.0.0.1", credentials=Credentials(username="u", password="s3cret"))
# Long enough for threads on a busy machine; nothing waits for it to pass.
GUARD_SECONDS = 30.0
# What an agent may put in place of a value that it could not read.
ERROR = "ERROR: java.util.NoSuchElementException (class java.util.NoSuchElementException)"
TEXTS = {"OperationMode", "ReleaseVersion"}


def client(handler: Callable[[httpx.Request], httpx.Response]) -> Jolokia:
    """Return a client whose agents are *handler*, and which does not sleep between tries."""
    return attrs.evolve(Jolokia.over(httpx.MockTransport(handler)), sleep=lambda _: None)


def heard(values: Mapping[str, Any]) -> View | Silent:
    """Return what is made of a node that answers with *values*."""
    return ask(client(lambda request: answer(dict(values), request)), NODE)


# -- one node


@pytest.mark.parametrize("recording", RECORDINGS)
def test_a_recorded_node_gives_a_whole_view(recording: str) -> None:
    """4.1 and 5.0, behind either agent: one request has all that a view needs, under one set of names."""
    view = heard(attributes(recording))

    assert isinstance(view, View)
    assert (view.mode, view.native_transport) == (Mode.NORMAL, True)
    assert view.release_version == recording.rpartition("-")[2]
    assert sorted(view.host_ids) == ["127.0.0.1", "127.0.0.2", "127.0.0.3"]
    assert len(set(view.host_ids.values())) == 3
    assert not view.joining | view.leaving | view.moving | view.unreachable


def test_the_attribute_that_casskop_reads_is_not_among_them() -> None:
    """`HostIdMap` is gone in 5.0, where asking for it would spoil the whole answer."""
    refused = error("jolokia-5.0.9", "HostIdMap")

    assert "HostIdMap" not in mbeans.VIEW_ATTRIBUTES
    silent = ask(client(lambda _: text(refused)), NODE)
    assert silent == Silent(why=refused["error"])


@pytest.mark.parametrize("mode", [mode.value for mode in Mode])
@pytest.mark.parametrize("recording", RECORDINGS)
def test_every_mode_is_read(recording: str, mode: str) -> None:
    """What the node calls itself comes through as it is."""
    view = heard({**attributes(recording), "OperationMode": mode})

    assert isinstance(view, View)
    assert view.mode.value == mode


def test_peers_on_the_move_are_read() -> None:
    """Each list goes to its own field; a node that joins has a host id already."""
    moving = {
        "JoiningNodes": ["127.0.0.2"],
        "LeavingNodes": ["127.0.0.3"],
        "MovingNodes": ["127.0.0.4"],
        "UnreachableNodes": ["127.0.0.3", "127.0.0.5"],
    }
    view = heard({**attributes("jolokia-5.0.9"), **moving})

    assert isinstance(view, View)
    seen = (view.joining, view.leaving, view.moving, view.unreachable)
    assert [sorted(addresses) for addresses in seen] == list(moving.values())
    assert "127.0.0.2" in view.host_ids


@pytest.mark.parametrize(
    ("attribute", "odd"),
    [
        *((attribute, odd) for attribute in mbeans.VIEW_ATTRIBUTES for odd in (None, 5)),
        *((attribute, ERROR) for attribute in mbeans.VIEW_ATTRIBUTES if attribute not in TEXTS),
    ],
)
def test_half_an_answer_is_no_answer(attribute: str, odd: object) -> None:
    """An attribute that is null, or has another type, makes the node silent, by its name."""
    found = heard({**attributes("jolokia-5.0.9"), attribute: odd})

    assert isinstance(found, Silent)
    assert f"half an answer: {attribute}" in found.why


def test_an_error_in_place_of_the_mode_is_no_mode() -> None:
    """An agent that hands errors out as texts does not make a member of the node by that."""
    view = heard({**attributes("jolokia-5.0.9"), "OperationMode": ERROR})

    assert isinstance(view, View)
    assert view.mode is Mode.UNKNOWN


@pytest.mark.parametrize(
    "values",
    [
        {},
        {"OperationMode": "NORMAL"},
        {k: v for k, v in attributes("jolokia-4.1.10").items() if "Nodes" in k},
    ],
)
def test_an_answer_without_what_was_asked_is_no_answer(values: dict[str, Any]) -> None:
    """An agent that leaves attributes out has not said that there is nothing."""
    found = ask(client(lambda _: text({"value": values, "status": 200})), NODE)

    assert isinstance(found, Silent)
    assert "half an answer" in found.why


def test_a_refused_login_is_told_by_field_and_without_the_password() -> None:
    """An agent that answers 401 with an empty body is alive: the Secret is to be looked at."""
    found = ask(client(lambda _: httpx.Response(401, headers={"www-authenticate": "Basic"})), NODE)

    assert isinstance(found, Silent)
    assert "spec.imageJolokiaSecret" in found.why
    assert "s3cret" not in found.why


@pytest.mark.parametrize(
    "body", ["[" * 100_000, '{"value": ', "\x00", '{"status": 200, "value": {"OperationMode": "NORMAL"}}}']
)
def test_what_is_no_json_is_no_answer(body: str) -> None:
    """Cut off, nested without end, or with something behind it: it is silence, and no bug."""
    assert isinstance(ask(client(lambda _: httpx.Response(200, text=body)), NODE), Silent)


# -- in time


class Drip(httpx.SyncByteStream):
    """A body of a thousand parts, each of which takes *seconds* on *clock*."""

    def __init__(self, clock: list[float], seconds: float) -> None:
        self._clock = clock
        self._seconds = seconds

    def __iter__(self) -> Iterator[bytes]:
        for _ in range(1000):
            self._clock[0] += self._seconds
            yield b" "


def test_an_answer_that_trickles_ends_by_its_deadline() -> None:
    """Each part comes in time and the whole never does: the call is given up, and the node is silent."""
    clock = [0.0]
    jolokia = attrs.evolve(
        client(lambda _: httpx.Response(200, stream=Drip(clock, 4.0))), clock=lambda: clock[0]
    )

    found = ask(jolokia, NODE)

    assert isinstance(found, Silent)
    assert "did not answer in time" in found.why
    # Two tries, each of which may go over by one part.
    assert clock[0] <= 2 * (jolokia.seconds + 4.0)


class Gate:
    """Agents of which some hang until they are let go."""

    def __init__(self, hung: Callable[[str], bool]) -> None:
        self._hung = hung
        self._open = threading.Event()
        self.asked: list[str] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        """Answer at once, or hang."""
        host = request.url.host
        self.asked.append(host)
        if self._hung(host):
            assert self._open.wait(GUARD_SECONDS)
            raise httpx.ReadTimeout("gave up", request=request)
        return answer(attributes("jolokia-5.0.9"), request)

    def let_go(self) -> None:
        """Let all that hang end."""
        self._open.set()


@pytest.fixture
def gate() -> Iterator[Gate]:
    """Return agents of which those at 10.9.* hang."""
    made = Gate(lambda host: host.startswith("10.9."))
    yield made
    made.let_go()


def endpoints(prefix: str, count: int) -> dict[str, Endpoint]:
    """Return *count* nodes with addresses below *prefix*."""
    return {f"{prefix}{n}": Endpoint(host=f"{prefix}{n}") for n in range(count)}


def test_a_round_ends_though_a_node_hangs(gate: Gate) -> None:
    """The others' answers are there, and the one that hangs is silent like any that cannot be reached."""
    nodes = Nodes(client(gate), seconds=0.2)

    ring = nodes.ring({**endpoints("10.0.0.", 3), **endpoints("10.9.0.", 1)})

    assert sorted(ring.views()) == ["10.0.0.0", "10.0.0.1", "10.0.0.2"]
    assert ring.answers["10.9.0.0"] == Silent(why="it did not answer before the round ended")


def test_a_round_in_which_all_hang_keeps_nobody_else_waiting(gate: Gate) -> None:
    """However many nodes of one cluster hang, those of another are asked and heard at once."""
    nodes = Nodes(client(gate), threads=4, seconds=GUARD_SECONDS)
    hung = threading.Thread(target=nodes.ring, args=(endpoints("10.9.0.", 40),), daemon=True)
    hung.start()
    other = nodes.ring(endpoints("10.0.0.", 40))

    assert len(other.views()) == 40
    assert hung.is_alive()
    gate.let_go()
    hung.join(GUARD_SECONDS)
    assert not hung.is_alive()


def test_a_round_that_is_over_asks_nobody_more(gate: Gate) -> None:
    """Nodes that were still to be asked are left in peace: nobody listens."""
    nodes = Nodes(client(gate), threads=1, seconds=0.05)

    ring = nodes.ring(endpoints("10.9.0.", 5))
    gate.let_go()

    assert len(ring.answers) == 5
    assert not ring.views()
    # The one that was being asked is tried twice.
    assert set(gate.asked) == {"10.9.0.0"}


def test_more_nodes_than_threads_are_all_heard(gate: Gate) -> None:
    """Threads bound how many are asked at once, not how many are asked."""
    ring = Nodes(client(gate), threads=3, seconds=GUARD_SECONDS).ring(endpoints("10.0.0.", 50))

    assert len(ring.views()) == 50
    assert sorted(gate.asked) == sorted(endpoints("10.0.0.", 50))


@pytest.mark.parametrize("threads", [0, 2])
def test_a_bug_is_not_taken_for_silence(threads: int) -> None:
    """What is no failure of the node comes out as it is, from a thread, too."""

    def broken(_: httpx.Request) -> httpx.Response:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        Nodes(client(broken), threads=threads, seconds=GUARD_SECONDS).ring(endpoints("10.0.0.", 3))


def test_nobody_to_ask_is_an_empty_ring(gate: Gate) -> None:
    """Which says nothing about anybody."""
    assert Nodes(client(gate)).ring({}).answers == {}
    assert gate.asked == []
