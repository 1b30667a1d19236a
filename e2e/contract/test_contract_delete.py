"""Facts about deleting objects."""

from __future__ import annotations

from e2e.contract.client import Api, Object
from e2e.contract.objects import Space, config_map, pod, secret, statefulset


def _held(space: Space, *finalizers: str) -> Object:
    body = config_map(x="1")
    body["metadata"]["finalizers"] = list(finalizers)
    return space.made("configmaps", body)


def test_delete_removes(api: Api, space: Space) -> None:
    """DELETE answers 200 with a Status that names the object, and it is gone."""
    made = space.config_map()

    answer = api.delete(space.path("configmaps", "one"))

    assert answer.status == 200
    assert (answer.body["kind"], answer.body["status"]) == ("Status", "Success")
    assert answer.body["details"] == {
        "name": "one",
        "kind": "configmaps",
        "uid": made["metadata"]["uid"],
    }
    assert api.get(space.path("configmaps", "one")).status == 404


def test_delete_of_some_kinds_answers_the_object(api: Api, space: Space) -> None:
    """DELETE of a ServiceAccount or Pod answers with the object."""
    space.made("serviceaccounts", {"metadata": {"name": "one"}})
    space.made("pods", pod())

    assert api.delete(space.path("serviceaccounts", "one")).body["kind"] == "ServiceAccount"
    assert api.delete(space.path("pods", "one")).body["kind"] == "Pod"


def test_delete_of_nothing_is_not_found(api: Api, space: Space) -> None:
    """404 for an object that is not there."""
    assert api.delete(space.path("configmaps", "none")).status == 404


def test_a_name_can_be_used_again(api: Api, space: Space) -> None:
    """A new object of a deleted one's name has another uid."""
    old = space.config_map()["metadata"]["uid"]
    api.delete(space.path("configmaps", "one"))

    assert space.config_map()["metadata"]["uid"] != old


def test_delete_checks_a_uid(api: Api, space: Space) -> None:
    """409 if the precondition names another uid; the object stays."""
    uid = space.config_map()["metadata"]["uid"]
    path = space.path("configmaps", "one")

    refused = api.delete(path, {"preconditions": {"uid": "other"}})

    assert (refused.status, refused.reason) == (409, "Conflict")
    assert api.get(path).status == 200
    assert api.delete(path, {"preconditions": {"uid": uid}}).status == 200


def test_delete_checks_a_version(api: Api, space: Space) -> None:
    """409 if the precondition names another resourceVersion than the present one."""
    old = space.config_map(x="1")["metadata"]["resourceVersion"]
    path = space.path("configmaps", "one")
    now = api.patch(path, {"data": {"x": "2"}}).body["metadata"]["resourceVersion"]

    assert api.delete(path, {"preconditions": {"resourceVersion": old}}).status == 409
    assert api.delete(path, {"preconditions": {"resourceVersion": now}}).status == 200


def test_finalizers_hold_an_object(api: Api, space: Space) -> None:
    """DELETE of an object with finalizers marks it and leaves it."""
    _held(space, "fact.example.org/a")
    path = space.path("configmaps", "one")

    answer = api.delete(path)

    details = answer.body["metadata"]
    assert answer.status == 200
    assert details["deletionTimestamp"]
    assert details["deletionGracePeriodSeconds"] == 0
    assert api.get(path).body["metadata"]["deletionTimestamp"] == details["deletionTimestamp"]
    api.patch(path, {"metadata": {"finalizers": None}})


def test_a_second_delete_changes_nothing(api: Api, space: Space) -> None:
    """DELETE of an object that is marked already answers with it as it is."""
    _held(space, "fact.example.org/a")
    path = space.path("configmaps", "one")
    first = api.delete(path).body

    assert api.delete(path).body == first
    api.patch(path, {"metadata": {"finalizers": None}})


def test_the_last_finalizer_lets_go(api: Api, space: Space) -> None:
    """A marked object goes when its last finalizer is taken away, not before."""
    _held(space, "fact.example.org/a", "fact.example.org/b")
    path = space.path("configmaps", "one")
    api.delete(path)

    api.patch(path, {"metadata": {"finalizers": ["fact.example.org/b"]}})
    assert api.get(path).status == 200
    last = api.patch(path, {"metadata": {"finalizers": None}})

    assert last.status == 200
    assert api.get(path).status == 404


def test_finalizers_of_a_living_object_hold_nothing(api: Api, space: Space) -> None:
    """Taking the finalizers of an object that is not marked does not delete it."""
    _held(space, "fact.example.org/a")
    path = space.path("configmaps", "one")

    api.patch(path, {"metadata": {"finalizers": None}})

    assert api.get(path).status == 200


def test_a_marked_object_takes_no_finalizers(api: Api, space: Space) -> None:
    """422 for a new finalizer on an object that is being deleted."""
    _held(space, "fact.example.org/a")
    path = space.path("configmaps", "one")
    api.delete(path)

    patch = {"metadata": {"finalizers": ["fact.example.org/a", "fact.example.org/b"]}}
    answer = api.patch(path, patch)

    assert answer.causes == [("FieldValueForbidden", "metadata.finalizers")]
    api.patch(path, {"metadata": {"finalizers": None}})


def test_a_marked_object_can_be_changed(api: Api, space: Space) -> None:
    """Everything else of an object that is being deleted can be written."""
    _held(space, "fact.example.org/a")
    path = space.path("configmaps", "one")
    api.delete(path)

    assert api.patch(path, {"data": {"x": "2"}}).body["data"] == {"x": "2"}
    api.patch(path, {"metadata": {"finalizers": None}})


