"""
Random walks: users who change their mind again and again, while faults strike, and who come home at the end.

A story has one fault; a walk has many edits, each in the middle of what the one before began, and faults at
any point meanwhile. The same number gives the same walk, byte for byte. What it must come to is known
without playing it: all that was edited is put back, and the cluster is as it began.

It is a sample, not a proof: what a sweep covers point by point, a walk meets or does not.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
import copy
import multiprocessing
import random
from typing import Any, Final

import attrs

from e2e.sweep.director import Decide
from e2e.sweep.plans import CALL, EVENT, NODE, READ, WRITE, Plan
from e2e.sweep.probes import all_of, ready, tidy
from e2e.sweep.run import MISSING_IMAGE, Outcome, Run
from e2e.sweep.samples import made, rests, sample
from e2e.sweep.speed import remember
from e2e.sweep.steps import BringBack, Delete, Edit, Keyspace, Label, Pause, PowerOff, Step, Story, Until

NAME: Final = "demo"
# Edits of a walk, and how long a user thinks between two of them, in seconds.
LENGTH: Final = 8
# How many of the operations that are asked for are paused at once.
_PAUSED: Final = 0.2
_THINKS: Final = (0.2, 1.0, 3.0, 10.0, 30.0, 90.0)
# One fault in so many points of a kind; all but accidents, which walks have as steps, and events that are
# lost, since of those nobody hears until a watch expires.
_ONE_IN: Final[Mapping[str, int]] = {WRITE: 25, READ: 250, EVENT: 250, NODE: 250, CALL: 5}
_FAULTS: Final[Mapping[str, Sequence[str]]] = {
    WRITE: (
        "kill-before",
        "kill-unanswered",
        "kill-answered",
        "lose",
        "conflict",
        "busy",
        "error",
        "hang",
        "fence",
        "late",
        "stale",
    ),
    READ: ("error", "hang"),
    EVENT: ("hold", "end"),
    NODE: ("mute", "cut", "half"),
    CALL: ("unsent", "unheard", "dropped"),
}
_SPEC: Final = sample(NAME, hardAntiAffinity=False)["spec"]
_BAD_YAML: Final = {"no_such_parameter": 7}
_GOOD_YAML: Final = {"concurrent_reads": 33}

Way = tuple[Step, ...]


@attrs.frozen(kw_only=True)
class Walked:
    """What the walk with this *number* came to: the *problems* are broken invariants."""

    number: int
    problems: tuple[str, ...]
    seconds: float
    faults: tuple[Plan, ...]
    history: str


def walk(number: int) -> Story:
    """Return the walk with this *number*."""
    dice = random.Random(number)  # noqa: S311 -- a walk, no secrets
    # On every other walk there is something to be streamed, and to be worked on.
    keyspace = Keyspace(name="app", copies=dice.randint(1, 3), megabytes=300 * (number % 2))
    way: list[Step] = []
    for _ in range(LENGTH):
        way.extend((*dice.choice(_TURNS)(dice), Pause(seconds=dice.choice(_THINKS))))
    home = Until(what="it is as it began", probe=all_of(ready(NAME), tidy(NAME)), seconds=4000.0)
    return Story(
        name=f"walk-{number}",
        about="a random walk",
        given=made({**sample(NAME), "spec": _SPEC}, keyspace),
        when=(*way, *_home(way)),
        end=home,
    )


def play(number: int) -> Walked:
    """Play the walk with this *number*, and the faults that strike on it."""
    struck: list[Plan] = []
    story = walk(number)
    outcome: Outcome = Run(story, _faults(number, struck)).play()
    return Walked(
        number=number,
        problems=tuple(map(str, outcome.violations)),
        seconds=outcome.seconds,
        faults=tuple(struck),
        history=outcome.history,
    )


def run(numbers: Sequence[int], *, jobs: int) -> int:
    """Play all of *numbers*, print each that fails and the sum, and return the exit code."""
    failed = faults = 0
    forked = multiprocessing.get_context("fork")
    with ProcessPoolExecutor(jobs, mp_context=forked, initializer=remember) as pool:
        for found in pool.map(play, numbers):
            faults += len(found.faults)
            failed += bool(found.problems)
            if found.problems:
                show(found)
    verdict = f"{failed} FAIL" if failed else "every invariant held, and all came home"
    print(f"{len(numbers)} walks of {LENGTH} edits, {faults} faults on the way: {verdict}")
    return 1 if failed else 0


def show(found: Walked) -> None:
    """Print a walk step by step, what struck, and what it came to."""
    print(f"walk {found.number}, {found.seconds:.0f} simulated seconds, history {found.history[:16]}")
    for step in walk(found.number).when:
        print(f"    {step}")
    for plan in found.faults:
        print(f"    fault: {plan.id}")
    for problem in found.problems:
        print(f"    {problem}")
    print(f"    replay: python -m e2e.sweep --walk {found.number}", flush=True)


def _faults(number: int, struck: list[Plan]) -> Decide:
    """Return who lets faults strike at random, and notes them in *struck*."""
    dice = random.Random(f"faults of {number}")  # noqa: S311 -- as above

    def decide(kind: str, point: int) -> str | None:
        if dice.randrange(_ONE_IN[kind]):
            return None
        fault = dice.choice(_FAULTS[kind])
        struck.append(Plan(story=f"walk-{number}", kind=kind, number=point, fault=fault))
        return fault

    return decide


# -- where a walk may turn


def _edit(**spec: Any) -> Way:  # noqa: ANN401 -- any field of a spec
    return (Edit(name=NAME, spec=spec),)


def _topology(change: Callable[[dict[str, Any]], None]) -> Way:
    """Return the edit of a copy of the sample's topology that *change* makes."""
    topology: dict[str, Any] = copy.deepcopy(_SPEC["topology"])
    change(topology)
    return _edit(topology=topology)


