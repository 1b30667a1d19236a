"""Calls that change a node: made once, for as long as they last."""

from __future__ import annotations

import contextlib
import json
import socket
import threading

import httpx
import pytest

from controller.cassandra.jolokia import Endpoint, Jolokia, JolokiaError
from controller.cassandra.operations import PATIENCE_SECONDS, decommission
from controller.domain.errors import TransientError

NODE = Endpoint(host="10.0.0.1")


@pytest.mark.parametrize("broken", [True, False])
def test_a_call_is_made_once(*, broken: bool) -> None:
    """Neither a lost answer nor a refusal is a reason to ask again: it may be going on."""
    asked: list[object] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(json.loads(request.content))
        if broken:
            raise httpx.RemoteProtocolError("the connection broke")
        return httpx.Response(200, json={"status": 500, "error": "Node is still decommissioning"})

    jolokia = Jolokia.over(httpx.MockTransport(answer))

    with pytest.raises(TransientError if broken else JolokiaError):
        decommission(jolokia, NODE, "5.0.9")
    assert len(asked) == 1


def test_a_patient_client_waits_longer_than_for_any_answer() -> None:
    """Over real sockets, and sockets of its own."""
    server = socket.create_server(("127.0.0.1", 0))
    accepted: list[bytes] = []

    def serve() -> None:
        connection, _ = server.accept()
        with connection:
            while not b"".join(accepted).endswith(b"}"):
                accepted.append(connection.recv(65536))
            body = b'{"status": 200, "value": null}'
            head = f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
            connection.sendall(head.encode() + body)

    thread = threading.Thread(target=serve)
    thread.start()
    jolokia = Jolokia.patient(PATIENCE_SECONDS)

    with contextlib.closing(server), contextlib.closing(jolokia):
        decommission(jolokia, Endpoint(host="127.0.0.1", port=server.getsockname()[1]), "5.0.9")

    thread.join(5)
    assert b"decommission(boolean)" in b"".join(accepted)
    assert jolokia.http.timeout.read == PATIENCE_SECONDS
    assert jolokia.seconds == PATIENCE_SECONDS
