"""
The Debian packages that the cluster and its images need: is one missing, and install them.

It knows Debian and its children only; elsewhere the programs must be on the PATH already. Go is
not among them, since Debian 12 has one that is too old: :mod:`e2e.cluster.binaries` checks it.
"""

from __future__ import annotations

import os
import shutil
import time

from e2e.cluster.shell import Trouble, run

# A program that each package brings, since having the program is what matters.
PROGRAMS = {
    "containerd": "containerd",
    "runc": "runc",
    "iptables": "iptables",
    "conntrack": "conntrack",
    "iproute2": "ip",
    "util-linux": "nsenter",
    "openssl": "openssl",
    "containernetworking-plugins": "/usr/lib/cni/bridge",
    "busybox-static": "busybox",
}
IMAGE_PROGRAMS = {
    "buildah": "buildah",
    "mmdebstrap": "mmdebstrap",
    "maven": "mvn",
}


def missing(programs: dict[str, str]) -> list[str]:
    """The packages of *programs* (package to program) whose program is not there."""
    return [package for package, program in programs.items() if not shutil.which(program)]


def require(programs: dict[str, str]) -> None:
    """Raise Trouble with the one line that installs what is missing; do nothing otherwise."""
    packages = missing(programs)
    if packages:
        raise Trouble(
            f"missing programs: run `apt-get install -y --no-install-recommends "
            f"{' '.join(packages)}` (or `python -m e2e.cluster deps`)"
        )


def require_root() -> None:
    """Raise Trouble unless we are root: namespaces, cgroups and mounts are root's."""
    if os.geteuid() != 0:
        raise Trouble("only root can make network namespaces and mounts: run it as root")


def install() -> None:
    """Install every missing package without asking anything."""
    require_root()
    packages = missing(PROGRAMS | IMAGE_PROGRAMS)
    if not packages:
        print("all programs are there already")
        return
    print(f"apt-get install {' '.join(packages)}", flush=True)
    began = time.monotonic()
    env = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    run("apt-get", "-q", "update", timeout=300, env=env)
    run(
        *("apt-get", "-q", "install", "-y", "--no-install-recommends", *packages),
        timeout=900,
        env=env,
    )
    print(f"installed in {time.monotonic() - began:.1f} s")
