"""What is due on many nodes is asked of each, once, whenever the plan is interrupted."""

from __future__ import annotations

from collections.abc import Mapping
import datetime as dt

import attrs
from hypothesis import given
from hypothesis import strategies as st
import pytest

from controller.api.v2.cluster import ClusterStatus, DueOperation, LastAction, NodeStatus, RackStatus
from controller.domain.actions import Hold, MarkOperation, OperationStep
from controller.domain.availability import Keyspace, NetworkTopology, Simple
from controller.domain.desired import Desired
from controller.domain.leaving import Held
from controller.domain.observed import Observed
from controller.domain.operations.pods import PodOperation
from controller.domain.operations.seen import Operations
from controller.domain.operations_due import ask, with_due
from controller.domain.ownership import Ownership, Unread
from controller.domain.plan import needs_ownership, plan
from controller.domain.status import status
from unit_tests.domain.obedient import NOW, World
from unit_tests.domain.test_operate import asked, ring, runs

CLEANUP = DueOperation(name="cleanup", since=NOW)
REBUILD = DueOperation(name="rebuild", argument="dc0", dc="dc1", since=NOW)
NODES = tuple(f"demo-dc1-rack{r}-{i}" for r in range(2) for i in range(2))


def due_on(
    *due: DueOperation, pilot: bool, operations: Mapping[str, PodOperation] | None = None
) -> tuple[Desired, Observed]:
    """Return a ring at rest of four nodes, on which *due* is due."""
    operations = operations or {}
    calls = {pod: Held() for pod, each in operations.items() if each.running is not None}
    want, observed = ring(2, 2, operations=operations, seen=Operations(calls=calls, due=due))
    hosts = {pod: f"id-{pod}" for pod in observed.members()}
    return attrs.evolve(want, auto_pilot=pilot), attrs.evolve(observed, hosts=hosts)


def look(want: Desired, observed: Observed) -> tuple[dict[str, MarkOperation], tuple[DueOperation, ...]]:
    """Return who is asked in one step, by pod, and what is due after it."""
    actions = plan(want, observed)
    racks = {rack.name: RackStatus(phase="Running") for rack in want.racks}
    before = ClusterStatus(cassandra_rack_status=racks, due_operations=observed.operations.due)
    asks = {a.pod: a for a in actions if isinstance(a, MarkOperation) and a.step is OperationStep.ASK}
    return asks, status(before, want, observed, actions).due_operations


def asked_pod(mark: MarkOperation) -> PodOperation:
    """Return what stands on a pod once *mark* is written."""
    return PodOperation(
        name=mark.labels["operation-name"] or "",
        status=mark.labels["operation-status"] or "",
        argument=mark.labels["operation-argument"] or "",
        request=mark.annotations["cassandraclusters.db.orange.com/operation-request"],
    )


@pytest.mark.parametrize(("pilot", "expected"), [(True, "ToDo"), (False, "Manual")])
def test_every_node_is_asked_once(*, pilot: bool, expected: str) -> None:
    """It stays due until that is written, whatever comes in between."""
    asks, due = look(*due_on(CLEANUP, pilot=pilot))
    assert set(asks) == set(NODES)
    assert {mark.labels["operation-status"] for mark in asks.values()} == {expected}
    assert due == (CLEANUP,)

    half = {pod: asked_pod(mark) for pod, mark in asks.items() if pod != NODES[0]}
    again, due = look(*due_on(CLEANUP, pilot=pilot, operations=half))
    assert set(again) == {NODES[0]}
    assert [each.name for each in due] == ["cleanup"]

    done = {pod: attrs.evolve(asked_pod(mark), status="Done") for pod, mark in asks.items()}
    assert look(*due_on(CLEANUP, pilot=pilot, operations=done)) == ({}, ())


def test_a_pod_that_is_made_anew_is_asked_again() -> None:
    """It has lost its labels with its predecessor; who is done is done, whatever becomes of the pod."""
    asks, _ = look(*due_on(CLEANUP, pilot=True))
    labelled = {pod: asked_pod(mark) for pod, mark in asks.items()}
    labelled[NODES[0]] = attrs.evolve(labelled[NODES[0]], status="Done")
    nobody, due = look(*due_on(CLEANUP, pilot=True, operations=labelled))
    assert nobody == {}
    assert [each.done for each in due] == [(NODES[0],)]

    anew = {pod: each for pod, each in labelled.items() if pod not in NODES[:2]}
    again, due = look(*due_on(*due, pilot=True, operations=anew))
    assert set(again) == {NODES[1]}

    anew |= {pod: attrs.evolve(asked_pod(asks[pod]), status="Error") for pod in NODES[1:]}
    assert look(*due_on(*due, pilot=True, operations=anew)) == ({}, ())


