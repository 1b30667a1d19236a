"""An edit with a part that cannot be followed, with the operator in a simulated cluster."""

from __future__ import annotations

import json
from typing import Any

import pytest

from controller.api.v2 import names
from controller.kube import kinds
from e2e.providers.sim import NAMESPACE, SimCluster
from e2e.providers.simulated import SimulatedCluster
from e2e.samples import jolokia_secret, single


@pytest.fixture
def sim() -> SimCluster:
    """Return a simulation in which the cluster `cc` of one node is Ready."""
    made = SimCluster(seed=5)
    SimulatedCluster(made).apply(jolokia_secret())
    made.apply(single("cc", dataCapacity="2Gi"))
    made.run_until(lambda: made.condition("cc", "Ready")["status"] == "True", seconds=300, what="Ready")
    made.run(5)
    return made


def statefulset(sim: SimCluster) -> dict[str, Any]:
    """Return the rack's StatefulSet as it is stored."""
    return sim.client.get(kinds.STATEFULSET, NAMESPACE, "cc-dc1-rack1")


def accepted(sim: SimCluster) -> dict[str, Any]:
    """Return the spec that is remembered as accepted."""
    text = sim.cluster("cc")["metadata"]["annotations"][names.LAST_APPLIED]
    return dict(json.loads(text)["spec"])


def test_the_refused_part_is_held_back_and_told(sim: SimCluster) -> None:
    """The rest of the edit is carried out; spec and StatefulSet stay; status, condition and event say why."""
    before = statefulset(sim)
    sim.edit("cc", {"dataCapacity": "1Gi", "maxPodUnavailable": 2, "gcStdout": True})
    sim.run(10)

    budget = sim.client.get(kinds.POD_DISRUPTION_BUDGET, NAMESPACE, "cc")
    assert budget["spec"]["maxUnavailable"] == 2
    assert statefulset(sim)["metadata"]["resourceVersion"] == before["metadata"]["resourceVersion"]
    stored = sim.cluster("cc")
    assert stored["spec"]["dataCapacity"] == "1Gi"
    status = stored["status"]
    assert (status["lastClusterAction"], status["lastClusterActionStatus"]) == ("CorrectCRDConfig", "Done")
    assert status["observedGeneration"] == stored["metadata"]["generation"]
    condition = sim.condition("cc", "SpecAccepted")
    assert (condition["status"], condition["reason"]) == ("False", "ChangeRefused")
    assert condition["message"].startswith("spec.dataCapacity: 1Gi is less than the 2Gi")
    assert sim.condition("cc", "Ready")["status"] == "True"
    assert (accepted(sim)["dataCapacity"], accepted(sim)["maxPodUnavailable"]) == ("2Gi", 2)
    warned = [e for e in SimulatedCluster(sim).events("cc") if e["reason"] == "ChangeRefused"]
    assert [e["type"] for e in warned] == ["Warning"]


def test_a_correction_is_enough(sim: SimCluster) -> None:
    """Once the spec is as it was, it is accepted; CassKop's field keeps the last action, as CassKop does."""
    sim.edit("cc", {"dataCapacity": "1Gi"})
    sim.run(10)
    sim.edit("cc", {"dataCapacity": "2048Mi"})
    sim.run(10)

    assert sim.condition("cc", "SpecAccepted")["status"] == "True"
    assert sim.condition("cc", "Degraded")["status"] == "False"
    assert accepted(sim)["dataCapacity"] == "2048Mi"
    assert sim.cluster("cc")["status"]["lastClusterAction"] == "CorrectCRDConfig"


def test_a_refusal_outlives_the_operator(sim: SimCluster) -> None:
    """A successor judges the edit against the same accepted spec, and writes nothing anew."""
    sim.edit("cc", {"config": {"cassandra-yaml": {"num_tokens": 7}}})
    sim.run(10)
    before, writes = accepted(sim), sim.writes
    assert "num_tokens" in sim.condition("cc", "SpecAccepted")["message"]

    sim.kill_operator()
    sim.run(60)

    assert sim.condition("cc", "SpecAccepted")["reason"] == "ChangeRefused"
    assert accepted(sim) == before
    assert sim.writes == writes


def test_a_data_centre_with_nodes_stays(sim: SimCluster) -> None:
    """A topology without it is carried out with it: the new data centre comes, and the old one stays."""
    sim.edit("cc", {"topology": {"dc": [{"name": "dc2", "rack": [{"name": "a"}]}, {"name": "dc3"}]}})
    sim.run_until(
        lambda: len(SimulatedCluster(sim).of("cc", "pods")) == 3, seconds=600, what="both new data centres"
    )

    assert "dc1" in sim.condition("cc", "SpecAccepted")["message"]
    racks = {s["metadata"]["name"] for s in SimulatedCluster(sim).of("cc", "statefulsets")}
    assert racks == {"cc-dc1-rack1", "cc-dc2-a", "cc-dc3-rack1"}
