"""A ring that grows, shrinks, and has a second data centre for a while, as its client sees it."""

from __future__ import annotations

import pytest

from e2e.kubectl import Kubectl
from e2e.topology_story import NAME, tell


# Twelve nodes join or leave, one after the other.
@pytest.mark.timeout(2700)
def test_a_client_never_notices(kubectl: Kubectl) -> None:
    """3 -> 6 -> 4 nodes, another data centre with three racks, rebuilt, read from, and gone again.

    Of all that a client writes and reads at LOCAL_QUORUM meanwhile no request fails, no read is wrong, and
    every row is there at the end.
    """
    try:
        told = tell(kubectl, print)
    finally:
        # There is no room for it beside what comes next.
        kubectl.run("delete", "cassandracluster", NAME, "--timeout=240s", seconds=250)

    assert told.client.requests > 500, "there was a client"
    assert told.client.failures == ()
    assert (told.client.wrong, told.lost) == (0, ())
