"""Which members are told to read their seeds anew, by value."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
import datetime as dt
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from controller.domain.actions import ReloadSeeds, Wait
from controller.domain.observed import Observed, Pod, Rack
from controller.domain.plan.acquaint import acquaint
from controller.domain.ring import Answer, Mode, Ring, Silent, View

NOW = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
LONG, SHORT = dt.timedelta(seconds=31), dt.timedelta(seconds=5)
NAMES = ("a-0", "a-1", "a-2")
IPS = dict(zip(NAMES, ("10.0.0.1", "10.0.0.2", "10.0.0.3"), strict=True))


def pod(name: str, **more: Any) -> Pod:
    """Return a pod that has served for a while."""
    known = {"ready": True, "ready_since": NOW - LONG, "ip": IPS[name], **more}
    ordinal = int(name.rpartition("-")[2])
    return Pod(
        name=name,
        uid=name,
        ordinal=ordinal,
        phase="Running",
        node="n",
        revision="r",
        created=NOW - LONG,
        **known,
    )


def view(*known: str, **more: Any) -> View:
    """Return what a member says that knows these pods, and itself."""
    hosts = {IPS[name]: f"host of {name}" for name in known}
    said = {"mode": Mode.NORMAL, "native_transport": True, "release_version": "5.0.9", **more}
    return View(host_ids=hosts, **said)


def seen(answers: Mapping[str, Answer], *pods: Pod) -> Observed:
    """Return the three pods, some of them as given, with what they answered."""
    each = {p.name: p for p in (*map(pod, NAMES), *pods)}
    return Observed(
        now=NOW, racks={"dc1-a": Rack(pods=tuple(each.values()))}, ring=Ring(answers=answers), shared={}
    )


def told(observed: Observed) -> list[str]:
    """Return the pods that are told."""
    return [action.pod for action in acquaint(observed) if isinstance(action, ReloadSeeds)]


def test_both_sides_of_a_split_are_told() -> None:
    """Whoever misses anybody looks at its seeds, and it is looked again soon whether that helped."""
    split = seen({"a-0": view("a-0"), "a-1": view("a-1", "a-2"), "a-2": view("a-1", "a-2")})

    *actions, wait = acquaint(split)

    assert [a.pod for a in actions if isinstance(a, ReloadSeeds)] == ["a-0", "a-1", "a-2"]
    assert isinstance(wait, Wait)
    assert wait.seconds == 10
    assert actions[0].why.startswith("a-0 has served beside a-1 for a while and does not know it")


def test_who_knows_all_is_not_told() -> None:
    """It gossips with those that do not know it anyway."""
    assert told(seen({"a-0": view(*NAMES), "a-1": view(*NAMES), "a-2": view("a-1", "a-2")})) == ["a-2"]


def test_news_is_given_its_time() -> None:
    """A node that has become ready just now is not missed yet, by whomever."""
    answers: dict[str, Answer] = {"a-0": view("a-0"), "a-1": view("a-1", "a-2"), "a-2": view("a-1", "a-2")}

    assert told(seen(answers, pod("a-0", ready_since=NOW - SHORT))) == []
    assert told(seen(answers, pod("a-0", ready_since=None))) == []


def test_only_members_are_missed_and_told() -> None:
    """A node that joins, leaves, is silent or is being deleted is neither; old releases cannot be told."""
    others = {"a-1": view("a-1", "a-2"), "a-2": view("a-1", "a-2")}
    for answer in (view("a-0", mode=Mode.JOINING), view("a-0", mode=Mode.DECOMMISSIONED), Silent(why="late")):
        assert told(seen({"a-0": answer, **others})) == []
    lone = {"a-0": view("a-0"), **others}
    assert told(seen(lone, pod("a-0", terminating=True))) == []
    assert told(seen({**lone, "a-0": view("a-0", release_version="3.11.17")})) == ["a-1", "a-2"]


@given(st.lists(st.sets(st.sampled_from(NAMES)), min_size=3, max_size=3))
def test_a_ring_that_agrees_is_left_alone(known: list[Iterable[str]]) -> None:
    """Somebody is told if and only if a member misses another one, and then exactly who misses one."""
    views = {name: view(name, *others) for name, others in zip(NAMES, known, strict=True)}

    assert told(seen(views)) == [name for name in NAMES if len(views[name].host_ids) < len(NAMES)]
