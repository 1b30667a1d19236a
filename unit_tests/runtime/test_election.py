"""What a reader may rely on: who may act, from when, and until when at most."""

from __future__ import annotations

from datetime import timedelta
import threading

import attrs
import pytest
from structlog.testing import capture_logs

from controller.domain.errors import NotLeadingError
from controller.runtime.clock import START, SteppedClock
from controller.runtime.election import Election
from controller.runtime.lease import LeaseRecord, Seen, Step, Timing, decide
from unit_tests.runtime.toy_lease import ToyLease, no_answer

ME, OTHER = "me", "other"


# -- the decision


def seen(holder: str, at: float) -> Seen:
    """A lease of 15 seconds."""
    return Seen(holder=holder, duration=15.0, at=at)


@pytest.mark.parametrize(
    ("lease", "last_renewed", "now", "step"),
    [
        (None, None, 0.0, Step.TAKE),
        (seen("", 0.0), None, 0.0, Step.TAKE),
        (seen(OTHER, 0.0), None, 14.9, Step.STAND_BY),
        (seen(OTHER, 0.0), None, 15.0, Step.TAKE),
        (seen(ME, 0.0), None, 0.0, Step.RENEW),
        (seen(ME, 0.0), 0.0, 9.9, Step.RENEW),
        (seen(ME, 9.0), 0.0, 10.0, Step.STEP_DOWN),
        (None, 0.0, 9.9, Step.TAKE),
        (None, 0.0, 10.0, Step.STEP_DOWN),
        (seen(OTHER, 1.0), 0.0, 1.0, Step.STEP_DOWN),
    ],
)
def test_the_decision(lease: Seen | None, last_renewed: float | None, now: float, step: Step) -> None:
    """A table: what is known of the lease, when we renewed it last, and what to do now."""
    assert decide(me=ME, seen=lease, last_renewed=last_renewed, timing=Timing(), now=now) is step


@pytest.mark.parametrize(
    "wrong", [{"lease": 10.0}, {"renew": 2.4}, {"retry": 0.0}, {"renew": 20.0}, {"retry": 9.0}]
)
def test_durations_leave_room_for_one_another(wrong: dict[str, float]) -> None:
    """Else a healthy leader would lose the lease, or two would have it."""
    with pytest.raises(ValueError, match="the lease must be longer than the renewal"):
        Timing(**wrong)


def test_a_request_may_take_half_the_renew_deadline() -> None:
    """So that a second one fits; but never less than a second."""
    assert Timing().request_deadline == 5.0
    assert Timing(lease=2.0, renew=1.5, retry=0.5).request_deadline == 1.0


# -- one candidate


@attrs.define
class Rig:
    """A candidate without threads, and what it told."""

    lease: ToyLease
    clock: SteppedClock
    election: Election
    told: list[str]
    leading: list[bool]

    def run(self, seconds: float) -> None:
        """Let *seconds* pass, step by step."""
        end = self.clock.monotonic() + seconds
        due = self.election.step()
        while due is not None and due <= end:
            self.clock.advance_to(due)
            due = self.election.step()
        self.clock.advance_to(end)
        self.election.check()


class _Gauge:
    def __init__(self) -> None:
        self.values: list[bool] = []

    def leading(self, *, on: bool) -> None:
        self.values.append(on)


def rig(lease: ToyLease, clock: SteppedClock, identity: str = ME) -> Rig:
    """A candidate that retries every two seconds."""
    told: list[str] = []
    gauge = _Gauge()
    election = Election(
        lock=lease,
        identity=identity,
        clock=clock,
        roll=lambda: 0.0,
        on_started=lambda: told.append("started"),
        on_lost=lambda why: told.append(f"lost: {why}"),
        metrics=gauge,
    )
    return Rig(lease, clock, election, told, gauge.values)


def record(holder: str, **changes: object) -> LeaseRecord:
    """A record as another candidate writes it."""
    plain = LeaseRecord(
        holder=holder, duration_seconds=15, acquire_time=START, renew_time=START, transitions=3
    )
    return attrs.evolve(plain, **changes)  # type: ignore[arg-type] # names and types are the caller's


