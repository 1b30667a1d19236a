"""
Ending the process in order, and in time.

- One signal says that the end has come, and why; the first reason stays.
- The steps of the shutdown run one after the other, each with a time of its own. A step that hangs or
  fails is reported and left behind; the next one starts all the same.
- The times of all steps together stay below `LIMIT`, which is checked before anything runs.

What is left behind still runs in a daemon thread: ending the process ends it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
import signal
import threading
from types import FrameType

import attrs
import structlog

from controller.runtime.clock import Clock, wait_for

log = structlog.get_logger(__name__)

# A whole shutdown takes less than this many seconds.
LIMIT = 10.0


class StopSignal:
    """Tells everyone that it is time to stop. Once requested it stays so."""

    def __init__(self, *, clock: Clock) -> None:
        self._clock = clock
        self._changed = threading.Condition()
        self._why: str | None = None

    def request(self, why: str) -> None:
        """Ask everyone to stop; *why* is a sentence, and the first one counts."""
        with self._changed:
            if self._why is None:
                self._why = why
            self._changed.notify_all()

    @property
    def requested(self) -> bool:
        """Whether it is time to stop."""
        return self._why is not None

    @property
    def why(self) -> str:
        """The reason, "" as long as there is none."""
        return self._why or ""

    def wait(self, seconds: float | None = None) -> bool:
        """Wait until it is time to stop, for at most *seconds*; return `requested`."""
        deadline = None if seconds is None else self._clock.monotonic() + seconds
        with self._changed:
            return wait_for(self._clock, self._changed, lambda: self.requested, deadline=deadline)


def install(stop: StopSignal, signals: Iterable[signal.Signals] = (signal.SIGTERM, signal.SIGINT)) -> None:
    """
    Let *signals* request *stop*; a second one of the same kind ends the process at once.

    Only the main thread may do this, and it must not wait for *stop* with its lock taken elsewhere.
    """

    def handle(number: int, _frame: FrameType | None) -> None:
        signal.signal(number, signal.SIG_DFL)
        # Runs on the main thread, in the middle of anything, `stop.wait` included: its condition has
        # a lock that the same thread may take again.
        stop.request(f"the process received {signal.Signals(number).name}")

    for each in signals:
        signal.signal(each, handle)


@attrs.frozen(kw_only=True)
class StopStep:
    """
    One step of the shutdown: *action* gets the *seconds* it may take, and is left behind after them.

    An action returns None, or a sentence that says what it could not do.
    """

    name: str
    seconds: float = attrs.field(validator=attrs.validators.gt(0))
    action: Callable[[float], str | None]


@attrs.frozen(kw_only=True)
class StepEnded:
    """The step did all it was to do."""

    name: str
    seconds: float


@attrs.frozen(kw_only=True)
class StepFailed:
    """The step came to an end, but not to its purpose."""

    name: str
    seconds: float
    why: str


@attrs.frozen(kw_only=True)
class StepLeft:
    """The step took too long and was left behind."""

    name: str
    seconds: float


StepOutcome = StepEnded | StepFailed | StepLeft


class Shutdown:
    """
    The steps that end the process, in order.

    Raises `ValueError` if their times together reach `LIMIT`: then one that hangs could keep those
    after it from ever running.
    """

    def __init__(self, steps: Iterable[StopStep], *, clock: Clock) -> None:
        self._steps = tuple(steps)
        self._clock = clock
        total = sum(step.seconds for step in self._steps)
        if total >= LIMIT:
            raise ValueError(f"the steps may take {total:g} s together, the limit is {LIMIT:g} s")

    def run(self) -> tuple[StepOutcome, ...]:
        """Run all steps, and return what became of each; never raises."""
        return tuple(self._run(step) for step in self._steps)

    def _run(self, step: StopStep) -> StepOutcome:
        began = self._clock.monotonic()
        ended = threading.Condition()
        # Empty while it runs, then the one answer.
        answers: list[str | None] = []

        def act() -> None:
            answer = _answer(step)
            with ended:
                answers.append(answer)
                ended.notify_all()

        threading.Thread(target=act, name=f"stop: {step.name}", daemon=True).start()
        with ended:
            wait_for(self._clock, ended, lambda: bool(answers), deadline=began + step.seconds)
        seconds = self._clock.monotonic() - began
        if not answers:
            log.warning("stop step hangs", step=step.name, seconds=round(seconds, 3))
            return StepLeft(name=step.name, seconds=seconds)
        why = answers[0]
        if why is not None:
            log.warning("stop step fails", step=step.name, seconds=round(seconds, 3), why=why)
            return StepFailed(name=step.name, seconds=seconds, why=why)
        log.debug("stop step ends", step=step.name, seconds=round(seconds, 3))
        return StepEnded(name=step.name, seconds=seconds)


def _answer(step: StopStep) -> str | None:
    try:
        return step.action(step.seconds)
    except Exception as error:
        log.exception("stop step raises", step=step.name)
        return f"it raised {type(error).__name__}: {error}"
