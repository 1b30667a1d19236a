"""What a reader may rely on: a Lease says what the election means, and times are readable by Go."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
import re
import threading
from typing import Any

import attrs
from hypothesis import given
from hypothesis import strategies as st
import pytest

from controller.domain.errors import ConflictError, TransientError
from controller.kube.lease import KubeLease
from controller.kube.live import LiveTransport
from controller.kube.microtime import micro_time, read_micro_time
from controller.runtime.clock import SteppedClock
from controller.runtime.election import Election, LeaseLock, LeaseRecord
from unit_tests.kube.api_stub import Answer, ApiStub, Hang, status

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
RECORD = LeaseRecord(
    holder="me",
    duration_seconds=15,
    acquire_time=NOON,
    renew_time=NOON + timedelta(microseconds=5),
    transitions=2,
    resource_version="7",
)
SPEC = {
    "holderIdentity": "me",
    "leaseDurationSeconds": 15,
    "acquireTime": "2026-01-01T12:00:00.000000Z",
    "renewTime": "2026-01-01T12:00:00.000005Z",
    "leaseTransitions": 2,
}


def lease(version: str, spec: dict[str, Any], **metadata: object) -> dict[str, Any]:
    """Return a Lease as it is stored."""
    return {
        "apiVersion": "coordination.k8s.io/v1",
        "kind": "Lease",
        "metadata": {"name": "casskop", "namespace": "ops", "resourceVersion": version, **metadata},
        "spec": spec,
    }


@pytest.fixture
def lock(transport: LiveTransport) -> LeaseLock:
    """Return the lock over HTTP."""
    return KubeLease(transport, namespace="ops", name="casskop", timeout=0.3)


def test_what_a_lease_says_comes_back(api: ApiStub, lock: LeaseLock) -> None:
    """All of it, and None when there is no Lease."""
    api.answers(Answer(lease("7", SPEC)), status(404, "NotFound", name="casskop"))

    assert lock.get() == RECORD
    assert lock.get() is None
    assert api.asked[0].path == "/apis/coordination.k8s.io/v1/namespaces/ops/leases/casskop"


@pytest.mark.parametrize("spec", [{}, {"holderIdentity": None, "renewTime": "soon"}])
def test_a_lease_may_say_little(api: ApiStub, lock: LeaseLock, spec: dict[str, Any]) -> None:
    """What is absent, or cannot be read, is empty: nobody holds it."""
    api.answers(Answer(lease("7", spec)))

    assert lock.get() == LeaseRecord(
        holder="", duration_seconds=0, acquire_time=None, renew_time=None, transitions=0
    )


def test_create_and_update(api: ApiStub, lock: LeaseLock) -> None:
    """What is written is what the record says, at the version that it was read at."""
    api.answers(Answer(lease("1", SPEC)), Answer(lease("8", SPEC)))

    created = lock.create(attrs.evolve(RECORD, resource_version=None))
    updated = lock.update(RECORD)

    assert (created.resource_version, updated.resource_version) == ("1", "8")
    post, put = api.asked
    assert (post.method, put.method) == ("POST", "PUT")
    assert post.body == {
        "apiVersion": "coordination.k8s.io/v1",
        "kind": "Lease",
        "metadata": {"name": "casskop", "namespace": "ops"},
        "spec": SPEC,
    }
    assert put.body["spec"] == SPEC
    assert put.body["metadata"]["resourceVersion"] == "7"


def test_what_others_put_into_the_lease_stays(api: ApiStub, lock: LeaseLock) -> None:
    """Labels, and fields of a newer API, are sent back as they came."""
    stored = lease(
        "7", {**SPEC, "strategy": "OldestEmulationVersion"}, labels={"a": "b"}, managedFields=[{"x": "y"}]
    )
    api.answers(Answer(stored))
    found = lock.get()
    assert found is not None

    lock.update(attrs.evolve(found, holder="you"))

    body = api.asked[1].body
    assert body["spec"] == {**SPEC, "strategy": "OldestEmulationVersion", "holderIdentity": "you"}
    assert body["metadata"]["labels"] == {"a": "b"}
    assert "managedFields" not in body["metadata"]


def test_of_two_candidates_one_gets_a_conflict(api: ApiStub, lock: LeaseLock) -> None:
    """On creating as on replacing."""
    api.answers(status(409, "AlreadyExists"), status(409, "Conflict"))

    with pytest.raises(ConflictError):
        lock.create(RECORD)
    with pytest.raises(ConflictError):
        lock.update(RECORD)


def test_a_request_of_the_lease_ends_by_its_deadline(api: ApiStub, lock: LeaseLock) -> None:
    """A server that hangs is no answer, in time for the election to step down."""
    api.answers(Hang())

    with pytest.raises(TransientError, match="nothing came in time"):
        lock.get()


def test_a_busy_pool_does_not_hold_up_the_lease(
    api: ApiStub, transport: LiveTransport, lock: LeaseLock
) -> None:
    """Connections are not waited for: with all of the pool's in use, another is opened."""
    api.answers(Hang())
    held = [
        threading.Thread(target=_swallow, args=(transport,), name=f"held {number}") for number in range(4)
    ]
    for thread in held:
        thread.start()
    assert api.wait_asked(4)
    api.answers(Answer(lease("7", SPEC)))

    assert lock.get() == RECORD
    for thread in held:
        thread.join(5)


