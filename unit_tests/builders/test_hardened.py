"""Template revision 1: what new clusters get, and why."""

from __future__ import annotations

from typing import Any

import attrs
import pytest

from controller.api.v2 import names
from controller.api.v2.codec import decode_cluster
from controller.builders.context import Images, Kept
from controller.builders.hashing import template_hash
from controller.builders.statefulset import build_statefulset

Json = dict[str, Any]

OWN = Images(own="example.org/casskop:1")


def build(
    spec: Json | None = None,
    *,
    labels: dict[str, str] | None = None,
    rack: str = "rack1",
    **arguments: Any,
) -> Json:
    """Build rack *rack* of `dc1` of a cluster with *spec*, in revision 1 unless told otherwise."""
    cluster = {
        "metadata": {"name": "c", "namespace": "ns", "uid": "u", "labels": labels or {}},
        "spec": spec or {},
    }
    defaults: Json = {"replicas": 1, "seeds": ["s"], "revision": 1, "images": OWN}
    return build_statefulset(decode_cluster(cluster), "dc1", rack, **(defaults | arguments))


def pod(statefulset: Json) -> Json:
    """Return the specification of the pods."""
    spec: Json = statefulset["spec"]["template"]["spec"]
    return spec


def container(statefulset: Json, name: str) -> Json:
    """Return a container or init container by name."""
    spec = pod(statefulset)
    found: Json = next(c for c in spec["initContainers"] + spec["containers"] if c["name"] == name)
    return found


def mounts(statefulset: Json, name: str) -> dict[str, str]:
    """Return the volumes that a container sees, by path."""
    return {
        mount["mountPath"]: mount["name"] for mount in container(statefulset, name).get("volumeMounts", [])
    }


def variables(statefulset: Json, name: str) -> Json:
    """Return a container's environment by name: values, or where they come from."""
    return {v["name"]: v.get("value", v.get("valueFrom")) for v in container(statefulset, name)["env"]}


def test_containers_have_the_names_and_the_order_that_users_rely_on() -> None:
    """Sidecars of the user stand before `cassandra`."""
    spec = pod(build({"sidecarConfigs": [{"name": "logger", "image": "busybox"}]}))

    assert [c["name"] for c in spec["initContainers"]] == [
        "base-config-builder",
        "config-builder",
        "bootstrap",
    ]
    assert [c["name"] for c in spec["containers"]] == ["logger", "cassandra", "backrest-sidecar"]


def test_the_operator_replaces_pods_and_racks_start_at_once() -> None:
    """Kubernetes replaces none by itself."""
    spec = build()["spec"]

    assert spec["updateStrategy"] == {"type": "OnDelete"}
    assert spec["podManagementPolicy"] == "Parallel"
    assert pod(build())["terminationGracePeriodSeconds"] == 1800


def test_an_adopted_statefulset_keeps_what_cannot_change() -> None:
    """Pod management, selector, claim templates; though the CassandraCluster has new labels."""
    spec = {"dataCapacity": "2Gi", "storageConfigs": [volume("extra", "/srv")]}
    made = build({"dataCapacity": "1Gi"}, labels={"team": "a"}, revision=0)
    made["spec"]["podManagementPolicy"] = "OrderedReady"

    moved = build(spec, labels={"team": "b"}, kept=Kept.of(made))

    for field in ("selector", "volumeClaimTemplates", "podManagementPolicy", "serviceName"):
        assert moved["spec"][field] == made["spec"][field]
    assert moved["spec"]["template"]["metadata"]["labels"] == made["spec"]["template"]["metadata"]["labels"]
    assert moved["metadata"]["labels"]["team"] == "b"
    assert "/srv" not in mounts(moved, "cassandra")


