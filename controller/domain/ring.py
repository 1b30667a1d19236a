"""
What Cassandra nodes said about themselves and about each other.

Each node has its own view, and views differ while news travels; so a statement about the ring is made
from all the views at hand, and silence is a value of its own: `Silent` never counts as agreement.
"""

from __future__ import annotations

from collections.abc import Mapping
import enum
import functools

import attrs


class Mode(enum.Enum):
    """A node's `OperationMode`; UNKNOWN is a word that this version does not know."""

    STARTING = "STARTING"
    JOINING = "JOINING"
    NORMAL = "NORMAL"
    LEAVING = "LEAVING"
    MOVING = "MOVING"
    DECOMMISSIONED = "DECOMMISSIONED"
    DRAINING = "DRAINING"
    DRAINED = "DRAINED"
    JOINING_FAILED = "JOINING_FAILED"
    DECOMMISSION_FAILED = "DECOMMISSION_FAILED"
    UNKNOWN = "UNKNOWN"

    @classmethod
    def of(cls, word: object) -> Mode:
        """Return the mode that *word* names."""
        return cls._value2member_map_.get(word, cls.UNKNOWN)  # type: ignore[return-value] # the map holds our members


@attrs.frozen(kw_only=True)
class View:
    """One node's answer: its own mode, and what it believes about its peers (by IP address)."""

    mode: Mode
    native_transport: bool
    release_version: str
    host_ids: Mapping[str, str]
    joining: frozenset[str] = frozenset()
    leaving: frozenset[str] = frozenset()
    moving: frozenset[str] = frozenset()
    unreachable: frozenset[str] = frozenset()


@attrs.frozen(kw_only=True)
class Silent:
    """The node was asked and gave no usable answer; *why* says what happened.

    *refused*: its agent lives, but does not take the operator's login.
    """

    why: str
    refused: bool = False


Answer = View | Silent


@attrs.frozen(kw_only=True)
class Ring:
    """The answers of the nodes that were asked, by pod name."""

    answers: Mapping[str, Answer] = attrs.field(factory=dict)

    def views(self) -> dict[str, View]:
        """Return the usable answers by pod name."""
        return {pod: answer for pod, answer in self.answers.items() if isinstance(answer, View)}

    @functools.cached_property
    def _by_name(self) -> tuple[tuple[str, View], ...]:
        """The usable answers in the order of their pods' names."""
        return tuple(sorted(self.views().items()))

    @functools.cached_property
    def _agreed(self) -> frozenset[str]:
        """The addresses that every usable answer has as a member, and none as joining.

        Each pod of a large ring is looked for in each answer, several times in a plan.
        """
        known: set[str] | None = None
        for _, view in self._by_name:
            addresses = view.host_ids.keys()
            if known is None:
                known = set(addresses)
            elif not known <= addresses:
                known &= addresses
            known -= view.joining
        return frozenset(known or ())

    def known(self, ip: str) -> bool:
        """Tell whether everybody who answered has the node at *ip* as a member."""
        return ip in self._agreed or not self._by_name

    def not_joined(self, pod: str, ip: str) -> str | None:
        """Return why the node *pod* at *ip* cannot be counted as a member yet; None if it can.

        A node is a member once it calls itself NORMAL, serves clients, and every peer that answered
        knows its host id and no longer lists it as joining: peers agree up to 3 s after the node does.
        """
        own = self.answers.get(pod)
        match own:
            case None:
                return f"{pod} has not been asked yet"
            case Silent(why=why):
                return f"{pod} is ready but does not answer the operator: {why}"
            case View(mode=mode) if mode is not Mode.NORMAL:
                return f"{pod} is {mode.value}"
            case View(native_transport=False):
                return f"{pod} is NORMAL but does not serve clients yet"
        if ip in self._agreed:
            return None
        for peer, view in self._by_name:
            if ip not in view.host_ids:
                return f"{peer} does not know {pod} as a member yet"
            if ip in view.joining:
                return f"{peer} still sees {pod} joining"
        return None

    def host_id(self, pod: str, ip: str) -> str | None:
        """Return the host id under which *pod* is known at *ip*, its own word first."""
        own = self.answers.get(pod)
        if isinstance(own, View) and ip in own.host_ids:
            return own.host_ids[ip]
        return None

    def seen_joining(self, ip: str) -> str | None:
        """Return a node that sees the one at *ip* joining; None if none does."""
        return next((peer for peer, view in self._by_name if ip in view.joining), None)

    def seen_down(self, ip: str) -> str | None:
        """Return a node that believes the one at *ip* to be down; None if none does."""
        return next((peer for peer, view in self._by_name if ip in view.unreachable), None)

    def on_the_move(self) -> str | None:
        """Return a sentence on a node that joins, leaves or moves now, whoever says so; None if still."""
        for peer, view in self._by_name:
            for verb, addresses in (
                ("joining", view.joining),
                ("leaving", view.leaving),
                ("moving", view.moving),
            ):
                if addresses:
                    return f"{peer} sees {', '.join(sorted(addresses))} {verb}"
        return None
