"""What simkube does not do is said, by name, and never answered as if there were nothing."""

from __future__ import annotations

from typing import Any

import pytest

from controller.kube.transport import Request, Response
from unit_tests.simkube.simclient import APPLY, CONFIG_MAPS, client, server

_PODS = "/api/v1/namespaces/default/pods"
_SETS = "/apis/apps/v1/namespaces/default/statefulsets"


@pytest.mark.parametrize(
    ("method", "path", "missing"),
    [
        ("GET", "/apis/apps/v1/namespaces/default/deployments", "deployments.apps"),
        ("POST", "/apis/batch/v1/namespaces/default/jobs", "jobs.batch"),
        ("GET", "/apis/scheduling.k8s.io/v1/priorityclasses", "priorityclasses.scheduling.k8s.io"),
        ("POST", "/apis/authentication.k8s.io/v1/tokenreviews", "tokenreviews.authentication.k8s.io"),
        ("GET", f"{_PODS}/one/log", "pods/log"),
        ("POST", f"{_PODS}/one/exec", "pods/exec"),
        ("GET", f"{_PODS}/one/proxy", "pods/proxy"),
        ("PATCH", f"{_PODS}/one/resize", "pods/resize"),
        ("POST", "/api/v1/namespaces/default/serviceaccounts/default/token", "serviceaccounts/token"),
        ("GET", "/api/v1/watch/pods", "paths with /watch/"),
        ("GET", "/metrics", "/metrics"),
        ("GET", "/debug/pprof/heap", "/debug/pprof/heap"),
        ("GET", "/.well-known/openid-configuration", "/.well-known/openid-configuration"),
    ],
)
def test_what_is_missing_is_named(method: str, path: str, missing: str) -> None:
    """501 NotImplemented with a message that begins with `simkube lacks` and says what."""
    answer = client(server()).call(method, path)

    assert (answer.status, answer.body["reason"]) == (501, "NotImplemented")
    assert answer.body["message"].startswith("simkube lacks")
    assert missing in answer.body["message"]


def test_a_watch_of_a_missing_kind_is_refused() -> None:
    """A watch is no exception."""
    asked = Request(method="GET", path="/apis/apps/v1/deployments", query={"watch": "1"})

    refused = server().open_watch(asked)

    assert isinstance(refused, Response)
    assert refused.status == 501


def test_what_no_server_has_is_not_found() -> None:
    """404 for a kind that Kubernetes does not have either."""
    assert client(server()).get("/apis/apps/v1/nothings").status == 404


def _set() -> dict[str, Any]:
    labels = {"app": "one"}
    pod = {"containers": [{"name": "main", "image": "registry.example/app:1"}]}
    template = {"metadata": {"labels": labels}, "spec": pod}
    spec = {"selector": {"matchLabels": labels}, "serviceName": "one", "template": template}
    return {"metadata": {"name": "one"}, "spec": spec}


def test_a_part_of_a_request_can_be_missing() -> None:
    """What a kind that is there cannot do is named, too."""
    sender = client(server())
    sender.post(_SETS, _set())

    answer = sender.call("PATCH", f"{_SETS}/one/scale", {}, APPLY, fieldManager="me")

    assert (answer.status, answer.body["message"]) == (501, "simkube lacks server-side apply of a scale")


def test_a_collection_that_cannot_be_watched_is_no_stream() -> None:
    """A watch as an ordinary request in the same process is refused rather than answered as a list."""
    answer = client(server()).get(CONFIG_MAPS, watch="1")

    assert answer.status == 501
    assert "open it as a stream" in answer.body["message"]
