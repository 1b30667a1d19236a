"""
The cluster's two binaries and Helm, built from Go modules and kept under the cache folder.

``kube`` is everything in main.go; ``local-path-provisioner`` and ``helm`` are others' programs as they
are, built with the versions that their own go.mod names.
"""

from __future__ import annotations

import os
from pathlib import Path
import re
import shutil

from e2e.cluster.cache import fingerprint, fingerprint_of_files, kept
from e2e.cluster.layout import cache_folder
from e2e.cluster.shell import Trouble, run

KUBERNETES = "v1.34.4"
VERSION_FLAG = f"-X k8s.io/component-base/version.gitVersion={KUBERNETES}"
PROVISIONER = "github.com/rancher/local-path-provisioner"
PROVISIONER_VERSION = "v0.0.30"
HELM = "helm.sh/helm/v3/cmd/helm"
HELM_VERSION = "v3.19.0"
SOURCES = ("go.mod", "go.sum", "main.go")
OLDEST_GO = (1, 24)  # what go.mod says
BUILD_TIMEOUT = 3600.0  # seconds; a cold build takes six minutes on two cores


def kube() -> Path:
    """Return the ``kube`` binary, built if it is not in the cache yet."""
    sources = Path(__file__).parent
    files = fingerprint_of_files(sources, [sources / name for name in SOURCES])

    def make(target: Path) -> None:
        target.mkdir()
        flags = ("-trimpath", f"-ldflags=-s -w {VERSION_FLAG}")
        run("go", "build", *flags, "-o", target / "kube", ".", cwd=sources, timeout=BUILD_TIMEOUT)

    folder = _folder("kube", fingerprint(files, VERSION_FLAG, toolchain()))
    what = f"Kubernetes {KUBERNETES} with etcd and CoreDNS (minutes, the first time)"
    return kept(folder, what, make) / "kube"


def provisioner() -> Path:
    """Return the ``local-path-provisioner`` binary, built if it is not in the cache yet."""
    return _installed("local-path-provisioner", PROVISIONER, PROVISIONER_VERSION)


def helm() -> Path:
    """Return the ``helm`` binary, built if it is not in the cache yet (three minutes, the first time)."""
    return _installed("helm", HELM, HELM_VERSION)


def toolchain() -> str:
    """
    The Go toolchain and platform that builds, e.g. ``go version go1.26.8 linux/amd64``.

    Trouble if there is none, or an older one than go.mod asks for.
    """
    wanted = "a Go toolchain of version {}.{} or later is needed on the PATH".format(*OLDEST_GO)
    if not shutil.which("go"):
        raise Trouble(wanted)
    said = run("go", "version").stdout.strip()
    if not is_recent(said):
        raise Trouble(f"{wanted}; `go version` says: {said}")
    return said


def is_recent(said: str) -> bool:
    """Whether the output of ``go version`` is that of a Go that can build Kubernetes."""
    found = re.search(r"go(\d+)\.(\d+)", said)
    # A toolchain of a developer of Go ("devel ...") has no number, and is new.
    return found is None or (int(found[1]), int(found[2])) >= OLDEST_GO


def _installed(name: str, program: str, version: str) -> Path:
    """Return the binary *name* of the Go *program*."""

    def make(target: Path) -> None:
        # Outside of any module: the program is built with the versions its own go.mod names.
        target.mkdir()
        env = os.environ | {"GOBIN": str(target), "GOFLAGS": "-trimpath"}
        run("go", "install", f"{program}@{version}", cwd=target, env=env, timeout=BUILD_TIMEOUT)

    folder = _folder(name, fingerprint(version, toolchain()))
    return kept(folder, name, make) / name


def _folder(name: str, key: str) -> Path:
    return cache_folder() / "bin" / f"{name}-{key}"
