"""What a StatefulSet makes: pods of an ordinal and a revision, and the claims that belong to them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from e2e.simcontrollers import objects
from e2e.simcontrollers.index import Key
from e2e.simcontrollers.objects import SETS, Obj
from e2e.simcontrollers.revisions import REVISION_LABEL

POD_NAME_LABEL = "statefulset.kubernetes.io/pod-name"
INDEX_LABEL = "apps.kubernetes.io/pod-index"


def ordinal_of(found: Mapping[str, Any], pod: Mapping[str, Any]) -> int | None:
    """Return the ordinal of *pod* in the StatefulSet *found*; None if its name is of another."""
    parent, _, number = objects.name(pod).rpartition("-")
    return int(number) if parent == objects.name(found) and number.isdigit() else None


def by_set(pod: Obj) -> Iterable[Key]:
    """Return namespace and name of the StatefulSet that *pod* is of by its name."""
    parent, _, number = objects.name(pod).rpartition("-")
    return ((objects.namespace(pod), parent),) if parent and number.isdigit() else ()


def sets_of_claim(claim: Obj) -> Iterable[Key]:
    """Return namespace and name of each StatefulSet that *claim* may be of by its name."""
    found, _, _ = objects.name(claim).rpartition("-")
    while found:
        _, _, found = found.partition("-")
        yield objects.namespace(claim), found


def revision_of(pod: Mapping[str, Any]) -> str:
    """Return the revision that *pod* was made from."""
    return objects.labels(pod).get(REVISION_LABEL, "")


def make_pod(found: Mapping[str, Any], template: Mapping[str, Any], *, ordinal: int, revision: str) -> Obj:
    """Return the pod of *ordinal*, made from *template*."""
    name = f"{objects.name(found)}-{ordinal}"
    details = template.get("metadata") or {}
    pod_spec = {**(template.get("spec") or {}), "hostname": name}
    service = objects.spec(found).get("serviceName")
    if service:
        pod_spec["subdomain"] = service
    pod_spec["volumes"] = _volumes(found, name, pod_spec.get("volumes") or [])
    return {
        "metadata": {
            "name": name,
            "generateName": f"{objects.name(found)}-",
            "namespace": objects.namespace(found),
            "labels": {
                **(details.get("labels") or {}),
                REVISION_LABEL: revision,
                POD_NAME_LABEL: name,
                INDEX_LABEL: str(ordinal),
            },
            "annotations": dict(details.get("annotations") or {}),
            "ownerReferences": [objects.owner_reference(SETS, found)],
        },
        "spec": pod_spec,
    }


def _volumes(found: Mapping[str, Any], pod: str, given: list[Obj]) -> list[Obj]:
    """Return the volumes of the template, those of claims in place of any of the same name."""
    claimed = {
        objects.name(template): f"{objects.name(template)}-{pod}"
        for template in objects.spec(found).get("volumeClaimTemplates") or []
    }
    kept = [volume for volume in given if volume["name"] not in claimed]
    return [
        *kept,
        *({"name": name, "persistentVolumeClaim": {"claimName": claim}} for name, claim in claimed.items()),
    ]


def make_claims(found: Mapping[str, Any], ordinal: int) -> list[Obj]:
    """Return the claims of the pod of *ordinal*."""
    selector = objects.spec(found).get("selector") or {}
    claims = []
    for template in objects.spec(found).get("volumeClaimTemplates") or []:
        name = f"{objects.name(template)}-{objects.name(found)}-{ordinal}"
        claims.append(
            {
                "metadata": {
                    "name": name,
                    "namespace": objects.namespace(found),
                    "labels": {**objects.labels(template), **(selector.get("matchLabels") or {})},
                    "annotations": dict(objects.annotations_of(template)),
                },
                "spec": objects.spec(template),
            }
        )
    return claims
