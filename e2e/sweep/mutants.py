"""
Planted bugs: each must be caught by some plan, or the sweep proves nothing.

A mutant changes the operator's code in a process of its own, at run time; then the stories that concern it
are swept until the first plan that fails. The first four are Sieve's bugs of CassKop, as far as the
operation exists: S1 a deletion by name, S2 a disruption budget of the past, S3 a state that was never
seen, S4 a crash between the act and the note of it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
import json
import os
from typing import Any, Final

import attrs

from e2e.sweep import bugs, choices_bugs, leaving_bugs, removing_bugs, replacing_bugs, upkeep_bugs
from e2e.sweep.explore import Explorer
from e2e.sweep.run import replay
from e2e.sweep.stories import BY_NAME


@attrs.frozen(kw_only=True)
class Mutant:
    """A bug that *plant* puts in; *stories* are those in which it can show.

    *faults*, if any are given, are what it takes to show it: other plans are not run.
    """

    name: str
    about: str
    plant: Callable[[], None]
    stories: tuple[str, ...]
    faults: tuple[str, ...] = ()


MUTANTS: Final = (
    Mutant(
        name="s1-deletes-volumes-by-name",
        about="S1: volumes of a deleted cluster's name are deleted",
        plant=bugs.s1_deletes_volumes_by_name,
        stories=("purge",),
        faults=("stale-restart",),
    ),
    Mutant(
        name="s2-budget-made-anew",
        about="S2: the disruption budget is deleted and made again",
        plant=bugs.s2_makes_the_budget_anew,
        stories=("budget",),
    ),
    Mutant(
        name="s3-single-steps-only",
        about="S3: a size that was never seen stands in the way of the next",
        plant=bugs.s3_follows_single_steps_only,
        stories=("steps",),
        faults=("kill-before", "kill-unanswered", "hold", "drop"),
    ),
    Mutant(
        name="s4-believes-its-own-note",
        about="S4: after a crash between note and act, nothing is ever done",
        plant=bugs.s4_believes_its_own_note,
        stories=("pair",),
        faults=("kill-unanswered",),
    ),
    Mutant(
        name="grows-without-waiting",
        about="racks grow while nodes join",
        plant=bugs.grows_without_waiting,
        stories=("create",),
    ),
    Mutant(
        name="never-repairs",
        about="a pod that cannot start is not made again",
        plant=bugs.never_repairs,
        stories=("image",),
    ),
    Mutant(
        name="remembers-obstacles",
        about="a Secret that was missing is not looked for again",
        plant=bugs.forgets_obstacles_only_on_restart,
        stories=("secret",),
        faults=("kill-unanswered",),
    ),
    Mutant(
        name="never-quiet",
        about="an object is written at every look",
        plant=bugs.applies_the_budget_always,
        stories=("budget",),
    ),
    Mutant(
        name="ready-too-early",
        about="status says Ready before all nodes serve",
        plant=bugs.says_ready_too_early,
        stories=("create",),
    ),
    Mutant(
        name="status-of-the-past",
        about="a stale status overwrites a newer one",
        plant=bugs.writes_status_of_the_past,
        stories=("budget",),
        faults=("stale-restart",),
    ),
    Mutant(
        name="writes-spec",
        about="a default is written into the spec",
        plant=bugs.writes_the_spec,
        stories=("secret",),
    ),
    Mutant(
        name="deletes-pods-by-name",
        about="a pod is deleted without preconditions",
        plant=bugs.deletes_by_name,
        stories=("image",),
    ),
    Mutant(
        name="restarts-without-proof",
        about="nodes are restarted together that hold copies of the same data",
        plant=bugs.restarts_without_proof,
        stories=("quorum",),
    ),
    Mutant(
        name="rolls-past-nodes-that-are-down",
        about="a node is restarted while one of another rack is lost",
        plant=bugs.rolls_past_nodes_that_are_down,
        stories=("shortage",),
    ),
    Mutant(
        name="writes-without-lease",
        about="the fence is not heeded",
        plant=bugs.writes_without_the_lease,
        stories=("secret",),
        faults=("fence",),
    ),
    Mutant(
        name="forgets-who-joined",
        about="the record of members is made from who is there now",
        plant=bugs.forgets_who_joined,
        stories=("pod",),
        faults=("kill-unanswered", "stale"),
    ),
    Mutant(
        name="never-lists-again",
        about="an expired watch is not followed by a list",
        plant=bugs.never_lists_again,
        stories=("secret", "pair"),
        faults=("drop",),
    ),
    Mutant(
        name="does-not-wait",
        about="a failed reconcile is tried again at once",
        plant=bugs.does_not_wait,
        stories=("secret",),
        faults=("busy",),
    ),
    Mutant(
        name="silence-is-yes",
        about="a node that does not answer counts as well",
        plant=bugs.takes_silence_for_yes,
        stories=("pair", "node"),
        faults=("mute",),
    ),
    Mutant(
        name="takes-leaving-for-left",
        about="a rack shrinks while its last node hands its data over",
        plant=leaving_bugs.takes_leaving_for_left,
        stories=("leave",),
    ),
    Mutant(
        name="silence-is-gone",
        about="a node of which nobody could be asked counts as gone",
        plant=leaving_bugs.takes_silence_for_gone,
        stories=("leave",),
        faults=("mute",),
    ),
    Mutant(
        name="lets-two-leave",
        about="a node is asked to leave while another one is at it",
        plant=leaving_bugs.lets_two_leave,
        stories=("leave",),
    ),
    Mutant(
        name="asks-before-it-notes",
        about="a node is asked to leave before status says so",
        plant=leaving_bugs.asks_before_it_notes,
        stories=("leave",),
    ),
    Mutant(
        name="leaves-volumes-behind",
        about="the volume of a node that left is there when the next one comes",
        plant=leaving_bugs.leaves_volumes_behind,
        stories=("return",),
    ),
    Mutant(
        name="deletes-claims-by-name",
        about="the volume of a node that left is deleted without preconditions",
        plant=bugs.deletes_by_name,
        stories=("leave",),
    ),
    Mutant(
        name="removes-racks-with-nodes",
        about="racks that are not in the spec any more are deleted with their nodes",
        plant=leaving_bugs.removes_racks_with_their_nodes,
        stories=("empty",),
    ),
    Mutant(
        name="silent-machine-is-gone",
        about="the volume of a node is given up although its machine may come back",
        plant=replacing_bugs.takes_a_silent_machine_for_gone,
        stories=("lost",),
    ),
    Mutant(
        name="replaces-without-proof",
        about="the volume with the only copy of some data is given up",
        plant=replacing_bugs.replaces_without_proof,
        stories=("lost",),
    ),
    Mutant(
        name="does-not-look-who-is-dead",
        about="a node that lost its disk joins beside the member that it was",
        plant=replacing_bugs.does_not_look_whether_a_node_is_dead_by_now,
        stories=("disk",),
        faults=("crash",),
    ),
    Mutant(
        name="ignores-a-pause",
        about="a paused cluster is changed",
        plant=choices_bugs.takes_no_notice_of_a_pause,
        stories=("pause",),
    ),
    Mutant(
        name="ignores-approval",
        about="an edit is carried out that waits for approval",
        plant=choices_bugs.does_not_wait_for_approval,
        stories=("approve",),
    ),
    Mutant(
        name="empties-places-too-early",
        about="the volume of a dead node is deleted while its peers count on it",
        plant=removing_bugs.empties_places_too_early,
        stories=("remove",),
    ),
    Mutant(
        name="removes-before-it-notes",
        about="a node is removed before status says so",
        plant=removing_bugs.asks_before_status_tells,
        stories=("remove",),
    ),
    Mutant(
        name="forgets-what-a-lost-pod-removed",
        about="a removal is forgotten with the pod that it was done through",
        plant=removing_bugs.forgets_what_a_lost_pod_removed,
        stories=("widow",),
    ),
    Mutant(
        name="done-when-asked",
        about="an operation is called Done as soon as Cassandra was asked for it",
        plant=upkeep_bugs.calls_done_what_it_asked_for,
        stories=("cleanup",),
    ),
    Mutant(
        name="lost-is-done",
        about="an operation whose answer was lost is called Done",
        plant=upkeep_bugs.takes_a_lost_answer_for_done,
        stories=("cleanup",),
        faults=("unsent",),
    ),
    Mutant(
        name="begins-again-what-runs",
        about="a successor asks for what the node is still at",
        plant=upkeep_bugs.begins_again_what_runs,
        stories=("halt",),
        faults=("kill-unanswered", "kill-answered"),
    ),
    Mutant(
        name="restarts-in-the-middle",
        about="a node is restarted in the middle of an operation",
        plant=upkeep_bugs.restarts_in_the_middle,
        stories=("patience",),
    ),
    Mutant(
        name="repairs-everywhere-at-once",
        about="two nodes are repaired at once",
        plant=upkeep_bugs.repairs_everywhere_at_once,
        stories=("repair",),
    ),
)


def run(names: Sequence[str] | None, *, jobs: int) -> int:
    """Sweep each mutant until it is caught, print by what, and return 1 if one survives."""
    ends: dict[str, Any] = {}
    survivors = 0
    for mutant in MUTANTS:
        if names and mutant.name not in names:
            continue
        for name in mutant.stories:
            if name not in ends:
                sound = replay(BY_NAME[name], None, reference=None)
                if sound.violations:
                    print(f"{name} fails without any bug planted: {sound.violations[0]}")
                    return 1
                ends[name] = sound.end
        caught = _in_a_process(lambda mutant=mutant: _caught_by(mutant, ends, jobs))  # type: ignore[misc]  # mypy cannot infer defaults
        if caught is None:
            survivors += 1
            print(f"SURVIVES  {mutant.name}: {mutant.about}", flush=True)
        else:
            plan, text = caught
            print(f"caught    {mutant.name}: {mutant.about}\n    by {plan}: {text}", flush=True)
    print(f"{survivors} planted bugs SURVIVE" if survivors else "every planted bug is caught")
    return 1 if survivors else 0


def _caught_by(mutant: Mutant, ends: dict[str, Any], jobs: int) -> tuple[str, str] | None:
    """Plant the bug in this process, and return the first plan that fails with its problem."""
    mutant.plant()
    for name in mutant.stories:
        found = Explorer(
            BY_NAME[name],
            jobs=jobs,
            select=lambda plan: not mutant.faults or plan.fault in mutant.faults,
            reference=ends[name],
            enough=True,
        ).explore()
        for problem in found.problems():
            return problem
    return None


def _in_a_process(work: Callable[[], Any]) -> Any:  # noqa: ANN401 -- JSON
    """Return what *work* returns, as JSON, in a process that ends with it."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        os.write(writing, json.dumps(work()).encode())
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        data = pipe.read()
    os.waitpid(child, 0)
    if not data:
        raise RuntimeError("the mutant's process died")
    return json.loads(data)
