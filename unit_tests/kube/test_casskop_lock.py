"""What a reader may rely on: when CassKop counts as running beside us."""

from __future__ import annotations

from typing import Any

import pytest

from controller.domain.errors import TransientError
from controller.kube.casskop_lock import casskop_leader
from controller.kube.live import LiveTransport
from controller.kube.reader import KubeReader
from unit_tests.kube.api_stub import Answer, ApiStub, Behaviour, Drop, status

GONE = status(404, "NotFound", 'pods "casskop-1" not found')
OWNER = {"apiVersion": "v1", "kind": "Pod", "name": "casskop-1", "uid": "u-1"}


def lock(*owners: dict[str, str]) -> Answer:
    """Return the ConfigMap that CassKop's leader owns."""
    return Answer({"metadata": {"name": "casskop-lock", "ownerReferences": list(owners)}})


def pod(phase: str = "Running", uid: str = "u-1", **metadata: Any) -> Answer:
    """Return a pod of the name that the lock says."""
    return Answer({"metadata": {"name": "casskop-1", "uid": uid, **metadata}, "status": {"phase": phase}})


@pytest.mark.parametrize(
    ("answers", "leader"),
    [
        ([GONE], None),
        ([Answer({"metadata": {"name": "casskop-lock"}})], None),
        ([lock({**OWNER, "kind": "Job"})], None),
        ([lock(OWNER), GONE], None),
        ([lock(OWNER), pod(uid="u-2")], None),
        ([lock(OWNER), pod("Failed")], None),
        ([lock(OWNER), pod("Succeeded")], None),
        ([lock(OWNER), pod()], "casskop-1"),
        ([lock(OWNER), pod("Pending")], "casskop-1"),
        ([lock(OWNER), pod("Unknown")], "casskop-1"),
        ([lock(OWNER), pod(deletionTimestamp="2026-01-01T00:00:00Z")], "casskop-1"),
        ([lock(OWNER), Answer({"metadata": {"name": "casskop-1", "uid": "u-1"}})], "casskop-1"),
    ],
    ids=[
        "no lock",
        "a lock of nobody",
        "a lock of another kind",
        "its pod is gone",
        "another pod of that name",
        "its pod has failed",
        "its pod has ended",
        "its pod runs",
        "its pod may begin",
        "its node is silent",
        "its pod is ending",
        "its pod is new",
    ],
)
def test_casskop_leads_as_long_as_the_lock_s_pod_may_run(
    api: ApiStub, transport: LiveTransport, answers: list[Behaviour], leader: str | None
) -> None:
    """The very pod, by its uid: one that is being deleted, or on a silent node, may still act."""
    api.answers(*answers)

    assert casskop_leader(KubeReader(transport), "prod") == leader
    assert [asked.path for asked in api.asked] == [
        "/api/v1/namespaces/prod/configmaps/casskop-lock",
        "/api/v1/namespaces/prod/pods/casskop-1",
    ][: len(answers)]


@pytest.mark.parametrize("answers", [[Drop()], [lock(OWNER), status(503, "ServiceUnavailable")]])
def test_no_answer_is_no_permission(api: ApiStub, transport: LiveTransport, answers: list[Behaviour]) -> None:
    """Who cannot be asked about may run."""
    api.answers(*answers)

    with pytest.raises(TransientError):
        casskop_leader(KubeReader(transport), "prod")
