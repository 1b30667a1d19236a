"""Which privileges a container's security context asks for that no other setting can take from it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

# Only the first name is one that an API server knows; runtimes take both for the same.
_ALL_BUT_ROOT = ("CAP_SYS_ADMIN", "SYS_ADMIN")


def gained(context: Mapping[str, Any]) -> str:
    """Return what in *context* lets processes gain privileges by itself, as it is written; "" for nothing."""
    if context.get("privileged"):
        return "privileged"
    added = (context.get("capabilities") or {}).get("add") or ()
    return next((name for name in _ALL_BUT_ROOT if name in added), "")


def contradicts(context: Mapping[str, Any]) -> bool:
    """Tell whether *context* also says that none may be gained, such that an API server refuses it."""
    return context.get("allowPrivilegeEscalation") is False and gained(context) in (
        "privileged",
        "CAP_SYS_ADMIN",
    )
