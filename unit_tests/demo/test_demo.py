"""The demo on the simulator, and its recording."""

from __future__ import annotations

from collections.abc import Callable
import contextlib
import os
import socket
from xml.etree import ElementTree as ET

import pytest

from e2e.demo import sim
from e2e.demo.__main__ import main
from e2e.demo.recording import Frame, Recorder, svg
from e2e.demo.screen import Screen, fitted
from e2e.providers.cluster import CLUSTERS, Object, condition, is_true
from e2e.providers.sim import SimCluster
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


def _played(until: Callable[[SimulatedCluster], bool], act: Callable[[SimulatedCluster], None]) -> bool:
    """Create the demo's cluster, *act*, and tell whether *until* comes true within ten minutes."""
    cluster = SimulatedCluster(sim.six_nodes())
    screen = Recorder(lambda: cluster.sim.simulation.now)
    sim.Demo(cluster, screen, contextlib.nullcontext(), lambda: cluster.sim.run(0.5)).create()
    act(cluster)
    return _comes_true(until, cluster)


def _comes_true(until: Callable[[SimulatedCluster], bool], cluster: SimulatedCluster) -> bool:
    for _ in range(600):
        cluster.sim.run(1.0)
        if until(cluster):
            return True
    return False


def _label(cluster: SimulatedCluster, name: str) -> Object:
    labels: Object = cluster.get("pods", "demo-dc1-rack2-0")["metadata"]["labels"]
    return {"status": labels.get(name)}


def test_an_operation_that_somebody_asks_for_comes_to_its_end() -> None:
    """Who labels a pod of the demo as the docs say sees it done."""
    asked = {"operation-name": "flush", "operation-status": "ToDo"}

    assert _played(
        lambda c: _label(c, "operation-status") == {"status": "Done"},
        lambda c: c.patch("pods", "demo-dc1-rack2-0", {"metadata": {"labels": asked}}),
    )


@pytest.mark.parametrize("image", ["cassandra:nosuchtag", "cassandra:5.0.999"])
def test_an_image_that_is_not_there_is_told_and_put_back(image: str) -> None:
    """It costs one pod, `describe` says that the image cannot be pulled, and the old one heals it."""

    def degraded(cluster: SimulatedCluster) -> bool:
        found = condition(cluster.get(CLUSTERS, sim.NAME), "Degraded")
        return found["status"] == "True" and image in found["message"]

    def healed(cluster: SimulatedCluster) -> bool:
        if degraded(cluster):
            cluster.patch(CLUSTERS, sim.NAME, {"spec": {"cassandraImage": "cassandra:5.0"}})
            return False
        obj = cluster.get(CLUSTERS, sim.NAME)
        return obj["spec"]["cassandraImage"] == "cassandra:5.0" and is_true(obj, "Ready")

    assert _played(healed, lambda c: c.patch(CLUSTERS, sim.NAME, {"spec": {"cassandraImage": image}}))


def test_a_release_that_is_not_simulated_ends_its_container_and_not_the_world() -> None:
    """The pod says so in its own words, and time goes on for all others."""
    cluster = SimulatedCluster(SimCluster())
    secret, obj = sim.samples()
    cluster.apply(secret, {**obj, "spec": {**obj["spec"], "cassandraImage": "cassandra:3.11.10"}})

    assert _comes_true(
        lambda c: "3.11.10 is not simulated" in condition(c.get(CLUSTERS, sim.NAME), "Degraded")["message"],
        cluster,
    )


def test_a_cluster_that_is_deleted_is_no_end_of_the_demo() -> None:
    """The picture says how to make it anew."""
    cluster = SimulatedCluster(sim.six_nodes())
    screen = Recorder(lambda: 0.0)

    sim.Demo(cluster, screen, contextlib.nullcontext(), lambda: None).draw()

    assert "kubectl apply -f manifests/samples" in screen.frames[-1].lines[0]


def test_long_lines_go_on_in_further_rows_while_there_is_room() -> None:
    """A reason is read to its end, and no picture is higher than the terminal."""
    line = "    RestartPod: " + "word " * 30
    roomy = fitted([line, "x"], os.terminal_size((80, 24)))
    narrow = fitted([line] * 30, os.terminal_size((80, 24)))

    assert " ".join(" ".join(roomy[:-1]).split()) == " ".join(line.split())
    assert all(len(row) < 80 for row in [*roomy, *narrow])
    assert len(narrow) == 30


@pytest.mark.parametrize("words", [["--port", "99999"], ["--speed", "0"], ["--speed", "nan"]])
def test_bad_arguments_end_in_one_clear_line(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """The line names what was given, and what would do."""
    with pytest.raises(SystemExit) as ended:
        main(words)

    assert ended.value.code == 2
    assert f"{words[1]} is no {words[0].strip('-')}: give a number from" in capsys.readouterr().err