def _swallow(transport: LiveTransport) -> None:
    hanging = KubeLease(transport, namespace="ops", name="other", timeout=0.6)
    with pytest.raises(TransientError):
        hanging.get()


def test_an_election_over_http(api: ApiStub, lock: LeaseLock) -> None:
    """A candidate takes a free lease, renews it, and gives it away."""
    stored = [lease("1", SPEC), lease("2", SPEC), lease("3", {**SPEC, "holderIdentity": ""})]
    api.answers(status(404, "NotFound", name="casskop"), *(Answer(each) for each in stored))
    clock = SteppedClock()
    election = Election(
        lock=lock,
        identity="me",
        clock=clock,
        roll=lambda: 0.0,
        on_started=lambda: None,
        on_lost=lambda _: None,
    )

    assert election.step() == 2.0
    assert election.may_act()
    clock.advance(2)
    election.step()
    election.stop(release=True)

    assert [asked.method for asked in api.asked] == ["GET", "POST", "PUT", "PUT"]
    assert [asked.body["metadata"].get("resourceVersion") for asked in api.asked[1:]] == [None, "1", "2"]
    assert api.asked[3].body["spec"]["holderIdentity"] == ""
    assert not election.may_act()


instants = st.datetimes(
    min_value=datetime(1970, 1, 1),  # noqa: DTZ001 -- the strategy adds the zone
    timezones=st.sampled_from([UTC, timezone(timedelta(hours=5, minutes=30)), timezone(timedelta(hours=-8))]),
)


@given(instants | instants.map(lambda instant: instant.replace(microsecond=0)))
def test_times_always_have_six_digits(instant: datetime) -> None:
    """Go's layout refuses any other; and they are read back as the same instant."""
    text = micro_time(instant)

    assert text is not None
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", text)
    assert read_micro_time(text) == instant


@pytest.mark.parametrize(
    ("text", "instant"),
    [
        ("2026-01-01T12:00:00Z", NOON),
        ("2026-01-01T13:00:00.0+01:00", NOON),
        ("2026-01-01T12:00:00.000000123Z", NOON),
        ("2026-01-01T12:00:00", NOON),
        ("yesterday", None),
        (None, None),
        (7, None),
    ],
)
def test_times_of_others_are_read(text: object, instant: datetime | None) -> None:
    """Any number of digits, any zone; what is no time is none."""
    assert read_micro_time(text) == instant


def test_no_time_is_written_as_none() -> None:
    """An absent time stays absent."""
    assert micro_time(None) is None
