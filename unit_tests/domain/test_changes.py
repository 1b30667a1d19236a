"""Which edits of a spec are held back: a table of the contract, and what holds for any edit."""

from __future__ import annotations

import copy
from typing import Any

import attrs
from hypothesis import given
from hypothesis import strategies as st
import pytest

from controller.api.v2.codec import decode_cluster
from controller.domain.changes import Facts, Rule, judge
from unit_tests.domain.edits import (
    ACCEPTED,
    DC1,
    DC2,
    EMPTY2,
    REFUSED,
    RUNNING,
    VOLUME,
    Spec,
    dc,
    spec,
    topology,
)


def comparable(value: Spec) -> Any:
    """Return a spec as it is understood: absent and empty alike."""
    decoded = decode_cluster({"metadata": {"name": "cc"}, "spec": value}).spec
    return attrs.evolve(decoded, data_capacity=decoded.data_capacity or None)


@pytest.mark.parametrize("case", sorted(REFUSED))
def test_refused(case: str) -> None:
    """Such a change is held back, with the path, and the spec stays in that part as it was."""
    old, new, rule, path = REFUSED[case]
    before, after = spec(**old), spec(**new)

    verdict = judge(before, after, RUNNING)

    assert [(one.rule, one.path) for one in verdict.held] == [(rule, path)]
    assert str(verdict.held[0]).startswith(f"{path}: ")
    assert comparable(dict(verdict.spec)) == comparable(before)


@pytest.mark.parametrize("case", sorted(REFUSED))
def test_the_rest_of_the_edit_is_carried_out(case: str) -> None:
    """A refusal holds its own part back and nothing else of what was edited with it."""
    old, new, rule, _ = REFUSED[case]
    more = {"cassandraImage": "cassandra:4.1.10", "maxPodUnavailable": 2, "pod": {"annotations": {"a": "b"}}}

    verdict = judge(spec(**old), spec(**{**new, **more}), RUNNING)

    assert [one.rule for one in verdict.held] == [rule]
    assert comparable(dict(verdict.spec)) == comparable(spec(**{**old, **more}))


@pytest.mark.parametrize("case", sorted(REFUSED))
def test_nothing_is_refused_before_anything_exists(case: str) -> None:
    """While there is no StatefulSet, whatever was wrong can be corrected."""
    old, new, _, _ = REFUSED[case]

    verdict = judge(spec(**old), spec(**new), Facts())

    assert verdict.held == ()
    assert verdict.spec == spec(**new)


@pytest.mark.parametrize("case", sorted(ACCEPTED))
def test_accepted(case: str) -> None:
    """Such a change is not held back, and is handed on as it was written."""
    old, new, facts = ACCEPTED[case]
    after = spec(**new)

    verdict = judge(spec(**old), after, facts)

    assert verdict.held == ()
    assert verdict.spec == after


def test_volumes_are_what_was_made_not_what_was_asked_for() -> None:
    """A size below the largest volume that there is stays refused, whatever was accepted meanwhile."""
    facts = attrs.evolve(RUNNING, capacity={"dc1-rack1": "2Gi", "dc1-rack2": "3Gi", "dc2-rack1": "3Gi"})

    verdict = judge(spec(dataCapacity="9Gi"), spec(dataCapacity="2500Mi"), facts)

    assert [(one.rule, "3Gi" in one.message) for one in verdict.held] == [(Rule.VOLUMES_SHRINK, True)]
    assert verdict.spec["dataCapacity"] == "9Gi"


def test_two_data_centres_at_once() -> None:
    """Even empty ones go one after the other."""
    before = spec(topology=topology(DC1, DC2, dc("dc3", "a")))
    facts = attrs.evolve(RUNNING, nodes={**RUNNING.nodes, "dc2-rack1": 0, "dc3-a": 0})

    verdict = judge(before, spec(topology=topology(DC1)), facts)

    assert [one.rule for one in verdict.held] == [Rule.DCS_REMOVED, Rule.DCS_REMOVED]
    assert comparable(dict(verdict.spec)) == comparable(before)


def test_a_data_centre_while_nodes_leave() -> None:
    """A removal waits until a scale-down is over."""
    before = spec(topology=topology(DC1, EMPTY2))
    facts = attrs.evolve(RUNNING, nodes={**RUNNING.nodes, "dc2-rack1": 0}, scaling_down=True)

    verdict = judge(before, spec(topology=topology(DC1)), facts)

    assert [one.rule for one in verdict.held] == [Rule.DC_REMOVED_BUSY]


def test_the_default_topology_is_a_topology() -> None:
    """Writing out what absence means is no change, and leaving out what is there is one."""
    before: Spec = {"dataCapacity": "1Gi"}
    facts = Facts(nodes={"dc1-rack1": 1}, joined=frozenset({"dc1-rack1"}))

    assert not judge(before, {**before, "topology": topology(dc("dc1", "rack1"))}, facts).held
    assert not judge({**before, "topology": topology(dc("dc1", "rack1"))}, before, facts).held
    other = judge({**before, "topology": topology(dc("eu", "rack1"))}, before, Facts(nodes={"eu-rack1": 1}))
    assert [one.rule for one in other.held] == [Rule.DC_RENAMED]


def test_fields_that_nobody_knows_are_kept() -> None:
    """What is put back of a spec leaves its other members as they were written, known or not."""
    after = spec(dataCapacity="1Gi", gcStdout=True)

    verdict = judge(spec(), after, RUNNING)

    assert verdict.spec["gcStdout"] is True
    assert after == spec(dataCapacity="1Gi", gcStdout=True)


edits = st.fixed_dictionaries(
    {},
    optional={
        "nodesPerRacks": st.sampled_from([0, 1, 2, 3]),
        "dataCapacity": st.sampled_from(["", "1Gi", "2Gi", "4Gi", "nonsense"]),
        "dataStorageClass": st.sampled_from(["", "fast", "slow"]),
        "storageConfigs": st.sampled_from([[], [VOLUME], [{**VOLUME, "mountPath": "/elsewhere"}]]),
        "config": st.sampled_from(
            [{}, {"cassandra-yaml": {"num_tokens": 8}}, {"cluster-info": {"name": "x"}}]
        ),
        "topology": st.lists(
            st.builds(
                lambda name, racks, capacity, nodes: dc(name, *racks, **capacity, **nodes),
                st.sampled_from(["dc1", "dc2", "dc3"]),
                st.lists(st.sampled_from(["rack1", "rack2", "rack3"]), min_size=1, unique=True),
                st.sampled_from(
                    [{}, {"dataCapacity": "1Gi"}, {"dataCapacity": "5Gi", "dataStorageClass": "big"}]
                ),
                st.sampled_from([{}, {"nodesPerRacks": 0}]),
            ),
            unique_by=lambda each: each["name"],
            max_size=3,
        ).map(lambda dcs: {"dc": dcs}),
    },
)


@given(edits, edits)
def test_a_verdict_is_itself_acceptable(first: Spec, second: Spec) -> None:
    """What is carried out instead of an edit would be accepted as an edit; nothing is changed in place."""
    before, after = spec(**first), spec(**second)
    racks = [f"{each['name']}-{rack['name']}" for each in before["topology"]["dc"] for rack in each["rack"]]
    facts = Facts(nodes=dict.fromkeys(racks, 1), joined=frozenset(racks))
    untouched = copy.deepcopy((before, after))

    verdict = judge(before, after, facts)

    assert judge(before, verdict.spec, facts).held == ()
    assert (before, after) == untouched
    assert judge(before, before, facts).held == ()
