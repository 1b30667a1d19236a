"""What a kubelet mounts into a pod before anything of it begins, as far as that can be missing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from e2e.simcontrollers import objects
from e2e.simcontrollers.client import Client
from e2e.simcontrollers.objects import CONFIG_MAPS, SECRETS

# The member of a volume, and of that the one that names the object; the kind, as a kubelet writes it.
_SOURCES = (
    ("configMap", "name", CONFIG_MAPS, "configmap"),
    ("secret", "secretName", SECRETS, "secret"),
)


def missing(client: Client, pod: Mapping[str, Any]) -> str | None:
    """Return what a kubelet says of the first volume of *pod* whose object is not there; None if none is."""
    for volume in objects.spec(pod).get("volumes") or []:
        for member, field, kind, word in _SOURCES:
            source = volume.get(member) or {}
            name = source.get(field)
            if name and not source.get("optional") and client.get(kind, objects.namespace(pod), name) is None:
                return f'MountVolume.SetUp failed for volume "{volume["name"]}" : {word} "{name}" not found'
    return None