def test_the_size_of_volumes_changes_only_when_it_is_told_to() -> None:
    """A claim template follows the spec once the volumes have grown."""
    kept = Kept.of(build({"dataCapacity": "1Gi"}))

    def size(statefulset: Json) -> str:
        requested: str = statefulset["spec"]["volumeClaimTemplates"][0]["spec"]["resources"]["requests"][
            "storage"
        ]
        return requested

    assert size(build({"dataCapacity": "2Gi"}, kept=kept)) == "1Gi"
    assert size(build({"dataCapacity": "2Gi"}, kept=attrs.evolve(kept, capacity=None))) == "2Gi"


def test_a_newer_operator_builds_the_same_pods() -> None:
    """Its own image only reaches clusters and racks that are made later."""
    made = build()
    newer = Images(own="example.org/casskop:2")

    assert template_hash(build(images=newer, kept=Kept.of(made))) == template_hash(made)
    assert container(build(images=newer), "bootstrap")["image"] == "example.org/casskop:2"


def test_our_image_is_told_what_to_be_and_a_users_runs_as_it_is() -> None:
    """Of a user's image nothing is known: it keeps its entry point and a writable root."""
    own = container(build(), "bootstrap")
    users = container(build({"bootstrapImage": "mine:1"}), "bootstrap")

    assert (own["image"], own["args"]) == ("example.org/casskop:1", ["bootstrap"])
    assert container(build(), "config-builder")["args"] == ["config-builder"]
    assert (users["image"], users.get("args")) == ("mine:1", None)
    assert own["securityContext"]["readOnlyRootFilesystem"] is True
    assert users["securityContext"]["readOnlyRootFilesystem"] is False
    assert Kept.of(build({"bootstrapImage": "mine:1", "configBuilderImage": "mine:2"})).own_image is None


def test_bootstrap_can_tell_whether_its_node_ever_joined() -> None:
    """By the data directory, and by what the operator wrote down."""
    statefulset = build({"dataCapacity": "1Gi"})

    assert mounts(statefulset, "bootstrap") == {
        "/etc/cassandra": "bootstrap",
        "/extra-lib": "extra-lib",
        "/opt/bin": "tools",
        "/var/lib/cassandra": "data",
        "/tmp": "tmp",  # noqa: S108 # a path in the container
        "/ring": "ring",
    }
    assert {"name": "ring", "configMap": {"name": "c-ring", "optional": True}} in pod(statefulset)["volumes"]
    assert variables(statefulset, "bootstrap")["POD_NAME"] == {
        "fieldRef": {"apiVersion": "v1", "fieldPath": "metadata.name"}
    }
    assert "POD_NAME" not in variables(statefulset, "backrest-sidecar")


def test_probes_and_drain_call_our_scripts() -> None:
    """Startup may take an hour; after it the other probes begin at once."""
    cassandra = container(build(), "cassandra")

    assert cassandra["startupProbe"] == {
        "exec": {"command": ["/bin/bash", "/etc/cassandra/startup-probe.sh"]},
        "periodSeconds": 2,
        "failureThreshold": 1800,
        "timeoutSeconds": 10,
    }
    assert cassandra["readinessProbe"] == {
        "exec": {"command": ["/bin/bash", "-c", "/etc/cassandra/readiness-probe.sh"]},
        "periodSeconds": 5,
        "timeoutSeconds": 10,
    }
    assert cassandra["livenessProbe"] == {
        "exec": {"command": ["/bin/bash", "-c", "/etc/cassandra/liveness-probe.sh"]},
        "periodSeconds": 10,
        "timeoutSeconds": 20,
        "failureThreshold": 6,
    }
    assert cassandra["lifecycle"] == {
        "preStop": {"exec": {"command": ["/bin/bash", "/etc/cassandra/pre-stop.sh"]}}
    }


def test_timings_of_the_user_win() -> None:
    """Also for the startup probe, which has the time limit of readiness."""
    cassandra = container(
        build({"readinessHealthCheckTimeout": 3, "livenessFailureThreshold": 2}), "cassandra"
    )

    assert cassandra["startupProbe"]["timeoutSeconds"] == cassandra["readinessProbe"]["timeoutSeconds"] == 3
    assert cassandra["livenessProbe"]["failureThreshold"] == 2


