"""`status`, `logs` and `bundle`: what is shown of a cluster, and what is not."""

from __future__ import annotations

import itertools
import json
from pathlib import Path
import stat
import tarfile
import time
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from controller.api.v2 import names
from controller.api.v2.codec import decode_status, encode_status
from controller.kube.transport import Request
from controller.plugin import show
from controller.plugin.logs import line, of_cluster
from controller.plugin.redact import Hider
from controller.plugin.session import Output
from controller.telemetry.redaction import HIDDEN, Redactor
from e2e.providers.cluster import CLUSTERS, wait_ready
from e2e.providers.sim import NAMESPACE
from e2e.samples import jolokia_secret, sample
from unit_tests.plugin.conftest import Plugin

FIRST = "demo-dc1-rack1-0"
PASSWORD = "a-test-password-7391"


def test_status_shows_racks_nodes_and_conditions(still: Plugin) -> None:
    """One look tells phase, sizes, each node with its host id, and every condition with its reason."""
    said, seen = still.run("status"), still.run("status", "demo", "-o", "json").json

    assert said.code == 0, said.err
    assert "demo: Running, 3 of 3 nodes serve" in said.out
    assert "\x1b" not in said.out
    assert [(r["name"], r["ready"], r["wanted"], r["phase"]) for r in seen["racks"]] == [
        ("dc1-rack1", 1, 1, "Running"),
        ("dc1-rack2", 1, 1, "Running"),
        ("dc1-rack3", 1, 1, "Running"),
    ]
    hosts = still.cluster.get(CLUSTERS, "demo")["status"]["cassandraNodeStatus"]
    assert {n["pod"]: n["hostId"] for n in seen["nodes"]} == {p: h["hostId"] for p, h in hosts.items()}
    assert "Ready=True (AllNodesServe)" in said.out


def test_status_and_explain_of_a_refused_spec(demo: Plugin) -> None:
    """Sizes are those that are carried out, and who is waited for is the user."""
    demo.cluster.patch(CLUSTERS, "demo", {"spec": {"nodesPerRacks": -4}})
    demo.cluster.eventually(
        lambda: show.refused(demo.cluster.get(CLUSTERS, "demo")), seconds=10, what="it is refused"
    )

    assert [rack["wanted"] for rack in demo.run("status", "-o", "json").json["racks"]] == [1, 1, 1]
    assert "What is refused waits for you: correct spec" in demo.run("explain").out


def test_status_shows_operations(demo: Plugin) -> None:
    """What a label asks of a node stands in its line."""
    assert demo.run("rebuild", "--pod", FIRST, "dc1").code == 0

    seen = demo.run("status", "-o", "json").json

    (node,) = [n for n in seen["nodes"] if n["operation"]]
    assert node["pod"] == FIRST
    assert node["operation"] == {"name": "rebuild", "status": "ToDo", "argument": "dc1"}
    assert "rebuild dc1 ToDo" in demo.run("status").out


def test_status_says_why_an_operation_failed(demo: Plugin) -> None:
    """In the operator's words; the rack, which is Done in CassKop's, counts it. A removal is not foreseen."""
    demo.run("operate", "flush", "--pod", FIRST, "--argument", "nosuch")
    demo.cluster.sim.run(10)

    said = demo.run("status").out
    assert "flush nosuch Error" in said
    assert f"{FIRST}: flush of nosuch on {FIRST} failed: there is no keyspace nosuch" in said
    assert "(1 failed)" in said

    demo.run("remove", "--pod", "demo-dc1-rack2-0", "--from-pod", FIRST)
    found = demo.run("plan", "-o", "json").json
    assert found["steps"] == []
    assert any(f"{FIRST} is not asked to remove a node" in why for why in found["assumed"])


def test_status_while_a_ring_comes_up(plugin: Plugin) -> None:
    """Before the operator has looked, and while nodes start, it is said how far they are."""
    plugin.cluster.sim.kill_operator(away=5)
    plugin.cluster.apply(jolokia_secret(), sample("demo"))
    assert "not looked at yet" in plugin.run("status").out

    plugin.cluster.eventually(lambda: plugin.cluster.of("demo", "pods"), seconds=60, what="a pod")
    seen = plugin.run("status", "-o", "json").json
    assert seen["phase"] == "Initializing"
    assert seen["nodes"][0]["state"] != "Ready"


