"""Facts about what the server says of itself, and about other forms of answers: tables, metadata."""

from __future__ import annotations

import json
import re
from typing import Any

from e2e.contract.client import Answer, Api, Object, eventually
from e2e.contract.objects import Space, budget, claim, pod, secret, service, statefulset, thing

_TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io"
_METADATA = "application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io"
_METADATA_LIST = "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io"


def test_the_version_is_told(api: Api) -> None:
    """/version names the version of Kubernetes."""
    body = api.get("/version").body

    assert body["major"] == "1"
    assert body["gitVersion"].startswith("v1.")


def test_health_is_told(api: Api) -> None:
    """`/healthz`, `/livez` and `/readyz` answer ok in plain text."""
    for path in ("/healthz", "/livez", "/readyz"):
        answer = api.get(path)

        assert (answer.status, answer.body) == (200, "ok")


def test_groups_are_listed(api: Api, things: Object) -> None:
    """`/apis` lists groups with their versions, custom ones too; `/api` has v1."""
    groups = {one["name"]: one for one in api.get("/apis").body["groups"]}
    name = things["spec"]["group"]

    assert api.get("/api").body["versions"] == ["v1"]
    assert {"apps", "policy", "coordination.k8s.io", name} <= groups.keys()
    only = {"groupVersion": f"{name}/v1", "version": "v1"}
    assert groups[name] == {"name": name, "versions": [only], "preferredVersion": only}
    assert api.get(f"/apis/{name}").body["kind"] == "APIGroup"


def _resources(api: Api, path: str) -> dict[str, Object]:
    body = api.get(path).body
    assert body["kind"] == "APIResourceList"
    return {one["name"]: one for one in body["resources"]}


def test_kinds_are_listed(api: Api) -> None:
    """Kinds are listed with names, scope and verbs, and what is below them."""
    found = _resources(api, "/apis/apps/v1")

    sets = found["statefulsets"]
    assert (sets["kind"], sets["singularName"], sets["namespaced"]) == ("StatefulSet", "statefulset", True)
    assert (sets["shortNames"], sets["categories"]) == (["sts"], ["all"])
    verbs = ["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"]
    assert sorted(sets["verbs"]) == verbs
    assert sorted(found["statefulsets/status"]["verbs"]) == ["get", "patch", "update"]
    scale = found["statefulsets/scale"]
    assert (scale["kind"], scale["group"], scale["version"]) == ("Scale", "autoscaling", "v1")


def test_cluster_wide_kinds_are_listed_so(api: Api) -> None:
    """Kinds without namespace say so, with their own verbs."""
    found = _resources(api, "/api/v1")

    assert found["nodes"]["namespaced"] is False
    assert "deletecollection" not in found["namespaces"]["verbs"]
    assert found["pods/eviction"]["verbs"] == ["create"]


def test_custom_kinds_are_listed(api: Api, things: Object) -> None:
    """A custom kind is listed as its definition says, with status and scale."""
    found = _resources(api, f"/apis/{things['spec']['group']}/v1")

    assert found.keys() == {"things", "things/status", "things/scale"}
    assert found["things"]["kind"] == "Thing"
    assert found["things"]["shortNames"] == things["spec"]["names"]["shortNames"]


def test_unknown_versions_are_not_found(api: Api) -> None:
    """404 in plain text for what is not served."""
    for path in ("/apis/nothing.example.org", "/apis/nothing.example.org/v1", "/nothing"):
        answer = api.get(path)

        assert (answer.status, answer.body) == (404, "404 page not found\n"), path


def _document(api: Api, path: str, **query: Any) -> Object:
    """An OpenAPI document, which is not always called JSON."""
    body = api.get(path, **query).body
    return dict(json.loads(body) if isinstance(body, str) else body)


