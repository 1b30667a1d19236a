"""Facts about reading: objects, lists, pages, versions, selectors."""

from __future__ import annotations

from e2e.contract.client import Answer, Api, Object
from e2e.contract.objects import Space, pod, secret


def _names(answer: Answer) -> list[str]:
    return [one["metadata"]["name"] for one in answer.body["items"]]


def _three(space: Space) -> None:
    for name, color in (("a", "red"), ("b", "blue"), ("c", "red")):
        space.made("secrets", secret(name, color=color))


def test_get_answers_the_object(api: Api, space: Space) -> None:
    """GET answers what POST answered."""
    made = space.config_map(x="1")

    assert api.get(space.path("configmaps", "one")).body == made


def test_an_absent_object_is_not_found(api: Api, space: Space) -> None:
    """404 NotFound with name and kind."""
    answer = api.get(space.path("configmaps", "none"))

    assert (answer.status, answer.reason) == (404, "NotFound")
    assert answer.body["details"] == {"name": "none", "kind": "configmaps"}


def test_a_refusal_is_a_status(api: Api, space: Space) -> None:
    """Refusals are objects of kind Status with status Failure and their code."""
    body = api.get(space.path("configmaps", "none")).body

    assert (body["kind"], body["apiVersion"]) == ("Status", "v1")
    assert (body["status"], body["code"]) == ("Failure", 404)


def test_an_unknown_kind_is_not_found(api: Api, space: Space) -> None:
    """404 without a name for a kind that the group does not have."""
    answer = api.get(space.path("nothings"))

    assert (answer.status, answer.reason) == (404, "NotFound")
    assert answer.message == "the server could not find the requested resource"


def test_an_unknown_group_is_no_page(api: Api) -> None:
    """404 in plain text for a group that nobody serves."""
    answer = api.get("/apis/nothing.example.org/v1/things")

    assert (answer.status, answer.body) == (404, "404 page not found\n")


def test_a_cluster_wide_kind_is_in_no_namespace(api: Api, space: Space) -> None:
    """404 for a kind without namespaces below one."""
    assert api.get(space.path("nodes")).status == 404


def test_a_list_has_kind_and_version(api: Api, space: Space) -> None:
    """A list is of kind <Kind>List and has a resourceVersion of its own."""
    body = api.get(space.path("secrets")).body

    assert (body["kind"], body["apiVersion"]) == ("SecretList", "v1")
    assert int(body["metadata"]["resourceVersion"]) > 0


def test_an_empty_list_has_items(api: Api, space: Space) -> None:
    """`items` is an empty list, not missing."""
    assert api.get(space.path("secrets")).body["items"] == []


def test_items_go_without_kind(api: Api, space: Space) -> None:
    """Items of lists of Kubernetes' own kinds have no kind and apiVersion."""
    _three(space)

    item = api.get(space.path("secrets")).body["items"][0]

    assert not {"kind", "apiVersion"} & item.keys()


def test_lists_are_in_order_of_names(api: Api, space: Space) -> None:
    """Items come by namespace and name, however they were created."""
    for name in ("b", "c", "a"):
        space.made("secrets", secret(name))

    assert _names(api.get(space.path("secrets"))) == ["a", "b", "c"]


def test_a_list_over_all_namespaces_has_all(api: Api, space: Space) -> None:
    """A list without a namespace holds the objects of every one."""
    _three(space)

    answer = api.get("/api/v1/secrets", labelSelector="color")

    here = [one for one in answer.body["items"] if one["metadata"]["namespace"] == space.name]
    assert [one["metadata"]["name"] for one in here] == ["a", "b", "c"]


def test_a_list_is_not_older_than_a_write(api: Api, space: Space) -> None:
    """A list without a version sees every write that was answered before."""
    for index in range(20):
        made = space.made("secrets", secret(f"s{index:02}"))
        answer = api.get(space.path("secrets"))

        assert len(answer.body["items"]) == index + 1
        version = int(answer.body["metadata"]["resourceVersion"])
        assert version >= int(made["metadata"]["resourceVersion"])


def test_labels_select_by_equality(api: Api, space: Space) -> None:
    """= and == choose, != leaves out, and also takes those without the label."""
    _three(space)
    path = space.path("secrets")

    assert _names(api.get(path, labelSelector="color=red")) == ["a", "c"]
    assert _names(api.get(path, labelSelector="color==blue")) == ["b"]
    assert _names(api.get(path, labelSelector="color!=red")) == ["b"]
    assert _names(api.get(path, labelSelector="shape!=round")) == ["a", "b", "c"]


