"""Whether a node may start, and with which seeds: the table of decisions, and what holds whatever is seen."""

from __future__ import annotations

from collections.abc import Mapping
import functools

from hypothesis import given
from hypothesis import strategies as st
import pytest

from controller.bootstrap.seeds import (
    NAMES_SECONDS,
    SEED_SECONDS,
    WORD_SECONDS,
    Data,
    Decision,
    Me,
    Reach,
    Refuse,
    Seen,
    Situation,
    Start,
    WaitForSeeds,
    decide_seeds,
)

_PODS = ("demo-dc1-rack1-0", "demo-dc1-rack2-0", "demo-dc1-rack3-0")
_LATER = "demo-dc1-rack1-1"
SEEDS = tuple(f"{pod}.demo.ns" for pod in _PODS)
NORMAL = Seen(reach=Reach.ANSWERS, mode="NORMAL")
JOINING = Seen(reach=Reach.ANSWERS, mode="JOINING")
STARTING = Seen(reach=Reach.ANSWERS, mode="Cassandra is not up in it yet")
SILENT = Seen(reach=Reach.SILENT)
UNRESOLVED = Seen(reach=Reach.UNRESOLVED)


def decide(  # noqa: PLR0913 -- one for each part of a situation, and a test names those it is about
    pod: str = _PODS[0],
    data: Data = Data.NONE,
    joined: tuple[str, ...] | None = (),
    second: Seen = UNRESOLVED,
    third: Seen = UNRESOLVED,
    *,
    first: Seen = UNRESOLVED,
    seeds: tuple[str, ...] = SEEDS,
    replacing: bool = False,
    waited: float = 0.0,
) -> Decision:
    """Decide for *pod*, which sees the three seeds as given."""
    others = dict(zip(SEEDS, (first, second, third), strict=True))
    return decide_seeds(
        Situation(
            me=Me(pod=pod, namespace="ns", address="10.0.0.7"),
            seeds=seeds,
            data=data,
            joined=joined,
            others=others,
            replacing=replacing,
            waited=waited,
        )
    )


def starts(decision: Decision) -> tuple[str, ...]:
    """Return the seeds of a start; anything else is a failure that shows its reason."""
    assert isinstance(decision, Start), decision
    return decision.seeds


def waits(decision: Decision) -> str:
    """Return the reason of a wait."""
    assert isinstance(decision, WaitForSeeds), decision
    return decision.why


# Creation of a ring.


def test_the_first_seed_begins_a_new_ring_when_nobody_has_joined() -> None:
    """It starts with the whole list: itself on it, so Cassandra does not look for a ring to join."""
    assert starts(decide()) == SEEDS
    assert starts(decide(second=SILENT, third=SILENT)) == SEEDS


@pytest.mark.parametrize("pod", [_PODS[1], _PODS[2], _LATER])
def test_no_other_node_begins_a_ring(pod: str) -> None:
    """However long and however alone it is, it waits, then leaves it to the kubelet to try again."""
    assert "only demo-dc1-rack1-0.demo.ns, the first seed, may start a ring" in waits(decide(pod))
    assert isinstance(decide(pod, waited=SEED_SECONDS), Refuse)


@pytest.mark.parametrize("mode", [JOINING, STARTING])
def test_a_seed_that_is_not_normal_yet_is_no_seed(mode: Seen) -> None:
    """Jolokia answers long before gossip does, so an answer alone lets nobody start."""
    assert isinstance(decide(_PODS[1], first=mode), WaitForSeeds)
    # But for the first seed it is enough to know that somebody else has begun.
    assert "runs already, so there is a ring to join" in waits(decide(second=mode))


@pytest.mark.parametrize("pod", [*_PODS, _LATER])
def test_a_new_node_joins_by_a_normal_seed_and_is_none_itself(pod: str) -> None:
    """A node on its own seed list would skip the bootstrap, and serve data that it does not have."""
    decision = decide(pod, joined=(_PODS[0],), first=NORMAL, second=NORMAL, third=NORMAL)

    assert starts(decision) == tuple(seed for seed in SEEDS if not seed.startswith(pod))


# Split brain at mass restart: trap 46.


