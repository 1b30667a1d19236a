"""
Processes that stay: started in their own session, recorded, and ended by exactly that record.

A record names a process by its id, its start time and the machine's boot, so a number that the
kernel has since given to somebody else is never signalled.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
import contextlib
import dataclasses
from dataclasses import dataclass
import json
import os
from pathlib import Path
import signal
import subprocess
import time
from typing import Self

from e2e.cluster.layout import State

# Whom we started: they outlive us, and without an owner Python would call each of them a leak.
_STARTED: list[subprocess.Popen[bytes]] = []


@dataclass(frozen=True, kw_only=True)
class Process:
    """One process as the kernel knew it when it was looked at."""

    pid: int
    started: int  # clock ticks since boot: with the pid and the boot, a name used only once
    boot: str

    @classmethod
    def look(cls, pid: int) -> Self | None:
        """The process that has *pid* now, or None; one that only waits to be reaped is none."""
        try:
            stat = Path(f"/proc/{pid}/stat").read_text()
        except OSError:
            return None
        state, started = parse_stat(stat)
        return None if state in "ZX" else cls(pid=pid, started=started, boot=boot_id())

    @property
    def alive(self) -> bool:
        """Whether this very process still runs."""
        return Process.look(self.pid) == self

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to this process, or do nothing if it is gone."""
        if self.alive:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, number)


def parse_stat(text: str) -> tuple[str, int]:
    """Return the state letter and the start time from the text of ``/proc/PID/stat``."""
    # The second field is the program's name in brackets, and a name may hold both.
    fields = text.rpartition(")")[2].split()
    return fields[0], int(fields[19])


def boot_id() -> str:
    """What tells this boot of the machine from every other."""
    return Path("/proc/sys/kernel/random/boot_id").read_text().strip()


def start(state: State, name: str, argv: Iterable[str | Path], *, namespace: str = "") -> Process:
    """
    Start a program that stays, with its output in ``logs/NAME.log``, and record it.

    *namespace* is a network namespace to run it in. ``ip netns exec`` would hide the cgroups
    behind a fresh /sys, so it is entered by nsenter, which then becomes the program itself.
    """
    words = [str(word) for word in argv]
    if namespace:
        words = ["nsenter", f"--net=/run/netns/{namespace}", *words]
    state.logs.mkdir(parents=True, exist_ok=True)
    state.pids.mkdir(parents=True, exist_ok=True)
    with (state.logs / f"{name}.log").open("ab") as log:
        child = subprocess.Popen(
            words,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd=state.root,
            start_new_session=True,
        )
    _STARTED.append(child)
    process = Process.look(child.pid) or Process(pid=child.pid, started=-1, boot=boot_id())
    record = state.pids / f"{name}.json"
    record.write_text(json.dumps(dataclasses.asdict(process) | {"argv": words}))
    return process


def recorded(state: State) -> dict[str, Process]:
    """Every process that was started for *state*, by name, dead or alive."""
    found = {}
    for file in sorted(state.pids.glob("*.json")):
        with contextlib.suppress(ValueError, KeyError):  # cut off by a crash while it was written
            said = json.loads(file.read_text())
            found[file.stem] = Process(pid=said["pid"], started=said["started"], boot=said["boot"])
    return found


def kill(processes: Iterable[Process]) -> None:
    """Kill the processes and wait until they are gone."""
    left = list(processes)
    for process in left:
        process.signal(signal.SIGKILL)
    deadline = time.monotonic() + 10
    while left and time.monotonic() < deadline:
        left = [process for process in left if _still_there(process)]
        time.sleep(0.02)


def find(programs: Iterable[str], mark: Path) -> Iterator[tuple[Process, list[str]]]:
    """
    The processes of *programs* (names of executables) that have the path *mark* in an argument.

    It is for what a crash left without a record: somebody's editor that has a file of ours open
    is not one of *programs*, and another cluster's containerd does not have our path.
    """
    wanted = set(programs)
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            words = (folder / "cmdline").read_bytes().decode(errors="replace").split("\0")
            ours = Path(words[0]).name in wanted and any(str(mark) in word for word in words)
            process = Process.look(int(folder.name)) if ours else None
            if process:
                yield process, words


def _still_there(process: Process) -> bool:
    with contextlib.suppress(ChildProcessError):
        os.waitpid(process.pid, os.WNOHANG)  # our own children stay zombies until reaped
    return process.alive
