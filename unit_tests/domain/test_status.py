"""What status and conditions say of a snapshot and a plan."""

from __future__ import annotations

import datetime as dt
from typing import Any

import attrs
import pytest

from controller.api.v2.cluster import (
    ClusterStatus,
    Condition,
    LastAction,
    NodeRestart,
    PodLastOperation,
    RollStatus,
)
from controller.domain import conditions
from controller.domain.desired import Desired
from controller.domain.leaving import Leaving
from controller.domain.leaving_status import scaling_down
from controller.domain.observed import Observed
from controller.domain.operations.seen import Operations
from controller.domain.plan import plan
from controller.domain.status import status
from unit_tests.domain.obedient import NOW, RackModel, World, desired

LATER = NOW + dt.timedelta(minutes=5)


def rack(*stages: str, template: str = "t1") -> RackModel:
    """Return a rack whose pods are at *stages*."""
    return RackModel(
        replicas=len(stages), template=template, stages=stages, templates=(template,) * len(stages)
    )


def look(want: Desired, world: World, previous: ClusterStatus, now: dt.datetime = NOW) -> ClusterStatus:
    """Return the status that a reconcile of *world* would write, conditions among it."""
    due = Operations(due=previous.due_operations)
    observed = attrs.evolve(world.observed(want), now=now, operations=due)
    actions = plan(want, observed)
    new = status(previous, want, observed, actions)
    found = [*conditions.findings(want, observed, actions), conditions.accepted()]
    merged = conditions.merge(previous.conditions, found, generation=1, now=now)
    return attrs.evolve(new, conditions=merged)


def condition(of: ClusterStatus, kind: str) -> Condition:
    """Return the one condition of type *kind*."""
    (found,) = [c for c in of.conditions if c.type == kind]
    return found


def test_a_new_cluster_initialises_rack_by_rack() -> None:
    """Phases and actions go the way that CassKop's users know, to Running and Done."""
    want = desired((1, 1))
    nothing = look(want, World(), ClusterStatus())
    half = look(
        want,
        World(racks={"dc1-rack0": rack("member"), "dc1-rack1": rack("joining")}, shared=want.shared),
        nothing,
    )
    done = look(
        want,
        World(racks={"dc1-rack0": rack("member"), "dc1-rack1": rack("member")}, shared=want.shared),
        half,
        LATER,
    )

    assert [(s.phase, s.initializing_sub_phase) for s in (nothing, half, done)] == [
        ("Initializing", "FirstPodPerRack"),
        ("Initializing", "FirstPodPerRack"),
        ("Running", None),
    ]
    assert [(s.last_cluster_action, s.last_cluster_action_status) for s in (nothing, half, done)] == [
        ("Initializing", "Ongoing"),
        ("Initializing", "Ongoing"),
        ("Initializing", "Done"),
    ]
    assert half.cassandra_rack_status["dc1-rack0"].phase == "Running"
    last = done.cassandra_rack_status["dc1-rack1"].cassandra_last_action
    assert (last.start_time, last.end_time) == (NOW, LATER)
    assert [(s.ready_nodes, s.wanted_nodes) for s in (nothing, half, done)] == [(0, 2), (1, 2), (2, 2)]
    node = done.cassandra_node_status["demo-dc1-rack1-0"]
    assert (node.host_id, node.disk) == ("id-demo-dc1-rack1-0", "uid-demo-dc1-rack1-0")


def test_conditions_tell_the_story() -> None:
    """Ready turns true once, with the time at which it did; what is waited for is in Progressing."""
    want = desired((1,))
    joining = look(want, World(racks={"dc1-rack0": rack("joining")}, shared=want.shared), ClusterStatus())
    world = World(racks={"dc1-rack0": rack("member")}, shared=want.shared)
    done = look(want, world, joining, LATER)
    still = look(want, world, done, LATER + dt.timedelta(hours=1))

    assert condition(joining, "Ready").status == "False"
    assert condition(joining, "Progressing").status == "True"
    assert "demo-dc1-rack0-0 starts and joins" in condition(joining, "Progressing").message
    assert condition(done, "Ready").status == "True"
    assert condition(done, "Ready").last_transition_time == LATER
    assert condition(done, "Progressing").reason == "Converged"
    assert condition(done, "Degraded").status == "False"
    assert still == done


