"""
What one node believes about all nodes: its gossip states, who it thinks is up, and the token map.

`View` is a pure model of how a node digests news. It knows neither time but what is passed in, nor how
news travels; so two nodes differ exactly in what reached them, and when.
"""

from __future__ import annotations

import enum
from typing import assert_never

import attrs

from e2e.simcassandra.pace import THREE_DAYS
from e2e.simcassandra.tokens import Layout, Place


class Status(enum.Enum):
    """A node's STATUS in gossip; the value is the word that gossip shows."""

    # In gossip, but no word about membership yet: a "fat client".
    NONE = ""
    BOOT = "BOOT"
    BOOT_REPLACE = "BOOT_REPLACE"
    NORMAL = "NORMAL"
    LEAVING = "LEAVING"
    MOVING = "MOVING"
    LEFT = "LEFT"
    REMOVING = "removing"
    REMOVED = "removed"
    SHUTDOWN = "shutdown"
    # A node that replaces a dead one at the same address, until it is done.
    HIBERNATE = "hibernate"


# Nodes in these states are not marked up, whatever is heard of them.
DEAD = frozenset({Status.LEFT, Status.REMOVING, Status.REMOVED, Status.HIBERNATE})
# A stopping node in one of these says nothing: it has already said more than "shutdown".
SILENT_SHUTDOWN = frozenset(
    {Status.BOOT, Status.BOOT_REPLACE, Status.NONE, Status.LEFT, Status.REMOVED, Status.HIBERNATE}
)


@attrs.frozen(kw_only=True)
class EndpointState:
    """What is gossiped about one node; a later (generation, version) replaces an earlier one."""

    address: str
    host_id: str
    generation: int
    version: int
    status: Status
    tokens: tuple[int, ...]
    place: Place
    release: str
    schema: str
    rpc_ready: bool = False
    load: int = 0
    # The address that a BOOT_REPLACE node takes over.
    replaces: str | None = None
    # The address of the node that removes this one.
    removed_by: str | None = None

    def newer_than(self, other: EndpointState) -> bool:
        """Return whether this is later news than *other*."""
        return (self.generation, self.version) > (other.generation, other.version)