def test_labels_select_by_sets(api: Api, space: Space) -> None:
    """in, notin, key and !key; several conditions must all hold."""
    _three(space)
    path = space.path("secrets")

    assert _names(api.get(path, labelSelector="color in (red, green)")) == ["a", "c"]
    assert _names(api.get(path, labelSelector="color notin (red)")) == ["b"]
    assert _names(api.get(path, labelSelector="color")) == ["a", "b", "c"]
    assert _names(api.get(path, labelSelector="!color")) == []
    assert _names(api.get(path, labelSelector="color,color!=red")) == ["b"]


def test_a_senseless_label_selector_is_refused(api: Api, space: Space) -> None:
    """400 for what is no selector."""
    for text in ("a b", "a in (b", "=", "a in b"):
        answer = api.get(space.path("secrets"), labelSelector=text)

        assert (answer.status, answer.reason) == (400, "BadRequest"), text


def test_fields_select_by_name(api: Api, space: Space) -> None:
    """Every kind can be selected by metadata.name and metadata.namespace."""
    _three(space)
    path = space.path("secrets")

    assert _names(api.get(path, fieldSelector="metadata.name=b")) == ["b"]
    assert _names(api.get(path, fieldSelector="metadata.name!=b")) == ["a", "c"]
    assert _names(api.get(path, fieldSelector=f"metadata.namespace={space.name}")) == [
        "a",
        "b",
        "c",
    ]


def test_pods_select_by_node_and_phase(api: Api, space: Space) -> None:
    """Pods can be selected by spec.nodeName and status.phase."""
    space.made("pods", pod("free"))
    bound = pod("bound")
    bound["spec"]["nodeName"] = "no-such-node"
    space.made("pods", bound)
    path = space.path("pods")

    assert _names(api.get(path, fieldSelector="spec.nodeName=no-such-node")) == ["bound"]
    assert _names(api.get(path, fieldSelector="spec.nodeName=")) == ["free"]
    assert _names(api.get(path, fieldSelector="status.phase=Pending")) == ["bound", "free"]


def test_an_unknown_field_is_refused(api: Api, space: Space) -> None:
    """400 for a field that the kind does not offer to selectors."""
    answer = api.get(space.path("secrets"), fieldSelector="data.x=1")

    assert (answer.status, answer.reason) == (400, "BadRequest")


def test_pages_make_up_the_list(api: Api, space: Space) -> None:
    """`limit` and continue give all items once, in order, at one version."""
    for index in range(7):
        space.made("secrets", secret(f"s{index}"))
    path, pages, token = space.path("secrets"), [], None
    while True:
        page = api.get(path, limit=3, **({"continue": token} if token else {}))
        pages.append(page)
        token = page.body["metadata"].get("continue")
        if not token:
            break

    assert [_names(page) for page in pages] == [
        ["s0", "s1", "s2"],
        ["s3", "s4", "s5"],
        ["s6"],
    ]
    assert len({page.body["metadata"]["resourceVersion"] for page in pages}) == 1


def test_a_page_tells_what_is_left(api: Api, space: Space) -> None:
    """`remainingItemCount` counts what follows, but not with a selector."""
    _three(space)
    path = space.path("secrets")

    assert api.get(path, limit=1).body["metadata"]["remainingItemCount"] == 2
    selected = api.get(path, limit=1, labelSelector="color=red").body["metadata"]
    assert "remainingItemCount" not in selected
    assert selected["continue"]


def test_pages_show_one_moment(api: Api, space: Space) -> None:
    """Later pages show neither what was created nor what was deleted since the first."""
    _three(space)
    path = space.path("secrets")
    token = api.get(path, limit=1).body["metadata"]["continue"]
    api.delete(f"{path}/b")
    space.made("secrets", secret("bb"))

    assert _names(api.get(path, limit=5, **{"continue": token})) == ["b", "c"]


def test_a_made_up_continue_is_refused(api: Api, space: Space) -> None:
    """400 for a token that no server made."""
    answer = api.get(space.path("secrets"), **{"continue": "abc"})

    assert (answer.status, answer.reason) == (400, "BadRequest")


