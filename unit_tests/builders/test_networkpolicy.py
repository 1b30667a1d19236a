"""The NetworkPolicy: which connections to a node it lets through, and which it does not."""

from __future__ import annotations

from typing import Any

import pytest

from controller.api.v2.codec import decode_cluster
from controller.builders.networkpolicy import build_network_policy

Json = dict[str, Any]

# Who may come: labels of a pod, and the namespace that it is in.
NODE = ({"app": "cassandracluster", "cassandracluster": "c", "dc-rack": "dc2-rack1"}, "ns")
STRANGER = ({"app": "cassandracluster", "cassandracluster": "other"}, "ns")
NAMESAKE = ({"app": "cassandracluster", "cassandracluster": "c"}, "elsewhere")
OPERATOR = ({"app": "casskop", "operator": "cassandra"}, "operators")
IMPOSTOR = ({"app": "casskop", "operator": "cassandra"}, "ns")
PROMETHEUS = ({"app.kubernetes.io/name": "prometheus"}, "monitoring")
CLIENT = ({"app": "shop"}, "shops")
EVERYBODY = (NODE, STRANGER, NAMESAKE, OPERATOR, IMPOSTOR, PROMETHEUS, CLIENT)


def policy(**spec: Any) -> Json:
    """Return the policy of a cluster."""
    metadata = {"name": "c", "namespace": "ns", "uid": "u"}
    return build_network_policy(decode_cluster({"metadata": metadata, "spec": spec}), operator="operators")


def passes(made: Json, port: int, who: tuple[Json, str]) -> bool:
    """Tell whether a connection of *who* to *port* passes, as Kubernetes reads policies."""
    labels, namespace = who
    for rule in made["spec"]["ingress"]:
        if port not in [each["port"] for each in rule["ports"]]:
            continue
        if "from" not in rule or any(_is(peer, labels, namespace) for peer in rule["from"]):
            return True
    return False


def _is(peer: Json, labels: Json, namespace: str) -> bool:
    selector = peer.get("namespaceSelector")
    home = {"kubernetes.io/metadata.name": namespace}
    inside = namespace == "ns" if selector is None else _selects(selector, home)
    return inside and _selects(peer.get("podSelector", {}), labels)


def _selects(selector: Json, labels: Json) -> bool:
    return all(labels.get(key) == value for key, value in selector.get("matchLabels", {}).items())


@pytest.mark.parametrize(
    ("port", "who"),
    [
        (7000, (NODE,)),
        (7001, (NODE,)),
        (8778, (NODE, OPERATOR)),
        (4567, (NODE, OPERATOR)),
        (9500, (PROMETHEUS,)),
        (7199, ()),
        (22, ()),
        (9042, EVERYBODY),
    ],
)
def test_who_reaches_which_port(port: int, who: tuple[tuple[Json, str], ...]) -> None:
    """Port and peer both have to fit; names and labels of other namespaces do not count as one's own."""
    made = policy()

    assert tuple(each for each in EVERYBODY if passes(made, port, each)) == who


def test_nothing_that_goes_out_is_restricted() -> None:
    """So names are resolved, and backups stored, as before."""
    assert policy()["spec"]["policyTypes"] == ["Ingress"]
    assert "egress" not in policy()["spec"]


def test_it_is_about_every_node_of_the_cluster_and_no_other() -> None:
    """Whatever labels the CassandraCluster gets."""
    assert policy()["spec"]["podSelector"] == {
        "matchLabels": {"app": "cassandracluster", "cassandracluster": "c"}
    }


def test_clients_can_be_narrowed() -> None:
    """Then nobody else speaks CQL, nodes and operator included; they need not."""
    made = policy(
        access={"clients": [{"namespaceSelector": {}, "podSelector": {"matchLabels": {"app": "shop"}}}]}
    )

    assert [each for each in EVERYBODY if passes(made, 9042, each)] == [CLIENT]


def test_ports_that_the_configuration_moves_are_let_through() -> None:
    """On any level, as numbers or texts; what is no port is Cassandra's to refuse."""
    moved = {"cassandra-yaml": {"native_transport_port_ssl": 9142, "storage_port": "7100"}}
    odd = {"cassandra-yaml": {"native_transport_port": "a lot", "ssl_storage_port": 0}}
    dcs = [{"name": "dc1", "config": odd, "rack": [{"name": "r1", "config": moved}]}]
    made = policy(topology={"dc": dcs}, config={"cassandra-yaml": []})

    assert passes(made, 9142, CLIENT)
    assert passes(made, 7100, NODE)
    assert not passes(made, 7100, CLIENT)
    assert [each["port"] for each in made["spec"]["ingress"][0]["ports"]] == [4567, 7000, 7001, 7100, 8778]
