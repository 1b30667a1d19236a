"""
What the kubelet learns from the probes, and what happens before a stop.

The scripts are run as the kubelet runs them, by bash, against a Jolokia on loopback. Only the port and the
time that a drain may take are changed in the copies that are run.
"""

from __future__ import annotations

import os
from pathlib import Path
import shutil
import socket
import subprocess
import time

import attrs
import pytest

from controller.bootstrap import agents, disk
from controller.bootstrap.asking import Credentials
from controller.bootstrap.node import Paths
from unit_tests.bootstrap.fakejolokia import (
    FakeJolokia,
    drip,
    garbage,
    hang,
    hang_up,
    plain_text,
    serving,
)

STARTUP, READINESS, LIVENESS = "startup-probe.sh", "readiness-probe.sh", "liveness-probe.sh"
PRE_STOP = "pre-stop.sh"
PROGRAMS = (STARTUP, READINESS, LIVENESS, PRE_STOP)
# The shortest time that the kubelet gives any of them by default.
KUBELET_SECONDS = 10.0
CREDENTIALS = Credentials(user="cassandra", password="wi: th 'all\" $(of) it\\")
_MODES = (
    "STARTING",
    "JOINING",
    "JOINING_FAILED",
    "NORMAL",
    "LEAVING",
    "MOVING",
    "DECOMMISSION_FAILED",
    "DECOMMISSIONED",
    "DRAINING",
    "DRAINED",
)


@attrs.frozen
class Script:
    """A finished run: *said* is both of its outputs."""

    code: int
    said: str


def installed(folder: Path, port: int, *, drain_seconds: int = 300) -> Path:
    """Copy the scripts as `bootstrap` does, told to ask *port*."""
    shutil.copytree(Paths().own, folder, dirs_exist_ok=True)
    shared = (folder / "jolokia.sh").read_text()
    assert shared.count("port=8778\n") == 1
    (folder / "jolokia.sh").write_text(shared.replace("port=8778\n", f"port={port}\n"))
    stop = (folder / PRE_STOP).read_text()
    assert stop.count("limit=300\n") == 1
    (folder / PRE_STOP).write_text(stop.replace("limit=300\n", f"limit={drain_seconds}\n"))
    return folder