def test_what_is_offered_stands_until_it_is_taken_or_turned_down() -> None:
    """A pod that is made anew has it as it was, and nobody is told again."""
    asks, _ = look(*due_on(CLEANUP, pilot=False))
    assert not any(mark.again for mark in asks.values())
    offered = {pod: asked_pod(mark) for pod, mark in asks.items()}
    nobody, due = look(*due_on(CLEANUP, pilot=False, operations=offered))
    assert nobody == {}
    assert [(each.done, each.offered) for each in due] == [((), NODES)]

    anew = {pod: each for pod, each in offered.items() if pod != NODES[0]}
    again, due = look(*due_on(*due, pilot=False, operations=anew))
    assert {pod: mark.again for pod, mark in again.items()} == {NODES[0]: True}
    assert asked_pod(again[NODES[0]]) == offered[NODES[0]]

    offered[NODES[0]] = attrs.evolve(offered[NODES[0]], status="ToDo")
    offered[NODES[1]] = attrs.evolve(offered[NODES[1]], status="Done")
    offered[NODES[2]] = attrs.evolve(offered[NODES[2]], name="", status="")
    nobody, due = look(*due_on(*due, pilot=False, operations=offered))
    assert nobody == {}
    assert [(each.done, each.offered) for each in due] == [(NODES[1:3], (NODES[0], NODES[3]))]

    over = {pod: attrs.evolve(each, status="Done") for pod, each in offered.items()}
    assert look(*due_on(*due, pilot=False, operations=over)) == ({}, ())


def test_an_open_offer_is_taken_by_an_autopilot_that_comes_later() -> None:
    """It is asked for then, of those who have not had it done."""
    asks, _ = look(*due_on(CLEANUP, pilot=False))
    offered = {pod: asked_pod(mark) for pod, mark in asks.items()}
    offered[NODES[0]] = attrs.evolve(offered[NODES[0]], status="Done")

    asks, _ = look(*due_on(CLEANUP, pilot=True, operations=offered))

    assert set(asks) == set(NODES[1:])
    assert {(mark.labels["operation-status"], mark.again) for mark in asks.values()} == {("ToDo", False)}


def test_a_pod_that_is_away_is_still_known_to_be_done() -> None:
    """It is being restarted; who has nothing to do any more has not when it is back."""
    due = attrs.evolve(CLEANUP, done=NODES[:1], offered=NODES[1:2])
    want, observed = due_on(due, pilot=True)
    first = want.racks[0].name
    racks = {**observed.racks, first: attrs.evolve(observed.racks[first], pods=())}

    assert look(want, attrs.evolve(observed, racks=racks)) == ({}, (due,))


def test_nothing_is_asked_while_a_new_template_is_taken_up() -> None:
    """The restarts that it is for come next: they would end what has just begun."""
    want, observed = due_on(CLEANUP, pilot=True)
    first = want.racks[0].name
    rack = observed.racks[first]
    assert rack.statefulset is not None
    newer = attrs.evolve(rack.statefulset, generation=rack.statefulset.observed_generation + 1)
    racks = {**observed.racks, first: attrs.evolve(rack, statefulset=newer)}

    assert look(want, attrs.evolve(observed, racks=racks)) == ({}, (CLEANUP,))


def test_a_cleanup_waits_until_all_have_joined() -> None:
    """Each node that joins takes ranges from the others, also one that has been missing for long."""
    want, observed = due_on(CLEANUP, pilot=True)
    last = NODES[-1]
    racks = {
        name: attrs.evolve(
            rack,
            pods=tuple(
                attrs.evolve(pod, ready=False, created=NOW - dt.timedelta(hours=1))
                if pod.name == last
                else pod
                for pod in rack.pods
            ),
        )
        for name, rack in observed.racks.items()
    }
    down = attrs.evolve(observed, racks=racks)
    assert set(look(want, down)[0]) == set(NODES) - {last}

    unjoined = attrs.evolve(down, joined=observed.joined - {last})
    unlisted = attrs.evolve(observed, hosts={pod: "id" for pod in NODES if pod != last})

    for growing in (unjoined, unlisted):
        asks, (due,) = look(want, growing)
        assert asks == {}
        assert due.name == "cleanup"


def test_growth_once_more_is_another_reason() -> None:
    """Who was asked for the last one is asked again."""
    asks, _ = look(*due_on(CLEANUP, pilot=True))
    done = {pod: attrs.evolve(asked_pod(mark), status="Done") for pod, mark in asks.items()}
    later = attrs.evolve(CLEANUP, since=NOW + dt.timedelta(minutes=1))

    asks, _ = look(*due_on(later, pilot=True, operations=done))

    assert set(asks) == set(NODES)


