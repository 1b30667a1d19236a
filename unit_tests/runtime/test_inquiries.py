"""What a reader may rely on: an answer is there or comes, and whoever hangs holds up nobody else."""

from __future__ import annotations

from collections.abc import Callable
import contextvars
import threading

from hypothesis import given
from hypothesis import strategies as st
import pytest

from controller.runtime.clock import SteppedClock
from controller.runtime.inquiries import Asking, Inquiries, Lanes, on_the_spot

LANES = Lanes(soon=3, slow=2, late=1.0, hangs=4.0)


class Rig:
    """Inquiries whose functions run when a test says so."""

    def __init__(self) -> None:
        self.clock = SteppedClock()
        self.started: dict[str, Callable[[], None]] = {}
        self.woken: list[str] = []
        self.asked: list[str] = []
        self.threads = True
        self.it: Inquiries[str] = Inquiries(
            wake=self.woken.append, clock=self.clock, lanes=LANES, fresh=30.0, spawn=self.spawn
        )

    def spawn(self, name: str, run: Callable[[], None]) -> None:
        """Keep *run* for later."""
        if not self.threads:
            raise RuntimeError("no more threads")
        self.started[name.removeprefix("asking for ")] = run

    def ask(self, key: str, question: str = "how") -> str | None:
        """Ask for *key*; None if the answer is not there."""

        def function() -> str:
            self.asked.append(key)
            return f"{question} {key}"

        try:
            return self.it.ask(key, question, function)
        except Asking:
            return None

    def answer(self, key: str, *, after: float = 0.0) -> None:
        """Let the question of *key* end, *after* seconds."""
        self.clock.advance(after)
        self.started.pop(key)()


def test_asking_does_not_wait_and_the_answer_wakes() -> None:
    """The key comes back, and gets what was answered; nobody is asked twice."""
    it = Rig()

    assert it.ask("a") is None
    assert it.ask("a") is None
    it.answer("a")

    assert it.woken == ["a"]
    assert it.ask("a") == "how a"
    assert it.ask("a") == "how a"
    assert it.asked == ["a"]


def test_what_was_used_is_asked_anew() -> None:
    """An answer is for one look, however many parts that has."""
    it = Rig()
    it.ask("a", "first")
    it.answer("a")
    it.ask("a", "second")
    it.answer("a")

    assert (it.ask("a", "first"), it.ask("a", "second")) == ("first a", "second a")
    it.it.settle("a")
    assert it.ask("a", "first") is None


def test_answers_that_nobody_comes_for_get_old() -> None:
    """That counts from the last one, and not while more is being asked; then all are dropped together."""
    it = Rig()
    it.ask("a", "first")
    it.answer("a", after=20.0)
    it.clock.advance(29.0)
    assert it.ask("a", "first") == "first a"
    it.ask("a", "second")
    it.clock.advance(40.0)
    assert it.ask("a", "first") == "first a"
    it.answer("a")
    it.clock.advance(30.0)
    assert (it.ask("a", "first"), it.ask("a", "second")) == ("first a", "second a")

    it.clock.advance(1.0)

    assert it.ask("a", "first") is None
    it.answer("a")
    assert it.ask("a", "second") is None


def test_what_is_under_way_when_answers_are_used_is_not_of_the_next_look() -> None:
    """An answer never comes from before the last use, however long it took; who asks meanwhile is woken."""
    it = Rig()
    it.ask("a")
    it.it.settle("a")
    assert it.ask("a") is None
    it.answer("a", after=12.0)
    assert it.woken == ["a"]

    assert it.ask("a") is None
    it.answer("a")

    assert it.ask("a") == "how a"
    assert it.asked == ["a", "a"]


def test_what_waits_when_answers_are_used_is_not_asked() -> None:
    """Nobody wants to know any more."""
    it = Rig()
    for key in "abcd":
        it.ask(key)
    it.it.settle("d")

    it.answer("a")

    assert sorted(it.started) == ["b", "c"]


def test_a_question_is_asked_in_the_context_of_who_asked() -> None:
    """Its log lines are of its own cluster, whoever made room for it."""
    whose: contextvars.ContextVar[str] = contextvars.ContextVar("whose", default="nobody's")
    it = Rig()
    for key in "abc":
        it.ask(key)

    def asked() -> None:
        whose.set("d's")
        with pytest.raises(Asking):
            it.it.ask("d", "how", whose.get)

    contextvars.copy_context().run(asked)
    it.answer("a")
    it.answer("d")

    assert it.it.ask("d", "how", whose.get) == "d's"


def test_another_question_is_put_after_the_first() -> None:
    """One at a time for each key; an answer to another question is none."""
    it = Rig()
    it.ask("a", "first")
    assert it.ask("a", "second") is None
    it.answer("a")

    assert it.ask("a", "second") is None
    it.answer("a")

    assert it.ask("a", "second") == "second a"


def test_what_is_raised_is_raised_where_it_is_asked_for() -> None:
    """Once; then it is asked again."""
    it = Rig()

    def broken() -> str:
        raise ZeroDivisionError("oops")

    with pytest.raises(Asking):
        it.it.ask("a", "how", broken)
    it.answer("a")

    with pytest.raises(ZeroDivisionError, match="oops"):
        it.it.ask("a", "how", broken)
    with pytest.raises(Asking):
        it.it.ask("a", "how", broken)


def test_without_threads_the_answer_is_there_at_once() -> None:
    """And nobody is woken, who would ask again and again."""
    woken: list[str] = []
    it: Inquiries[str] = Inquiries(wake=woken.append, clock=SteppedClock(), spawn=on_the_spot)

    assert it.ask("a", "how", lambda: "well") == "well"
    assert woken == []