def test_scripts_that_a_users_image_does_not_bring_are_not_called() -> None:
    """A CassKop bootstrap image has readiness and liveness only."""
    cassandra = container(build({"bootstrapImage": "mine:1"}), "cassandra")

    assert "startupProbe" not in cassandra
    assert "lifecycle" not in cassandra
    assert cassandra["livenessProbe"]["initialDelaySeconds"] == 120


def test_nothing_kills_a_pod_that_is_being_debugged() -> None:
    """It runs no Cassandra, so it is not ready either."""
    cassandra = container(build({"debug": True}), "cassandra")

    assert cassandra["command"] == ["sh", "-c", "tail -f /dev/null"]
    assert "readinessProbe" in cassandra
    assert not {"livenessProbe", "startupProbe", "lifecycle"} & cassandra.keys()


def test_only_the_backup_sidecar_gets_an_api_token() -> None:
    """It reads the Secrets of backups with it."""
    statefulset = build({"sidecarConfigs": [{"name": "logger", "image": "busybox"}]})
    token = "/var/run/secrets/kubernetes.io/serviceaccount"

    assert pod(statefulset)["automountServiceAccountToken"] is False
    assert token in mounts(statefulset, "backrest-sidecar")
    for name in ("logger", "cassandra", "bootstrap", "config-builder", "base-config-builder"):
        assert token not in mounts(statefulset, name)
    without = build({"backRestSidecar": {"enabled": False}})
    assert "backrest-token" not in {volume["name"] for volume in pod(without)["volumes"]}


def test_a_sidecar_keeps_what_its_user_says_about_security() -> None:
    """It is only completed."""
    given = {"runAsUser": 1000, "capabilities": {"add": ["NET_BIND_SERVICE"]}}
    sidecar = container(
        build({"sidecarConfigs": [{"name": "logger", "image": "busybox", "securityContext": given}]}),
        "logger",
    )

    assert sidecar["securityContext"] == {
        "runAsUser": 1000,
        "runAsNonRoot": True,
        "allowPrivilegeEscalation": False,
        "capabilities": {"add": ["NET_BIND_SERVICE"], "drop": ["ALL"]},
        "seccompProfile": {"type": "RuntimeDefault"},
    }


def test_the_backup_sidecar_is_told_what_its_user_says() -> None:
    """As with CassKop, also of the cluster; where a node belongs stays the operator's to say."""
    own = {
        "CASSANDRA_CLUSTER_NAME": "backups",
        "CASSANDRA_DC": "a",
        "CASSANDRA_RACK": "b",
        "CASSANDRA_SEEDS": "elsewhere",
    }
    variables = [{"name": name, "value": value} for name, value in own.items()]
    spec = {"backRestSidecar": {"envVars": variables}, "sidecarConfigs": [{"name": "logger", "image": "x"}]}
    statefulset = build(spec)

    for name in ("backrest-sidecar", "logger"):
        told = {each["name"]: each.get("value") for each in container(statefulset, name)["env"]}
        assert own.items() <= told.items()
    bootstrap = container(statefulset, "bootstrap")["env"]
    assert [each for each in bootstrap if each["name"] in own] == [
        each for each in container(build(), "bootstrap")["env"] if each["name"] in own
    ]
    theirs = {each["name"]: each for each in container(build(spec, revision=0), "bootstrap")["env"]}
    assert theirs["CASSANDRA_SEEDS"]["value"] == "elsewhere"


@pytest.mark.parametrize(
    "given",
    [
        {"privileged": True},
        {"capabilities": {"add": ["CAP_SYS_ADMIN"]}},
        {"capabilities": {"add": ["SYS_ADMIN"]}},
    ],
)
def test_a_sidecar_with_privileges_is_not_told_to_gain_none(given: Json) -> None:
    """An API server refuses both together, and then no StatefulSet would come at all."""
    sidecars = [{"name": "tuner", "image": "busybox", "securityContext": given}]
    context = container(build({"sidecarConfigs": sidecars}), "tuner")["securityContext"]

    assert "allowPrivilegeEscalation" not in context
    assert context["runAsNonRoot"] is True