@given(
    st.dictionaries(st.sampled_from(NODES), st.sampled_from([asked("flush"), runs("compact"), runs("flush")]))
)
def test_labels_of_others_are_left_alone(there: dict[str, PodOperation]) -> None:
    """An operation that waits or runs is asked for by somebody; it is due until that is over."""
    asks, due = look(*due_on(CLEANUP, pilot=True, operations=there))

    assert set(asks) == set(NODES) - set(there)
    assert due == (CLEANUP,)


def test_what_the_user_asked_for_meanwhile_is_the_same() -> None:
    """It is not asked for twice, nor taken back where there is no autopilot."""
    asks, _ = look(*due_on(CLEANUP, pilot=False, operations={NODES[0]: asked("cleanup")}))

    assert asks[NODES[0]].labels["operation-status"] == "ToDo"


def _with(observed: Observed, ownership: Ownership | Unread | None) -> Observed:
    return attrs.evolve(observed, ownership=ownership)


def _owners(*keyspaces: Keyspace, agreed: bool = True) -> Ownership:
    schemas = {"a": frozenset({"1"})} | ({} if agreed else {"b": frozenset({"2"})})
    return Ownership(tokens={}, places={}, keyspaces=keyspaces, schemas=schemas)


@pytest.mark.parametrize(
    "ownership",
    [
        None,
        Unread(why="nobody answers"),
        _owners(),
        _owners(Keyspace(name="app", replication=NetworkTopology(factors={"dc0": 3}))),
        _owners(Keyspace(name="app", replication=Simple(factor=3))),
        _owners(Keyspace(name="system_auth", replication=NetworkTopology(factors={"dc1": 3}))),
        _owners(Keyspace(name="app", replication=NetworkTopology(factors={"dc1": 3})), agreed=False),
    ],
)
def test_a_rebuild_waits_for_a_keyspace(ownership: Ownership | Unread | None) -> None:
    """Of which every node knows; until then the statement is offered, and nothing is degraded by it."""
    want, observed = due_on(REBUILD, pilot=True)
    assert needs_ownership(want, observed)
    observed = _with(observed, ownership)

    (hold,) = plan(want, observed)

    assert isinstance(hold, Hold)
    assert (hold.reason, hold.seconds) == ("RebuildOffered", 30.0)
    assert "ALTER KEYSPACE" in hold.why
    assert look(want, observed) == ({}, (REBUILD,))


def test_a_rebuild_is_asked_for_once_there_is_data() -> None:
    """Of every node of the data centre, with where to fetch it from."""
    app = Keyspace(name="app", replication=NetworkTopology(factors={"dc0": 3, "dc1": 1}))
    want, observed = due_on(REBUILD, pilot=True)

    asks, _ = look(want, _with(observed, _owners(app)))

    assert set(asks) == set(NODES)
    assert {mark.labels["operation-argument"] for mark in asks.values()} == {"dc0"}


def test_without_autopilot_a_rebuild_is_the_users() -> None:
    """Nothing is offered but the advice that came with the data centre."""
    want, observed = due_on(REBUILD, pilot=False)

    assert not needs_ownership(want, observed)
    assert look(want, observed) == ({}, ())


def test_nothing_is_asked_while_the_ring_changes() -> None:
    """It stays due."""
    want, observed = due_on(CLEANUP, pilot=True)
    rack = want.racks[0]
    want = attrs.evolve(want, racks=(attrs.evolve(rack, replicas=3), *want.racks[1:]))

    assert look(want, observed) == ({}, (CLEANUP,))


def test_growth_makes_cleanup_due_and_a_new_data_centre_a_rebuild() -> None:
    """In the write that lists the new nodes; a new cluster asks for neither, nor does who only comes back."""
    want, observed = due_on(pilot=True)
    names = [rack.name for rack in want.racks]

    def after(name: str, *listed: str) -> list[str | None]:
        action = LastAction(name=name, status="Ongoing", start_time=NOW)
        racks = {each: RackStatus(phase="Pending", cassandra_last_action=action) for each in names}
        before = ClusterStatus(
            cassandra_rack_status=racks, cassandra_node_status={pod: NodeStatus() for pod in listed}
        )
        return [due.name for due in status(before, want, observed, ()).due_operations]

    actions = ("ScaleUp", "ScaleDown", "UpdateDockerImage")
    assert [after(each, *NODES[:-1]) for each in actions] == [["cleanup"]] * 3
    assert [after(each, *NODES) for each in actions] == [[]] * 3
    assert after("ScaleUp") == ["cleanup"]
    assert after("ScaleDown") == after("Initializing") == after("UpdateDockerImage") == []
    assert status(ClusterStatus(), want, observed, ()).due_operations == ()

    old = ClusterStatus(cassandra_rack_status={"dc0-rack0": RackStatus(phase="Running")})
    (due,) = status(old, want, World().observed(want), ()).due_operations
    assert (due.name, due.dc, due.argument) == ("rebuild", "dc1", "dc0")


