"""What the availability proof promises, against a slow and plain second opinion."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
import itertools
import random
import time

import attrs
from hypothesis import given
from hypothesis import strategies as st
import pytest

from controller.domain.availability import (
    Blocked,
    Consistency,
    Keyspace,
    Layout,
    Local,
    NetworkTopology,
    Place,
    Proof,
    Replication,
    Simple,
    Unprovable,
    prove,
    replication_of,
)
from e2e.simcassandra import tokens as second

CONSISTENCIES = st.sampled_from(list(Consistency))


@attrs.frozen(kw_only=True)
class Case:
    """A ring, its keyspaces, who is down, and who is offered."""

    layout: Layout
    keyspaces: tuple[Keyspace, ...]
    down: frozenset[str]
    candidates: tuple[str, ...]


@st.composite
def cases(draw: st.DrawFn) -> Case:
    """Draw small rings of up to two data centres, three racks and nine nodes, with a few tokens each."""
    racks = draw(
        st.lists(
            st.tuples(st.sampled_from(["dc1", "dc2"]), st.sampled_from("abc"), st.integers(1, 3)),
            min_size=1,
            max_size=4,
            unique_by=lambda r: r[:2],
        )
    )
    places = {f"{dc}{rack}{i}": Place(dc=dc, rack=rack) for dc, rack, size in racks for i in range(size)}
    nodes = sorted(places)
    drawn = draw(st.lists(st.integers(0, 10_000), min_size=len(nodes), max_size=3 * len(nodes), unique=True))
    owners = {token: nodes[i % len(nodes)] for i, token in enumerate(drawn)}
    replications: st.SearchStrategy[Replication] = st.one_of(
        st.builds(Simple, factor=st.integers(1, 4)),
        st.builds(
            NetworkTopology,
            factors=st.dictionaries(st.sampled_from(["dc1", "dc2"]), st.integers(0, 5), min_size=1),
        ),
        st.just(Local()),
    )
    keyspaces = draw(st.lists(replications, min_size=1, max_size=3))
    return Case(
        layout=Layout(owners=owners, places=places),
        keyspaces=tuple(Keyspace(name=f"ks{i}", replication=r) for i, r in enumerate(keyspaces)),
        down=frozenset(draw(st.lists(st.sampled_from(nodes), max_size=2))),
        candidates=tuple(draw(st.lists(st.sampled_from(nodes), min_size=1, max_size=9, unique=True))),
    )


def holders(layout: Layout, replication: Replication) -> list[tuple[int, tuple[str, ...]]]:
    """Return the holders of each range of the whole ring by its end, as the simulator places them."""
    ring = second.Layout(
        tokens=tuple(sorted(layout.owners)),
        owners=tuple(layout.owners[t] for t in sorted(layout.owners)),
        places={n: second.Place(datacenter=p.dc, rack=p.rack) for n, p in layout.places.items()},
    )
    match replication:
        case Simple(factor=factor):
            there: second.Replication = second.SimpleStrategy(factor=factor)
        case NetworkTopology(factors=factors):
            there = second.NetworkTopology(factors=factors)
        case _:
            return []
    return [(end, second.replicas(ring, there, end)) for _, end in ring.ranges()]


def demands(case: Case, consistency: Consistency) -> Iterable[tuple[str, list[tuple[str, ...]], int]]:
    """Yield keyspace, the holders of each of its ranges that count together, and how many have to answer."""
    for keyspace in case.keyspaces:
        found = [nodes for _, nodes in holders(case.layout, keyspace.replication)]
        match keyspace.replication:
            case Simple(factor=factor):
                yield keyspace.name, found, consistency.needed(factor)
            case NetworkTopology(factors=factors) if consistency.joint:
                yield keyspace.name, found, consistency.needed(sum(factors.values()))
            case NetworkTopology(factors=factors):
                for dc, factor in factors.items():
                    local = [tuple(n for n in nodes if case.layout.places[n].dc == dc) for nodes in found]
                    if factor and dc in case.layout.dcs():
                        yield keyspace.name, local, consistency.needed(factor)


def keepable(case: Case, consistency: Consistency) -> list[tuple[tuple[str, ...], int]]:
    """Return the ranges that can be kept at all: they have a replica to spare when everyone is up."""
    return [
        (nodes, needed)
        for _, ranges, needed in demands(case, consistency)
        if ranges and min(len(nodes) for nodes in ranges) > needed
        for nodes in ranges
    ]


def harmless(case: Case, consistency: Consistency, gone: Iterable[str]) -> bool:
    """Tell whether no range that *gone* nodes serve now falls short without them."""
    takes = set(gone) - case.down
    return all(
        len([n for n in nodes if n not in case.down and n not in takes]) >= needed
        for nodes, needed in keepable(case, consistency)
        if takes & set(nodes)
    )


def ask(case: Case, consistency: Consistency, most: int | None = None) -> Proof | Blocked:
    """Ask for the proof."""
    return prove(
        layout=case.layout,
        keyspaces=case.keyspaces,
        down=case.down,
        candidates=case.candidates,
        consistency=consistency,
        most=most,
    )


@given(cases(), CONSISTENCIES)
def test_the_set_is_safe_and_there_is_no_larger_one(case: Case, consistency: Consistency) -> None:
    """In small rings the answer is exactly as good as trying all sets."""
    answer = ask(case, consistency)

    sizes = [
        size
        for size in range(1, len(case.candidates) + 1)
        if any(harmless(case, consistency, some) for some in itertools.combinations(case.candidates, size))
    ]
    if isinstance(answer, Proof):
        assert harmless(case, consistency, answer.nodes)
        assert len(answer.nodes) == max(sizes)
    else:
        assert not sizes


@given(cases(), CONSISTENCIES, st.integers(1, 4))
def test_a_ceiling_is_kept(case: Case, consistency: Consistency, most: int) -> None:
    """Never more nodes than asked for, and no fewer than the ceiling allows."""
    everything, some = ask(case, consistency), ask(case, consistency, most)

    assert type(everything) is type(some)
    if isinstance(everything, Proof) and isinstance(some, Proof):
        assert len(some.nodes) == min(most, len(everything.nodes))
        assert harmless(case, consistency, some.nodes)


@given(cases(), CONSISTENCIES)
def test_what_blocks_is_named_and_true(case: Case, consistency: Consistency) -> None:
    """The range that is named is one that the node holds, and that would fall short without it."""
    answer = ask(case, consistency)

    if isinstance(answer, Blocked):
        assert answer.node in answer.replicas
        up = [n for n in answer.replicas if n not in case.down]
        assert len(up) - 1 < answer.needed
        assert set(answer.down) == set(answer.replicas) & case.down
        assert answer.keyspace in answer.why
        keyspace = next(k for k in case.keyspaces if k.name == answer.keyspace)
        ranges = dict(holders(case.layout, keyspace.replication))
        assert set(answer.replicas) <= set(ranges[answer.end])


@given(cases(), CONSISTENCIES)
def test_keyspaces_without_room_are_named(case: Case, consistency: Consistency) -> None:
    """A keyspace that nobody could keep is not silently left out."""
    answer = ask(case, consistency)

    if isinstance(answer, Proof):
        hopeless = {
            name
            for name, ranges, needed in demands(case, consistency)
            if ranges
            and min(len(nodes) for nodes in ranges) <= needed
            and any(set(nodes) & set(case.candidates) for nodes in ranges)
        }
        assert {item.keyspace for item in answer.uncovered} == hopeless


def ring(racks: Mapping[str, int], *, tokens: int = 4, dc: str = "dc1", seed: int = 0) -> Layout:
    """Return a ring with *racks* of so many nodes, called `<rack><number>`."""
    rng = random.Random(seed)  # noqa: S311 -- tokens, not secrets
    places = {f"{rack}{i}": Place(dc=dc, rack=rack) for rack, size in racks.items() for i in range(size)}
    drawn = iter(rng.sample(range(-(2**61), 2**61), tokens * len(places)))
    owners = {next(drawn): node for node in places for _ in range(tokens)}
    return Layout(owners=owners, places=places)


def app(factor: int) -> Keyspace:
    """Return a keyspace of dc1."""
    return Keyspace(name="app", replication=NetworkTopology(factors={"dc1": factor}))


def nodes_of(layout: Layout, rack: str) -> Sequence[str]:
    """Return the nodes of a rack."""
    return [n for n in layout.nodes() if layout.places[n].rack == rack]


def test_a_whole_rack_may_go_where_replicas_are_spread_over_racks() -> None:
    """Three racks and three replicas: all nodes of one rack at once, none of another one then."""
    layout = ring({"a": 4, "b": 4, "c": 4})
    whole = prove(layout=layout, keyspaces=[app(3)], down=(), candidates=nodes_of(layout, "a"))
    then = prove(
        layout=layout, keyspaces=[app(3)], down=nodes_of(layout, "a"), candidates=nodes_of(layout, "b")
    )

    assert isinstance(whole, Proof)
    assert whole.nodes == ("a0", "a1", "a2", "a3")
    assert "these 4 nodes" in whole.why
    assert isinstance(then, Blocked)
    assert "has to stay up" in then.why


def test_two_racks_never_give_a_rack_away() -> None:
    """With fewer racks than replicas, a rack holds two replicas of some range."""
    layout = ring({"a": 3, "b": 3}, tokens=16)
    answer = prove(layout=layout, keyspaces=[app(3)], down=(), candidates=nodes_of(layout, "a"))

    assert isinstance(answer, Proof)
    assert len(answer.nodes) == 1


def test_traces_and_repair_history_hold_nothing_up() -> None:
    """Cassandra's own SimpleStrategy keyspaces for tools are not what clients wait for."""
    layout = ring({"a": 2, "b": 2, "c": 2})
    tools = [
        Keyspace(name="system_distributed", replication=Simple(factor=3)),
        Keyspace(name="system_traces", replication=Simple(factor=2)),
    ]
    answer = prove(layout=layout, keyspaces=[app(3), *tools], down=(), candidates=nodes_of(layout, "a"))

    assert isinstance(answer, Proof)
    assert len(answer.nodes) == 2
    assert answer.uncovered == ()


