"""A pod that Kubernetes does not even make: an edit that corrects why is enough. On the simulator."""

from __future__ import annotations

from e2e.providers.sim import SimCluster
from e2e.providers.simulated import SimulatedCluster
from e2e.samples import jolokia_secret, single


def test_a_service_account_that_does_not_exist() -> None:
    """The node that was restarted for it is not made; once the field is put back, it is, as it was."""
    sim = SimCluster(seed=4)
    user = SimulatedCluster(sim)
    user.apply(jolokia_secret(), single("cc"))
    sim.run_until(lambda: sim.condition("cc", "Ready")["status"] == "True", seconds=300, what="Ready")

    user.apply(single("cc", serviceAccountName="nobody"))
    sim.run_until(lambda: not user.of("cc", "pods"), seconds=600, what="the node is taken down for it")
    sim.run(60)
    assert not user.of("cc", "pods")
    assert "describe statefulset cc-dc1-rack1" in sim.condition("cc", "Progressing")["message"]
    assert sim.condition("cc", "Degraded")["status"] == "False"
    sim.run_until(
        lambda: sim.condition("cc", "Degraded")["status"] == "True", seconds=1800, what="that lasts too long"
    )
    assert "is not made by Kubernetes" in sim.condition("cc", "Degraded")["message"]

    user.apply(single("cc"))
    sim.run_until(lambda: sim.condition("cc", "Ready")["status"] == "True", seconds=600, what="Ready again")
    sim.run(60)

    assert sim.condition("cc", "Progressing")["reason"] == "Converged"
