"""How long a thread that is ready to run waits for a processor: what other work costs a benchmark."""

from __future__ import annotations

from pathlib import Path
import threading
import time

# How often the thread wants to run: often enough to meet each long wait of the others.
_NAP_SECONDS = 0.005
_STATISTICS = Path("/proc/thread-self/schedstat")


class Starved:
    """A daemon thread that does next to nothing, and notes by the kernel's account how long it waited."""

    def __init__(self) -> None:
        self._longest = 0.0
        self.known = _STATISTICS.exists()
        if self.known:
            threading.Thread(target=self._run, name="starved", daemon=True).start()

    def longest(self) -> float:
        """Return the longest wait since the last time, in seconds; 0 where the kernel does not tell."""
        longest, self._longest = self._longest, 0.0
        return longest

    def _run(self) -> None:
        with _STATISTICS.open() as file:
            before = _waited(file.read())
            while True:
                time.sleep(_NAP_SECONDS)
                file.seek(0)
                now = _waited(file.read())
                self._longest = max(self._longest, now - before)
                before = now


def _waited(statistics: str) -> float:
    """Return the seconds in which the thread was ready and did not run: the second number, in nanoseconds."""
    return int(statistics.split()[1]) / 1e9