def test_watching_shows_each_change(plugin: Plugin) -> None:
    """With --watch another picture follows whenever something changed, until the user ends it."""
    plugin.cluster.apply(jolokia_secret(), sample("demo"))
    world, looks = plugin.cluster.sim, 0
    let_pass = world.run

    def run(seconds: float) -> None:
        nonlocal looks
        looks += 1
        if looks > 60:
            raise KeyboardInterrupt
        let_pass(seconds)

    plugin.sleep = run
    said = plugin.run("status", "--watch", "-o", "json", "--every", "2")

    decoder, seen, rest = json.JSONDecoder(), list[Any](), said.out
    while rest.strip():
        value, end = decoder.raw_decode(rest.lstrip())
        seen.append(value)
        rest = rest.lstrip()[end:]
    assert said.code == 130
    ready = [each["readyNodes"] or 0 for each in seen]
    assert ready == sorted(ready)
    assert {0, 1, 2, 3} <= set(ready)
    assert all(one != other for one, other in itertools.pairwise(seen))


LONG: dict[str, Any] = {
    "rollout": {
        "nodes": 6,
        "updatedNodes": 3,
        "restarting": [{"pod": "demo-dc1-rack2-1", "uid": "u"}],
        "secondsPerRestart": 95,
        "estimatedEnd": "2026-01-01T12:10:00Z",
    },
    "streaming": {
        "pod": "demo-dc1-rack1-2",
        "bytes": 256 * 1024**2,
        "totalBytes": 1024**3,
        "bytesPerSecond": 2 * 1024**2,
        "secondsLeft": 384,
        "measuredAt": "2026-01-01T12:00:00Z",
    },
    "dueOperations": [{"name": "cleanup", "dc": "dc1", "done": ["demo-dc1-rack1-0"]}],
    "pendingChange": {"hash": "abc", "changes": ["spec.nodesPerRacks: 1 -> 2"]},
}


def told(status: dict[str, Any], out: Output, *, stopped: bool = False, paused: bool = False) -> str:
    """Return what is shown of a cluster with *status*."""
    obj = sample("demo")
    obj["spec"]["stopped"] = stopped
    obj["metadata"]["annotations"] = {names.PAUSED: "true"} if paused else {}
    return "\n".join(show.lines(show.picture({**obj, "status": status}, []), out))


def test_long_work_is_shown_as_far_as_it_is_known() -> None:
    """Share, rate and end of restarts and streams; what is due and what waits; a bar only on a terminal."""
    text = told(LONG, Output())

    assert "Rollout 50%, 3 of 6 nodes updated, demo-dc1-rack2-1 restarts, 1 min a restart" in text
    assert "over at 2026-01-01T12:10:00Z" in text
    assert "Streaming demo-dc1-rack1-2 25%, 256.0 MiB of 1.0 GiB, 2.0 MiB/s, 6 min left" in text
    assert "Due: cleanup in dc1, settled on 1 nodes" in text
    assert "hash abc" in text
    assert "spec.nodesPerRacks: 1 -> 2" in text
    assert "#" not in text
    assert "[#####...............] 25%" in told(LONG, Output(terminal=True))


def test_a_roll_is_shown_while_it_goes_on(demo: Plugin) -> None:
    """Of a live roll: which node restarts and how many are done; nothing of it once it is over."""
    demo.cluster.patch(CLUSTERS, "demo", {"spec": {"cassandraImage": "cassandra:5.0.9"}})

    def second() -> bool:
        return "1 of 3 nodes updated" in demo.run("status").out

    demo.cluster.eventually(second, seconds=300, what="the first node has restarted")
    said = demo.run("status").out
    assert "Rollout 33%, 1 of 3 nodes updated" in said
    assert "demo-dc1-rack2-0 restarts" in said

    demo.cluster.eventually(lambda: "Rollout" not in demo.run("status").out, seconds=300, what="it is over")


