"""`spec.changePolicy: Approve`: what waits, what does not, and what an approval holds for."""

from __future__ import annotations

from typing import Any

from e2e.providers.cluster import CLUSTERS, Object, condition, wait_ready
from unit_tests.plugin.conftest import Plugin


def edit(plugin: Plugin, **spec: Any) -> Object:
    """Merge *spec* into the cluster's spec, let the operator look at it, and return the cluster."""
    plugin.cluster.patch(CLUSTERS, "demo", {"spec": spec})
    plugin.cluster.sim.run(5)
    return plugin.cluster.get(CLUSTERS, "demo")


def pending(plugin: Plugin) -> Object:
    """Return the edit that waits, {} if none does."""
    return dict((plugin.cluster.get(CLUSTERS, "demo").get("status") or {}).get("pendingChange") or {})


def sizes(plugin: Plugin) -> list[int]:
    """Return the size of each rack."""
    return [obj["spec"]["replicas"] for obj in plugin.cluster.of("demo", "statefulsets")]


def test_an_edit_waits_until_it_is_approved(demo: Plugin) -> None:
    """Its hash and its fields stand in status; nothing is done about it before the approval, all after."""
    edit(demo, changePolicy="Approve")
    assert pending(demo) == {}

    obj = edit(demo, nodesPerRacks=2)
    demo.cluster.sim.run(120)

    waits = pending(demo)
    found = condition(obj, "SpecAccepted")
    assert (found["status"], found["reason"]) == ("False", "ApprovalNeeded")
    assert waits["changes"] == ["spec.nodesPerRacks: 1 -> 2"]
    assert waits["hash"] in found["message"]
    assert sizes(demo) == [1, 1, 1]

    said = demo.run("approve", "--hash", waits["hash"])

    assert said.code == 0, said.err
    assert "3 nodes join" in said.out
    demo.cluster.eventually(lambda: sizes(demo) == [2, 2, 2], seconds=600, what="six nodes")
    wait_ready(demo.cluster, "demo", seconds=300)
    assert pending(demo) == {}
    assert condition(demo.cluster.get(CLUSTERS, "demo"), "SpecAccepted")["status"] == "True"


def test_an_approval_holds_for_one_edit(demo: Plugin) -> None:
    """Another edit, also one that says the same again, has to be approved anew; a stale hash is refused."""
    edit(demo, changePolicy="Approve")
    edit(demo, nodesPerRacks=2)
    first = pending(demo)["hash"]
    edit(demo, cassandraImage="cassandra:5.0.9")
    second = pending(demo)

    said = demo.run("approve", "--hash", first)

    assert said.code == 1
    assert f"{first} is not what waits" in said.err
    assert second["changes"] == ["spec.cassandraImage", "spec.nodesPerRacks: 1 -> 2"]
    edit(demo, nodesPerRacks=1, cassandraImage="cassandra:5.0")
    assert pending(demo) == {}
    edit(demo, nodesPerRacks=2)
    assert pending(demo)["hash"] not in (first, second["hash"])


def test_repair_waits_for_nobody(demo: Plugin) -> None:
    """While an edit waits, what breaks is mended by the last accepted spec, and status goes on."""
    edit(demo, changePolicy="Approve")
    edit(demo, nodesPerRacks=2)
    demo.cluster.delete("services", "demo-exporter-jmx")
    demo.cluster.delete("pods", "demo-dc1-rack2-0")

    demo.cluster.sim.run(20)
    wait_ready(demo.cluster, "demo", seconds=120)

    assert demo.cluster.get("services", "demo-exporter-jmx")
    assert sizes(demo) == [1, 1, 1]
    assert pending(demo)["changes"] == ["spec.nodesPerRacks: 1 -> 2"]


def test_a_mistake_is_refused_and_not_offered(demo: Plugin) -> None:
    """A spec that makes no sense is refused as ever: there is nothing to approve."""
    edit(demo, changePolicy="Approve")
    obj = edit(demo, dataCapacity="1.2.3Gi")

    assert condition(obj, "SpecAccepted")["reason"] == "InvalidSpec"
    assert demo.run("approve", "--yes").err.startswith("Nothing waits for approval")


def test_the_way_out_waits_too(demo: Plugin) -> None:
    """An edit that drops the policy along with other fields waits; one that only drops it does not."""
    edit(demo, changePolicy="Approve")
    edit(demo, changePolicy=None, nodesPerRacks=2)
    assert pending(demo)["changes"] == ["spec.nodesPerRacks: 1 -> 2"]

    edit(demo, nodesPerRacks=1)
    assert pending(demo) == {}
    edit(demo, nodesPerRacks=2)
    demo.cluster.eventually(lambda: sizes(demo) == [2, 2, 2], seconds=600, what="six nodes")


def test_without_the_field_nothing_waits(demo: Plugin) -> None:
    """A cluster that does not ask for approval has none of this in its status."""
    edit(demo, nodesPerRacks=2)

    assert pending(demo) == {}
    assert demo.run("approve", "--yes").code == 1


def test_nobody_there_to_agree(demo: Plugin) -> None:
    """A script has to say --yes or name the hash."""
    edit(demo, changePolicy="Approve")
    edit(demo, nodesPerRacks=2)

    said = demo.run("approve")

    assert said.code == 1
    assert "say --yes" in said.err
    assert pending(demo)


def test_plans_and_simulations_suppose_the_approval(demo: Plugin) -> None:
    """What an edit that waits would do is shown, and that somebody approves it is said to be supposed."""
    edit(demo, changePolicy="Approve")
    edit(demo, nodesPerRacks=2)
    waits = pending(demo)

    planned = demo.run("plan", "demo", "-o", "json").json
    played = demo.run("simulate", "demo", "-o", "json").json

    assert planned["clear"]
    assert played["good"], played["end"]
    assert planned["joins"] == played["joined"] == [f"demo-dc1-rack{n}-1" for n in (1, 2, 3)]
    assert any(waits["hash"] in text for text in planned["assumed"])
    assert any(waits["hash"] in text for text in played["assumed"])
    assert pending(demo) == waits
    assert sizes(demo) == [1, 1, 1]
