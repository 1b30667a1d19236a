"""
Find and remove what a cluster leaves, also when nobody could keep records any more.

Only what carries our marks is touched: recorded processes, members of the nodes' cgroups and
network namespaces, our programs with the state folder in an argument, mounts and links below it.
"""

from __future__ import annotations

from collections.abc import Iterator
import contextlib
import hashlib
import itertools
from pathlib import Path
import re
import sys

from e2e.cluster import cgroups, network, processes
from e2e.cluster.layout import NODES, State
from e2e.cluster.processes import Process
from e2e.cluster.shell import Trouble, run

# Programs that may run without a record: a shim is containerd's child, and the others may have
# been started in the instant before a crash.
OURS = ("kube", "local-path-provisioner", "containerd", "containerd-shim-runc-v2")
PYTHON = (Path(sys.executable).name, "python", "python3")
SHIM_SOCKETS = Path("/run/containerd/s")
POD_LOG_LINKS = Path("/var/log/containers")
CNI_RESULTS = Path("/var/lib/cni/results")


def stop_everything(state: State) -> None:
    """
    End every process of the cluster at once: what they would save is removed anyway.

    The kubelets go first, since they would start containers anew.
    """
    known = processes.recorded(state)
    processes.kill(process for name, process in known.items() if name.endswith("-kubelet"))
    for node in NODES:
        cgroups.kill_members(node)
    processes.kill(known.values())
    _kill_unrecorded(state)
    for node in NODES:
        inside = (Process.look(pid) for pid in network.processes_inside(node))
        processes.kill(process for process in inside if process)
        cgroups.kill_members(node)


def _kill_unrecorded(state: State) -> None:
    found = list(processes.find(OURS, state.root))
    # Ours is the Python that was given this file; another may be given the state's folder.
    found += processes.find(PYTHON, state.kubeconfig_of("resizer"))
    processes.kill(process for process, _ in found)
    for _, words in found:
        shim_socket(words).unlink(missing_ok=True)


def shim_socket(words: list[str]) -> Path:
    """Where a shim with this command line listens: a fixed folder, named after its container."""
    options = dict(itertools.pairwise(words))
    told = [options.get(name, "") for name in ("-address", "-namespace", "-id")]
    return SHIM_SOCKETS / hashlib.sha256("/".join(told).encode()).hexdigest()


def unmount(folder: Path) -> None:
    """Unmount everything below *folder*, the latest first."""
    for _ in range(3):
        table = Path("/proc/self/mountinfo").read_text()
        points = list(mount_points(table, folder))
        if not points:
            return
        for point in reversed(points):
            run("umount", "-l", point, check=False)
    raise Trouble(f"{points[0]} cannot be unmounted: see `fuser -vm {points[0]}`")


def mount_points(table: str, folder: Path) -> Iterator[str]:
    """The mount points below *folder* in the text of ``/proc/self/mountinfo``, in its order."""
    for line in table.splitlines():
        # Spaces and a few more are written as a backslash and three octal digits.
        point = re.sub(r"\\([0-7]{3})", lambda m: chr(int(m[1], 8)), line.split()[4])
        if Path(point).is_relative_to(folder):
            yield point


def remove_strays(folder: Path) -> None:
    """Remove what is kept in fixed places: kubelets' links to logs, results of network plugins."""
    for file in (*files_in(POD_LOG_LINKS), *files_in(CNI_RESULTS)):
        with contextlib.suppress(OSError):
            speaks_of = str(file.readlink()) if file.is_symlink() else file.read_text()
            if str(folder) in speaks_of:
                file.unlink()


def files_in(folder: Path) -> list[Path]:
    """Everything in *folder*, or nothing where there is no such folder."""
    return list(folder.iterdir()) if folder.is_dir() else []
