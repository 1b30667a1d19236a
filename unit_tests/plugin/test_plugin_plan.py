"""`plan` and `explain` as commands: of a manifest, a bundle, a cluster that does not exist, a mistake."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from controller.plugin.folding import folded
from controller.plugin.forecast import Step
from controller.plugin.plan import changed
from e2e.samples import jolokia_secret, sample
from unit_tests.plugin.conftest import Plugin

FIRST = "demo-dc1-rack1-0"


def manifest(path: Path, **spec: object) -> str:
    """Write the sample with *spec* over its own, and return the name of the file."""
    obj = sample("demo")
    obj["spec"] |= spec
    path.write_text(yaml.safe_dump(obj))
    return str(path)


def test_plan_of_a_manifest(demo: Plugin, tmp_path: Path) -> None:
    """Before it is applied: what changes, every step with its reason, who restarts, how long that takes."""
    file = manifest(tmp_path / "new.yaml", cassandraImage="cassandra:5.0.9")
    before = demo.cluster.sim.server.store.version

    said = demo.run("plan", "-f", file)
    found = demo.run("plan", "-f", file, "-o", "json").json

    assert said.code == 0, said.err
    assert 'spec.cassandraImage: "cassandra:5.0" -> "cassandra:5.0.9"' in said.out
    assert f"RestartPod {FIRST}" in said.out
    assert "3 restart: demo-dc1-rack1-0, demo-dc1-rack2-0, demo-dc1-rack3-0" in said.out
    assert found["seconds"] > 10
    assert [s["action"] for s in found["steps"]] == ["ApplyStatefulSet", "RestartPod"] * 3
    assert demo.cluster.sim.server.store.version == before


def test_plan_names_fields_that_nobody_knows(demo: Plugin, tmp_path: Path) -> None:
    """A slip of the pen is seen before it is applied."""
    said = demo.run("plan", "-f", manifest(tmp_path / "new.yaml", nodesPerRack=2))

    assert "ignored: spec.nodesPerRack (is spec.nodesPerRacks meant?)" in said.out


@pytest.mark.parametrize(
    ("auto", "words"), [(False, "is offered: set operation-status"), (True, "is asked for")]
)
def test_plan_tells_what_follows_from_growth(auto: bool, words: str, demo: Plugin, tmp_path: Path) -> None:  # noqa: FBT001 -- a case of the table
    """One line for all nodes that are to clean up: offered, or carried out, for who knows how long."""
    file = manifest(tmp_path / "new.yaml", nodesPerRacks=2, autoPilot=auto)

    said = demo.run("plan", "-f", file)

    (line,) = [each for each in said.out.splitlines() if "OperationAsked" in each]
    assert "on 6 nodes (demo-dc1-rack1-0, demo-dc1-rack1-1, demo-dc1-rack2-0 and 3 others)" in line
    assert f"cleanup on each {words}" in line
    assert ("operations on nodes end well" in said.out) == auto
    assert ("RunOperation" in said.out) == auto


def test_only_operations_on_nodes_are_told_as_one() -> None:
    """Numbers go on as the steps do; what is done to one node, or has another reason, has its own line."""
    asked = [
        Step(action="OperationAsked", target=f"n-{n}", why=f"cleanup on n-{n} is offered") for n in (1, 2)
    ]
    restarts = [Step(action="RestartPod", target=f"n-{n}", why="the same") for n in (1, 2)]
    other = Step(action="OperationAsked", target="n-1", why="flush on n-1 is asked for")

    found = list(folded([*asked, other, *restarts]))

    assert [number for number, _ in found] == ["1-2", "3", "4", "5"]
    assert (found[0][1].target, found[0][1].why) == ("on 2 nodes (n-1, n-2)", "cleanup on each is offered")
    assert [step for _, step in found[1:]] == [other, *restarts]


def test_plan_of_a_new_cluster(plugin: Plugin, tmp_path: Path) -> None:
    """A cluster that does not exist yet can be planned, and is not created; what it lacks is said."""
    file = manifest(tmp_path / "new.yaml")
    lacking = plugin.run("plan", "-f", file)
    plugin.cluster.apply(jolokia_secret())

    said = plugin.run("plan", "-f", file, "-o", "json")

    assert lacking.code == 3
    assert "Held until spec.imageJolokiaSecret.name is changed" in lacking.out
    assert said.code == 0, said.err
    assert said.json["joins"] == ["demo-dc1-rack1-0", "demo-dc1-rack2-0", "demo-dc1-rack3-0"]
    assert not plugin.cluster.of("demo", "statefulsets")


def test_plan_of_a_mistake(demo: Plugin, tmp_path: Path) -> None:
    """What the API server or the operator would refuse is said, and the exit code tells a script."""
    schema = manifest(tmp_path / "a.yaml", topology={"dc": [{"name": "dc-1", "rack": [{"name": "rack1"}]}]})
    capacity = manifest(tmp_path / "b.yaml", dataCapacity="1.2.3Gi")

    by_server, by_operator = demo.run("plan", "-f", schema), demo.run("plan", "-f", capacity)

    assert (by_server.code, by_operator.code) == (3, 3)
    assert "kubectl apply would be refused" in by_server.out
    assert "Refused: spec.dataCapacity" in by_operator.out


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, "cannot be read"),
        (b"a: [", "is no YAML"),
        (b"a: \x80", "it is no text in UTF-8"),
        (b"kind: Secret", "holds no CassandraCluster"),
        (b"kind: CassandraCluster\nmetadata: {}", "holds no CassandraCluster"),
        (b"kind: CassandraCluster\nmetadata: [demo]", "holds no CassandraCluster"),
        (b"kind: CassandraCluster\nmetadata: {name: demo}\nspec: [1]", "demo is no mapping of fields"),
    ],
)
def test_plan_of_no_manifest(text: bytes | None, message: str, still: Plugin, tmp_path: Path) -> None:
    """A file that cannot be used is told by its name and what is wrong with it."""
    file = tmp_path / "new.yaml"
    if text is not None:
        file.write_bytes(text)

    said = still.run("plan", "-f", str(file))

    assert said.code == 1
    assert str(file) in said.err
    assert message in said.err


def test_racks_that_come_and_go_are_told_of_by_name() -> None:
    """Not as two long lists that nobody can compare; what changed in one that stays stands beside it."""
    old = {"dc": [{"name": "dc1", "nodesPerRacks": 1}, {"name": "dc2"}], "hosts": ["a", "b"]}
    new = {"dc": [{"name": "dc1", "nodesPerRacks": 2}, {"name": "dc3"}], "hosts": ["a"]}

    assert list(changed(old, new)) == [
        "spec.dc[dc1].nodesPerRacks: 1 -> 2",
        'spec.dc[dc2]: {"name": "dc2"} -> nothing',
        'spec.dc[dc3]: nothing -> {"name": "dc3"}',
        'spec.hosts: ["a", "b"] -> ["a"]',
    ]
    turned = {"dc": [{"name": "b"}, {"name": "a", "x": 1}]}
    assert list(changed({"dc": [{"name": "a"}, {"name": "b"}]}, turned)) == [
        "spec.dc: in the order a, b -> b, a",
        "spec.dc[a].x: nothing -> 1",
    ]


@pytest.mark.parametrize("name", ["bundle.json", "bundle.tar.gz"])
def test_a_bundle_is_planned_like_the_cluster(name: str, still: Plugin, tmp_path: Path) -> None:
    """Away from the cluster the same file gives the same plan."""
    file = manifest(tmp_path / "new.yaml", nodesPerRacks=2)
    assert still.run("bundle", "-f", str(tmp_path / name)).code == 0

    live = still.run("plan", "-f", file, "-o", "json").json
    saved = still.run("plan", "-f", file, "--bundle", str(tmp_path / name), "-o", "json").json

    assert live["steps"] == saved["steps"] != []
    assert live["changes"] == saved["changes"] == ["spec.nodesPerRacks: 1 -> 2"]


def test_a_config_map_is_missing_from_a_cluster_and_not_from_a_bundle(still: Plugin, tmp_path: Path) -> None:
    """What the cluster has not is told; users' ConfigMaps are in no bundle, so that there nobody knows."""
    file = manifest(tmp_path / "new.yaml", configMapName="scripts")
    saved = str(tmp_path / "bundle.json")
    assert still.run("bundle", "-f", saved).code == 0

    assert "there is no ConfigMap scripts" in still.run("plan", "-f", file).out
    assert "there is no ConfigMap scripts" not in still.run("plan", "-f", file, "--bundle", saved).out