def test_a_pod_that_cannot_start_is_named_in_degraded() -> None:
    """What keeps a pod from starting is in Degraded, with the field to look at."""
    want = desired((1,), template="bad")
    world = World(
        racks={"dc1-rack0": rack("pending", template="bad")},
        shared=want.shared,
        broken=frozenset({"bad"}),
    )

    seen = look(want, world, ClusterStatus())

    assert condition(seen, "Degraded").status == "True"
    assert condition(seen, "Degraded").reason == "ContainerCrashes"
    assert "spec.config" in condition(seen, "Degraded").message
    assert condition(seen, "Progressing").status == "False"


def test_a_node_that_was_a_member_and_is_down_is_degraded() -> None:
    """A cluster that has run and loses a node says which, and goes to Pending as CassKop's does."""
    want = desired((1,))
    world = World(racks={"dc1-rack0": rack("member")}, shared=want.shared)
    done = look(want, world, ClusterStatus())
    down = World(racks={"dc1-rack0": rack("joining")}, shared=want.shared)
    observed = attrs.evolve(down.observed(want), joined=frozenset({"demo-dc1-rack0-0"}))
    actions = plan(want, observed)

    found = {f.type: f for f in conditions.findings(want, observed, actions)}
    after = status(done, want, observed, actions)

    assert found["Degraded"].reason == "NodesDown"
    assert "demo-dc1-rack0-0" in found["Degraded"].message
    assert not found["Ready"].status
    assert after.phase == "Pending"
    assert after.last_cluster_action_status == "Done"
    assert "demo-dc1-rack0-0" in after.cassandra_node_status


def test_growth_after_creation_is_a_scale_up() -> None:
    """A rack that has run and gets more nodes shows ScaleUp, from Ongoing to Done."""
    small, large = desired((1,)), desired((2,))
    one = World(racks={"dc1-rack0": rack("member")}, shared=small.shared)
    done = look(small, one, ClusterStatus())
    asked = look(large, one, done)
    grown = look(
        large, World(racks={"dc1-rack0": rack("member", "member")}, shared=large.shared), asked, LATER
    )

    assert (asked.last_cluster_action, asked.last_cluster_action_status) == ("ScaleUp", "Ongoing")
    assert (grown.last_cluster_action, grown.last_cluster_action_status) == ("ScaleUp", "Done")


def test_a_rack_whose_turn_to_grow_has_yet_to_come_runs() -> None:
    """It is Running, with ScaleUp to do, while another one grows, and Pending from its own turn on."""
    small, large = desired((1, 1)), desired((2, 2))
    running = look(small, rolled(rack("member"), rack("member")), ClusterStatus())

    def racks(of: ClusterStatus) -> list[tuple[str | None, str | None, str | None]]:
        both = [of.cassandra_rack_status[f"dc1-rack{i}"] for i in (0, 1)]
        return [(r.phase, r.cassandra_last_action.name, r.cassandra_last_action.status) for r in both]

    first = look(large, rolled(rack("member"), rack("member")), running)
    second = look(large, rolled(rack("member", "member"), rack("member")), first, LATER)

    assert racks(first) == [("Pending", "ScaleUp", "Ongoing"), ("Running", "ScaleUp", "ToDo")]
    assert (first.phase, first.last_cluster_action_status) == ("Pending", "Ongoing")
    assert racks(second) == [("Running", "ScaleUp", "Done"), ("Pending", "ScaleUp", "Ongoing")]


