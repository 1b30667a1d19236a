"""
Fields that are accepted and not carried out by this version.

A user who sets one is told so, in the `SpecAccepted` condition: a field that silently does nothing is a
trap. A line goes from here when the field is carried out.
"""

from __future__ import annotations

from collections.abc import Iterator

from controller.api.v2.cluster import ClusterSpec


def not_carried_out(spec: ClusterSpec) -> tuple[str, ...]:
    """Return the paths of the fields in *spec* that ask for something this version does not do."""
    return tuple(_paths(spec))


def _paths(spec: ClusterSpec) -> Iterator[str]:
    if spec.restart_count_before_pod_deletion:
        yield "spec.restartCountBeforePodDeletion"