def test_the_first_candidate_leads() -> None:
    """It creates the Lease with its name and times, and is told once."""
    it = rig(ToyLease(), SteppedClock())
    assert not it.election.may_act()

    it.run(5.0)

    assert it.election.may_act()
    assert it.election.leader() == ME
    assert (it.told, it.leading) == (["started"], [False, True])
    assert it.lease.record == LeaseRecord(
        holder=ME,
        duration_seconds=15,
        acquire_time=START,
        renew_time=START + timedelta(seconds=4),
        transitions=0,
    )


def test_a_leader_renews_with_one_request_each_time() -> None:
    """It does not read what it wrote itself."""
    it = rig(ToyLease(), SteppedClock())
    it.run(6.0)

    assert it.lease.requests == ["get", "create", "update", "update", "update"]


def test_a_standing_clock_still_renews() -> None:
    """A renewal that changed nothing would look to others like none."""
    it = rig(ToyLease(), SteppedClock())
    it.run(0.0)
    first = it.lease.record
    it.run(0.0)

    assert first is not None
    assert it.lease.record is not None
    assert first.renew_time == START
    assert it.lease.record.renew_time == START + timedelta(microseconds=1)


@pytest.mark.parametrize(("roll", "due"), [(0.0, 2.0), (0.5, 2.2), (1.0, 2.4)])
def test_retries_are_spread_out(roll: float, due: float) -> None:
    """So that candidates do not move in step."""
    election = Election(
        lock=ToyLease(),
        identity=ME,
        clock=SteppedClock(),
        roll=lambda: roll,
        on_started=lambda: None,
        on_lost=lambda _why: None,
    )

    assert election.step() == pytest.approx(due)


def test_the_fence_lets_only_the_leader_pass() -> None:
    """With an error that the loop knows."""
    it = rig(ToyLease(), SteppedClock())
    with pytest.raises(NotLeadingError, match="me does not hold the lease"):
        it.election.fence()

    it.run(0.0)

    it.election.fence()


def test_another_s_lease_is_waited_for_from_when_we_saw_it() -> None:
    """Whatever its times say: they are of another's clock. It is taken as soon as it is over."""
    lease = ToyLease()
    lease.store(record(OTHER, renew_time=START - timedelta(days=1)))
    it = rig(lease, SteppedClock())
    it.run(14.99)
    assert (it.told, it.election.leader()) == ([], OTHER)

    it.run(0.01)

    assert it.told == ["started"]
    assert lease.record is not None
    assert (lease.record.holder, lease.record.transitions) == (ME, 4)


def test_each_renewal_of_another_starts_the_wait_anew() -> None:
    """As long as it renews, it is never taken."""
    lease, clock = ToyLease(), SteppedClock()
    lease.store(record(OTHER))
    it = rig(lease, clock)
    for n in range(10):
        lease.store(record(OTHER, renew_time=START + timedelta(seconds=n + 1)))
        it.run(10.0)

    assert it.told == []


def test_a_lease_without_duration_gets_ours() -> None:
    """What another wrote may be odd; waiting too long is the safe side."""
    lease = ToyLease()
    lease.store(record(OTHER, duration_seconds=0))
    it = rig(lease, SteppedClock())
    it.run(14.9)
    assert not it.told

    it.run(0.1)

    assert it.told == ["started"]


def test_a_released_lease_is_taken_at_the_next_look() -> None:
    """Nobody waits for it to end."""
    lease = ToyLease()
    lease.store(record("", duration_seconds=1))
    it = rig(lease, SteppedClock())

    it.run(0.0)

    assert it.told == ["started"]


def test_a_deleted_lease_is_still_kept_by_who_saw_it() -> None:
    """Its holder may act on it for a while: who saw the promise waits until it is over."""
    lease = ToyLease()
    lease.store(record(OTHER))
    it = rig(lease, SteppedClock())
    it.run(5.0)
    lease.record = None
    it.run(9.9)
    assert not it.told

    it.run(0.2)

    assert it.told == ["started"]