def test_a_note_on_a_statefulset_is_no_update() -> None:
    """What is written beside the template, such as that a restart was seen, did nothing to nodes."""
    want, world = desired((1,)), rolled(rack("member"))
    done = look(want, world, ClusterStatus())

    def after(drift: str) -> ClusterStatus:
        observed = world.observed(want)
        have = observed.racks["dc1-rack0"]
        assert have.statefulset is not None
        edited = attrs.evolve(have, statefulset=attrs.evolve(have.statefulset, drift=(drift,)))
        seen = attrs.evolve(observed, racks={"dc1-rack0": edited})
        return status(done, want, seen, plan(want, seen))

    noted, undone = after("metadata.annotations[x]"), after("spec.template.spec.containers")

    assert noted.cassandra_rack_status == done.cassandra_rack_status
    assert (undone.last_cluster_action, undone.last_cluster_action_status) == ("UpdateStatefulSet", "Ongoing")


def test_growth_that_nobody_watched_is_a_scale_up() -> None:
    """Who asked for it lost the lease, and its successor finds the node a member already: it is told of."""
    large = desired((2,))
    done = look(
        desired((1,)), World(racks={"dc1-rack0": rack("member")}, shared=large.shared), ClusterStatus()
    )
    world = World(racks={"dc1-rack0": rack("member", "member")}, shared=large.shared)
    seen = look(large, world, done, LATER)
    ended = look(large, world, seen, LATER)

    assert (seen.last_cluster_action, seen.last_cluster_action_status) == ("ScaleUp", "Ongoing")
    assert (ended.last_cluster_action, ended.last_cluster_action_status) == ("ScaleUp", "Done")
    # Its cleanup is still offered: that is another matter.
    assert look(large, world, ended, LATER).cassandra_rack_status == ended.cassandra_rack_status


def test_a_member_that_goes_down_before_it_was_told_of_changes_nothing_for_ever() -> None:
    """Status comes to rest although a node is on record that it has never named."""
    small = desired((1,))
    done = look(small, World(racks={"dc1-rack0": rack("member")}, shared=small.shared), ClusterStatus())
    down = World(racks={"dc1-rack0": rack("member", "joining")}, shared=small.shared)
    observed = attrs.evolve(down.observed(small), joined=frozenset({"demo-dc1-rack0-0", "demo-dc1-rack0-1"}))

    seen = status(done, small, observed, ())

    assert status(seen, small, observed, ()) == seen


def rolled(*racks: RackModel) -> World:
    """Return a world with these racks, whose nodes have all been members."""
    models = {f"dc1-rack{i}": model for i, model in enumerate(racks)}
    joined = frozenset((name, i) for name, model in models.items() for i in range(model.replicas))
    return World(racks=models, shared=desired((1,)).shared, joined=joined)


def changing(sizes: tuple[int, ...], change: str, **more: Any) -> Desired:
    """Return a wish for template `t2` in which *change* is the name of what differs."""
    want = desired(sizes, template="t2", **more)
    return attrs.evolve(want, racks=tuple(attrs.evolve(r, change=change) for r in want.racks))