def test_what_is_not_known_of_streams_is_not_made_up() -> None:
    """A stream without numbers is told without any, and one without a rate has no end."""
    assert "Streaming demo-0 not known how far" in told({"streaming": {"pod": "demo-0"}}, Output())
    begun = told({"streaming": {"pod": "demo-0", "bytes": 0, "totalBytes": 0}}, Output(terminal=True))
    assert "0 bytes of 0 bytes" in begun
    assert "left" not in begun
    assert "%" not in begun


def test_long_work_is_json_as_in_status() -> None:
    """Programs get these parts of status as they are, and nothing of what is not there."""
    seen, rest = (show.picture({**sample("demo"), "status": each}, []) for each in (LONG, {}))

    # They are what the operator writes, to the letter.
    written = encode_status(decode_status(LONG)[0])
    for part in ("rollout", "streaming"):
        assert {**written[part], **LONG[part]} == written[part]
    assert {key: seen[key] for key in LONG} == LONG
    assert {key: rest[key] or None for key in LONG} == dict.fromkeys(LONG)
    assert (rest["paused"], rest["stopped"]) == (False, False)


def test_that_nothing_is_done_is_shown() -> None:
    """A paused cluster is said to be paused; one that stops is told from one that has."""
    assert "nothing is changed" in told({}, Output(), paused=True)
    assert "To be stopped by spec.stopped" in told({"phase": "Running"}, Output(), stopped=True)
    assert "\nStopped by spec.stopped" in told({"phase": "Stopped"}, Output(), stopped=True)
    assert "topped" not in told({"phase": "Running"}, Output())


def large(nodes: int) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Return a cluster of three racks and *nodes* pods, as an API server lists them."""
    obj = sample("demo")
    obj["spec"]["nodesPerRacks"] = nodes // 3
    pods = [
        {
            "metadata": {
                "name": f"demo-dc1-rack{1 + n % 3}-{n // 3}",
                "labels": {"dc-rack": f"dc1-rack{1 + n % 3}"},
            },
            "spec": {"nodeName": f"node-{n}"},
            "status": {
                "phase": "Running",
                "podIP": f"10.0.{n // 250}.{n % 250}",
                "containerStatuses": [{"name": "cassandra", "ready": n != 7, "restartCount": 0}],
            },
        }
        for n in range(nodes)
    ]
    return obj, pods


def test_a_large_ring_is_summed_up() -> None:
    """Of hundreds of nodes only those are listed that are not ready or at an operation."""
    seen = show.picture(*large(300))

    text = list(show.lines(seen, Output()))

    assert any("299 further nodes are ready" in each for each in text)
    assert any("demo-dc1-rack2-2 " in each for each in text)
    assert len(text) < 12
    assert len(list(show.lines(seen, Output(), every_node=True))) > 300


def test_status_of_300_nodes_is_quick(demo: Plugin) -> None:
    """A ring of 300 nodes takes less than a second of computing, the API server's share included."""
    pod = demo.cluster.get("pods", FIRST)
    for n in range(1, 300):
        metadata = {k: pod["metadata"][k] for k in ("labels", "annotations") if k in pod["metadata"]}
        metadata["name"] = f"demo-dc1-rack1-{n}"
        body = {"metadata": metadata, "spec": pod["spec"]}
        demo.cluster.sim.post(f"/api/v1/namespaces/{NAMESPACE}/pods", body)
    assert len(demo.cluster.of("demo", "pods")) == 302
    began = time.process_time()

    said = demo.run("status", "-o", "json")

    took = time.process_time() - began
    assert len(said.json["nodes"]) == 302
    assert took < 1.0


def test_colour_only_on_a_terminal() -> None:
    """The same lines, with colour on a terminal and without anywhere else."""
    seen = show.picture(*large(3))

    plain = list(show.lines(seen, Output()))
    coloured = list(show.lines(seen, Output(terminal=True)))

    assert "\x1b" not in "".join(plain)
    assert "\x1b[1m" in "".join(coloured)


def test_the_definition_of_casskop_is_told_from_ours(demo: Plugin) -> None:
    """Under CassKop's CRD there are no conditions to show, and it is said what to install."""
    path = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/cassandraclusters.db.orange.com"
    theirs = {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}}
    patch = {"spec": {"versions": [{"name": "v2", "served": True, "storage": True, "schema": theirs}]}}
    headers = {"Content-Type": "application/merge-patch+json"}
    answer = demo.cluster.sim.transport.send(Request(method="PATCH", path=path, body=patch, headers=headers))
    assert answer.status == 200

    for words in (["status"], ["explain"], ["plan"]):
        said = demo.run(*words)
        assert said.code == 1
        assert "is CassKop's, not ours" in said.err


