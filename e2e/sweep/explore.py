"""
All plans of a story, each from where it parts from the fault-free run.

The story is played once. At each point the process is forked once for each fault; the child carries on
with the fault in it, to its own end and verdict. So nothing before the fault is computed twice, and what
a plan came to is what a replay of it from the beginning comes to.

A fork has one thread only. Where calls that last wait in threads of theirs, the child does play its plan
from the beginning.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
import contextlib
import functools
import gc
import json
import os
import signal
import time
import traceback
from typing import Any, NoReturn
import warnings

import attrs

from e2e.sweep.plans import FAULTS, Plan
from e2e.sweep.run import Outcome, Run, replay
from e2e.sweep.steps import Story

# No run takes so much computing; one that does is in a loop.
MOST_CPU_SECONDS = 60.0

Select = Callable[[Plan], bool]


@attrs.frozen(kw_only=True)
class Verdict:
    """What a plan came to: *problems* is empty if all was well. *cpu* in seconds."""

    plan: Plan
    problems: tuple[str, ...]
    cpu: float
    history: str = ""


@attrs.frozen(kw_only=True)
class Explored:
    """A story with all its selected plans; *trunk* is the fault-free run."""

    story: Story
    trunk: Outcome
    verdicts: tuple[Verdict, ...]

    def covered(self, kind: str) -> int:
        """Return at how many points of *kind* some fault struck."""
        return len({v.plan.number for v in self.verdicts if v.plan.kind == kind})

    def problems(self) -> Iterator[tuple[str, str]]:
        """Yield each failing plan's id with its first problem."""
        for text in map(str, self.trunk.violations[:1]):
            yield f"{self.story.name}/none", text
        for verdict in self.verdicts:
            if verdict.problems:
                yield verdict.plan.id, verdict.problems[0]


class Explorer:
    """Explores one story with up to *jobs* processes at a time.

    *select* says which plans are run; *enough*, if given, ends it after the first failing plan.
    """

    def __init__(  # noqa: PLR0913 -- all but the story by name
        self,
        story: Story,
        *,
        jobs: int,
        seed: int = 0,
        select: Select = lambda _: True,
        reference: Mapping[str, Any] | None = None,
        enough: bool = False,
    ) -> None:
        self._story = story
        self._jobs = jobs
        self._seed = seed
        self._select = select
        self._reference = reference
        self._enough = enough
        self._running: dict[int, tuple[Plan, int]] = {}
        self._verdicts: dict[Plan, Verdict] = {}
        self._run: Run | None = None
        # In a child: its plan, where its verdict goes, and when it began.
        self._mine: tuple[Plan, int, float] | None = None

    def explore(self) -> Explored:
        """Play the story and all plans; returns in the parent only."""
        self._run = run = Run(self._story, self._decide, seed=self._seed, reference=self._reference)
        collected = gc.isenabled()
        gc.collect()
        gc.freeze()
        # A run is over before its garbage is worth collecting.
        gc.disable()
        try:
            outcome = self._play(run.play)
            while self._running:
                self._reap()
        finally:
            gc.unfreeze()
            if collected:
                gc.enable()
        verdicts = tuple(self._verdicts[plan] for plan in sorted(self._verdicts))
        return Explored(story=self._story, trunk=outcome, verdicts=verdicts)

    def _play(self, play: Callable[[], Outcome]) -> Outcome:
        """Return what *play* comes to; in a child, tell it and end."""
        try:
            outcome = play()
        except Exception:
            if self._mine is None:
                raise
            self._finish([f"the simulation fails: {traceback.format_exc(limit=-4)}"], "")
        if self._mine is not None:
            self._finish([str(violation) for violation in outcome.violations], outcome.history)
        return outcome

    def _decide(self, kind: str, number: int) -> str | None:
        """Fork for each fault at this point; the child goes on with the fault, the parent without."""
        if self._mine is not None:
            return None
        for fault in FAULTS[kind]:
            plan = Plan(story=self._story.name, kind=kind, number=number, fault=fault)
            if not self._select(plan) or (self._enough and self._failed()):
                continue
            if self._run is not None and not self._run.possible(fault):
                continue
            while len(self._running) >= self._jobs:
                self._reap()
            if self._fork(plan):
                if self._run is not None and self._run.parked:
                    # Threads of calls that last are lost: this plays all of the plan, and ends the process.
                    again = functools.partial(replay, seed=self._seed, reference=self._reference)
                    self._play(functools.partial(again, self._story, plan))
                return fault
        return None

    def _fork(self, plan: Plan) -> bool:
        """Fork; True in the child."""
        reading, writing = os.pipe()
        with warnings.catch_warnings():
            # Of threads that the child would wait for in vain: it does not, see `_decide`.
            warnings.simplefilter("ignore", DeprecationWarning)
            child = os.fork()
        if child == 0:
            os.close(reading)
            self._mine = (plan, writing, time.process_time())
            signal.setitimer(signal.ITIMER_VIRTUAL, MOST_CPU_SECONDS)
            return True
        os.close(writing)
        self._running[child] = (plan, reading)
        return False

    def _finish(self, problems: list[str], history: str) -> NoReturn:
        """End a child with its verdict."""
        assert self._mine is not None
        _, writing, began = self._mine
        answer = {
            "problems": [p[:2000] for p in problems[:8]],
            "cpu": time.process_time() - began,
            "history": history,
        }
        with contextlib.suppress(BrokenPipeError):
            os.write(writing, json.dumps(answer).encode())
        # Not sys.exit: nothing of the parent's is to be cleaned up here.
        os._exit(0)

    def _reap(self) -> None:
        """Wait for a child and note its verdict."""
        child, status = os.wait()
        plan, reading = self._running.pop(child)
        with os.fdopen(reading, "rb") as pipe:
            data = pipe.read()
        if data:
            answer = json.loads(data)
        else:
            why = "it never ends" if os.WIFSIGNALED(status) else "its process died"
            answer = {"problems": [f"{why} (wait status {status})"], "cpu": MOST_CPU_SECONDS, "history": ""}
        self._verdicts[plan] = Verdict(
            plan=plan,
            problems=tuple(answer["problems"]),
            cpu=answer["cpu"],
            history=answer["history"],
        )

    def _failed(self) -> bool:
        return any(verdict.problems for verdict in self._verdicts.values())