def test_schemas_are_served(api: Api, things: Object) -> None:
    """`/openapi/v3` leads to a document a version, which has the schema of each kind."""
    group = things["spec"]["group"]

    def found() -> Object:
        paths: Object = _document(api, "/openapi/v3")["paths"]
        return dict(paths.get(f"apis/{group}/v1") or {})

    # A real server makes the document of a new kind in the background.
    url, _, query = eventually(found)["serverRelativeURL"].partition("?")
    document = _document(api, url, hash=query.removeprefix("hash="))

    kind = {"group": group, "version": "v1", "kind": "Thing"}
    schemas = document["components"]["schemas"].values()
    (schema,) = [one for one in schemas if kind in one.get("x-kubernetes-group-version-kind", ())]
    size = schema["properties"]["spec"]["properties"]["size"]
    assert (size["type"], size["description"]) == ("integer", "How big it is.")


def test_schemas_tell_how_lists_merge(api: Api) -> None:
    """List types, keys and patch strategies stand in the schemas of Kubernetes' own kinds."""
    schemas = _document(api, "/openapi/v3/api/v1")["components"]["schemas"]

    properties = schemas["io.k8s.api.core.v1.PodSpec"]["properties"]
    containers = properties["containers"]
    assert containers["x-kubernetes-list-map-keys"] == ["name"]
    assert containers["x-kubernetes-patch-merge-key"] == "name"
    assert containers["x-kubernetes-patch-strategy"] == "merge"


def _table(api: Api, path: str, **query: Any) -> Answer:
    return api.call("GET", path, accept=_TABLE, **query)


def _cells(answer: Answer) -> dict[str, list[Any]]:
    """The cells of each row by the object's name, without the age, which passes."""
    names = [one["name"] for one in answer.body["columnDefinitions"]]
    kept = [index for index, name in enumerate(names) if name not in ("Age", "Created At", "Last Seen")]
    return {
        row["object"]["metadata"]["name"]: [row["cells"][index] for index in kept]
        for row in answer.body["rows"]
    }


def _columns(answer: Answer) -> list[tuple[str, int]]:
    return [(one["name"], one["priority"]) for one in answer.body["columnDefinitions"]]


def test_a_list_can_be_a_table(api: Api, space: Space) -> None:
    """With Accept as=Table the answer is a Table with the objects' metadata in its rows."""
    space.made("secrets", secret("a"))

    answer = _table(api, space.path("secrets"))

    assert (answer.body["kind"], answer.body["apiVersion"]) == ("Table", "meta.k8s.io/v1")
    assert _columns(answer) == [("Name", 0), ("Type", 0), ("Data", 0), ("Age", 0)]
    assert _cells(answer) == {"a": ["a", "Opaque", 1]}
    (row,) = answer.body["rows"]
    assert row["object"]["kind"] == "PartialObjectMetadata"
    assert int(answer.body["metadata"]["resourceVersion"]) > 0


def test_rows_carry_what_is_asked_for(api: Api, space: Space) -> None:
    """`includeObject` is Metadata if nothing else is said, Object or None."""
    made = space.made("secrets", secret("a"))

    (whole,) = _table(api, space.path("secrets"), includeObject="Object").body["rows"]
    (bare,) = _table(api, space.path("secrets"), includeObject="None").body["rows"]

    assert whole["object"]["data"] == made["data"]
    assert bare.get("object") is None


def test_an_object_can_be_a_table(api: Api, space: Space) -> None:
    """GET of one object gives a table of one row."""
    space.config_map(x="1")

    answer = _table(api, space.path("configmaps", "one"))

    assert _cells(answer) == {"one": ["one", 1]}


def test_tables_of_pods(api: Api, space: Space) -> None:
    """Pods show how many containers are ready, their phase, restarts, and where they are."""
    space.made("pods", pod())
    status = {
        "phase": "Running",
        "podIP": "10.0.0.9",
        "podIPs": [{"ip": "10.0.0.9"}],
        "containerStatuses": [
            {
                "name": "main",
                "ready": False,
                "restartCount": 0,
                "image": "registry.example/app:1",
                "imageID": "",
                "state": {"waiting": {"reason": "CrashLoopBackOff"}},
            }
        ],
    }
    api.patch(f"{space.path('pods', 'one')}/status", {"status": status})

    answer = _table(api, space.path("pods"))

    narrow = ["Name", "Ready", "Status", "Restarts", "Age"]
    assert [name for name, priority in _columns(answer) if not priority] == narrow
    cells = _cells(answer)["one"]
    assert cells[:3] == ["one", "0/1", "CrashLoopBackOff"]
    assert str(cells[3]) == "0"
    assert cells[4:] == ["10.0.0.9", "<none>", "<none>", "<none>"]


