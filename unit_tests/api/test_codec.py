"""What reading a CassandraCluster promises: nothing coerced, every problem named, no crash."""

from __future__ import annotations

import datetime as dt
from typing import Any

import attrs
from hypothesis import given
import pytest

from controller.api.v2.cluster import (
    ActionName,
    ClusterStatus,
    Condition,
    LastAction,
    NodeStatus,
    Phase,
    PodLastOperation,
    RackStatus,
)
from controller.api.v2.codec import decode_cluster, decode_status, encode_status
from controller.api.v2.problems import InvalidClusterError, Problem
from unit_tests import strategies


def problems_of(spec: object) -> dict[str, str]:
    """Return the problems of a spec by path."""
    with pytest.raises(InvalidClusterError) as caught:
        decode_cluster({"metadata": {"name": "a"}, "spec": spec})
    return {problem.path: problem.message for problem in caught.value.problems}


def problems_if_any(obj: object) -> tuple[Problem, ...]:
    """Read *obj* and return its problems; none if it could be read."""
    try:
        decode_cluster(obj)
    except InvalidClusterError as error:
        return error.problems
    return ()


def test_a_spec_is_read_under_the_names_that_users_write() -> None:
    """Odd spellings of CassKop's are kept: `imagepullpolicy`, `deletePVC`, `jmxRemoteSSL`."""
    cluster = decode_cluster(
        {
            "metadata": {"name": "a", "deletionTimestamp": "2026-01-31T12:00:00Z"},
            "spec": {
                "imagepullpolicy": "Never",
                "imagePullPolicy": "ignored",
                "deletePVC": True,
                "jmxConfiguration": {"jmxRemoteSSL": False},
                "backRestSidecar": {"volumeMount": [{"name": "data", "mountPath": "/x"}]},
                "topology": {"dc": [{"name": "dc1", "nodesPerRacks": 0}]},
                "config": {"cassandra-yaml": {"num_tokens": None}},
            },
            "status": {"seedlist": ["a", "b"]},
        }
    )

    spec = cluster.spec
    assert (spec.image_pull_policy, spec.delete_pvc) == ("Never", True)
    assert spec.jmx_configuration is not None
    assert spec.jmx_configuration.jmx_remote_ssl is False
    assert spec.topology is not None
    assert spec.topology.dc[0].nodes_per_racks == 0
    assert spec.config == {"cassandra-yaml": {"num_tokens": None}}
    assert cluster.status.seed_list == ("a", "b")
    assert cluster.metadata.deletion_timestamp == dt.datetime(2026, 1, 31, 12, tzinfo=dt.UTC)


def test_null_means_absent() -> None:
    """As in Kubernetes, a null member is as good as none."""
    spec = {
        "cassandraImage": None,
        "topology": None,
        "pod": {"tolerations": None},
        "envVars": [{"name": "A", "value": None}],
    }

    read = decode_cluster({"metadata": {"name": "a", "labels": None}, "spec": spec, "status": None})

    assert read.spec.cassandra_image is None
    assert read.spec.env_vars == ({"name": "A"},)
    assert (
        decode_cluster({"metadata": {"name": "a"}}).spec
        == decode_cluster({"metadata": {"name": "a"}, "spec": None}).spec
    )


def test_all_problems_are_reported_at_once_in_the_words_of_json() -> None:
    """A user corrects everything in one go."""
    found = problems_of(
        {
            "nodesPerRacks": "3",
            "deletePVC": "false",
            "runAsUser": 9.0,
            "resources": {"limits": {"cpu": 0.5, "memory": "lots"}},
            "pod": {"annotations": {"a/b": 4}, "tolerations": {}},
            "sidecarConfigs": [{"env": [{"value": 3}]}],
            "storageConfigs": [{"mountPath": "/x"}],
            "topology": {"dc": [{"name": "dc1", "rack": [{"name": "a"}, {"name": 3}, 5]}]},
        }
    )

    assert found == {
        "spec.nodesPerRacks": "is a text; write a whole number",
        "spec.deletePVC": "is a text; write true or false",
        "spec.runAsUser": "is a number; write a whole number",
        "spec.resources.limits.cpu": "is a number; write a text such as 500m or a whole number",
        "spec.resources.limits.memory": "'lots' is not a quantity; write a number such as 500m, 2 or 1Gi",
        "spec.pod.annotations[a/b]": "is a number; write a text",
        "spec.pod.tolerations": "is an object; write a list",
        "spec.sidecarConfigs[0].name": "is missing; add it",
        "spec.sidecarConfigs[0].env[0].name": "is missing; add it",
        "spec.sidecarConfigs[0].env[0].value": "is a number; write a text",
        "spec.storageConfigs[0].name": "is missing; add it",
        "spec.storageConfigs[0].pvcSpec": "is missing; add it",
        "spec.topology.dc[0].rack[1].name": "is a number; write a text",
        "spec.topology.dc[0].rack[2]": "is a number; write an object",
    }


@pytest.mark.parametrize("spec", ["abc", [], 3, True])
def test_a_spec_that_is_no_object_is_one_problem(spec: object) -> None:
    """The message says what it is instead."""
    (path,) = problems_of(spec)

    assert path == "spec"


@pytest.mark.parametrize("obj", [None, [], "x", 3])
def test_an_object_that_is_no_object_is_refused(obj: object) -> None:
    """Nothing else is raised but `InvalidClusterError`."""
    with pytest.raises(InvalidClusterError, match="write an object"):
        decode_cluster(obj)