def test_explain_tells_the_chain(plugin: Plugin) -> None:
    """While a ring comes up: what the operator says, what is waited for, what ends it, what comes then."""
    plugin.cluster.apply(jolokia_secret(), sample("demo"))
    plugin.cluster.eventually(lambda: plugin.cluster.of("demo", "pods"), seconds=60, what="a pod")

    said, found = plugin.run("explain"), plugin.run("explain", "-o", "json").json

    assert said.code == 0, said.err
    assert "demo-dc1-rack1-0" in found["chain"][0]["what"]
    assert found["chain"][0]["ends"].startswith("by itself")
    assert "ApplyStatefulSet dc1-rack2 to 1" in said.out
    assert "Ready is False (NodesMissing)" in said.out


def test_explain_names_what_a_person_has_to_change(plugin: Plugin) -> None:
    """A wait that does not end by itself names the field that ends it."""
    obj = sample("demo")
    obj["spec"]["dataStorageClass"] = "no-such-class"
    plugin.cluster.apply(jolokia_secret(), obj)
    plugin.cluster.sim.run(10)

    ends = [each["ends"] for each in plugin.run("explain", "-o", "json").json["chain"]]
    assert "when somebody changes spec.dataStorageClass" in ends


def test_explain_at_rest(still: Plugin) -> None:
    """Nothing is waited for, and that is said."""
    assert "Nothing is waited for" in still.run("explain", "demo").out
