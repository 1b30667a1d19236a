"""Facts about single kinds: what is filled in, what is refused, what may change."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from e2e.contract.client import Answer, Api, Object
from e2e.contract.objects import (
    Space,
    budget,
    claim,
    config_map,
    event,
    pod,
    pod_spec,
    service,
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


def test_a_headless_service_is_filled_in(space: Space) -> None:
    """Ports, families and policies have defaults; None is kept as the address."""
    found = space.made("services", service())["spec"]

    assert (found["type"], found["clusterIP"], found["clusterIPs"]) == ("ClusterIP", "None", ["None"])
    assert found["ports"] == [{"port": 9042, "targetPort": 9042, "protocol": "TCP"}]
    assert (found["sessionAffinity"], found["internalTrafficPolicy"]) == ("None", "Cluster")
    assert (found["ipFamilyPolicy"], found["ipFamilies"]) == ("SingleStack", ["IPv4"])


def test_a_service_gets_an_address_and_keeps_it(api: Api, space: Space) -> None:
    """Without clusterIP an address is chosen; an update that leaves it out keeps it, none changes it."""
    body = service()
    del body["spec"]["clusterIP"]
    made = space.made("services", body)
    path = space.path("services", "one")
    address = made["spec"]["clusterIP"]

    body["metadata"]["labels"] = {"a": "b"}
    kept = api.put(path, body)
    changed = api.patch(path, {"spec": {"clusterIP": "10.96.255.250", "clusterIPs": ["10.96.255.250"]}})

    assert len(address.split(".")) == 4
    assert made["spec"]["clusterIPs"] == [address]
    assert kept.body["spec"]["clusterIP"] == address
    assert changed.status == 422


@pytest.mark.parametrize(
    ("spec", "cause"),
    [
        ({"ports": [{"port": 0}]}, ("FieldValueInvalid", "spec.ports[0].port")),
        ({"ports": [{"port": 1}, {"port": 2}]}, ("FieldValueRequired", "spec.ports[0].name")),
        ({"ports": [{"port": 1, "protocol": "ANY"}]}, ("FieldValueNotSupported", "spec.ports[0].protocol")),
        (
            {"ports": [{"name": "a", "port": 1}, {"name": "a", "port": 2}]},
            ("FieldValueDuplicate", "spec.ports[1].name"),
        ),
        ({"selector": {"a b": "c"}}, ("FieldValueInvalid", "spec.selector")),
    ],
)
def test_services_are_checked(api: Api, space: Space, spec: Object, cause: Cause) -> None:
    """422 with the field for a Service that makes no sense."""
    answer = api.post(space.path("services"), service(**spec))

    assert answer.status == 422
    assert cause in answer.causes


@pytest.mark.parametrize(
    ("spec", "cause"),
    [
        ({"minAvailable": 1, "maxUnavailable": 1}, ("FieldValueInvalid", "spec")),
        ({"maxUnavailable": -1}, ("FieldValueInvalid", "spec.maxUnavailable")),
        ({"maxUnavailable": "101%"}, ("FieldValueInvalid", "spec.maxUnavailable")),
        ({"maxUnavailable": "many"}, ("FieldValueInvalid", "spec.maxUnavailable")),
    ],
)
def test_budgets_are_checked(api: Api, space: Space, spec: Object, cause: Cause) -> None:
    """422 with the field for a budget that makes no sense."""
    answer = api.post(space.path("poddisruptionbudgets"), budget(**spec))

    assert answer.status == 422
    assert cause in answer.causes


def test_string_data_becomes_data(space: Space) -> None:
    """`stringData` of a Secret is for writing only: it comes back encoded in data."""
    found = space.made("secrets", {"metadata": {"name": "one"}, "stringData": {"a": "b"}})

    assert found["data"] == {"a": base64.b64encode(b"b").decode()}
    assert "stringData" not in found
    assert found["type"] == "Opaque"


def test_secrets_are_checked(api: Api, space: Space) -> None:
    """400 for data that is not base64, 422 for a bad key or another type later."""
    path = space.path("secrets")
    text = api.post(path, {"metadata": {"name": "one"}, "data": {"a": "not base64!"}})
    key = api.post(path, {"metadata": {"name": "one"}, "data": {"a b": ""}})
    space.made("secrets", {"metadata": {"name": "one"}})
    kind = api.patch(f"{path}/one", {"type": "example.org/other"})

    assert text.status == 400
    assert key.causes == [("FieldValueInvalid", "data[a b]")]
    assert kind.causes == [("FieldValueInvalid", "type")]


def test_immutable_objects_stay(api: Api, space: Space) -> None:
    """422 for a change of an immutable ConfigMap's data, and for making it mutable again."""
    space.made("configmaps", {**config_map(x="1"), "immutable": True})
    path = space.path("configmaps", "one")

    assert api.patch(path, {"data": {"x": "2"}}).causes == [("FieldValueForbidden", "data")]
    assert api.patch(path, {"immutable": False}).causes == [("FieldValueForbidden", "immutable")]
    assert api.patch(path, {"metadata": {"labels": {"a": "b"}}}).status == 200


def test_config_maps_have_a_size(api: Api, space: Space) -> None:
    """422 for more than a mebibyte of data."""
    answer = api.post(space.path("configmaps"), config_map(x="x" * (1024 * 1024 + 1)))

    assert (answer.status, answer.reason) == (422, "Invalid")
    assert [reason for reason, _ in answer.causes] == ["FieldValueTooLong"]