def test_log_lines_of_one_cluster() -> None:
    """Lines about other clusters, other namespaces and nothing at all are left out."""
    entries = [
        {"timestamp": "2", "level": "info", "event": "reconciled", "name": "demo", "why": "x"},
        {"event": "reconciled", "namespace": "b", "name": "demo"},
        {"event": "reconciled", "namespace": "a", "name": "other"},
        ["demo"],
    ]
    text = [json.dumps(each) for each in entries] + ["a traceback", "", '{"name": "demo"']

    (found,) = of_cluster(text, "a", "demo")

    assert line(found) == "2 info reconciled why=x"


def test_logs_without_an_operator(still: Plugin) -> None:
    """Where no pod of the operator is, it is said where to look."""
    said = still.run("logs", "demo")

    assert said.code == 1
    assert "kubectl logs" in said.err


def test_a_bundle_holds_all_but_secrets(demo: Plugin, tmp_path: Path) -> None:
    """Objects and events are in it; a password in a variable, an annotation or a text is not."""
    env = [{"name": "MY_PASSWORD", "value": "hush-hush"}, {"name": "HINT", "value": f"it is {PASSWORD}"}]
    demo.cluster.patch(CLUSTERS, "demo", {"spec": {"pod": {"annotations": {"a": "b"}}}})
    demo.cluster.patch("pods", FIRST, {"metadata": {"annotations": {"copy": json.dumps({"env": env})}}})
    path = tmp_path / "demo.tar.gz"

    said = demo.run("bundle", "demo", "-f", str(path))

    assert said.code == 0, said.err
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    with tarfile.open(path) as archive:
        (member,) = archive.getmembers()
        held = archive.extractfile(member)
        assert held is not None
        content = json.loads(held.read())
    text = json.dumps(content)
    assert "hush-hush" not in text
    assert PASSWORD not in text
    assert content["hidden"] == 2
    kept = {plural: len(objects) for plural, objects in content["objects"].items()}
    assert kept["statefulsets"] == kept["pods"] == kept["persistentvolumeclaims"] == 3
    assert kept["configmaps"] == 1
    assert [obj.keys() for obj in content["objects"]["secrets"]] == [{"kind", "apiVersion", "metadata"}]
    assert any(event["reason"] == "ApplyStatefulSet" for event in content["events"])


def test_no_bundle_is_no_bundle(still: Plugin, tmp_path: Path) -> None:
    """A file that is something else is refused by its name."""
    path = tmp_path / "x.json"
    path.write_text("{}")

    said = still.run("plan", "--bundle", str(path))

    assert said.code == 1
    assert f"{path} is no bundle" in said.err


@given(st.text("abc-", min_size=6, max_size=12), st.text(max_size=20), st.text(max_size=20))
def test_a_known_secret_leaves_in_no_text(secret: str, before: str, after: str) -> None:
    """Wherever it stands, also inside JSON inside a text, and under whatever name."""
    redactor = Redactor()
    redactor.register(secret)
    hider = Hider(redactor)

    text = json.dumps(hider.object({"a": [before + secret + after], "b": json.dumps({"c": secret})}))

    assert secret not in text.replace(HIDDEN, "")


def test_names_of_secrets_are_none() -> None:
    """References stay, or nobody could plan on a bundle; values under names of secrets go."""
    spec = {
        "imageJolokiaSecret": {"name": "jolokia-auth"},
        "config": {"keystore_password": "x"},
        "env": [{"name": "TOKEN", "valueFrom": {"secretKeyRef": {"name": "a", "key": "b"}}}],
        "authenticated": "true",
    }

    assert Hider().object(spec) == {**spec, "config": {"keystore_password": HIDDEN}}


def test_everything_is_ready_to_be_looked_at(still: Plugin) -> None:
    """None of the commands that only look has changed the ring."""
    assert wait_ready(still.cluster, "demo", seconds=1)["metadata"]["generation"] == 1