def test_continue_and_version_exclude_each_other(api: Api, space: Space) -> None:
    """400 for a page with a resourceVersion of its own."""
    _three(space)
    token = api.get(space.path("secrets"), limit=1).body["metadata"]["continue"]

    answer = api.get(space.path("secrets"), resourceVersion="5", **{"continue": token})

    assert answer.status == 400


def test_version_zero_takes_no_limit(api: Api, space: Space) -> None:
    """A list at resourceVersion=0 comes from the cache, whole."""
    _three(space)

    answer = api.get(space.path("secrets"), limit=1, resourceVersion="0")

    assert "continue" not in answer.body["metadata"]


def test_an_exact_version_shows_the_past(api: Api, space: Space) -> None:
    """resourceVersionMatch=Exact lists as of that version, and says so."""
    _three(space)
    version = api.get(space.path("secrets")).body["metadata"]["resourceVersion"]
    api.delete(space.path("secrets", "a"))

    answer = api.get(space.path("secrets"), resourceVersion=version, resourceVersionMatch="Exact")

    assert _names(answer) == ["a", "b", "c"]
    assert answer.body["metadata"]["resourceVersion"] == version


def test_not_older_than_shows_the_present(api: Api, space: Space) -> None:
    """A list with a version alone is at that one or any later."""
    _three(space)
    version = api.get(space.path("secrets")).body["metadata"]["resourceVersion"]
    api.delete(space.path("secrets", "a"))
    now = space.made("secrets", secret("d"))["metadata"]["resourceVersion"]

    answer = api.get(space.path("secrets"), resourceVersion=now)

    assert _names(answer) == ["b", "c", "d"]
    assert int(answer.body["metadata"]["resourceVersion"]) > int(version)


def test_the_forgotten_past_is_refused(api: Api, space: Space) -> None:
    """A list of the first version is exact, or 410 Expired: never a later one instead."""
    _three(space)

    answer = api.get(space.path("secrets"), resourceVersion="1", resourceVersionMatch="Exact")

    if answer.status == 200:
        assert answer.body["items"] == []
    else:
        assert (answer.status, answer.reason) == (410, "Expired")


def test_the_future_is_refused(api: Api, space: Space) -> None:
    """504 Timeout with the cause ResourceVersionTooLarge for a version that is yet to come."""
    answer = api.get(space.path("secrets"), resourceVersion="999999999999")

    assert (answer.status, answer.reason) == (504, "Timeout")
    assert answer.body["details"]["causes"][0]["reason"] == "ResourceVersionTooLarge"
    assert answer.headers["Retry-After"] == "1"


def test_a_version_is_a_number(api: Api, space: Space) -> None:
    """400 for a resourceVersion that is none."""
    assert api.get(space.path("secrets"), resourceVersion="abc").status == 400


def test_a_match_needs_a_version(api: Api, space: Space) -> None:
    """422 for resourceVersionMatch without resourceVersion, or Exact at 0."""
    path = space.path("secrets")

    alone = api.get(path, resourceVersionMatch="Exact")
    zero = api.get(path, resourceVersion="0", resourceVersionMatch="Exact")
    unknown = api.get(path, resourceVersion="1", resourceVersionMatch="Some")

    field = "resourceVersionMatch"
    assert alone.causes == [("FieldValueForbidden", field)]
    assert zero.causes == [("FieldValueForbidden", field)]
    assert unknown.causes == [("FieldValueNotSupported", field)]


def test_a_list_has_no_initial_events(api: Api, space: Space) -> None:
    """422 for sendInitialEvents in a list."""
    answer = api.get(space.path("secrets"), sendInitialEvents=True)

    assert answer.causes == [("FieldValueForbidden", "sendInitialEvents")]


def test_get_at_a_version_is_not_older(api: Api, space: Space) -> None:
    """GET with the version of a write sees that write."""
    made = space.config_map(x="1")["metadata"]

    answer = api.get(space.path("configmaps", "one"), resourceVersion=made["resourceVersion"])

    assert answer.body["metadata"] == made


def test_what_cannot_be_sent_is_refused(api: Api, space: Space) -> None:
    """406 for a media type that the server does not write."""
    answer = api.call("GET", space.path("secrets"), accept="text/html")

    assert (answer.status, answer.reason) == (406, "NotAcceptable")


def test_an_unknown_part_of_an_object_is_not_found(api: Api, space: Space) -> None:
    """404 for a subresource that the kind does not have."""
    made: Object = space.config_map()

    assert api.get(f"{space.path('configmaps', made['metadata']['name'])}/status").status == 404
