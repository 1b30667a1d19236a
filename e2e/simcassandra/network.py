"""
The network between simulated nodes: how gossip travels, and how silence is noticed.

News of a node reaches every node that gossip can reach, each after a delay of its own; so each has its
own view, and views agree only after a while. There is no heartbeat: a node that stops is suspected by
those who knew it up, and convicted after the delay that the failure detector would take.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

import attrs

from e2e.simcassandra.gossip import EndpointState
from e2e.simcassandra.pace import RingPace
from e2e.simtime import Simulation

if TYPE_CHECKING:
    from e2e.simcassandra.node import Node


@attrs.define(kw_only=True)
class _Suspicion:
    """A peer that fell silent at *since*; *patience* seconds a unit of phi until it is convicted."""

    since: float
    patience: float


class Network:
    """All processes by address, and what lies between them."""

    def __init__(self, simulation: Simulation, pace: RingPace) -> None:
        self._simulation = simulation
        self._pace = pace
        self.nodes: dict[str, Node] = {}
        # The same by the name of their cluster: nodes of different names never gossip.
        self._named: dict[str, dict[str, Node]] = {}
        # Called with a node and the state that was news to it.
        self.on_news: list[Callable[[Node, EndpointState], None]] = []
        # Pairs of groups that cannot reach each other.
        self._cuts: list[tuple[frozenset[str], frozenset[str]]] = []
        # Nodes whose view stands still, and until when.
        self._frozen: dict[str, float] = {}
        # (viewer, peer) -> suspicion
        self._suspects: dict[tuple[str, str], _Suspicion] = {}

    def at(self, address: str) -> Node | None:
        """Return the running process at *address*."""
        return self.nodes.get(address)

    def join(self, node: Node) -> None:
        """Have *node*'s process from now on."""
        self.nodes[node.address] = node
        self._named.setdefault(node.config.cluster_name, {})[node.address] = node

    def reachable(self, a: str, b: str) -> bool:
        """Return whether packets pass between *a* and *b*."""
        return not any((a in x and b in y) or (a in y and b in x) for x, y in self._cuts)

    def answers(self, viewer: Node, address: str) -> bool:
        """Return whether the node at *address* would answer *viewer*'s gossip."""
        node = self.nodes.get(address)
        return node is not None and node.gossiping and self.reachable(viewer.address, address)

    def component(self, origin: Node) -> list[Node]:
        """Return all nodes that gossip can reach from *origin*, itself included, by address."""
        found = {origin.address: origin}
        frontier = [origin]
        named = self._named.get(origin.config.cluster_name, {})
        while frontier:
            node = frontier.pop()
            for address, other in named.items():
                if address not in found and self._gossips_with(node, other):
                    found[address] = other
                    frontier.append(other)
        return [found[address] for address in sorted(found)]

    def spread(self, origin: Node, state: EndpointState) -> None:
        """Bring *state* to everybody that gossip reaches from *origin*."""
        for node in self.component(origin):
            if node is not origin:
                self._deliver_later(node, state)

    def meet(self, newcomer: Node) -> None:
        """Let everybody that gossip reaches from *newcomer* learn what any of them knows better."""
        component = self.component(newcomer)
        best: dict[str, EndpointState] = {}
        for node in component:
            for address, state in node.view.states.items():
                known = best.get(address)
                if known is None or state.newer_than(known):
                    best[address] = state
        for node in component:
            for address in sorted(best):
                known = node.view.states.get(address)
                unheard = address in node.view.unreachable and self.answers(node, address)
                if known is None or best[address].newer_than(known) or unheard:
                    self._deliver_later(node, best[address])

    def ended(self, node: Node, *, was_gossiping: bool) -> None:
        """Note that *node*'s process is gone."""
        if self.nodes.get(node.address) is node:
            del self.nodes[node.address]
            del self._named[node.config.cluster_name][node.address]
        for pair in [pair for pair in self._suspects if pair[0] == node.address]:
            del self._suspects[pair]
        if was_gossiping:
            self.fell_silent(node.address)

    def fell_silent(self, address: str, viewers: Iterable[str] | None = None) -> None:
        """Let *viewers* (None: everybody) suspect *address* from now on."""
        if viewers is None:
            viewers = [viewer for viewer, node in self.nodes.items() if address in node.view.states]
        for viewer in sorted(viewers):
            node = self.nodes.get(viewer)
            if node is None or not node.gossiping or viewer == address:
                continue
            view = node.view
            # A node that never became a member is to be forgotten, whether or not it was seen up.
            doubtful = view.up.get(address) is not False or not view.is_member(address)
            if address not in view.states or not doubtful or (viewer, address) in self._suspects:
                continue
            patience = self._simulation.random.uniform(
                self._pace.conviction_per_phi_min, self._pace.conviction_per_phi_max
            )
            suspicion = _Suspicion(since=self._simulation.now, patience=patience)
            self._suspects[(viewer, address)] = suspicion
            self._check_later(node, address, suspicion)
            if not node.view.is_member(address):
                self._forget_later(node, address, suspicion)

    def phi_changed(self, node: Node) -> None:
        """Look again at *node*'s suspects, by its new threshold."""
        for (viewer, address), suspicion in list(self._suspects.items()):
            if viewer == node.address:
                self._check_later(node, address, suspicion)

    def cut(self, one: Iterable[str], other: Iterable[str]) -> None:
        """Separate the addresses *one* from the addresses *other* until `heal`."""
        left, right = frozenset(one), frozenset(other)
        self._cuts.append((left, right))
        for here, there in ((left, right), (right, left)):
            for address in sorted(there):
                self.fell_silent(address, here)
        for address in sorted(left | right):
            node = self.nodes.get(address)
            for plan in list(node.streams) if node is not None else []:
                plan.check_reachable()

    def heal(self) -> None:
        """Undo every `cut`."""
        self._cuts.clear()
        for address in sorted(self.nodes):
            node = self.nodes[address]
            if node.gossiping:
                self.meet(node)

    def freeze(self, address: str, seconds: float) -> None:
        """Let the view of the node at *address* stand still for *seconds*: no news, no conviction.

        The others still hear it, and so see nothing of it.
        """
        self._frozen[address] = self._simulation.now + seconds
        self._simulation.after(seconds, lambda: self._thaw(address))

    def frozen(self, address: str) -> bool:
        """Return whether the view at *address* stands still."""
        return address in self._frozen

    def _thaw(self, address: str) -> None:
        if self._frozen.get(address, 0.0) > self._simulation.now:
            return
        self._frozen.pop(address, None)
        node = self.nodes.get(address)
        if node is None or not node.gossiping:
            return
        self.meet(node)
        for (viewer, peer), suspicion in list(self._suspects.items()):
            if viewer == address:
                self._check_later(node, peer, suspicion)

    def _gossips_with(self, a: Node, b: Node) -> bool:
        if not (a.gossiping and b.gossiping) or a.config.cluster_name != b.config.cluster_name:
            return False
        acquainted = (
            b.address in a.seeds
            or a.address in b.seeds
            or b.address in a.view.states
            or a.address in b.view.states
        )
        return acquainted and self.reachable(a.address, b.address)

    def _deliver_later(self, node: Node, state: EndpointState) -> None:
        delay = self._simulation.random.uniform(self._pace.gossip_min, self._pace.gossip_max)
        self._simulation.after(delay, lambda: self._deliver(node, state))

    def _deliver(self, node: Node, state: EndpointState) -> None:
        if not node.gossiping or self.frozen(node.address):
            return
        sender = self.nodes.get(state.address)
        alive = (
            sender is not None
            and sender.state is not None
            and sender.state.generation == state.generation
            and self.answers(node, state.address)
        )
        if alive:
            self._suspects.pop((node.address, state.address), None)
        if node.receive(state, alive=alive):
            for listener in self.on_news:
                listener(node, state)
            if not alive and state.address in node.view.states:
                self.fell_silent(state.address, (node.address,))

    def _check_later(self, node: Node, address: str, suspicion: _Suspicion) -> None:
        due = suspicion.since + self._pace.conviction_base + suspicion.patience * node.phi
        wait = max(0.0, due - self._simulation.now)
        self._simulation.after(wait, lambda: self._check(node, address, suspicion))

    def _check(self, node: Node, address: str, suspicion: _Suspicion) -> None:
        if self._suspects.get((node.address, address)) is not suspicion or not node.running:
            return
        if self.frozen(node.address):
            return
        due = suspicion.since + self._pace.conviction_base + suspicion.patience * node.phi
        # A threshold that was raised meanwhile has scheduled its own look.
        if self._simulation.now + 1e-6 < due:
            return
        del self._suspects[(node.address, address)]
        node.view.convict(address, now=self._simulation.now)
        node.changed()

    def _forget_later(self, node: Node, address: str, suspicion: _Suspicion) -> None:
        def forget() -> None:
            if self._suspects.get((node.address, address)) is not suspicion or not node.running:
                return
            view = node.view
            state = view.states.get(address)
            # A node that left in due form is remembered for three days.
            if state is None or view.is_member(address) or view.remembers(address):
                return
            del self._suspects[(node.address, address)]
            view.forget(address)
            node.changed()

        self._simulation.after(self._pace.fat_client, forget)
