"""
The rings that the facts are about.

Without more, a simulated one of each release. With `--cluster=real`, the ring of the scenarios' story; or,
if CASSKOP_RING is NAMESPACE/NAME, the running CassandraCluster of that name. Its pods' addresses have to
be reachable from here, as they are on the local cluster.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator
import os
import secrets
import time

import httpx
import pytest

from e2e.contract_jolokia.agents import Agent, Ring
from e2e.kubectl import Kubectl
from e2e.lab import Lab as Cluster
from e2e.lab import install, remove
from e2e.samples import jolokia_secret, sample
from e2e.simcassandra.lab import Lab
from e2e.simcassandra.transport import RingTransport, stepping
from e2e.watching import eventually, is_true

LOGIN = ("casskop", "a-test-password-7391")
# The cluster that a fact has for itself.
OWN = "own"
RELEASES = ("4.0.19", "4.1.10", "5.0.9")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run every fact on each of the rings."""
    rings = ("real",) if metafunc.config.getoption("--cluster") == "real" else RELEASES
    if "ring" in metafunc.fixturenames:
        metafunc.parametrize("ring", rings, indirect=True, scope="session")
    if "own_ring" in metafunc.fixturenames:
        metafunc.parametrize("own_ring", rings, indirect=True)


@pytest.fixture(scope="session")
def ring(request: pytest.FixtureRequest) -> Iterator[Ring]:
    """A ring of three nodes at rest."""
    if request.param != "real":
        yield _simulated(request.param)
        return
    kubectl, name = _where(request)
    with httpx.Client(trust_env=False, timeout=60) as http:
        yield _real(kubectl, name, http)


@pytest.fixture
def own_ring(request: pytest.FixtureRequest) -> Iterator[Ring]:
    """A ring of three nodes that nobody looks after, for a single fact."""
    if request.param != "real":
        yield _simulated(request.param)
        return
    cluster: Cluster = request.getfixturevalue("the_lab")
    kubectl = cluster.kubectl(f"casskop-e2e-{secrets.token_hex(3)}")
    install(kubectl, image=cluster.image)
    try:
        kubectl.apply(jolokia_secret(), sample(OWN))
        eventually(lambda: is_true(kubectl, OWN, "Ready"), seconds=420, what=f"{OWN} is Ready")
        kubectl.run("scale", "deployment/casskop", "--replicas=0")
        with httpx.Client(trust_env=False, timeout=60) as http:
            yield _real(kubectl, OWN, http)
    finally:
        # What has a finalizer needs the operator to go.
        kubectl.run("scale", "deployment/casskop", "--replicas=1")
        kubectl.run("delete", "cassandraclusters", "--all", "--timeout=120s", seconds=130)
        # A namespace with a pod in it looks again after half of that pod's grace period, which is long.
        gone = ("wait", "--for=delete", "pods", "-l", f"cassandracluster={OWN}", "--timeout=120s")
        kubectl.run(*gone, seconds=130)
        remove(kubectl)


def _simulated(release: str) -> Ring:
    user, password = LOGIN
    lab = Lab(release=release, jolokia_user=user, jolokia_password=password)
    nodes = lab.grow(3)
    http = httpx.Client(transport=RingTransport(lab.agents.at, stepping(lab.simulation)), timeout=60)
    agents = tuple(Agent(http=http, host=node.address, login=LOGIN) for node in nodes)
    return Ring(agents=agents, pause=lab.pass_time)


def _where(request: pytest.FixtureRequest) -> tuple[Kubectl, str]:
    given = os.environ.get("CASSKOP_RING")
    if given:
        cluster: Cluster = request.getfixturevalue("the_lab")
        namespace, _, name = given.partition("/")
        return cluster.kubectl(namespace), name
    story = request.getfixturevalue("story")
    return request.getfixturevalue("kubectl"), str(story["metadata"]["name"])


def _real(kubectl: Kubectl, name: str, http: httpx.Client) -> Ring:
    spec = kubectl.get("cassandracluster", name)["spec"]
    data = kubectl.get("secret", spec["imageJolokiaSecret"]["name"])["data"]
    user, password = (base64.b64decode(data[key]).decode() for key in ("username", "password"))
    pods = kubectl.get("pods", "-l", f"cassandracluster={name}")["items"]
    hosts = sorted(pod["status"]["podIP"] for pod in pods)
    agents = tuple(Agent(http=http, host=host, login=(user, password)) for host in hosts)
    return Ring(agents=agents, pause=time.sleep)
