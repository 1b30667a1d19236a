"""An API server with our CRD, and operators that are stopped at the end."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from unit_tests.app.cluster_stub import Cluster, Replica, running_cluster, start


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    """Return a running API server."""
    with running_cluster(tmp_path) as running:
        yield running


@pytest.fixture
def replica(cluster: Cluster) -> Iterator[Callable[..., Replica]]:
    """Return a function that starts an operator in the pod of a name."""
    replicas: list[Replica] = []

    def begin(pod: str = "casskop-0", **more: object) -> Replica:
        replicas.append(start(cluster.settings(pod, **more)))
        return replicas[-1]

    yield begin
    cluster.faults.clear()
    for each in replicas:
        if each.ended is None:
            each.end()
