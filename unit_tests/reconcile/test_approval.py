"""Which edits wait for approval, and what an approval is for, by value."""

from __future__ import annotations

from typing import Any

import attrs
from hypothesis import given
from hypothesis import strategies as st
import pytest

from controller.api.v2 import names
from controller.api.v2.cluster import PendingChange
from controller.domain.changes import Facts
from controller.reconcile.approval import changes, pending, waiting

BEFORE = {"changePolicy": "Approve", "nodesPerRacks": 1, "cassandraImage": "cassandra:5.0"}
FACTS = Facts(
    cluster="cc",
    nodes={"dc1-rack1": 1},
    joined=frozenset({"dc1-rack1"}),
    capacity={"dc1-rack1": "1Gi"},
)


def cluster(
    approved: str | None = None, *, generation: int = 2, uid: str = "u", **spec: Any
) -> dict[str, Any]:
    """Return a CassandraCluster with *spec* over what was accepted before."""
    annotations = {} if approved is None else {names.APPROVED: approved}
    metadata = {"name": "cc", "uid": uid, "generation": generation, "annotations": annotations}
    return {"metadata": metadata, "spec": {**BEFORE, **spec}}


def asked(obj: dict[str, Any], facts: Facts = FACTS) -> PendingChange | None:
    """Return the edit of *obj* that waits."""
    return pending(obj, obj, BEFORE, facts)


def edit() -> PendingChange:
    """Return the edit to two nodes a rack, which waits."""
    found = asked(cluster(nodesPerRacks=2))
    assert found is not None
    return found


def test_an_edit_waits_with_its_fields() -> None:
    """Numbers are named with their values; of texts, which may be secret, only the path is."""
    found = asked(cluster(nodesPerRacks=2, cassandraImage="cassandra:5.0.9"))

    assert found is not None
    assert found.changes == ("spec.cassandraImage", "spec.nodesPerRacks: 1 -> 2")
    assert found.generation == 2


def test_what_is_approved_does_not_wait() -> None:
    """The hash in the annotation lets this edit pass."""
    assert asked(cluster(edit().hash, nodesPerRacks=2)) is None


OTHER_WORLDS = {
    "a larger rack": attrs.evolve(FACTS, nodes={"dc1-rack1": 2}),
    "another rack": attrs.evolve(FACTS, nodes={"dc1-rack1": 1, "dc1-rack2": 1}),
    "nobody has joined": attrs.evolve(FACTS, joined=frozenset()),
    "larger volumes": attrs.evolve(FACTS, capacity={"dc1-rack1": "2Gi"}),
}


@pytest.mark.parametrize("case", sorted(OTHER_WORLDS))
def test_an_approval_is_void_in_another_world(case: str) -> None:
    """What was approved for the cluster as it was waits again when it is another, and that is said."""
    obj = cluster(edit().hash, nodesPerRacks=2)

    found = asked(obj, OTHER_WORLDS[case])

    assert found is not None
    assert found.hash != edit().hash
    message = waiting(found, obj).message
    assert f"hash {found.hash}" in message
    assert f"{edit().hash}, which is approved, was another edit" in message


@pytest.mark.parametrize(
    "obj",
    [
        cluster(edit().hash, nodesPerRacks=3),
        cluster(edit().hash, nodesPerRacks=2, debug=True),
        cluster(edit().hash, nodesPerRacks=2, generation=4),
        cluster(edit().hash, nodesPerRacks=2, uid="another"),
    ],
)
def test_an_approval_is_for_one_edit_of_one_cluster(obj: dict[str, Any]) -> None:
    """Another edit, the same edit made again later, or another cluster of that name: each waits."""
    assert asked(obj) is not None


def test_the_policy_itself_does_not_wait() -> None:
    """It is switched on and off at once, if nothing else is changed with it."""
    obj = cluster(changePolicy="Automatic")
    assert asked(obj) is None
    assert asked(cluster(changePolicy="Automatic", nodesPerRacks=2)) is not None
    assert pending(cluster(), cluster(), {**BEFORE, "changePolicy": "Automatic"}, FACTS) is None


@pytest.mark.parametrize("policy", [None, "Automatic"])
def test_without_the_policy_nothing_waits(policy: str | None) -> None:
    """Clusters that do not ask for it have nothing to do with approvals."""
    obj = cluster(nodesPerRacks=2, changePolicy=policy)

    assert pending(obj, obj, {**BEFORE, "changePolicy": policy}, FACTS) is None


def test_what_stands_in_status_is_bounded() -> None:
    """An edit of hundreds of fields does not fill the object."""
    many = {f"field{n}" + "x" * 200: n for n in range(300)}

    found = asked(cluster(config=many))

    assert found is not None
    assert len(found.changes) == 1
    obj = cluster()
    obj["spec"] |= many
    found = asked(obj)
    assert found is not None
    assert len(found.changes) == 21
    assert found.changes[-1] == "and 280 more"
    assert all(len(line) <= 120 for line in found.changes)


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 3) | st.text("ab", max_size=2),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
    max_leaves=8,
)


@given(_JSON, _JSON)
def test_an_edit_has_lines_exactly_if_something_differs(old: object, new: object) -> None:
    """No edit passes for none, whatever its form; True and 1 are one thing to Python and two to JSON."""
    same = repr(old) == repr(new) or old == new

    assert (not list(changes(old, new))) == same
