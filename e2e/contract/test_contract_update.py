"""Facts about replacing objects."""

from __future__ import annotations

import copy

from e2e.contract.client import Api
from e2e.contract.objects import Space, budget, config_map, owned_by, service, statefulset


def test_put_replaces(api: Api, space: Space) -> None:
    """What the new body does not say is gone; uid and creation time stay, the version grows."""
    before = space.config_map(x="1", y="2")["metadata"]

    answer = api.put(space.path("configmaps", "one"), config_map(y="3"))

    after = answer.body["metadata"]
    assert answer.status == 200
    assert answer.body["data"] == {"y": "3"}
    assert after["uid"] == before["uid"]
    assert after["creationTimestamp"] == before["creationTimestamp"]
    assert int(after["resourceVersion"]) > int(before["resourceVersion"])


def test_a_stale_version_is_a_conflict(api: Api, space: Space) -> None:
    """409 Conflict for a PUT with an old resourceVersion, and nothing changes."""
    old = space.config_map(x="1")
    now = api.put(space.path("configmaps", "one"), config_map(x="2")).body
    old["data"] = {"x": "3"}

    answer = api.put(space.path("configmaps", "one"), old)

    assert (answer.status, answer.reason) == (409, "Conflict")
    assert answer.body["details"] == {"name": "one", "kind": "configmaps"}
    assert api.get(space.path("configmaps", "one")).body == now


def test_the_present_version_is_taken(api: Api, space: Space) -> None:
    """A PUT with the resourceVersion that the object has goes through."""
    found = space.config_map(x="1")
    found["data"] = {"x": "2"}

    assert api.put(space.path("configmaps", "one"), found).status == 200


def test_put_without_a_version_overwrites(api: Api, space: Space) -> None:
    """ConfigMaps and StatefulSets can be replaced whatever version they have."""
    space.config_map(x="1")
    space.made("statefulsets", statefulset())

    assert api.put(space.path("configmaps", "one"), config_map(x="2")).status == 200
    assert api.put(space.path("statefulsets", "one"), statefulset()).status == 200


def test_some_kinds_want_a_version(api: Api, space: Space) -> None:
    """422 for a PUT of a Lease or PodDisruptionBudget without resourceVersion."""
    space.made("leases", {"metadata": {"name": "one"}})
    space.made("poddisruptionbudgets", budget(maxUnavailable=1))

    for path, body in (
        (space.path("leases", "one"), {"metadata": {"name": "one"}}),
        (space.path("poddisruptionbudgets", "one"), budget(maxUnavailable=2)),
    ):
        answer = api.put(path, body)

        assert answer.status == 422
        assert answer.causes == [("FieldValueInvalid", "metadata.resourceVersion")]


def test_a_change_of_nothing_keeps_the_version(api: Api, space: Space) -> None:
    """A PUT of what is there already writes nothing."""
    before = space.config_map(x="1")

    answer = api.put(space.path("configmaps", "one"), config_map(x="1"))

    assert answer.status == 200
    assert answer.body == before


def test_an_absent_object_is_not_made(api: Api, space: Space) -> None:
    """404 for a PUT of a ConfigMap that is not there."""
    assert api.put(space.path("configmaps", "one"), config_map()).status == 404


def test_some_kinds_are_made_by_put(api: Api, space: Space) -> None:
    """A PUT of an absent Lease, Service or Role creates it: 201."""
    role = {"metadata": {"name": "one"}, "rules": []}

    assert api.put(space.path("leases", "one"), {"metadata": {"name": "one"}}).status == 201
    assert api.put(space.path("services", "one"), service()).status == 201
    assert api.put(space.path("roles", "one"), role).status == 201


def test_names_must_agree(api: Api, space: Space) -> None:
    """400 for a PUT of another name than the path's."""
    space.config_map()

    answer = api.put(space.path("configmaps", "one"), config_map("two"))

    assert (answer.status, answer.reason) == (400, "BadRequest")


def test_another_uid_is_a_conflict(api: Api, space: Space) -> None:
    """409 for a PUT that names the uid of an object that is no more."""
    space.config_map()
    body = config_map()
    body["metadata"]["uid"] = "somebody-else"

    answer = api.put(space.path("configmaps", "one"), body)

    assert (answer.status, answer.reason) == (409, "Conflict")


def test_what_the_server_writes_stays(api: Api, space: Space) -> None:
    """uid, creationTimestamp and generation that a PUT leaves out or changes stay as they were."""
    before = space.made("statefulsets", statefulset())["metadata"]
    body = statefulset()
    body["metadata"] |= {"creationTimestamp": "2001-01-01T00:00:00Z", "generation": 7}

    after = api.put(space.path("statefulsets", "one"), body).body["metadata"]

    for name in ("uid", "creationTimestamp", "generation"):
        assert after[name] == before[name]


