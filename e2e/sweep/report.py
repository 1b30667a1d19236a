"""What a sweep prints: a line for each story, failing plans with how to replay them, and the sum."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from e2e.sweep.explore import Explored
from e2e.sweep.plans import FAULTS

# So many failing plans are printed for each story; they are counted all.
_MOST = 12


def story(found: Explored, *, seconds: float, jobs: int) -> None:
    """Print what became of one story."""
    plans = len(found.verdicts)
    rate = plans / seconds / jobs if seconds else 0.0
    failed = list(found.problems())
    verdict = f"{len(failed)} FAIL" if failed else "all hold"
    cpu = sum(verdict.cpu for verdict in found.verdicts)
    print(
        f"{found.story.name:<11} {plans:>5} plans {verdict}; points covered: {points([found])};"
        f" {seconds:.0f} s, {rate:.1f} plans/s/core, {1000 * cpu / max(plans, 1):.0f} ms of CPU a plan",
        flush=True,
    )
    for plan, text in failed[:_MOST]:
        print(f"    {text}")
        if plan.count("/") == 3:
            print(f"    replay: python -m e2e.sweep --plan {plan}", flush=True)
    if len(failed) > _MOST:
        print(f"    and {len(failed) - _MOST} more", flush=True)


def total(found: Sequence[Explored], *, seconds: float, jobs: int) -> int:
    """Print the sum of all stories, and return the exit code."""
    plans = sum(len(one.verdicts) for one in found)
    failed = sum(1 for one in found for _ in one.problems())
    print(
        f"{plans} plans of {len(found)} stories in {seconds:.0f} s,"
        f" {plans / seconds / jobs:.1f} plans/s/core; points covered: {points(found)}"
    )
    print(f"{failed} plans FAIL" if failed else "every invariant held in every plan")
    return 1 if failed else 0


def points(found: Iterable[Explored]) -> str:
    """Return how many points of each kind some fault struck, of how many there are."""
    stories = list(found)
    parts = []
    for kind in FAULTS:
        there = sum(one.trunk.points.get(kind, 0) for one in stories)
        covered = sum(one.covered(kind) for one in stories)
        parts.append(f"{kind} {covered}/{there}")
    return ", ".join(parts)
