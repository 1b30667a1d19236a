"""What connections to an API server ask of their sockets: to notice a peer that is gone."""

from __future__ import annotations

import socket

from urllib3.connection import HTTPConnection

SocketOptions = list[tuple[int, int, int]]

# A dead peer is noticed after 30 + 3 * 10 s, also by a watch that may be silent for longer.
_KEEPALIVE = (
    ("TCP_KEEPIDLE", 30),
    ("TCP_KEEPINTVL", 10),
    ("TCP_KEEPCNT", 3),
)


def socket_options() -> SocketOptions:
    """Return urllib3's own options, and those that keep a silent connection honest."""
    options: SocketOptions = [
        (level, name, value)
        for level, name, value in HTTPConnection.default_socket_options
        if isinstance(value, int)
    ]
    options.append((socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1))
    options.extend(
        (socket.IPPROTO_TCP, getattr(socket, name), value)
        for name, value in _KEEPALIVE
        # What a platform has no name for it does not have.
        if hasattr(socket, name)
    )
    return options
