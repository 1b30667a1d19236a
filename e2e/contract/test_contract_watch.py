"""Facts about watches."""

from __future__ import annotations

from typing import Any

from e2e.contract.client import Api, Object, Stream
from e2e.contract.objects import Space, secret


def _version(api: Api, space: Space) -> str:
    """The present resourceVersion of the secrets of a namespace."""
    return str(api.get(space.path("secrets")).body["metadata"]["resourceVersion"])


def _from_now(api: Api, space: Space, **query: Any) -> Stream:
    return api.watch(space.path("secrets"), resourceVersion=_version(api, space), **query)


def _label(api: Api, space: Space, name: str, **labels: str) -> Object:
    answer = api.patch(space.path("secrets", name), {"metadata": {"labels": labels}})
    assert answer.status == 200
    found: Object = answer.body
    return found


def test_a_watch_tells_of_each_change(api: Api, space: Space) -> None:
    """ADDED, MODIFIED, DELETED, each with the object as it was answered to its writer."""
    with _from_now(api, space) as stream:
        made = space.made("secrets", secret("a"))
        changed = _label(api, space, "a", x="1")
        api.delete(space.path("secrets", "a"))

        assert stream.next() == {"type": "ADDED", "object": made}
        assert stream.next() == {"type": "MODIFIED", "object": changed}
        last = stream.next()

    assert last["type"] == "DELETED"
    assert last["object"]["metadata"]["name"] == "a"


def test_a_deletion_has_a_version_of_its_own(api: Api, space: Space) -> None:
    """The object of a DELETED event has a higher resourceVersion than its last state."""
    made = space.made("secrets", secret("a"))
    with _from_now(api, space) as stream:
        api.delete(space.path("secrets", "a"))
        gone = stream.next()["object"]

    assert gone["data"] == made["data"]
    versions = [int(one["metadata"]["resourceVersion"]) for one in (made, gone)]
    assert versions[0] < versions[1]


def test_events_have_kind_and_version(api: Api, space: Space) -> None:
    """Objects in events have kind and apiVersion, unlike items of lists."""
    with _from_now(api, space) as stream:
        space.made("secrets", secret("a"))
        found = stream.next()["object"]

    assert (found["kind"], found["apiVersion"]) == ("Secret", "v1")


def test_a_change_of_nothing_is_no_event(api: Api, space: Space) -> None:
    """A write that changes nothing is not told."""
    space.made("secrets", secret("a", x="1"))
    with _from_now(api, space) as stream:
        _label(api, space, "a", x="1")

        assert stream.quiet()


def test_a_watch_goes_on_from_a_version(api: Api, space: Space) -> None:
    """A watch from a version tells what came after it, in order, though it is past."""
    version = _version(api, space)
    for name in ("a", "b"):
        space.made("secrets", secret(name))
    api.delete(space.path("secrets", "a"))

    with api.watch(space.path("secrets"), resourceVersion=version) as stream:
        assert stream.take(3) == [("ADDED", "a"), ("ADDED", "b"), ("DELETED", "a")]


def test_a_watch_goes_on_from_any_event(api: Api, space: Space) -> None:
    """The version of each event is a place to go on from, without loss or repetition."""
    version = _version(api, space)
    for name in ("a", "b", "c"):
        space.made("secrets", secret(name))
    path = space.path("secrets")
    with api.watch(path, resourceVersion=version) as stream:
        versions = [stream.next()["object"]["metadata"]["resourceVersion"] for _ in range(3)]

    with api.watch(path, resourceVersion=versions[0]) as stream:
        assert stream.take(2) == [("ADDED", "b"), ("ADDED", "c")]
    with api.watch(path, resourceVersion=versions[2]) as stream:
        assert stream.quiet()


def test_a_watch_without_version_begins_with_what_is(api: Api, space: Space) -> None:
    """Without resourceVersion, or at 0, all objects come first as ADDED."""
    for name in ("a", "b"):
        space.made("secrets", secret(name))

    for query in ({}, {"resourceVersion": "0"}):
        with api.watch(space.path("secrets"), **query) as stream:
            assert stream.take(2) == [("ADDED", "a"), ("ADDED", "b")]
            assert stream.quiet()


