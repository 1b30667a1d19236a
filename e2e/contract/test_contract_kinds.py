"""Facts about StatefulSets, pods and claims: what is filled in, what is refused, what may change."""

from __future__ import annotations

from typing import Any

import pytest

from e2e.contract.client import Answer, Api, Object
from e2e.contract.objects import (
    Space,
    claim,
    pod,
    pod_spec,
    statefulset,
)

Cause = tuple[str, str]
_PORT = "spec.containers[0].ports[0]"


def _container(**more: Any) -> Object:
    return {"name": "main", "image": "registry.example/app:1", **more}


def test_a_statefulset_is_filled_in(space: Space) -> None:
    """Policies, strategy, replicas and history limit have defaults, and the template is a pod's."""
    spec = statefulset()["spec"]
    del spec["replicas"]
    found = space.made("statefulsets", {"metadata": {"name": "one"}, "spec": spec})["spec"]

    assert found["replicas"] == 1
    assert found["revisionHistoryLimit"] == 10
    assert found["podManagementPolicy"] == "OrderedReady"
    assert found["updateStrategy"] == {"type": "RollingUpdate", "rollingUpdate": {"partition": 0}}
    retain = {"whenDeleted": "Retain", "whenScaled": "Retain"}
    assert found["persistentVolumeClaimRetentionPolicy"] == retain
    assert found["template"]["spec"] == {
        "containers": [
            {
                "name": "main",
                "image": "registry.example/app:1",
                "imagePullPolicy": "IfNotPresent",
                "resources": {},
                "terminationMessagePath": "/dev/termination-log",
                "terminationMessagePolicy": "File",
            }
        ],
        "restartPolicy": "Always",
        "terminationGracePeriodSeconds": 30,
        "dnsPolicy": "ClusterFirst",
        "securityContext": {},
        "schedulerName": "nobody",
    }


def test_probes_and_volumes_are_filled_in(space: Space) -> None:
    """Probes, ports, environment and volumes of a template have their defaults."""
    container = _container(
        readinessProbe={"exec": {"command": ["a"]}},
        livenessProbe={"httpGet": {"port": 80}},
        ports=[{"containerPort": 1}],
        env=[{"name": "A", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}],
    )
    volumes = [
        {"name": "a", "emptyDir": {}},
        {"name": "b", "configMap": {"name": "x"}},
        {"name": "c", "secret": {"secretName": "x"}},
    ]
    spec = {**pod_spec(), "containers": [container], "volumes": volumes}
    template = {"metadata": {"labels": {"app": "one"}}, "spec": spec}

    spec = space.made("statefulsets", statefulset(template=template))["spec"]["template"]["spec"]
    (found,) = spec["containers"]

    times = {"timeoutSeconds": 1, "periodSeconds": 10, "successThreshold": 1, "failureThreshold": 3}
    assert found["readinessProbe"] == {"exec": {"command": ["a"]}, **times}
    assert found["livenessProbe"] == {"httpGet": {"port": 80, "path": "/", "scheme": "HTTP"}, **times}
    assert found["ports"] == [{"containerPort": 1, "protocol": "TCP"}]
    field = {"apiVersion": "v1", "fieldPath": "metadata.name"}
    assert found["env"] == [{"name": "A", "valueFrom": {"fieldRef": field}}]
    assert spec["volumes"] == [
        {"name": "a", "emptyDir": {}},
        {"name": "b", "configMap": {"name": "x", "defaultMode": 420}},
        {"name": "c", "secret": {"secretName": "x", "defaultMode": 420}},
    ]


@pytest.mark.parametrize(
    ("spec", "cause"),
    [
        ({"selector": None}, ("FieldValueRequired", "spec.selector")),
        (
            {"selector": {"matchLabels": {"app": "other"}}},
            ("FieldValueInvalid", "spec.template.metadata.labels"),
        ),
        ({"replicas": -1}, ("FieldValueInvalid", "spec.replicas")),
        ({"podManagementPolicy": "Any"}, ("FieldValueInvalid", "spec.podManagementPolicy")),
        ({"updateStrategy": {"type": "Any"}}, ("FieldValueInvalid", "spec.updateStrategy")),
        ({"minReadySeconds": -1}, ("FieldValueInvalid", "spec.minReadySeconds")),
    ],
)
def test_statefulsets_are_checked(api: Api, space: Space, spec: Object, cause: Cause) -> None:
    """422 with the field for a StatefulSet that makes no sense."""
    answer = api.post(space.path("statefulsets"), statefulset(**spec))

    assert answer.status == 422
    assert cause in answer.causes


