"""What a reader may rely on: a drift is told exactly, and what others add is none."""

from __future__ import annotations

from collections.abc import Callable, Iterator
import copy
import json
from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
import pytest

from controller.kube.apply import differences, drifted

WANTED: dict[str, Any] = {
    "apiVersion": "apps/v1",
    "kind": "StatefulSet",
    "metadata": {
        "name": "cc-dc1-rack1",
        "labels": {"app": "cassandracluster", "app.kubernetes.io/name": "x"},
        "ownerReferences": [{"uid": "u", "kind": "CassandraCluster", "controller": True}],
    },
    "spec": {
        "replicas": 3,
        "podManagementPolicy": "Parallel",
        "updateStrategy": {"type": "OnDelete"},
        "template": {
            "metadata": {"labels": {"app": "cassandracluster"}},
            "spec": {
                "hostNetwork": False,
                "initContainers": [{"name": "bootstrap", "image": "b:1"}],
                "containers": [
                    {
                        "name": "cassandra",
                        "image": "cassandra:5.0",
                        "command": ["a", "b"],
                        "env": [{"name": "A", "value": "1"}, {"name": "B", "value": ""}],
                        "ports": [{"containerPort": 9042, "name": "cql"}, {"containerPort": 7000}],
                        "resources": {"requests": {"cpu": "500m", "memory": "1024Mi"}, "limits": {"cpu": 2}},
                        "volumeMounts": [{"name": "data", "mountPath": "/var/lib/cassandra"}],
                    },
                    {"name": "backrest-sidecar", "image": "i:1"},
                ],
                "volumes": [{"name": "tmp", "emptyDir": {"sizeLimit": "1Gi"}}, {"name": "x", "emptyDir": {}}],
                "tolerations": [{"key": "a", "operator": "Exists"}],
            },
        },
        "volumeClaimTemplates": [
            {"metadata": {"name": "data"}, "spec": {"resources": {"requests": {"storage": "10Gi"}}}}
        ],
    },
}


def live() -> dict[str, Any]:
    """Return the object as a server may have it: with defaults, other forms, other things."""
    obj = copy.deepcopy(WANTED)
    del obj["apiVersion"], obj["kind"]
    obj["metadata"] |= {"uid": "u-1", "resourceVersion": "7", "managedFields": []}
    obj["metadata"]["labels"]["other"] = "x"
    obj["metadata"]["ownerReferences"].insert(0, {"uid": "v"})
    obj["status"] = {"replicas": 3}
    spec = obj["spec"]
    spec["revisionHistoryLimit"] = 10
    spec["volumeClaimTemplates"][0] |= {"apiVersion": "v1", "status": {"phase": "Pending"}}
    pod = spec["template"]["spec"]
    del pod["hostNetwork"]
    pod["dnsPolicy"] = "ClusterFirst"
    pod["tolerations"][0]["effect"] = "NoSchedule"
    pod["volumes"] = [{"name": "injected"}, *reversed(pod["volumes"])]
    cassandra = pod["containers"][0]
    cassandra["imagePullPolicy"] = "IfNotPresent"
    cassandra["env"] = [{"name": "B"}, {"name": "C", "value": "x"}, {"name": "A", "value": "1"}]
    cassandra["ports"] = [
        {"containerPort": 7000, "protocol": "TCP"},
        {"containerPort": 9042, "name": "cql", "protocol": "TCP"},
    ]
    cassandra["resources"] = {"requests": {"cpu": 0.5, "memory": "1Gi"}, "limits": {"cpu": "2"}}
    pod["containers"].append({"name": "istio-proxy"})
    return obj


def test_what_others_add_is_no_drift() -> None:
    """Defaults, other spellings of a quantity, other order, injected containers, more labels."""
    assert drifted(live(), WANTED) == ()


POD = "spec.template.spec"
CASSANDRA = f"{POD}.containers[cassandra]"


def pod_of(obj: dict[str, Any]) -> dict[str, Any]:
    """Return the pod spec of a StatefulSet."""
    spec: dict[str, Any] = obj["spec"]["template"]["spec"]
    return spec


def cassandra_of(obj: dict[str, Any]) -> dict[str, Any]:
    """Return the Cassandra container of a StatefulSet."""
    container: dict[str, Any] = pod_of(obj)["containers"][0]
    return container