def begin(
    folder: Path, name: str, *, address: str = "127.0.0.1", command: tuple[str, ...] = ("bash",)
) -> subprocess.Popen[str]:
    """Start a script with no environment but what the pod gives it."""
    return subprocess.Popen(  # noqa: S603 -- our own script
        [*command, str(folder / name)],
        env={"PATH": os.defpath, "POD_IP": address},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def ended(process: subprocess.Popen[str]) -> Script:
    """Wait for a script, no longer than the kubelet would."""
    try:
        said, _ = process.communicate(timeout=KUBELET_SECONDS)
    finally:
        process.kill()
    return Script(process.returncode, said)


def run(folder: Path, name: str, *, address: str = "127.0.0.1") -> Script:
    """Run a script to its end."""
    return ended(begin(folder, name, address=address))


def everything(folder: Path) -> dict[str, Script]:
    """Run the three probes at the same time."""
    running = {name: begin(folder, name) for name in (STARTUP, READINESS, LIVENESS)}
    return {name: ended(process) for name, process in running.items()}


# The modes of a node.


@pytest.mark.parametrize("mode", _MODES)
def test_a_probe_decides_by_the_nodes_own_mode(tmp_path: Path, mode: str) -> None:
    """Started: any mode but STARTING. Ready: NORMAL and nothing else. Alive: all of them."""
    with serving(FakeJolokia(mode=mode)) as fake:
        done = everything(installed(tmp_path, fake.port))

    assert {name: script.code == 0 for name, script in done.items()} == {
        STARTUP: mode != "STARTING",
        READINESS: mode == "NORMAL",
        LIVENESS: True,
    }
    assert all((script.said == "") == (script.code == 0) for script in done.values())
    if mode != "NORMAL":
        assert done[READINESS].said == f"OperationMode is {mode}\n"


def test_a_node_that_takes_no_cql_is_not_ready(tmp_path: Path) -> None:
    """It may be NORMAL for seconds before, and for hours after its native transport was disabled."""
    with serving(FakeJolokia(native=False)) as fake:
        done = everything(installed(tmp_path, fake.port))

    assert done[READINESS] == Script(1, "the native transport is not running\n")
    assert done[STARTUP].code == done[LIVENESS].code == 0


def test_an_agent_without_a_cassandra_is_alive_and_not_started(tmp_path: Path) -> None:
    """Jolokia answers half a second after the JVM has started, seconds before the MBeans are there."""
    with serving(FakeJolokia(mode=None)) as fake:
        done = everything(installed(tmp_path, fake.port))

    assert done[STARTUP] == done[READINESS] == Script(1, "Cassandra is not up yet\n")
    assert done[LIVENESS].code == 0


def test_a_neighbours_address_proves_nothing(tmp_path: Path) -> None:
    """Trap 72: the answer is the node's own mode, not a list in which 10.0.0.10 contains 10.0.0.1."""
    with serving(FakeJolokia(mode="JOINING")) as fake:
        run(installed(tmp_path, fake.port), READINESS)

    assert fake.paths == [
        "/jolokia/read/org.apache.cassandra.db:type=StorageService/OperationMode,NativeTransportRunning"
    ]


# No answer, or no sensible one.


def test_every_script_ends_in_time_when_nothing_answers(tmp_path: Path) -> None:
    """A held agent, one that drips, one that hangs up, another server, nobody: each within the deadline."""
    began = time.monotonic()
    running: dict[str, list[subprocess.Popen[str]]] = {name: [] for name in PROGRAMS}
    with (
        serving(FakeJolokia(reply=hang)) as held,
        serving(FakeJolokia(reply=drip)) as dripping,
        serving(FakeJolokia(reply=hang_up)) as closing,
        serving(FakeJolokia(reply=garbage)) as other,
    ):
        for fake in (held, dripping, closing, other):
            folder = installed(tmp_path / str(fake.port), fake.port)
            for name in PROGRAMS:
                running[name].append(begin(folder, name))
        nobody = installed(tmp_path / "nobody", unused_port())
        for name in PROGRAMS:
            running[name].append(begin(nobody, name))
        done = {name: [ended(process) for process in running[name]] for name in PROGRAMS}

    assert time.monotonic() - began < KUBELET_SECONDS
    for name, scripts in done.items():
        assert [script.code for script in scripts] == [1] * 5, name
        assert all("Jolokia does not answer on 127.0.0.1:" in script.said for script in scripts), name
        # Nothing of bash's own error messages reaches the events of the pod.
        assert all(script.said.count("\n") == 1 for script in scripts), scripts


@pytest.mark.parametrize("status", [500, 503])
def test_an_error_of_the_agent_is_told_with_its_status(tmp_path: Path, status: int) -> None:
    """The process lives, and that is all that is known."""
    with serving(FakeJolokia(reply=lambda _, connection, __: send_error(connection, status))) as fake:
        done = everything(installed(tmp_path, fake.port))

    assert done[STARTUP] == done[READINESS] == Script(1, f"Jolokia gives no answer (HTTP {status})\n")
    assert done[LIVENESS].code == 0


def test_an_answer_that_is_no_json_is_no_value(tmp_path: Path) -> None:
    """Jolokia 2 refuses in plain text."""
    with serving(FakeJolokia(reply=plain_text)) as fake:
        done = everything(installed(tmp_path, fake.port))

    assert [script.code for script in done.values()] == [1, 1, 0]


def test_a_script_without_an_address_says_so(tmp_path: Path) -> None:
    """POD_IP is what the template promises; without it nobody can be asked."""
    for name in PROGRAMS:
        script = run(installed(tmp_path, 1), name, address="")

        assert script.code != 0
        assert "POD_IP: is not set" in script.said


# Credentials.


def with_credentials(folder: Path, credentials: Credentials) -> Path:
    """Give the scripts what `bootstrap` gives them."""
    disk.write(folder / agents.JOLOKIA_HEADER, agents.jolokia_header(credentials), mode=disk.SECRET)
    return folder


def test_the_right_password_opens(tmp_path: Path) -> None:
    """Whatever is in it: it goes from a file into the request, through no shell word."""
    with serving(FakeJolokia(header=CREDENTIALS.header)) as fake:
        done = everything(with_credentials(installed(tmp_path, fake.port), CREDENTIALS))

    assert [script.code for script in done.values()] == [0, 0, 0]


def test_a_wrong_password_is_named_and_not_shown(tmp_path: Path) -> None:
    """A refused probe is no reason to restart: that would help nobody, and would hide the cause."""
    wrong = Credentials(user="cassandra", password="outdated")
    with serving(FakeJolokia(header=CREDENTIALS.header)) as fake:
        folder = with_credentials(installed(tmp_path, fake.port), wrong)
        done = everything(folder)
        stop = run(folder, PRE_STOP)

    says = "Jolokia does not accept the credentials of this pod (HTTP 401)\n"
    assert done[STARTUP] == done[READINESS] == Script(1, says)
    assert done[LIVENESS].code == 0
    assert stop == Script(1, f"not drained: {says}")
    assert wrong.header.split()[1] not in "".join(script.said for script in done.values())


# Drain.


@pytest.mark.parametrize("mode", ["NORMAL", "LEAVING", "MOVING", "DECOMMISSION_FAILED"])
def test_a_member_is_drained_before_it_stops(tmp_path: Path, mode: str) -> None:
    """Trap 74: it takes no more requests, and its memtables are on disk."""
    with serving(FakeJolokia(mode=mode, header=CREDENTIALS.header)) as fake:
        script = run(with_credentials(installed(tmp_path, fake.port), CREDENTIALS), PRE_STOP)

    assert script == Script(0, "")
    assert fake.mode == "DRAINED"
    assert len([path for path in fake.paths if path.endswith("/drain")]) == 1


@pytest.mark.parametrize("mode", ["STARTING", "JOINING", "DECOMMISSIONED", "DRAINING", "DRAINED"])
def test_what_is_no_member_is_left_alone(tmp_path: Path, mode: str) -> None:
    """A drain there would be refused, or would do nothing."""
    with serving(FakeJolokia(mode=mode)) as fake:
        script = run(installed(tmp_path, fake.port), PRE_STOP)

    assert script == Script(0, f"nothing to drain: OperationMode is {mode}\n")
    assert not any("/exec/" in path for path in fake.paths)


def test_a_drain_that_does_not_end_is_given_up(tmp_path: Path) -> None:
    """The node is stopped all the same; its commit log has what was not flushed."""

    def slow(fake: FakeJolokia, connection: socket.socket, request: str) -> None:
        (hang if "/exec/" in fake.paths[-1] else FakeJolokia.answer)(fake, connection, request)

    with serving(FakeJolokia(reply=slow)) as fake:
        script = run(installed(tmp_path, fake.port, drain_seconds=1), PRE_STOP)

    assert script == Script(1, "not drained within 1 s\n")


def test_a_refused_drain_is_told(tmp_path: Path) -> None:
    """The kubelet shows it as an event of the pod."""
    refusal = '{"error_type":"java.io.IOException","error":"java.io.IOException : no","status":500}'
    with serving(FakeJolokia(drain=refusal)) as fake:
        script = run(installed(tmp_path, fake.port), PRE_STOP)

    assert script == Script(1, "not drained: Jolokia refused it (HTTP 200)\n")


# How the kubelet calls them.


@pytest.mark.parametrize("command", [(), ("/bin/bash",), ("/bin/bash", "-c"), ("sh", "-c"), ("dash", "-c")])
def test_however_a_script_is_called_it_is_bash_that_runs_it(tmp_path: Path, command: tuple[str, ...]) -> None:
    """CassKop's template calls it by `bash -c`; its first line decides whatever shell stands before it."""
    if command and shutil.which(command[0]) is None:
        command = ("sh", "-c")  # a machine without dash has another sh
    with serving(FakeJolokia()) as fake:
        script = ended(begin(installed(tmp_path, fake.port), READINESS, command=command))

    assert script == Script(0, "")


def test_a_script_leaves_no_process_behind(tmp_path: Path) -> None:
    """It starts none: Cassandra, the first process of its container, collects no orphans."""
    shell_words = "".join((Paths().own / name).read_text() for name in (*PROGRAMS, "jolokia.sh"))

    assert "$(" not in shell_words
    assert "`" not in "".join(line for line in shell_words.splitlines() if not line.startswith("#"))
    with serving(FakeJolokia(reply=hang)) as fake:
        process = begin(installed(tmp_path, fake.port), LIVENESS)
        while not fake.requests:
            time.sleep(0.01)
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
        process.kill()
        process.communicate()

    assert children == []


def unused_port() -> int:
    """Return a port that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
    return port


def send_error(connection: socket.socket, status: int) -> None:
    """Answer with nothing but a status."""
    connection.sendall(f"HTTP/1.1 {status} X\r\n\r\n".encode())
