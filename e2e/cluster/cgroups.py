"""
Cgroups of version 1 or 2: one group a node, that holds every process of the node's pods.

A node's group is what lets all its containers be killed at once, with or without a containerd.
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from e2e.cluster.layout import Node
from e2e.cluster.processes import Process, kill

ROOT = Path("/sys/fs/cgroup")


def unified() -> bool:
    """Whether the machine has cgroup version 2 only."""
    return (ROOT / "cgroup.controllers").exists()


def hierarchies() -> list[Path]:
    """The root folder of every hierarchy that the machine has mounted."""
    if unified():
        return [ROOT]
    return sorted(each for each in ROOT.iterdir() if each.is_dir() and not each.is_symlink())


def create(node: Node) -> None:
    """Make the node's group in every hierarchy."""
    for hierarchy in hierarchies():
        group = hierarchy / node.namespace
        group.mkdir(exist_ok=True)
        # Version 1: a new cpuset is empty, and no process can enter an empty one.
        for name in ("cpuset.cpus", "cpuset.mems"):
            if not unified() and (group / name).exists():
                (group / name).write_text((hierarchy / name).read_text())


def members(node: Node) -> set[int]:
    """The ids of the processes of all the node's pods."""
    found: set[int] = set()
    for hierarchy in hierarchies():
        for folder, _, _ in os.walk(hierarchy / node.namespace):
            with contextlib.suppress(OSError):
                found.update(map(int, (Path(folder) / "cgroup.procs").read_text().split()))
    return found


def kill_members(node: Node) -> None:
    """Kill every process of the node's pods, also those that appear meanwhile."""
    for _ in range(50):
        found = [process for pid in members(node) if (process := Process.look(pid))]
        if not found:
            return
        kill(found)


def remove(node: Node) -> None:
    """Remove the node's group from every hierarchy; it must have no processes left."""
    for hierarchy in hierarchies():
        for folder, _, _ in os.walk(hierarchy / node.namespace, topdown=False):
            with contextlib.suppress(OSError):
                Path(folder).rmdir()
