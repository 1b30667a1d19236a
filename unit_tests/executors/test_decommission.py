"""The call that lets a node leave: made once, held, and never taken for more than it is."""

from __future__ import annotations

from collections.abc import Callable
import json
from typing import Any

import attrs
import httpx
import pytest

from controller.cassandra.jolokia import Credentials, Jolokia
from controller.domain.actions import Decommission
from controller.domain.errors import ConflictError, NotLeadingError, TransientError
from controller.domain.leaving import Ended, Held, NotCalled
from controller.executors.base import Bodies
from controller.executors.decommission import Decommissions
from controller.kube import kinds
from controller.runtime.clock import SteppedClock
from controller.runtime.held_calls import HeldCalls
from controller.runtime.store import Key
from unit_tests.executors.stage import Stage

POD = "cc-dc1-rack1-1"
ADDRESS = "10.0.0.7"
DONE = {"status": 200, "value": None}


class Line:
    """A node at the other end; *answers* are what it says, and *asked* is what it was asked."""

    def __init__(self, stage: Stage, *, limit: int = 64) -> None:
        self.stage = stage
        self.asked: list[httpx.Request] = []
        self.answer: Callable[[httpx.Request], httpx.Response] = lambda _: httpx.Response(200, json=DONE)
        self.waiting: list[Callable[[], None]] = []
        self.woken: list[Key] = []
        self.run = Decommissions(
            stage.client,
            Jolokia.over(httpx.MockTransport(self._asked)),
            HeldCalls(
                wake=self.woken.append,
                clock=SteppedClock(),
                limit=limit,
                spawn=lambda _name, run: self.waiting.append(run),
            ),
        )
        pod = stage.pod(POD, labels={"app": "cassandracluster"})
        stage.edit(kinds.POD, POD, {"status": {"podIP": ADDRESS, "podIPs": [{"ip": ADDRESS}]}}, "status")
        self.uid = str(pod["metadata"]["uid"])
        login = Credentials(username="u", password="secret")
        self.bodies: Bodies = attrs.evolve(stage.bodies(), login=login)

    def _asked(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request)
        return self.answer(request)

    def action(self, **changes: Any) -> Decommission:
        """Return the action for the pod."""
        action = Decommission(
            rack="dc1-rack1",
            pod=POD,
            uid=self.uid,
            ip=ADDRESS,
            release="5.0.9",
            call_id="one",
            why="a test",
        )
        return attrs.evolve(action, **changes)

    def finish(self) -> None:
        """Let the calls that were begun come to their end."""
        for run in self.waiting:
            run()
        self.waiting.clear()


@pytest.fixture
def line(stage: Stage) -> Line:
    """Return a node that says yes."""
    return Line(stage)


def test_the_node_is_asked_once_and_the_cluster_is_woken_at_the_end(line: Line) -> None:
    """Meanwhile nothing waits for it; afterwards it is known that the call ended, and how."""
    line.run(line.action(), line.bodies)
    line.run(line.action(), line.bodies)

    assert not line.asked
    assert line.run.state("one") == Held()
    assert line.run.state("two") == NotCalled()

    line.finish()
    line.run(line.action(), line.bodies)

    assert line.run.state("one") == Ended()
    assert line.woken == [Key("cassandra", "cc")]
    assert not line.waiting
    (request,) = line.asked
    assert request.url.host == ADDRESS
    assert request.headers["Authorization"].startswith("Basic ")


def test_the_pod_says_that_it_leaves(line: Line) -> None:
    """With CassKop's labels, written once and before its node is asked."""
    labels = {
        "operation-name": "decommission",
        "operation-status": "Ongoing",
        "operation-start": "20260101T000000",
    }

    written = line.run(line.action(labels=labels), line.bodies)
    again = line.run(line.action(labels=labels), line.bodies)

    pod = line.stage.client.get(kinds.POD, "cassandra", POD)
    assert pod["metadata"]["labels"] == {"app": "cassandracluster", **labels}
    assert written is not None
    assert written.resource_version == pod["metadata"]["resourceVersion"]
    assert again is None


@pytest.mark.parametrize(
    ("release", "operation", "arguments"),
    [
        ("5.0.9", "decommission(boolean)", [True]),
        ("4.0.19", "decommission(boolean)", [True]),
        ("3.11.19", "decommission()", []),
    ],
)
def test_each_release_is_asked_in_its_own_words(
    line: Line, release: str, operation: str, arguments: list[bool]
) -> None:
    """From 4.0 on the call has an argument: do not refuse for the sake of Cassandra's own keyspaces."""
    line.run(line.action(release=release), line.bodies)
    line.finish()

    body = json.loads(line.asked[0].content)
    assert (body["operation"], body["arguments"]) == (operation, arguments)


def test_cassandras_refusal_is_kept_in_its_words(line: Line) -> None:
    """It was asked once: what follows is the plan's."""
    refusal = {"status": 500, "error": "no other normal nodes in the ring"}
    line.answer = lambda _: httpx.Response(200, json=refusal)

    line.run(line.action(), line.bodies)
    line.finish()

    assert line.run.state("one") == Ended(failure="no other normal nodes in the ring")
    assert len(line.asked) == 1


def test_a_lost_answer_is_not_asked_for_again(line: Line) -> None:
    """The connection broke: the node was asked all the same, and by nobody twice."""

    def broken(_: httpx.Request) -> httpx.Response:
        raise httpx.ReadTimeout("nothing came")

    line.answer = broken
    line.run(line.action(), line.bodies)
    line.finish()

    assert isinstance(line.run.state("one"), Ended)
    assert len(line.asked) == 1


@pytest.mark.parametrize("changes", [{"uid": "another"}, {"ip": "10.0.0.8"}, {"pod": "cc-dc1-rack1-2"}])
def test_only_the_node_of_the_plan_is_asked(line: Line, changes: dict[str, str]) -> None:
    """An address may be another node's by now: pod, uid and address have to be those of the plan."""
    with pytest.raises(ConflictError):
        line.run(line.action(**changes), line.bodies)

    assert not line.waiting


def test_who_has_lost_the_lease_asks_nobody(line: Line) -> None:
    """A node is told to leave by who leads, as every write is."""
    line.stage.leading = False

    with pytest.raises(NotLeadingError):
        line.run(line.action(), line.bodies)

    assert not line.waiting


def test_without_room_it_is_tried_later(stage: Stage) -> None:
    """More calls than may be held are not made at all."""
    line = Line(stage, limit=1)
    line.run(line.action(), line.bodies)

    with pytest.raises(TransientError, match="not asked to leave yet"):
        line.run(line.action(call_id="two"), line.bodies)
