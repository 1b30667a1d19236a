"""The demo on the simulator, and its recording."""

from __future__ import annotations

import contextlib
import socket
from xml.etree import ElementTree as ET

import pytest

from e2e.demo import sim
from e2e.demo.__main__ import main
from e2e.demo.recording import Frame, Recorder, svg
from e2e.demo.screen import Screen
from e2e.providers.simulated import SimulatedCluster


@pytest.fixture(scope="module")
def shown() -> list[Frame]:
    """All pictures of a whole demo."""
    cluster = sim.six_nodes()
    screen = Recorder(lambda: cluster.simulation.now)
    sim.Demo(SimulatedCluster(cluster), screen, contextlib.nullcontext(), lambda: cluster.run(0.5)).show()
    return screen.frames


def test_every_step_of_the_demo_comes_about(shown: list[Frame]) -> None:
    """It ends with six nodes that serve; on the way each was restarted, and one was down and said to be."""
    assert shown[-1].lines[0] == "demo: Running, 6 of 6 nodes, Ready"
    restarted = {words[1] for f in shown for line in f.lines if (words := line.split())[0] == "RestartPod:"}
    assert len(restarted) == 6
    assert any("degraded: " in line for frame in shown for line in frame.lines)


def test_the_demo_shows_each_action_with_its_reason(shown: list[Frame]) -> None:
    """Somebody who watches reads why each rack got its node."""
    lines = {line.strip() for frame in shown for line in frame.lines}

    assert "ApplyStatefulSet: rack dc1-rack1 gets its first node: the ring begins with it" in lines
    assert any("rack dc1-rack3 grows to 2 of 2 nodes" in line for line in lines)


def test_the_recording_shows_one_picture_at_a_time() -> None:
    """The SVG is well-formed, and the shares of time that its pictures are seen add up to all of it."""
    frames = [Frame(0, "begin", ("a & b",)), Frame(4, "<then>", ("c",)), Frame(9, "end", ("d", "    e"))]

    root = ET.fromstring(svg(frames))  # noqa: S314 -- our own text

    space = "{http://www.w3.org/2000/svg}"
    assert [g.attrib["id"] for g in root.findall(f"{space}g")] == ["f0", "f1", "f2"]
    texts = [t.text for t in root.iter(f"{space}text")]
    assert texts == ["begin", "a & b", "<then>", "c", "end", "d", "    e"]


def test_a_port_in_use_ends_in_one_clear_line(capsys: pytest.CaptureFixture[str]) -> None:
    """The demo names the port, and fails."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]

        code = main(["--port", str(port), "--leave"])

    assert code == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"demo: cannot listen on 127.0.0.1:{port}: ")


def test_without_a_terminal_only_what_is_new_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    """A log of the demo has each line once, until it changes."""
    screen = Screen(lambda: 0.0)
    screen.draw(["one", "two"])
    screen.draw(["one", "two"])
    screen.draw(["one", "three"])

    assert capsys.readouterr().out.splitlines() == ["one", "two", "three"]
