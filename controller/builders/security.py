"""
Security contexts.

Those of revision 1 satisfy the Pod Security Standard "restricted"; those of revision 0 are CassKop's.
"""

from __future__ import annotations

from typing import Any

from controller.api.v2 import privileges
from controller.api.v2.jsonvalues import JsonMap, thaw
from controller.builders.context import Context


def pod_context(context: Context) -> dict[str, Any]:
    """Return the security context of the pod."""
    spec = context.cluster.spec
    base: dict[str, Any] = {
        "runAsUser": spec.run_as_user,
        "runAsNonRoot": True,
        "fsGroup": spec.fs_group,
    }
    if not context.hardened:
        return base
    # A large volume takes minutes to change hands; it is done once, not at every start.
    return base | {
        "fsGroupChangePolicy": "OnRootMismatch",
        "seccompProfile": {"type": "RuntimeDefault"},
    }


def restricted(*, read_only: bool) -> dict[str, Any]:
    """Return the context of a container that may nothing; *read_only* is about its root file system."""
    return {
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"]},
        "readOnlyRootFilesystem": read_only,
        "runAsNonRoot": True,
        "seccompProfile": {"type": "RuntimeDefault"},
    }


def cassandra_context(context: Context) -> dict[str, Any]:
    """Return the context of `cassandra`."""
    read_only = bool(context.cluster.spec.read_only_root_filesystem)
    if context.hardened:
        return restricted(read_only=read_only)
    return {
        "capabilities": {"add": ["IPC_LOCK"]},
        "procMount": "Default",
        "readOnlyRootFilesystem": read_only,
    }


def sidecar_context(given: JsonMap) -> dict[str, Any]:
    """Complete the context of a user's sidecar; what the user says stands, as does a writable root."""
    wanted = restricted(read_only=False)
    del wanted["readOnlyRootFilesystem"]
    own = thaw(given)
    if privileges.gained(own):
        # An API server refuses a container that has them and is told to gain none.
        del wanted["allowPrivilegeEscalation"]
    capabilities = {**wanted["capabilities"], **own.get("capabilities", {})}
    return {**wanted, **own, "capabilities": capabilities}
