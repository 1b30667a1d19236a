"""
`casskop bootstrap`: the init container that prepares a node to be started.

In this order: it installs probes, agents and their settings; runs the user's pre_run.sh; finds out whether
and with which seeds the node may start, waiting for a seed if need be; writes seeds, agents and a
replacement into the configuration; runs the user's post_run.sh. Run again, it leaves the same files.

It exits with 1 and the reason when the node must not start; the kubelet then runs it again. A script that
ends with an exit code of its own is warned of and does not keep the node from starting.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
import os
from pathlib import Path
import re
import signal
import subprocess
import sys
import time

import attrs

from controller.bootstrap import agents, disk, ondisk, replacement, yamlfile
from controller.bootstrap.asking import Asking, Credentials
from controller.bootstrap.cassandrayaml import SEED_PROVIDER, seed_provider
from controller.bootstrap.joined import read_joined, read_replaces
from controller.bootstrap.refusal import RefusedError, bugs_told
from controller.bootstrap.seeds import Data, Me, Refuse, Seen, Situation, Start, WaitForSeeds, decide_seeds

_NAME = "bootstrap"
_LOOK_SECONDS = 2.0
_SAY_SECONDS = 10.0
_PROGRAMS = ("startup-probe.sh", "readiness-probe.sh", "liveness-probe.sh", "pre-stop.sh")
_TEXTS = ("jolokia.sh", agents.METRICS_RULES)
# What a shell's exit code says of a command that did not even begin.
_NOT_RUN = {126: "a command in it cannot be run", 127: "a command in it was not found"}
_JARS = {agents.JOLOKIA_JAR: "jolokia-jvm-*.jar", agents.METRICS_JAR: "jmx_prometheus_javaagent-*.jar"}


@attrs.frozen(kw_only=True)
class Paths:
    """Where things are in the container."""

    conf: Path = Path("/etc/cassandra")
    libraries: Path = Path("/extra-lib")
    tools: Path = Path("/opt/bin")
    scripts: Path = Path("/configmap")
    joined: Path = Path("/ring/joined")
    replaces: Path = Path("/ring/replaces")
    data: Path = Path("/var/lib/cassandra")
    agents: Path = Path("/opt/casskop/agents")
    own: Path = Path(__file__).parent / "files"
    termination_log: Path = disk.TERMINATION_LOG


@attrs.frozen(kw_only=True)
class Settings:
    """What the environment says; *replaces* is a dead node's address, or ""."""

    me: Me
    seeds: tuple[str, ...]
    credentials: Credentials | None
    seed_provider: str
    replaces: str
    jolokia: bool
    metrics: bool


@attrs.frozen(kw_only=True)
class World:
    """What time it is, what the seeds look like, and who listens."""

    clock: Callable[[], float]
    sleep: Callable[[float], None]
    ask: Callable[[tuple[str, ...]], Mapping[str, Seen]]
    say: Callable[[str], object]


def main(paths: Paths | None = None) -> int:
    """Prepare the node from the environment; return the exit code. *paths* are those of a container."""
    paths = paths or Paths()
    # The first process of a container is not ended by TERM unless it says so, and pods may wait long.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    with bugs_told(paths.termination_log):
        try:
            settings = read_settings(os.environ)
        except RefusedError as error:
            return _refused(str(error), _to_stdout, paths.termination_log)
        asking = Asking(credentials=settings.credentials)
        world = World(clock=time.monotonic, sleep=time.sleep, ask=asking.all, say=_to_stdout)
        return Preparation(settings=settings, paths=paths, world=world).run()


def read_settings(environment: Mapping[str, str]) -> Settings:
    """Return the settings. Raises `RefusedError` naming the variable that is wrong."""
    pod = environment.get("POD_NAME") or environment.get("HOSTNAME", "")
    me = Me(
        pod=pod, namespace=environment.get("POD_NAMESPACE", ""), address=environment.get("POD_IP", "").strip()
    )
    if not me.pod or not me.address:
        raise RefusedError("POD_IP and POD_NAME have to be set")
    return Settings(
        me=me,
        seeds=tuple(seed for seed in re.split(r"[,\s]+", environment.get("CASSANDRA_SEEDS", "")) if seed),
        credentials=_credentials(environment),
        seed_provider=environment.get("CASSANDRA_SEED_PROVIDER") or SEED_PROVIDER,
        replaces=replacement.address_in(environment.get(replacement.VARIABLE, ""), replacement.VARIABLE),
        jolokia=_yes(environment, "CASSANDRA_ENABLE_JOLOKIA", default=True),
        metrics=_yes(environment, "CASSANDRA_EXPORTER_AGENT", default=True),
    )


