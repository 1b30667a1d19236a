"""
The base images: small Debian root file systems made by mmdebstrap, from the machine's Debian mirror.

They are built once. They get Debian's updates when the cache folder is removed.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
import tempfile
import time

from e2e.cluster.cache import fingerprint
from e2e.cluster.shell import run
from e2e.images import builder

SUITE = "bookworm"
TIMEOUT = 900.0  # seconds
# Manual pages must stay possible: Java's packages fail to install without their folder.
LEFT_OUT = ("/usr/share/doc/*", "/usr/share/locale/*", "/usr/share/info/*")


@dataclass(frozen=True, kw_only=True)
class Base:
    """A Debian with a few packages on top of the smallest possible one."""

    name: str
    packages: tuple[str, ...]

    @property
    def image(self) -> str:
        """What the image is called in buildah's storage: it says what is in it."""
        key = fingerprint(SUITE, *self.packages, *LEFT_OUT)
        return f"localhost/casskop-e2e/{self.name}:{key}"


JAVA = Base(
    name="java",
    packages=("openjdk-17-jre-headless", "procps", "libjemalloc2"),
)
PYTHON = Base(name="python", packages=("python3", "ca-certificates"))
PYTHON_BUILD = Base(
    name="python-build", packages=("python3", "python3-venv", "python3-pip", "ca-certificates")
)


def ensure(base: Base) -> str:
    """Return the name of the base image, built if it is not there yet."""
    if builder.has(base.image):
        return base.image
    print(f"building the base image {base.name}: Debian with {', '.join(base.packages)}", flush=True)
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        tar = Path(folder) / "root.tar"
        run(
            *("mmdebstrap", "--quiet", "--variant=minbase", f"--include={','.join(base.packages)}"),
            *(f"--dpkgopt=path-exclude={path}" for path in LEFT_OUT),
            *(SUITE, tar),
            timeout=TIMEOUT,
        )
        size = tar.stat().st_size / 1e6
        builder.import_rootfs(tar, base.image)
    print(f"built {base.name}, {size:.0f} MB, in {time.monotonic() - began:.1f} s", flush=True)
    return base.image
