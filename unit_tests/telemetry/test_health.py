"""What a reader may rely on: what probes and scrapers get, over HTTP, and what a bad client cannot do."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
import http.client
import socket
import threading

import pytest

from controller.runtime.clock import SteppedClock
from controller.telemetry.health import Check, HealthServer, Page, ServerSettings, check_page, metrics_page

LOOPBACK = "127.0.0.1"


def ok() -> str | None:
    """All is well."""
    return None


def ill() -> str | None:
    """Something is wrong."""
    return "nothing was heard of pods for 700 s"


def broken() -> str | None:
    """The check itself is wrong."""
    raise RuntimeError("secret detail")


@contextmanager
def serving(
    pages: Mapping[str, Page],
    *,
    connections: int = 16,
    seconds: float = 10.0,
    clock: SteppedClock | None = None,
) -> Iterator[HealthServer]:
    """Serve *pages* on loopback."""
    settings = ServerSettings(host=LOOPBACK, port=0, connections=connections, seconds=seconds, look=0.02)
    server = HealthServer(settings, pages, clock=clock)
    server.start()
    try:
        yield server
    finally:
        server.stop()


def ask(port: int, path: str, method: str = "GET") -> tuple[int, str, str]:
    """Return status, content type and body."""
    connection = http.client.HTTPConnection(LOOPBACK, port, timeout=10)
    try:
        connection.request(method, path)
        answer = connection.getresponse()
        return answer.status, answer.headers["Content-Type"], answer.read().decode()
    finally:
        connection.close()


def asked(checks: Mapping[str, Check], path: str) -> tuple[int, str]:
    """Return status and body of one question to a server with these *checks*."""
    with serving({"healthz": check_page(checks), "readyz": check_page({})}) as server:
        status, kind, body = ask(server.port, path)
    assert kind == "text/plain; charset=utf-8"
    return status, body


def test_well_is_200_with_a_line_for_each_check() -> None:
    """In the form of the API server's own health pages."""
    assert asked({"election": ok, "workers": ok}, "/healthz") == (200, "[+] election\n[+] workers\nok\n")


def test_one_bad_check_is_500_and_says_why() -> None:
    """The others are told all the same."""
    status, body = asked({"election": ok, "reflectors": ill}, "/healthz")

    assert status == 500
    assert body == "[+] election\n[-] reflectors: nothing was heard of pods for 700 s\nfailed\n"


def test_a_check_that_raises_is_bad() -> None:
    """What it says stays inside: these pages are for anyone."""
    assert asked({"workers": broken}, "/healthz") == (
        500,
        "[-] workers: the check raised RuntimeError\nfailed\n",
    )


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/healthz/election", 200),
        ("/healthz/reflectors", 500),
        ("/healthz/nothing", 404),
        ("/healthz/", 500),
        ("/healthz?verbose=1", 500),
        ("/readyz", 200),
        ("/", 404),
        ("/metrics", 404),
        ("/..%2fetc", 404),
    ],
)
def test_a_path_names_a_page_and_maybe_a_check(path: str, status: int) -> None:
    """Whatever else is asked for is not there; a query changes nothing."""
    assert asked({"election": ok, "reflectors": ill}, path)[0] == status


def test_metrics_are_sent_as_they_are() -> None:
    """With their own content type; to HEAD only the head is sent."""
    page = metrics_page("up 1\n# é\n".encode, "text/plain; version=0.0.4")
    with serving({"metrics": page}) as server:
        assert ask(server.port, "/metrics") == (200, "text/plain; version=0.0.4", "up 1\n# é\n")
        assert ask(server.port, "/metrics", "HEAD") == (200, "text/plain; version=0.0.4", "")
        assert ask(server.port, "/metrics", "POST")[0] == 501


def test_a_page_that_raises_is_500() -> None:
    """And the server goes on."""

    def page() -> bytes:
        raise RuntimeError("secret detail")

    with serving({"metrics": metrics_page(page, "text/plain"), "healthz": check_page({})}) as server:
        status, _, body = ask(server.port, "/metrics")
        assert (status, body) == (500, "the page could not be made\n")
        assert ask(server.port, "/healthz")[0] == 200


def test_a_port_in_use_is_told_at_the_start() -> None:
    """Before anything else of the operator runs."""
    with serving({}) as server, pytest.raises(OSError, match="in use"):
        HealthServer(ServerSettings(host=LOOPBACK, port=server.port), {})


def test_without_a_host_both_families_are_served() -> None:
    """As a pod may have an address of either; where there is no IPv6, IPv4 alone."""
    server = HealthServer(ServerSettings(port=0, look=0.02), {"healthz": check_page({})})
    server.start()
    try:
        assert ask(server.port, "/healthz")[0] == 200
        if socket.has_dualstack_ipv6():
            with socket.create_connection(("::1", server.port), timeout=10) as connection:
                connection.sendall(b"GET /healthz HTTP/1.0\r\n\r\n")
                assert connection.recv(100).startswith(b"HTTP/1.0 200")
    finally:
        server.stop()


def test_more_than_so_many_connections_are_turned_away() -> None:
    """And when one is gone there is room again."""
    with serving({"healthz": check_page({})}, connections=2) as server:
        idle = [socket.create_connection((LOOPBACK, server.port), timeout=10) for _ in range(2)]
        _until(lambda: len(server._server._open) == 2)
        with pytest.raises((http.client.RemoteDisconnected, ConnectionError)):
            ask(server.port, "/healthz")
        idle[0].close()
        _until(lambda: len(server._server._open) == 1)

        assert ask(server.port, "/healthz")[0] == 200
        idle[1].close()


def test_who_says_nothing_is_let_go() -> None:
    """After the time that one connection may take."""
    with (
        serving({}, seconds=0.05) as server,
        socket.create_connection((LOOPBACK, server.port), timeout=10) as silent,
    ):
        assert silent.recv(1) == b""


def test_who_drips_is_cut() -> None:
    """However often it sends a little: what counts is the age of the connection."""
    clock = SteppedClock()
    with (
        serving({}, seconds=30.0, clock=clock) as server,
        socket.create_connection((LOOPBACK, server.port), timeout=10) as dripping,
    ):
        dripping.sendall(b"GET /heal")
        _until(lambda: len(server._server._open) == 1)
        server._server.cut(older_than=30.0)
        assert len(server._server._open) == 1
        clock.advance(30.0)

        assert dripping.recv(1) == b""


def test_a_stop_cuts_what_is_open_and_frees_the_port() -> None:
    """It does not wait for clients; to stop a server that was never started is fine."""
    with serving({}) as server:
        port = server.port
        client = socket.create_connection((LOOPBACK, port), timeout=10)
        _until(lambda: len(server._server._open) == 1)
        server.stop()

        assert client.recv(1) == b""
        client.close()
    HealthServer(ServerSettings(host=LOOPBACK, port=port), {}).stop()


def _until(true: Callable[[], bool]) -> None:
    """Wait until something that another thread does has come *true*."""
    pause = threading.Event()
    for _ in range(1000):
        if true():
            return
        pause.wait(0.01)
    raise AssertionError("it did not come true in ten seconds")
