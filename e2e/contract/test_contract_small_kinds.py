"""Facts about the other kinds: what is filled in, what is refused, what may change."""

from __future__ import annotations

import base64

import pytest

from e2e.contract.client import Api, Object
from e2e.contract.objects import (
    Space,
    budget,
    config_map,
    event,
    service,
)

Cause = tuple[str, str]


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


def _policy(*rules: Object, **spec: object) -> Object:
    """A NetworkPolicy for the pods that `pod` makes."""
    chosen = {"matchLabels": {"app": "fact"}}
    return {"metadata": {"name": "one"}, "spec": {"podSelector": chosen, "ingress": list(rules), **spec}}


def test_a_network_policy_is_filled_in(space: Space) -> None:
    """It restricts what comes in unless it says otherwise, and a port is one of TCP; its spec is counted."""
    found = space.made("networkpolicies", _policy({"ports": [{"port": 9042}]}))

    assert found["spec"]["policyTypes"] == ["Ingress"]
    assert found["spec"]["ingress"] == [{"ports": [{"port": 9042, "protocol": "TCP"}]}]
    assert found["metadata"]["generation"] == 1


@pytest.mark.parametrize(
    ("peer", "cause"),
    [
        ({}, ("FieldValueRequired", "spec.ingress[0].from[0]")),
        (
            {"podSelector": {}, "ipBlock": {"cidr": "10.0.0.0/8"}},
            ("FieldValueForbidden", "spec.ingress[0].from[0]"),
        ),
        ({"ipBlock": {"cidr": "ten"}}, ("FieldValueInvalid", "spec.ingress[0].from[0].ipBlock.cidr")),
        (
            {"ipBlock": {"cidr": "10.0.0.0/8", "except": ["11.0.0.0/16"]}},
            ("FieldValueInvalid", "spec.ingress[0].from[0].ipBlock.except[0]"),
        ),
    ],
)
def test_peers_of_network_policies_are_checked(api: Api, space: Space, peer: Object, cause: Cause) -> None:
    """422 with the field for a peer that is nobody, or two things at once."""
    answer = api.post(space.path("networkpolicies"), _policy({"from": [peer]}))

    assert answer.status == 422
    assert cause in answer.causes


def test_a_network_policy_is_applied_as_a_whole_list(api: Api, space: Space) -> None:
    """Who applies a policy replaces all its rules: what somebody added goes."""
    body = {**_policy({"ports": [{"port": 9042}]}), "apiVersion": "networking.k8s.io/v1"}
    body["kind"] = "NetworkPolicy"
    path = space.path("networkpolicies", "one")
    api.apply(path, body, manager="me")
    api.patch(path, {"spec": {"ingress": [{}, {"ports": [{"port": 1, "protocol": "TCP"}]}]}})

    found = api.apply(path, body, manager="me", force="true").body

    assert found["spec"]["ingress"] == [{"ports": [{"port": 9042, "protocol": "TCP"}]}]
    assert found["metadata"]["generation"] == 3
