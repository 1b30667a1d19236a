"""Which changes of Cassandra's version are held back, and what a first node of a new version waits for."""

from __future__ import annotations

import itertools
from typing import Any

import attrs
from hypothesis import given
from hypothesis import strategies as st
import pytest

from controller.domain import releases
from controller.domain.actions import Action, RestartPod, Wait
from controller.domain.changes import Facts, Rule, judge
from controller.domain.desired import Desired, Rollout
from controller.domain.observed import Observed
from controller.domain.ownership import Ownership, Stream, Unread
from controller.domain.plan import plan
from controller.domain.releases import Line
from controller.domain.ring import Ring, View
from unit_tests.domain.edits import RUNNING, Spec, spec
from unit_tests.domain.obedient import desired
from unit_tests.domain.test_roll import look, ring

LINES = ((2, 1), (2, 2), (3, 0), (3, 11), (4, 0), (4, 1), (5, 0))


def facts(*running: str) -> Facts:
    """Return a cluster whose nodes said that they run these releases."""
    return attrs.evolve(RUNNING, releases=frozenset(running))


def image(release: str, **over: Any) -> Spec:
    """Return a spec with an image of *release*."""
    return spec(cassandraImage=f"cassandra:{release}", **over)


@pytest.mark.parametrize(
    ("running", "old", "new"),
    [
        (["4.0.19"], "4.0", "4.1"),
        (["4.0.19"], "4.0", "5.0"),
        (["4.1.10"], "4.1.10", "5.0.9"),
        (["3.11.16"], "3.11", "4.0"),
        (["3.0.30"], "3.0.30", "3.11.16"),
        (["5.0.9"], "5.0.9", "6.0"),
        # Within a line, both ways.
        (["5.0.9"], "5.0.9", "5.0.8"),
        (["4.1.9", "4.1.10"], "4.1.10", "4.1.9"),
        # An upgrade that is taken back: before, while and after nodes run it, as long as they can read it.
        (["4.1.10"], "5.0.9", "4.1.10"),
        (["4.1.10", "5.0.9"], "5.0.9", "4.1.10"),
        (["5.0.9"], "5.0.9", "4.1.10"),
        (["3.11.16"], "4.0", "3.11"),
        # A broken step may be followed by another one, as long as no node runs it.
        (["4.0.19"], "4.1", "5.0"),
    ],
)
def test_possible_changes_of_version(running: list[str], old: str, new: str) -> None:
    """Such an image is carried out as written."""
    after = image(new)

    verdict = judge(image(old), after, facts(*running))

    assert (verdict.held, verdict.spec) == ((), after)


@pytest.mark.parametrize(
    ("running", "old", "new", "rule", "says"),
    [
        (["3.11.16"], "3.11", "5.0", Rule.VERSION_STEP, "write an image of 4.1 first, or cassandra:3.11"),
        (["2.1.22"], "2.1", "4.0", Rule.VERSION_STEP, "write an image of 3.11 first"),
        (["4.1.10"], "4.1", "6.0", Rule.VERSION_STEP, "write an image of 5.0 first"),
        (["4.0.19"], "4.0", "3.11", Rule.VERSION_BACK, "written data that 3.11 cannot read"),
        (["3.11.16", "4.0.19"], "4.0", "3.11", Rule.VERSION_BACK, "write cassandra:4.0 again"),
        (["4.0.19", "4.1.10"], "4.1", "5.0", Rule.VERSION_BUSY, "run Cassandra 4.0 and 4.1"),
        # Nobody has said what runs: the accepted spec counts.
        ([], "3.11", "5.0", Rule.VERSION_STEP, "nodes run Cassandra 3.11"),
    ],
)
def test_impossible_changes_of_version(running: list[str], old: str, new: str, rule: Rule, says: str) -> None:
    """Such an image is held back with its configuration; path, reason and way out are told."""
    shared = {"maxPodUnavailable": 2}
    configured = {"config": {"cassandra-yaml": {"num_tokens": 16, "concurrent_reads": 64}}}

    verdict = judge(image(old), image(new, **configured, **shared), facts(*running))

    assert [(one.rule, one.path) for one in verdict.held] == [(rule, "spec.cassandraImage")]
    assert says in verdict.held[0].message
    assert verdict.spec == image(old, **shared)


@pytest.mark.parametrize("mode", ["UPGRADING", "NONE", "none"])
def test_no_way_back_from_the_new_format(mode: str) -> None:
    """Once 5.0 may write its own format, 4.1 is refused."""
    config = {"cassandra-yaml": {"num_tokens": 16, "storage_compatibility_mode": mode}}

    verdict = judge(image("5.0", config=config), image("4.1"), facts("5.0.9"))

    assert [one.rule for one in verdict.held] == [Rule.VERSION_BACK]
    assert verdict.spec["config"] == config


@pytest.mark.parametrize("new", ["registry/own:latest", "own@sha256:abc", "own:2024-05", "own:17.3", "own"])
def test_an_image_that_tells_no_version_is_not_held_back(new: str) -> None:
    """A tag of another numbering is no version."""
    assert not judge(image("3.11"), spec(cassandraImage=new), facts("3.11.16")).held


def test_server_version_is_the_users_word() -> None:
    """It counts over the tag where it was written for this image, or where tags never told the version."""
    before, running = image("3.11"), facts("3.11.16")
    wrong = spec(cassandraImage="own:5.0")

    assert judge(before, wrong, running).held
    assert not judge(before, {**wrong, "serverVersion": "4.1.3"}, running).held
    forgotten = {"serverVersion": "3.11.16"}
    assert judge({**before, **forgotten}, {**wrong, **forgotten}, running).held
    own = {"cassandraImage": "own:3.0", "serverVersion": "4.1.3"}
    assert not judge(spec(**own), spec(**{**own, "cassandraImage": "own:2.2"}), facts("4.1.3")).held
    held = judge(before, {**before, "serverVersion": "5.0.0"}, running).held
    assert [one.path for one in held] == ["spec.serverVersion"]


