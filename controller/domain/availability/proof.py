"""
The proof itself: the largest set of nodes whose absence no client notices, or what is in the way.

A client at the given consistency notices when a range has fewer replicas up than it waits for. What is
down already, for whatever reason, counts as down. Two kinds of keyspaces cannot be kept whatever the
order of restarts: those whose replicas leave no room (one replica at LOCAL_QUORUM), and those of which
nothing is known. They are not part of the proof, and it says so.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
import enum

import attrs

from controller.domain.availability.placement import Group, Layout, Nodes
from controller.domain.availability.replication import (
    Local,
    NetworkTopology,
    Replication,
    Simple,
    Unprovable,
)

# What they lose Cassandra makes anew or repairs, and some ask for more nodes than a small ring has.
CASSANDRAS_OWN = frozenset({"system_auth", "system_distributed", "system_traces"})
# They serve traces and the history of repairs, no client: nobody asks for them at a quorum.
AUXILIARY = frozenset({"system_traces", "system_distributed"})
# How many sets are looked at before the best one so far is good enough.
_BUDGET = 20_000


class Consistency(enum.StrEnum):
    """How many replicas a client waits for."""

    ONE = "ONE"
    LOCAL_ONE = "LOCAL_ONE"
    QUORUM = "QUORUM"
    LOCAL_QUORUM = "LOCAL_QUORUM"
    EACH_QUORUM = "EACH_QUORUM"
    ALL = "ALL"

    @property
    def joint(self) -> bool:
        """Whether replicas of all data centres count together."""
        return self in (Consistency.ONE, Consistency.QUORUM, Consistency.ALL)

    def needed(self, factor: int) -> int:
        """Return how many of *factor* replicas have to answer."""
        match self:
            case Consistency.ONE | Consistency.LOCAL_ONE:
                return 1
            case Consistency.ALL:
                return factor
            case Consistency.QUORUM | Consistency.LOCAL_QUORUM | Consistency.EACH_QUORUM:
                return factor // 2 + 1


@attrs.frozen(kw_only=True)
class Keyspace:
    """A keyspace and where its replicas belong."""

    name: str
    replication: Replication


@attrs.frozen(kw_only=True)
class Uncovered:
    """A keyspace that the proof says nothing about, and *why*."""

    keyspace: str
    why: str


@attrs.frozen(kw_only=True)
class Proof:
    """*nodes* may be down together, in the order in which they were offered; never empty.

    *ranges* token ranges of *keyspaces* were looked at that have replicas on them.
    """

    nodes: tuple[str, ...]
    consistency: Consistency
    keyspaces: tuple[str, ...]
    ranges: int
    uncovered: tuple[Uncovered, ...] = ()

    @property
    def why(self) -> str:
        """The proof in a sentence."""
        them = self.nodes[0] if len(self.nodes) == 1 else f"these {len(self.nodes)} nodes"
        if self.keyspaces:
            held = "it holds" if len(self.nodes) == 1 else "they hold"
            text = (
                f"{self.consistency} holds without {them} in all {self.ranges} token ranges"
                f" of {_listed(self.keyspaces)} that {held}"
            )
        else:
            other = "other " if self.uncovered else ""
            text = f"no {other}keyspace needs {them} for {self.consistency}"
        return text + not_covered(self.uncovered)


@attrs.frozen(kw_only=True)
class Blocked:
    """None of the offered nodes may go down: an example of what each would take away.

    Without *node*, the range (*start*, *end*] of *keyspace* on *replicas* has fewer than *needed* up.
    """

    node: str
    keyspace: str
    consistency: Consistency
    start: int
    end: int
    replicas: tuple[str, ...]
    down: tuple[str, ...]
    needed: int

    @property
    def why(self) -> str:
        """What is in the way, in a sentence."""
        down = f"{', '.join(self.down)} {'is' if len(self.down) == 1 else 'are'} down"
        return (
            f"{self.consistency} of keyspace {self.keyspace} needs {self.needed} of the replicas"
            f" {', '.join(self.replicas)} of range ({self.start}, {self.end}], and {down}:"
            f" {self.node} has to stay up"
        )


def not_covered(uncovered: Sequence[Uncovered]) -> str:
    """Say what a proof leaves out, as the end of a sentence; nothing if it leaves out nothing."""
    if not uncovered:
        return ""
    return "; not covered: " + ", ".join(f"{item.keyspace} ({item.why})" for item in uncovered)


@attrs.frozen(kw_only=True)
class _Demand:
    """What one keyspace asks of a number of ranges: *needed* replicas up in each."""

    keyspace: str
    groups: list[Group]
    needed: int
    short: str


@attrs.frozen(kw_only=True)
class _Limit:
    """At most *allowed* of some nodes may go down, because of *group*."""

    allowed: int
    demand: _Demand
    group: Group


def prove(  # noqa: PLR0913 -- a ring, its data, its state, and the question
    *,
    layout: Layout,
    keyspaces: Iterable[Keyspace],
    down: Iterable[str],
    candidates: Sequence[str],
    consistency: Consistency = Consistency.LOCAL_QUORUM,
    most: int | None = None,
) -> Proof | Blocked:
    """Return the largest set of *candidates* that may go down together, of at most *most* nodes.

    Of sets of one size the one with the earlier candidates is preferred. In rings that are not spread
    over racks the search may end before the largest set is found: what it returns is a proof all the
    same. A candidate that holds no tokens may always go. *candidates* and *most* are not empty or zero.
    """
    offered = layout.bits(candidates)
    up = layout.bits(layout.nodes()) & ~layout.bits(down)
    demands, uncovered = _sorted_out(layout, keyspaces, consistency, offered)
    limits, ranges = _limits(demands, up, offered)
    free = [node for node in candidates if not _forbidden(layout.bits([node]), limits)]
    if not free:
        return _blocked(layout, limits, candidates, up, consistency)
    bits = [layout.bits([node]) for node in free]
    wanted = len(bits) if most is None else min(most, len(bits))
    chosen = _largest(bits, [(nodes, limit.allowed) for nodes, limit in limits.items()], wanted)
    nodes = tuple(free[i] for i in chosen)
    return Proof(
        nodes=nodes,
        consistency=consistency,
        keyspaces=tuple(sorted({demand.keyspace for demand in demands})),
        ranges=sum(1 for group in ranges if group & layout.bits(nodes)),
        uncovered=uncovered,
    )


def _sorted_out(
    layout: Layout, keyspaces: Iterable[Keyspace], consistency: Consistency, offered: Nodes
) -> tuple[list[_Demand], tuple[Uncovered, ...]]:
    """Return what can be demanded, and what cannot be kept anyway, of ranges that *offered* nodes hold."""
    demands: list[_Demand] = []
    uncovered: dict[str, Uncovered] = {}
    known: dict[tuple[str, int], list[Group]] = {}
    for keyspace in sorted(keyspaces, key=lambda k: k.name):
        if keyspace.name in AUXILIARY:
            continue
        if isinstance(keyspace.replication, Unprovable):
            uncovered[keyspace.name] = Uncovered(keyspace=keyspace.name, why=keyspace.replication.why)
            continue
        for demand in _demands(layout, keyspace, consistency, known):
            touched = [group for group in demand.groups if group.nodes & offered]
            if not touched:
                continue
            if min(group.nodes.bit_count() for group in demand.groups) > demand.needed:
                demands.append(demand)
            else:
                uncovered[keyspace.name] = Uncovered(keyspace=keyspace.name, why=demand.short)
    return demands, tuple(uncovered.values())


def _demands(
    layout: Layout, keyspace: Keyspace, consistency: Consistency, known: dict[tuple[str, int], list[Group]]
) -> Iterator[_Demand]:
    """Yield what *keyspace* demands; *known* keeps groups that other keyspaces share."""

    def part(dc: str, factor: int) -> list[Group]:
        found = known.get((dc, factor))
        if found is None:
            found = layout.network(dc, factor) if dc else layout.simple(factor)
            known[dc, factor] = found
        return found

    match keyspace.replication:
        case Simple(factor=factor):
            yield _demand(keyspace.name, part("", factor), consistency.needed(factor), f"{factor} replicas")
        case NetworkTopology(factors=factors):
            there = {dc: n for dc, n in factors.items() if n > 0 and dc in layout.dcs()}
            if consistency.joint:
                total = sum(factors.values())
                groups = layout.joint([part(dc, n) for dc, n in there.items()])
                yield _demand(keyspace.name, groups, consistency.needed(total), f"{total} replicas in all")
                return
            for dc, n in there.items():
                yield _demand(keyspace.name, part(dc, n), consistency.needed(n), f"{n} replicas in {dc}")
        case Local() | Unprovable():
            return


def _demand(keyspace: str, groups: list[Group], needed: int, short: str) -> _Demand:
    words = short.replace("1 replicas", "1 replica") if short.startswith("1 ") else short
    return _Demand(keyspace=keyspace, groups=groups, needed=needed, short=words)


def _limits(demands: Iterable[_Demand], up: Nodes, offered: Nodes) -> tuple[dict[Nodes, _Limit], list[Nodes]]:
    """Return for sets of offered nodes how many may go, and the offered holders of every range."""
    limits: dict[Nodes, _Limit] = {}
    ranges: list[Nodes] = []
    for demand in demands:
        for group in demand.groups:
            # A node that is down already takes nothing away any more.
            nodes = group.nodes & offered & up
            if not nodes:
                continue
            ranges.append(nodes)
            allowed = (group.nodes & up).bit_count() - demand.needed
            before = limits.get(nodes)
            if before is None or allowed < before.allowed:
                limits[nodes] = _Limit(allowed=allowed, demand=demand, group=group)
    return limits, ranges


def _forbidden(node: Nodes, limits: Mapping[Nodes, _Limit]) -> bool:
    return any(nodes & node and limit.allowed < 1 for nodes, limit in limits.items())


def _blocked(
    layout: Layout,
    limits: Mapping[Nodes, _Limit],
    candidates: Sequence[str],
    up: Nodes,
    consistency: Consistency,
) -> Blocked:
    """Say what is in the way of the first candidate."""
    node = candidates[0]
    bit = layout.bits([node])
    limit = next(limit for nodes, limit in limits.items() if nodes & bit and limit.allowed < 1)
    return Blocked(
        node=node,
        keyspace=limit.demand.keyspace,
        consistency=consistency,
        start=limit.group.start,
        end=limit.group.end,
        replicas=layout.named(limit.group.nodes),
        down=layout.named(limit.group.nodes & ~up),
        needed=limit.demand.needed,
    )


def _largest(bits: Sequence[Nodes], limits: Sequence[tuple[Nodes, int]], wanted: int) -> list[int]:
    """Return the indexes of the largest set within *limits*, of at most *wanted* nodes."""
    everyone = 0
    for bit in bits:
        everyone |= bit
    tight = [(nodes, n) for nodes, n in limits if (nodes & everyone).bit_count() > n]
    if not tight:
        return list(range(wanted))
    mine = [[limit for limit in tight if limit[0] & bit] for bit in bits]
    best = _greedy(bits, mine, wanted)
    budget = _BUDGET
    # Depth first, earlier candidates first; a branch that cannot beat the best is left.
    stack: list[tuple[int, Nodes, tuple[int, ...]]] = [(0, 0, ())]
    while stack and budget and len(best) < wanted:
        budget -= 1
        i, taken, chosen = stack.pop()
        if len(chosen) > len(best):
            best = list(chosen)
        if i == len(bits) or len(chosen) + len(bits) - i <= len(best):
            continue
        stack.append((i + 1, taken, chosen))
        if _fits(taken | bits[i], mine[i]):
            stack.append((i + 1, taken | bits[i], (*chosen, i)))
    return best


def _greedy(bits: Sequence[Nodes], mine: Sequence[Sequence[tuple[Nodes, int]]], wanted: int) -> list[int]:
    taken = 0
    chosen: list[int] = []
    for i, bit in enumerate(bits):
        if len(chosen) < wanted and _fits(taken | bit, mine[i]):
            taken |= bit
            chosen.append(i)
    return chosen


def _fits(taken: Nodes, limits: Iterable[tuple[Nodes, int]]) -> bool:
    return all((nodes & taken).bit_count() <= allowed for nodes, allowed in limits)


def _listed(words: Sequence[str]) -> str:
    """Join names of keyspaces, but not endlessly many."""
    some = 5
    shown = ", ".join(words[:some])
    return shown if len(words) <= some else f"{shown} and {len(words) - some} more keyspaces"
