"""Rolling changes with the operator in a simulated Kubernetes and a simulated ring."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import attrs
import httpx
import pytest

from controller.kube import kinds
from e2e.providers.sim import SimCluster
from e2e.providers.sim_tap import NoTap, Tap
from e2e.simcassandra.faults import Kind
from e2e.simcassandra.modes import Mode
from e2e.simcassandra.pace import RingPace
from e2e.simcassandra.tokens import Layout, NetworkTopology, replicas
from e2e.simcontrollers.images import Images
from e2e.simcontrollers.pace import Pace
from unit_tests.executors.stage import Json
from unit_tests.reconcile.simulated import address, pods, ready, small, wait

OLD, NEW, BAD = "cassandra:5.0.8", "cassandra:5.0.9", "registry.example.com/cassandra:nowhere"
STAMP = "2025-12-30T12:00:00Z"


def racks(number: int, **each: Any) -> Json:
    """Return a topology of one data centre with so many racks."""
    return {"dc": [{"name": "dc1", "rack": [{"name": f"rack{i + 1}", **each} for i in range(number)]}]}


def world_of(
    number: int = 3, *, pace: Pace | None = None, holds: bool = False, tap: Tap | None = None, **spec: Any
) -> SimCluster:
    """Return a world with a Ready cluster of *number* racks, at rest; *holds*: long calls are listened to."""
    world = SimCluster(images=Images(unknown=[BAD]), pace=pace, holds=holds, tap=tap)
    world.apply(small(**{"topology": racks(number), "cassandraImage": OLD, **spec}))
    ready(world, seconds=900)
    world.run(15)
    return world


class Wall(NoTap):
    """The operator's network, in which nothing comes through to *behind*."""

    def __init__(self) -> None:
        self.behind: set[str] = set()

    def asking(self, life: int, host: str) -> None:
        """Let it pass, or not."""
        if host in self.behind:
            raise httpx.ConnectTimeout(f"life {life} does not reach {host}")


@attrs.define
class Watch:
    """What a roll has cost so far: who was made anew, and how many nodes were down at most."""

    world: SimCluster
    before: dict[str, str] = attrs.field()
    most_down: int = 0
    checks: list[Callable[[], None]] = attrs.field(factory=list)

    @before.default
    def _pods(self) -> dict[str, str]:
        return pods(self.world)

    def look(self) -> None:
        """Count the nodes that do not serve, and check what has to hold."""
        serving = [
            n for n in self.world.controllers.ring.nodes() if n.mode is Mode.NORMAL and n.native_transport
        ]
        self.most_down = max(self.most_down, len(self.before) - len(serving))
        for check in self.checks:
            check()

    def until(self, probe: Callable[[], bool], *, seconds: float = 400, what: str = "it is done") -> None:
        """Let time pass until *probe*, looking at each step."""
        # A look each quarter of a second, and a question each second: an answer costs more.
        for _ in range(int(seconds)):
            if probe():
                return
            for _ in range(4):
                self.world.run(0.25)
                self.look()
        raise AssertionError(f"{what}: not within {seconds:g} simulated seconds")

    def done(self, *, seconds: float = 400) -> None:
        """Let time pass until the newest spec is carried out, and a little more."""
        self.until(lambda: converged(self.world), seconds=seconds, what="the roll is over")
        self.world.run(10)
        assert converged(self.world)

    def restarted(self) -> set[str]:
        """Return the pods that are not the ones they were."""
        now = pods(self.world)
        return {name for name, uid in self.before.items() if now.get(name) != uid}


def converged(world: SimCluster) -> bool:
    """Tell whether the newest spec is carried out and every node serves."""
    generation = world.cluster("cc")["metadata"]["generation"]
    conditions = [world.condition("cc", kind) for kind in ("Ready", "Progressing")]
    fresh = all(c.get("observedGeneration") == generation for c in conditions)
    return fresh and [(c["status"], c["reason"]) for c in conditions] == [
        ("True", "AllNodesServe"),
        ("False", "Converged"),
    ]


def images(world: SimCluster) -> set[str]:
    """Return the images that Cassandra runs from."""
    items = world.client.list_page(kinds.POD, "cassandra").items
    return {c["image"] for pod in items for c in pod["spec"]["containers"] if c["name"] == "cassandra"}