def test_nothing_is_held_back_before_a_node_has_joined() -> None:
    """Without data any version can be begun with."""
    assert not judge(image("3.11"), image("5.0"), attrs.evolve(RUNNING, joined=frozenset())).held


@given(st.sampled_from(LINES), st.sampled_from(LINES))
def test_every_step_up_has_a_way(old: Line, new: Line) -> None:
    """A newer line is reached directly, or by the lines that are named, one after the other."""
    steps = [old]
    while old < new and not releases.can_follow(steps[-1], new):
        by = releases.way(steps[-1], new) or max(
            line for line in LINES if releases.can_follow(steps[-1], line)
        )
        assert by > steps[-1]
        steps.append(by)
    assert all(releases.can_follow(a, b) for a, b in itertools.pairwise(steps))


def running(seen: Observed, *said: str) -> Observed:
    """Return *seen* with nodes that say that they run these releases, in turn."""
    answers = {
        pod: attrs.evolve(answer, release_version=said[i % len(said)])
        for i, (pod, answer) in enumerate(sorted(seen.ring.answers.items()))
        if isinstance(answer, View)
    }
    return attrs.evolve(seen, ring=Ring(answers=answers))


def upgrading(**over: Any) -> Desired:
    """Return three racks of one node that are to run 5.0 with a new template."""
    want = desired((1, 1, 1), template="t2", **over)
    return attrs.evolve(
        want, racks=tuple(attrs.evolve(r, line=(5, 0), change="UpdateDockerImage") for r in want.racks)
    )


def before_first(want: Desired) -> Observed:
    """Return what is seen when the first node's turn has come."""
    world = ring(1, 1, 1)
    for action in plan(want, running(look(want, world), "4.1.10")):
        world = world.after(action, want)
    return running(look(want, world), "4.1.10")


def restarts(actions: tuple[Action, ...]) -> list[str]:
    """Return the pods that *actions* restart."""
    return [action.pod for action in actions if isinstance(action, RestartPod)]


def test_a_ring_at_rest_is_upgraded() -> None:
    """The first node goes, and its event says from what to what."""
    want = upgrading()

    actions = plan(want, before_first(want))

    assert restarts(actions) == ["demo-dc1-rack0-0"]
    assert "Cassandra is upgraded from 4.1 to 5.0" in actions[0].why


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"streams": (Stream(pod="p", what="Repair"),)}, "p has to end its streams (Repair)"),
        ({"tasks": (Stream(pod="p", what="Cleanup"),)}, "p has to end what it does with its data (Cleanup)"),
        ({"tasks": (Stream(pod="p", what="Validation"),)}, "(Validation)"),
        ({"schemas": {"a": frozenset({"1"}), "b": frozenset({"2"})}}, "agree on the schema"),
    ],
)
@pytest.mark.parametrize("unlocked", [False, True])
def test_a_first_node_waits_for_a_ring_at_rest(change: dict[str, Any], says: str, *, unlocked: bool) -> None:
    """What is under way is named and waited for, unless the user overrules it; nodes after the first go."""
    want = upgrading(rollout=Rollout(unlocked=unlocked))
    seen = before_first(want)
    assert isinstance(seen.ownership, Ownership)
    busy = attrs.evolve(seen, ownership=attrs.evolve(seen.ownership, **change))

    actions = plan(want, busy)

    if unlocked:
        assert len(restarts(actions)) == 1
        return
    assert not restarts(actions)
    assert isinstance(actions[0], Wait)
    assert actions[0].why.startswith("before Cassandra is upgraded from 4.1 to 5.0: ")
    assert says in actions[0].why


def test_everyday_compactions_are_no_reason_to_wait() -> None:
    """Cassandra compacts all the time."""
    want = upgrading()
    seen = before_first(want)
    assert isinstance(seen.ownership, Ownership)
    busy = attrs.evolve(seen.ownership, tasks=(Stream(pod="p", what="Compaction"),))

    assert restarts(plan(want, attrs.evolve(seen, ownership=busy)))


def test_without_a_word_on_the_ring_no_upgrade_begins() -> None:
    """What would let any other restart go unproven, does not let the first node of an upgrade go."""
    want = upgrading()
    blind = attrs.evolve(before_first(want), ownership=Unread(why="nobody answers"))

    assert not restarts(plan(want, blind))


def test_once_begun_it_is_a_roll_like_any_other() -> None:
    """Nodes of different lines never agree on a schema; a repair is repeated by who runs it."""
    want = upgrading()
    seen = running(before_first(want), "4.1.10", "4.1.10", "5.0.9")
    assert isinstance(seen.ownership, Ownership)
    busy = attrs.evolve(seen.ownership, streams=(Stream(pod="p", what="Repair"),))

    assert restarts(plan(want, attrs.evolve(seen, ownership=busy)))


def test_a_version_that_is_not_told_is_said_not_to_be_checked() -> None:
    """The event of the restart says so."""
    want = upgrading()
    want = attrs.evolve(want, racks=tuple(attrs.evolve(r, line=None) for r in want.racks))
    seen = before_first(want)
    racks = {
        name: attrs.evolve(rack, statefulset=attrs.evolve(rack.statefulset, change="UpdateDockerImage"))
        for name, rack in seen.racks.items()
        if rack.statefulset is not None
    }

    actions = plan(want, attrs.evolve(seen, racks=racks))

    assert "its tag does not tell" in actions[0].why