def test_what_is_not_covered_is_in_the_sentence() -> None:
    """One replica, transient replicas and unknown strategies are named with their reason."""
    layout = ring({"a": 1, "b": 1, "c": 1})
    odd = [
        Keyspace(name="system_auth", replication=Simple(factor=1)),
        Keyspace(name="odd", replication=replication_of("NetworkTopologyStrategy {dc1=3/1}")),
    ]
    answer = prove(layout=layout, keyspaces=[app(3), *odd], down=(), candidates=["a0"])

    assert isinstance(answer, Proof)
    assert "not covered: odd (it has transient replicas" in answer.why
    assert "system_auth (1 replica)" in answer.why


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("NetworkTopologyStrategy {dc1=3, dc2=2}", NetworkTopology(factors={"dc1": 3, "dc2": 2})),
        ("org.apache.cassandra.locator.SimpleStrategy {replication_factor=2}", Simple(factor=2)),
        ("LocalStrategy {}", Local()),
    ],
)
def test_cassandras_words_are_understood(text: str, wanted: Replication) -> None:
    """Replication is read as Cassandra prints it."""
    assert replication_of(text) == wanted


@pytest.mark.parametrize("text", ["EverywhereStrategy {}", "SimpleStrategy {}", "nonsense", "X {a=b}"])
def test_words_that_are_not_understood_prove_nothing(text: str) -> None:
    """A strategy that is not known is a value that says so."""
    assert isinstance(replication_of(text), Unprovable)


def test_large_rings_are_quick() -> None:
    """300 nodes with 16 tokens and ten keyspaces take well under a second."""
    layout = ring({"a": 100, "b": 100, "c": 100}, tokens=16)
    keyspaces = [attrs.evolve(app(1 + i % 5), name=f"ks{i}") for i in range(10)]
    began = time.process_time()

    answer = prove(layout=layout, keyspaces=keyspaces, down=(), candidates=nodes_of(layout, "a"))

    assert isinstance(answer, Proof)
    assert time.process_time() - began < 1