CHANGES: dict[str, Callable[[dict[str, Any]], object]] = {
    "spec.replicas": lambda o: o["spec"].update(replicas=2),
    "spec.updateStrategy": lambda o: o["spec"].pop("updateStrategy"),
    "spec.updateStrategy ": lambda o: o["spec"].update(updateStrategy=None),
    "spec.updateStrategy  ": lambda o: o["spec"].update(updateStrategy="OnDelete"),
    "metadata.labels.app": lambda o: o["metadata"]["labels"].pop("app"),
    "metadata.labels[app.kubernetes.io/name]": lambda o: o["metadata"]["labels"].update(
        {"app.kubernetes.io/name": "y"}
    ),
    "metadata.ownerReferences": lambda o: o["metadata"].pop("ownerReferences"),
    "metadata.ownerReferences[u].controller": lambda o: o["metadata"]["ownerReferences"][1].update(
        controller=1
    ),
    f"{POD}.containers[cassandra]": lambda o: pod_of(o)["containers"].pop(0),
    f"{POD}.initContainers[bootstrap]": lambda o: pod_of(o)["initContainers"].clear(),
    f"{POD}.tolerations": lambda o: pod_of(o)["tolerations"].clear(),
    f"{POD}.volumes[x]": lambda o: pod_of(o)["volumes"].pop(1),
    f"{POD}.volumes[tmp].emptyDir.sizeLimit": lambda o: pod_of(o)["volumes"][2]["emptyDir"].clear(),
    f"{CASSANDRA}.image": lambda o: cassandra_of(o).update(image="x:2"),
    f"{CASSANDRA}.command[1]": lambda o: cassandra_of(o).update(command=["a", "c"]),
    f"{CASSANDRA}.command": lambda o: cassandra_of(o)["command"].append("c"),
    f"{CASSANDRA}.env[A]": lambda o: cassandra_of(o)["env"].pop(),
    f"{CASSANDRA}.env[A].value": lambda o: cassandra_of(o)["env"][2].update(value="2"),
    f"{CASSANDRA}.ports[7000,TCP]": lambda o: cassandra_of(o)["ports"][0].update(protocol="UDP"),
    f"{CASSANDRA}.resources.requests.memory": lambda o: cassandra_of(o)["resources"]["requests"].update(
        memory="1G"
    ),
    f"{CASSANDRA}.volumeMounts[/var/lib/cassandra]": lambda o: cassandra_of(o)["volumeMounts"][0].update(
        mountPath="/x"
    ),
    "spec.volumeClaimTemplates[0].spec.resources.requests.storage": lambda o: o["spec"][
        "volumeClaimTemplates"
    ][0]["spec"]["resources"]["requests"].update(storage="20Gi"),
}


@pytest.mark.parametrize("path", CHANGES)
def test_each_change_of_ours_is_told(path: str) -> None:
    """With the path of the field, by the names of items, as a person would look for it."""
    obj = live()
    CHANGES[path](obj)

    assert drifted(obj, WANTED) == (path.strip(),)


def test_paths_are_sorted() -> None:
    """No answer depends on the order of members."""
    obj = live()
    pod_of(obj)["initContainers"].clear()
    obj["metadata"]["labels"].pop("app")

    assert drifted(obj, WANTED) == ("metadata.labels.app", f"{POD}.initContainers[bootstrap]")


def test_quantities_are_compared_as_such_only_where_there_are_any() -> None:
    """A variable of 1024Mi is not the variable 1Gi."""
    wanted = {"env": [{"name": "A", "value": "1024Mi"}], "limits": {"memory": "1024Mi", "x": "no quantity"}}
    found = {"env": [{"name": "A", "value": "1Gi"}], "limits": {"memory": "1Gi", "x": "none"}}

    assert drifted(found, wanted) == ("env[A].value", "limits.x")


def test_ports_of_a_service_have_keys_of_their_own() -> None:
    """Port and protocol; a node port that the server added is no drift."""
    wanted = {"spec": {"ports": [{"port": 9042, "targetPort": 9042}], "clusterIP": "None"}}
    ports = [
        {"port": 1, "protocol": "TCP"},
        {"port": 9042, "targetPort": 9042, "protocol": "TCP", "nodePort": 30000},
    ]

    assert drifted({"spec": {"ports": ports, "clusterIP": "None"}}, wanted) == ()
    assert drifted({"spec": {"ports": ports[:1], "clusterIP": "None"}}, wanted) == ("spec.ports[9042,TCP]",)