def test_a_number_that_is_too_large_is_refused() -> None:
    """No field holds more than 64 bits, and some hold 32."""
    port = {"name": "a", "ports": [{"containerPort": 2**31}]}
    assert list(problems_of({"sidecarConfigs": [port]})) == ["spec.sidecarConfigs[0].ports[0].containerPort"]
    assert problems_of({"fsGroup": 2**63}) == {
        "spec.fsGroup": f"{2**63} does not fit in int64; write a smaller number"
    }


def test_values_that_were_read_cannot_be_changed() -> None:
    """Kubernetes types stay JSON, read-only at every depth."""
    cluster = decode_cluster(
        {
            "metadata": {"name": "a", "labels": {"x": "y"}},
            "spec": {"envVars": [{"name": "A", "valueFrom": {"fieldRef": {"fieldPath": "x"}}}]},
        }
    )
    variable: Any = cluster.spec.env_vars[0]

    with pytest.raises(TypeError):
        variable["name"] = "B"
    with pytest.raises(TypeError):
        variable["valueFrom"]["fieldRef"]["fieldPath"] = "y"
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        cluster.spec.debug = True  # type: ignore[misc] # what the test is about


def test_a_damaged_status_loses_only_its_damaged_parts() -> None:
    """What can be read is read, down to single list items; the rest is named."""
    status, left_out = decode_status(
        {
            "phase": "Running",
            "seedlist": "abc",
            "cassandraRackStatus": {
                "dc1-rack1": {
                    "phase": 3,
                    "podLastOperation": {"name": "cleanup", "pods": ["a", 3, "b"], "startTime": "yesterday"},
                },
                "dc1-rack2": [],
            },
            "conditions": [3, {"type": "Ready", "status": "True"}],
            "anotherOperatorsField": {},
        }
    )

    assert status.phase == Phase.RUNNING
    assert status.seed_list == ()
    assert list(status.cassandra_rack_status) == ["dc1-rack1"]
    assert status.cassandra_rack_status["dc1-rack1"].pod_last_operation == PodLastOperation(
        name="cleanup", pods=("a", "b")
    )
    assert [condition.type for condition in status.conditions] == ["Ready"]
    assert {problem.path for problem in left_out} == {
        "status.seedlist",
        "status.cassandraRackStatus.dc1-rack1.phase",
        "status.cassandraRackStatus.dc1-rack1.podLastOperation.pods[1]",
        "status.cassandraRackStatus.dc1-rack1.podLastOperation.startTime",
        "status.cassandraRackStatus.dc1-rack2",
        "status.conditions[0]",
    }


@pytest.mark.parametrize("raw", ["abc", [], 3, True])
def test_a_status_that_is_none_reads_as_empty(raw: object) -> None:
    """It never stops anything."""
    status, left_out = decode_status(raw)

    assert status == ClusterStatus()
    assert [problem.path for problem in left_out] == ["status"]


def test_a_time_without_zone_is_not_guessed() -> None:
    """Times are instants."""
    for text in ("2026-01-31T12:00:00", 3, "soon"):
        _, left_out = decode_status({"conditions": [{"type": "Ready", "lastTransitionTime": text}]})

        assert [problem.path for problem in left_out] == ["status.conditions[0].lastTransitionTime"]


def test_a_status_survives_being_written_and_read() -> None:
    """Times go out in UTC with whole seconds, as Kubernetes writes them."""
    moment = dt.datetime(2026, 1, 31, 13, 0, 0, tzinfo=dt.timezone(dt.timedelta(hours=1)))
    status = ClusterStatus(
        phase=Phase.RUNNING,
        last_cluster_action=ActionName.SCALE_UP,
        seed_list=("a",),
        cassandra_node_status={"a-0": NodeStatus(host_id="h", node_ip="10.0.0.1")},
        cassandra_rack_status={"dc1-rack1": RackStatus(cassandra_last_action=LastAction(start_time=moment))},
        conditions=(Condition(type="Ready", status="Unknown", last_transition_time=moment),),
        observed_generation=3,
        ready_nodes=0,
    )

    encoded = encode_status(status)

    assert encoded == {
        "phase": "Running",
        "lastClusterAction": "ScaleUp",
        "seedlist": ["a"],
        "cassandraNodeStatus": {"a-0": {"hostId": "h", "nodeIp": "10.0.0.1"}},
        "cassandraRackStatus": {
            "dc1-rack1": {
                "cassandraLastAction": {"startTime": "2026-01-31T12:00:00Z"},
                "podLastOperation": {},
            }
        },
        "conditions": [
            {
                "type": "Ready",
                "status": "Unknown",
                "reason": "",
                "message": "",
                "lastTransitionTime": "2026-01-31T12:00:00Z",
            }
        ],
        "observedGeneration": 3,
        "readyNodes": 0,
    }
    assert decode_status(encoded) == (status, ())


@given(strategies.json_values)
def test_any_json_is_read_or_refused_with_problems(value: object) -> None:
    """No other error comes out, whatever goes in."""
    decode_status(value)
    for obj in (
        value,
        {"metadata": value, "spec": value},
        {"metadata": {"name": "a"}, "spec": value, "status": value},
    ):
        assert all(problem.message for problem in problems_if_any(obj))


@given(strategies.mangled_clusters())
def test_a_mangled_cluster_is_read_or_refused_with_problems(obj: dict[str, Any]) -> None:
    """Each problem has a path and a sentence."""
    assert all(problem.path and problem.message for problem in problems_if_any(obj))