def test_a_change_is_under_way_rack_by_rack() -> None:
    """Each rack begins when its template is stored and ends when its nodes run with it; so the cluster."""
    old = ClusterStatus()
    running = look(desired((1, 1)), rolled(rack("member"), rack("member")), old)
    want = changing((1, 1), "UpdateDockerImage")
    begun = look(want, rolled(rack("member"), rack("member")), running)
    mixed = RackModel(replicas=1, template="t2", stages=("absent",), templates=("t1",))
    down = look(desired((1, 1), template="t2"), rolled(mixed, rack("member")), begun)
    first = look(want, rolled(rack("member", template="t2"), rack("member")), down, LATER)
    done = look(
        desired((1, 1), template="t2"),
        rolled(rack("member", template="t2"), rack("member", template="t2")),
        first,
        LATER,
    )

    def actions(of: ClusterStatus) -> list[tuple[str | None, str | None]]:
        racks = [of.cassandra_rack_status[f"dc1-rack{i}"].cassandra_last_action for i in (0, 1)]
        return [(a.name, a.status) for a in racks]

    assert actions(begun) == [("UpdateDockerImage", "Ongoing"), ("Initializing", "Done")]
    assert down.phase == "Pending"
    assert condition(down, "Degraded").status == "False"
    assert actions(first) == [("UpdateDockerImage", "Done"), ("UpdateDockerImage", "Ongoing")]
    assert actions(done) == [("UpdateDockerImage", "Done"), ("UpdateDockerImage", "Done")]
    assert (done.last_cluster_action, done.last_cluster_action_status) == ("UpdateDockerImage", "Done")
    assert (done.phase, condition(done, "Progressing").reason) == ("Running", "Converged")
    ended = done.cassandra_rack_status["dc1-rack1"].cassandra_last_action
    assert (ended.start_time, ended.end_time) == (LATER, LATER)


def test_a_change_is_not_done_before_kubernetes_has_seen_it() -> None:
    """Trap 21: right after the write no pod is outdated: the newest revision is still the old one."""
    running = look(desired((1,)), rolled(rack("member")), ClusterStatus())
    begun = look(changing((1,), "UpdateDockerImage"), rolled(rack("member")), running)
    want = desired((1,), template="t2")
    seen = rolled(rack("member", template="t2")).observed(want)
    have = seen.racks["dc1-rack0"]
    assert have.statefulset is not None
    fresh = attrs.evolve(have, statefulset=attrs.evolve(have.statefulset, generation=2))

    unseen = status(begun, want, attrs.evolve(seen, racks={"dc1-rack0": fresh}), ())

    assert unseen.last_cluster_action == "UpdateDockerImage"
    assert unseen.last_cluster_action_status == "Ongoing"
    assert status(begun, want, seen, ()).last_cluster_action_status == "Done"


def test_a_change_that_has_to_wait_is_to_do_and_not_done() -> None:
    """While something keeps the next rack from its turn, the cluster does not say that all is done."""
    both = rolled(rack("member", template="t2"), rack("member"))
    old = look(desired((1, 1)), rolled(rack("member"), rack("member")), ClusterStatus())
    want = desired((1, 1), template="t2")
    second = attrs.evolve(want.racks[1], change="UpdateDockerImage")
    want = attrs.evolve(want, racks=(want.racks[0], second))

    waits = status(old, want, both.observed(want), ())
    undone = status(waits, desired((1, 1)), rolled(rack("member"), rack("member")).observed(want), ())

    assert (waits.phase, waits.last_cluster_action) == ("Running", "UpdateDockerImage")
    assert waits.last_cluster_action_status == "ToDo"
    assert undone.last_cluster_action_status == "Done"


def test_new_resources_leave_a_node_that_leaves_to_its_rack() -> None:
    """Trap 10: they are to do elsewhere meanwhile, and what is under way is not forgotten for them."""
    world = rolled(rack("member", "member"), rack("member"))
    before = look(desired((2, 1)), world, ClusterStatus())
    last = PodLastOperation(name="decommission", status="Ongoing", pods=("demo-dc1-rack0-1",))
    leaving = attrs.evolve(before.cassandra_rack_status["dc1-rack0"], pod_last_operation=last)
    before = attrs.evolve(
        before, cassandra_rack_status={**before.cassandra_rack_status, "dc1-rack0": leaving}
    )
    want = changing((1, 1), "UpdateResources")
    observed = attrs.evolve(world.observed(want), leaving=Leaving(rack="dc1-rack0", pod="demo-dc1-rack0-1"))

    now = status(before, want, observed, ())

    racks = now.cassandra_rack_status
    assert racks["dc1-rack0"].pod_last_operation == last
    assert racks["dc1-rack0"].cassandra_last_action.name == "ScaleDown"
    assert racks["dc1-rack1"].cassandra_last_action.name == "UpdateResources"
    assert (now.last_cluster_action, now.last_cluster_action_status) == ("ScaleDown", "Ongoing")


