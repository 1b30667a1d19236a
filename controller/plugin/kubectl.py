"""
The way to the API server: through kubectl, so that whatever kubectl can log in to, the plugin can.

`kubectl proxy` carries requests for as long as one command lasts, over a socket in a folder that only this
user may enter. Contexts, certificates and login plug-ins stay kubectl's business.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
import contextlib
from http import HTTPStatus
from http import client as http
import json
from pathlib import Path
import re
import socket
import subprocess
import sys
import tempfile
import threading
import time
from typing import Any, Final
from urllib.parse import urlencode

import attrs

from controller.domain.errors import TransientError
from controller.kube.transport import Request, Response
from controller.plugin.errors import NO_CLUSTER, StopError

# To begin to listen kubectl needs neither a network nor a login.
START_SECONDS: Final = 10.0
_IN_A_POD: Final = Path("/var/run/secrets/kubernetes.io/serviceaccount/namespace")
# What kubectl logs is of use only when something goes wrong.
_LOG_LINE = re.compile(r"[EWIF]\d{4} ")
_CHUNK: Final = 65_536


@attrs.frozen(kw_only=True)
class Kubectl:
    """kubectl with the options that choose cluster and user."""

    options: tuple[str, ...] = ()
    program: str = "kubectl"

    def run(self, *words: str, seconds: float = 60.0) -> str:
        """Return what `kubectl WORDS` prints; `StopError` with what it said if it fails."""
        try:
            done = subprocess.run(  # noqa: S603 -- kubectl, with words of ours
                [self.program, *self.options, *words],
                capture_output=True,
                text=True,
                timeout=seconds,
                check=False,
                stdin=subprocess.DEVNULL,
            )
        except FileNotFoundError:
            raise no_kubectl(self.program) from None
        except subprocess.TimeoutExpired:
            raise StopError(f"kubectl {words[0]}: no end after {seconds:g} s", code=NO_CLUSTER) from None
        if done.returncode:
            said = done.stderr.strip().splitlines() or ["it says nothing"]
            raise StopError(f"kubectl {words[0]}: {said[-1].removeprefix('error: ')}", code=NO_CLUSTER)
        return done.stdout

    def namespace(self) -> str:
        """Return the namespace of the context in use; that of the pod if there is none; else `default`."""
        try:
            found = self.run("config", "view", "--minify", "-o", "jsonpath={..namespace}").strip()
        except StopError as error:
            if "current-context" not in str(error):
                raise
            found = _IN_A_POD.read_text().strip() if _IN_A_POD.exists() else ""
        return found or "default"

    @contextlib.contextmanager
    def proxy(self) -> Iterator[ProxyTransport]:
        """Carry requests to the API server until the context ends; `StopError` if kubectl does not start."""
        with tempfile.TemporaryDirectory(prefix="kubectl-casskop-") as folder:
            path = Path(folder) / "api"
            try:
                process = subprocess.Popen(  # noqa: S603 -- as above
                    [self.program, *self.options, "proxy", f"--unix-socket={path}"],
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.PIPE,
                    text=True,
                )
            except FileNotFoundError:
                raise no_kubectl(self.program) from None
            heard = _Heard(process)
            try:
                _wait(process, path, heard)
                yield ProxyTransport(path, heard)
            finally:
                process.terminate()
                process.wait()
                heard.close()


class _Heard:
    """What kubectl says on its way: log lines are kept, what a login plug-in wants of the user passes."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        self.last = ""
        self._thread = threading.Thread(target=self._listen, daemon=True)
        self._thread.start()

    def _listen(self) -> None:
        assert self._process.stderr is not None
        for line in self._process.stderr:
            if _LOG_LINE.match(line):
                self.last = line.partition("] ")[2].strip()
            elif line.startswith("error: "):
                self.last = line.removeprefix("error: ").strip()
            else:
                sys.stderr.write(line)

    def close(self) -> None:
        """Take in the rest, after the process has ended."""
        self._thread.join()
        assert self._process.stderr is not None
        self._process.stderr.close()


def _wait(process: subprocess.Popen[str], path: Path, heard: _Heard) -> None:
    """Wait until kubectl listens at *path*."""
    end = time.monotonic() + START_SECONDS
    while not _listens(path):
        if process.poll() is not None:
            # What it said last may still be on its way to us.
            heard.close()
            raise StopError(f"kubectl reaches no cluster: {heard.last or 'it ended'}", code=NO_CLUSTER)
        if time.monotonic() > end:
            raise StopError(f"kubectl proxy does not start within {START_SECONDS:g} s", code=NO_CLUSTER)
        time.sleep(0.005)


def _listens(path: Path) -> bool:
    """Tell whether somebody takes connections at *path*: its name is there a moment before."""
    with socket.socket(socket.AF_UNIX) as probe:
        try:
            probe.connect(str(path))
        except OSError:
            return False
    return True


class _Connection(http.HTTPConnection):
    def __init__(self, path: Path, timeout: float) -> None:
        # The name that kubectl proxy takes requests for.
        super().__init__("localhost", timeout=timeout)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self._path))


class ProxyTransport:
    """Carries requests to `kubectl proxy`, each over a connection of its own; safe for threads."""

    def __init__(self, path: Path, heard: _Heard) -> None:
        self._path = path
        self._heard = heard

    def send(self, request: Request) -> Response:
        """Send *request* as `Transport` says."""
        end = time.monotonic() + request.timeout
        connection = _Connection(self._path, request.timeout)
        try:
            answer = _answer(connection, request, end)
        except (OSError, http.HTTPException) as error:
            why = "nothing came in time" if isinstance(error, TimeoutError) else type(error).__name__
            raise TransientError(f"{why}{self._said()}") from error
        finally:
            connection.close()
        if answer.status >= HTTPStatus.INTERNAL_SERVER_ERROR and not isinstance(answer.body, dict):
            # kubectl's own word: it did not get through.
            said = self._heard.last or str(answer.body).strip()
            raise TransientError(said.removeprefix("Error while proxying request: "))
        return answer

    def stream(
        self, request: Request, *, silence: float
    ) -> contextlib.AbstractContextManager[Response | Iterator[Mapping[str, Any]]]:
        """Refuse: the plugin lists anew."""
        raise TransientError(f"{request.path} is not watched here, whatever the silence ({silence:g} s)")

    def _said(self) -> str:
        return f": {self._heard.last}" if self._heard.last else ""


def _answer(connection: _Connection, request: Request, end: float) -> Response:
    query = f"?{urlencode(request.query)}" if request.query else ""
    body = None if request.body is None else json.dumps(request.body)
    given = {"Content-Type": "application/json"} if body is not None else {}
    connection.request(
        request.method,
        f"{request.path}{query}",
        body=body,
        headers={"Accept": "application/json", **given, **request.headers},
    )
    answer = connection.getresponse()
    parts: list[bytes] = []
    while chunk := answer.read1(_CHUNK):
        parts.append(chunk)
        left = end - time.monotonic()
        if left <= 0:
            raise TimeoutError
        if connection.sock is not None:
            connection.sock.settimeout(left)
    text = b"".join(parts)
    headers = {name.lower(): value for name, value in answer.getheaders()}
    try:
        content: Any = json.loads(text) if text else None
    except ValueError:
        content = text.decode(errors="replace")
    return Response(status=answer.status, headers=headers, body=content)


def no_kubectl(program: str) -> StopError:
    """Return how the plugin ends where there is no kubectl."""
    return StopError(f"there is no {program} on PATH: install it, or put its folder on PATH", code=NO_CLUSTER)
