"""
Measure how soon an operation begins that a user asks for by labels: `make bench-operations`.

The time runs from when the write of `operation-status: ToDo` is sent to when a watch of the pod shows
`Ongoing`, and on to `Done`: of a flush of hardly anything that is little more than the beginning, since
Cassandra was asked in between. On the real cluster; it exits with 1 if the 99th percentile misses its bound.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
import contextlib
import http.client
import json
import math
import platform
import queue
import secrets
import subprocess
import sys
import threading
import time
from typing import Any

import attrs

from controller import __version__
from e2e import watching
from e2e.kubectl import Kubectl
from e2e.lab import install, lab, remove
from e2e.samples import jolokia_secret, single

COUNT = 100
BOUND_SECONDS = 1.0
NAME = "bench"
POD = f"{NAME}-dc1-rack1-0"
# The first waits for a ring at rest, as what costs much does; the other does not.
OPERATIONS = ("cleanup", "flush")
LATE_SECONDS = 60.0


@attrs.frozen(kw_only=True)
class Took:
    """How many seconds an operation took to begin, and to be done."""

    begun: float
    done: float


@attrs.frozen(kw_only=True)
class Line:
    """The API server behind `kubectl proxy` on a local *port*, for one pod."""

    port: int
    path: str

    def label(self, **labels: str | None) -> None:
        """Merge labels of operations into the pod's."""
        given = {f"operation-{key}": value for key, value in labels.items()}
        line = http.client.HTTPConnection("127.0.0.1", self.port, timeout=LATE_SECONDS)
        try:
            body = json.dumps({"metadata": {"labels": given}})
            headers = {"Content-Type": "application/merge-patch+json"}
            line.request("PATCH", self.path, body=body, headers=headers)
            answer = line.getresponse()
            text = answer.read()
            assert answer.status == http.client.OK, text
        finally:
            line.close()

    def watch(self, heard: queue.SimpleQueue[tuple[float, str]]) -> None:
        """Put each status of the pod's operation in *heard*, with when it came, until the proxy ends."""
        line = http.client.HTTPConnection("127.0.0.1", self.port)
        folder, _, name = self.path.rpartition("/")
        line.request("GET", f"{folder}?watch=1&fieldSelector=metadata.name%3D{name}")
        for each in line.getresponse():
            labels: dict[str, Any] = json.loads(each)["object"]["metadata"]["labels"]
            heard.put((time.monotonic(), str(labels.get("operation-status"))))


@contextlib.contextmanager
def proxied(kubectl: Kubectl) -> Iterator[Line]:
    """Yield a line to the API server; the proxy behind it ends afterwards."""
    command = ["kubectl", f"--kubeconfig={kubectl.kubeconfig}", "proxy", "--port=0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            port = int(process.stdout.readline().rpartition(":")[2])
            yield Line(port=port, path=f"/api/v1/namespaces/{kubectl.namespace}/pods/{POD}")
        finally:
            process.terminate()


def once(line: Line, heard: queue.SimpleQueue[tuple[float, str]], operation: str) -> Took:
    """Ask for *operation* and wait for its end."""
    sent = time.monotonic()
    line.label(name=operation, status="ToDo")
    at: dict[str, float] = {}
    while "Done" not in at:
        when, status = heard.get(timeout=LATE_SECONDS)
        assert status != "Error"
        # What was said before is of the operation before this one.
        if when > sent and status in {"Ongoing", "Done"} and (status == "Ongoing" or "Ongoing" in at):
            at.setdefault(status, when - sent)
    return Took(begun=at["Ongoing"], done=at["Done"])


def percentile(values: list[float], share: float) -> float:
    """Return the smallest value that *share* of all do not exceed."""
    return sorted(values)[max(0, math.ceil(share * len(values)) - 1)]


def spread(values: list[float]) -> str:
    """Return percentiles of seconds, for people."""
    return ", ".join(f"p{share} {percentile(values, share / 100):.3f} s" for share in (50, 90, 99))


def measure(kubectl: Kubectl, count: int) -> dict[str, list[Took]]:
    """Return how long each operation took, *count* times, on a ring of one that is at rest."""
    found: dict[str, list[Took]] = {}
    with proxied(kubectl) as line:
        heard: queue.SimpleQueue[tuple[float, str]] = queue.SimpleQueue()
        # It ends with the proxy.
        threading.Thread(target=line.watch, args=(heard,), daemon=True).start()
        for operation in OPERATIONS:
            once(line, heard, operation)
            found[operation] = [once(line, heard, operation) for _ in range(count)]
    return found


def main() -> int:
    """Run the benchmark; return the exit code."""
    parser = argparse.ArgumentParser(description="Measure how soon operations on nodes begin.")
    parser.add_argument("--count", type=int, default=COUNT, help=f"how often each is asked for ({COUNT})")
    count = parser.parse_args().count
    where = lab()
    kubectl = where.kubectl(f"casskop-bench-{secrets.token_hex(3)}")
    server = kubectl.run("version").split("Server Version:")[-1].strip()
    install(kubectl, image=where.image)
    try:
        kubectl.apply(jolokia_secret(), single(NAME, deletePVC=True))
        watching.eventually(
            lambda: watching.is_true(kubectl, NAME, "Ready"), seconds=600, what=f"{NAME} is Ready"
        )
        release = watching.cluster(kubectl, NAME)["status"]["cassandraNodeStatus"][POD]["releaseVersion"]
        found = measure(kubectl, count)
    finally:
        remove(kubectl)
    print(
        f"casskop {__version__}, Python {platform.python_version()}, Kubernetes {server}, Cassandra {release}"
    )
    good = True
    for operation, times in found.items():
        begun, done = [each.begun for each in times], [each.done for each in times]
        last = percentile(begun, 0.99)
        good = good and last < BOUND_SECONDS
        verdict = f"< {BOUND_SECONDS:g} s: {'ok' if last < BOUND_SECONDS else 'MISSED'}"
        print(
            f"{operation:<8} x {count}: ToDo to Ongoing {spread(begun)} ({verdict}); to Done {spread(done)}"
        )
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