def test_a_scale_down_that_waits_is_to_do_until_it_begins_or_is_taken_back() -> None:
    """As CassKop has it, rack and node operation say so; meanwhile the rack serves."""
    world = rolled(rack("member", "member"), rack("member", "member"))
    running = look(desired((2, 2)), world, ClusterStatus())

    waits = look(desired((1, 2)), world, running)
    again = look(desired((1, 2)), world, waits, LATER)
    back = look(desired((2, 2)), world, again, LATER)

    shrinks = waits.cassandra_rack_status["dc1-rack0"]
    action = shrinks.cassandra_last_action
    assert (action.name, action.status) == ("ScaleDown", "ToDo")
    assert (shrinks.pod_last_operation.name, shrinks.pod_last_operation.status) == ("decommission", "ToDo")
    assert shrinks.phase == "Running"
    assert waits.cassandra_rack_status["dc1-rack1"] == running.cassandra_rack_status["dc1-rack1"]
    assert (waits.last_cluster_action, waits.last_cluster_action_status) == ("ScaleDown", "ToDo")
    assert not scaling_down(waits)
    # Its conditions are of another day, and nothing else is.
    assert again.cassandra_rack_status == waits.cassandra_rack_status
    ended = back.cassandra_rack_status["dc1-rack0"]
    assert (ended.cassandra_last_action.status, ended.pod_last_operation.status) == ("Done", "Done")
    assert back.last_cluster_action_status == "Done"


def test_a_scale_down_between_two_nodes_is_under_way() -> None:
    """A rack that has lost one of the nodes that are to leave does not go back to the beginning."""
    world = rolled(rack("member", "member"))
    before = look(desired((2,)), world, ClusterStatus())
    ongoing = attrs.evolve(
        before.cassandra_rack_status["dc1-rack0"],
        cassandra_last_action=LastAction(name="ScaleDown", status="Ongoing", start_time=NOW),
        pod_last_operation=PodLastOperation(
            name="decommission", status="Done", pods_ok=("demo-dc1-rack0-2",)
        ),
    )
    before = attrs.evolve(before, cassandra_rack_status={"dc1-rack0": ongoing})

    after = look(desired((1,)), world, before)

    assert after.cassandra_rack_status["dc1-rack0"] == ongoing
    assert scaling_down(after)


def degraded(observed: Observed, want: Desired, of: ClusterStatus | None = None) -> conditions.Finding:
    """Return Degraded for *observed*, with nothing planned."""
    (found,) = [f for f in conditions.findings(want, observed, (), status=of) if f.type == "Degraded"]
    return found


@pytest.mark.parametrize(("minutes", "bad"), [(-30, False), (5, False), (11, True)])
def test_a_pod_that_does_not_go_is_told_of(minutes: int, *, bad: bool) -> None:
    """Ten minutes after its time is over, with what to do if its machine is gone for good."""
    want = desired((2,))
    seen = rolled(rack("member", "member")).observed(want)
    have = seen.racks["dc1-rack0"]
    going = attrs.evolve(have.pods[1], terminating=True, gone_by=seen.now - dt.timedelta(minutes=minutes))
    seen = attrs.evolve(seen, racks={"dc1-rack0": attrs.evolve(have, pods=(have.pods[0], going))})

    found = degraded(seen, want)

    assert found.status is bad
    assert ("kubectl delete pod demo-dc1-rack0-1 --force" in found.message) is bad


