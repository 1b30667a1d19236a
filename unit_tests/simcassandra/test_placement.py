"""Replica placement: which nodes hold a token."""

from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st
import pytest

from e2e.simcassandra.tokens import (
    ALL_SLICES,
    Layout,
    LocalStrategy,
    NetworkTopology,
    Place,
    SimpleStrategy,
    held_slices,
    ownership,
    random_tokens,
    replicas,
)


def layout_of(places: dict[str, Place], seed: int = 0, tokens: int = 4) -> Layout:
    """Return a layout with random tokens."""
    rng = random.Random(seed)  # noqa: S311 -- repeatable
    return Layout.of({a: random_tokens(rng, tokens) for a in places}, places)


@st.composite
def rings(draw: st.DrawFn) -> Layout:
    """Rings of one to nine nodes in one or two datacenters of up to three racks."""
    number = draw(st.integers(1, 9))
    places = {
        f"10.0.0.{index}": Place(
            datacenter=draw(st.sampled_from(["dc1", "dc2"])),
            rack=draw(st.sampled_from(["r1", "r2", "r3"])),
        )
        for index in range(number)
    }
    return layout_of(places, seed=draw(st.integers(0, 1000)))


tokens = st.integers(-(2**63), 2**63 - 1)


@given(rings(), st.integers(1, 4), tokens)
def test_simple_strategy_takes_the_next_distinct_nodes(layout: Layout, factor: int, token: int) -> None:
    """There are as many replicas as asked for, or as there are nodes, and the first owns the range."""
    found = replicas(layout, SimpleStrategy(factor=factor), token)

    assert len(found) == len(set(found)) == min(factor, len(layout.places))
    assert found[0] == layout.walk(token)[0]


@given(rings(), st.integers(0, 4), st.integers(0, 4), tokens)
def test_topology_counts_replicas_by_datacenter(layout: Layout, one: int, two: int, token: int) -> None:
    """Each datacenter has its own number of replicas, bounded by its nodes."""
    found = replicas(layout, NetworkTopology(factors={"dc1": one, "dc2": two}), token)

    assert len(found) == len(set(found))
    for datacenter, factor in (("dc1", one), ("dc2", two)):
        here = [a for a in found if layout.places[a].datacenter == datacenter]
        assert len(here) == min(factor, len(layout.nodes_in(datacenter)))


@given(rings(), st.integers(1, 3), tokens)
def test_topology_uses_every_rack_before_one_twice(layout: Layout, factor: int, token: int) -> None:
    """Replicas are in as many racks as there can be."""
    found = replicas(layout, NetworkTopology(factors={"dc1": factor}), token)
    racks = {layout.places[a].rack for a in layout.nodes_in("dc1")}

    assert len({layout.places[a].rack for a in found}) == min(len(found), len(racks))


@given(rings(), st.integers(1, 4))
def test_ownership_adds_up_to_the_number_of_replicas(layout: Layout, factor: int) -> None:
    """The whole token space is held as often as it has replicas."""
    shares = ownership(layout, SimpleStrategy(factor=factor))

    assert sum(shares.values()) == pytest.approx(min(factor, len(layout.places)))


@given(rings(), st.integers(1, 3))
def test_every_slice_has_its_replicas(layout: Layout, factor: int) -> None:
    """Between them the nodes hold every slice, each as often as it has replicas."""
    masks = held_slices(layout, SimpleStrategy(factor=factor))
    together = 0
    for mask in masks.values():
        together |= mask

    assert together == ALL_SLICES
    assert sum(mask.bit_count() for mask in masks.values()) == 64 * min(factor, len(layout.places))


def test_local_keyspaces_have_no_ring() -> None:
    """A local keyspace is on nobody else's disk."""
    layout = layout_of({"10.0.0.1": Place(datacenter="dc1", rack="r1")})

    assert replicas(layout, LocalStrategy(), 0) == ()