@pytest.mark.parametrize(
    ("container", "cause"),
    [
        ({"image": ""}, ("FieldValueRequired", "spec.containers[0].image")),
        ({"name": "Upper"}, ("FieldValueInvalid", "spec.containers[0].name")),
        ({"ports": [{"containerPort": 0}]}, ("FieldValueRequired", f"{_PORT}.containerPort")),
        ({"ports": [{"containerPort": 70000}]}, ("FieldValueInvalid", f"{_PORT}.containerPort")),
        ({"imagePullPolicy": "Any"}, ("FieldValueNotSupported", "spec.containers[0].imagePullPolicy")),
        (
            {"volumeMounts": [{"name": "none", "mountPath": "/a"}]},
            ("FieldValueNotFound", "spec.containers[0].volumeMounts[0].name"),
        ),
        (
            {"resources": {"requests": {"cpu": "2"}, "limits": {"cpu": "1"}}},
            ("FieldValueInvalid", "spec.containers[0].resources.requests"),
        ),
        ({"env": [{"name": ""}]}, ("FieldValueRequired", "spec.containers[0].env[0].name")),
        ({"readinessProbe": {}}, ("FieldValueRequired", "spec.containers[0].readinessProbe")),
    ],
)
def test_containers_are_checked(api: Api, space: Space, container: Object, cause: Cause) -> None:
    """422 with the field for a container that makes no sense."""
    body = pod()
    body["spec"]["containers"] = [_container(**container)]

    answer = api.post(space.path("pods"), body)

    assert answer.status == 422
    assert cause in answer.causes


@pytest.mark.parametrize("given", [{"privileged": True}, {"capabilities": {"add": ["CAP_SYS_ADMIN"]}}])
def test_privileges_and_none_to_be_gained_are_refused(api: Api, space: Space, given: Object) -> None:
    """422 for `allowPrivilegeEscalation: false` beside what allows it; each alone is taken."""
    both = {**given, "allowPrivilegeEscalation": False}
    body = statefulset()
    body["spec"]["template"]["spec"]["containers"] = [_container(securityContext=both)]
    in_template = api.post(space.path("statefulsets"), body)
    body["spec"]["template"]["spec"]["containers"] = [_container(securityContext=given)]

    assert in_template.status == 422
    assert ("FieldValueInvalid", "spec.template.spec.containers[0].securityContext") in in_template.causes
    assert space.made("statefulsets", body)


def test_a_capability_by_its_short_name_is_not_looked_at(space: Space) -> None:
    """Only `CAP_SYS_ADMIN` is refused beside `allowPrivilegeEscalation: false`."""
    context = {"capabilities": {"add": ["SYS_ADMIN"]}, "allowPrivilegeEscalation": False}
    body = statefulset()
    body["spec"]["template"]["spec"]["containers"] = [_container(securityContext=context)]

    assert space.made("statefulsets", body)


def test_containers_have_names_of_their_own(api: Api, space: Space) -> None:
    """422 for two containers of one name; a pod has at least one."""
    body = pod()
    body["spec"]["containers"] = [_container(), _container()]
    twice = api.post(space.path("pods"), body)
    body["spec"]["containers"] = []
    none = api.post(space.path("pods"), body)

    assert twice.causes == [("FieldValueDuplicate", "spec.containers[1].name")]
    assert ("FieldValueRequired", "spec.containers") in none.causes


def test_limits_are_requests_too(space: Space) -> None:
    """A limit without a request is the request."""
    body = pod()
    body["spec"]["containers"] = [_container(resources={"limits": {"cpu": "1000m", "memory": "1024Mi"}})]

    found = space.made("pods", body)

    (container,) = found["spec"]["containers"]
    amounts = {"cpu": "1", "memory": "1Gi"}
    assert container["resources"] == {"limits": amounts, "requests": amounts}
    assert found["status"]["qosClass"] == "Guaranteed"


def test_a_pod_gets_an_account(space: Space) -> None:
    """A pod without an account gets `default`, with its token mounted, and is Pending."""
    found = space.made("pods", pod())

    assert found["spec"]["serviceAccountName"] == found["spec"]["serviceAccount"] == "default"
    (mount,) = found["spec"]["containers"][0]["volumeMounts"]
    assert mount["mountPath"] == "/var/run/secrets/kubernetes.io/serviceaccount"
    assert found["spec"]["volumes"][0]["name"] == mount["name"]
    assert found["status"] == {"phase": "Pending", "qosClass": "BestEffort"}
    assert found["spec"]["enableServiceLinks"] is True


def test_a_pod_can_do_without_a_token(space: Space) -> None:
    """With automountServiceAccountToken=false nothing is mounted."""
    body = pod()
    body["spec"]["automountServiceAccountToken"] = False

    found = space.made("pods", body)

    assert "volumes" not in found["spec"]