def last_action(world: SimCluster) -> tuple[str, str, str]:
    """Return the cluster's phase, last action and its status."""
    status = world.cluster("cc")["status"]
    return status["phase"], status["lastClusterAction"], status["lastClusterActionStatus"]


def events(world: SimCluster, reason: str) -> list[str]:
    """Return the notes of the events with *reason*, oldest first."""
    items = world.client.list_page(kinds.EVENT, "cassandra").items
    return [e["note"] for e in items if e.get("reason") == reason]


def test_an_image_is_rolled_one_node_at_a_time() -> None:
    """Each node restarts once, one is down at most, and status, events and phases tell of it."""
    world = world_of()
    roll = Watch(world)
    seen: list[tuple[str, str, str]] = []
    roll.checks.append(lambda: seen.append(last_action(world)))

    world.edit("cc", {"cassandraImage": NEW})
    roll.done()

    assert roll.restarted() == set(roll.before)
    assert roll.most_down == 1
    assert images(world) == {NEW}
    told = [state[1:] for state in seen if state[1] != "Initializing"]
    assert list(dict.fromkeys(told)) == [("UpdateDockerImage", "Ongoing"), ("UpdateDockerImage", "Done")]
    assert ("Pending", "UpdateDockerImage", "Ongoing") in seen
    notes = events(world, "RestartPod")
    assert [note.split()[0] for note in notes] == [f"cc-dc1-rack{i}-0" for i in (1, 2, 3)]
    assert all("not covered: system_auth (1 replica)" in note for note in notes)
    assert not events(world, "NodesDown")


def test_nodes_are_drained_and_keep_their_data() -> None:
    """A restarted node is the same member of the ring: no new host ids, no second ring."""
    world = world_of(2)
    before = world.cluster("cc")["status"]["cassandraNodeStatus"]

    world.edit("cc", {"cassandraImage": NEW})
    Watch(world).done()

    after = world.cluster("cc")["status"]["cassandraNodeStatus"]
    assert {p: n["hostId"] for p, n in after.items()} == {p: n["hostId"] for p, n in before.items()}
    assert len(world.controllers.ring.rings()) == 1


def test_a_bad_image_costs_one_node_and_the_old_one_heals_it() -> None:
    """It stops after the first pod with the registry's words, and going back needs no unlocking."""
    world = world_of(3, nodesPerRacks=2)
    roll = Watch(world)

    world.edit("cc", {"cassandraImage": BAD})
    found = wait(world, "cc", "Degraded", "True")
    roll.look()
    world.run(120)
    roll.look()

    assert found["reason"] == "ImageCannotBePulled"
    assert BAD in found["message"]
    assert "spec.cassandraImage" in found["message"]
    assert len(roll.restarted()) == 1
    assert roll.most_down == 1
    (victim,) = roll.restarted()

    world.edit("cc", {"cassandraImage": OLD})
    roll.done(seconds=60)

    assert roll.restarted() == {victim}
    assert images(world) == {OLD}
    assert last_action(world)[0] == "Running"


def test_a_bad_image_is_followed_by_a_good_one() -> None:
    """Any corrective edit will do, and is carried out from the broken node on."""
    world = world_of(2)
    roll = Watch(world)
    world.edit("cc", {"cassandraImage": BAD})
    wait(world, "cc", "Degraded", "True")

    world.edit("cc", {"cassandraImage": NEW})
    roll.done()

    assert images(world) == {NEW}
    assert roll.most_down == 1


def test_one_node_can_be_repaired_by_an_edit() -> None:
    """With a single node there is nobody to ask, and a corrective edit is carried out all the same."""
    world = world_of(1)
    world.edit("cc", {"cassandraImage": BAD})
    wait(world, "cc", "Degraded", "True")

    world.edit("cc", {"cassandraImage": NEW})
    Watch(world).done()

    assert images(world) == {NEW}


def test_several_changes_cost_one_restart() -> None:
    """Edits that come together, or before the first restart, are one roll."""
    world = world_of(2)
    roll = Watch(world)
    world.edit("cc", {"cassandraImage": NEW, "pod": {"annotations": {"team": "data"}}})
    world.edit("cc", {"envVars": [{"name": "A", "value": "b"}]})

    roll.done()

    assert roll.restarted() == set(roll.before)
    assert len(events(world, "RestartPod")) == 2


