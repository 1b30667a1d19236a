"""A container in which `bootstrap` can be run: folders, a clock that is stepped, and seeds that are told."""

from __future__ import annotations

from collections.abc import Mapping
import json
from pathlib import Path

import attrs

from controller.bootstrap.node import Paths, Preparation, World, read_settings
from controller.bootstrap.seeds import Reach, Seen
from unit_tests.bootstrap.imagefiles import IMAGES, rendered

POD = "demo-dc1-rack1-0"
SEEDS = ("demo-dc1-rack1-0.demo.ns", "demo-dc1-rack2-0.demo.ns")
NORMAL = Seen(reach=Reach.ANSWERS, mode="NORMAL")
UNRESOLVED = Seen(reach=Reach.UNRESOLVED)
SSTABLE = "system/local-7ad54392bcdd35a684174e047860b377/nb-1-big-Data.db"
ENVIRONMENT = {
    "POD_NAME": POD,
    "POD_NAMESPACE": "ns",
    "POD_IP": "10.0.0.7",
    "CASSANDRA_SEEDS": ",".join(SEEDS),
}
CREDENTIALS = {
    "CASSANDRA_AUTH_JOLOKIA": "true",
    "JOLOKIA_USER": "casskop",
    "JOLOKIA_PASSWORD": "canary-4711",
}


@attrs.define
class Bench:
    """
    One pod's init container `bootstrap`, below *root*, after `config-builder` has been there.

    *seen* is what is seen of every other seed, from the second of the key on; *records* is what the operator
    records after the container has begun to wait.
    """

    root: Path
    image: str = "5.0"
    seen: dict[float, Seen] = attrs.field(factory=lambda: {0.0: UNRESOLVED})
    records: dict[float, tuple[str, ...]] = attrs.field(factory=dict)
    now: float = 0.0
    said: list[str] = attrs.field(factory=list)
    asked: list[tuple[str, ...]] = attrs.field(factory=list)

    def __attrs_post_init__(self) -> None:
        for folder in ("conf", "data", "agents", "scripts", "ring"):
            (self.root / folder).mkdir(parents=True)
        for name, text in (dict(IMAGES[self.image]) | dict(rendered(self.image).files)).items():
            (self.paths.conf / name).write_text(text)
        (self.paths.agents / "jolokia-jvm-1.7.2.jar").write_bytes(b"jolokia")
        (self.paths.agents / "jmx_prometheus_javaagent-1.0.1.jar").write_bytes(b"metrics")
        self.paths.termination_log.write_text("")

    @property
    def paths(self) -> Paths:
        """Where the container's folders are."""
        return Paths(
            conf=self.root / "conf",
            libraries=self.root / "libraries",
            tools=self.root / "tools",
            scripts=self.root / "scripts",
            joined=self.root / "ring" / "joined",
            replaces=self.root / "ring" / "replaces",
            data=self.root / "data",
            agents=self.root / "agents",
            termination_log=self.root / "termination-log",
        )

    def join(self, *pods: str) -> None:
        """Let the operator record *pods*."""
        self.paths.joined.write_text(json.dumps(pods))

    def has_run(self) -> None:
        """Leave what a node leaves on its disk."""
        sstable = self.paths.data / "data" / SSTABLE
        sstable.parent.mkdir(parents=True)
        sstable.touch()

    def script(self, name: str, text: str, *, mode: int = 0o755) -> None:
        """Put a script of the user's into the ConfigMap."""
        path = self.paths.scripts / name
        path.write_text(text)
        path.chmod(mode)

    def run(self, **changes: str) -> int:
        """Run `bootstrap` with *changes* of its environment; return the exit code."""
        settings = read_settings(ENVIRONMENT | changes)
        world = World(clock=lambda: self.now, sleep=self.sleep, ask=self.ask, say=self.said.append)
        return Preparation(settings=settings, paths=self.paths, world=world).run()

    def sleep(self, seconds: float) -> None:
        """Let time pass."""
        self.now += seconds
        for moment, pods in self.records.items():
            if moment <= self.now:
                self.join(*pods)

    def ask(self, seeds: tuple[str, ...]) -> Mapping[str, Seen]:
        """Say what is seen of *seeds* now."""
        self.asked.append(seeds)
        since = max(moment for moment in self.seen if moment <= self.now)
        return dict.fromkeys(seeds, self.seen[since])

    def conf(self, name: str) -> str:
        """Return a file of the configuration."""
        return (self.paths.conf / name).read_text()

    @property
    def last_words(self) -> str:
        """What the kubelet will find."""
        return self.paths.termination_log.read_text()

    def texts(self) -> dict[str, bytes]:
        """Return all files that `bootstrap` may write, by their path."""
        folders = (self.paths.conf, self.paths.libraries)
        files = (file for folder in folders for file in sorted(folder.rglob("*")) if file.is_file())
        return {str(file.relative_to(self.root)): file.read_bytes() for file in files}
