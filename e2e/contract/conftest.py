"""What facts need: a server, a namespace, a custom kind."""

from __future__ import annotations

from collections.abc import Iterator

import os
from pathlib import Path
import secrets
import time
from typing import Any

import pytest
import yaml

from e2e.contract.client import Api, Object, eventually
from e2e.contract.objects import Space, thing_definition
from e2e.simkube.api import ApiServer
from e2e.simkube.server import HttpServer, kubeconfig_text
from e2e.simtime import Simulation


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the choice of a real API server."""
    parser.addoption(
        "--contract-kubeconfig",
        default=os.environ.get("CONTRACT_KUBECONFIG", ""),
        help="check the facts against this cluster in place of simkube",
    )


@pytest.fixture(scope="session")
def api(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    """The API server that the facts are about."""
    given = str(request.config.getoption("--contract-kubeconfig"))
    if given:
        opened = _open(Path(given))
        yield opened
        opened.close()
        return
    simulation = Simulation()
    simulation.now = time.time()
    with HttpServer(ApiServer(simulation)) as server:
        path = tmp_path_factory.mktemp("contract") / "kubeconfig"
        path.write_text(kubeconfig_text(server.url))
        opened = _open(path)
        yield opened
        opened.close()


def _open(path: Path) -> Api:
    config: Any = yaml.safe_load(path.read_text())
    context = {one["name"]: one["context"] for one in config["contexts"]}[config["current-context"]]
    cluster = {one["name"]: one["cluster"] for one in config["clusters"]}[context["cluster"]]
    user = {one["name"]: one["user"] for one in config["users"]}[context["user"]]
    return Api(cluster["server"], user["token"], path=path)


@pytest.fixture
def space(api: Api) -> Iterator[Space]:
    """A new namespace, with the paths of the kinds in it; it is deleted afterwards."""
    name = f"fact-{secrets.token_hex(5)}"
    api.made("/api/v1/namespaces", {"metadata": {"name": name}})
    made = Space(api, name)
    # Pods are refused before the namespace's controller has made the service account.
    eventually(lambda: api.get(f"{made.path('serviceaccounts')}/default").status == 200)
    yield made
    api.delete(f"/api/v1/namespaces/{name}")


@pytest.fixture(scope="session")
def things(api: Api) -> Iterator[Object]:
    """A custom kind `Thing` with status and scale, in a group of this session's own."""
    definition = thing_definition(f"g{secrets.token_hex(4)}.example.org")
    path = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
    api.made(path, definition)
    one = f"{path}/{definition['metadata']['name']}"
    eventually(lambda: _is_established(api.get(one).body))
    group, version = definition["spec"]["group"], "v1"
    eventually(lambda: api.get(f"/apis/{group}/{version}/things").status == 200)
    yield definition
    api.delete(one)


def _is_established(definition: Object) -> bool:
    conditions = definition["status"].get("conditions") or []
    return any((one["type"], one["status"]) == ("Established", "True") for one in conditions)
