"""Facts about namespaces."""

from __future__ import annotations

from e2e.contract.client import Api, Object, eventually
from e2e.contract.objects import Space, config_map

_PATH = "/api/v1/namespaces"


def test_a_namespace_begins_active(api: Api, namespace_name: str) -> None:
    """A new namespace is Active, has its name as a label and a finalizer in its spec."""
    found = api.made(_PATH, {"metadata": {"name": namespace_name}})

    assert found["status"] == {"phase": "Active"}
    assert found["spec"] == {"finalizers": ["kubernetes"]}
    assert found["metadata"]["labels"] == {"kubernetes.io/metadata.name": namespace_name}


def test_a_namespace_gets_an_account(api: Api, namespace_name: str) -> None:
    """Every namespace soon has the ServiceAccount `default`."""
    api.made(_PATH, {"metadata": {"name": namespace_name}})

    eventually(lambda: api.get(f"{_PATH}/{namespace_name}/serviceaccounts/default").status == 200)


def test_names_of_namespaces_are_labels(api: Api) -> None:
    """422 for a dot in the name of a namespace."""
    answer = api.post(_PATH, {"metadata": {"name": "a.b"}})

    assert answer.causes == [("FieldValueInvalid", "metadata.name")]


def test_a_namespace_takes_its_content_along(api: Api, namespace_name: str) -> None:
    """A deleted namespace is Terminating, and goes when its content is gone."""
    api.made(_PATH, {"metadata": {"name": namespace_name}})
    api.made(f"{_PATH}/{namespace_name}/configmaps", config_map())

    answer = api.delete(f"{_PATH}/{namespace_name}")

    assert answer.status == 200
    assert answer.body["status"]["phase"] == "Terminating"
    eventually(lambda: api.get(f"{_PATH}/{namespace_name}").status == 404)
    assert api.get(f"{_PATH}/{namespace_name}/configmaps/one").status == 404


def test_finalizers_hold_a_namespace(api: Api, namespace_name: str) -> None:
    """A namespace stays Terminating while an object in it has finalizers."""
    api.made(_PATH, {"metadata": {"name": namespace_name}})
    body = config_map()
    body["metadata"]["finalizers"] = ["fact.example.org/a"]
    path = f"{_PATH}/{namespace_name}/configmaps/one"
    api.made(f"{_PATH}/{namespace_name}/configmaps", body)

    api.delete(f"{_PATH}/{namespace_name}")

    eventually(lambda: api.get(path).body["metadata"].get("deletionTimestamp"))
    assert api.get(f"{_PATH}/{namespace_name}").body["status"]["phase"] == "Terminating"
    api.patch(path, {"metadata": {"finalizers": None}})
    eventually(lambda: api.get(f"{_PATH}/{namespace_name}").status == 404, seconds=60)


def test_a_terminating_namespace_takes_nothing(api: Api, namespace_name: str) -> None:
    """403 with the cause NamespaceTerminating for a creation in it."""
    api.made(_PATH, {"metadata": {"name": namespace_name}})
    body = config_map()
    body["metadata"]["finalizers"] = ["fact.example.org/a"]
    api.made(f"{_PATH}/{namespace_name}/configmaps", body)
    api.delete(f"{_PATH}/{namespace_name}")

    answer = api.post(f"{_PATH}/{namespace_name}/configmaps", config_map("two"))

    assert (answer.status, answer.reason) == (403, "Forbidden")
    assert answer.causes == [("NamespaceTerminating", "metadata.namespace")]
    api.patch(f"{_PATH}/{namespace_name}/configmaps/one", {"metadata": {"finalizers": None}})


def test_some_namespaces_stay(api: Api) -> None:
    """403 for deleting `default`."""
    answer = api.delete(f"{_PATH}/default")

    assert (answer.status, answer.reason) == (403, "Forbidden")


def test_finalizers_change_by_finalize_only(api: Api, space: Space) -> None:
    """spec.finalizers of a namespace is written by its `finalize` subresource alone."""
    path = f"{_PATH}/{space.name}"
    finalizers = ["kubernetes", "fact.example.org/a"]
    body: Object = {"metadata": {"name": space.name}, "spec": {"finalizers": finalizers}}

    api.put(path, body)
    assert api.get(path).body["spec"]["finalizers"] == ["kubernetes"]
    answer = api.put(f"{path}/finalize", body)

    assert answer.body["spec"]["finalizers"] == finalizers
    body["spec"]["finalizers"] = ["kubernetes"]
    api.put(f"{path}/finalize", body)


def test_namespaces_are_not_deleted_together(api: Api) -> None:
    """405 for DELETE of all namespaces."""
    assert api.delete(_PATH, labelSelector="none=such").status == 405
