"""What a reader may rely on: recording never waits, the API takes what is sent, losses are counted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

import attrs
from hypothesis import given
from hypothesis import strategies as st
import pytest

from controller.domain.errors import NotLeadingError
from controller.kube import kinds
from controller.kube.client import KubeClient
from controller.kube.event_limits import BURST, MOST_ALIKE, Event, Regarding, Type
from controller.kube.events import MOST_NOTE_BYTES, MOST_TRIES, EventRecorder, _cut
from controller.kube.live import LiveTransport
from controller.runtime.clock import SteppedClock
from unit_tests.kube.api_stub import Answer, ApiStub, Drop, Hang, status

CLUSTER = Regarding(kind=kinds.CASSANDRA_CLUSTER, namespace="prod", name="cc", uid="u")
EVENT = Event(regarding=CLUSTER, type=Type.NORMAL, reason="ApplyStatefulSet", note="the first rack")
REFUSED = status(403, "Forbidden", "cannot create events")


@attrs.define
class Bench:
    """A recorder on a stepped clock, and what it counted."""

    recorder: EventRecorder
    clock: SteppedClock
    counts: Counter[str]
    leading: bool = True

    def record(self, *events: Event) -> None:
        """Record *events* and send them as far as that goes without waiting."""
        for event in events:
            self.recorder.record(event)
        self.work()

    def work(self) -> None:
        """Send what is due now."""
        while (due := self.recorder.step()) is not None and due <= self.clock.monotonic():
            pass


class Counts(Counter[str]):
    """Counts what a recorder does."""

    def sent(self) -> None:
        """Count one that was sent."""
        self["sent"] += 1

    def dropped(self, *, why: str) -> None:
        """Count one that was not."""
        self[why] += 1


@pytest.fixture
def bench(transport: LiveTransport) -> Bench:
    """Return a recorder to the stub, with room for 40."""
    clock, counts = SteppedClock(start=100.0), Counts()

    def fence() -> None:
        if not made.leading:
            raise NotLeadingError("no")

    client = KubeClient(transport, fence=fence, timeout=0.5)
    recorder = EventRecorder(client, instance="casskop-7", clock=clock, capacity=40, metrics=counts)
    made = Bench(recorder, clock, counts)
    return made


def test_an_event_as_the_api_takes_it(api: ApiStub, bench: Bench) -> None:
    """events.k8s.io/v1, in the object's namespace, with a name of its own."""
    bench.record(EVENT, attrs.evolve(EVENT, note="the second rack", action="Create", type=Type.WARNING))

    first, second = api.asked
    assert (first.method, first.path) == ("POST", "/apis/events.k8s.io/v1/namespaces/prod/events")
    name = first.body["metadata"].pop("name")
    assert name.startswith("cc.")
    assert name != second.body["metadata"]["name"]
    assert first.body == {
        "apiVersion": "events.k8s.io/v1",
        "kind": "Event",
        "metadata": {"namespace": "prod"},
        "eventTime": "2026-01-01T00:00:00.000000Z",
        "reportingController": "casskop",
        "reportingInstance": "casskop-7",
        "regarding": {
            "apiVersion": "db.orange.com/v2",
            "kind": "CassandraCluster",
            "namespace": "prod",
            "name": "cc",
            "uid": "u",
        },
        "type": "Normal",
        "reason": "ApplyStatefulSet",
        "action": "ApplyStatefulSet",
        "note": "the first rack",
    }
    assert (second.body["type"], second.body["action"]) == ("Warning", "Create")
    assert bench.counts == {"sent": 2}


def test_an_event_about_something_without_namespace(api: ApiStub, bench: Bench) -> None:
    """It goes to `default`, as kubectl expects it."""
    node = Regarding(kind=kinds.NODE, namespace="", name="n", uid="v")
    bench.record(attrs.evolve(EVENT, regarding=node))

    assert api.asked[0].path == "/apis/events.k8s.io/v1/namespaces/default/events"
    assert api.asked[0].body["regarding"] == {"apiVersion": "v1", "kind": "Node", "name": "n", "uid": "v"}


def test_a_repeated_event_is_a_series(api: ApiStub, bench: Bench) -> None:
    """The second and third change the count and the time of the first."""
    bench.record(EVENT)
    bench.clock.advance(60)
    bench.record(EVENT, EVENT)

    name = api.asked[0].body["metadata"]["name"]
    assert [(asked.method, asked.path.rsplit("/", 1)[1]) for asked in api.asked[1:]] == [("PATCH", name)] * 2
    assert api.asked[2].headers["content-type"] == "application/merge-patch+json"
    assert api.asked[2].body == {"series": {"count": 3, "lastObservedTime": "2026-01-01T00:01:00.000000Z"}}