@pytest.mark.parametrize("pod", _PODS)
@pytest.mark.parametrize("seen", [UNRESOLVED, SILENT, STARTING])
def test_seeds_that_restart_together_find_their_ring_on_their_disks(pod: str, seen: Seen) -> None:
    """With data a node needs nobody's leave: it starts with the whole list, never with itself alone."""
    decision = decide(pod, Data.PRESENT, _PODS, seen, seen, first=seen, waited=NAMES_SECONDS)

    assert starts(decision) == SEEDS


def test_a_member_waits_for_a_name_before_it_starts_alone() -> None:
    """For half a minute: long enough for DNS, too short to keep a node down for others' sake."""
    assert "waits for the name of a seed" in waits(decide(data=Data.PRESENT, joined=_PODS))
    assert isinstance(decide(data=Data.PRESENT, joined=_PODS, second=SILENT), Start)
    assert isinstance(decide(data=Data.PRESENT, joined=_PODS, waited=NAMES_SECONDS), Start)


@pytest.mark.parametrize("data", [Data.NONE, Data.UNKNOWN])
@pytest.mark.parametrize("joined", [_PODS, _PODS[1:], (_LATER,)])
@pytest.mark.parametrize("seen", [UNRESOLVED, SILENT, STARTING, JOINING])
def test_a_first_seed_that_lost_its_disk_begins_no_second_ring(
    data: Data, joined: tuple[str, ...], seen: Seen
) -> None:
    """The record of who has joined outlives the disk; silence of the others changes nothing."""
    assert "has joined a ring before" in waits(decide(data=data, joined=joined, second=seen, third=seen))
    refused = decide(data=data, joined=joined, second=seen, third=seen, waited=SEED_SECONDS)
    assert isinstance(refused, Refuse)
    assert "no seed has been NORMAL for 300 s" in refused.why


def test_a_lost_disk_is_named_as_such_when_the_ring_is_there() -> None:
    """It waits to be told whose place it takes; later, who reads the log learns why it bootstraps again."""
    assert "to be told whose place it takes" in waits(decide(joined=_PODS, second=NORMAL))
    assert starts(decide(joined=_PODS, second=NORMAL, replacing=True)) == SEEDS[1:]

    decision = decide(joined=_PODS, second=NORMAL, waited=WORD_SECONDS)

    assert starts(decision) == SEEDS[1:]
    assert "was a member and has lost its disk" in decision.why


def test_a_lone_member_that_lost_its_disk_may_begin_anew() -> None:
    """Nobody else has ever joined: there is no ring that a new one could be second to."""
    assert starts(decide(joined=(_PODS[0],))) == SEEDS
    assert starts(decide(joined=(_PODS[0],), seeds=SEEDS[:1])) == SEEDS[:1]


def test_without_a_record_and_without_a_look_at_the_disk_the_first_seed_gives_the_others_time() -> None:
    """As in pods of CassKop's template, which see neither: names get half a minute to appear."""
    unseen = functools.partial(decide, data=Data.UNKNOWN, joined=None)

    assert "may have been a member before" in waits(unseen())
    assert starts(unseen(waited=NAMES_SECONDS)) == SEEDS
    assert starts(unseen(second=NORMAL)) == SEEDS[1:]
    assert starts(unseen(seeds=SEEDS[:1])) == SEEDS[:1]


# Interrupted and replaced nodes.


def test_a_bootstrap_that_was_cut_short_goes_on_in_the_ring_it_began_in() -> None:
    """Data of a node that is not recorded is half a copy: it joins again, by others, or waits."""
    third = functools.partial(decide, _PODS[2], Data.PRESENT, _PODS[:2])

    assert starts(third(first=NORMAL)) == SEEDS[:2]
    assert isinstance(third(first=SILENT), WaitForSeeds)


def test_a_first_seed_that_was_stopped_before_it_was_recorded_starts_again() -> None:
    """It had begun the ring; nobody else is recorded, so it is the only one who can."""
    assert starts(decide(data=Data.PRESENT, joined=(), second=SILENT)) == SEEDS
    assert starts(decide(data=Data.PRESENT, joined=(), second=NORMAL)) == SEEDS[1:]


def test_a_node_that_replaces_another_one_never_begins_a_ring() -> None:
    """Its tokens are in a ring that exists."""
    assert "needs a ring to do it in" in waits(decide(replacing=True))
    assert starts(decide(replacing=True, second=NORMAL)) == SEEDS[1:]


