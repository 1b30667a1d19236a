"""When controllers look, and what they know then: watches, lists, late answers and none."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from controller.domain.errors import TransientError
from controller.kube.transport import Request, Response
from e2e.simcontrollers.assembly import Controllers
from e2e.simcontrollers.loop import Notifying
from e2e.simcontrollers.objects import CONFIG_MAPS, PODS, SETS
from e2e.simcontrollers.pace import Pace
from e2e.simkube.api import ApiServer
from e2e.simkube.inprocess import InProcess
from e2e.simtime import Simulation
from unit_tests.simcontrollers.world import World, stateful_set


class Flaky:
    """A transport that gives no answer while it is told to."""

    def __init__(self, inner: InProcess) -> None:
        self._inner = inner
        self.silent = False
        self.requests = 0

    def send(self, request: Request) -> Response:
        """Send *request* on, unless silent."""
        self.requests += 1
        if self.silent:
            raise TransientError("no answer")
        return self._inner.send(request)

    def stream(self, request: Request, *, silence: float) -> Iterator[None]:
        """Nobody opens one here."""
        raise NotImplementedError


def bare(*, resync: float | None = None) -> tuple[Simulation, InProcess, Flaky, Controllers]:
    """Return a server without watches to poll: user's transport, controllers' transport, controllers."""
    simulation = Simulation()
    server = ApiServer(simulation)
    user = InProcess(server, agent="user")
    flaky = Flaky(InProcess(server, agent="controllers"))
    controllers = Controllers(flaky, simulation, pace=Pace(resync=resync))  # type: ignore[arg-type]  # never streamed
    for body in ({"metadata": {"name": "test"}},):
        user.send(Request(method="POST", path="/api/v1/namespaces", body=body))
    controllers.nodes.add("node-a")
    account = {"metadata": {"name": "default"}}
    user.send(Request(method="POST", path="/api/v1/namespaces/test/serviceaccounts", body=account))
    return simulation, user, flaky, controllers


def create_set(user: InProcess, replicas: int = 2) -> None:
    """Create a set of pods without probes."""
    spec = stateful_set(replicas, podManagementPolicy="Parallel")
    body = {"apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": {"name": "s"}, "spec": spec}
    answer = user.send(Request(method="POST", path=SETS.path("test"), body=body))
    assert answer.status == 201, answer.body


def pods(user: InProcess) -> int:
    """Return how many pods there are."""
    return len(user.send(Request(method="GET", path=PODS.path("test"))).body["items"])


def test_without_watches_everything_is_listed_anew() -> None:
    """Any transport will do; somebody has to say that there is something to look at."""
    simulation, user, _, controllers = bare()
    simulation.run_until(simulation.now + 10)
    create_set(user)
    simulation.run_until(simulation.now + 60)
    assert pods(user) == 0

    controllers.loop.wake()
    simulation.run_until(simulation.now + 1)
    assert pods(user) == 2


def test_a_resync_looks_without_being_told() -> None:
    """At the latest after so many seconds."""
    simulation, user, _, _ = bare(resync=30.0)
    create_set(user)
    simulation.run_until(simulation.now + 61)

    assert pods(user) == 2


def test_a_transport_can_tell_of_its_own_writes() -> None:
    """For a server that tells nobody: reads are no news."""
    simulation, user, _, controllers = bare()
    woken: list[str] = []
    notifying = Notifying(user, lambda: woken.append("!"))
    notifying.send(Request(method="GET", path=PODS.path("test")))
    assert woken == []
    notifying.send(Request(method="POST", path=CONFIG_MAPS.path("test"), body={"metadata": {"name": "x"}}))

    assert woken == ["!"]
    assert simulation is not None
    assert controllers is not None


def test_no_answer_is_asked_for_again() -> None:
    """A controller whose request got none tries again a second later, and goes by what it sees then."""
    simulation, user, flaky, controllers = bare()
    simulation.run_until(simulation.now + 10)
    create_set(user)
    flaky.silent = True
    controllers.loop.wake()
    before = flaky.requests
    simulation.run_until(simulation.now + 10)
    assert pods(user) == 0
    assert 5 <= flaky.requests - before <= 20

    flaky.silent = False
    simulation.run_until(simulation.now + 3)
    assert pods(user) == 2


def test_many_changes_are_one_look() -> None:
    """Each controller takes one step for all that happened until then."""
    world = World()
    steps = {"n": 0}

    def count() -> None:
        steps["n"] += 1

    world.controllers.loop.add("counting", count, lag=1.0)
    for number in range(20):
        world.create(PODS, f"p{number}", spec={"containers": [{"name": "c", "image": "app:1"}]})
    world.run(1.05)

    assert steps["n"] == 1


def test_changes_of_what_nobody_knows_are_no_look() -> None:
    """A ConfigMap wakes no controller."""
    world = World()
    world.run(60)
    steps = {"n": 0}

    def count() -> None:
        steps["n"] += 1

    world.controllers.loop.add("counting", count, lag=0.1)
    world.create(CONFIG_MAPS, "x", data={"a": "b"})
    world.run(60)
    assert steps["n"] == 0

    world.create(SETS, "s", spec=stateful_set(0))
    world.run(1)
    assert steps["n"] > 0


def test_a_past_that_was_forgotten_is_listed_anew() -> None:
    """Watches that the server ends leave no gap."""
    world = World()
    world.create(SETS, "s", spec=stateful_set(2, podManagementPolicy="Parallel"))
    world.server.compact()
    world.wait(lambda: len(world.ready()) == 2)
    world.server.compact()
    world.delete(PODS, "s-0")
    world.wait(lambda: "s-0" not in world.ready())

    world.wait(lambda: len(world.ready()) == 2)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_same_seed_gives_the_same_cluster(seed: int) -> None:
    """Byte for byte, whatever was made, lost and moved on the way."""

    def history() -> str:
        world = World(seed)
        world.create(SETS, "s", spec=stateful_set(3, claims=True))
        world.wait(lambda: len(world.ready()) == 3)
        world.controllers.nodes.power_off(world.node("s-1"))
        world.run(400)
        world.controllers.nodes.bring_back(world.node("s-1"))
        world.patch(SETS, "s", spec={"replicas": 2})
        world.run(300)
        paths = [PODS.path("test"), SETS.path("test"), "/api/v1/persistentvolumes", "/api/v1/events"]
        return repr([world.send("GET", path) for path in paths])

    assert history() == history()