@pytest.mark.parametrize(
    "spec",
    [
        {"maxPodUnavailable": 2},
        {"service": {"annotations": {"a": "b"}}},
        {"rollout": {"strategy": "RackAtOnce"}},
        {"autoPilot": True},
        {"topology": racks(2, rollingPartition=1)},
    ],
)
def test_what_concerns_no_pod_restarts_none(spec: Json) -> None:
    """Budget, Services and how rolls are done are changed without a restart."""
    world = world_of(2)
    roll = Watch(world)

    world.edit("cc", spec)
    roll.done()
    world.run(60)

    assert roll.restarted() == set()


@pytest.mark.parametrize(
    ("spec", "action"),
    [
        ({"resources": {"limits": {"cpu": "1", "memory": "1Gi"}}}, "UpdateResources"),
        ({"configMapName": "scripts"}, "UpdateConfigMap"),
        ({"config": {"cassandra-yaml": {"concurrent_reads": 16}}}, "UpdateStatefulSet"),
        ({"restartedAt": STAMP}, "RollingRestart"),
    ],
)
def test_actions_have_casskops_names(spec: Json, action: str) -> None:
    """Status names what was changed."""
    world = world_of(2)
    world.post(
        "/api/v1/namespaces/cassandra/configmaps",
        {"metadata": {"name": "scripts"}, "data": {"pre_run.sh": "true"}},
    )
    roll = Watch(world)

    world.edit("cc", spec)
    roll.until(lambda: last_action(world)[1:] == (action, "Ongoing"), what=f"{action} is under way")
    roll.done()

    assert last_action(world) == ("Running", action, "Done")
    assert roll.restarted() == set(roll.before)


def test_a_config_map_that_changes_restarts_its_pods() -> None:
    """Its content counts as well as its name; the same content written again does not."""
    world = world_of(1)
    path = "/api/v1/namespaces/cassandra/configmaps"
    made = world.post(path, {"metadata": {"name": "scripts"}, "data": {"pre_run.sh": "true"}})
    world.edit("cc", {"configMapName": "scripts"})
    Watch(world).done()

    roll = Watch(world)
    world.client.merge_patch(
        kinds.CONFIG_MAP,
        "cassandra",
        "scripts",
        {"metadata": {"labels": {"a": "b"}}},
        uid=made["metadata"]["uid"],
    )
    world.run(30)
    assert roll.restarted() == set()

    world.client.merge_patch(
        kinds.CONFIG_MAP,
        "cassandra",
        "scripts",
        {"data": {"pre_run.sh": "false"}},
        uid=made["metadata"]["uid"],
    )
    roll.until(lambda: not converged(world), seconds=30, what="it is noticed")
    roll.done()
    assert roll.restarted() == set(roll.before)


def test_a_rack_restarts_once_for_each_time_its_flag_is_set() -> None:
    """`rollingRestart` concerns its rack, fires when it becomes true, and the spec is not written."""
    world = world_of(2)
    flagged, plain = racks(2), racks(2)
    flagged["dc"][0]["rack"][1]["rollingRestart"] = True
    roll = Watch(world)

    world.edit("cc", {"topology": flagged})
    roll.done()
    assert roll.restarted() == {"cc-dc1-rack2-0"}
    assert last_action(world) == ("Running", "RollingRestart", "Done")

    world.kill_operator()
    world.run(60)
    again = Watch(world)
    assert again.restarted() == set()
    assert world.cluster("cc")["spec"]["topology"] == flagged

    world.edit("cc", {"topology": plain})
    again.done()
    assert again.restarted() == set()
    world.edit("cc", {"topology": flagged})
    again.done()
    assert again.restarted() == {"cc-dc1-rack2-0"}


def test_a_restart_can_be_kept_in_a_manifest() -> None:
    """`restartedAt` restarts what it stands on, once; an earlier one, or none, restarts nothing."""
    world = world_of(2)
    dated = racks(2)
    dated["dc"][0]["rack"][0]["restartedAt"] = STAMP

    roll = Watch(world)
    world.edit("cc", {"topology": dated})
    roll.done()
    assert roll.restarted() == {"cc-dc1-rack1-0"}

    roll = Watch(world)
    world.edit("cc", {"restartedAt": "2025-12-15T12:00:00Z"})
    roll.done()
    assert roll.restarted() == {"cc-dc1-rack2-0"}

    roll = Watch(world)
    world.edit("cc", {"restartedAt": None, "topology": racks(2)})
    roll.done()
    assert roll.restarted() == set()


