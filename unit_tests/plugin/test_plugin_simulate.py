"""`simulate` plays a change on a model of the cluster: what it tells is what the cluster then does."""

from __future__ import annotations

from collections.abc import Mapping
import datetime as dt
import logging
from typing import Any

import attrs
import pytest
import structlog

from controller.domain.actions import Action, NoteLeaving, NoteResize, Write
from controller.kube.errors import ForbiddenError
from controller.kube.kinds import NODE, Kind
from controller.plugin.forecast import forecast, step_of
from controller.plugin.session import Object, Output, Session
from controller.plugin.surroundings import with_surroundings
from controller.plugin.world import World, read
from controller.runtime.store import Key
from e2e.providers.cluster import CLUSTERS, at_rest
from e2e.providers.sim import NAMESPACE, SimCluster
from e2e.providers.simulated import SimulatedCluster
from e2e.rehearsal import faults
from e2e.rehearsal.faults import FAULTS, Fault
from e2e.rehearsal.play import Player, Rehearsal
from e2e.samples import jolokia_secret, sample

NEW = "cassandra:5.0.9"


class Done:
    """Every action that an operator carried out, as the line of a history."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def decided(self, key: Key, actions: tuple[Action, ...]) -> None:
        """Let it pass."""

    def did(self, key: Key, action: Write | NoteLeaving | NoteResize) -> None:
        """Keep what was done."""
        step = step_of(action)
        self.lines.append(f"{step.action} {step.target}".rstrip())


class Stage:
    """A simulated ring of three racks that is at rest, the real thing of these tests.

    Its login is the user's, or without *jolokia* the operator's.
    """

    def __init__(self, *, jolokia: bool = True) -> None:
        structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
        self.done = Done()
        self.sim = SimCluster(seed=5, holds=True, trail=self.done)
        for letter in "abc":
            zone = {"topology.kubernetes.io/zone": f"zone-{letter}"}
            self.sim.controllers.nodes.add(f"node-{letter}2", labels=zone)
        self.cluster = SimulatedCluster(self.sim)
        obj = sample("demo")
        if not jolokia:
            del obj["spec"]["imageJolokiaSecret"]
        self.cluster.apply(jolokia_secret(), obj)
        self.session = Session(transport=self.sim.transport, namespace=NAMESPACE, out=Output())
        self.converge()

    def converge(self) -> list[str]:
        """Let time pass until all is done, and return what that was."""

        def rests() -> bool:
            return at_rest(self.cluster.get(CLUSTERS, "demo"))

        self.cluster.eventually(rests, seconds=1500, what="at rest")
        self.sim.run(60)
        self.cluster.eventually(rests, seconds=1500, what="at rest for good")
        lines, self.done.lines = self.done.lines, []
        return lines

    def world(self) -> World:
        """Return the cluster as the plugin reads it."""
        return with_surroundings(self.session, read(self.session, self.cluster.get(CLUSTERS, "demo")))

    def play(self, spec: Mapping[str, Any], *wrong: str, seed: int = 0) -> Rehearsal:
        """Play the change of the live spec by *spec*."""
        world = self.world()
        wanted = {**world.cluster, "spec": {**world.cluster["spec"], **spec}}
        return played(world, wanted, *wrong, now=self.sim.simulation.now, seed=seed)


def played(world: World, wanted: Object, *wrong: str, now: float, seed: int = 0) -> Rehearsal:
    """Play *wanted* on *world*."""
    given = tuple(faults.parse(text) for text in wrong)
    return Player(world, wanted, exists=True, now=now, faults=given, seed=seed).play()


def steps(found: Rehearsal) -> list[str]:
    """Return what was done."""
    return [entry.what for entry in found.history if entry.kind == "step"]


@pytest.fixture
def stage() -> Stage:
    """A ring at rest, for one test."""
    return Stage()


@pytest.fixture(scope="module")
def still() -> Stage:
    """The same for tests that only look."""
    return Stage()


EDITS: dict[str, list[dict[str, Any]]] = {
    "roll": [{"cassandraImage": NEW}],
    "grow and leave": [{"nodesPerRacks": 2}, {"nodesPerRacks": 1}],
    "stop and start": [{"stopped": True}, {"stopped": False, "cassandraImage": NEW}],
    "volumes": [{"dataCapacity": "5Gi"}],
}


@pytest.mark.parametrize("case", sorted(EDITS))
def test_the_cluster_then_does_what_was_played(case: str, stage: Stage) -> None:
    """The same actions in the same order, joins and departures of nodes, from the state of each moment."""
    for spec in EDITS[case]:
        found = stage.play(spec)

        stage.cluster.patch(CLUSTERS, "demo", {"spec": spec})
        if spec.get("stopped"):
            stage.sim.run(60)
            happened, stage.done.lines = stage.done.lines, []
        else:
            happened = stage.converge()

        assert steps(found) == happened != []
        assert found.good, found.end
        assert not found.broken


def test_what_happened_is_told(still: Stage) -> None:
    """Who restarted and why, in order of time, and how many nodes were down at once."""
    found = still.play({"cassandraImage": NEW})

    assert sorted(found.restarted) == [f"demo-dc1-rack{n}-0" for n in (1, 2, 3)]
    assert (found.joined, found.left, found.most_down) == ((), (), 1)
    times = [entry.at for entry in found.history]
    assert times == sorted(times)
    assert found.seconds == times[-1] > 30
    reasons = [e.why for e in found.history if e.what.startswith("RestartPod")]
    assert all("LOCAL_QUORUM holds without" in why for why in reasons)
    waits = [e for e in found.history if e.kind == "wait"]
    assert waits
    assert all(e.why for e in waits)


def test_the_same_seed_gives_the_same_history(still: Stage) -> None:
    """To the line and the tenth of a second; nothing of the real cluster is written for it."""
    before = still.sim.server.store.version

    found = [still.play({"nodesPerRacks": 2}, seed=7) for _ in range(2)]

    assert found[0] == found[1]
    assert still.sim.server.store.version == before


def test_nothing_wanted_is_nothing_done(still: Stage) -> None:
    """A model of a cluster at rest is at rest: the operator sees no reason to do anything."""
    found = still.play({})

    assert found.history == ()
    assert found.good


ENDS: dict[str, tuple[bool, str]] = {
    "kill-operator": (True, "the operator is killed right after its"),
    "kill-operator:5": (True, "the operator is killed right after its"),
    "lose-answer": (True, "the answer to the operator's"),
    "lose-answer:4": (True, "the answer to the operator's"),
    "mute:demo-dc1-rack2-0": (True, "the operator gets no answer from demo-dc1-rack2-0"),
    "node-reboot:node-b": (True, "Kubernetes node node-b loses its power"),
    "node-loss:node-b": (False, "Kubernetes node node-b loses its power"),
    "bad-image": (False, "no registry has the image that is asked for"),
}


@pytest.mark.parametrize("fault", sorted(ENDS))
def test_each_fault(fault: str, still: Stage) -> None:
    """What breaks is in the history; faults that pass end well, and no invariant is broken by any."""
    good, text = ENDS[fault]

    found = still.play({"cassandraImage": NEW}, fault)

    assert any(text in entry.what for entry in found.history if entry.kind == "fault")
    assert found.good == good, found.end
    assert found.broken == ()
    assert found.most_down == 1
    assert bool(found.waits) != good


def test_every_fault_is_played() -> None:
    """None of the words that the command line takes is without a test."""
    assert {name.partition(":")[0] for name in ENDS} == set(FAULTS)


def test_a_killed_operator_in_reality_does_the_same(stage: Stage) -> None:
    """With the operator killed at the same write, the cluster does what was played with that fault."""
    found = stage.play({"cassandraImage": NEW}, "kill-operator:2")
    stage.cluster.patch(CLUSTERS, "demo", {"spec": {"cassandraImage": NEW}})
    stage.cluster.eventually(
        lambda: any(line.startswith("ApplyStatefulSet") for line in stage.done.lines),
        seconds=30,
        what="a write",
    )
    stage.cluster.kill_operator()

    happened = stage.converge()
    restarts = [line for line in happened if line.startswith("RestartPod")]
    assert [line for line in steps(found) if line.startswith("RestartPod")] == restarts
    assert len(restarts) == 3


def test_a_bad_change_is_refused(still: Stage) -> None:
    """What the operator refuses is told with its path, and nothing happens."""
    found = still.play({"dataCapacity": "1.2.3Gi"})

    assert not found.good
    assert "spec.dataCapacity" in found.refused[0]
    assert steps(found) == []


def test_a_held_change_waits(still: Stage) -> None:
    """What waits for somebody is at the end, with the field that ends it."""
    found = still.play({"topology": {"dc": [{"name": "dc9", "rack": [{"name": "rack1"}]}]}})

    assert not found.good
    assert "spec.topology" in " ".join(found.refused + tuple(str(w["ends"]) for w in found.waits))


class Blind(Session):
    """A user who may not see Kubernetes nodes and volumes."""

    def cluster_wide(self, kind: Kind) -> list[Object]:
        """Refuse."""
        raise ForbiddenError(f"{kind.plural} is forbidden")


def test_without_a_right_to_see_nodes(still: Stage) -> None:
    """Nodes are made up, which is said, and the change is played all the same."""
    session = Blind(transport=still.sim.transport, namespace=NAMESPACE, out=Output())
    world = with_surroundings(session, read(session, still.cluster.get(CLUSTERS, "demo")))
    wanted = {**world.cluster, "spec": {**world.cluster["spec"], "nodesPerRacks": 2}}

    found = played(world, wanted, now=still.sim.simulation.now)

    assert NODE.plural in world.unread
    assert found.good, found.end
    assert sorted(found.joined) == [f"demo-dc1-rack{n}-1" for n in (1, 2, 3)]
    assert any("Kubernetes nodes enough" in text for text in found.assumed)


@pytest.mark.parametrize("named", [True, False])
def test_without_a_right_to_see_secrets(named: bool) -> None:  # noqa: FBT001 -- a case of the table
    """A login is supposed to be there, the user's or a generated one, and nobody restarts for it."""
    stage = Stage(jolokia=named)
    world = stage.world()
    objects = {plural: found for plural, found in world.objects.items() if plural != "secrets"}
    world = attrs.evolve(world, objects=objects, unread={"secrets": "forbidden"})

    found = played(world, world.cluster, now=stage.sim.simulation.now)

    assert found.good, found.end
    assert found.history == ()
    assert any("with a login" in text for text in found.assumed)


