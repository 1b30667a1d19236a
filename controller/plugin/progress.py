"""
How far long work is, as the operator has written it in status: restarts, streams, operations that are due.

Nothing is estimated here: a rate or an end that the operator does not know is left out. What keeps it from
working at all, or at nodes, is told, too: a cluster that is paused or stopped, an edit that waits.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from controller.api.v2 import names
from controller.domain import pause
from controller.domain.amounts import amount, duration
from controller.plugin.session import Object, Output

_BAR: Final = 20
# So many pods are named.
_NAMED: Final = 3


def progress(cluster: Object) -> dict[str, Any]:
    """Return what *cluster* tells of long work, as JSON: parts of its status as they are, or None.

    `paused` and `stopped` are what its user asks for; the phase tells whether it is stopped by now.
    """
    status, spec = cluster.get("status") or {}, cluster.get("spec") or {}
    return {
        "paused": pause.paused(cluster["metadata"].get("annotations") or {}),
        "stopped": spec.get("stopped") is True,
        "rollout": status.get("rollout"),
        "streaming": status.get("streaming"),
        "dueOperations": list(status.get("dueOperations") or ()),
        "pendingChange": status.get("pendingChange"),
    }


def lines(seen: dict[str, Any], out: Output) -> Iterator[str]:
    """Yield what `progress` found for people: nothing of what is not under way."""
    if seen["paused"]:
        yield out.colour(f"Paused by the annotation {names.PAUSED}: nothing is changed", "yellow")
    if seen["stopped"]:
        so_far = "Stopped" if seen["phase"] == "Stopped" else "To be stopped"
        yield out.colour(f"{so_far} by spec.stopped: no node runs, all volumes stay", "yellow")
    if seen["pendingChange"]:
        pending = seen["pendingChange"]
        head = f"An edit waits for approval, hash {pending.get('hash')} (kubectl casskop approve)"
        yield out.colour(head, "yellow")
        yield from (f"  {change}" for change in pending.get("changes") or ())
    if seen["rollout"]:
        yield _rollout(seen["rollout"], out)
    if seen["streaming"]:
        yield _streaming(seen["streaming"], out)
    for due in seen["dueOperations"]:
        yield f"Due: {_due(due)}"


def bar(done: int, whole: int) -> str:
    """Return how much of *whole* is *done* as a bar."""
    full = _BAR if whole <= 0 else max(0, min(_BAR, _BAR * done // whole))
    return "[" + "#" * full + "." * (_BAR - full) + "]"


def _rollout(roll: Object, out: Output) -> str:
    done, whole = roll.get("updatedNodes", 0), roll.get("nodes", 0)
    parts = [f"{done} of {whole} nodes updated"]
    if going := [str(each.get("pod")) for each in roll.get("restarting") or ()]:
        parts.append(f"{_listed(going)} restart{'s' if len(going) == 1 else ''}")
    if roll.get("secondsPerRestart") is not None:
        parts.append(f"{duration(roll['secondsPerRestart'])} a restart")
    if roll.get("estimatedEnd"):
        parts.append(f"over at {roll['estimatedEnd']}")
    return f"Rollout {_drawn(done, whole, out)}{', '.join(parts)}"


def _streaming(found: Object, out: Output) -> str:
    done, whole = found.get("bytes"), found.get("totalBytes")
    head = f"Streaming {found.get('pod')} "
    if done is None or whole is None:
        return f"{head}not known how far"
    parts = [f"{amount(done)} of {amount(whole)}"]
    if found.get("bytesPerSecond") is not None:
        parts.append(f"{amount(found['bytesPerSecond'])}/s")
    if found.get("secondsLeft") is not None:
        parts.append(f"{duration(found['secondsLeft'])} left")
    if found.get("measuredAt"):
        parts.append(f"measured at {found['measuredAt']}")
    return f"{head}{_drawn(done, whole, out)}{', '.join(parts)}"


def _drawn(done: int, whole: int, out: Output) -> str:
    """Return a bar on a terminal, and the share in words everywhere."""
    share = f"{100 * done // whole}%, " if whole > 0 else ""
    return f"{bar(done, whole)} {share}" if out.terminal else share


def _due(due: Object) -> str:
    what = " ".join(str(due[key]) for key in ("name", "argument") if due.get(key))
    where = f" in {due['dc']}" if due.get("dc") else ""
    since = f" since {due['since']}" if due.get("since") else ""
    return f"{what}{where}{since}, settled on {len(due.get('done') or ())} nodes"


def _listed(pods: list[str]) -> str:
    more = len(pods) - _NAMED
    return ", ".join(pods[:_NAMED]) + (f" and {more} others" if more > 0 else "")