def test_a_restart_that_is_asked_for_ahead_of_time_comes_then() -> None:
    """It is told until then, and keeps no other from being carried out: it may be a slip of the hand."""
    world = world_of(2)
    roll = Watch(world)
    far = "2026-01-01T01:00:00Z"
    world.edit("cc", {"restartedAt": far})
    world.run(30)

    found = world.condition("cc", "Progressing")
    assert (found["status"], found["reason"]) == ("False", "RestartAhead")
    assert found["message"].startswith(f"spec.restartedAt is {far}")
    assert world.condition("cc", "Degraded")["status"] == "False"
    assert roll.restarted() == set()

    dated = racks(2)
    dated["dc"][0]["rack"][0]["restartedAt"] = STAMP
    world.edit("cc", {"topology": dated})
    world.run(300)
    assert roll.restarted() == {"cc-dc1-rack1-0"}

    world.run(3600)
    assert roll.restarted() == {"cc-dc1-rack1-0", "cc-dc1-rack2-0"}
    assert converged(world)


def test_a_new_cluster_is_not_restarted_for_a_date_in_its_manifest() -> None:
    """A manifest that was restarted once makes new clusters without a restart."""
    flagged = racks(2, rollingRestart=True)
    world = world_of(2, topology=flagged, restartedAt=STAMP)
    roll = Watch(world)

    world.run(60)

    assert converged(world)
    assert roll.restarted() == set()


def quorum(world: SimCluster, keyspace: str) -> Callable[[], None]:
    """Return a check that every range of *keyspace* has two replicas of three up."""
    known: dict[tuple[object, ...], set[frozenset[str]]] = {}

    def held(layout: Layout) -> set[frozenset[str]]:
        """Return the sets of nodes that hold a range."""
        spread = NetworkTopology(factors={"dc1": 3})
        return {frozenset(replicas(layout, spread, end)) for _, end in layout.ranges()}

    def check() -> None:
        up = [n for n in world.controllers.ring.nodes() if n.mode is Mode.NORMAL and n.native_transport]
        view = up[0].view
        layout = view.layout()
        key = (layout.tokens, layout.owners)
        if key not in known:
            known[key] = held(layout)
        alive = {view.host_ids[n.address] for n in up if n.address in view.host_ids}
        for nodes in known[key]:
            assert sum(view.host_ids.get(address) in alive for address in nodes) >= 2, keyspace

    return check


def roll_of_six(pace: Pace, change: Json, **rollout: str) -> tuple[Watch, float]:
    """Roll *change* over three racks of two nodes with three replicas; return what it cost, and seconds."""
    world = world_of(3, pace=pace, nodesPerRacks=2, rollout=rollout)
    spread = NetworkTopology(factors={"dc1": 3})
    world.controllers.ring.create_keyspace("app", spread)
    world.controllers.ring.alter_keyspace("system_auth", spread)
    world.run(10)
    roll = Watch(world)
    roll.checks.append(quorum(world, "app"))
    began = world.simulation.now
    world.edit("cc", change)
    roll.until(lambda: len(roll.restarted()) == 6 and converged(world), seconds=900)
    return roll, world.simulation.now - began


SHORT, LONG = RingPace().settle, 45.0


@pytest.mark.parametrize(
    ("settle", "change", "bound"),
    [
        (SHORT, {"cassandraImage": NEW}, 1.4),
        (LONG, {"cassandraImage": NEW}, 1.15),
        (SHORT, {"restartedAt": STAMP}, 1.05),
    ],
)
def test_whole_racks_go_at_once_where_replicas_are_spread(settle: float, change: Json, bound: float) -> None:
    """RackAtOnce takes a rack's nodes together, and every range keeps its quorum all the time.

    It takes little longer than one restart a rack: only a new template is tried by one node alone.
    """
    pace = Pace(ring=RingPace(settle=settle))
    together, fast = roll_of_six(pace, change, strategy="RackAtOnce")
    alone, slow = roll_of_six(pace, change)

    assert together.restarted() == set(together.before)
    assert (together.most_down, alone.most_down) == (2, 1)
    assert any("these 2 nodes" in note for note in events(together.world, "RestartPod"))
    one = slow / 6
    assert fast / (3 * one) < bound


