"""A server for each test that needs no controllers."""

from __future__ import annotations

import pytest

from controller.kube import kinds
from unit_tests.executors.stage import Stage
from unit_tests.reconcile.bench import Bench


@pytest.fixture
def stage() -> Stage:
    """Return an API server with one CassandraCluster, `cc`, and nothing of it made yet."""
    return Stage()


@pytest.fixture
def bench(stage: Stage) -> Bench:
    """Return the reconciler over that server; it has not looked yet."""
    # The class that `cc` asks for.
    stage.make(
        kinds.STORAGE_CLASS,
        {"metadata": {"name": "standard"}, "provisioner": "example.com/local"},
    )
    return Bench(stage)