def test_the_root_of_cassandra_is_as_the_user_says() -> None:
    """Read-only unless told otherwise."""
    assert container(build(), "cassandra")["securityContext"]["readOnlyRootFilesystem"] is True
    writable = container(build({"readOnlyRootFilesystem": False}), "cassandra")
    assert writable["securityContext"]["readOnlyRootFilesystem"] is False


def volume(name: str, path: str) -> Json:
    """Return a further volume."""
    claim = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
    return {"name": name, "mountPath": path, "pvcSpec": claim}


def test_a_node_without_data_volume_keeps_its_data_while_its_pod_lives() -> None:
    """A container that restarts finds what it wrote."""
    statefulset = build()

    assert {"name": "data", "emptyDir": {}} in pod(statefulset)["volumes"]
    assert "volumeClaimTemplates" not in statefulset["spec"]
    for name in ("bootstrap", "cassandra", "backrest-sidecar"):
        assert mounts(statefulset, name)["/var/lib/cassandra"] == "data"


def test_the_data_volume_of_a_data_centre_is_mounted() -> None:
    """CassKop made it and left the data in the container."""
    statefulset = build({"topology": {"dc": [{"name": "dc1", "dataCapacity": "1Gi"}]}})

    assert [claim["metadata"]["name"] for claim in statefulset["spec"]["volumeClaimTemplates"]] == ["data"]
    assert mounts(statefulset, "cassandra")["/var/lib/cassandra"] == "data"
    assert "data" not in {v["name"] for v in pod(statefulset)["volumes"]}
    assert "/var/lib/cassandra" not in mounts(
        build({"topology": {"dc": [{"name": "dc1", "dataCapacity": "1Gi"}]}}, revision=0), "cassandra"
    )


def test_further_volumes_are_there_without_a_data_volume() -> None:
    """CassKop dropped them silently."""
    spec = {"storageConfigs": [volume("archive", "/srv/archive")]}

    assert mounts(build(spec), "cassandra")["/srv/archive"] == "archive"
    assert "/srv/archive" not in mounts(build(spec, revision=0), "cassandra")


@pytest.mark.parametrize("revision", [0, 1])
def test_a_further_volume_takes_the_place_of_a_directory_everywhere(revision: int) -> None:
    """Also where the directory is mounted at another path."""
    spec = {
        "dataCapacity": "1Gi",
        "storageConfigs": [volume("settings", "/etc/cassandra"), volume("scratch", "/tmp")],  # noqa: S108 # a path in the container
        "sidecarConfigs": [
            {"name": "logger", "image": "busybox", "volumeMounts": [{"name": "tmp", "mountPath": "/x"}]}
        ],
    }
    statefulset = build(spec, revision=revision)

    assert mounts(statefulset, "base-config-builder") == {"/bootstrap": "settings"}
    assert mounts(statefulset, "logger") == {"/x": "scratch"}
    assert mounts(statefulset, "cassandra")["/etc/cassandra"] == "settings"
    assert not {"bootstrap", "tmp"} & {v["name"] for v in pod(statefulset)["volumes"]}


def test_a_users_variable_wins_in_cassandra_and_ours_in_sidecars() -> None:
    """Names are unique; so is what a container sees."""
    statefulset = build(
        {
            "envVars": [{"name": "CASSANDRA_LOG_DIR", "value": "/x"}, {"name": "EMPTY", "value": ""}],
            "sidecarConfigs": [
                {
                    "name": "logger",
                    "image": "busybox",
                    "env": [{"name": "CASSANDRA_CLUSTER_NAME", "value": "other"}],
                }
            ],
        }
    )

    assert variables(statefulset, "cassandra")["CASSANDRA_LOG_DIR"] == "/x"
    assert {"name": "EMPTY"} in container(statefulset, "cassandra")["env"]
    names_seen = [v["name"] for v in container(statefulset, "logger")["env"]]
    assert len(names_seen) == len(set(names_seen))
    assert variables(statefulset, "logger")["CASSANDRA_CLUSTER_NAME"] == "c"


