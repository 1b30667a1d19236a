"""Facts about claims that have a volume: how much may be asked for, more and less."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from e2e.contract.client import Answer, Api, eventually
from e2e.contract.objects import Space, claim

_CLASSES = "/apis/storage.k8s.io/v1/storageclasses"
_VOLUMES = "/api/v1/persistentvolumes"


@pytest.fixture
def bound(api: Api, space: Space) -> Iterator[str]:
    """Return the path of a claim with a volume of 1Gi, of a class whose volumes may grow and never do."""
    name = space.name
    api.made(
        _CLASSES, {"metadata": {"name": name}, "provisioner": "fact.example/no", "allowVolumeExpansion": True}
    )
    volume = {
        "metadata": {"name": name},
        "spec": {
            "accessModes": ["ReadWriteOnce"],
            "capacity": {"storage": "1Gi"},
            "storageClassName": name,
            "persistentVolumeReclaimPolicy": "Retain",
            "claimRef": {"namespace": space.name, "name": "one"},
            "hostPath": {"path": f"/tmp/{name}"},  # noqa: S108 # a path that nobody makes
        },
    }
    api.made(_VOLUMES, volume)
    space.made("persistentvolumeclaims", claim(storageClassName=name, volumeName=name))
    path = space.path("persistentvolumeclaims", "one")
    # Where no controller does it, it is done here: the same that a controller would write.
    status = {"phase": "Bound", "accessModes": ["ReadWriteOnce"], "capacity": {"storage": "1Gi"}}
    assert api.patch(f"{path}/status", {"status": status}).status == 200
    eventually(lambda: api.get(path).body["status"]["phase"] == "Bound")
    yield path
    api.patch(path, {"metadata": {"finalizers": None}})
    api.delete(path)
    api.patch(f"{_VOLUMES}/{name}", {"metadata": {"finalizers": None}})
    api.delete(f"{_VOLUMES}/{name}")
    api.delete(f"{_CLASSES}/{name}")


def ask(api: Api, path: str, size: str) -> Answer:
    """Ask for *size* on the claim at *path*."""
    return api.patch(path, {"spec": {"resources": {"requests": {"storage": size}}}})


def test_a_request_that_was_not_granted_may_get_smaller(api: Api, bound: str) -> None:
    """Down to more than there is: 422 for as much as that, and for less."""
    assert ask(api, bound, "500Gi").status == 200
    assert ask(api, bound, "2Gi").status == 200
    for size in ("1Gi", "1024Mi", "512Mi"):
        refused = ask(api, bound, size)
        assert refused.status == 422, size
        assert refused.causes == [("FieldValueForbidden", "spec.resources.requests.storage")]
    assert ask(api, bound, "1025Mi").status == 200
    assert api.get(bound).body["spec"]["resources"]["requests"]["storage"] == "1025Mi"
