"""Kubectl as a user runs it, for facts: what it prints, how it ends, and never without a deadline."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
import contextlib
import json
import os
from pathlib import Path
import shutil
import subprocess
import threading
import time
from typing import Any

import attrs

from e2e.cluster.layout import cache_folder
from e2e.contract.client import PATIENCE, Object

# Kubectl waits as long as it is told to; what hangs is a fault.
_DEADLINE = 60.0


def command() -> tuple[str, ...] | None:
    """How kubectl is started: the cluster's own binary if one is built, else what is on PATH."""
    built = sorted(cache_folder().glob("bin/kube-*/kube"), key=lambda path: path.stat().st_mtime)
    if built:
        return (str(built[-1]), "kubectl")
    found = shutil.which("kubectl")
    return (found,) if found else None


@attrs.frozen(kw_only=True)
class Said:
    """How a call of kubectl ended."""

    code: int
    out: str
    err: str

    @property
    def rows(self) -> list[list[str]]:
        """The words of each line, without empty lines."""
        return [line.split() for line in self.out.splitlines() if line.strip()]


@attrs.frozen(kw_only=True)
class Kubectl:
    """Kubectl with a namespace; *home* is a folder of its own for its caches."""

    command: tuple[str, ...]
    kubeconfig: Path
    namespace: str
    home: Path

    def run(self, *words: str, given: Any = None, env: Mapping[str, str] | None = None) -> Said:
        """Run it, with *given* on its standard input: text as it is, anything else as JSON."""
        text = given if isinstance(given, str) or given is None else json.dumps(given)
        done = subprocess.run(
            self._words(words),
            input=text,
            capture_output=True,
            text=True,
            timeout=_DEADLINE,
            check=False,
            env={**self._environment, **(env or {})},
        )
        return Said(code=done.returncode, out=done.stdout, err=done.stderr)

    def does(self, *words: str, given: Any = None, env: Mapping[str, str] | None = None) -> str:
        """Run it, and return what it prints; AssertionError if it fails."""
        said = self.run(*words, given=given, env=env)
        assert said.code == 0, f"kubectl {' '.join(words)}: {said.err or said.out}"
        return said.out.strip()

    def get(self, *words: str) -> Object:
        """What `get WORDS -o json` prints."""
        return dict(json.loads(self.does("get", *words, "-o", "json")))

    @contextlib.contextmanager
    def running(self, *words: str) -> Iterator[Running]:
        """Start it, and stop it at the end."""
        process = subprocess.Popen(
            self._words(words),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env=self._environment,
        )
        running = Running(process)
        try:
            yield running
        finally:
            process.kill()
            process.wait()
            running.close()

    def _words(self, words: tuple[str, ...]) -> list[str]:
        cache = f"--cache-dir={self.home / 'cache'}"
        place = [f"--kubeconfig={self.kubeconfig}", f"--namespace={self.namespace}", cache]
        # Words that follow `--` are no longer options, so the options come first.
        return [*self.command, *place, *words]

    @property
    def _environment(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("KUBE")}
        return {**kept, "HOME": str(self.home)}


class Running:
    """A kubectl that runs, its lines collected by a thread."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        self._lines: list[str] = []
        self._news = threading.Condition()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            with self._news:
                self._lines.append(line.rstrip("\n"))
                self._news.notify_all()
        with self._news:
            self._news.notify_all()

    def lines(self, count: int) -> list[str]:
        """The first *count* lines; AssertionError if they do not come in time."""
        with self._news:
            enough = self._news.wait_for(lambda: len(self._lines) >= count, timeout=PATIENCE)
            assert enough, f"only these came: {self._lines}"
            return self._lines[:count]

    def ends(self) -> int:
        """The exit code; AssertionError if it runs on."""
        end = time.monotonic() + PATIENCE
        with contextlib.suppress(subprocess.TimeoutExpired):
            return self._process.wait(timeout=end - time.monotonic())
        raise AssertionError(f"kubectl did not end: {self._lines}")

    def close(self) -> None:
        """Close the pipe, after the process has ended."""
        self._reader.join()
        assert self._process.stdout is not None
        self._process.stdout.close()
