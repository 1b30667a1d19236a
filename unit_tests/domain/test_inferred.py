"""What is made of who holds which range, where Cassandra does not tell a keyspace's replication."""

from __future__ import annotations

from hypothesis import assume, given
from hypothesis import strategies as st

from controller.domain.availability import Layout, NetworkTopology, Place, Simple, Unprovable, inferred
from unit_tests.domain.test_availability import Case, cases, holders


@given(cases(), st.data())
def test_what_is_inferred_explains_every_range(case: Case, data: st.DataObject) -> None:
    """Of both strategies, and with the factors as far as there are nodes for them."""
    replication = data.draw(st.sampled_from([k.replication for k in case.keyspaces]))
    assume(isinstance(replication, Simple | NetworkTopology))
    seen = dict(holders(case.layout, replication))

    found = inferred(case.layout, seen)

    assert isinstance(found, Simple | NetworkTopology)
    explained = dict(holders(case.layout, found))
    assert {end: set(nodes) for end, nodes in explained.items()} == {e: set(n) for e, n in seen.items()}
    if isinstance(replication, NetworkTopology):
        members = {dc: case.layout.in_dc(dc).bit_count() for dc in case.layout.dcs()}
        effective = {dc: min(n, members.get(dc, 0)) for dc, n in replication.factors.items()}
        assert found == NetworkTopology(factors={dc: n for dc, n in effective.items() if n})


LAYOUT = Layout(
    owners={-5: "a", 0: "b", 7: "c", 9: "d"},
    places={
        "a": Place(dc="dc1", rack="r1"),
        "b": Place(dc="dc1", rack="r2"),
        "c": Place(dc="dc2", rack="r1"),
        "d": Place(dc="dc2", rack="r2"),
    },
)


def test_a_strategy_that_is_not_known_is_not_guessed_at() -> None:
    """Nor are ranges of another ring, or with strangers in them, taken for this one's."""
    odd = {-5: ["b"], 0: ["b"], 7: ["c"], 9: ["d"]}
    others = {-5: ["a"], 0: ["b"], 7: ["c"]}
    strange = {-5: ["a"], 0: ["b"], 7: ["c"], 9: ["x"]}

    for held in (odd, others, strange, {}):
        assert isinstance(inferred(LAYOUT, held), Unprovable)


def test_of_what_is_alike_that_is_taken_which_asks_for_more() -> None:
    """SimpleStrategy with a copy on every node keeps a data centre like one that names both."""
    everywhere = {token: ["a", "b", "c", "d"] for token in LAYOUT.owners}

    assert inferred(LAYOUT, everywhere) == NetworkTopology(factors={"dc1": 2, "dc2": 2})
    assert inferred(LAYOUT, {-5: "a", 0: "b", 7: "c", 9: "d"}) == Simple(factor=1)
