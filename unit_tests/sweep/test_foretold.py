"""What `kubectl casskop plan` foretells of each story of the sweep comes true; and who checks it is awake."""

from __future__ import annotations

import logging
from typing import assert_never

import pytest
import structlog

from controller.kube.transport import Request
from e2e.providers.cluster import CLUSTERS
from e2e.providers.foreseeing import ForeseeingCluster, Foresight, difference
from e2e.providers.sim import NAMESPACE, SimCluster
from e2e.providers.simulated import SimulatedCluster
from e2e.simcontrollers.images import Images
from e2e.sweep.carry_out import approval, befall, removal, replicate
from e2e.sweep.run import MISSING_IMAGE
from e2e.sweep.steps import (
    AddMachine,
    Annotate,
    Apply,
    Approve,
    BringBack,
    Delete,
    Edit,
    Keyspace,
    Label,
    Pause,
    PowerOff,
    Remove,
    RemoveMachine,
    Replicate,
    Step,
    Story,
    Until,
)
from e2e.sweep.stories import STORIES
from e2e.sweep.world import look


class Stage:
    """An empty simulated Kubernetes whose edits are foretold."""

    def __init__(self) -> None:
        structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
        self.foresight = Foresight()
        self.sim = SimCluster(
            seed=2, images=Images(unknown={MISSING_IMAGE}), holds=True, trail=self.foresight
        )
        self.user = SimulatedCluster(self.sim)
        self.cluster = ForeseeingCluster(self.user, self.foresight)

    def do(self, step: Step) -> None:  # noqa: C901, PLR0912 -- an arm for each step
        """Do what a story says, without any fault."""
        match step:
            case Apply(object=obj):
                self.cluster.apply(obj)
            case Edit(name=name, spec=spec):
                self.cluster.patch(CLUSTERS, name, {"spec": spec})
            case Delete(kind=kind, name=name, force=False):
                self.cluster.delete(kind, name, seconds=0)
            case Delete():
                self.by_force(step)
            case Label(pod=pod, labels=labels):
                self.cluster.patch("pods", pod, {"metadata": {"labels": labels}})
            case Annotate(name=name, annotations=annotations):
                self.cluster.patch(CLUSTERS, name, {"metadata": {"annotations": annotations}})
            case Approve(name=name):
                given = {"metadata": {"annotations": approval(self.sim, step)}}
                self.cluster.patch(CLUSTERS, name, given)
            case Remove(through=through):
                self.cluster.patch("pods", through, {"metadata": {"labels": removal(self.sim, step)}})
            case PowerOff() | BringBack() | AddMachine() | RemoveMachine():
                self.cluster.meddle(f"{type(step).__name__} {step.node}")
                befall(self.sim, step)
            case Keyspace() | Replicate():
                replicate(self.sim, step)
            case Until(probe=probe, seconds=seconds, what=what):
                self.cluster.eventually(lambda: probe(look(self.sim)), seconds=seconds, what=what)
            case Pause(seconds=seconds):
                self.sim.run(seconds)
            case _:
                assert_never(step)

    def by_force(self, step: Delete) -> None:
        """Delete without waiting for a kubelet."""
        self.cluster.meddle(f"{step.kind} {step.name} was deleted by force")
        path = f"/api/v1/namespaces/{NAMESPACE}/{step.kind}/{step.name}"
        self.sim.transport.send(Request(method="DELETE", path=path, body={"gracePeriodSeconds": 0}))


@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.name)
def test_a_story_goes_as_foretold(story: Story) -> None:
    """Every edit of a cluster at rest: the same actions on the same objects in the same order."""
    stage = Stage()
    for step in (*story.given, *story.when, story.end):
        stage.do(step)
    stage.cluster.close()

    stage.foresight.check()
    assert sum(verdict.steps for verdict in stage.foresight.verdicts) > 0


def test_what_is_done_otherwise_is_noticed() -> None:
    """An edit behind the back of the one who foretells makes its forecast wrong, and the check fails."""
    stage = Stage()
    story = next(story for story in STORIES if story.name == "scale")
    for step in story.given:
        stage.do(step)
    stage.cluster.patch(CLUSTERS, "demo", {"spec": {"nodesPerRacks": 2}})
    stage.user.patch(CLUSTERS, "demo", {"spec": {"nodesPerRacks": 1, "maxPodUnavailable": 2}})
    stage.sim.run(120)
    stage.cluster.close()

    with pytest.raises(AssertionError, match=r"foretold was 'ApplyStatefulSet dc1-rack1 to 2'"):
        stage.foresight.check()


@pytest.mark.parametrize(
    ("told", "done", "whole", "message"),
    [
        ("ab", "ab", True, ""),
        ("ab", "a", False, ""),
        ("ab", "a", True, "'b' was foretold for step 2, and not done"),
        ("ab", "ba", True, "step 1 is 'b', foretold was 'a'"),
        ("a", "ab", False, "step 2 is 'b', and nothing more was foretold"),
    ],
)
def test_differences(told: str, done: str, whole: bool, message: str) -> None:  # noqa: FBT001 -- a case of the table
    """What was done in part is the beginning of what was told; in whole it is all of it."""
    assert difference(told, done, whole=whole) == message