def test_a_series_whose_event_is_gone_is_made_anew(api: ApiStub, bench: Bench) -> None:
    """A server forgets events; the new one says how often it was."""
    api.answers(Answer({}), status(404, "NotFound", name="x"), Answer({}))
    bench.record(EVENT, EVENT, EVENT)

    assert [asked.method for asked in api.asked] == ["POST", "PATCH", "POST", "PATCH"]
    assert api.asked[2].body["series"]["count"] == 2
    assert api.asked[3].body["series"]["count"] == 3
    assert bench.counts == {"sent": 3}


def test_many_alike_are_folded_and_too_many_are_dropped(api: ApiStub, bench: Bench) -> None:
    """Ten creations, then one series; after a burst of requests about an object, silence."""
    for number in range(BURST + 5):
        bench.record(attrs.evolve(EVENT, note=str(number)))

    methods = Counter(asked.method for asked in api.asked)
    assert methods == {"POST": MOST_ALIKE, "PATCH": BURST - MOST_ALIKE}
    assert api.asked[MOST_ALIKE - 1].body["note"] == "(combined from similar events) 9"
    assert bench.counts == {"sent": BURST, "limited": 5}


def test_the_core_group_is_the_second_choice(api: ApiStub, bench: Bench) -> None:
    """Refused once, events go there from then on; nothing is lost by it."""
    api.answers(REFUSED, Answer({}))
    bench.record(EVENT)
    bench.clock.advance(60)
    bench.record(EVENT)

    _, create, patch = api.asked
    assert create.path == "/api/v1/namespaces/prod/events"
    body = create.body
    assert body["metadata"].pop("name").startswith("cc.")
    assert body == {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"namespace": "prod"},
        "reportingComponent": "casskop",
        "reportingInstance": "casskop-7",
        "source": {"component": "casskop"},
        "involvedObject": {
            "apiVersion": "db.orange.com/v2",
            "kind": "CassandraCluster",
            "namespace": "prod",
            "name": "cc",
            "uid": "u",
        },
        "type": "Normal",
        "reason": "ApplyStatefulSet",
        "action": "ApplyStatefulSet",
        "message": "the first rack",
        "firstTimestamp": "2026-01-01T00:00:00Z",
        "lastTimestamp": "2026-01-01T00:00:00Z",
        "count": 1,
    }
    assert patch.path == f"/api/v1/namespaces/prod/events/{_name(api, 0)}"
    assert patch.body == {"count": 2, "lastTimestamp": "2026-01-01T00:01:00Z"}
    assert bench.counts == {"sent": 2}


def _name(api: ApiStub, index: int) -> str:
    name: str = api.asked[index].body["metadata"]["name"]
    return name


@pytest.mark.parametrize(
    "answers",
    [[REFUSED], [status(404, "NotFound", "the server could not find the requested resource")]],
    ids=["forbidden", "unknown"],
)
def test_refused_in_both_groups_it_is_dropped(api: ApiStub, bench: Bench, answers: list[Answer]) -> None:
    """Without rights there are no events, and nothing else suffers."""
    api.answers(*answers)
    bench.record(EVENT, attrs.evolve(EVENT, note="another"))

    assert [asked.path.split("/")[1] for asked in api.asked] == ["apis", "api", "api"]
    assert bench.counts == {"refused": 2}


@pytest.mark.parametrize(
    "answer",
    [
        status(422, "Invalid", "the note is silly"),
        status(403, "Forbidden", "it is going", causes=[{"reason": "NamespaceTerminating"}]),
        status(404, "NotFound", 'namespaces "prod" not found', name="prod"),
    ],
    ids=["invalid", "terminating", "gone"],
)
def test_an_event_that_is_refused_for_itself_is_dropped(api: ApiStub, bench: Bench, answer: Answer) -> None:
    """It is not tried elsewhere, and the next one goes out as before."""
    api.answers(answer, Answer({}))
    bench.record(EVENT, attrs.evolve(EVENT, note="another"))

    assert [asked.path.split("/")[1] for asked in api.asked] == ["apis", "apis"]
    assert bench.counts == {"refused": 1, "sent": 1}


def test_who_does_not_lead_sends_nothing(api: ApiStub, bench: Bench) -> None:
    """What was recorded while leading is dropped once the lease is lost."""
    bench.leading = False
    bench.record(EVENT)

    assert api.asked == []
    assert bench.counts == {"refused": 1}