def test_quantities_are_sent_as_an_api_server_stores_them() -> None:
    """So that what is read back is what was sent."""
    statefulset = build({"dataCapacity": "1024Mi", "resources": {"limits": {"cpu": 1, "memory": "2048Mi"}}})

    assert container(statefulset, "cassandra")["resources"] == {"limits": {"cpu": "1", "memory": "2Gi"}}
    claim = statefulset["spec"]["volumeClaimTemplates"][0]["spec"]
    assert claim["resources"]["requests"]["storage"] == "1Gi"


def test_a_rolling_restart_is_a_label_that_stays() -> None:
    """Its value makes a new template; building on that changes nothing."""
    before = build()
    asked = build(kept=attrs.evolve(Kept.of(before), restarted_at="20260131T120000"))

    assert asked["spec"]["template"]["metadata"]["labels"][names.ROLLING_RESTART] == "20260131T120000"
    assert names.ROLLING_RESTART not in asked["spec"]["selector"]["matchLabels"]
    assert template_hash(asked) != template_hash(before)
    assert build(kept=Kept.of(asked)) == asked


def test_the_revision_and_the_template_hash_stand_on_the_statefulset() -> None:
    """The hash tells of the template and the update strategy, not of the size."""
    one, three = build(replicas=1), build(replicas=3)

    annotations = one["metadata"]["annotations"]
    assert annotations[names.TEMPLATE_REVISION] == "1"
    assert annotations[names.TEMPLATE_HASH] == template_hash(one) == template_hash(three)
    assert names.CASSKOP_LAST_APPLIED not in annotations
    assert template_hash(build({"cassandraImage": "cassandra:5.1"})) != template_hash(one)


def test_revision_0_can_leave_the_pods_to_the_operator() -> None:
    """The pod template is the same; only who replaces pods changes."""
    topology = {"dc": [{"name": "dc1", "rack": [{"name": "rack1", "rollingPartition": 2}]}]}
    kubernetes = build({"topology": topology}, revision=0)
    operator = build({"topology": topology}, revision=0, on_delete=True)

    assert kubernetes["spec"]["updateStrategy"] == {
        "type": "RollingUpdate",
        "rollingUpdate": {"partition": 2},
    }
    assert operator["spec"]["updateStrategy"] == {"type": "OnDelete"}
    assert operator["spec"]["template"] == kubernetes["spec"]["template"]


def test_revision_1_separates_pods_by_our_own_labels() -> None:
    """Racks that were made with other labels of the CassandraCluster are seen too."""
    spec = {
        "hardAntiAffinity": True,
        "topology": {
            "dc": [
                {
                    "name": "dc1",
                    "labels": {"zone": "a", "disk": "x"},
                    "rack": [{"name": "rack1", "labels": {"zone": "b"}}],
                }
            ]
        },
    }
    affinity = pod(build(spec, labels={"team": "a"}))["affinity"]

    (term,) = affinity["podAntiAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"]
    assert term["labelSelector"]["matchLabels"] == {"app": "cassandracluster", "cassandracluster": "c"}
    required = affinity["nodeAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"]
    assert required["nodeSelectorTerms"][0]["matchExpressions"] == [
        {"key": "disk", "operator": "In", "values": ["x"]},
        {"key": "zone", "operator": "In", "values": ["b"]},
    ]


def test_what_is_unknown_is_an_error() -> None:
    """Neither racks nor revisions are made up."""
    with pytest.raises(KeyError, match="dc1-rack9"):
        build(rack="rack9")
    with pytest.raises(ValueError, match="7"):
        build(revision=7)


def test_the_last_words_of_cassandra_are_the_end_of_its_log() -> None:
    """What Cassandra refuses to start for stands there, and nowhere that Kubernetes looks by itself."""
    assert container(build(), "cassandra")["terminationMessagePolicy"] == "FallbackToLogsOnError"
    assert "terminationMessagePolicy" not in container(build(revision=0), "cassandra")