def test_watch_true_is_a_watch_too(api: Api, space: Space) -> None:
    """`watch=true` and `watch=1` are the same."""
    space.made("secrets", secret("a"))

    with api.watch(space.path("secrets"), watch="true") as stream:
        assert stream.take(1) == [("ADDED", "a")]


def test_what_enters_the_selection_is_added(api: Api, space: Space) -> None:
    """A change that makes an object match is ADDED to a watch with a selector."""
    space.made("secrets", secret("a", x="1"))
    with _from_now(api, space, labelSelector="x=2") as stream:
        _label(api, space, "a", x="2")

        assert stream.take(1) == [("ADDED", "a")]


def test_what_leaves_the_selection_is_deleted(api: Api, space: Space) -> None:
    """A change that makes an object not match is DELETED, in its last matching state."""
    space.made("secrets", secret("a", x="1"))
    with _from_now(api, space, labelSelector="x=1") as stream:
        changed = _label(api, space, "a", x="2")
        event = stream.next()

    assert event["type"] == "DELETED"
    assert event["object"]["metadata"]["labels"] == {"x": "1"}
    version = changed["metadata"]["resourceVersion"]
    assert event["object"]["metadata"]["resourceVersion"] == version


def test_what_is_outside_is_not_told(api: Api, space: Space) -> None:
    """Changes of objects that never matched are not told."""
    with _from_now(api, space, labelSelector="x=1") as stream:
        space.made("secrets", secret("a", x="2"))
        _label(api, space, "a", x="3")
        api.delete(space.path("secrets", "a"))

        assert stream.quiet()


def test_one_object_is_watched_by_its_name(api: Api, space: Space) -> None:
    """A field selector on metadata.name watches one object."""
    with _from_now(api, space, fieldSelector="metadata.name=b") as stream:
        for name in ("a", "b", "c"):
            space.made("secrets", secret(name))

        assert stream.take(1) == [("ADDED", "b")]
        assert stream.quiet()


def test_a_watch_keeps_to_its_namespace(api: Api, space: Space) -> None:
    """A watch of a namespace is not told of another's objects."""
    other = f"{space.name}-other"
    api.made("/api/v1/namespaces", {"metadata": {"name": other}})
    with _from_now(api, space) as stream:
        api.made(f"/api/v1/namespaces/{other}/secrets", secret("there"))
        space.made("secrets", secret("here"))

        assert stream.take(1) == [("ADDED", "here")]
    api.delete(f"/api/v1/namespaces/{other}")


def test_a_watch_over_all_namespaces_tells_of_all(api: Api, space: Space) -> None:
    """A watch without a namespace tells of every one."""
    query = {"resourceVersion": _version(api, space), "labelSelector": f"space={space.name}"}
    with api.watch("/api/v1/secrets", **query) as stream:
        space.made("secrets", secret("a", space=space.name))

        assert stream.take(1) == [("ADDED", "a")]


def test_a_watch_ends_after_its_time(api: Api, space: Space) -> None:
    """The server ends the stream after timeoutSeconds, without an error."""
    with _from_now(api, space, timeoutSeconds=1) as stream:
        assert stream.rest() == []


def test_bookmarks_carry_only_a_version(api: Api, space: Space) -> None:
    """A bookmark before the end of a stream is a place to go on from, past what was left out."""
    query = {"allowWatchBookmarks": True, "timeoutSeconds": 5, "labelSelector": "x=1"}
    with _from_now(api, space, **query) as stream:
        outside = space.made("secrets", secret("a", x="2"))
        events = stream.rest()

    assert events
    assert {event["type"] for event in events} == {"BOOKMARK"}
    found = events[-1]["object"]
    assert (found["kind"], found["apiVersion"]) == ("Secret", "v1")
    assert "name" not in found["metadata"]
    version = found["metadata"]["resourceVersion"]
    assert int(version) >= int(outside["metadata"]["resourceVersion"])
    with api.watch(space.path("secrets"), resourceVersion=version) as stream:
        assert stream.quiet()