def _credentials(environment: Mapping[str, str]) -> Credentials | None:
    if not _yes(environment, "CASSANDRA_AUTH_JOLOKIA", default=False):
        return None
    user, password = environment.get("JOLOKIA_USER", ""), environment.get("JOLOKIA_PASSWORD", "")
    if not user or not password:
        raise RefusedError("CASSANDRA_AUTH_JOLOKIA is true, but JOLOKIA_USER or JOLOKIA_PASSWORD is empty")
    if ":" in user:
        raise RefusedError("JOLOKIA_USER has a colon in it, which basic authentication cannot carry")
    return Credentials(user=user, password=password)


def _yes(environment: Mapping[str, str], name: str, *, default: bool) -> bool:
    text = environment.get(name, "").strip().lower()
    if text not in ("", "true", "false"):
        raise RefusedError(f"{name} has to be true or false")
    return text == "true" if text else default


def _to_stdout(line: str) -> None:
    # Flushed: the log has to show what the container waits for while it waits.
    sys.stdout.write(line)
    sys.stdout.flush()


def _refused(line: str, say: Callable[[str], object], termination_log: Path) -> int:
    say(f"{_NAME}: {line}\n")
    disk.leave_word((line,), termination_log)
    return 1


@attrs.frozen(kw_only=True)
class Preparation:
    """The steps of one run."""

    settings: Settings
    paths: Paths
    world: World

    def run(self) -> int:
        """Take all steps in order; return the exit code."""
        try:
            self._install()
            self._users_script("pre_run.sh")
            start, replaced = self._wait_for_leave(self._replaced())
            self._configure(start.seeds, replaced)
            self._users_script("post_run.sh")
        except RefusedError as error:
            return _refused(str(error), self.world.say, self.paths.termination_log)
        except (OSError, UnicodeDecodeError, yamlfile.YamlError) as error:
            return _refused(f"failed: {error}", self.world.say, self.paths.termination_log)
        self._say(f"ready to start with seeds {','.join(start.seeds)}")
        return 0

    def _say(self, line: str) -> None:
        self.world.say(f"{_NAME}: {line}\n")

    def _install(self) -> None:
        """Put probes, agents and what they read in their places."""
        paths, credentials = self.paths, self.settings.credentials
        for name in (*_PROGRAMS, *_TEXTS):
            mode = disk.PROGRAM if name in _PROGRAMS else disk.PLAIN
            disk.write(paths.conf / name, (paths.own / name).read_bytes(), mode=mode)
        for name, pattern in _JARS.items():
            found = sorted(paths.agents.glob(pattern))
            if len(found) != 1:
                raise RefusedError(f"{paths.agents} has to hold one {pattern}, and holds {len(found)}")
            disk.write(paths.libraries / name, found[0].read_bytes())
        jolokia = agents.jolokia_settings(self.settings.me.address, credentials)
        disk.write(paths.conf / agents.JOLOKIA_SETTINGS, jolokia, mode=disk.SECRET)
        header = paths.conf / agents.JOLOKIA_HEADER
        if credentials is None:
            header.unlink(missing_ok=True)
            self._say(
                "warning: Jolokia asks nobody for a password; set spec.imageJolokiaSecret to change that"
            )
        else:
            disk.write(header, agents.jolokia_header(credentials), mode=disk.SECRET)

    def _users_script(self, name: str) -> None:
        """Run a script of the user's, if there is one; what it prints goes where our lines go.

        Its exit code is that of its last line, which CassKop does not look at: a line that is meant for one
        pod, `test "$(hostname)" = … && …`, ends with 1 on all others. Raises `RefusedError` if the script
        was killed, or if that last line could not be run at all.
        """
        script = self.paths.scripts / name
        if not script.exists():
            return
        self._say(f"running {name}")
        environment = os.environ | {
            "CASSANDRA_CONF": str(self.paths.conf),
            "CASSANDRA_LIBS": str(self.paths.libraries),
            "CASSANDRA_TOOLS": str(self.paths.tools),
            "CONFIGMAP": str(self.paths.scripts),
            # Where those of the image are before they are put there. It has no tools besides.
            "BOOTSTRAP_CONF": str(self.paths.own),
            "BOOTSTRAP_LIBS": str(self.paths.agents),
            "BOOTSTRAP_TOOLS": str(self.paths.tools),
        }
        try:
            done = subprocess.run([script], env=environment, check=False)  # noqa: S603 -- the user's own
        except OSError:
            # Without an interpreter named in it, or without leave to be executed.
            done = subprocess.run(["/bin/sh", script], env=environment, check=False)  # noqa: S603 -- as above
        if done.returncode < 0:
            raise RefusedError(f"{name} was ended by signal {-done.returncode}")
        if done.returncode in _NOT_RUN:
            why = _NOT_RUN[done.returncode]
            raise RefusedError(f"{name} ended with exit code {done.returncode}: {why}; the log has which")
        if done.returncode:
            self._say(f"warning: {name} ended with exit code {done.returncode}")

    def _wait_for_leave(self, named: str) -> tuple[Start, str]:
        """Look around until it is decided whether the node may start, and whose place it takes.

        What is *named* by the user counts; else, for a node without data, what the operator has recorded.
        """
        settings, world = self.settings, self.world
        data = ondisk.look(yamlfile.load(self._conf("cassandra.yaml")), self.paths.data)
        others = tuple(seed for seed in settings.seeds if not settings.me.is_named(seed))
        began = world.clock()
        told: float | None = None
        while True:
            seen = world.ask(others)
            now = world.clock()
            replaced = named or (self._recorded() if data is Data.NONE else "")
            decision = decide_seeds(
                Situation(
                    me=settings.me,
                    seeds=settings.seeds,
                    data=data,
                    joined=read_joined(disk.read(self.paths.joined)),
                    others=seen,
                    replacing=bool(replaced),
                    waited=now - began,
                )
            )
            match decision:
                case Start(why=why):
                    self._say(f"may start: {why}")
                    return decision, replaced
                case Refuse(why=why):
                    raise RefusedError(f"must not start: {why}")
                case WaitForSeeds(why=why):
                    if told is None or now - told >= _SAY_SECONDS:
                        self._say(f"waits ({now - began:.0f} s): {why}")
                        told = now
                    world.sleep(_LOOK_SECONDS)

    def _configure(self, seeds: tuple[str, ...], replaced: str) -> None:
        """Write what has been decided into the configuration."""
        self._write_seeds(seeds)
        script = agents.with_agents(
            self._conf("cassandra-env.sh"),
            conf=str(self.paths.conf),
            libraries=str(self.paths.libraries),
            jolokia=self.settings.jolokia,
            metrics=self.settings.metrics,
        )
        disk.write(self.paths.conf / "cassandra-env.sh", script)
        self._write_replacement(replaced)

    def _write_seeds(self, seeds: tuple[str, ...]) -> None:
        text = self._conf("cassandra.yaml")
        parameters = yamlfile.load(text)
        parameters["seed_provider"] = seed_provider(",".join(seeds), self.settings.seed_provider)
        disk.write(self.paths.conf / "cassandra.yaml", yamlfile.dump(parameters, head=yamlfile.head_of(text)))

    def _replaced(self) -> str:
        """Return the address of the dead node that this one replaces, "" if it replaces none."""
        named = {self.settings.replaces} | {
            replacement.written_by_script(text, name)
            for name in replacement.OPTIONS
            if (text := disk.read(self.paths.conf / name)) is not None
        }
        named.discard("")
        if len(named) > 1:
            raise RefusedError(f"it cannot replace more than one node: {', '.join(sorted(named))}")
        return named.pop() if named else ""

    def _recorded(self) -> str:
        """Return the address of the dead node whose place this one takes by the operator's record, or ""."""
        return read_replaces(disk.read(self.paths.replaces)).get(self.settings.me.pod, "")

    def _write_replacement(self, address: str) -> None:
        """Name the dead node in the file that this version reads; Cassandra heeds it on its first start."""
        for name in replacement.OPTIONS:
            path = self.paths.conf / name
            text = disk.read(path)
            if text is None:
                continue
            changed = replacement.with_replacement(text, address)
            if changed != text:
                disk.write(path, changed)
            if address:
                self._say(f"replaces {address}, as {name} tells Cassandra on its first start")
            return
        if address:
            raise RefusedError(
                f"replacing {address} needs {' or '.join(replacement.OPTIONS)}, and there is none"
            )

    def _conf(self, name: str) -> str:
        text = disk.read(self.paths.conf / name)
        if text is None:
            raise RefusedError(f"{self.paths.conf} has no {name}; the Cassandra image has to bring one")
        return text
