"""
Buildah, with its own storage under the cache folder: nothing of the machine's is used or changed.

It builds as root without namespaces of its own (chroot isolation), which is what a machine that is
itself a container allows.
"""

from __future__ import annotations

import os
from pathlib import Path
import tempfile

from e2e.cluster.layout import cache_folder
from e2e.cluster.shell import run

BUILD_TIMEOUT = 1200.0  # seconds, for one image


def buildah(*argv: str | Path, timeout: float = 120, check: bool = True) -> str:
    """Run buildah on our storage and return what it printed."""
    place = cache_folder() / "buildah"
    options = (f"--root={place}/root", f"--runroot={place}/run", "--storage-driver=overlay")
    env = os.environ | {"BUILDAH_ISOLATION": "chroot"}
    return run("buildah", *options, *argv, timeout=timeout, check=check, env=env).stdout.strip()


def has(image: str) -> bool:
    """Whether our storage has *image*."""
    return bool(buildah("images", "--quiet", "--filter", f"reference={image}", check=False))


def sweep() -> None:
    """Remove the working containers of builds that were killed; nobody else may be building."""
    buildah("rm", "--all", check=False)


def import_rootfs(tar: Path, image: str) -> None:
    """Make an image of one layer out of a root file system's tar."""
    container = buildah("from", "scratch")
    try:
        buildah("add", container, tar, "/", timeout=300)
        buildah("config", "--cmd", "/bin/bash", "--env", _PATH, container)
        buildah("commit", "--quiet", "--rm", container, image, timeout=300)
    finally:
        buildah("rm", container, check=False)


def build(context: Path, containerfile: Path, arguments: dict[str, str], *options: str | Path) -> str:
    """
    Build a Containerfile, with layers of earlier builds where nothing changed; return the id.

    Nothing is pulled: every image that the file begins with must be in our storage.
    """
    with tempfile.TemporaryDirectory() as folder:
        result = Path(folder) / "id"
        given = [f"--build-arg={name}={value}" for name, value in arguments.items()]
        buildah(
            *("bud", "--layers", "--quiet", "--pull-never", f"--iidfile={result}"),
            *("--format=docker", f"--file={containerfile}", *given, *options, context),
            timeout=BUILD_TIMEOUT,
        )
        return result.read_text().strip().removeprefix("sha256:")


def save(image: str, archive: Path, tag: str) -> None:
    """Write an image as a docker-archive that carries *tag*."""
    buildah("push", "--quiet", image, f"docker-archive:{archive}:{tag}", timeout=300)


_PATH = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
