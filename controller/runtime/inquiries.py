"""
Questions to others, asked beside the workers: nobody who hangs holds one up.

- `ask` never waits: it returns the answer, or says that it is not there yet. When it is, the key is woken.
- The answers of a key are given until it says that it has used them. They are dropped unused, all together,
  if nobody comes for them within *fresh* seconds of the last one.
- One question a key at a time; keys are served in the order of their coming.
- Whose question hung has a lane of its own, in which few are asked at once: however many of them there are,
  they wait for each other and not others for them. A key gets there by one question that hung, and out of
  it by one that did not. The first time it leaves its place to others while it hangs.

Answers are held in memory only: whoever forgets them asks again. A question that hangs has to end by a
deadline of its own.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from contextvars import Context, copy_context
import threading
from typing import Any, Generic, TypeVar

import attrs
import structlog

from controller.runtime.clock import Clock
from controller.runtime.held_calls import Spawn, in_a_thread

K = TypeVar("K")
T = TypeVar("T")

log = structlog.get_logger(__name__)


class Asking(Exception):  # noqa: N818 -- no error: the answer is on its way
    """The answer is not there yet; look again in *seconds* at the latest."""

    def __init__(self, seconds: float) -> None:
        super().__init__("the answer is not there yet")
        self.seconds = seconds


@attrs.frozen(kw_only=True)
class Lanes:
    """How many questions are asked at once, and after how many seconds one is late, and one hangs.

    *soon* bounds those that may still be answered soon: who is late leaves its place. *slow* bounds those of
    keys whose last question hung, together with those that are late.
    """

    soon: int = 16
    slow: int = 16
    late: float = 1.0
    # Less than what a host costs that cannot be connected to, more than a large ring takes.
    hangs: float = 4.0


@attrs.define(eq=False)
class _Inquiry(Generic[K]):
    """One question: waiting for its turn, under way since *began*, or answered."""

    key: K
    question: Hashable
    function: Callable[[], Any]
    # Of who asked: its log lines say what for, whoever begins it.
    context: Context = attrs.field(factory=copy_context)
    began: float = 0.0
    # Whether its key was known to hang when it began.
    slow: bool = False
    # False once nobody wants its answer any more.
    wanted: bool = True
    # Whether whoever began it has gone on, so that its key has to be woken.
    apart: bool = False
    answered: bool = False
    value: Any = None
    error: Exception | None = None


@attrs.define(eq=False)
class _Look(Generic[K]):
    """The answers that a key has got since it last used some; the last came at *at*."""

    at: float
    answers: dict[Hashable, _Inquiry[K]] = attrs.field(factory=dict)


def on_the_spot(_name: str, run: Callable[[], None]) -> None:
    """Run a function here and now: for who has no threads."""
    run()


class Inquiries(Generic[K]):
    """
    Asks for all keys; *wake* is called with a key when its answer is there.

    *spawn* runs a function elsewhere, under a name, and returns at once; by default in a daemon thread. If
    it runs it on the spot, answers are there at once, and nobody is woken.
    """

    def __init__(
        self,
        *,
        wake: Callable[[K], None],
        clock: Clock,
        lanes: Lanes | None = None,
        fresh: float = 30.0,
        spawn: Spawn = in_a_thread,
    ) -> None:
        self._wake = wake
        self._clock = clock
        self._lanes = Lanes() if lanes is None else lanes
        self._fresh = fresh
        self._spawn = spawn
        # Never held while a question is asked, or foreign code runs.
        self._lock = threading.Lock()
        # Invariant: a key is in at most one of the three. Two lines, so that who looks for the next question
        # does not walk past all that wait for the other lane.
        self._waiting: OrderedDict[K, _Inquiry[K]] = OrderedDict()
        # Invariant: those whose keys are in _slow, which no key gets into or out of while it waits.
        self._waiting_slow: OrderedDict[K, _Inquiry[K]] = OrderedDict()
        self._under_way: dict[K, _Inquiry[K]] = {}
        self._looks: dict[K, _Look[K]] = {}
        self._slow: set[K] = set()

    def ask(self, key: K, question: Hashable, function: Callable[[], T]) -> T:
        """
        Return what *function* answers to *question*; raise `Asking` if that is not there yet.

        What *function* raises is raised here, once. It runs with a copy of the context variables of who
        asked.
        """
        with self._lock:
            found = self._take(key, question)
            if found is None and key not in self._under_way:
                # A question that has not begun makes room for a newer one, in its place.
                self._line(key)[key] = _Inquiry(key, question, function)
        if found is None:
            there = self._begin(key)
            with self._lock:
                # What came a moment later is left for the wake-up that came with it.
                found = self._take(key, question) if there else None
                again = self._again(key)
            if found is None:
                raise Asking(again)
        if found.error is not None:
            raise found.error
        answer: T = found.value
        return answer

    def settle(self, key: K) -> None:
        """Say that *key* has used its answers: whatever it asks from now on is asked anew."""
        with self._lock:
            self._drop(key)

    def forget(self, key: K) -> None:
        """Drop all that is known of *key*."""
        with self._lock:
            self._drop(key)
            self._slow.discard(key)

    def under_way(self) -> int:
        """Return how many questions are being asked now."""
        return len(self._under_way)

    # -- with the lock held

    def _drop(self, key: K) -> None:
        """Drop what was answered and what waits; what is under way ends unheard."""
        self._looks.pop(key, None)
        self._line(key).pop(key, None)
        if key in self._under_way:
            self._under_way[key].wanted = False

    def _line(self, key: K) -> OrderedDict[K, _Inquiry[K]]:
        """Return where the questions of *key* wait."""
        return self._waiting_slow if key in self._slow else self._waiting

    def _take(self, key: K, question: Hashable) -> _Inquiry[K] | None:
        """Return the answered *question* of *key*, if it is fresh; an error is given only once."""
        look = self._looks.get(key)
        if look is None:
            return None
        # While more is being asked nobody is late to use what is there.
        if key not in self._under_way and self._clock.monotonic() - look.at > self._fresh:
            del self._looks[key]
            return None
        found = look.answers.get(question)
        if found is not None and found.error is not None:
            del look.answers[question]
        return found

    def _again(self, key: K) -> float:
        """Return in how many seconds *key* is to look again, should nobody wake it."""
        if key not in self._waiting:
            return self._fresh
        # It waits behind some that may turn out to be late, and nobody tells when they are. Should all
        # be, each step lets so many begin; so not all that wait need look all the time.
        return self._lanes.late * (1 + len(self._waiting) // self._lanes.soon)

    def _next(self) -> _Inquiry[K] | None:
        """Return the next question whose lane has room, now under way; None if there is none."""
        now = self._clock.monotonic()
        soon = slow = 0
        for one in self._under_way.values():
            late = now - one.began >= self._lanes.late
            soon += not one.slow and not late
            slow += one.slow or late
        if self._waiting and soon < self._lanes.soon:
            key, one = self._waiting.popitem(last=False)
        elif self._waiting_slow and slow < self._lanes.slow:
            key, one = self._waiting_slow.popitem(last=False)
            one.slow = True
        else:
            return None
        one.began = now
        self._under_way[key] = one
        return one

    # -- without it

    def _begin(self, own: K | None) -> bool:
        """Begin what there is room for; tell whether *own* was answered meanwhile, and is not woken."""
        there = False
        while True:
            with self._lock:
                one = self._next()
            if one is None:
                return there
            try:
                self._spawn(f"asking for {one.key}", _bound(one.context.run, self._run, one))
            except RuntimeError:
                # No more threads are to be had: it waits, and is begun when another one ends.
                log.warning("no thread to ask in", key=str(one.key))
                with self._lock:
                    del self._under_way[one.key]
                    if one.wanted:
                        self._line(one.key).setdefault(one.key, one)
                return there
            with self._lock:
                one.apart = True
                answered = one.answered
            if answered and one.key == own:
                there = True
            elif answered:
                self._wake_up(one.key)

    def _run(self, one: _Inquiry[K]) -> None:
        try:
            one.value = one.function()
        except Exception as error:  # noqa: BLE001 -- raised where the answer is asked for
            one.error = error
        with self._lock:
            del self._under_way[one.key]
            one.answered = True
            if one.wanted:
                now = self._clock.monotonic()
                look = self._looks.setdefault(one.key, _Look(now))
                look.at = now
                look.answers[one.question] = one
                hung = now - one.began >= self._lanes.hangs
                (self._slow.add if hung else self._slow.discard)(one.key)
            apart = one.apart
        if apart:
            self._begin(None)
            self._wake_up(one.key)

    def _wake_up(self, key: K) -> None:
        try:
            self._wake(key)
        except Exception:
            log.exception("an answer cannot wake its key", key=str(key))


def _bound(run: Callable[..., Any], *arguments: object) -> Callable[[], None]:
    return lambda: run(*arguments)