def test_bookmarks_must_be_asked_for(api: Api, space: Space) -> None:
    """Without allowWatchBookmarks none comes."""
    with _from_now(api, space, timeoutSeconds=3, labelSelector="x=1") as stream:
        space.made("secrets", secret("a", x="2"))
        assert stream.rest() == []


_LIST: dict[str, Any] = {
    "sendInitialEvents": True,
    "resourceVersionMatch": "NotOlderThan",
    "allowWatchBookmarks": True,
}


def test_a_watch_can_begin_with_a_list(api: Api, space: Space) -> None:
    """With sendInitialEvents all objects come, then a marked bookmark, then what happens."""
    for name in ("a", "b"):
        space.made("secrets", secret(name))

    with api.watch(space.path("secrets"), **_LIST) as stream:
        assert sorted(stream.take(2)) == [("ADDED", "a"), ("ADDED", "b")]
        mark = stream.next()
        space.made("secrets", secret("c"))
        after = stream.take(1)

    assert mark["type"] == "BOOKMARK"
    assert mark["object"]["metadata"]["annotations"] == {"k8s.io/initial-events-end": "true"}
    assert after == [("ADDED", "c")]


def test_initial_events_can_be_left_out(api: Api, space: Space) -> None:
    """sendInitialEvents=false begins with the present, without a version."""
    space.made("secrets", secret("a"))
    query = {**_LIST, "sendInitialEvents": False, "allowWatchBookmarks": False}

    with api.watch(space.path("secrets"), **query) as stream:
        assert stream.quiet()
        space.made("secrets", secret("b"))
        assert stream.take(1) == [("ADDED", "b")]


def test_initial_events_need_a_match(api: Api, space: Space) -> None:
    """422 for sendInitialEvents without resourceVersionMatch, and the other way round."""
    path = space.path("secrets")

    without = api.get(path, watch=1, sendInitialEvents=True)
    alone = api.get(path, watch=1, resourceVersionMatch="NotOlderThan")

    assert without.causes == [("FieldValueForbidden", "resourceVersionMatch")]
    assert alone.causes == [("FieldValueForbidden", "resourceVersionMatch")]


def test_the_forgotten_past_is_an_error(api: Api, space: Space) -> None:
    """A watch from the first version tells all since, or one ERROR with a Status of code 410."""
    space.made("secrets", secret("a"))

    with api.watch(space.path("secrets"), resourceVersion="1") as stream:
        event = stream.next()

    if event["type"] == "ERROR":
        status = event["object"]
        assert (status["kind"], status["code"], status["reason"]) == ("Status", 410, "Expired")
    else:
        assert (event["type"], event["object"]["metadata"]["name"]) == ("ADDED", "a")


def test_a_watch_by_the_path_of_an_object_is_a_read(api: Api, space: Space) -> None:
    """`watch` with the name in the path answers the object."""
    made = space.made("secrets", secret("a"))

    assert api.get(space.path("secrets", "a"), watch=1).body == made


def test_many_watches_are_told_the_same(api: Api, space: Space) -> None:
    """Streams opened at different times tell the same history from the same version."""
    version = _version(api, space)
    path = space.path("secrets")
    with api.watch(path, resourceVersion=version) as early:
        for name in ("a", "b", "c"):
            space.made("secrets", secret(name))
        with api.watch(path, resourceVersion=version) as late:
            assert early.take(3) == late.take(3)


def test_a_list_and_a_watch_lose_nothing(api: Api, space: Space) -> None:
    """What is not in a list comes in the watch from the list's version."""
    for index in range(10):
        space.made("secrets", secret(f"s{index}"))
        listed = api.get(space.path("secrets")).body
        space.made("secrets", secret(f"t{index}"))
        version = listed["metadata"]["resourceVersion"]
        with api.watch(space.path("secrets"), resourceVersion=version) as stream:
            assert stream.take(1) == [("ADDED", f"t{index}")]