def test_an_empty_seed_list_is_refused() -> None:
    """Cassandra would not start with it either, but would say less."""
    assert decide(seeds=()) == Refuse(why="the seed list is empty")


# Who is meant by a seed.


@pytest.mark.parametrize(
    ("seed", "mine"),
    [
        ("demo-dc1-rack1-0.demo.ns", True),
        ("demo-dc1-rack1-0.demo.ns.svc.cluster.local", True),
        ("demo-dc1-rack1-0.demo", True),
        ("demo-dc1-rack1-0", True),
        ("10.0.0.7", True),
        # As written by hand where several Kubernetes clusters share a ring.
        ("demo-dc1-rack1-0.cassandra.example.org", True),
        ("demo-dc1-rack1-0.example.org.", True),
        ("demo-dc1-rack1-0.demo.other", False),
        ("demo-dc1-rack1-0.demo.other.svc", False),
        ("demo-dc1-rack1-01.demo.ns", False),
        ("demo-dc1-rack2-0.demo.ns", False),
        ("10.0.0.70", False),
    ],
)
def test_a_node_knows_itself_on_the_list(seed: str, mine: bool) -> None:  # noqa: FBT001 -- a column
    """By its address, or its pod's name; a namespace is told from a DNS zone."""
    assert Me(pod="demo-dc1-rack1-0", namespace="ns", address="10.0.0.7").is_named(seed) is mine


def test_a_pod_that_does_not_know_its_namespace_goes_by_its_name() -> None:
    """CassKop's template tells a pod nothing but its host name."""
    assert Me(pod="demo-dc1-rack1-0", namespace="", address="10.0.0.7").is_named("demo-dc1-rack1-0.demo.any")


# Whatever is seen.

_SEEN = st.sampled_from([NORMAL, JOINING, STARTING, SILENT, UNRESOLVED])
_ANY_PODS = st.lists(st.sampled_from([*_PODS, _LATER]), unique=True).map(tuple)


@st.composite
def situations(draw: st.DrawFn) -> Situation:
    """Draw anything that a pod may find itself in, contradictions included."""
    seeds = draw(st.lists(st.sampled_from(SEEDS), unique=True, min_size=1).map(tuple))
    return Situation(
        me=Me(pod=draw(st.sampled_from([*_PODS, _LATER])), namespace="ns", address="10.0.0.7"),
        seeds=seeds,
        data=draw(st.sampled_from(Data)),
        joined=draw(st.none() | _ANY_PODS),
        others={seed: draw(_SEEN) for seed in draw(st.sets(st.sampled_from(SEEDS)))},
        replacing=draw(st.booleans()),
        waited=draw(st.sampled_from([0.0, NAMES_SECONDS, SEED_SECONDS])),
    )


@given(situations())
def test_no_node_ever_makes_itself_the_only_seed(now: Situation) -> None:
    """A start has the configured list, or that list without the node: never one that shrank in silence."""
    decision = decide_seeds(now)

    if isinstance(decision, Start):
        others = tuple(seed for seed in now.seeds if not now.me.is_named(seed))
        assert decision.seeds in (now.seeds, others)
        assert decision.seeds


@given(situations())
def test_only_the_first_seed_with_nobody_recorded_can_begin_a_ring(now: Situation) -> None:
    """A node that has no data and is on its own list begins a ring; all that allows it is here."""
    decision = decide_seeds(now)

    if (
        isinstance(decision, Start)
        and now.data is not Data.PRESENT
        and any(map(now.me.is_named, decision.seeds))
    ):
        assert now.me.is_named(now.seeds[0])
        assert not set(now.joined or ()) - {now.me.pod}
        assert not now.replacing
        assert all(
            seen.reach is not Reach.ANSWERS for seed, seen in others_of(now).items() if seed in now.seeds
        )


@given(situations())
def test_every_decision_says_why_and_no_wait_is_endless(now: Situation) -> None:
    """After five minutes the kubelet is asked to start the container again, with the reason left there."""
    decision = decide_seeds(now)

    assert decision.why
    assert now.waited < SEED_SECONDS or not isinstance(decision, WaitForSeeds)


def others_of(now: Situation) -> Mapping[str, Seen]:
    """Return what is seen of the other nodes."""
    return {seed: seen for seed, seen in now.others.items() if not now.me.is_named(seed)}
