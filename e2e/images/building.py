"""Build images by name: one build at a time on a machine, each only when something has changed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from e2e.cluster import cache, deps
from e2e.cluster.layout import cache_folder
from e2e.images import builder, cassandra, operator, pause

IMAGES: dict[str, Callable[[], Path]] = {
    "pause": pause.build,
    "cassandra": cassandra.build,
    "cassandra-4.1": lambda: cassandra.build("4.1"),
    "cassandra-4.0": lambda: cassandra.build("4.0"),
    "operator": operator.build,
}
# What "all" means; 4.0 and 4.1 are for upgrades, and are asked for by name.
ALL = ("pause", "cassandra", "operator")


def build(*names: str) -> list[Path]:
    """
    Return the archives of the images *names* (keys of IMAGES), in that order.

    Trouble if a program is missing, we are not root, or somebody else is building.
    """
    deps.require_root()
    deps.require(deps.PROGRAMS | deps.IMAGE_PROGRAMS)
    busy = "another build of images is under way: wait until it has ended"
    with cache.locked(cache_folder() / "images.lock", busy):
        builder.sweep()
        return [IMAGES[name]() for name in names]
