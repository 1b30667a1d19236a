"""
Measure the API server: ``python -m e2e.simkube.bench``.

It stores 10,000 objects and lets one client send what an operator and the controllers beside it send,
some watches open all the time. It prints requests per second of one core, that is by the server's
processor time, so that a busy machine does not make it look slower than it is; the wall's figure stands
beside it. Then the same is measured again after 100,000 requests. In-process the client's work is in
the figure; over HTTP the server is a process of its own and only its work is counted.

Every row is printed, the slow ones too; it exits with 1 if a bound is missed. Python's cycle collector
is relaxed (`memory.py`), but for the row that says otherwise.
"""

from __future__ import annotations

import argparse
import collections
from collections.abc import Callable, Iterator
import contextlib
import os
import platform
import subprocess
import sys
import time

import attrs

from e2e.simkube.benchload import MIX, OPERATIONS, Load, Send
from e2e.simkube.benchserver import in_process, over_http
from e2e.simkube.memory import eager_collection, relax_collection

STORED = 10_000
REQUESTS = 100_000
RATE_BOUND = 2_000.0
# "No slower": what two measurements of the same thing differ by on a busy machine is no slowness.
RATIO_BOUND = 0.9
_MEASURED = 10_000
_ROW_SECONDS = 1.0


@attrs.frozen(kw_only=True)
class Bench:
    """A server with a client: how to send, and how many seconds its processor has worked so far."""

    name: str
    here: bool  # whether the server is in this process
    send: Send
    cpu: Callable[[], float]


@attrs.frozen(kw_only=True)
class Rate:
    """Requests per second of one core, and per second of the wall's clock."""

    core: float
    wall: float


@attrs.frozen(kw_only=True)
class Row:
    """One figure with the least that it should be."""

    what: str
    value: float
    bound: float

    @property
    def good(self) -> bool:
        """Whether the figure keeps its bound."""
        return self.value >= self.bound


def timed(bench: Bench, work: Callable[[], int]) -> Rate:
    """How fast *work* went, which returns the number of its requests."""
    cpu, wall = bench.cpu(), time.perf_counter()
    count = work()
    # A clock that has not moved would make the rate infinite.
    return Rate(core=count / max(bench.cpu() - cpu, 1e-9), wall=count / max(time.perf_counter() - wall, 1e-9))


def operation(bench: Bench, load: Load, name: str) -> Rate:
    """The rate of one operation alone."""

    def work() -> int:
        end, count = time.perf_counter() + _ROW_SECONDS, 0
        while time.perf_counter() < end:
            count += load.run((name,), 10)
        return count

    return timed(bench, work)


def measure(bench: Bench, *, stored: int, requests: int) -> Iterator[Row]:
    """Fill the server, measure it, tire it, and measure it again; print on the way."""
    load = Load(bench.send)
    began = time.perf_counter()
    made = load.fill(stored)
    print(f"\n{bench.name}: {made} objects stored in {time.perf_counter() - began:.1f} s")
    sent_before = load.sent
    fresh = timed(bench, lambda: load.run(MIX, _MEASURED))
    for name in OPERATIONS:
        rate = operation(bench, load, name)
        low = "  (below the bound of the mix)" if rate.core < RATE_BOUND else ""
        print(f"  {name:<36} {rate.core:9.0f}/s a core {rate.wall:9.0f}/s wall{low}")
    while load.sent - sent_before < requests:
        load.run(MIX, len(MIX))
    tired = timed(bench, lambda: load.run(MIX, _MEASURED))
    print(f"  {'the mix at first':<36} {fresh.core:9.0f}/s a core {fresh.wall:9.0f}/s wall")
    text = f"the mix after {requests} requests"
    print(f"  {text:<36} {tired.core:9.0f}/s a core {tired.wall:9.0f}/s wall")
    if bench.here:
        with eager_collection():
            eager = timed(bench, lambda: load.run(MIX, _MEASURED))
        text = "the mix, collector as Python has it"
        print(f"  {text:<36} {eager.core:9.0f}/s a core {eager.wall:9.0f}/s wall")
    yield Row(what=f"{bench.name}: requests/s a core", value=fresh.core, bound=RATE_BOUND)
    yield Row(what=f"{bench.name}: after / at first", value=tired.core / fresh.core, bound=RATIO_BOUND)


def _commit() -> str:
    with contextlib.suppress(OSError, subprocess.CalledProcessError):
        words = ["git", "describe", "--always", "--dirty"]
        return subprocess.run(words, check=True, capture_output=True, text=True).stdout.strip()
    return "unknown commit"


def main(words: list[str]) -> int:
    """Run the benchmark; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m e2e.simkube.bench", description="Measure simkube.")
    parser.add_argument("--stored", type=int, default=STORED, help="objects stored (%(default)s)")
    parser.add_argument("--requests", type=int, default=REQUESTS, help="how many tire it (%(default)s)")
    asked = parser.parse_args(words)
    load_average = os.getloadavg()[0]
    print(f"simkube at {_commit()}, Python {platform.python_version()} on {platform.machine()}, ", end="")
    print(f"{os.cpu_count()} processors, load average {load_average:.1f}")
    shares = [f"{count} x {name}" for name, count in collections.Counter(MIX).items()]
    print(f"the mix: {', '.join(shares)}")
    rows: list[Row] = []
    relax_collection()
    for open_server in (in_process, over_http):
        with open_server() as (name, send, cpu):
            bench = Bench(name=name, send=send, cpu=cpu, here=open_server is in_process)
            rows += measure(bench, stored=asked.stored, requests=asked.requests)
    print()
    for row in rows:
        verdict = "ok" if row.good else "MISSED"
        print(f"{row.what:<40} {row.value:9.2f}  >= {row.bound:<7g} {verdict}")
    return 0 if all(row.good for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
