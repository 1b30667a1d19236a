"""
Measure the API server: ``python -m e2e.simkube.bench``.

It stores 10,000 objects and lets one client send what an operator and the controllers beside it send,
some watches open all the time. It prints requests per second of one core, that is by the server's
processor time, so that a busy machine does not make it look slower than it is; the wall's figure stands
beside it. In-process the client's work is in the figure; over HTTP the server is a process of its own and
only its work is counted. After 100,000 requests a second server of the same size is started, and both are
measured in turn: what else the machine does strikes both alike.

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
import statistics
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
_ROUNDS, _ROUND = 7, 2_000
_ROW_SECONDS = 1.0


@attrs.frozen(kw_only=True)
class Bench:
    """A server with a client: how to send, and how many seconds its processor has worked so far."""

    name: str
    here: bool  # whether the server is in this process
    send: Send
    cpu: Callable[[], float]


Opener = Callable[[], contextlib.AbstractContextManager[Bench]]


@contextlib.contextmanager
def _in_process() -> Iterator[Bench]:
    with in_process() as (send, cpu):
        yield Bench(name="in-process", send=send, cpu=cpu, here=True)


@contextlib.contextmanager
def _over_http() -> Iterator[Bench]:
    with over_http() as (send, cpu):
        yield Bench(name="over HTTP", send=send, cpu=cpu, here=False)


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


def measure(opened: Opener, *, stored: int, requests: int) -> Iterator[Row]:
    """Fill a server, measure it, tire it, and measure it against a fresh one; print on the way."""
    with opened() as bench:
        load = _filled(bench, stored)
        first = timed(bench, lambda: load.run(MIX, _MEASURED))
        for name in OPERATIONS:
            _print(name, operation(bench, load, name))
        _print("the mix", first)
        if bench.here:
            with eager_collection():
                _print("the mix, collector as Python has it", timed(bench, lambda: load.run(MIX, _MEASURED)))
        while load.sent < requests:
            load.run(MIX, len(MIX))
        with opened() as other:
            fresh = _filled(other, stored)
            pairs = [
                (
                    timed(bench, lambda: load.run(MIX, _ROUND)).core,
                    timed(other, lambda: fresh.run(MIX, _ROUND)).core,
                )
                for _ in range(_ROUNDS)
            ]
    ratios = [tired / new for tired, new in pairs]
    shown = " ".join(f"{ratio:.2f}" for ratio in ratios)
    print(f"  after {load.sent} requests / fresh, turn about: {shown}")
    yield Row(what=f"{bench.name}: requests/s a core", value=first.core, bound=RATE_BOUND)
    yield Row(what=f"{bench.name}: after / fresh, median", value=statistics.median(ratios), bound=RATIO_BOUND)


def _filled(bench: Bench, stored: int) -> Load:
    load = Load(bench.send)
    began = time.perf_counter()
    made = load.fill(stored)
    print(f"\n{bench.name}: {made} objects stored in {time.perf_counter() - began:.1f} s")
    return load


def _print(name: str, rate: Rate) -> None:
    low = "  (below the bound of the mix)" if rate.core < RATE_BOUND else ""
    print(f"  {name:<36} {rate.core:9.0f}/s a core {rate.wall:9.0f}/s wall{low}")


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
    print(f"simkube at {_commit()}, Python {platform.python_version()} on {platform.machine()}, ", end="")
    print(f"{os.cpu_count()} processors, load average {os.getloadavg()[0]:.1f}")
    shares = [f"{count} x {name}" for name, count in collections.Counter(MIX).items()]
    print(f"the mix: {', '.join(shares)}")
    rows: list[Row] = []
    relax_collection()
    for opened in (_in_process, _over_http):
        rows += measure(opened, stored=asked.stored, requests=asked.requests)
    print()
    for row in rows:
        verdict = "ok" if row.good else "MISSED"
        print(f"{row.what:<40} {row.value:9.2f}  >= {row.bound:<7g} {verdict}")
    return 0 if all(row.good for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