def test_deletion_time_cannot_be_written(api: Api, space: Space) -> None:
    """422 for a PUT that sets deletionTimestamp."""
    space.config_map()
    body = config_map()
    body["metadata"]["deletionTimestamp"] = "2001-01-01T00:00:00Z"

    answer = api.put(space.path("configmaps", "one"), body)

    assert answer.causes == [("FieldValueInvalid", "metadata.deletionTimestamp")]


def test_generation_counts_changes_of_the_spec(api: Api, space: Space) -> None:
    """A StatefulSet starts at generation 1; only changes of the spec count it up."""
    made = space.made("statefulsets", statefulset())
    path = space.path("statefulsets", "one")

    labelled = api.patch(path, {"metadata": {"labels": {"a": "b"}}}).body
    changed = api.patch(path, {"spec": {"minReadySeconds": 5}}).body

    assert [one["metadata"]["generation"] for one in (made, labelled, changed)] == [1, 1, 2]


def test_config_maps_have_no_generation(space: Space) -> None:
    """Kinds without a spec have no generation."""
    assert "generation" not in space.config_map()["metadata"]


def test_the_status_is_not_written_by_the_object_s_path(api: Api, space: Space) -> None:
    """PUT and PATCH of an object leave its status alone."""
    space.made("statefulsets", statefulset())
    path = space.path("statefulsets", "one")
    status = {"observedGeneration": 77, "replicas": 5}

    api.put(path, {**statefulset(), "status": status})
    api.patch(path, {"status": status})

    assert api.get(path).body["status"].get("replicas", 0) == 0


def test_the_spec_is_not_written_by_the_status_path(api: Api, space: Space) -> None:
    """PATCH of /status leaves the spec and the generation alone."""
    made = space.made("poddisruptionbudgets", budget(maxUnavailable=1))
    path = space.path("poddisruptionbudgets", "one")

    patch = {"spec": {"maxUnavailable": 3}, "status": {"disruptedPods": {}, "currentHealthy": 0}}
    after = api.patch(f"{path}/status", patch)

    assert after.status == 200
    assert after.body["spec"] == made["spec"]
    assert after.body["metadata"]["generation"] == 1


def test_a_new_object_has_no_status_of_its_client(space: Space) -> None:
    """POST leaves a status out that the client sends."""
    body = statefulset()
    body["status"] = {"replicas": 5, "readyReplicas": 5}

    assert space.made("statefulsets", body)["status"]["replicas"] == 0


def test_dry_run_updates_nothing(api: Api, space: Space) -> None:
    """dryRun=All answers with the change and does not make it."""
    before = space.config_map(x="1")

    answer = api.put(space.path("configmaps", "one"), config_map(x="2"), dryRun="All")

    assert answer.body["data"] == {"x": "2"}
    assert answer.body["metadata"]["resourceVersion"] == before["metadata"]["resourceVersion"]
    assert api.get(space.path("configmaps", "one")).body == before


def test_one_owner_is_the_controller(api: Api, space: Space) -> None:
    """422 for two owners that both say they are the controller."""
    first, second = space.config_map("first"), space.config_map("second")
    body = config_map()
    body["metadata"]["ownerReferences"] = [
        owned_by(first, controller=True),
        owned_by(second, controller=True),
    ]

    answer = api.post(space.path("configmaps"), body)

    assert answer.causes == [("FieldValueInvalid", "metadata.ownerReferences")]


def test_an_owner_is_named_in_full(api: Api, space: Space) -> None:
    """422 for an owner reference without uid."""
    owner = owned_by(space.config_map("first"))
    del owner["uid"]
    body = config_map()
    body["metadata"]["ownerReferences"] = [owner]

    answer = api.post(space.path("configmaps"), body)

    assert answer.causes == [("FieldValueInvalid", "metadata.ownerReferences.uid")]


def test_a_read_object_can_be_written_back(api: Api, space: Space) -> None:
    """What GET answers, PUT takes, and it changes nothing."""
    space.made("statefulsets", statefulset())
    path = space.path("statefulsets", "one")
    found = api.get(path).body

    answer = api.put(path, copy.deepcopy(found))

    assert answer.status in (200, 409)  # 409 if its controller wrote the status in between
    if answer.status == 200:
        assert answer.body["metadata"]["generation"] == found["metadata"]["generation"]
