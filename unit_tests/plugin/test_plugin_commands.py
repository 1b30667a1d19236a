"""CassKop's commands: the same arguments, the same labels and fields, the same words."""

from __future__ import annotations

from typing import Any

import pytest

from controller.api.v2 import names
from controller.kube.transport import Request
from e2e.providers.cluster import CLUSTERS, wait_ready
from e2e.providers.sim import NAMESPACE
from e2e.samples import sample, single
from e2e.simkube.faults import Match, Refuse, Rule
from unit_tests.plugin.conftest import Plugin

FIRST = "demo-dc1-rack1-0"


def labels(plugin: Plugin, pod: str) -> dict[str, str]:
    """Return the labels of the protocol that *pod* has."""
    found: dict[str, Any] = plugin.cluster.get("pods", pod)["metadata"]["labels"]
    return {key.removeprefix("operation-"): v for key, v in found.items() if key.startswith("operation-")}


def put(plugin: Plugin, pod: str, **operation: str | None) -> None:
    """Write labels of the protocol, as the operator or a user does."""
    given = {f"operation-{key}": value for key, value in operation.items()}
    plugin.cluster.patch("pods", pod, {"metadata": {"labels": given}})


@pytest.mark.parametrize("operation", ["cleanup", "upgradesstables"])
def test_an_operation_is_asked_for_by_labels(operation: str, demo: Plugin) -> None:
    """The pod is labelled as CassKop's plugin does it, and no other one is."""
    said = demo.run(operation, "--pod", FIRST)

    assert (said.code, said.err) == (0, "")
    assert said.out.splitlines() == [
        f"Namespace {NAMESPACE}",
        f"Set status of operation {operation} on pod {FIRST} to ToDo",
    ]
    assert labels(demo, FIRST) == {"name": operation, "status": "ToDo"}
    assert labels(demo, "demo-dc1-rack2-0") == {}


def test_a_prefix_is_any_part_of_a_name(demo: Plugin) -> None:
    """All pods with the text in their name are labelled, in the order of their names."""
    said = demo.run("cleanup", "--prefix", "rack", "-o", "json")

    assert [each["pod"][-7:] for each in said.json["pods"]] == ["rack1-0", "rack2-0", "rack3-0"]
    assert said.json["namespace"] == NAMESPACE


def test_rebuild_takes_the_data_centre_as_its_argument(demo: Plugin) -> None:
    """The positional argument becomes a label; that of an operation without one goes."""
    assert demo.run("rebuild", "--pod", FIRST, "dc1").code == 0
    assert labels(demo, FIRST) == {"name": "rebuild", "status": "ToDo", "argument": "dc1"}

    assert demo.run("cleanup", "--pod", FIRST).code == 0
    assert "argument" not in labels(demo, FIRST)


def test_a_busy_pod_is_left_alone(demo: Plugin) -> None:
    """A pod that is at an operation, or ends one, is not labelled; the others of the prefix are."""
    put(demo, FIRST, name="rebuild", status="Ongoing", argument="dc1")
    put(demo, "demo-dc1-rack2-0", name="rebuild", status="Finalizing")

    said = demo.run("cleanup", "--prefix", "demo", "-o", "json")

    assert [each["pod"] for each in said.json["pods"]] == ["demo-dc1-rack3-0"]
    assert demo.run("cleanup", "--pod", FIRST).code == 1
    assert labels(demo, FIRST)["status"] == "Ongoing"


def test_pause_and_unpause_touch_only_their_operation(demo: Plugin) -> None:
    """ToDo becomes Paused and back, of that operation alone; its argument stays."""
    put(demo, FIRST, name="rebuild", status="ToDo", argument="dc1")
    put(demo, "demo-dc1-rack2-0", name="cleanup", status="ToDo")

    assert demo.run("pause", "rebuild", "--prefix", "demo").code == 0
    assert labels(demo, FIRST) == {"name": "rebuild", "status": "Paused", "argument": "dc1"}
    assert labels(demo, "demo-dc1-rack2-0")["status"] == "ToDo"

    assert demo.run("unpause", "rebuild", "--pod", FIRST).code == 0
    assert labels(demo, FIRST)["status"] == "ToDo"
    assert demo.run("unpause", "rebuild", "--pod", FIRST).code == 1