def test_what_may_be_better_later_is_tried_again(api: ApiStub, bench: Bench) -> None:
    """After one second, or what the server asks for; in order, and under the same name."""
    api.answers(Drop(), status(429, "TooManyRequests", retryAfterSeconds=7), Answer({}))
    bench.record(EVENT, attrs.evolve(EVENT, note="another"))
    assert bench.recorder.step() == 101.0

    bench.clock.advance(1)
    bench.work()
    assert bench.recorder.step() == 108.0
    assert len(api.asked) == 2
    bench.clock.advance(7)
    bench.work()

    assert len({_name(api, index) for index in range(3)}) == 1
    assert [asked.body["note"] for asked in api.asked[2:]] == ["the first rack", "another"]
    assert bench.counts == {"sent": 2}


def test_a_lost_answer_makes_no_second_event(api: ApiStub, bench: Bench) -> None:
    """If the first try was carried out after all, it counts."""
    api.answers(Drop(), status(409, "AlreadyExists"), Answer({}))
    bench.record(EVENT)
    bench.clock.advance(1)
    bench.work()
    bench.record(EVENT)

    assert [asked.method for asked in api.asked] == ["POST", "POST", "PATCH"]
    assert bench.counts == {"sent": 2}


def test_nobody_tries_for_ever(api: ApiStub, bench: Bench) -> None:
    """After five tries an event is dropped, and the next has its turn."""
    api.answers(*[status(503, "ServiceUnavailable")] * MOST_TRIES, Answer({}))
    bench.record(EVENT, attrs.evolve(EVENT, note="another"))
    for _ in range(MOST_TRIES):
        bench.clock.advance(30)
        bench.work()

    assert len(api.asked) == MOST_TRIES + 1
    assert bench.counts == {"unanswered": 1, "sent": 1}


def test_recording_never_waits(api: ApiStub, bench: Bench) -> None:
    """With the queue full, further events are dropped and counted."""
    for number in range(50):
        bench.recorder.record(attrs.evolve(EVENT, note=str(number)))

    assert api.asked == []
    assert bench.counts == {"full": 10}


# -- stopping


def test_a_stop_sends_what_is_there(api: ApiStub, bench: Bench) -> None:
    """All that was recorded before is sent; what comes later is not."""
    bench.recorder.record(EVENT)

    assert bench.recorder.stop(5)
    bench.recorder.record(EVENT)

    assert len(api.asked) == 1
    assert bench.counts == {"sent": 1, "stopped": 1}


def test_a_stop_does_not_wait_for_better_times(api: ApiStub, bench: Bench) -> None:
    """What fails while stopping is not tried again."""
    api.answers(Drop())
    bench.record(EVENT, attrs.evolve(EVENT, note="another"))

    assert bench.recorder.stop(5)

    assert len(api.asked) == 3
    assert bench.counts == {"unanswered": 2}


@pytest.fixture
def running(bench: Bench) -> Iterator[Bench]:
    """Return a recorder with its thread."""
    bench.recorder.start()
    yield bench
    bench.recorder.stop(5)


def test_a_thread_sends(api: ApiStub, running: Bench) -> None:
    """Events go out as they are recorded, also after a rest and a failure."""
    api.answers(Answer({}), Drop(), Answer({}))
    running.recorder.record(EVENT)
    assert api.wait_asked(1)
    running.recorder.record(attrs.evolve(EVENT, note="another"))
    assert api.wait_asked(2)
    running.clock.await_waiters(1)
    running.clock.advance(1)
    assert api.wait_asked(3)

    assert running.recorder.stop(5)
    assert running.counts == {"sent": 2}


def test_a_stop_of_the_thread_ends_by_its_deadline(api: ApiStub, running: Bench) -> None:
    """A server that hangs delays a stop no longer than it may, and the rest is counted as lost."""
    api.answers(Hang())
    running.recorder.record(EVENT)
    running.recorder.record(attrs.evolve(EVENT, note="another"))
    assert api.wait_asked(1)

    assert not running.recorder.stop(0.05)
    assert running.counts["stopped"] == 2


# -- texts


@given(st.text(max_size=2000))
def test_a_note_fits(note: str) -> None:
    """At most 1,024 bytes, of whole characters; a short one is as it was."""
    cut = _cut(note)

    assert len(cut.encode()) <= MOST_NOTE_BYTES
    if len(note.encode(errors="replace")) <= MOST_NOTE_BYTES:
        assert cut == note.encode(errors="replace").decode()
    else:
        assert cut.endswith("…")
        assert note.startswith(cut[:-1])


@pytest.mark.parametrize("name", ["c" * 253, "a." * 126 + "a", "cc"])
def test_an_events_name_is_one(api: ApiStub, bench: Bench, name: str) -> None:
    """However long the object's name is, the event's is a DNS subdomain."""
    bench.record(attrs.evolve(EVENT, regarding=attrs.evolve(CLUSTER, name=name)))

    made: Any = api.asked[0].body["metadata"]["name"]
    assert len(made) <= 253
    assert all(part and len(part) <= 253 for part in made.split("."))
