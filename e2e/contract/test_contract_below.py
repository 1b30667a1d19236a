"""Facts about what is below objects: scale, eviction, binding."""

from __future__ import annotations

from typing import Any

from e2e.contract.client import Answer, Api, Object, eventually
from e2e.contract.objects import Space, budget, pod, statefulset


def _scale(space: Space, name: str = "one") -> str:
    return f"{space.path('statefulsets', name)}/scale"


def test_the_scale_shows_replicas_and_selector(api: Api, space: Space) -> None:
    """/scale is a Scale of autoscaling/v1 with the object's own metadata."""
    made = space.made("statefulsets", statefulset(replicas=2))

    found = api.get(_scale(space)).body

    assert (found["kind"], found["apiVersion"]) == ("Scale", "autoscaling/v1")
    assert found["spec"] == {"replicas": 2}
    assert found["status"]["selector"] == "app=one"
    assert found["metadata"]["uid"] == made["metadata"]["uid"]


def test_a_scale_of_nothing_has_no_replicas(api: Api, space: Space) -> None:
    """Zero replicas are left out."""
    space.made("statefulsets", statefulset(replicas=0))

    assert api.get(_scale(space)).body["spec"] == {}


def test_the_scale_writes_replicas_only(api: Api, space: Space) -> None:
    """PUT of /scale changes spec.replicas and counts up the generation."""
    made = space.made("statefulsets", statefulset(replicas=0))

    def put() -> Answer:
        scale = api.get(_scale(space)).body
        scale["spec"]["replicas"] = 3
        return api.put(_scale(space), scale)

    answer = put()
    while answer.status == 409:  # a controller wrote the status in between
        answer = put()

    found = api.get(space.path("statefulsets", "one")).body
    assert answer.body["spec"] == {"replicas": 3}
    assert found["spec"] == {**made["spec"], "replicas": 3}
    assert found["metadata"]["generation"] == 2


def test_a_stale_scale_is_refused(api: Api, space: Space) -> None:
    """409 for PUT of /scale with an old resourceVersion."""
    space.made("statefulsets", statefulset(replicas=0))
    scale = api.get(_scale(space)).body
    api.patch(space.path("statefulsets", "one"), {"metadata": {"labels": {"a": "b"}}})
    scale["spec"]["replicas"] = 3

    answer = api.put(_scale(space), scale)

    assert (answer.status, answer.reason) == (409, "Conflict")


def test_a_scale_below_zero_is_refused(api: Api, space: Space) -> None:
    """422 for a negative number."""
    space.made("statefulsets", statefulset(replicas=0))

    answer = api.patch(_scale(space), {"spec": {"replicas": -1}})

    assert answer.causes == [("FieldValueInvalid", "spec.replicas")]


def test_the_scale_of_nothing_is_not_found(api: Api, space: Space) -> None:
    """404 for the scale of an absent object."""
    assert api.get(_scale(space, "none")).status == 404


def test_kinds_without_scale_have_none(api: Api, space: Space) -> None:
    """404 for the scale of a ConfigMap."""
    space.config_map()

    assert api.get(f"{space.path('configmaps', 'one')}/scale").status == 404


def _running(api: Api, space: Space, name: str = "one") -> None:
    """A pod that runs and is ready, as a kubelet would say it."""
    body = pod(name)
    body["spec"]["nodeName"] = "no-such-node"
    body["spec"]["terminationGracePeriodSeconds"] = 0
    space.made("pods", body)
    status = {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}
    assert api.patch(f"{space.path('pods', name)}/status", {"status": status}).status == 200


def _evict(api: Api, space: Space, name: str = "one", **more: Any) -> Answer:
    body = {
        "apiVersion": "policy/v1",
        "kind": "Eviction",
        "metadata": {"name": name, "namespace": space.name},
        **more,
    }
    return api.post(f"{space.path('pods', name)}/eviction", body)


def test_eviction_deletes_a_pod(api: Api, space: Space) -> None:
    """201 for the eviction of a pod that no budget protects."""
    space.made("pods", pod())

    answer = _evict(api, space)

    assert (answer.status, answer.body["status"]) == (201, "Success")
    assert api.get(space.path("pods", "one")).status == 404


def test_eviction_of_nothing_is_not_found(api: Api, space: Space) -> None:
    """404 for the eviction of an absent pod."""
    assert _evict(api, space, "none").status == 404


def test_eviction_checks_a_precondition(api: Api, space: Space) -> None:
    """409 if another uid is given; the pod stays."""
    space.made("pods", pod())

    answer = _evict(api, space, deleteOptions={"preconditions": {"uid": "other"}})

    assert (answer.status, answer.reason) == (409, "Conflict")
    assert api.get(space.path("pods", "one")).status == 200


def test_eviction_can_be_tried_out(api: Api, space: Space) -> None:
    """`dryRun` in the delete options deletes nothing."""
    space.made("pods", pod())

    answer = _evict(api, space, deleteOptions={"dryRun": ["All"]})

    assert answer.status == 201
    assert api.get(space.path("pods", "one")).status == 200


