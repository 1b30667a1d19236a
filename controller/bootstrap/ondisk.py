"""
Whether a Cassandra node has left anything on its disk.

Cassandra flushes `system.local` when it starts and again when it has joined, so an sstable of that table
is there on every node that has ever run, and on no other. A data folder that this container cannot see is
never taken for an empty one.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from controller.bootstrap.seeds import Data


def look(parameters: Mapping[str, object], volume: Path) -> Data:
    """
    Return what is on the disk.

    *parameters* are those of cassandra.yaml; *volume* is where the data volume is mounted.
    """
    unseen = False
    for folder in _system_folders(parameters, volume):
        if any(folder.glob("system/local-*/*-Data.db")):
            return Data.PRESENT
        # A fresh volume has no folders yet; anywhere else a missing folder may be one that is not mounted.
        mounted = volume.is_dir() and folder.is_relative_to(volume)
        unseen = unseen or not (mounted or folder.is_dir())
    return Data.UNKNOWN if unseen else Data.NONE


def _system_folders(parameters: Mapping[str, object], volume: Path) -> list[Path]:
    """Return every folder that `system.local` can be in."""
    configured = parameters.get("data_file_directories")
    folders = [str(folder) for folder in configured] if isinstance(configured, list) else []
    apart = parameters.get("local_system_data_file_directory")
    if isinstance(apart, str):
        folders.append(apart)
    return [Path(folder) for folder in folders] or [volume / "data"]
