"""`plan`: what the operator will do with a spec, before it is applied; `explain`: what it waits for now."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping
import datetime as dt
from http import HTTPStatus
import json
from pathlib import Path
import sys
from typing import Any, Final

import attrs
import yaml

from controller.api.crd import stored
from controller.api.v2.cluster import KIND
from controller.domain.actions import Action, Hold, Wait
from controller.domain.errors import NotFoundError, OperatorError
from controller.kube import kinds
from controller.kube.transport import Request
from controller.plugin import bundle
from controller.plugin.command import Command, cluster_argument
from controller.plugin.errors import DONE, NOT_CLEAR, StopError
from controller.plugin.folding import folded
from controller.plugin.forecast import Forecast, Look, first, forecast, step_of
from controller.plugin.redact import shown
from controller.plugin.session import SECONDS, Object, Session
from controller.plugin.show import refused
from controller.plugin.world import World, read
from controller.reconcile.snapshot import instant

_CHANGES: Final = 20
_FOLLOWS: Final = 5
_NEW: Final = "planned"


def _plan(session: Session, given: argparse.Namespace) -> int:
    session_world = _from_bundle(session, given) if given.bundle else _live(session, given)
    world, old, said = session_world
    found = forecast(world, dt.datetime.fromtimestamp(session.now(), dt.UTC), approving=True)
    found = attrs.evolve(
        found, refused=(*said.refused, *found.refused), assumed=(*said.unread, *found.assumed)
    )
    changes = tuple(changed(old, world.cluster.get("spec") or {}))
    session.out.say(*_lines(session, world, changes, found))
    session.out.result(
        {
            "namespace": session.namespace,
            "cluster": world.name,
            "changes": list(changes),
            "clear": found.clear,
            **attrs.asdict(found),
        }
    )
    return DONE if found.clear else NOT_CLEAR


@attrs.frozen(kw_only=True)
class Said:
    """What is known beside the world: refusals of the API server, and what could not be found out."""

    refused: tuple[str, ...] = ()
    unread: tuple[str, ...] = ()


def _live(session: Session, given: argparse.Namespace) -> tuple[World, Object, Said]:
    """Return the live world with the spec that is asked about, the old spec, and what the server says."""
    session.require_ours()
    if not given.file:
        cluster = session.the_cluster(given.cluster)
        return read(session, cluster), dict(cluster.get("spec") or {}), Said()
    wanted = manifest(given.file, given.cluster)
    name = wanted["metadata"]["name"]
    try:
        live = session.client.get(kinds.CASSANDRA_CLUSTER, session.namespace, name)
    except NotFoundError:
        cluster, said = asked(session, {**wanted, "metadata": made_up(session, wanted)}, old=None)
        return read(session, cluster), {}, said
    cluster, said = asked(session, {**live, "spec": wanted.get("spec") or {}}, old=live)
    return read(session, cluster), dict(live.get("spec") or {}), said


def _from_bundle(session: Session, given: argparse.Namespace) -> tuple[World, Object, Said]:
    world, hidden = bundle.load(Path(given.bundle))
    old = dict(world.cluster.get("spec") or {})
    unread = (
        ("secrets in the spec were hidden in the bundle, which may look like a change",) if hidden else ()
    )
    if given.file:
        wanted = stored(manifest(given.file, given.cluster or world.name))
        world = attrs.evolve(world, cluster={**world.cluster, "spec": wanted.get("spec") or {}})
    session.out.say(f"From a bundle of CassandraCluster {world.name} in namespace {world.namespace}")
    return world, old, Said(unread=unread)


def manifest(file: str, name: str | None) -> Object:
    """Return the CassandraCluster in *file* (`-` is standard input), the one called *name* if given."""
    try:
        text = sys.stdin.read() if file == "-" else Path(file).read_text()
        found = [each for each in yaml.safe_load_all(text) if isinstance(each, dict)]
    except OSError as error:
        raise StopError(f"{file} cannot be read: {error.strerror}") from None
    except yaml.YAMLError as error:
        raise StopError(f"{file} is no YAML: {error}") from None
    except UnicodeDecodeError as error:
        raise StopError(f"{file} is no YAML: it is no text in UTF-8 ({error.reason})") from None
    clusters = [each for each in found if each.get("kind") == KIND and isinstance(_name(each), str)]
    match [each for each in clusters if name in (None, each["metadata"]["name"])]:
        case [only]:
            if not isinstance(only.get("spec") or {}, dict):
                raise StopError(f"{file}: the spec of CassandraCluster {_name(only)} is no mapping of fields")
            return only
        case []:
            raise StopError(f"{file} holds no CassandraCluster{f' {name}' if name else ' with a name'}")
        case several:
            names = ", ".join(each["metadata"]["name"] for each in several)
            raise StopError(f"{file} holds several CassandraClusters: name one of {names}")


def _name(obj: Object) -> object:
    metadata = obj.get("metadata")
    return metadata.get("name") if isinstance(metadata, dict) else None


def made_up(session: Session, wanted: Object) -> Object:
    """Return metadata for a cluster that is only *wanted* so far."""
    kept = {k: v for k, v in wanted["metadata"].items() if k in ("name", "labels", "annotations")}
    return {**kept, "namespace": session.namespace, "uid": _NEW, "generation": 1, "resourceVersion": "1"}


def asked(session: Session, cluster: Object, *, old: Object | None) -> tuple[Object, Said]:
    """Ask the API server what it would store, without storing it: its schema and policies have a say."""
    name = cluster["metadata"]["name"]
    body = {k: v for k, v in cluster.items() if k != "status"}
    if old is None:
        metadata = {k: v for k, v in cluster["metadata"].items() if k in ("name", "labels", "annotations")}
        body = {"apiVersion": kinds.CASSANDRA_CLUSTER.api_version, "kind": KIND, **body, "metadata": metadata}
    answer = session.transport.send(
        Request(
            method="POST" if old is None else "PUT",
            path=kinds.CASSANDRA_CLUSTER.path(session.namespace, None if old is None else name),
            query={"dryRun": "All"},
            body=body,
            timeout=SECONDS,
        )
    )
    said = answer.body if isinstance(answer.body, dict) else {}
    if answer.status < HTTPStatus.MULTIPLE_CHOICES:
        grown = (old or cluster)["metadata"].get("generation", 1) + (old is not None)
        metadata = {**cluster["metadata"], "generation": grown}
        return {**cluster, "spec": said.get("spec") or {}, "metadata": metadata}, Said()
    message = str(said.get("message") or f"HTTP {answer.status}")
    if answer.status == HTTPStatus.UNPROCESSABLE_ENTITY or "denied request" in message:
        return old or cluster, Said(refused=(f"kubectl apply would be refused: {message}",))
    return cluster, Said(unread=(f"the API server was not asked for its opinion: {message}",))


def changed(old: object, new: object, path: str = "spec") -> Iterator[str]:
    """Yield a line for each field that differs, without what is secret in it."""
    before, after = _named(old), _named(new)
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        for key in sorted(old.keys() | new.keys()):
            yield from changed(old.get(key), new.get(key), f"{path}.{key}")
    elif before is not None and after is not None and list(before) != list(after):
        # Racks and the like that come, go or change places: each is told of by its name.
        if sorted(before) == sorted(after):
            yield f"{path}: in the order {', '.join(before)} -> {', '.join(after)}"
        for name in {**before, **after}:
            yield from changed(before.get(name), after.get(name), f"{path}[{name}]")
    elif isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        for number, (one, other) in enumerate(zip(old, new, strict=True)):
            yield from changed(one, other, f"{path}[{number}]")
    elif old != new:
        key = path.rpartition(".")[2]
        yield f"{path}: {_short(shown(key, old))} -> {_short(shown(key, new))}"


def _named(value: object) -> dict[str, object] | None:
    """Return the items of a list by their names; None if they do not all have one of their own."""
    if not isinstance(value, list):
        return None
    found: dict[str, object] = {}
    for each in value:
        name = each.get("name") if isinstance(each, Mapping) else None
        if not isinstance(name, str) or name in found:
            return None
        found[name] = each
    return found


def _short(value: object) -> str:
    text = "nothing" if value is None else json.dumps(value)
    return text if len(text) <= 60 else f"{text[:59]}…"  # noqa: PLR2004 -- what fits beside a path


def _lines(session: Session, world: World, changes: tuple[str, ...], found: Forecast) -> Iterator[str]:
    out = session.out
    if changes:
        yield out.colour("Changes", "bold")
        yield from (f"  {line}" for line in changes[:_CHANGES])
        if len(changes) > _CHANGES:
            yield f"  and {len(changes) - _CHANGES} more"
    yield from (out.colour(f"Refused: {why}", "red") for why in found.refused)
    if found.steps:
        yield out.colour("The operator will", "bold")
        told = list(folded(found.steps))
        width = max(len(number) for number, _ in told)
        for number, step in told:
            head = out.colour(f"{step.action} {step.target}", "green")
            yield f"  {number:>{width}}. {head}: {step.why}"
    else:
        yield f"Nothing is to be done for {world.name}"
    for name, pods in (("restart", found.restarts), ("join", found.joins), ("leave", found.leaves)):
        if pods:
            yield f"{len(pods)} {name}: {', '.join(pods)}"
    if found.seconds is not None:
        yield f"About {minutes(found.seconds)} for starts of nodes, as those took that run now"
    if found.leaves or found.joins:
        yield "How long data is streamed is not known"
    yield from (out.colour(f"Held until {h.path} is changed: {h.why}", "red") for h in found.holds)
    yield from (out.colour(f"Then it waits: {w.why}", "yellow") for w in found.waits)
    if found.unknown:
        yield out.colour(f"Not foreseen: {found.unknown}", "yellow")
    yield from (f"Provided that {why}" for why in found.assumed)


def minutes(seconds: float) -> str:
    """Return a duration for people."""
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min"  # noqa: PLR2004 -- two minutes


def _explain(session: Session, given: argparse.Namespace) -> int:
    session.require_ours()
    cluster = session.the_cluster(given.cluster)
    world = read(session, cluster)
    now = dt.datetime.fromtimestamp(session.now(), dt.UTC)
    look = first(world, now)
    found = forecast(world, now)
    said = [
        {k: c.get(k) for k in ("type", "status", "reason", "message")}
        for c in (cluster.get("status") or {}).get("conditions") or ()
    ]
    nobody = _nobody_acts(session, now)
    chain = [link(action) for action in look.actions]
    follows = [attrs.asdict(step) for step in found.steps[_writes(look) :]]
    session.out.say(*_explained(session, world, said, chain, follows, nobody))
    session.out.result(
        {
            "namespace": session.namespace,
            "cluster": world.name,
            "conditions": said,
            "nobodyActs": nobody,
            "chain": chain,
            "follows": follows,
        }
    )
    return DONE


def _writes(look: Look) -> int:
    return len([a for a in look.actions if not isinstance(a, Wait | Hold)])


def link(action: Action) -> dict[str, Any]:
    """Return what is waited for, or done, and what ends it."""
    match action:
        case Wait(why=why, seconds=None):
            return {"what": why, "ends": "by itself; the operator hears of it at once"}
        case Wait(why=why, seconds=seconds):
            return {"what": why, "ends": f"by itself; the operator looks every {seconds:g} s"}
        case Hold(why=why, path=path):
            return {"what": why, "ends": f"when somebody changes {path}"}
        case _:
            step = step_of(action)
            return {"what": f"{step.action} {step.target}: {step.why}", "ends": "it is being done"}


def _explained(  # noqa: PLR0913, PLR0917 -- all that is to be told
    session: Session,
    world: World,
    said: list[dict[str, Any]],
    chain: list[dict[str, Any]],
    follows: list[dict[str, Any]],
    nobody: str | None,
) -> Iterator[str]:
    out = session.out
    if nobody:
        yield out.colour(f"Nobody acts: {nobody}", "red")
    yield out.colour(f"The operator says of {world.name}", "bold")
    if not said:
        yield "  nothing yet: it has not looked at this cluster, or does not run"
    yield from (f"  {c['type']} is {c['status']} ({c['reason']}): {c['message']}" for c in said)
    if chain:
        yield out.colour("Now", "bold")
        for link in chain:
            yield f"  {link['what']}"
            yield f"    ends: {link['ends']}"
    if follows:
        yield out.colour("Then", "bold")
        yield from (f"  {s['action']} {s['target']}: {s['why']}" for s in follows[:_FOLLOWS])
        if len(follows) > _FOLLOWS:
            yield f"  and {len(follows) - _FOLLOWS} more (kubectl casskop plan)"
    if refused(world.cluster):
        yield "What is refused waits for you: correct spec, as SpecAccepted says"
    elif not chain and not follows:
        yield "Nothing is waited for: everything is as the spec asks for"


def _nobody_acts(session: Session, now: dt.datetime) -> str | None:
    """Return why no operator acts, as far as its lease tells; None if one does, or nobody knows."""
    try:
        spec = session.client.get(kinds.LEASE, session.namespace, "casskop").get("spec") or {}
    except OperatorError:
        return None
    renewed = instant(spec.get("renewTime"))
    if not spec.get("holderIdentity"):
        return "no operator holds the lease casskop"
    if renewed is None or (late := (now - renewed).total_seconds()) <= 2 * spec.get(
        "leaseDurationSeconds", 15
    ):
        return None
    return f"the lease casskop was last renewed {minutes(late)} ago"


def _plan_arguments(parser: argparse.ArgumentParser) -> None:
    cluster_argument(parser)
    parser.add_argument(
        "-f", "--file", help="manifest with the new spec, '-' for standard input; without: the spec as it is"
    )
    parser.add_argument("--bundle", metavar="FILE", help="plan on a saved bundle instead of the live cluster")


COMMANDS = (
    Command(
        name="plan",
        help="say what the operator will do with a spec, in order, and why",
        arguments=_plan_arguments,
        run=_plan,
        epilog="Nothing is changed. Exit code 3: something is refused, held back or not foreseen.",
    ),
    Command(
        name="explain",
        help="say what the operator waits for, and what will end each wait",
        arguments=cluster_argument,
        run=_explain,
    ),
)
