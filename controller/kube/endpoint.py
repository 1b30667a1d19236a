"""
Where an API server is, and who we are there.

Inside a pod that is `in_cluster`, which needs nothing but the pod's own files. Only a kubeconfig needs the
`kubernetes` package, which is 16 MB in memory and is therefore not loaded before one is read.
"""

from __future__ import annotations

from typing import Protocol

import urllib3

from controller.domain.errors import TerminalError
from controller.kube.in_cluster import InCluster
from controller.kube.sockets import SocketOptions


class Endpoint(Protocol):
    """An API server, and a way to it."""

    @property
    def server(self) -> str:
        """Scheme and authority, and a path if it has one, as in `https://10.96.0.1:443`."""

    def pool(self, *, size: int, socket_options: SocketOptions) -> urllib3.PoolManager:
        """Return new connections to it, of which *size* are kept; they repeat nothing by themselves."""

    def authorization(self) -> str | None:
        """Return what the next request is to say in `Authorization`, None for nothing.

        Raises `TransientError` if that is not to be had now. One thread at a time may ask.
        """


def find(*, kubeconfig: str | None = None) -> Endpoint:
    """
    Return the API server to talk to.

    From the file *kubeconfig* if given; else from the service account of the pod; else from where
    kubectl looks. Raises `TerminalError` if there is nothing to be found.
    """
    reasons: list[str] = []
    if kubeconfig is None:
        try:
            return InCluster.of_this_pod()
        except TerminalError as error:
            reasons.append(str(error))
    from controller.kube.kubeconfig import Kubeconfig  # noqa: PLC0415 -- see the module's promise

    try:
        return Kubeconfig.read(kubeconfig)
    except TerminalError as error:
        reasons.append(str(error))
        raise TerminalError(f"no API server is configured: {' '.join(reasons)}") from error
