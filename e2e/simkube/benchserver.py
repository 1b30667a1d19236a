"""Servers for the benchmark: one in this process, one in a process of its own behind HTTP."""

from __future__ import annotations

from collections.abc import Callable, Iterator
import contextlib
import http.client
import json
import multiprocessing
from multiprocessing.connection import Connection
import threading
import time
import urllib.parse

from controller.kube.transport import Request, Response
from e2e.simkube.api import ApiServer
from e2e.simkube.benchload import Send
from e2e.simkube.inprocess import InProcess
from e2e.simkube.memory import relax_collection
from e2e.simkube.server import HttpServer
from e2e.simkube.watch import Watch
from e2e.simtime import Simulation

# How to send, and the seconds that the server's processor has worked.
Served = tuple[Send, Callable[[], float]]
_WATCHED = ("/api/v1/pods", "/apis/apps/v1/statefulsets", "/api/v1/configmaps", "/api/v1/secrets")
# In-process, watches are polled once in so many requests, as a client's loop does.
_POLLED = 50


@contextlib.contextmanager
def in_process() -> Iterator[Served]:
    """A server in this process, with four open watches."""
    server = ApiServer(Simulation())
    transport = InProcess(server)
    watches: list[Watch] = []
    for path in _WATCHED:
        opened = server.open_watch(Request(method="GET", path=path, query={"watch": "1"}))
        assert isinstance(opened, Watch)
        watches.append(opened)
    count = 0

    def send(request: Request) -> Response:
        nonlocal count
        count += 1
        if count % _POLLED == 0:
            for watch in watches:
                watch.poll()
        return transport.send(request)

    yield send, time.process_time


@contextlib.contextmanager
def over_http() -> Iterator[Served]:
    """A server in a child process, one client with a kept connection, four open streams."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    child = context.Process(target=_serve, args=(theirs,), daemon=True)
    child.start()
    port = int(ours.recv())
    streams = [_stream(port, path) for path in _WATCHED]
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)

    def send(request: Request) -> Response:
        query = f"?{urllib.parse.urlencode(request.query)}" if request.query else ""
        body = None if request.body is None else json.dumps(request.body)
        connection.request(request.method, request.path + query, body, dict(request.headers))
        answer = connection.getresponse()
        return Response(status=answer.status, headers={}, body=json.loads(answer.read()))

    def cpu() -> float:
        ours.send("cpu")
        return float(ours.recv())

    yield send, cpu
    ours.send("stop")
    child.join()
    connection.close()
    for stream in streams:
        stream.join()


def _serve(pipe: Connection) -> None:
    relax_collection()
    simulation = Simulation()
    simulation.now = time.time()
    with HttpServer(ApiServer(simulation)) as server:
        pipe.send(server.port)
        while pipe.recv() == "cpu":
            pipe.send(time.process_time())


def _stream(port: int, path: str) -> threading.Thread:
    """Read a watch to its end, in a thread."""
    connection = http.client.HTTPConnection("127.0.0.1", port)
    connection.request("GET", f"{path}?watch=1", headers={"User-Agent": "bench"})
    response = connection.getresponse()

    def read() -> None:
        # The stream breaks off when the server stops.
        with contextlib.suppress(OSError, http.client.HTTPException):
            while response.read1(1 << 16):
                pass
        connection.close()

    thread = threading.Thread(target=read, daemon=True)
    thread.start()
    return thread
