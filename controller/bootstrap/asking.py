"""
Asking the seeds: does the name resolve, does Jolokia answer, which OperationMode has the node.

Each question has a deadline, names included, and all seeds are asked at the same time, so a round takes
no longer than one slow seed. Nothing is concluded here; what was seen goes to `seeds.decide_seeds`.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping, Sequence
import http.client
import json
import queue
import socket
import threading
import time

import attrs

from controller.bootstrap.seeds import Reach, Seen

PORT = 8778
MODE_PATH = "/jolokia/read/org.apache.cassandra.db:type=StorageService/OperationMode"
ROUND_SECONDS = 5.0
_ANSWER_BYTES = 65536
_UNAUTHORIZED, _NOT_FOUND = 401, 404


@attrs.frozen(kw_only=True)
class Credentials:
    """Who Jolokia is told that we are. Never printed: it has no representation of the password."""

    user: str
    password: str = attrs.field(repr=False)

    @property
    def header(self) -> str:
        """The value of the Authorization header."""
        return "Basic " + base64.b64encode(f"{self.user}:{self.password}".encode()).decode()


@attrs.frozen(kw_only=True)
class _Answer:
    """What a thread has to say of its seed, and whether that is its last word."""

    seed: str
    seen: Seen
    last: bool


@attrs.frozen(kw_only=True)
class Asking:
    """Asks seeds over the network."""

    credentials: Credentials | None
    port: int = PORT
    seconds: float = ROUND_SECONDS

    def all(self, seeds: Sequence[str]) -> Mapping[str, Seen]:
        """Return what is seen of each of *seeds*, within the deadline of a round."""
        answers: queue.SimpleQueue[_Answer] = queue.SimpleQueue()
        end = time.monotonic() + self.seconds
        for seed in seeds:
            # A daemon: a name server that hangs must not keep the program from ending.
            threading.Thread(target=self._ask, args=(seed, answers.put), daemon=True).start()
        seen = dict.fromkeys(seeds, Seen(reach=Reach.UNRESOLVED))
        missing = set(seeds)
        while missing:
            try:
                answer = answers.get(timeout=max(0.0, end - time.monotonic()))
            except queue.Empty:
                break  # what a seed has said so far stands
            seen[answer.seed] = answer.seen
            if answer.last:
                missing.discard(answer.seed)
        return seen

    def _ask(self, seed: str, tell: Callable[[_Answer], None]) -> None:
        """Tell what is seen of one seed: first that it has an address, then what it answers."""
        try:
            found = socket.getaddrinfo(seed, self.port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError):
            tell(_Answer(seed=seed, seen=Seen(reach=Reach.UNRESOLVED), last=True))
            return
        tell(_Answer(seed=seed, seen=Seen(reach=Reach.SILENT), last=False))
        try:
            status, body = self._get(str(found[0][4][0]))
        except (OSError, http.client.HTTPException):
            tell(_Answer(seed=seed, seen=Seen(reach=Reach.SILENT), last=True))
            return
        tell(_Answer(seed=seed, seen=Seen(reach=Reach.ANSWERS, mode=mode_of(status, body)), last=True))

    def _get(self, address: str) -> tuple[int, bytes]:
        connection = http.client.HTTPConnection(address, self.port, timeout=self.seconds / 2)
        headers = {} if self.credentials is None else {"Authorization": self.credentials.header}
        try:
            connection.request("GET", MODE_PATH, headers=headers)
            response = connection.getresponse()
            return response.status, response.read(_ANSWER_BYTES)
        finally:
            connection.close()


def mode_of(status: int, body: bytes) -> str:
    """Return the OperationMode in Jolokia's answer, or why there is none."""
    if status == _UNAUTHORIZED:
        return "it does not accept the Jolokia credentials of this pod"
    try:
        answer = json.loads(body)
    except ValueError:
        answer = None
    if not isinstance(answer, dict):
        return f"HTTP {status} without a JSON object"
    mode = answer.get("value")
    if answer.get("status") == http.client.OK and isinstance(mode, str):
        return mode
    if answer.get("status") == _NOT_FOUND:
        return "Cassandra is not up in it yet"
    return f"Jolokia says {answer.get('status')}"
