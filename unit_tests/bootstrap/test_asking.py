"""Asking the seeds: whatever they do, a round ends in time and says what was seen of each."""

from __future__ import annotations

import http.client
import json
import socket
import time

from hypothesis import given
from hypothesis import strategies as st
import pytest

from controller.bootstrap.asking import Asking, Credentials, mode_of
from controller.bootstrap.seeds import Reach, Seen
from unit_tests.bootstrap.fakejolokia import (
    FakeJolokia,
    Reply,
    drip,
    garbage,
    hang,
    hang_up,
    plain_text,
    serving,
)

SILENT = Seen(reach=Reach.SILENT)


def seen(fake: FakeJolokia, *, credentials: Credentials | None = None, seconds: float = 5.0) -> Seen:
    """Ask one seed, on loopback."""
    asking = Asking(credentials=credentials, port=fake.port, seconds=seconds)
    return asking.all(["127.0.0.1"])["127.0.0.1"]


@pytest.mark.parametrize("mode", ["STARTING", "JOINING", "NORMAL", "LEAVING", "DECOMMISSIONED", "DRAINED"])
def test_a_seed_tells_its_mode(mode: str) -> None:
    """Only one that is NORMAL is a seed to start by."""
    with serving(FakeJolokia(mode=mode)) as fake:
        answer = seen(fake)

    assert answer == Seen(reach=Reach.ANSWERS, mode=mode)
    assert answer.normal is (mode == "NORMAL")


def test_an_agent_without_its_cassandra_is_no_seed() -> None:
    """Trap 47: Jolokia answers before gossip does."""
    with serving(FakeJolokia(mode=None)) as fake:
        answer = seen(fake)

    assert str(answer) == "it answers: Cassandra is not up in it yet"
    assert not answer.normal


def test_credentials_are_sent_and_a_refusal_is_told() -> None:
    """The reason says which side to look at, and not what the password is."""
    credentials = Credentials(user="casskop", password="ä b:c")
    with serving(FakeJolokia(header=credentials.header)) as fake:
        assert seen(fake, credentials=credentials).normal
        refused = seen(fake)

    assert refused == Seen(reach=Reach.ANSWERS, mode="it does not accept the Jolokia credentials of this pod")


@pytest.mark.parametrize("reply", [hang, drip, hang_up, garbage])
def test_a_seed_that_fails_to_answer_is_silent(reply: Reply) -> None:
    """Within the round's deadline, whatever it does."""
    with serving(FakeJolokia(reply=reply)) as fake:
        began = time.monotonic()
        answer = seen(fake, seconds=1.0)

    assert answer == SILENT
    assert time.monotonic() - began < 3


def test_a_refusal_in_plain_text_is_an_answer() -> None:
    """Jolokia 2 refuses so; the seed runs, and its mode is not known."""
    with serving(FakeJolokia(reply=plain_text)) as fake:
        answer = seen(fake)

    assert answer == Seen(reach=Reach.ANSWERS, mode="HTTP 400 without a JSON object")


@pytest.mark.parametrize(
    ("body", "mode"),
    [
        ('{"value":"NORMAL","status":200}', "NORMAL"),
        ('{"value":"NORMAL","status":500}', "Jolokia says 500"),
        ('{"value":"NORMAL"}', "Jolokia says None"),
        ('{"value":["NORMAL"],"status":200}', "Jolokia says 200"),
        ('{"status":404}', "Cassandra is not up in it yet"),
        ('["NORMAL"]', "HTTP 200 without a JSON object"),
        ("NORMAL", "HTTP 200 without a JSON object"),
    ],
)
def test_only_a_value_without_an_error_is_a_mode(body: str, mode: str) -> None:
    """Jolokia answers HTTP 200 to nearly everything; success is in the body."""
    assert mode_of(200, body.encode()) == mode


def test_all_seeds_are_asked_at_the_same_time() -> None:
    """Five silent ones take no longer than one: the round, not the seed, has the deadline."""
    names = ["127.0.0.1", "127.1", "127.0.1", "0x7f000001", "2130706433"]  # five ways to write one address
    with serving(FakeJolokia(reply=hang)) as fake:
        asking = Asking(credentials=None, port=fake.port, seconds=1.0)
        began = time.monotonic()
        answers = asking.all(names)

    assert time.monotonic() - began < 2
    assert answers == dict.fromkeys(names, SILENT)


def test_a_name_that_does_not_resolve_is_told_apart() -> None:
    """From a seed that is there and silent: the one has no pod, the other may be starting."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    asking = Asking(credentials=None, port=port, seconds=5.0)
    answers = asking.all(["127.0.0.1", "no..name", "x" * 70])

    assert answers["127.0.0.1"] == SILENT
    assert answers["no..name"] == answers["x" * 70] == Seen(reach=Reach.UNRESOLVED)


def test_nobody_to_ask_is_an_empty_answer() -> None:
    """A lone node waits for nothing."""
    assert Asking(credentials=None).all([]) == {}


@given(
    st.integers(100, 599),
    st.binary()
    | st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(["value", "status", "x"]), inner),
    ).map(lambda value: json.dumps(value).encode()),
)
def test_any_answer_is_a_mode_or_a_reason(status: int, body: bytes) -> None:
    """NORMAL is read from nothing but a value of Cassandra's own."""
    mode = mode_of(status, body)

    assert isinstance(mode, str)
    if mode == "NORMAL":
        answer = json.loads(body)
        assert (answer["status"], answer["value"]) == (http.client.OK, "NORMAL")
