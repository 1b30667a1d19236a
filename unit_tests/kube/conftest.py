"""A stub of an API server, and a transport to it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from controller.kube.in_cluster import InCluster
from controller.kube.live import LiveTransport
from unit_tests.kube.api_stub import ApiStub

POOL = 4


@pytest.fixture
def api() -> Iterator[ApiStub]:
    """Return a running stub."""
    with ApiStub() as stub:
        yield stub


@pytest.fixture
def transport(api: ApiStub) -> Iterator[LiveTransport]:
    """Return a transport to the stub."""
    live = LiveTransport(InCluster(server=api.url), pool_size=POOL)
    yield live
    live.close()