def test_remove_finds_a_pod_that_is_free(demo: Plugin) -> None:
    """With --crd a running pod that is at nothing is told; the argument is the pod and its last address."""
    put(demo, FIRST, name="cleanup", status="Ongoing")

    said = demo.run("remove", "--pod", "demo-dc1-rack1-4", "--previous-ip", "10.0.0.9", "--crd", "demo")

    assert "Trigger remove of pod demo-dc1-rack1-4 from pod demo-dc1-rack2-0" in said.out
    expected = {"name": "remove", "status": "ToDo", "argument": "demo-dc1-rack1-4_10.0.0.9"}
    assert labels(demo, "demo-dc1-rack2-0") == expected


def test_remove_by_address_or_host_id_alone(demo: Plugin) -> None:
    """No pod has to be named: then the node is removed and nothing else. What nobody means is no request."""
    host = "0a4c8a52-0000-4000-8000-000000000001"
    for words, argument in ((("--previous-ip", "10.0.0.9"), "10.0.0.9"), (("--host-id", host), host)):
        put(demo, "demo-dc1-rack3-0", status="")
        said = demo.run("remove", *words, "--from-pod", "demo-dc1-rack3-0")
        assert f"Trigger remove of node {argument} from pod demo-dc1-rack3-0" in said.out
        expected = {"name": "remove", "status": "ToDo", "argument": argument}
        assert labels(demo, "demo-dc1-rack3-0") == expected


def test_the_operator_answers_a_removal(demo: Plugin) -> None:
    """A node that serves stays, and the pod says why."""
    demo.run("remove", "--pod", FIRST, "--from-pod", "demo-dc1-rack3-0")
    demo.cluster.sim.run(10)

    pod = demo.cluster.get("pods", "demo-dc1-rack3-0")
    assert labels(demo, "demo-dc1-rack3-0")["status"] == "Error"
    assert "only a dead node is removed" in pod["metadata"]["annotations"][names.OPERATION_RESULT]


def test_remove_by_a_pod_that_is_named(demo: Plugin) -> None:
    """With --from-pod that one is told; a pod that exists needs no address, since it has one."""
    assert demo.run("remove", "--pod", FIRST, "--from-pod", "demo-dc1-rack3-0").code == 0
    assert labels(demo, "demo-dc1-rack3-0") == {"name": "remove", "status": "ToDo", "argument": FIRST}


def test_restart_sets_the_field_of_the_racks(demo: Plugin) -> None:
    """`rollingRestart` is set on the racks that are named and on no other; the operator restarts them."""
    said = demo.run("restart", "--crd", "demo", "--rack", "dc1.rack2")

    assert "Trigger restart of dc1.rack2" in said.out
    racks = demo.cluster.get(CLUSTERS, "demo")["spec"]["topology"]["dc"][0]["rack"]
    assert [rack.get("rollingRestart") for rack in racks] == [None, True, None]


def test_a_second_restart_is_one_too(demo: Plugin) -> None:
    """A rack whose field is still set is restarted again: by a date, since the spec is its user's."""
    before = demo.cluster.get("pods", "demo-dc1-rack2-0")["metadata"]["uid"]

    def restarted() -> bool:
        pod = demo.cluster.of("demo", "pods")[1]
        return bool(pod["metadata"]["uid"] != before)

    for _ in range(2):
        assert demo.run("restart", "--crd", "demo", "--rack", "dc1.rack2").code == 0
        demo.cluster.eventually(restarted, seconds=120, what="another pod")
        wait_ready(demo.cluster, "demo", seconds=120)
        before = demo.cluster.get("pods", "demo-dc1-rack2-0")["metadata"]["uid"]
    racks = demo.cluster.get(CLUSTERS, "demo")["spec"]["topology"]["dc"][0]["rack"]
    assert [sorted(rack.keys() & {"rollingRestart", "restartedAt"}) for rack in racks] == [
        [],
        ["restartedAt", "rollingRestart"],
        [],
    ]


@pytest.mark.parametrize("words", [["--dc", "dc1"], ["--full"]])
def test_restart_of_whole_data_centres(words: list[str], demo: Plugin) -> None:
    """All their racks are asked for at once; the operator takes them one after the other."""
    said = demo.run("restart", "--crd", "demo", *words, "-o", "json")

    assert said.json["racks"] == ["dc1.rack1", "dc1.rack2", "dc1.rack3"]


def _without_topology() -> dict[str, Any]:
    obj = single("demo")
    del obj["spec"]["topology"]
    return obj