def test_tables_of_other_kinds(api: Api, space: Space) -> None:
    """StatefulSets, Services, claims and budgets show what kubectl prints of them."""
    space.made("statefulsets", statefulset(replicas=0))
    space.made("services", service())
    space.made("persistentvolumeclaims", claim())
    space.made("poddisruptionbudgets", budget(maxUnavailable="20%"))

    def cells(plural: str) -> list[Any]:
        return _cells(_table(api, space.path(plural)))["one"]

    assert cells("statefulsets") == ["one", "0/0", "main", "registry.example/app:1"]
    assert cells("services") == ["one", "ClusterIP", "None", "<none>", "9042/TCP", "a=b"]
    assert cells("poddisruptionbudgets")[:3] == ["one", "N/A", "20%"]
    found = cells("persistentvolumeclaims")
    assert found == ["one", "Pending", "", "", "", "no-such-class", "<unset>", "Filesystem"]


def test_tables_of_custom_kinds(api: Api, space: Space, things: Object) -> None:
    """Custom kinds show their additionalPrinterColumns; what is not there is null."""
    space.made_thing(things, thing(things, size=3))

    answer = _table(api, space.thing_path(things))

    assert _columns(answer) == [("Name", 0), ("Size", 0), ("Phase", 0), ("Mode", 1), ("Age", 0)]
    assert _cells(answer) == {"one": ["one", 3, None, "a"]}


def test_ages_are_short(api: Api, space: Space) -> None:
    """Ages are written with a unit, as people read them."""
    space.made("secrets", secret("a"))

    (row,) = _table(api, space.path("secrets")).body["rows"]

    assert re.fullmatch(r"\d+s", row["cells"][3])


def test_tables_are_watched(api: Api, space: Space) -> None:
    """A watch can give tables of one row; only the first has the columns."""
    version = api.get(space.path("secrets")).body["metadata"]["resourceVersion"]
    with api.watch(space.path("secrets"), accept=_TABLE, resourceVersion=version) as stream:
        space.made("secrets", secret("a"))
        space.made("secrets", secret("b"))
        first, second = stream.next(), stream.next()

    assert (first["type"], first["object"]["kind"]) == ("ADDED", "Table")
    assert first["object"]["rows"][0]["cells"][0] == "a"
    assert len(first["object"]["columnDefinitions"]) == 4
    assert not second["object"].get("columnDefinitions")


def test_metadata_can_be_asked_for_alone(api: Api, space: Space) -> None:
    """With as=PartialObjectMetadata only the metadata comes, of objects and of lists."""
    made = space.made("secrets", secret("a"))

    one = api.call("GET", space.path("secrets", "a"), accept=_METADATA).body
    many = api.call("GET", space.path("secrets"), accept=_METADATA_LIST).body

    assert (one["kind"], one["metadata"]) == ("PartialObjectMetadata", made["metadata"])
    assert "data" not in one
    assert many["kind"] == "PartialObjectMetadataList"
    assert [item["metadata"]["name"] for item in many["items"]] == ["a"]


def test_metadata_is_watched_alone(api: Api, space: Space) -> None:
    """A watch can give metadata only."""
    version = api.get(space.path("secrets")).body["metadata"]["resourceVersion"]
    with api.watch(space.path("secrets"), accept=_METADATA, resourceVersion=version) as stream:
        made = space.made("secrets", secret("a"))
        found = stream.next()["object"]

    assert (found["kind"], found["metadata"]) == ("PartialObjectMetadata", made["metadata"])


def test_the_first_acceptable_form_is_taken(api: Api, space: Space) -> None:
    """Forms are tried in the order of the Accept header; 406 if none can be sent."""
    space.made("secrets", secret("a"))
    path = space.path("secrets")

    assert api.call("GET", path, accept=f"{_TABLE},application/json").body["kind"] == "Table"
    assert api.call("GET", path, accept="application/json").body["kind"] == "SecretList"
    assert api.call("GET", path, accept="*/*").body["kind"] == "SecretList"
    assert api.call("GET", path, accept="text/html").status == 406