def test_only_so_many_are_asked_at_once() -> None:
    """In the order of their coming; each end lets the next one begin."""
    it = Rig()
    for key in "abcde":
        it.ask(key)
    assert sorted(it.started) == ["a", "b", "c"]

    it.answer("b")

    assert sorted(it.started) == ["a", "c", "d"]
    assert it.it.under_way() == 3


def test_one_that_is_late_leaves_its_place() -> None:
    """Who waits behind some that hang has its turn when it looks again, which it is told to do."""
    it = Rig()
    for key in "abc":
        it.ask(key)
    with pytest.raises(Asking) as raised:
        it.it.ask("d", "how", lambda: "well")
    assert raised.value.seconds == LANES.late

    it.clock.advance(LANES.late)
    it.ask("d")

    assert "d" in it.started


def test_not_all_that_wait_look_all_the_time() -> None:
    """Each look lets as many begin as were late, so further back one looks later."""
    it = Rig()
    for n in range(3):
        it.ask(f"hangs{n}")
    told = []
    for n in range(9):
        with pytest.raises(Asking) as raised:
            it.it.ask(f"waits{n}", "how", lambda: "well")
        told.append(raised.value.seconds)

    assert told == [1.0, 1.0, 2.0, 2.0, 2.0, 3.0, 3.0, 3.0, 4.0]


def test_one_that_takes_its_time_is_not_one_that_hangs() -> None:
    """A large ring, or a busy operator, does not put a cluster behind those that hang."""
    it = Rig()
    it.ask("a")
    it.answer("a", after=3.9)
    it.it.settle("a")
    for key in "xyz":
        it.ask(key)
        it.answer(key, after=12.0)
        it.it.settle(key)
    for key in "xyz":
        it.ask(key)

    it.ask("a")

    assert sorted(it.started) == ["a", "x", "y"]


def test_the_slow_wait_for_each_other_and_not_the_others_for_them() -> None:
    """However many hang, from their second time on they never keep another from being asked."""
    it = Rig()
    slow = [f"slow{n}" for n in range(10)]
    for key in slow:
        it.ask(key)
        it.answer(key, after=12.0)
        it.it.settle(key)
    for key in slow:
        it.ask(key)
    assert sorted(it.started) == ["slow0", "slow1"]

    for key in "abc":
        it.ask(key)

    assert sorted(it.started) == ["a", "b", "c", "slow0", "slow1"]
    for key in "abc":
        it.answer(key)
    it.answer("slow0", after=12.0)
    assert "slow2" in it.started


def test_one_that_answers_soon_is_not_slow_any_more() -> None:
    """It is asked beside the others again."""
    it = Rig()
    for key in "xyz":
        it.ask(key)
        it.answer(key, after=5.0)
        it.it.settle(key)
    it.ask("x")
    it.answer("x")
    it.it.settle("x")
    for key in "yz":
        it.ask(key)

    it.ask("x")

    assert sorted(it.started) == ["x", "y", "z"]


def test_what_is_forgotten_leaves_nothing_behind() -> None:
    """What is under way ends unheard; who comes back under that name gets an answer of its own."""
    it = Rig()
    it.ask("a", "old")
    it.it.forget("a")
    it.ask("a", "old")
    it.answer("a")
    assert it.woken == ["a"]

    assert it.ask("a", "old") is None
    it.answer("a")
    assert it.ask("a", "old") == "old a"
    assert it.asked == ["a", "a"]


def test_without_a_thread_it_waits_for_one() -> None:
    """It is begun when it is looked at again, or when another one ends."""
    it = Rig()
    it.threads = False
    assert it.ask("a") is None
    assert it.it.under_way() == 0

    it.threads = True
    it.ask("a")
    it.answer("a")

    assert it.ask("a") == "how a"


def test_with_threads_everyone_gets_its_answer() -> None:
    """Many keys, more than there is room for, each woken until it has its own."""
    done: dict[int, str] = {}
    finished = threading.Event()

    def look(key: int) -> None:
        try:
            done[key] = it.ask(key, "how", lambda: f"well {key}")
        except Asking:
            return
        if len(done) == 50:
            finished.set()

    it: Inquiries[int] = Inquiries(wake=look, clock=SteppedClock(), lanes=LANES)
    for key in range(50):
        look(key)

    assert finished.wait(10)
    assert done == {key: f"well {key}" for key in range(50)}


steps = st.one_of(
    st.tuples(st.just("ask"), st.sampled_from("abcdef")),
    st.tuples(st.just("answer"), st.integers(0, 9)),
    st.tuples(st.just("settle"), st.sampled_from("abcdef")),
    st.tuples(st.just("forget"), st.sampled_from("abcdef")),
    st.tuples(st.just("advance"), st.sampled_from([0.5, 2.0, 40.0])),
)


@given(st.lists(steps, max_size=40))
def test_nobody_is_left_behind(plan: list[tuple[str, object]]) -> None:
    """Whatever happens, whoever still asks in the end is answered, by looking again when woken or told to."""
    it = Rig()
    for name, what in plan:
        match name, what:
            case "ask", str():
                it.ask(what)
            case "settle", str():
                it.it.settle(what)
            case "forget", str():
                it.it.forget(what)
            case "advance", float():
                it.clock.advance(what)
            case "answer", int() if it.started:
                it.answer(sorted(it.started)[what % len(it.started)])
    left = set("abcdef")
    for _ in range(100):
        left = {key for key in left if it.ask(key) is None}
        if it.started:
            it.answer(min(it.started))
        it.clock.advance(0.1)

    assert not left
