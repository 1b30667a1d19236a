"""A cluster whose user says nothing about access is closed, and works."""

from __future__ import annotations

import base64
import json

from e2e.providers.cluster import CLUSTERS, Cluster, wait_ready
from e2e.samples import single

NAME = "closed"


def test_a_new_cluster_has_a_login_and_a_policy(cluster: Cluster) -> None:
    """Its nodes ask for the login that the operator made, which stands nowhere but in its Secret."""
    obj = single(NAME)
    del obj["spec"]["imageJolokiaSecret"]
    cluster.apply(obj)
    wait_ready(cluster, NAME, seconds=240)

    secret = cluster.get("secrets", f"{NAME}-jolokia")
    hidden = secret["data"]["password"]
    (view,) = cluster.views(NAME).values()
    assert view["mode"] == "NORMAL"
    policy = cluster.get("networkpolicies", f"{NAME}-nodes")
    assert policy["spec"]["policyTypes"] == ["Ingress"]
    for made in (secret, policy):
        assert made["metadata"]["ownerReferences"][0]["name"] == NAME
    told = [cluster.get(CLUSTERS, NAME), *cluster.events(NAME)]
    told += [o for kind in ("statefulsets", "pods", "configmaps", "services") for o in cluster.of(NAME, kind)]
    text = json.dumps(told)
    assert f"{NAME}-jolokia" in text
    assert hidden not in text
    assert base64.b64decode(hidden).decode() not in text
    cluster.delete(CLUSTERS, NAME)
