"""The benchmark's load is what it says: fixed, accepted, and without growth."""

from __future__ import annotations

from e2e.simkube.benchload import MIX, OPERATIONS, Load
from unit_tests.simkube.simclient import client, server


def test_the_load_does_not_fill_the_server() -> None:
    """After any number of rounds of the mix there are as many objects as after filling."""
    made = server()
    load = Load(client(made).transport.send)
    stored = load.fill(300)

    def count() -> int:
        return sum(len(made.store.table(place).objects) for place in made.store.places())

    before = count()
    sent = load.sent
    load.run(MIX, 5 * len(MIX))

    assert stored > 200
    assert count() == before
    assert load.sent - sent > 5 * len(MIX)


def test_every_operation_can_be_run_alone() -> None:
    """No operation needs another one before it."""
    for name in OPERATIONS:
        load = Load(client(server()).transport.send)
        load.fill(150)

        assert load.run((name,), 3) >= 3
