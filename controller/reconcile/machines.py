"""Kubernetes nodes, as far as a plan has to know whether they are still there."""

from __future__ import annotations

from collections.abc import Iterable

from controller.domain.errors import NotFoundError, TerminalError
from controller.kube import kinds
from controller.kube.client import KubeClient


def lost(client: KubeClient, names: Iterable[str]) -> frozenset[str]:
    """Return which of the nodes called *names* are no more; none if the operator may not read nodes."""
    found = set()
    for name in sorted(names):
        try:
            client.get(kinds.NODE, "", name)
        except NotFoundError:
            found.add(name)
        except TerminalError:
            break
    return frozenset(found)