def test_a_leader_whose_lease_was_deleted_writes_it_again() -> None:
    """If nobody else did: creating it would have failed."""
    it = rig(ToyLease(), SteppedClock())
    it.run(1.0)
    it.lease.record = None

    it.run(30.0)

    assert it.told == ["started"]
    assert it.election.may_act()


def test_a_touched_lease_is_read_again_and_kept() -> None:
    """Somebody annotated it: the version is another, the holder is not."""
    it = rig(ToyLease(), SteppedClock())
    it.run(1.0)
    assert it.lease.record is not None
    it.lease.store(attrs.evolve(it.lease.record, transitions=7))

    it.run(3.0)

    assert it.lease.requests[2:5] == ["update", "get", "update"]
    assert it.told == ["started"]


# -- losing it


def test_silence_ends_the_lead_in_time() -> None:
    """Ten seconds after the last renewal was sent, told once, and for good."""
    it = rig(ToyLease(), SteppedClock())
    it.run(2.0)
    it.lease.be_silent()
    it.run(9.9)
    assert it.election.may_act()

    it.run(0.1)

    assert not it.election.may_act()
    assert it.told == ["started", "lost: the lease was not renewed for 10 s"]
    assert it.leading == [False, True, False]
    it.lease.work()
    it.run(60.0)
    assert not it.election.may_act()
    assert len(it.told) == 2
    assert it.election.step() is None


def test_a_stolen_lease_ends_the_lead_at_once() -> None:
    """It is not taken back."""
    it = rig(ToyLease(), SteppedClock())
    it.run(1.0)
    it.lease.store(record(OTHER))

    it.run(2.0)

    assert it.told == ["started", "lost: the lease is held by other"]
    assert it.lease.record is not None
    assert it.lease.record.holder == OTHER


def test_a_lost_answer_is_no_loss() -> None:
    """The lease was renewed, and we do not know: it is read, found to be ours, and renewed."""
    it = rig(ToyLease(), SteppedClock())
    it.run(1.0)
    it.lease.lose_answers()
    it.run(3.0)
    it.lease.work()

    it.run(30.0)

    assert it.told == ["started"]
    assert it.election.may_act()


def test_a_lost_answer_to_the_creation_is_no_lead() -> None:
    """It does not act before it knows; then it does, without waiting for itself."""
    lease = ToyLease(after=no_answer)
    it = rig(lease, SteppedClock())
    lease.before = lambda: None
    it.run(0.0)
    assert lease.requests == ["get"]
    lease.after = lambda: None if lease.requests[-1] == "get" else no_answer()
    it.run(2.0)
    assert lease.record is not None
    assert (lease.record.holder, it.told) == (ME, [])
    lease.work()

    it.run(2.0)

    assert it.told == ["started"]


def test_an_answer_after_the_deadline_brings_nothing_back() -> None:
    """Whoever asked in between was told that we do not lead."""
    it = rig(ToyLease(), SteppedClock())
    it.run(0.0)
    it.lease.after = lambda: it.clock.advance(10.0)

    it.election.step()

    assert it.told == ["started", "lost: the lease was not renewed for 10 s"]


def test_a_late_answer_to_a_candidate_is_no_lead() -> None:
    """The lease it tells of is as old as the request."""
    lease, clock = ToyLease(), SteppedClock()
    it = rig(lease, clock)
    lease.after = lambda: clock.advance(10.0) if lease.requests[-1] == "create" else None

    it.election.step()

    assert it.told == []
    lease.work()
    it.election.step()
    assert it.told == ["started"]


def test_a_renewal_counts_from_when_it_was_sent() -> None:
    """The server may have stored it then, and others count from there."""
    it = rig(ToyLease(), SteppedClock())
    it.run(0.0)
    it.lease.after = lambda: it.clock.advance(4.0)
    it.election.step()
    it.lease.be_silent()

    it.clock.advance(5.9)
    assert it.election.may_act()
    it.clock.advance(0.1)
    assert not it.election.may_act()


def test_a_loss_is_told_once() -> None:
    """Also if the deadline and the server tell of it at the same time."""
    it = rig(ToyLease(), SteppedClock())
    it.run(0.0)

    it.election._lose("the one")
    it.election._lose("the other")

    assert it.told == ["started", "lost: the one"]


