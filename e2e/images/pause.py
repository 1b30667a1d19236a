"""
The smallest image: a static busybox, for pods' sandboxes and for little jobs on a node.

It is written as an archive directly, since one layer with one program needs no builder.
"""

from __future__ import annotations

import hashlib
import io
import json
from pathlib import Path
import shutil
import tarfile

from e2e.cluster.cache import fingerprint, forget_earlier, kept
from e2e.cluster.layout import cache_folder
from e2e.cluster.nodes import PAUSE_IMAGE
from e2e.cluster.shell import Trouble, run

# The shell as first process of a sandbox reaps what other containers' processes leave behind
# when a pod shares its process namespace, and ends at once when it is told to.
ENTRY = ["/bin/sh", "-c", "trap 'exit 0' TERM INT; while :; do sleep 86400 & wait $!; done"]
PASSWD = "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534::/:/bin/sh\n"


def build() -> Path:
    """Return the archive of the image, made if it is not there yet."""
    busybox = shutil.which("busybox")
    if not busybox:
        raise Trouble("busybox is not installed: run `python -m e2e.cluster deps`")
    program = Path(busybox).read_bytes()
    key = fingerprint(program, json.dumps(ENTRY), PAUSE_IMAGE)
    file = cache_folder() / "images" / f"pause-{key}.tar"
    kept(file, "the pause image", lambda to: to.write_bytes(archive(program, applets())))
    forget_earlier(file)
    return file


def applets() -> list[str]:
    """The names that busybox answers to."""
    return run("busybox", "--list").stdout.split()


def archive(program: bytes, names: list[str]) -> bytes:
    """The bytes of a docker-archive with one image of one layer."""
    layer = _layer(program, names)
    config = {
        "architecture": "amd64",
        "os": "linux",
        "config": {"Cmd": ENTRY, "Env": ["PATH=/bin"], "WorkingDir": "/"},
        "rootfs": {"type": "layers", "diff_ids": ["sha256:" + _sha256(layer)]},
        "history": [{"created_by": "busybox"}],
    }
    written = json.dumps(config).encode()
    manifest = [
        {
            "Config": f"{_sha256(written)}.json",
            "RepoTags": [PAUSE_IMAGE],
            "Layers": ["layer.tar"],
        }
    ]
    return _tar(
        [
            _file("layer.tar", layer),
            _file(f"{_sha256(written)}.json", written),
            _file("manifest.json", json.dumps(manifest).encode()),
        ]
    )


def _layer(program: bytes, names: list[str]) -> bytes:
    folders = [_folder(name, 0o755) for name in ("bin", "etc", "root")]
    links = [_link(f"bin/{name}", "busybox") for name in names if name != "busybox"]
    return _tar(
        [
            *folders,
            _folder("tmp", 0o1777),
            _file("etc/passwd", PASSWD.encode()),
            _file("bin/busybox", program, mode=0o755),
            *links,
        ]
    )


Member = tuple[tarfile.TarInfo, bytes]


def _tar(members: list[Member]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for info, content in members:
            tar.addfile(info, io.BytesIO(content))
    return buffer.getvalue()


def _file(name: str, content: bytes, mode: int = 0o644) -> Member:
    info = tarfile.TarInfo(name)
    info.size, info.mode = len(content), mode
    return info, content


def _folder(name: str, mode: int) -> Member:
    info = tarfile.TarInfo(name)
    info.type, info.mode = tarfile.DIRTYPE, mode
    return info, b""


def _link(name: str, target: str) -> Member:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = tarfile.SYMTYPE, target
    return info, b""


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