def test_a_lease_has_microseconds(api: Api, space: Space) -> None:
    """RenewTime has six digits; another form is 400."""
    path = space.path("leases")
    time = "2026-01-02T03:04:05.000000Z"
    made = api.made(path, {"metadata": {"name": "one"}, "spec": {"renewTime": time}})
    answer = api.patch(f"{path}/one", {"spec": {"renewTime": "2026-01-02T03:04:05Z"}})

    assert made["spec"]["renewTime"] == time
    assert answer.status in (400, 422)


def test_a_lease_is_checked(api: Api, space: Space) -> None:
    """422 for a lease of no duration and for a negative count of transitions."""
    path = space.path("leases")
    short = api.post(path, {"metadata": {"name": "one"}, "spec": {"leaseDurationSeconds": 0}})
    count = api.post(path, {"metadata": {"name": "one"}, "spec": {"leaseTransitions": -1}})

    assert short.causes == [("FieldValueInvalid", "spec.leaseDurationSeconds")]
    assert count.causes == [("FieldValueInvalid", "spec.leaseTransitions")]


def test_events_are_the_same_in_both_groups(api: Api, space: Space) -> None:
    """An event that was written to core v1 is read from events.k8s.io, with other names."""
    about = space.config_map()
    made = space.made("events", event(about, "Fact", "It is so."))
    name = made["metadata"]["name"]

    found = api.get(space.path("events", name, group="events.k8s.io")).body

    assert found["apiVersion"] == "events.k8s.io/v1"
    assert (found["reason"], found["note"]) == ("Fact", "It is so.")
    assert found["regarding"]["uid"] == about["metadata"]["uid"]
    assert found["deprecatedSource"] == {"component": "fact"}


def test_new_events_are_read_in_core(api: Api, space: Space) -> None:
    """An event that was written to events.k8s.io is read from core v1."""
    about = space.config_map()["metadata"]
    body = {
        "metadata": {"name": "one"},
        "regarding": {"kind": "ConfigMap", "name": "one", "namespace": space.name, "uid": about["uid"]},
        "type": "Normal",
        "reason": "Fact",
        "action": "Stating",
        "note": "It is so.",
        "eventTime": "2026-01-02T03:04:05.000000Z",
        "reportingController": "fact.example.org/contract",
        "reportingInstance": "contract",
    }
    api.made(space.path("events", group="events.k8s.io"), body)

    found = api.get(space.path("events", "one")).body

    assert (found["message"], found["reportingComponent"]) == ("It is so.", "fact.example.org/contract")
    assert found["involvedObject"]["uid"] == about["uid"]
    query = f"involvedObject.uid={about['uid']},reason=Fact"
    assert len(api.get(space.path("events"), fieldSelector=query).body["items"]) == 1


def test_new_events_are_checked(api: Api, space: Space) -> None:
    """422 for an event of events.k8s.io without the fields that it must have."""
    body = {
        "metadata": {"name": "one"},
        "regarding": {"kind": "ConfigMap", "name": "one", "namespace": space.name},
        "type": "Normal",
        "reason": "Fact",
        "eventTime": "2026-01-02T03:04:05.000000Z",
    }

    answer = api.post(space.path("events", group="events.k8s.io"), body)

    assert answer.status == 422
    fields = {field for _, field in answer.causes}
    assert {"reportingController", "reportingInstance", "action"} <= fields


def test_an_event_is_in_the_namespace_of_what_it_is_about(api: Api, space: Space) -> None:
    """422 for an event about an object in another namespace."""
    about = space.config_map()
    body = event(about, "Fact", "It is so.")
    body["involvedObject"]["namespace"] = "other"

    answer = api.post(space.path("events"), body)

    assert answer.causes == [("FieldValueInvalid", "involvedObject.namespace")]


def test_roles_are_bound(api: Api, space: Space) -> None:
    """A binding's role is fixed; subjects may change."""
    role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "none"}
    subject = {"kind": "ServiceAccount", "name": "default", "namespace": space.name}
    space.made("rolebindings", {"metadata": {"name": "one"}, "roleRef": role, "subjects": [subject]})
    path = space.path("rolebindings", "one")

    refused = api.patch(path, {"roleRef": {"name": "other"}})

    assert refused.causes == [("FieldValueInvalid", "roleRef")]
    assert api.patch(path, {"subjects": []}).status == 200


def test_an_endpoint_slice_keeps_its_family(api: Api, space: Space) -> None:
    """AddressType is fixed."""
    body: Object = {
        "metadata": {"name": "one"},
        "addressType": "IPv4",
        "endpoints": [{"addresses": ["10.0.0.1"]}],
        "ports": [{"name": "a", "port": 1}],
    }
    made = space.made("endpointslices", body)

    answer = api.patch(space.path("endpointslices", "one"), {"addressType": "FQDN"})

    assert made["ports"][0]["protocol"] == "TCP"
    assert answer.status == 422


def test_a_revision_stays_what_it_is(api: Api, space: Space) -> None:
    """The data of a ControllerRevision is fixed, its number is not."""
    # A real server compares the data as it was written, blanks included, so there are none.
    body = '{"metadata":{"name":"one"},"data":{"a":1},"revision":1}'
    api.made(space.path("controllerrevisions"), body)
    path = space.path("controllerrevisions", "one")

    assert api.patch(path, {"data": {"a": 2}}).status == 422
    assert api.patch(path, {"revision": 2}).body["revision"] == 2