def test_a_pod_tolerates_trouble_for_a_while(space: Space) -> None:
    """Nodes that are not ready or unreachable are tolerated for five minutes."""
    found = space.made("pods", pod())["spec"]["tolerations"]

    assert [(one["key"], one["effect"], one["tolerationSeconds"]) for one in found] == [
        ("node.kubernetes.io/not-ready", "NoExecute", 300),
        ("node.kubernetes.io/unreachable", "NoExecute", 300),
    ]


def test_a_pod_stays_what_it_is(api: Api, space: Space) -> None:
    """Of a pod's spec only images and a few other fields may change."""
    space.made("pods", pod())
    path = space.path("pods", "one")

    def patch(spec: Object) -> Answer:
        return api.patch(path, {"spec": spec})

    spec = api.get(path).body["spec"]
    newer = [{**spec["containers"][0], "image": "registry.example/app:2"}]
    other = [{**spec["containers"][0], "command": ["a"]}]

    assert patch({"containers": newer}).status == 200
    refused = patch({"containers": other})
    assert refused.causes == [("FieldValueForbidden", "spec")]
    assert patch({"nodeName": "x"}).status == 422


def test_a_statefulset_keeps_its_claims(api: Api, space: Space) -> None:
    """422 for a change of selector, service name or claim templates; template and replicas change."""
    space.made("statefulsets", statefulset(replicas=0))
    path = space.path("statefulsets", "one")

    fixed: tuple[Object, ...] = (
        {"serviceName": "other"},
        {"podManagementPolicy": "Parallel"},
        {"volumeClaimTemplates": [{**claim("data"), "metadata": {"name": "data"}}]},
    )
    for spec in fixed:
        answer = api.patch(path, {"spec": spec})
        assert answer.causes == [("FieldValueForbidden", "spec")], spec
    assert api.patch(path, {"spec": {"minReadySeconds": 3, "revisionHistoryLimit": 4}}).status == 200


def test_a_claim_template_is_filled_in(space: Space) -> None:
    """Templates get kind, version, volume mode and an empty status."""
    found = space.made("statefulsets", statefulset(volumeClaimTemplates=[claim("data")]))

    (template,) = found["spec"]["volumeClaimTemplates"]
    assert (template["kind"], template["apiVersion"]) == ("PersistentVolumeClaim", "v1")
    assert template["spec"]["volumeMode"] == "Filesystem"
    assert template["status"] == {"phase": "Pending"}


def test_a_claim_is_filled_in(space: Space) -> None:
    """A new claim is Pending and protected while it is in use."""
    found = space.made("persistentvolumeclaims", claim())

    assert found["status"] == {"phase": "Pending"}
    assert found["metadata"]["finalizers"] == ["kubernetes.io/pvc-protection"]
    assert found["spec"]["volumeMode"] == "Filesystem"


@pytest.mark.parametrize(
    ("spec", "cause"),
    [
        ({"accessModes": []}, ("FieldValueRequired", "spec.accessModes")),
        ({"accessModes": ["Any"]}, ("FieldValueNotSupported", "spec.accessModes")),
        ({"resources": {}}, ("FieldValueRequired", "spec.resources[storage]")),
        ({"resources": {"requests": {"storage": "0"}}}, ("FieldValueInvalid", "spec.resources[storage]")),
    ],
)
def test_claims_are_checked(api: Api, space: Space, spec: Object, cause: Cause) -> None:
    """422 with the field for a claim that makes no sense."""
    answer = api.post(space.path("persistentvolumeclaims"), claim(**spec))

    assert answer.status == 422
    assert cause in answer.causes


def test_a_claim_stays_what_it_is(api: Api, space: Space) -> None:
    """422 for a change of an unbound claim."""
    space.made("persistentvolumeclaims", claim())

    patch = {"spec": {"resources": {"requests": {"storage": "2Gi"}}}}
    answer = api.patch(space.path("persistentvolumeclaims", "one"), patch)

    assert answer.status in (403, 422)
    found = api.get(space.path("persistentvolumeclaims", "one")).body
    assert found["spec"]["resources"]["requests"]["storage"] == "1Gi"


def test_quantities_take_their_shortest_form(space: Space) -> None:
    """1024Mi comes back as 1Gi, 0.5 as 500m."""
    assert space.made("persistentvolumeclaims", claim(size="1024Mi"))["spec"]["resources"]["requests"] == {
        "storage": "1Gi"
    }
    body = pod()
    body["spec"]["containers"] = [_container(resources={"requests": {"cpu": "0.5"}})]
    (container,) = space.made("pods", body)["spec"]["containers"]
    assert container["resources"]["requests"] == {"cpu": "500m"}