@pytest.mark.parametrize("jump", [-3600.0, 3600.0])
def test_nobody_minds_when_the_clock_is_set(jump: float) -> None:
    """Neither the leader nor who waits: only durations count."""
    lease, clock = ToyLease(), SteppedClock()
    leader, waiting = rig(lease, clock), rig(lease, clock, OTHER)
    leader.run(0.0)
    waiting.run(0.0)

    clock.jump(jump)
    for _ in range(20):
        leader.run(2.0)
        waiting.run(0.0)

    assert leader.election.may_act()
    assert (leader.told, waiting.told) == (["started"], [])


def test_a_bug_in_the_lock_is_a_failed_request() -> None:
    """It is logged with its traceback, and the election goes on."""
    lease = ToyLease()

    def broken() -> None:
        raise KeyError("spec")

    lease.before = broken
    it = rig(lease, SteppedClock())
    with capture_logs() as logs:
        it.run(0.0)
    lease.work()
    it.run(2.0)

    assert [line["log_level"] for line in logs] == ["error"]
    assert it.told == ["started"]


def test_callbacks_that_raise_change_nothing() -> None:
    """They are logged; who leads is decided by the lease."""

    def broken(*_args: object) -> None:
        raise RuntimeError("boom")

    lease, clock = ToyLease(), SteppedClock()
    election = Election(
        lock=lease, identity=ME, clock=clock, roll=lambda: 0.0, on_started=broken, on_lost=broken
    )
    with capture_logs() as logs:
        election.step()
        assert election.may_act()
        clock.advance(10.0)
        election.check()

    assert not election.may_act()
    assert [line["event"] for line in logs].count("election callback fails") == 2


# -- two candidates, and the end


def test_two_candidates_take_turns() -> None:
    """The second begins when the first has released, and not before."""
    lease, clock = ToyLease(), SteppedClock()
    first, second = rig(lease, clock), rig(lease, clock, OTHER)
    first.run(0.0)
    for _ in range(10):
        second.run(2.0)
        first.run(0.0)
    assert second.told == []

    assert first.election.stop(release=True)
    assert not first.election.may_act()
    second.run(2.0)

    assert second.told == ["started"]
    assert first.told == ["started"]
    assert lease.record is not None
    assert (lease.record.holder, lease.record.transitions) == (OTHER, 1)


def test_two_candidates_at_one_instant() -> None:
    """Both find no lease; the server lets one create it."""
    lease, clock = ToyLease(), SteppedClock()
    first, second = rig(lease, clock), rig(lease, clock, OTHER)

    def race() -> None:
        if lease.requests == ["get", "create"]:
            lease.before = lambda: None
            second.election.step()

    lease.before = race
    first.election.step()

    assert (first.told, second.told) == ([], ["started"])


def test_a_release_says_so_in_the_lease() -> None:
    """No holder, one second, and the count of changes of hands as it was."""
    it = rig(ToyLease(), SteppedClock())
    it.run(3.0)

    it.election.stop(release=True)

    now = START + timedelta(seconds=3)
    assert it.lease.record == LeaseRecord(
        holder="", duration_seconds=1, acquire_time=now, renew_time=now, transitions=0
    )
    assert it.leading[-1] is False
    assert it.election.health(0.0) is None


def test_a_release_that_fails_is_only_a_pity() -> None:
    """The others wait for the lease to end."""
    it = rig(ToyLease(), SteppedClock())
    it.run(0.0)
    it.lease.be_silent()

    with capture_logs() as logs:
        assert it.election.stop(release=True)

    assert [line["event"] for line in logs] == ["lease is not released"]


@pytest.mark.parametrize("release", [True, False])
def test_what_is_not_ours_or_not_to_be_released_stays(release: bool) -> None:  # noqa: FBT001
    """A candidate that only waited, and a leader whose work may still be under way."""
    lease, clock = ToyLease(), SteppedClock()
    it = rig(lease, clock)
    if release:
        lease.store(record(OTHER))
    it.run(0.0)
    before = lease.record

    it.election.stop(release=release)

    assert lease.record == before
    assert not it.election.may_act()