@pytest.mark.parametrize(
    ("topology", "words", "place"),
    [
        (None, ["--full"], ()),
        ({"dc": []}, ["--dc", "dc1"], ()),
        ({"dc": [{"name": "dc1"}]}, ["--rack", "dc1.rack1"], ("topology", "dc", 0)),
        ({"dc": [{"name": "dc1", "rack": []}]}, ["--full"], ("topology", "dc", 0)),
    ],
)
def test_racks_that_nobody_wrote_are_restarted(
    topology: dict[str, Any] | None, words: list[str], place: tuple[str | int, ...], plugin: Plugin
) -> None:
    """Data centre and rack are `dc1` and `rack1` where the spec leaves them out; the date is above them."""
    plugin.cluster.apply(_without_topology() if topology is None else single("demo", topology=topology))

    said = plugin.run("restart", "--crd", "demo", *words, "-o", "json")

    assert said.json["racks"] == ["dc1.rack1"]
    found = plugin.cluster.get(CLUSTERS, "demo")["spec"]
    for step in place:
        found = found[step]
    assert found["restartedAt"]


def test_a_rack_that_nobody_wrote_and_is_not_there(plugin: Plugin) -> None:
    """What is there is named as the operator names it."""
    plugin.cluster.apply(_without_topology())

    said = plugin.run("restart", "--crd", "demo", "--rack", "dc1.rack2")

    assert (said.code, "it has dc1.rack1" in said.err) == (1, True)


def test_unlock_and_lock_again(demo: Plugin) -> None:
    """`unlockNextOperation` is set, and taken back with --off."""
    assert demo.run("unlock").code == 0
    assert demo.cluster.get(CLUSTERS, "demo")["spec"]["unlockNextOperation"] is True

    assert demo.run("unlock", "demo", "--off").code == 0
    assert demo.cluster.get(CLUSTERS, "demo")["spec"]["unlockNextOperation"] is False


def test_a_pause_stops_what_can_be_stopped(demo: Plugin) -> None:
    """A cleanup that runs is told to; a repair that runs is not."""
    put(demo, FIRST, name="repair", status="Ongoing")
    said = demo.run("pause", "repair", "--pod", FIRST)
    assert said.code == 1
    assert "none is labelled repair and ToDo" in said.err

    put(demo, FIRST, name="cleanup", status="Ongoing")
    assert demo.run("pause", "cleanup", "--pod", FIRST).code == 0
    assert labels(demo, FIRST)["status"] == "Paused"


def test_replace_takes_the_volume_and_the_pod_of_a_member_that_is_known(demo: Plugin) -> None:
    """One that serves stays. The operator gives the new pod the dead node's place."""
    victim = "demo-dc1-rack2-0"
    before = demo.cluster.get(CLUSTERS, "demo")["status"]["cassandraNodeStatus"][victim]
    words = ["replace", "--pod", victim, "--previous-ip", before["nodeIp"]]
    assert "serves" in demo.run(*words).err

    demo.cluster.sim.controllers.nodes.power_off(demo.cluster.get("pods", victim)["spec"]["nodeName"])
    demo.cluster.sim.run(60)
    said = demo.run(*words)

    assert said.code == 0, said.err
    for kind, name in (("persistentvolumeclaims", f"data-{victim}"), ("pods", victim)):
        assert demo.cluster.get(kind, name)["metadata"]["deletionTimestamp"]


def test_replace_writes_the_script_and_takes_the_volume(demo: Plugin) -> None:
    """Of a node that the pod was not: a script for that one pod, and its volume goes, as CassKop has it."""
    demo.cluster.sim.controllers.nodes.power_off(
        demo.cluster.get("pods", "demo-dc1-rack2-0")["spec"]["nodeName"]
    )
    demo.cluster.sim.run(60)
    demo.cluster.sim.post(
        f"/api/v1/namespaces/{NAMESPACE}/configmaps", {"metadata": {"name": "scripts"}, "data": {"a": "b"}}
    )
    words = ["replace", "--pod", "demo-dc1-rack2-0", "--previous-ip", "10.0.0.9"]
    assert "spec.configMapName" in demo.run(*words).err

    demo.cluster.patch(CLUSTERS, "demo", {"spec": {"configMapName": "scripts"}})
    said = demo.run(*words)

    assert said.code == 0, said.err
    data = demo.cluster.get("configmaps", "scripts")["data"]
    assert data["a"] == "b"
    assert "demo-dc1-rack2-0" in data["pre_run.sh"]
    assert "replace_address_first_boot=10.0.0.9" in data["pre_run.sh"]
    claim = demo.cluster.get("persistentvolumeclaims", "data-demo-dc1-rack2-0")
    assert claim["metadata"]["deletionTimestamp"]