def test_a_rack_that_comes_late_makes_cleanup_due() -> None:
    """Its nodes take ranges from those that were there; the first racks of a cluster take none."""
    want, full = due_on(pilot=True)
    early = attrs.evolve(full, racks={"dc1-rack0": full.racks["dc1-rack0"]})
    rack = RackStatus(phase="Running")
    before = ClusterStatus(
        cassandra_rack_status={"dc1-rack0": rack},
        cassandra_node_status={pod: NodeStatus() for pod in NODES[:2]},
    )

    comes = status(before, want, early, ())
    joined = status(comes, want, full, ())

    assert comes.cassandra_rack_status["dc1-rack1"].was_empty
    assert comes.due_operations == ()
    assert [due.name for due in joined.due_operations] == ["cleanup"]
    assert not joined.cassandra_rack_status["dc1-rack1"].was_empty
    assert [due.name for due in status(before, want, full, ()).due_operations] == ["cleanup"]
    first = status(ClusterStatus(), want, early, ())
    assert status(first, want, full, ()).due_operations == ()


@pytest.mark.parametrize("action", ["ScaleUp", "UpdateDockerImage"])
def test_a_rack_that_is_emptied_and_grows_again_makes_cleanup_due(action: str) -> None:
    """Whatever else is under way meanwhile, and hides that it grows."""
    want, full = due_on(pilot=True)
    none = full.racks["dc1-rack1"]
    assert none.statefulset is not None
    none = attrs.evolve(none, statefulset=attrs.evolve(none.statefulset, replicas=0), pods=())
    emptied = attrs.evolve(full, racks={**full.racks, "dc1-rack1": none})
    before = ClusterStatus(
        cassandra_rack_status={name: RackStatus(phase="Running") for name in full.racks},
        cassandra_node_status={pod: NodeStatus() for pod in NODES[:2]},
    )

    empty = status(before, want, emptied, ())
    racks = dict(empty.cassandra_rack_status)
    going = LastAction(name=action, status="Ongoing", start_time=NOW)
    racks["dc1-rack1"] = attrs.evolve(racks["dc1-rack1"], cassandra_last_action=going)
    grown = status(attrs.evolve(empty, cassandra_rack_status=racks), want, full, ())

    assert racks["dc1-rack1"].was_empty
    assert [due.name for due in grown.due_operations] == ["cleanup"]


@pytest.mark.parametrize(
    ("before", "now", "expected"),
    [
        (["4.1.10", "5.0.9"], ["5.0.9", "5.0.9"], ["upgradesstables"]),
        (["3.11.19"], ["4.0.19"], ["upgradesstables"]),
        (["4.1.10", "4.1.10"], ["4.1.10", "5.0.9"], []),
        (["4.0.19", "4.1.10"], ["4.1.10", "4.1.10"], []),
        (["5.0.9", "4.1.10"], ["4.1.10", "4.1.10"], []),
        (["5.0.9"], ["5.0.9"], []),
        ([], ["5.0.9"], []),
    ],
)
def test_a_new_major_release_makes_upgradesstables_due(
    before: list[str], now: list[str], expected: list[str]
) -> None:
    """Once its last node runs it, and not again; nor on the way back."""

    def nodes(releases: list[str]) -> ClusterStatus:
        listed = {f"pod-{i}": NodeStatus(release_version=each) for i, each in enumerate(releases)}
        return ClusterStatus(cassandra_node_status=listed)

    found = with_due(nodes(now), nodes(before), (), NOW)

    assert [due.name for due in found.due_operations] == expected
    assert with_due(nodes(now), nodes(now), (), NOW).due_operations == ()


def test_what_is_due_twice_is_due_since_the_last_time() -> None:
    """Other parts of the domain ask so; a data centre's own are its own."""
    later = NOW + dt.timedelta(minutes=1)
    found = ask(ask(ClusterStatus(), "cleanup", NOW), "cleanup", later)
    assert found.due_operations == (DueOperation(name="cleanup", since=later),)

    both = ask(found, "cleanup", NOW, dc="dc1")
    assert len(both.due_operations) == 2
