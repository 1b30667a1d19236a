"""
Streams: data on its way from one node to another.

A `Plan` is one operation's streams, shown by all nodes that take part; a `Session` is what one source
sends to one target. A source shares its rate between what it sends at the same time. A slice counts as
held by the target when its session is complete.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from e2e.simcassandra.work import Work

if TYPE_CHECKING:
    from e2e.simcassandra.node import Node

BYTES_PER_MEGABIT = 125_000

# Slices by keyspace: what is to be sent.
Slices = Mapping[str, int]
# What each source is to send to each target, by their addresses.
Moves = Mapping[tuple[str, str], Slices]


class Session:
    """*slices* on their way from *source* to *target*."""

    def __init__(self, plan: Plan, *, source: Node, target: Node, slices: Slices) -> None:
        self.plan = plan
        self.source = source
        self.target = target
        self.slices = dict(slices)
        self.state = "STREAMING"
        self.total = sum(source.data.of(keyspace, mask) for keyspace, mask in self.slices.items())
        source.sending.append(self)
        self.work = Work(
            source.simulation,
            total=self.total,
            rate=self._rate,
            done=self._arrived,
            least=source.pace.least,
        )

    def _rate(self) -> float:
        """The source's bytes per second, shared by what it sends; 0 megabits means unthrottled."""
        megabits = self.source.stream_megabits or 8000
        return megabits * BYTES_PER_MEGABIT / max(1, len(self.source.sending))

    def _arrived(self) -> None:
        volume, data = self.target.volume, self.target.data
        if volume.capacity is not None and volume.used(data) + self.total > volume.capacity:
            self.plan.fail(f"No space left on device on {self.target.address}")
            return
        for keyspace, mask in self.slices.items():
            volume.hold(keyspace, mask, self.target.sstable_format)
        self._close("COMPLETE")
        self.plan.check_complete()

    def fail(self) -> None:
        """Stop sending."""
        self.work.cancel()
        self._close("FAILED")

    def _close(self, state: str) -> None:
        self.state = state
        if self in self.source.sending:
            self.source.sending.remove(self)
            rerate(self.source)


def rerate(source: Node) -> None:
    """Let *source* go on sending at its present rate."""
    for session in list(source.sending):
        session.work.rerate()


class Plan:
    """All sessions of one operation of *owner*; *done* gets None, or why it failed."""

    def __init__(
        self,
        owner: Node,
        description: str,
        moves: Moves,
        *,
        lingers: bool,
        done: Callable[[str | None], None],
    ) -> None:
        self.plan_id = owner.new_id()
        self.owner = owner
        self.description = description
        self._done = done
        # Whether a plan that had nothing to stream stays in the list until the process ends.
        self._lingers = lingers
        self._over = False
        self.sessions: list[Session] = []
        owner.streams.append(self)
        for (source_address, target_address), slices in sorted(moves.items()):
            source = owner.network.at(source_address)
            target = owner.network.at(target_address)
            if source is None or target is None or not self._connected(source, target):
                down = target_address if source is not None else source_address
                owner.after(owner.pace.least, lambda gone=down: self.fail(_refused(gone)))  # type: ignore[misc]  # mypy cannot infer defaults
                return
            self.sessions.append(Session(self, source=source, target=target, slices=slices))
            for node in (source, target):
                if self not in node.streams:
                    node.streams.append(self)
        for node in {id(s.source): s.source for s in self.sessions}.values():
            rerate(node)
        if not self.sessions:
            owner.after(owner.pace.least, self.check_complete)

    def check_complete(self) -> None:
        """End the plan if every session is complete."""
        if not self._over and all(session.state == "COMPLETE" for session in self.sessions):
            self._finish(None)

    def check_reachable(self) -> None:
        """Fail if two of its nodes cannot reach each other any more."""
        for session in self.sessions:
            if session.state == "STREAMING" and not self._connected(session.source, session.target):
                self.fail(_refused(session.target.address))
                return

    def peer_ended(self, node: Node) -> None:
        """Fail if *node*, whose process ended, still had something to send or to get."""
        if self in node.streams:
            node.streams.remove(self)
        if node is self.owner:
            self._abandon()
            return
        if any(s.state == "STREAMING" and node in (s.source, s.target) for s in self.sessions):
            self.fail(f"Remote peer /{node.address}:7000 failed stream session")

    def fail(self, why: str) -> None:
        """End the plan with the error *why*."""
        if not self._over:
            self._stop_sessions()
            self._finish(why)

    def describe(self, viewer: Node) -> dict[str, Any]:
        """Return the plan as *viewer*'s CurrentStreams shows it."""
        shown = [s for s in self.sessions if viewer in (s.source, s.target)]
        sent = [s for s in shown if s.source is viewer]
        received = [s for s in shown if s.target is viewer]
        tx, tx_total = _progress(sent)
        rx, rx_total = _progress(received)
        return {
            "planId": self.plan_id,
            "description": self.description,
            "sessions": [_describe_session(s, viewer) for s in shown],
            "currentRxBytes": rx,
            "totalRxBytes": rx_total,
            "rxPercentage": _percent(rx, rx_total),
            "currentTxBytes": tx,
            "totalTxBytes": tx_total,
            "txPercentage": _percent(tx, tx_total),
        }

    def _connected(self, source: Node, target: Node) -> bool:
        return (
            source.running and target.running and self.owner.network.reachable(source.address, target.address)
        )

    def _stop_sessions(self) -> None:
        for session in self.sessions:
            if session.state == "STREAMING":
                session.fail()

    def _abandon(self) -> None:
        """The owner is gone: nobody is left to be told."""
        if not self._over:
            self._over = True
            self._stop_sessions()
            self._hide()

    def _finish(self, why: str | None) -> None:
        self._over = True
        if self.sessions or not self._lingers:
            self._hide()
        self._done(why)

    def _hide(self) -> None:
        for node in [self.owner, *(n for s in self.sessions for n in (s.source, s.target))]:
            if self in node.streams:
                node.streams.remove(self)


def _refused(address: str) -> str:
    return f"Stream failed: connection to /{address}:7000 refused"


def _progress(sessions: list[Session]) -> tuple[int, int]:
    return sum(s.work.completed for s in sessions), sum(s.total for s in sessions)


def _percent(current: int, total: int) -> float:
    return 100.0 if total == 0 else 100.0 * current / total


def _describe_session(session: Session, viewer: Node) -> dict[str, Any]:
    sending = session.source is viewer
    peer = session.target if sending else session.source
    summaries = [
        {"cfId": keyspace, "files": 1, "totalSize": session.source.data.of(keyspace, mask)}
        for keyspace, mask in sorted(session.slices.items())
    ]
    files = [
        {
            "peer": peer.address,
            "fileName": f"{'/'.join(sorted(session.slices))}/nb-1-big-Data.db",
            "direction": "OUT" if sending else "IN",
            "currentBytes": session.work.completed,
            "totalBytes": session.total,
        }
    ]
    return {
        "planId": session.plan.plan_id,
        "sessionIndex": 0,
        "peer": peer.address,
        "peer_port": 7000,
        "connecting": peer.address,
        "state": session.state,
        "sendingSummaries": summaries if sending else [],
        "receivingSummaries": [] if sending else summaries,
        "sendingFiles": files if sending else [],
        "receivingFiles": [] if sending else files,
    }
