"""
The optional ValidatingAdmissionPolicy on a real API server, without the operator.

What it refuses, the operator would refuse, in the same words; what the operator accepts, it lets through.
"""

from __future__ import annotations

from collections.abc import Iterator
import secrets
import time
from typing import Any
import zlib

import pytest
import yaml

from controller.api.v2.codec import decode_cluster
from controller.domain import policy
from controller.domain.admission import validate
from controller.domain.changes import Rule, judge
from e2e.kubectl import Kubectl, KubectlError, Object
from e2e.lab import ROOT, Lab
from unit_tests.domain.edits import ACCEPTED, REFUSED, RUNNING, Spec, dc, spec, topology

# Kubernetes takes its time to put a policy into force.
IN_FORCE_SECONDS = 60
# Wrong whatever was there before; each is refused for exactly one reason.
STATIC: dict[str, Spec] = {
    "no nodes": {"nodesPerRacks": 0},
    "less than no nodes": {"nodesPerRacks": -2},
    "a capital": {"topology": topology(dc("DC1", "rack1"))},
    "the second name": {"topology": topology(dc("dc1", "rack1"), dc("2dc", "rack1"))},
    "the same DC twice": {"topology": topology(dc("dc1", "a"), dc("dc2", "a"), dc("dc1", "b"))},
    "a rack's name": {"topology": topology(dc("dc1", "a"), dc("dc2", "a", "B_"))},
    "the same rack twice": {"topology": topology(dc("dc1", "a"), dc("dc2", "b", "c", "b"))},
    "no quantity": {"dataCapacity": "1.2.3Gi"},
    "no quantity in a DC": {"topology": topology(dc("dc1", "a", dataCapacity="1.2.3Gi"))},
    "no policy": {"imagepullpolicy": "Sometimes"},
}


@pytest.fixture(scope="module")
def policed(the_lab: Lab) -> Iterator[Kubectl]:
    """Kubectl in a namespace of its own in which the policy is in force, and no operator."""
    name = f"casskop-policy-{secrets.token_hex(3)}"
    kubectl = the_lab.kubectl(name)
    definition = ROOT / "manifests" / "crds" / "cassandraclusters.db.orange.com.yaml"
    kubectl.run("create", "namespace", name)
    try:
        kubectl.apply(yaml.safe_load(definition.read_text()), server_side=True)
        kubectl.apply(policy.definition(name), policy.binding(name, namespace=name), server_side=True)
        end = time.monotonic() + IN_FORCE_SECONDS
        while refusal(kubectl, cluster("probe", {"nodesPerRacks": 0})) is None:
            assert time.monotonic() < end, "the policy is not in force"
            time.sleep(1)
        yield kubectl
    finally:
        both = "validatingadmissionpolicybinding,validatingadmissionpolicy"
        kubectl.run("delete", both, name, "--ignore-not-found")
        kubectl.run("delete", "namespace", name, "--ignore-not-found", "--timeout=120s", seconds=130)


def cluster(name: str, written: Spec) -> Object:
    """Return a CassandraCluster."""
    return {
        "apiVersion": "db.orange.com/v2",
        "kind": "CassandraCluster",
        "metadata": {"name": name},
        "spec": written,
    }


def refusal(kubectl: Kubectl, obj: Object, *words: str) -> str | None:
    """Return why the API server refuses *obj*, None if it does not; nothing is stored."""
    try:
        kubectl.run(*(words or ("create",)), "--dry-run=server", "-f", "-", given=yaml.safe_dump(obj))
    except KubectlError as error:
        return str(error)
    return None


def running(
    kubectl: Kubectl, case: str, written: Spec, joined: frozenset[str], *, held_back: bool = False
) -> str:
    """Store a cluster with *written* whose *joined* racks have a node, and return its name.

    *held_back* tells that it asks for something that the operator has not brought about.
    """
    name = f"c{zlib.crc32(case.encode())}"
    kubectl.apply(cluster(name, written))
    nodes: dict[str, Any] = {f"{name}-{rack}-0": {"hostId": "h", "nodeIp": "10.0.0.1"} for rack in joined}
    condition = {"type": "Progressing", "status": "False", "reason": "ChangeHeldBack", "message": "as it is"}
    conditions = [condition] if held_back else []
    status = yaml.safe_dump({"status": {"cassandraNodeStatus": nodes, "conditions": conditions}})
    kubectl.run(
        "patch", "cassandracluster", name, "--subresource=status", "--type=merge", f"--patch={status}"
    )
    return name


@pytest.mark.parametrize("case", sorted(STATIC))
def test_a_mistake_is_refused_in_the_operators_words(case: str, policed: Kubectl) -> None:
    """`kubectl apply` prints the path and the sentence that the operator would put into a condition."""
    written = cluster("cc", STATIC[case])
    (problem,) = validate(decode_cluster(written))

    said = refusal(policed, written)

    assert said is not None
    assert str(problem) in said


@pytest.mark.parametrize("case", sorted(REFUSED))
def test_a_forbidden_change_is_refused_in_the_operators_words(case: str, policed: Kubectl) -> None:
    """An edit that the operator would hold back does not get as far as that."""
    old, new, _, _ = REFUSED[case]
    name = running(policed, case, spec(**old), RUNNING.joined)
    (held,) = judge(spec(**old), spec(**new), RUNNING).held

    said = refusal(policed, cluster(name, spec(**new)), "replace")

    assert said is not None
    assert str(held) in said


@pytest.mark.parametrize(
    "case", sorted(case for case in REFUSED if REFUSED[case][2] is not Rule.EMPTY_CLUSTER)
)
def test_nothing_is_forbidden_before_a_node_has_joined(case: str, policed: Kubectl) -> None:
    """Until then, whatever is no mistake in itself can be corrected."""
    old, new, _, _ = REFUSED[case]
    name = running(policed, f"{case} early", spec(**old), frozenset())

    assert refusal(policed, cluster(name, spec(**new)), "replace") is None


@pytest.mark.parametrize("case", sorted(ACCEPTED))
def test_what_the_operator_accepts_goes_through(case: str, policed: Kubectl) -> None:
    """The policy never stands in the way of an edit that the operator would carry out."""
    old, new, facts = ACCEPTED[case]
    name = running(policed, case, spec(**old), facts.joined, held_back=bool(facts.capacity))

    assert refusal(policed, cluster(name, spec(**new)), "replace") is None


def test_metadata_moves_whatever_the_spec_is_like(policed: Kubectl) -> None:
    """Annotations and finalizers of a cluster that was stored before the policy can be changed."""
    policed.run("delete", "validatingadmissionpolicybinding", policed.namespace)
    obj = cluster("older", {"nodesPerRacks": 0})
    try:
        end = time.monotonic() + IN_FORCE_SECONDS
        while refusal(policed, obj) is not None:
            assert time.monotonic() < end, "the policy is still in force"
            time.sleep(1)
        policed.apply(obj)
    finally:
        policed.apply(policy.binding(policed.namespace, namespace=policed.namespace), server_side=True)
    end = time.monotonic() + IN_FORCE_SECONDS
    while refusal(policed, obj) is None:
        assert time.monotonic() < end, "the policy is not in force again"
        time.sleep(1)

    policed.run("annotate", "cassandracluster", "older", "example.org/touched=yes")
    policed.patch("cassandracluster", "older", {"metadata": {"finalizers": ["example.org/held"]}})
    policed.patch("cassandracluster", "older", {"metadata": {"finalizers": None}})
    policed.run("delete", "cassandracluster", "older", "--timeout=30s")
