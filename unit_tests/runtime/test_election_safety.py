"""What a reader may rely on: never two leaders, whatever the network and the clocks do."""

from __future__ import annotations

import random

import attrs
from hypothesis import given, settings
from hypothesis import strategies as st

from controller.domain.errors import TransientError
from controller.runtime.clock import SteppedClock
from controller.runtime.election import Election
from controller.runtime.lease import LeaseRecord
from unit_tests.runtime.toy_lease import ToyLease

# The fastest clock must not outrun the slowest by the ratio of lease to renewal, 1.5.
RATES = (0.85, 1.0, 1.25)
TICK = 0.25


@attrs.define
class Process:
    """A candidate with a clock of its own speed, and its way to the lease."""

    world: World
    number: int
    rate: float
    lives: int = 0
    clock: SteppedClock = attrs.field(factory=SteppedClock)
    election: Election = attrs.field(init=False)
    due: float | None = 0.0
    busy: bool = False

    def __attrs_post_init__(self) -> None:
        self.begin()

    def begin(self) -> None:
        """Start as a fresh process, which nobody has known before."""
        self.lives += 1
        self.election = Election(
            lock=self,
            identity=f"{self.number}-{self.lives}",
            clock=self.clock,
            roll=self.world.dice.random,
            on_started=lambda: None,
            on_lost=lambda _why: None,
        )
        self.due = self.clock.monotonic()

    def step(self) -> None:
        """Make one attempt if it is due; a process whose election is over starts again."""
        if self.busy or (self.due is not None and self.clock.monotonic() < self.due):
            return
        if self.due is None:
            self.begin()
        self.busy = True
        election = self.election
        try:
            due = election.step()
        finally:
            self.busy = False
        # It may have been killed meanwhile: then the answer was for nobody.
        if election is self.election:
            self.due = due

    # The lease, seen through the network.

    def get(self) -> LeaseRecord | None:
        """Ask over the network."""
        with_delay = self.world.request(self)
        record = self.world.lease.get()
        with_delay.answer()
        return record

    def create(self, record: LeaseRecord) -> LeaseRecord:
        """Ask over the network."""
        with_delay = self.world.request(self)
        stored = self.world.lease.create(record)
        with_delay.answer()
        return stored

    def update(self, record: LeaseRecord) -> LeaseRecord:
        """Ask over the network."""
        with_delay = self.world.request(self)
        stored = self.world.lease.update(record)
        with_delay.answer()
        return stored


@attrs.define
class _Answer:
    world: World
    process: Process
    asked_by: Election

    def answer(self) -> None:
        """Bring the answer back, late or never."""
        self.world.delay()
        if self.world.dice.random() < self.world.loss or self.asked_by is not self.process.election:
            raise TransientError("no answer by the deadline")


@attrs.define
class World:
    """Processes, one lease, and a network in which others go on while one waits."""

    dice: random.Random
    loss: float
    slowness: float
    lease: ToyLease = attrs.field(factory=ToyLease)
    processes: list[Process] = attrs.field(factory=list)
    led: set[str] = attrs.field(factory=set)

    def request(self, process: Process) -> _Answer:
        """Carry a request to the server, late or never."""
        answer = _Answer(self, process, process.election)
        self.delay()
        if self.dice.random() < self.loss:
            raise TransientError("no answer by the deadline")
        return answer

    def delay(self) -> None:
        """Let the others go on for a while, which may be longer than any deadline."""
        if self.dice.random() < self.slowness:
            self.pass_time(self.dice.choice([0.5, 2.0, 5.0, 12.0]))

    def pass_time(self, seconds: float) -> None:
        """Let every clock go on, each at its rate; at no instant do two lead."""
        for _ in range(int(seconds / TICK)):
            for process in self.processes:
                process.clock.advance(TICK * process.rate)
            self.look()
            for process in self.dice.sample(self.processes, len(self.processes)):
                process.step()
                self.look()

    def look(self) -> None:
        """Check the promise."""
        leaders = [each.election.identity for each in self.processes if each.election.may_act()]
        self.led.update(leaders)
        assert len(leaders) <= 1, leaders


faults = st.sampled_from(["kill", "stop", "jump", "check", "pass"])


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 2**32),
    loss=st.sampled_from([0.0, 0.1, 0.4]),
    slowness=st.sampled_from([0.0, 0.1, 0.3]),
    history=st.lists(faults, max_size=12),
)
def test_never_two_leaders(seed: int, loss: float, slowness: float, history: list[str]) -> None:
    """With requests and answers lost or late, processes killed, clocks set, fast and slow.

    And when the network has healed, somebody leads within two leases.
    """
    dice = random.Random(seed)  # noqa: S311 -- a history that can be repeated
    world = World(dice=dice, loss=loss, slowness=slowness)
    for number, rate in enumerate(dice.sample(RATES, len(RATES))):
        world.processes.append(Process(world=world, number=number, rate=rate))
    for fault in history:
        world.pass_time(6.0)
        process = dice.choice(world.processes)
        match fault:
            case "kill":
                process.begin()
            case "stop" if not process.busy:
                process.election.stop(release=dice.random() < 0.5)
            case "jump":
                process.clock.jump(dice.choice([-3600.0, 3600.0, 0.0]))
            case "check":
                process.election.check()
            case _:
                world.pass_time(20.0)

    world.loss = world.slowness = 0.0
    world.pass_time(40.0)

    assert sum(process.election.may_act() for process in world.processes) == 1
    assert world.led
