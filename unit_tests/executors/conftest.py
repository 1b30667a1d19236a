"""A server for each test."""

from __future__ import annotations

import pytest

from unit_tests.executors.stage import Stage


@pytest.fixture
def stage() -> Stage:
    """Return an API server with one CassandraCluster, `cc`, and nothing of it made yet."""
    return Stage()