def test_a_server_that_does_not_answer_is_no_illness() -> None:
    """For the health check: a process that is started again would fare no better, and later."""
    it = rig(ToyLease(), SteppedClock())
    it.lease.be_silent()
    it.run(900.0)

    assert it.election.health(60.0) is None


# -- with its threads


def started(
    lease: ToyLease, clock: SteppedClock, retry: float = 2.0
) -> tuple[Election, threading.Event, threading.Event]:
    """A candidate with its threads, and events for having started and lost."""
    begins, ends = threading.Event(), threading.Event()
    election = Election(
        lock=lease,
        identity=ME,
        clock=clock,
        roll=lambda: 0.0,
        timing=Timing(retry=retry),
        on_started=begins.set,
        on_lost=lambda _why: ends.set(),
    )
    election.start()
    return election, begins, ends


def test_a_hanging_renewal_does_not_keep_the_leader_leading() -> None:
    """It is told in time that it lost the lease, while its request still hangs."""
    lease, clock = ToyLease(), SteppedClock()
    hangs, free = threading.Event(), threading.Event()
    election, begins, ends = started(lease, clock)
    assert begins.wait(10)
    clock.await_deadline(10.0)
    clock.await_deadline(2.0)

    def hang() -> None:
        hangs.set()
        free.wait(10)

    lease.before = hang
    clock.advance(2.0)
    assert hangs.wait(10)
    assert election.may_act()
    clock.advance(8.0)

    assert not election.may_act()
    assert ends.wait(10)
    assert election.health(60.0) is None

    free.set()
    assert election.stop(release=False, seconds=10)
    assert not election.may_act()


def test_a_renewal_moves_the_deadline_of_its_thread() -> None:
    """Ten seconds after the newest renewal, not after the first."""
    lease, clock = ToyLease(), SteppedClock()
    election, begins, ends = started(lease, clock, retry=3.0)
    assert begins.wait(10)
    for due in (3.0, 6.0, 9.0):
        clock.await_deadline(due)
        clock.advance_to(due)
    clock.await_deadline(12.0)
    clock.advance_to(10.0)

    clock.await_deadline(19.0)
    assert election.may_act()
    assert not ends.is_set()
    assert election.stop(release=True, seconds=10)
    assert lease.record is not None
    assert lease.record.holder == ""


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_dead_thread_is_told() -> None:
    """The lease would be lost soon, but why is worth knowing."""
    lease, clock = ToyLease(), SteppedClock()

    def die() -> None:
        raise SystemExit

    lease.before = die
    election, _, _ = started(lease, clock)
    assert election._thread is not None
    election._thread.join(10)

    assert election.health(60.0) == "the thread that renews the lease has ended"
    assert election.stop(release=True, seconds=0)


def test_a_request_that_never_ends_is_told() -> None:
    """It should have ended by its deadline: then the thread is of no use any more."""
    lease, clock = ToyLease(), SteppedClock()
    began, free = threading.Event(), threading.Event()

    def hang() -> None:
        began.set()
        free.wait(10)

    lease.before = hang
    election, _, _ = started(lease, clock)
    assert began.wait(10)
    clock.advance(60.0)
    assert election.health(60.0) is None
    clock.advance(1.0)

    assert election.health(60.0) == "a request for the lease has been under way for 61 s"
    free.set()
    assert election.stop(release=False, seconds=10)


def test_stopping_does_not_wait_for_a_request() -> None:
    """It stops acting at once, and says that the release is still to come."""
    lease, clock = ToyLease(), SteppedClock()
    free = threading.Event()
    election, begins, _ = started(lease, clock)
    assert begins.wait(10)
    clock.await_deadline(2.0)

    def hang() -> None:
        free.wait(10)

    lease.before = hang
    clock.advance(2.0)

    assert not election.stop(release=True, seconds=0)
    assert not election.may_act()

    free.set()
    assert election.stop(release=True, seconds=10)
    assert lease.record is not None
    assert lease.record.holder == ""