def test_a_budget_without_allowance_refuses(api: Api, space: Space) -> None:
    """429 with the cause DisruptionBudget while the budget allows no disruption; the pod stays."""
    _running(api, space)
    space.made("poddisruptionbudgets", budget(maxUnavailable=0))
    path = space.path("poddisruptionbudgets", "one")
    _speak_for_controller(api, path)

    answer = _evict(api, space)

    assert (answer.status, answer.reason) == (429, "TooManyRequests")
    causes = answer.body["details"]["causes"]
    assert [one["reason"] for one in causes] == ["DisruptionBudget"]
    assert answer.message == "Cannot evict pod as it would violate the pod's disruption budget."
    assert api.get(space.path("pods", "one")).status == 200
    api.delete(space.path("pods", "one"), gracePeriodSeconds=0)


def _speak_for_controller(api: Api, path: str, **status: int) -> Object:
    """Write a budget's status as its controller would, if there is none, and return the budget."""
    body: Object = api.get(path).body
    if (body.get("status") or {}).get("observedGeneration", 0) < body["metadata"]["generation"]:
        known = {"observedGeneration": body["metadata"]["generation"], "currentHealthy": 1}
        more = {"desiredHealthy": 1, "expectedPods": 1, "disruptionsAllowed": 0}
        api.patch(f"{path}/status", {"status": {**known, **more, **status}})
    found: Object = eventually(lambda: _observed(api, path))
    return found


def _observed(api: Api, path: str) -> Object | None:
    body: Object = api.get(path).body
    seen = (body.get("status") or {}).get("observedGeneration", 0)
    return body if seen == body["metadata"]["generation"] else None


def test_an_unseen_budget_refuses(api: Api, space: Space) -> None:
    """An eviction is answered 201 or 429, never let through by a budget that forbids it."""
    _running(api, space)
    space.made("poddisruptionbudgets", budget(minAvailable="100%"))

    answer = _evict(api, space)

    assert answer.status == 429
    assert api.get(space.path("pods", "one")).status == 200
    api.delete(space.path("pods", "one"), gracePeriodSeconds=0)


def test_two_budgets_of_a_pod_are_an_error(api: Api, space: Space) -> None:
    """500 if more than one budget selects a running pod."""
    _running(api, space)
    space.made("poddisruptionbudgets", budget("a", maxUnavailable=1))
    space.made("poddisruptionbudgets", budget("b", maxUnavailable=1))

    answer = _evict(api, space)

    assert (answer.status, answer.reason) == (500, "")
    assert "more than one PodDisruptionBudget" in answer.message
    api.delete(space.path("pods", "one"), gracePeriodSeconds=0)


def test_a_pending_pod_needs_no_budget(api: Api, space: Space) -> None:
    """A pod that does not run yet is evicted whatever a budget says."""
    space.made("pods", pod())
    space.made("poddisruptionbudgets", budget(maxUnavailable=0))

    assert _evict(api, space).status == 201


def _bind(api: Api, space: Space, node: str, name: str = "one") -> Answer:
    body = {
        "apiVersion": "v1",
        "kind": "Binding",
        "metadata": {"name": name},
        "target": {"apiVersion": "v1", "kind": "Node", "name": node},
    }
    return api.post(f"{space.path('pods', name)}/binding", body)


def test_binding_puts_a_pod_on_a_node(api: Api, space: Space) -> None:
    """201; spec.nodeName is set and the pod is PodScheduled."""
    space.made("pods", pod())

    answer = _bind(api, space, "no-such-node")

    found = api.get(space.path("pods", "one")).body
    assert answer.status == 201
    assert found["spec"]["nodeName"] == "no-such-node"
    conditions = {one["type"]: one["status"] for one in found["status"]["conditions"]}
    assert conditions["PodScheduled"] == "True"
    api.delete(space.path("pods", "one"), gracePeriodSeconds=0)


def test_a_pod_is_bound_once(api: Api, space: Space) -> None:
    """409 for a second binding."""
    space.made("pods", pod())
    _bind(api, space, "no-such-node")

    answer = _bind(api, space, "other-node")

    assert (answer.status, answer.reason) == (409, "Conflict")
    assert api.get(space.path("pods", "one")).body["spec"]["nodeName"] == "no-such-node"
    api.delete(space.path("pods", "one"), gracePeriodSeconds=0)


def test_subresources_have_their_verbs(api: Api, space: Space) -> None:
    """405 for DELETE of a status and GET of an eviction."""
    space.made("pods", pod())
    path = space.path("pods", "one")

    assert api.delete(f"{path}/status").status == 405
    assert api.get(f"{path}/eviction").status == 405


def test_rights_are_reviewed(api: Api) -> None:
    """A review of what is allowed to everybody's administrator says yes, and is not stored."""
    path = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
    asked = {"spec": {"resourceAttributes": {"verb": "create", "resource": "pods"}}}

    answer = api.post(path, asked)

    assert answer.status == 201
    assert answer.body["status"]["allowed"] is True
    assert api.get(path).status == 405


def test_a_review_asks_about_one_thing(api: Api) -> None:
    """422 for a review without attributes."""
    answer = api.post("/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", {"spec": {}})

    assert answer.status == 422
    assert answer.causes == [("FieldValueInvalid", "spec.resourceAttributes")]