class View:
    """The beliefs of the node at *own*."""

    def __init__(self, own: str, *, replaced_lingers: float) -> None:
        self.own = own
        self._replaced_lingers = replaced_lingers
        self.states: dict[str, EndpointState] = {}
        # The failure detector's word; LEFT nodes stay up here until they fall silent.
        self.up: dict[str, bool] = {}
        # Peers in LiveNodes, and in UnreachableNodes with the instant they went there.
        self.live: dict[str, None] = {}
        self.unreachable: dict[str, float] = {}
        # The token map. A key of `leaving` or `moving` is also one of `members`.
        self.members: dict[str, tuple[int, ...]] = {}
        self.joining: dict[str, tuple[int, ...]] = {}
        self.leaving: dict[str, None] = {}
        self.moving: dict[str, None] = {}
        self.replacing: dict[str, str] = {}
        self.host_ids: dict[str, str] = {}
        # When a LEFT or REMOVED state is forgotten, and when a replaced node's host id is.
        self._expires: dict[str, float] = {}
        self._replaced: dict[str, float] = {}
        self.epoch = 0
        self._layout: tuple[int, Layout] | None = None

    def learn(self, state: EndpointState, *, alive: bool, now: float) -> bool:
        """Digest *state*; *alive* says whether its node answers. Return whether it was news."""
        self.purge(now)
        known = self.states.get(state.address)
        if known is not None and not state.newer_than(known):
            if alive:
                self.hear(state.address)
            return False
        self.states[state.address] = state
        self.epoch += 1
        self._digest(state, now=now)
        if state.address not in self.states or state.address == self.own:
            return True
        if state.status in {Status.LEFT, Status.REMOVED}:
            if known is None:
                # Learnt about long after: it goes straight to the dead.
                self.unreachable[state.address] = now
            self.up[state.address] = alive and state.status is Status.LEFT
        elif alive and state.status not in DEAD and state.status is not Status.SHUTDOWN:
            self.hear(state.address)
        else:
            self.convict(state.address, now=now)
        return True

    def hear(self, address: str) -> None:
        """Note that the node at *address* answers."""
        state = self.states.get(address)
        if state is None or address == self.own:
            return
        if state.status in DEAD or state.status is Status.SHUTDOWN:
            return
        self.up[address] = True
        self.live[address] = None
        self.unreachable.pop(address, None)

    def convict(self, address: str, *, now: float) -> None:
        """Note that the node at *address* is down."""
        if address not in self.states or address == self.own:
            return
        if self.up.get(address) is not False:
            self.unreachable.setdefault(address, now)
        self.up[address] = False
        self.live.pop(address, None)

    def forget(self, address: str) -> None:
        """Drop everything about *address*."""
        self._drop_member(address)
        self.host_ids.pop(address, None)
        for kept in (self.states, self.up, self.live, self.unreachable, self._expires, self._replaced):
            kept.pop(address, None)
        self.epoch += 1

    def purge(self, now: float) -> None:
        """Forget what has expired by *now*."""
        for address, instant in list(self._expires.items()):
            if now >= instant:
                self.forget(address)
        for address, instant in list(self._replaced.items()):
            if now >= instant:
                del self._replaced[address]
                if address not in self.members and address not in self.joining:
                    self.forget(address)

    def is_member(self, address: str) -> bool:
        """Return whether *address* owns tokens."""
        return address in self.members

    def remembers(self, address: str) -> bool:
        """Return whether *address* left in due form, and is kept in gossip for three days."""
        return address in self._expires

    def at_host_id(self, host_id: str) -> str | None:
        """Return the address under which *host_id* is known."""
        for address, known in self.host_ids.items():
            if known == host_id and address not in self._replaced:
                return address
        return None

    def live_nodes(self) -> list[str]:
        """LiveNodes: the peers that are up, and always the node itself."""
        return sorted({self.own, *self.live})

    def layout(self) -> Layout:
        """Return who owns which token now."""
        if self._layout is None or self._layout[0] != self.epoch:
            self._layout = (self.epoch, Layout.of(self.members, self.places()))
        return self._layout[1]

    def places(self) -> dict[str, Place]:
        """Return where each known node stands."""
        return {address: state.place for address, state in self.states.items()}

    def future(self) -> Layout:
        """Return who will own which token once all that is under way is over."""
        gone = {*self.leaving, *self.replacing.values()}
        after = {a: tokens for a, tokens in self.members.items() if a not in gone}
        return Layout.of({**after, **self.joining}, self.places())

    def _digest(self, state: EndpointState, *, now: float) -> None:
        """Bring the token map up to date with *state*."""
        address = state.address
        match state.status:
            case Status.NONE | Status.HIBERNATE:
                pass
            case Status.BOOT | Status.BOOT_REPLACE:
                self._boot(state)
            case Status.SHUTDOWN:
                # What was known of its tokens stays; a newcomer learns them only now.
                if address not in self.members and state.tokens:
                    self._normal(state, now=now)
            case Status.NORMAL:
                self._normal(state, now=now)
            case Status.LEAVING | Status.MOVING:
                self._normal(state, now=now)
                self._on_the_move(address, state.status)
            case Status.REMOVING:
                self._on_the_move(address, state.status)
            case Status.LEFT | Status.REMOVED:
                self._excise(address, now=now)
            case _:
                assert_never(state.status)

    def _boot(self, state: EndpointState) -> None:
        """Note that *state*'s node is joining."""
        self._drop_member(state.address)
        self.joining[state.address] = state.tokens
        self.host_ids[state.address] = state.host_id
        if state.replaces is not None:
            self.replacing[state.address] = state.replaces

    def _on_the_move(self, address: str, status: Status) -> None:
        """Note that the member at *address* leaves, is removed, or moves."""
        if address in self.members:
            (self.moving if status is Status.MOVING else self.leaving)[address] = None

    def _excise(self, address: str, *, now: float) -> None:
        """Take the node at *address* out of the ring, and remember for three days that it was."""
        self._drop_member(address)
        self.host_ids.pop(address, None)
        self.live.pop(address, None)
        self.unreachable.pop(address, None)
        self._expires[address] = now + THREE_DAYS

    def _normal(self, state: EndpointState, *, now: float) -> None:
        """Make *state*'s node a member, unless a newer owner of its host id is known."""
        address = state.address
        rival = self.at_host_id(state.host_id)
        if rival is not None and rival != address:
            if rival == self.own or self._started(rival) > state.generation:
                # The same data runs elsewhere, and started later (or is ours).
                self.forget(address)
                return
            self.forget(rival)
        if self._outlived(state):
            # A peer that started again told of it from its disk, and its tokens are a later node's.
            self.forget(address)
            return
        self._take_tokens(state, now=now)
        self._drop_member(address)
        self._expires.pop(address, None)
        self._replaced.pop(address, None)
        self.members[address] = state.tokens
        self.host_ids[address] = state.host_id

    def _outlived(self, state: EndpointState) -> bool:
        """Whether all of *state*'s tokens belong to nodes that started later."""
        left = set(state.tokens)
        for address, tokens in self.members.items():
            if address != state.address and self._started(address) > state.generation:
                left -= set(tokens)
        return bool(state.tokens) and not left

    def _take_tokens(self, state: EndpointState, *, now: float) -> None:
        """Take *state*'s tokens from whoever had them: that is how a replacement ends."""
        mine = set(state.tokens)
        for address, tokens in list(self.members.items()):
            if address == state.address or mine.isdisjoint(tokens):
                continue
            if self._started(address) >= state.generation:
                continue
            left = tuple(token for token in tokens if token not in mine)
            self.members[address] = left
            if not left:
                self._drop_member(address)
                self.live.pop(address, None)
                self.unreachable.pop(address, None)
                self._replaced[address] = now + self._replaced_lingers

    def _started(self, address: str) -> int:
        state = self.states.get(address)
        return state.generation if state is not None else 0

    def _drop_member(self, address: str) -> None:
        self.members.pop(address, None)
        self.joining.pop(address, None)
        self.leaving.pop(address, None)
        self.moving.pop(address, None)
        self.replacing.pop(address, None)
