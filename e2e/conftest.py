"""Which cluster the scenarios run on: `--cluster=sim` (without it, too), or `--cluster=real`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
import secrets

import pytest

from e2e.kubectl import Kubectl, KubectlError
from e2e.lab import Lab, install, lab, remove
from e2e.providers.cluster import Cluster, Object, at_rest, wait_ready
from e2e.providers.real import RealCluster
from e2e.rows import NoRows, RealRows, Rows
from e2e.samples import NO_SUCH_IMAGE, jolokia_secret, sample

STORY = "story"
READY_SECONDS = 420
# What became of forecasts, for the end of a run.
FORECASTS = pytest.StashKey[str]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option."""
    parser.addoption("--cluster", choices=("sim", "real"), default="sim", help="what to run scenarios on")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Play the scenarios of a module in the order in which they are told, whatever else is shuffled.

    They share a cluster, and some go on where the one before has left it.
    """
    modules: dict[str, list[pytest.Item]] = {}
    for item in items:
        modules.setdefault(item.location[0], []).append(item)
    for name, told in modules.items():
        if "scenarios" in Path(name).parts:
            told.sort(key=lambda item: item.location[1] or 0)
    items[:] = [item for told in modules.values() for item in told]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Say how many forecasts were compared, and how many could not be."""
    said = config.stash.get(FORECASTS, None)
    if said is not None:
        terminalreporter.write_line(said)


@pytest.fixture(scope="session")
def the_lab() -> Lab:
    """A real Kubernetes with our images: KUBECONFIG's, or the local one, brought up if need be."""
    return lab()


@pytest.fixture(scope="session")
def kubectl(the_lab: Lab) -> Iterator[Kubectl]:
    """Kubectl in a fresh namespace in which the operator runs; it is removed afterwards."""
    client = the_lab.kubectl(f"casskop-e2e-{secrets.token_hex(3)}")
    install(client, image=the_lab.image)
    try:
        yield client
    finally:
        remove(client)


@pytest.fixture(scope="session")
def cluster(request: pytest.FixtureRequest) -> Iterator[Cluster]:
    """A cluster with the operator in it, for all scenarios of a run.

    The simulated one foretells each edit, as `kubectl casskop plan` does, and holds what is then done
    against it: at the end all has to be as foretold, and enough of it compared.
    """
    if request.config.getoption("--cluster") == "real":
        the_lab: Lab = request.getfixturevalue("the_lab")
        yield RealCluster(kubectl=request.getfixturevalue("kubectl"), image=the_lab.image)
        return
    # Imported here: a run on a real cluster has no use for the simulator.
    from e2e.providers.foreseeing import ForeseeingCluster, Foresight  # noqa: PLC0415
    from e2e.providers.sim import SimCluster  # noqa: PLC0415
    from e2e.providers.simulated import SimulatedCluster  # noqa: PLC0415
    from e2e.simcontrollers.images import Images  # noqa: PLC0415

    foresight = Foresight()
    sim = SimCluster(seed=1, images=Images(unknown=(NO_SUCH_IMAGE,)), holds=True, trail=foresight)
    # As the real one has it: volumes of this class never grow.
    sim.controllers.add_class("fixed", expands=False)
    foreseeing = ForeseeingCluster(SimulatedCluster(sim), foresight)
    yield foreseeing
    foreseeing.close()
    request.config.stash[FORECASTS] = foresight.summary()
    foresight.check()


@pytest.fixture(scope="session")
def rows(request: pytest.FixtureRequest) -> Rows:
    """What keeps a user's rows in the rings of `cluster`."""
    if request.config.getoption("--cluster") == "real":
        return RealRows(request.getfixturevalue("kubectl"))
    return NoRows()


@pytest.fixture(scope="session")
def all_versions(request: pytest.FixtureRequest) -> None:
    """Images of every line of Cassandra, such as `cassandra:4.1`; another real cluster has to have them."""
    if request.config.getoption("--cluster") != "real" or not request.getfixturevalue("the_lab").local:
        return
    # Imported here: another cluster needs neither root nor the tools that these modules use.
    from e2e.cluster import loader  # noqa: PLC0415
    from e2e.cluster.layout import State  # noqa: PLC0415
    from e2e.images import cassandra  # noqa: PLC0415

    loader.load(State.at(), [cassandra.build(tag) for tag in cassandra.VERSIONS])


@pytest.fixture(scope="session")
def story(cluster: Cluster) -> Object:
    """The sample, applied and Ready; the operator was killed twice and its lease stolen on the way.

    It is for looking at: what a scenario breaks is its own.
    """

    def sets() -> int:
        return len(cluster.of(STORY, "statefulsets"))

    def members() -> int:
        return int((cluster.get("cassandraclusters", STORY).get("status") or {}).get("readyNodes") or 0)

    def resting() -> Object | None:
        obj = cluster.get("cassandraclusters", STORY)
        return obj if at_rest(obj) else None

    cluster.apply(jolokia_secret(), sample(STORY))
    cluster.eventually(lambda: sets() >= 1, seconds=60, what="a first StatefulSet")
    cluster.kill_operator()
    cluster.eventually(lambda: members() >= 1, seconds=150, what="a first member")
    cluster.steal_lease()
    cluster.eventually(lambda: members() >= 2, seconds=200, what="a second member")
    cluster.kill_operator()
    wait_ready(cluster, STORY, seconds=READY_SECONDS)
    # Ready it is as soon as all nodes serve; what is written down afterwards belongs to the story, too.
    return cluster.eventually(resting, seconds=60, what="nothing is left to do")


@pytest.fixture(autouse=True)
def _tell(request: pytest.FixtureRequest) -> Iterator[None]:
    """Print clusters, pods and the operator's log after a failure on a real cluster."""
    failed = request.session.testsfailed
    yield
    if request.session.testsfailed == failed or "kubectl" not in request.fixturenames:
        return
    client: Kubectl = request.getfixturevalue("kubectl")
    for words in (
        ["describe", "cassandraclusters"],
        ["get", "pods,statefulsets,pvc", "-o", "wide"],
        ["get", "events", "--sort-by=.lastTimestamp"],
        ["logs", "deployment/casskop", "--tail=60"],
    ):
        try:
            print(f"--- kubectl {' '.join(words)}\n{client.run(*words)[-12000:]}")
        except KubectlError as error:
            print(f"--- {error}")
