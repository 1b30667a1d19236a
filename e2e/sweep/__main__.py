"""
Sweep faults over stories: `python -m e2e.sweep`.

Exit code 0 if every plan kept every invariant (or, with --mutants, if every planted bug was caught), 1 if
not, 2 for a plan, story or walk that does not exist.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
import logging
import sys
import time

import structlog

from e2e.sweep import mutants, report, selection, walks
from e2e.sweep.explore import Explored, Explorer, Select
from e2e.sweep.plans import Plan, UnknownPlanError, parse
from e2e.sweep.run import replay
from e2e.sweep.speed import remember
from e2e.sweep.steps import Story
from e2e.sweep.stories import BY_NAME


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; return the exit code."""
    given = _parser().parse_args(arguments)
    level = logging.DEBUG if given.verbose else logging.CRITICAL
    structlog.configure(
        wrapper_class=structlog.make_filtering_bound_logger(level),
        processors=[structlog.processors.add_log_level, structlog.processors.KeyValueRenderer()],
    )
    try:
        stories = [_story(name) for name in given.story or BY_NAME]
        plan = parse(given.plan) if given.plan else None
        if plan is not None:
            return _replay(_story(plan.story), plan, given.seed)
        select = selection.quick() if given.quick else selection.every if given.all else selection.rotating
        if given.fault:
            select = selection.only(given.fault)
        numbers = _numbers(given.walk) if given.walk else ()
    except UnknownPlanError as error:
        print(error, file=sys.stderr)
        return 2
    remember()
    if numbers:
        return walks.run(numbers, jobs=given.jobs)
    if given.mutants:
        return mutants.run(given.mutant, jobs=given.jobs)
    return _sweep(stories, jobs=given.jobs, seed=given.seed, select=select)


def _sweep(stories: Sequence[Story], *, jobs: int, seed: int, select: Select) -> int:
    began = time.monotonic()
    explored: list[Explored] = []
    for story in stories:
        at = time.monotonic()
        reference = replay(story, None, seed=seed, reference=None).end
        explorer = Explorer(story, jobs=jobs, seed=seed, select=select, reference=reference)
        explored.append(explorer.explore())
        report.story(explored[-1], seconds=time.monotonic() - at, jobs=jobs)
    return report.total(explored, seconds=time.monotonic() - began, jobs=jobs)


def _replay(story: Story, plan: Plan, seed: int) -> int:
    reference = replay(story, None, seed=seed, reference=None)
    if plan.number > reference.points.get(plan.kind, 0):
        print(f"{story.name} has {reference.points.get(plan.kind, 0)} {plan.kind} points", file=sys.stderr)
        return 2
    outcome = replay(story, plan, seed=seed, reference=reference.end)
    for violation in outcome.violations:
        print(violation)
    verdict = "fails" if outcome.violations else "holds"
    print(f"{plan.id} {verdict} after {outcome.seconds:g} simulated seconds, history {outcome.history[:16]}")
    return 1 if outcome.violations else 0


def _numbers(text: str) -> Sequence[int]:
    """Return the numbers of walks: one, or from one to another."""
    first, _, last = text.partition("-")
    last = last or first
    if not (first.isdecimal() and last.isdecimal() and int(first) <= int(last)):
        raise UnknownPlanError(f"{text}: walks have numbers, such as 17 or 0-99")
    return range(int(first), int(last) + 1)


def _story(name: str) -> Story:
    if name not in BY_NAME:
        raise UnknownPlanError(f"there is no story {name}: {', '.join(BY_NAME)}")
    return BY_NAME[name]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m e2e.sweep", description="Sweep faults over stories.")
    parser.add_argument("--story", action="append", help="only this story; may be given more than once")
    parser.add_argument("--plan", help="replay one plan, such as create/write/17/kill-unanswered")
    parser.add_argument("--quick", action="store_true", help="every write with a kill, a sample of the rest")
    parser.add_argument("--all", action="store_true", help="every fault at every point, none in turns")
    parser.add_argument("--fault", action="append", help="only this fault, at every point; more than once")
    parser.add_argument("--walk", metavar="N[-M]", help="random walks by number, such as 17 or 0-99")
    parser.add_argument("--mutants", action="store_true", help="prove that planted bugs are caught")
    parser.add_argument("--mutant", action="append", help="with --mutants: only this one")
    parser.add_argument("--jobs", type=int, default=2, help="processes at a time (2)")
    parser.add_argument("--seed", type=int, default=0, help="of the simulated world (0)")
    parser.add_argument("--verbose", action="store_true", help="with --plan: print the operator's log")
    return parser


if __name__ == "__main__":
    sys.exit(main())
