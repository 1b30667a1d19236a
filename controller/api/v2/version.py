"""
Which Cassandra a spec speaks of, as far as that can be read from the spec.

It serves to write configuration for the right version. Where a decision depends on the version that
runs, the node is asked, not the spec.
"""

from __future__ import annotations

import re

_VERSION = re.compile(r"(\d+)(?:\.(\d+))?(?:\.(\d+))?")


def casskop_product_version(server_version: str | None, image: str) -> str:
    """Return the version as CassKop reads it, flaws included: for template revision 0.

    Without a server version it is the text after the image's last colon; of `4.0-rc1` it takes `4.0` and
    adds `.0`.
    """
    if server_version:
        return server_version
    tag, dash, _ = image.rpartition(":")[2].partition("-")
    return f"{tag}.0" if dash else tag


def product_version(server_version: str | None, image: str) -> str:
    """Return the version that *server_version*, else the image's tag says; empty if neither does."""
    if server_version:
        return server_version
    match = _VERSION.match(_tag(image).removeprefix("v"))
    return match[0] if match else ""


def numbers(version: str) -> tuple[int, int] | None:
    """Return major and minor number of *version*; None if there are none. A missing minor reads as 0."""
    match = _VERSION.match(version)
    return (int(match[1]), int(match[2] or 0)) if match else None


def _tag(image: str) -> str:
    """Return the tag of an image reference, without digest, registry port and path."""
    last = image.partition("@")[0].rpartition("/")[2]
    return last.partition(":")[2]