def test_a_pod_that_is_never_made_is_told_of() -> None:
    """Ten minutes after it was restarted, or after it alone keeps all from serving."""
    want = desired((2,))
    seen = rolled(rack("member", "member")).observed(want)
    have = seen.racks["dc1-rack0"]
    seen = attrs.evolve(seen, racks={"dc1-rack0": attrs.evolve(have, pods=have.pods[:1])})
    early, late = (seen.now - dt.timedelta(minutes=minutes) for minutes in (11, 9))

    def restarted(since: dt.datetime) -> ClusterStatus:
        restart = NodeRestart(pod="demo-dc1-rack0-1", uid="u", since=since)
        return ClusterStatus(rollout=RollStatus(restarting=(restart,)))

    def unready(since: dt.datetime) -> ClusterStatus:
        ready = Condition(
            type="Ready",
            status="False",
            reason="NodesMissing",
            message="",
            observed_generation=1,
            last_transition_time=since,
        )
        return ClusterStatus(conditions=(ready,))

    for away in (restarted, unready):
        found = degraded(seen, want, away(early))
        assert found.status
        assert "demo-dc1-rack0-1 is not made" in found.message
        assert "kubectl describe statefulset demo-dc1-rack0" in found.message
        assert not degraded(seen, want, away(late)).status
    both = attrs.evolve(unready(early), rollout=restarted(late).rollout)
    assert not degraded(seen, want, both).status
    assert not degraded(seen, attrs.evolve(want, stopped=True), unready(early)).status


def test_new_resources_are_to_be_done_in_all_racks_at_once() -> None:
    """As CassKop has it, UpdateResources stands on every rack from the start; what is under way is told."""
    running = look(desired((1, 1)), rolled(rack("member"), rack("member")), ClusterStatus())
    begun = look(changing((1, 1), "UpdateResources"), rolled(rack("member"), rack("member")), running)

    waiting = begun.cassandra_rack_status["dc1-rack1"].cassandra_last_action
    assert (waiting.name, waiting.status) == ("UpdateResources", "ToDo")
    assert (begun.last_cluster_action, begun.last_cluster_action_status) == ("UpdateResources", "Ongoing")

    undone = look(desired((1, 1)), rolled(rack("member"), rack("member")), begun, LATER)
    assert undone.last_cluster_action_status == "Done"


def test_a_canary_that_waits_is_told_and_nothing_is_degraded() -> None:
    """With a partition the action stays under way, and Progressing names the field."""
    mixed = RackModel(replicas=2, template="t2", stages=("member",) * 2, templates=("t1", "t2"))
    want = desired((2,), template="t2", partitions={0: 1})
    running = look(desired((2,)), rolled(rack("member", "member")), ClusterStatus())

    seen = look(want, rolled(mixed), running)

    assert (seen.last_cluster_action, seen.last_cluster_action_status) == ("UpdateStatefulSet", "Ongoing")
    assert condition(seen, "Progressing").reason == "RollingPartition"
    assert "rollingPartition" in condition(seen, "Progressing").message
    assert condition(seen, "Degraded").status == "False"
    assert condition(seen, "Ready").status == "True"


def test_a_refused_spec_names_its_problems_and_what_happens_meanwhile() -> None:
    """All problems stand in one condition; Ready is left alone while the last accepted spec is at work."""
    fallback = conditions.refused(["spec.topology.dc[0].name: no dash"], fallback=True)
    alone = conditions.refused(["spec.topology.dc[0].name: no dash"], fallback=False)

    assert [f.type for f in fallback] == ["SpecAccepted"]
    assert "last accepted spec" in fallback[0].message
    assert [f.type for f in alone] == ["SpecAccepted", "Ready", "Progressing"]
    assert all("spec.topology.dc[0].name" in f.message for f in alone)


def test_a_foreign_condition_is_kept() -> None:
    """Conditions of other writers stay as they are, after ours."""
    foreign = Condition(type="Backed", status="True", reason="X", message="", last_transition_time=NOW)

    merged = conditions.merge([foreign], [conditions.accepted()], generation=2, now=LATER)

    assert [c.type for c in merged] == ["SpecAccepted", "Backed"]
    assert merged[1] == foreign