def _config(dice: random.Random) -> Way:
    return _edit(config={"cassandra-yaml": dice.choice((_GOOD_YAML, _BAD_YAML))})


def _two_racks(topology: dict[str, Any]) -> None:
    topology["dc"][0]["rack"].pop()


def _far(topology: dict[str, Any]) -> None:
    topology["dc"].append({"name": "dc2", "nodesPerRacks": 1, "rack": [{"name": "rack1"}]})


def _far_is_empty(topology: dict[str, Any]) -> None:
    _far(topology)
    topology["dc"][1]["nodesPerRacks"] = 0


def _restart(dice: random.Random) -> Way:
    rack = dice.randrange(3)

    def change(topology: dict[str, Any]) -> None:
        topology["dc"][0]["rack"][rack]["rollingRestart"] = True

    return _topology(change)


def _rollout(dice: random.Random) -> Way:
    strategy = dice.choice(("RackAtOnce", "Gradual"))
    return _edit(rollout={"strategy": strategy, "paused": dice.random() < 0.3})


def _pod(dice: random.Random) -> str:
    return f"{NAME}-dc1-rack{dice.randint(1, 3)}-{dice.randint(0, 1)}"


def _operation(dice: random.Random) -> Way:
    """Return an operation that is asked for, and perhaps paused soon after."""
    name = dice.choice(("cleanup", "flush", "upgradesstables", "compact", "repair", "scrub", "snapshot"))
    pod = _pod(dice)
    ask = Label(pod=pod, labels={"operation-name": name, "operation-status": "ToDo"})
    if dice.random() < _PAUSED:
        return (ask, Pause(seconds=1.0), Label(pod=pod, labels={"operation-status": "Paused"}))
    return (ask,)


def _outage(dice: random.Random) -> Way:
    node = f"node-{dice.choice('abc')}"
    return (PowerOff(node=node), Pause(seconds=dice.choice((20.0, 60.0, 120.0))), BringBack(node=node))


_TURNS: Final[Sequence[Callable[[random.Random], Way]]] = (
    lambda dice: _edit(nodesPerRacks=dice.choice((1, 2, 2, 3))),
    lambda dice: _edit(cassandraImage=dice.choice(("cassandra:5.0.7", "cassandra:5.0.8", MISSING_IMAGE))),
    lambda dice: _edit(nodesPerRacks=dice.choice((1, 2)), cassandraImage="cassandra:5.0.7"),
    lambda dice: _edit(restartedAt=f"2025-01-{dice.randint(10, 28)}T00:00:00Z"),
    _restart,
    lambda _: _topology(_two_racks),
    lambda _: _topology(_far),
    lambda _: _topology(_far_is_empty),
    lambda _: _topology(lambda _: None),
    lambda dice: _edit(stopped=dice.choice((True, False))),
    lambda dice: _edit(maxPodUnavailable=dice.randint(0, 2)),
    _rollout,
    _config,
    lambda dice: _edit(dataCapacity=dice.choice(("2Gi", "512Mi"))),
    lambda dice: _edit(autoPilot=dice.choice((True, False))),
    _operation,
    lambda dice: (Delete(kind="pods", name=_pod(dice), force=dice.random() < 0.3),),
    _outage,
)


def _home(way: Sequence[Step]) -> Way:
    """Return the edits that take back all of *way*, but for volumes, which do not shrink."""
    edits = [step.spec for step in way if isinstance(step, Edit)]
    grown = any(spec.get("dataCapacity") == "2Gi" for spec in edits)
    # A restart that was asked for is not taken back by asking for an earlier one.
    fields = {field for spec in edits for field in spec} - {"restartedAt"}
    back: dict[str, Any] = {field: _SPEC.get(field) for field in sorted(fields)}
    if grown:
        back["dataCapacity"] = "2Gi"
    if "config" in back:
        # Edits are merged: what is not taken out stays.
        back["config"] = {"cassandra-yaml": None}
    if not any(len(spec.get("topology", {}).get("dc", ())) > 1 for spec in edits):
        return _edit(**back)
    # A data centre has to be empty before it goes.
    return (
        *_edit(**{**back, **_as_spec(_far_is_empty)}),
        rests(NAME, seconds=4000.0),
        *_edit(topology=_SPEC["topology"]),
    )


def _as_spec(change: Callable[[dict[str, Any]], None]) -> Mapping[str, Any]:
    (edit,) = _topology(change)
    assert isinstance(edit, Edit)
    return edit.spec
