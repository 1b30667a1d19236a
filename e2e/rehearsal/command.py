"""`simulate`: play a change to its end on the simulator's model of this cluster, and tell what happened."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping
import logging
from pathlib import Path
from typing import Any, Final

import attrs
import structlog

from controller.domain.errors import NotFoundError
from controller.kube import kinds
from controller.plugin import bundle
from controller.plugin.command import Command, cluster_argument
from controller.plugin.errors import DONE, NOT_CLEAR, WRONG_ARGUMENTS, StopError
from controller.plugin.plan import asked, changed, made_up, manifest, minutes
from controller.plugin.session import Output, Session
from controller.plugin.surroundings import with_surroundings
from controller.plugin.world import World, read
from e2e.rehearsal import faults
from e2e.rehearsal.faults import Fault
from e2e.rehearsal.history import Entry
from e2e.rehearsal.play import Player, Rehearsal

Object = dict[str, Any]

_COLOURS: Final = {"step": "green", "wait": "yellow", "hold": "red", "fault": "red", "node": "dim"}
_WIDTH: Final = 7


@attrs.frozen(kw_only=True)
class _Asked:
    """What is to be played: *world* as it is, and the CassandraCluster that is *wanted* in it."""

    world: World
    wanted: Object
    exists: bool = True
    refused: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def _simulate(session: Session, given: argparse.Namespace) -> int:
    # The log of the operator that is simulated would stand among our words.
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    if given.copies < 0:
        raise StopError(f"--copies is a number of copies, from 0: {given.copies}", code=WRONG_ARGUMENTS)
    wrong = tuple(faults.parse(text) for text in given.fault)
    todo = _from_bundle(session, given) if given.bundle else _live(session, given)
    if todo.refused:
        return _refused(session, todo)
    world = todo.world
    faults.check(
        wrong,
        nodes=frozenset(str(n["metadata"]["name"]) for n in world.of(kinds.NODE)) | _used(world),
        pods=frozenset(str(p["metadata"]["name"]) for p in world.of(kinds.POD)),
    )
    player = Player(
        world,
        todo.wanted,
        exists=todo.exists,
        now=session.now(),
        faults=wrong,
        copies=given.copies,
        seed=given.seed,
        hear=lambda entry: session.out.say(f"  {_clock(entry.at):>{_WIDTH}}  {_entry(session.out, entry)}"),
    )
    changes = _changes(todo)
    session.out.say(*_head(session.out, todo, changes, wrong))
    found = player.play()
    found = attrs.evolve(found, assumed=(*todo.notes, *found.assumed))
    session.out.say(*_lines(session.out, found))
    session.out.result(
        {
            "namespace": world.namespace,
            "cluster": world.name,
            "changes": list(changes),
            "faults": [str(fault) for fault in wrong],
            "seed": given.seed,
            **attrs.asdict(found),
        }
    )
    return DONE if found.good else NOT_CLEAR


def _live(session: Session, given: argparse.Namespace) -> _Asked:
    session.require_ours()
    if not given.file:
        cluster = session.the_cluster(given.cluster)
        return _Asked(world=_read(session, cluster), wanted=cluster)
    wanted = manifest(given.file, given.cluster)
    name = wanted["metadata"]["name"]
    try:
        live = session.client.get(kinds.CASSANDRA_CLUSTER, session.namespace, name)
    except NotFoundError:
        made = {**wanted, "metadata": made_up(session, wanted)}
        _, said = asked(session, made, old=None)
        world = _read(session, made)
        return _Asked(world=world, wanted=made, exists=False, refused=said.refused, notes=said.unread)
    cluster, said = asked(session, {**live, "spec": wanted.get("spec") or {}}, old=live)
    # What kubectl apply merges into an object that is there.
    both = {**cluster, "metadata": {**cluster["metadata"], **_notes(wanted)}}
    return _Asked(world=_read(session, live), wanted=both, refused=said.refused, notes=said.unread)


def _from_bundle(session: Session, given: argparse.Namespace) -> _Asked:
    world, hidden = bundle.load(Path(given.bundle))
    session.out.say(f"From a bundle of CassandraCluster {world.name} in namespace {world.namespace}")
    wanted = world.cluster
    notes = ("secrets in the spec were hidden in the bundle, which may look like a change",) if hidden else ()
    if given.file:
        new = manifest(given.file, given.cluster or world.name)
        wanted = {**wanted, "spec": new.get("spec") or {}}
        wanted["metadata"] = {**wanted["metadata"], **_notes(new)}
    return _Asked(world=world, wanted=wanted, notes=notes)


def _read(session: Session, cluster: Object) -> World:
    return with_surroundings(session, read(session, cluster))


def _notes(obj: Object) -> Object:
    """Return the labels and annotations that a manifest has."""
    return {key: obj["metadata"][key] for key in ("labels", "annotations") if obj["metadata"].get(key)}


def _used(world: World) -> frozenset[str]:
    """Return the Kubernetes nodes that pods run on."""
    return frozenset(
        str(pod["spec"]["nodeName"]) for pod in world.of(kinds.POD) if pod["spec"].get("nodeName")
    )


def _changes(todo: _Asked) -> tuple[str, ...]:
    old: Mapping[str, Any] = todo.world.cluster.get("spec") or {} if todo.exists else {}
    return tuple(changed(old, todo.wanted.get("spec") or {}))


def _refused(session: Session, todo: _Asked) -> int:
    session.out.say(*(session.out.colour(f"Refused: {why}", "red") for why in todo.refused))
    session.out.result(
        {
            "namespace": todo.world.namespace,
            "cluster": todo.world.name,
            "end": "the API server refuses the change",
            "good": False,
            "refused": list(todo.refused),
        }
    )
    return NOT_CLEAR


def _head(out: Output, todo: _Asked, changes: tuple[str, ...], wrong: tuple[Fault, ...]) -> Iterator[str]:
    yield f"Simulating {todo.world.name}: nothing is written to the real one"
    if changes:
        yield out.colour("Changes", "bold")
        yield from (f"  {line}" for line in changes)
    if wrong:
        yield f"With {', '.join(map(str, wrong))}"
    yield out.colour("History, in simulated time", "bold")


def _lines(out: Output, found: Rehearsal) -> Iterator[str]:
    if not found.history:
        yield "  nothing was done"
    yield from (out.colour(f"Refused: {why}", "red") for why in found.refused)
    yield out.colour(f"End after {minutes(found.seconds)}: {found.end}", "bold")
    for link in found.waits:
        yield f"  {link['what']}"
        yield f"    ends: {link['ends']}"
    for name, pods in (("restarted", found.restarted), ("joined", found.joined), ("left", found.left)):
        if pods:
            yield f"{len(pods)} {name}: {', '.join(pods)}"
    most = f": {', '.join(found.down)}" if found.down else ""
    yield f"Most nodes down at once: {found.most_down}{most}"
    if found.broken:
        yield from (out.colour(f"Broken: {text}", "red") for text in found.broken)
    else:
        yield f"All {found.rules} invariants held, at {found.judged} moments"
    yield from (f"Provided that {why}" for why in found.assumed)


def _entry(out: Output, entry: Entry) -> str:
    head = out.colour(entry.what, _COLOURS[entry.kind])
    match entry.kind:
        case "step":
            return f"{head}: {entry.why}"
        case "wait" | "hold":
            # How soon the operator looks is nothing that a simulation tells anybody.
            return f"waits: {head} (ends {entry.why.partition(';')[0]})"
        case "fault":
            return f"! {head}"
        case _:
            return head


def _clock(seconds: float) -> str:
    whole = int(seconds)
    return f"{whole // 3600}:{whole % 3600 // 60:02}:{whole % 60:02}"


def _arguments(parser: argparse.ArgumentParser) -> None:
    cluster_argument(parser)
    parser.add_argument(
        "-f",
        "--file",
        help="manifest with the new spec, '-' for standard input; without: what is still to be done",
    )
    parser.add_argument("--bundle", metavar="FILE", help="begin with a saved bundle, not the live cluster")
    parser.add_argument(
        "--fault",
        action="append",
        default=[],
        metavar="FAULT",
        help="what goes wrong, as often as you like; listed below",
    )
    parser.add_argument("--seed", type=int, default=0, help="another order of what happens at once (0)")
    parser.add_argument(
        "--copies",
        type=int,
        default=3,
        help="copies that each data centre has of all data, at most as many as it has nodes (3)",
    )


COMMAND = Command(
    name="simulate",
    help="play a change to its end on a simulation of this cluster, with faults if you like",
    arguments=_arguments,
    run=_simulate,
    epilog=(
        f"{faults.listing()}\n\n"
        "Nothing is changed. Exit code 3: something is refused or held, it ends otherwise than asked for,\n"
        "or an invariant is broken."
    ),
)


def find(name: str) -> Command | None:
    """Return the command called *name*, if it is this one: for a plugin that does not look for it."""
    return COMMAND if name == COMMAND.name else None
