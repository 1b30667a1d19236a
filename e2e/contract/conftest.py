"""What facts need: a server, a namespace, a custom kind, kubectl."""

from __future__ import annotations

from collections.abc import Iterator
import os
from pathlib import Path
import secrets
import time

import pytest

from e2e.contract.client import Api, Object, eventually
from e2e.contract.kubectl import Kubectl, command
from e2e.contract.login import login
from e2e.contract.objects import Space, thing_definition
from e2e.simkube.api import ApiServer
from e2e.simkube.server import HttpServer, kubeconfig_text
from e2e.simtime import Simulation

_NAMESPACES = "/api/v1/namespaces"
# Every namespace of this run begins with this: what is left of them at the end is a fault.
_RUN = f"fact-{secrets.token_hex(3)}"
# How long namespaces may take to go: a real controller deletes their kinds one by one.
_CLEARING_SECONDS = 100.0


def pytest_report_header(config: pytest.Config) -> str:
    """Say which server the facts are checked on."""
    found = command()
    said = " ".join(found) if found else "none found, so the kubectl facts are NOT RUN"
    return f"contract: {'a real API server' if _is_real(config) else 'simkube'}; kubectl: {said}"


def _is_real(config: pytest.Config) -> bool:
    return bool(config.getoption("--cluster") == "real")


@pytest.fixture(scope="session")
def real(request: pytest.FixtureRequest) -> bool:
    """Whether the server is a real one."""
    return _is_real(request.config)


@pytest.fixture(scope="session")
def kubeconfig(tmp_path_factory: pytest.TempPathFactory, *, real: bool) -> Iterator[Path]:
    """How to reach the server: KUBECONFIG's, the local cluster's, or simkube, which lasts as long."""
    if real:
        yield _of_real_cluster()
        return
    simulation = Simulation()
    simulation.now = time.time()
    with HttpServer(ApiServer(simulation)) as server:
        path = tmp_path_factory.mktemp("contract") / "kubeconfig"
        path.write_text(kubeconfig_text(server.url))
        yield path


def _of_real_cluster() -> Path:
    if given := os.environ.get("KUBECONFIG"):
        return Path(given)
    # Imported here: other clusters need nothing of what these modules use.
    from e2e.cluster import lifecycle  # noqa: PLC0415
    from e2e.cluster.layout import State  # noqa: PLC0415

    state = State.at()
    lifecycle.up(state)
    return state.kubeconfig


@pytest.fixture(scope="session")
def api(kubeconfig: Path) -> Iterator[Api]:
    """The API server that the facts are about; nothing of ours may be left on it at the end."""
    opened = Api(login(kubeconfig))
    yield opened
    eventually(lambda: not _left(opened), seconds=_CLEARING_SECONDS)
    opened.close()


def _left(api: Api) -> list[str]:
    """The namespaces of this run that are still there."""
    names = [one["metadata"]["name"] for one in api.get(_NAMESPACES).body["items"]]
    return [name for name in names if name.startswith(_RUN)]


@pytest.fixture
def namespace_name(api: Api) -> Iterator[str]:
    """The name of a namespace that a fact may make; it is deleted afterwards."""
    name = f"{_RUN}-{secrets.token_hex(4)}"
    yield name
    Space(api, name).remove()


@pytest.fixture
def space(api: Api, namespace_name: str) -> Space:
    """A new namespace, with the paths of the kinds in it; it is deleted afterwards."""
    api.made(_NAMESPACES, {"metadata": {"name": namespace_name}})
    made = Space(api, namespace_name)
    # Pods are refused before the namespace's controller has made the service account.
    eventually(lambda: api.get(f"{made.path('serviceaccounts')}/default").status == 200)
    return made


@pytest.fixture(scope="session")
def things(api: Api) -> Iterator[Object]:
    """A custom kind `Thing` with status and scale, in a group of this session's own."""
    definition = thing_definition(f"g{secrets.token_hex(4)}.example.org")
    path = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
    api.made(path, definition)
    one = f"{path}/{definition['metadata']['name']}"
    eventually(lambda: _is_established(api.get(one).body))
    group = definition["spec"]["group"]
    eventually(lambda: api.get(f"/apis/{group}/v1/things").status == 200)
    yield definition
    api.delete(one)
    eventually(lambda: api.get(one).status == 404, seconds=_CLEARING_SECONDS)


def _is_established(definition: Object) -> bool:
    conditions = definition["status"].get("conditions") or []
    return any((one["type"], one["status"]) == ("Established", "True") for one in conditions)


@pytest.fixture
def ctl(space: Space, kubeconfig: Path, tmp_path: Path, *, real: bool) -> Kubectl:
    """Kubectl in the fact's namespace; without the program a fact fails on a real server only."""
    found = command()
    if found is None:
        why = "no kubectl: neither in the cluster's cache nor on PATH; this fact was not checked"
        if real:
            pytest.fail(why)
        pytest.skip(why)
    return Kubectl(command=found, kubeconfig=kubeconfig, namespace=space.name, home=tmp_path)