def test_a_marked_name_is_taken(api: Api, space: Space) -> None:
    """409 for a new object while a marked one holds the name."""
    _held(space, "fact.example.org/a")
    path = space.path("configmaps", "one")
    api.delete(path)

    assert api.post(space.path("configmaps"), config_map()).status == 409
    api.patch(path, {"metadata": {"finalizers": None}})


def test_marking_counts_up_the_generation(api: Api, space: Space) -> None:
    """`deletionTimestamp` counts as a change of the generation."""
    body = statefulset()
    body["metadata"]["finalizers"] = ["fact.example.org/a"]
    space.made("statefulsets", body)
    path = space.path("statefulsets", "one")

    assert api.delete(path).body["metadata"]["generation"] == 2
    api.patch(path, {"metadata": {"finalizers": None}})


def test_a_marked_object_is_told_as_modified(api: Api, space: Space) -> None:
    """Watches see MODIFIED when an object is marked, DELETED when it goes."""
    made = _held(space, "fact.example.org/a")
    path = space.path("configmaps", "one")
    query = {
        "resourceVersion": made["metadata"]["resourceVersion"],
        "fieldSelector": "metadata.name=one",
    }
    with api.watch(space.path("configmaps"), **query) as stream:
        api.delete(path)
        api.patch(path, {"metadata": {"finalizers": None}})
        first, second = stream.next(), stream.next()

    assert first["type"] == "MODIFIED"
    assert first["object"]["metadata"]["deletionTimestamp"]
    assert second["type"] == "DELETED"


def test_a_collection_is_deleted_by_selector(api: Api, space: Space) -> None:
    """DELETE of a collection deletes what the selector takes, and answers with it."""
    for name, color in (("a", "red"), ("b", "blue"), ("c", "red")):
        space.made("secrets", secret(name, color=color))

    answer = api.delete(space.path("secrets"), labelSelector="color=red")

    assert answer.status == 200
    assert [one["metadata"]["name"] for one in answer.body["items"]] == ["a", "c"]
    left = api.get(space.path("secrets")).body["items"]
    assert [one["metadata"]["name"] for one in left] == ["b"]


def test_dry_run_deletes_nothing(api: Api, space: Space) -> None:
    """dryRun=All answers as if, and leaves the object unmarked."""
    made = space.config_map()
    path = space.path("configmaps", "one")

    assert api.delete(path, dryRun="All").status == 200
    assert api.delete(path, {"dryRun": ["All"]}).status == 200
    assert api.get(path).body == made


def test_an_unknown_policy_is_refused(api: Api, space: Space) -> None:
    """422 for a propagationPolicy that does not exist."""
    space.config_map()

    answer = api.delete(space.path("configmaps", "one"), propagationPolicy="Perhaps")

    assert answer.status == 422
    assert api.get(space.path("configmaps", "one")).status == 200


def test_a_pod_without_node_goes_at_once(api: Api, space: Space) -> None:
    """A pod that no node has taken needs no grace."""
    space.made("pods", pod())

    answer = api.delete(space.path("pods", "one"))

    assert answer.body["metadata"]["deletionGracePeriodSeconds"] == 0
    assert api.get(space.path("pods", "one")).status == 404


def _bound(space: Space, **spec: object) -> Object:
    body = pod()
    body["spec"] |= {"nodeName": "no-such-node", **spec}
    return space.made("pods", body)


def test_a_pod_on_a_node_has_its_grace(api: Api, space: Space) -> None:
    """A pod on a node is marked for its own grace period ahead, and stays."""
    _bound(space, terminationGracePeriodSeconds=77)
    path = space.path("pods", "one")

    details = api.delete(path).body["metadata"]

    assert details["deletionGracePeriodSeconds"] == 77
    assert api.get(path).status == 200
    api.delete(path, gracePeriodSeconds=0)


def test_grace_can_be_chosen(api: Api, space: Space) -> None:
    """`gracePeriodSeconds` takes the place of the pod's own period."""
    _bound(space)
    path = space.path("pods", "one")

    assert api.delete(path, gracePeriodSeconds=5).body["metadata"]["deletionGracePeriodSeconds"] == 5
    api.delete(path, gracePeriodSeconds=0)


def test_grace_can_be_shortened_only(api: Api, space: Space) -> None:
    """A later delete can shorten the grace, not lengthen it."""
    _bound(space)
    path = space.path("pods", "one")
    api.delete(path, gracePeriodSeconds=20)

    longer = api.delete(path, gracePeriodSeconds=60).body["metadata"]
    shorter = api.delete(path, gracePeriodSeconds=10).body["metadata"]

    assert longer["deletionGracePeriodSeconds"] == 20
    assert shorter["deletionGracePeriodSeconds"] == 10
    api.delete(path, gracePeriodSeconds=0)


def test_no_grace_removes_a_pod(api: Api, space: Space) -> None:
    """gracePeriodSeconds=0, as the kubelet sends it at the end, removes the pod."""
    uid = _bound(space)["metadata"]["uid"]
    path = space.path("pods", "one")
    api.delete(path)

    answer = api.delete(path, {"gracePeriodSeconds": 0, "preconditions": {"uid": uid}})

    assert answer.status == 200
    assert api.get(path).status == 404


def test_a_finished_pod_needs_no_grace(api: Api, space: Space) -> None:
    """A pod on a node that has ended is removed at once."""
    _bound(space)
    path = space.path("pods", "one")
    api.patch(f"{path}/status", {"status": {"phase": "Succeeded"}})

    api.delete(path)

    assert api.get(path).status == 404