WRONG = {
    "unknown operation": (
        ["operate", "defragment", "--pod", FIRST],
        1,
        "Unknown operation defragment: known",
    ),
    "no such pod": (["cleanup", "--pod", "nobody"], 1, "No pods found for operation"),
    "no such data centre": (["rebuild", "--pod", FIRST, "dc9"], 1, "no data centre dc9"),
    "not a label": (["rebuild", "--pod", FIRST, "d c"], 1, "'d c' cannot be the argument"),
    "two ways to choose": (["cleanup", "--pod", FIRST, "--prefix", "demo"], 2, "not allowed with"),
    "no way to choose": (["cleanup"], 2, "--pod --prefix is required"),
    "no such rack": (["restart", "--crd", "demo", "--rack", "dc1.rack9"], 1, "dc1.rack9"),
    "no such cluster": (["restart", "--crd", "demmo", "--full"], 1, "there are demo"),
    "no address": (["remove", "--pod", "demo-dc1-rack9-0", "--crd", "demo"], 1, "--previous-ip"),
    "bad address": (
        ["remove", "--pod", FIRST, "--previous-ip", "10.0.0.999", "--crd", "demo"],
        1,
        "10.0.0.999 is no IPv4 address",
    ),
    "nobody": (["remove", "--crd", "demo"], 1, "--previous-ip or --host-id"),
    "no host id": (["remove", "--host-id", "h1", "--crd", "demo"], 1, "h1 is no host id"),
    "itself": (["remove", "--pod", FIRST, "--from-pod", FIRST], 1, "cannot remove itself"),
    "remove by operate": (["operate", "remove", "--pod", FIRST], 1, "<pod>_<address>"),
    "unknown command": (["frobnicate"], 1, "Unrecognized operation frobnicate"),
    "nothing": ([], 1, "commands:"),
}


@pytest.mark.parametrize("case", sorted(WRONG))
def test_wrong_words_are_told_from_each_other(case: str, still: Plugin) -> None:
    """Each mistake has a message that says what to write instead, and nothing was changed."""
    words, code, text = WRONG[case]
    before = still.cluster.sim.server.store.version

    said = still.run(*words)

    assert said.code == code
    assert text in said.err
    assert still.cluster.sim.server.store.version == before


def test_a_failure_is_json_too(still: Plugin) -> None:
    """With -o json a message and the exit code are the one value that is printed."""
    said = still.run("cleanup", "--pod", "nobody", "-o", "json")

    assert said.json["code"] == said.code == 1
    assert "No pods found" in said.json["error"]


def refuse(plugin: Plugin, status: int) -> None:
    """Let the API server answer every request with an error."""
    plugin.cluster.sim.server.faults.add(Rule(match=Match(), fault=Refuse(status=status), times=None))


def test_no_rights(demo: Plugin) -> None:
    """A right that is missing is named, and has an exit code of its own."""
    refuse(demo, 403)

    said = demo.run("cleanup", "--pod", FIRST)

    assert said.code == 5
    assert "you lack a right (list pods in cassandra" in said.err


def test_a_server_in_trouble(demo: Plugin) -> None:
    """An API server that cannot answer is told from one that refuses."""
    refuse(demo, 503)

    assert demo.run("cleanup", "--pod", FIRST).code == 4


def test_no_definition(plugin: Plugin) -> None:
    """Where nobody installed CassandraClusters, it is said what to install."""
    path = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/cassandraclusters.db.orange.com"
    plugin.cluster.sim.transport.send(Request(method="DELETE", path=path))
    plugin.cluster.sim.run(1)

    said = plugin.run("restart", "--crd", "demo", "--full")

    assert said.code == 1
    assert "kubectl apply -k manifests" in said.err


def test_two_clusters_have_to_be_told_apart(demo: Plugin) -> None:
    """Without a name the only cluster is meant; if there are several, they are named."""
    demo.cluster.apply(sample("other"))

    said = demo.run("unlock")

    assert said.code == 1
    assert "name one of demo, other" in said.err
