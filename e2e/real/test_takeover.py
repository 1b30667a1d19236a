"""
What CassKop made, in a real API server, when our operator comes to lead where CassKop led.

All recorded cases at once, each with all of its StatefulSets. No pod of theirs may be created: nobody has
their images. The namespace is called `cassandra`, since that name is in the recorded templates; if there
is one already, nothing is touched.
"""

from __future__ import annotations

from collections.abc import Iterator
import json
from typing import Any

import pytest

from controller.api.v2 import names
from e2e import watching
from e2e.kubectl import Kubectl, Object
from e2e.lab import Lab, install, remove
from e2e.providers.cluster import TooLateError, condition
from unit_tests.builders.test_golden import recorded
from unit_tests.reconcile.casskops import rack_sizes, statefulset

NAMESPACE = "cassandra"
CASES = ("dclevel", "ephemeral", "minimal", "sidecars", "tuned", "twodc", "typical")
SHARED = ("service", "service.{}-exporter-jmx", "poddisruptionbudget")
# Longer than the operator takes to look at the lock again.
LOOKS = 15
Sets = dict[str, tuple[str, int, dict[str, Any]]]


@pytest.fixture(scope="module")
def casskops(the_lab: Lab) -> Iterator[Kubectl]:
    """Kubectl where CassKop's lock is held, its seven clusters lie, and our operator runs."""
    kubectl = the_lab.kubectl(NAMESPACE)
    install(kubectl, image=the_lab.image)
    try:
        (pod,) = kubectl.get("pods", "-l", "app=casskop")["items"]
        kubectl.apply(_room_for_one_pod(), _lock(pod))
        for case in CASES:
            _load(kubectl, case)
        yield kubectl
    finally:
        kubectl.run("delete", "configmap", names.CASSKOP_LOCK, "--ignore-not-found")
        remove(kubectl)


def _room_for_one_pod() -> Object:
    """Return a quota that the operator's own pod uses up."""
    metadata = {"name": "one-pod"}
    return {
        "apiVersion": "v1",
        "kind": "ResourceQuota",
        "metadata": metadata,
        "spec": {"hard": {"pods": "1"}},
    }


def _lock(pod: Object) -> Object:
    """Return CassKop's lock, held by a pod that lives."""
    owner = {"apiVersion": "v1", "kind": "Pod", **{key: pod["metadata"][key] for key in ("name", "uid")}}
    metadata = {"name": names.CASSKOP_LOCK, "ownerReferences": [owner]}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata}


def _load(kubectl: Kubectl, case: str) -> None:
    """Create the recorded objects of *case*, and its status."""
    made = recorded(case, "cassandracluster")
    status = made.pop("status")
    kubectl.run("create", "-f", "-", given=json.dumps(made))
    kubectl.run(
        *("patch", "cassandracluster", case, "--subresource=status", "--type=merge"),
        *("-p", json.dumps({"status": status})),
    )
    obj = watching.cluster(kubectl, case)
    owned = [recorded(case, kind.format(case)) for kind in SHARED]
    owned += [statefulset(case, obj, dc, rack, status["seedlist"]) for dc, rack, _ in rack_sizes(obj)]
    for one in owned:
        one["metadata"]["ownerReferences"][0]["uid"] = obj["metadata"]["uid"]
    kubectl.run("create", "-f", "-", given=json.dumps({"apiVersion": "v1", "kind": "List", "items": owned}))


def _sets(kubectl: Kubectl) -> Sets:
    """Return uid, generation and metadata of every StatefulSet, without what a status write changes."""
    found: Sets = {}
    for obj in kubectl.get("statefulsets")["items"]:
        metadata = dict(obj["metadata"])
        metadata.pop("resourceVersion")
        found[metadata["name"]] = (metadata["uid"], metadata["generation"], metadata)
    return found


def test_it_keeps_off_while_casskop_leads_and_then_takes_over_without_a_write(casskops: Kubectl) -> None:
    """No StatefulSet is written to, not by status and not by annotation, and each cluster says how it is."""
    before = _sets(casskops)
    assert len(before) == 18

    def told(obj: Object) -> bool:
        return bool(condition(obj, "SpecAccepted").get("observedGeneration"))

    with pytest.raises(TooLateError):
        watching.eventually(
            lambda: any(told(watching.cluster(casskops, case)) for case in CASES),
            seconds=LOOKS,
            what="somebody writes a status",
        )
    casskops.run("delete", "configmap", names.CASSKOP_LOCK)

    for case in CASES:

        def taken(case: str = case) -> Object | None:
            obj = watching.cluster(casskops, case)
            return obj if told(obj) else None

        obj = watching.eventually(taken, seconds=60, what=f"{case} is taken over")
        assert condition(obj, "SpecAccepted")["status"] == "True", condition(obj, "SpecAccepted")
        assert condition(obj, "Ready")["status"] == "False"
    with pytest.raises(TooLateError):
        watching.eventually(
            lambda: _sets(casskops) != before or None, seconds=LOOKS, what="a StatefulSet is written to"
        )


def test_each_is_still_casskops_to_have_back(casskops: Kubectl) -> None:
    """CassKop's own annotation carries the spec, and its finalizer is there as `deletePVC` asks."""
    for case in CASES:
        obj = watching.cluster(casskops, case)
        remembered = json.loads(obj["metadata"]["annotations"][names.LAST_APPLIED])

        assert remembered["spec"] == obj["spec"], case
        asked = bool(obj["spec"].get("deletePVC"))
        assert (names.PVC_FINALIZER in obj["metadata"].get("finalizers", [])) == asked, case