def test_a_lone_replica_keeps_racks_from_going_at_once() -> None:
    """A keyspace that cannot be kept is named, and the nodes go one after the other."""
    world = world_of(2, nodesPerRacks=2, rollout={"strategy": "RackAtOnce"})
    roll = Watch(world)

    world.edit("cc", {"cassandraImage": NEW})
    roll.done()

    assert roll.restarted() == set(roll.before)
    assert roll.most_down == 1


def test_a_node_that_is_down_holds_the_roll_until_it_is_back() -> None:
    """Nothing is restarted while another node is missed, and it goes on by itself afterwards."""
    world = world_of(3)
    world.controllers.ring.create_keyspace("app", NetworkTopology(factors={"dc1": 3}))
    hung, faults = address(world, "cc-dc1-rack3-0"), world.controllers.ring.faults
    faults.add(hung, Kind.HANG)
    world.run(1)
    roll = Watch(world)

    world.edit("cc", {"cassandraImage": NEW})
    world.run(12)

    assert roll.restarted() == set()
    assert "cc-dc1-rack3-0" in world.condition("cc", "Progressing")["message"]
    faults.clear(hung)
    roll.done()
    assert roll.restarted() == set(roll.before)
    assert roll.most_down == 1


@pytest.mark.parametrize("image", [OLD, "cassandra:5.0.10"])
def test_a_node_that_a_new_template_cuts_off_from_the_operator_gets_the_next_one(image: str) -> None:
    """It serves, and nobody hears from it: the roll stops and says what to do, and an edit corrects it."""
    wall = Wall()
    world = world_of(3, tap=wall)
    world.controllers.ring.create_keyspace("app", NetworkTopology(factors={"dc1": 3}))
    roll = Watch(world)
    world.edit("cc", {"cassandraImage": NEW})
    roll.until(lambda: bool(roll.restarted()))
    (victim,) = roll.restarted()
    # Its next pod has an address by then, and Cassandra has not started in it.
    roll.until(lambda: victim in pods(world))
    world.run(5)
    wall.behind.add(address(world, victim))
    world.run(120)
    assert roll.restarted() == {victim}
    assert f"kubectl delete pod {victim}" in world.condition("cc", "Progressing")["message"]

    world.edit("cc", {"cassandraImage": image})
    roll.done()

    assert images(world) == {image}
    assert roll.restarted() == ({victim} if image == OLD else set(roll.before))
    assert roll.most_down == 1


def test_another_login_is_rolled_although_no_node_takes_it_yet() -> None:
    """Nodes that refuse the operator's new login live: one after the other gets it, unproven as that is."""
    world = SimCluster()
    for name in ("old", "new"):
        data = {"username": "casskop", "password": f"the-{name}-password"}
        world.apply({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, "stringData": data})
    world.apply(small(topology=racks(3), imageJolokiaSecret={"name": "old"}))
    ready(world)
    world.run(15)
    roll = Watch(world)

    world.edit("cc", {"imageJolokiaSecret": {"name": "new"}})
    roll.done()

    assert roll.restarted() == set(roll.before)
    assert roll.most_down == 1
    assert "refuses the login" in events(world, "RestartPod")[0]


@pytest.mark.parametrize("stride", [1, 2, 3])
def test_an_operator_that_is_killed_again_and_again_gets_there(stride: int) -> None:
    """Each life does so many writes and dies: each node restarts once, and one is down at a time."""
    world = world_of(2)
    roll = Watch(world)

    def rearm() -> None:
        if world.kill_at_write is None or world.writes >= world.kill_at_write:
            world.kill_at_write = world.writes + stride

    roll.checks.append(rearm)
    world.edit("cc", {"cassandraImage": NEW})
    roll.until(lambda: images(world) == {NEW} and converged(world), seconds=900)

    assert roll.restarted() == set(roll.before)
    assert roll.most_down == 1
    restarts = [note.split()[0] for note in events(world, "RestartPod")]
    assert len(restarts) == len(set(restarts))