def test_a_cluster_in_trouble_goes_on_from_there(stage: Stage) -> None:
    """A Kubernetes node that is lost stays so, its member is known to be down, and none restarts."""
    stage.sim.controllers.nodes.power_off("node-b")
    stage.sim.run(90)

    found = stage.play({"cassandraImage": NEW})

    assert not found.good
    assert found.restarted == ()
    assert found.most_down == 1
    assert not any(line.startswith("RestartPod") for line in steps(found))
    assert any("start anew" in text for text in found.assumed)


def test_faults_are_written_as_they_are_read() -> None:
    """A fault is told by the word with which it can be asked for again."""
    for text in ENDS:
        assert str(faults.parse(text)) == text
    assert faults.parse("mute:p") == Fault(name="mute", about="p")


def test_time_goes_on_from_a_bundle(still: Stage) -> None:
    """A bundle is played from the moment at which it was taken, whenever that was."""
    taken = dt.datetime(2026, 6, 1, tzinfo=dt.UTC).timestamp()
    world = attrs.evolve(still.world(), taken=taken)

    player = Player(world, world.cluster, exists=True, now=taken + 1e6)

    assert player.now == taken


@pytest.mark.parametrize(
    "fault", ["", "kill-operator", "kill-operator:4", "lose-answer", "lose-answer:4", "mute:demo-dc1-rack2-0"]
)
@pytest.mark.parametrize("edit", ["roll", "data centre"])
def test_what_befalls_the_operator_changes_nothing(edit: str, fault: str, still: Stage) -> None:
    """The steps are those that `plan` foretells, and nobody restarts twice.

    The one that it died at, or heard no answer to, stands in the line of that fault alone.
    """
    world = still.world()
    topology = world.cluster["spec"]["topology"]
    more = {"dc": [*topology["dc"], {"name": "dc2", "nodesPerRacks": 1, "rack": [{"name": "rack1"}]}]}
    edits: dict[str, Object] = {"roll": {"cassandraImage": NEW}, "data centre": {"topology": more}}
    spec = edits[edit]
    metadata = {**world.cluster["metadata"], "generation": world.cluster["metadata"]["generation"] + 1}
    wanted = {**world.cluster, "spec": {**world.cluster["spec"], **spec}, "metadata": metadata}
    now = dt.datetime.fromtimestamp(still.sim.simulation.now, dt.UTC)
    told = [
        f"{step.action} {step.target}".rstrip()
        for step in forecast(attrs.evolve(world, cluster=wanted), now).steps
    ]

    found = still.play(spec, *([fault] if fault else []))

    done = []
    for entry in found.history:
        if entry.kind == "step":
            done.append(entry.what)
        elif entry.kind == "fault" and ", at " in entry.what:
            done.append(entry.what.partition(", at ")[2])
    # What was done, and not heard of, is not always done again.
    assert list(dict.fromkeys(done)) == list(dict.fromkeys(told))
    assert len(set(found.restarted)) == len(found.restarted)
    assert found.good, found.end