def test_a_list_whose_items_share_a_name_is_compared_by_position() -> None:
    """Nobody could say which is which."""
    wanted = {"env": [{"name": "A", "value": "1"}, {"name": "A", "value": "2"}]}

    assert drifted(wanted, wanted) == ()
    assert drifted({"env": wanted["env"][:1]}, wanted) == ("env",)
    assert drifted({"env": ["A"]}, {"env": ["B"]}) == ("env[0]",)


def test_lines_for_people_hold_no_secrets() -> None:
    """A field is named; its value is shown unless it may be the user's to keep."""
    obj = live()
    obj["spec"]["replicas"] = 2
    pod_of(obj)["containers"][0]["env"][2]["value"] = "hunter2"
    pod_of(obj)["containers"][0]["command"] = None
    pod_of(obj)["containers"].pop(1)
    pod_of(obj)["volumes"][2]["emptyDir"]["sizeLimit"] = "x" * 200

    lines = [str(difference) for difference in differences(obj, WANTED)]

    assert lines == [
        "spec.replicas: is 2, wanted 3",
        f"{CASSANDRA}.command: is absent, wanted a list of 2",
        f"{CASSANDRA}.env[A].value: differs",
        "spec.template.spec.containers[backrest-sidecar]: is absent, wanted an object",
        f'spec.template.spec.volumes[tmp].emptyDir.sizeLimit: is "{"x" * 79}…, wanted "1Gi"',
    ]
    assert [str(each) for each in differences({"data": {"a": "hunter2"}}, {"data": {"a": "b"}})] == [
        "data.a: differs"
    ]


# -- properties

leaves = st.integers(1, 9) | st.text("abc", min_size=1, max_size=3) | st.sampled_from([True])
names = st.sampled_from(["a", "b", "spec", "limits", "containers", "ports", "x.y/z"])
objects = st.recursive(
    leaves,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=3),
    max_leaves=15,
)
wholes = st.dictionaries(names, objects, max_size=4)


@given(wholes)
def test_nothing_drifts_from_itself(obj: dict[str, Any]) -> None:
    """Whatever the shape, an object carries its own values."""
    assert drifted(obj, obj) == ()
    assert drifted(json.loads(json.dumps(obj)), obj) == ()


@given(wholes, st.data())
def test_additions_are_never_drift(obj: dict[str, Any], data: st.DataObject) -> None:
    """Members that we do not send may be added anywhere."""

    def add(value: Any) -> Any:
        match value:
            case dict():
                more = data.draw(st.dictionaries(st.sampled_from(["extra", "more"]), leaves))
                return {key: add(each) for key, each in value.items()} | more
            case list():
                return [add(each) for each in value]
            case _:
                return value

    assert drifted(add(obj), obj) == ()


@given(wholes, st.data())
def test_any_changed_leaf_is_told(obj: dict[str, Any], data: st.DataObject) -> None:
    """Change one value that we send, and a path says so."""
    places = list(_leaves(obj))
    if not places:
        return
    *way, last = data.draw(st.sampled_from(places))
    changed = copy.deepcopy(obj)
    parent: Any = changed
    for step in way:
        parent = parent[step]
    parent[last] = "something else"

    assert len(drifted(changed, obj)) == 1


def _leaves(value: Any, *way: Any) -> Iterator[tuple[Any, ...]]:
    match value:
        case dict():
            for key, each in value.items():
                yield from _leaves(each, *way, key)
        case list():
            for index, each in enumerate(value):
                yield from _leaves(each, *way, index)
        case _:
            yield way


def test_recorded_statefulsets_do_not_drift_from_themselves() -> None:
    """Not even whole objects of CassKop, as stored; and one edit is one path."""
    recorded = sorted(Path(__file__).parents[1].glob("builders/golden/**/statefulset*.json"))

    assert recorded
    for path in recorded:
        obj = json.loads(path.read_text())
        assert drifted(obj, obj) == ()
        assert drifted(obj, {**obj, "spec": {**obj["spec"], "replicas": 99}}) == ("spec.replicas",)
