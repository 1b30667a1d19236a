"""
Bring image archives into the nodes' containerds, and only where they are missing.

An archive is a tar as written by ``docker save`` or ``buildah push docker-archive:``.
"""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
import json
from pathlib import Path
import tarfile
import time

from e2e.cluster.layout import NODES, Node, State
from e2e.cluster.shell import Trouble, run


@dataclass(frozen=True, kw_only=True)
class Image:
    """One image of an archive."""

    config: str  # "sha256:…" of its configuration, which is what Kubernetes calls the image's id
    tags: tuple[str, ...]


def images_in(archive: Path) -> list[Image]:
    """Read which images an archive holds; Trouble if it is none."""
    try:
        with tarfile.open(archive) as tar:
            member = tar.extractfile("manifest.json")
            manifest = json.load(member) if member else []
    except (OSError, tarfile.TarError, KeyError, ValueError) as error:
        raise Trouble(f"{archive} is not an image archive: {error}") from error
    return [
        Image(
            # "<hex>.json" by docker and buildah, "blobs/sha256/<hex>" by newer ones.
            config="sha256:" + Path(each["Config"]).name.removesuffix(".json"),
            tags=tuple(each.get("RepoTags") or ()),
        )
        for each in manifest
    ]


def present(images: Iterable[Image], listing: str) -> bool:
    """
    Whether all *images* are in the output of ``ctr images ls``.

    The runtime keeps for every image a reference that is called like its configuration's digest;
    a tag is up to date when it points to the same manifest as that reference.
    """
    held = {words[0]: words[2] for line in listing.splitlines() if len(words := line.split()) > 2}
    return all(
        image.config in held and all(held.get(tag) == held[image.config] for tag in image.tags)
        for image in images
    )


def load(state: State, archives: list[Path]) -> list[str]:
    """
    Load archives into all nodes, several nodes at once; return a line about each load done.

    The list is empty when every node had everything already.
    """
    contents = [(archive, images_in(archive)) for archive in archives]
    with ThreadPoolExecutor(len(NODES)) as pool:
        return [
            line
            for lines in pool.map(lambda node: _load_into(node, state, contents), NODES)
            for line in lines
        ]


def _load_into(node: Node, state: State, contents: list[tuple[Path, list[Image]]]) -> list[str]:
    lines = []
    for archive, images in contents:
        if present(images, ctr(node, state, "images", "ls")):
            continue
        began = time.monotonic()
        ctr(node, state, "images", "import", str(archive), timeout=300)
        tags = ", ".join(tag for image in images for tag in image.tags)
        lines.append(f"{node.name}: {tags} in {time.monotonic() - began:.1f} s")
    return lines


def ctr(node: Node, state: State, *argv: str, timeout: float = 60) -> str:
    """Run ``ctr`` against a node's containerd, in Kubernetes' namespace of it."""
    socket = state.containerd_socket(node)
    return run("ctr", "-a", socket, "-n", "k8s.io", *argv, timeout=timeout).stdout
