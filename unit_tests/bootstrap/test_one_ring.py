"""A model of pods that start, stop, lose disks and see little of each other: there is never a second ring."""

from __future__ import annotations

import attrs
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from controller.bootstrap.seeds import (
    NAMES_SECONDS,
    SEED_SECONDS,
    Data,
    Me,
    Reach,
    Seen,
    Situation,
    Start,
    decide_seeds,
)

PODS = ("demo-dc1-rack1-0", "demo-dc1-rack2-0", "demo-dc1-rack3-0", "demo-dc1-rack1-1")
SEEDS = tuple(f"{pod}.demo.ns" for pod in PODS[:3])
_UNSEEN = st.sampled_from([Seen(reach=Reach.SILENT), Seen(reach=Reach.UNRESOLVED)])


@attrs.define
class Node:
    """
    One pod with its disk.

    *ring* is the one that its disk knows; *half* says that its bootstrap into it has not ended.
    """

    up: bool = False
    ring: int | None = None
    half: bool = False

    @property
    def mode(self) -> str:
        """Its OperationMode."""
        return "JOINING" if self.half else "NORMAL"


class OneRing(RuleBasedStateMachine):
    """
    Nodes are started by `decide_seeds` and by nothing else.

    What a pod sees of another one is the truth, or nothing: Jolokia's answer comes from the node itself.
    The operator records a member before anything else happens, as it promises.
    """

    def __init__(self) -> None:
        super().__init__()
        self.nodes = {pod: Node() for pod in PODS}
        self.joined: set[str] = set()
        self.rings = 0
        self.skipped: set[str] = set()

    @rule(
        pod=st.sampled_from(PODS),
        unseen=st.dictionaries(st.sampled_from(SEEDS), _UNSEEN),
        waited=st.sampled_from([0.0, NAMES_SECONDS, SEED_SECONDS]),
    )
    def start(self, pod: str, unseen: dict[str, Seen], waited: float) -> None:
        """A container is started; it sees what it can."""
        node = self.nodes[pod]
        if node.up:
            return
        decision = decide_seeds(
            Situation(
                me=Me(pod=pod, namespace="ns", address="10.0.0.7"),
                seeds=SEEDS,
                data=Data.NONE if node.ring is None else Data.PRESENT,
                joined=tuple(sorted(self.joined)),
                others={seed: unseen.get(seed, self.truth(seed)) for seed in SEEDS},
                replacing=False,
                waited=waited,
            )
        )
        if isinstance(decision, Start):
            self.run(pod, node, decision.seeds)

    def truth(self, seed: str) -> Seen:
        """What the node behind *seed* would answer."""
        node = self.nodes[seed.split(".", maxsplit=1)[0]]
        if not node.up:
            return Seen(reach=Reach.UNRESOLVED)
        return Seen(reach=Reach.ANSWERS, mode=node.mode)

    def run(self, pod: str, node: Node, seeds: tuple[str, ...]) -> None:
        """Do as Cassandra does: a new node on its own list begins a ring, any other one bootstraps."""
        node.up = True
        if any(seed.startswith(f"{pod}.") for seed in seeds):
            if node.ring is None:
                node.ring = self.rings
                self.rings += 1
            elif node.half:
                self.skipped.add(pod)
            node.half = False
        elif node.ring is None or node.half:
            normal = (self.nodes[seed.split(".")[0]] for seed in seeds)
            node.ring = next(other.ring for other in normal if other.up and not other.half)
            node.half = True
        if not node.half:
            self.joined.add(pod)

    @rule(pod=st.sampled_from(PODS))
    def end_bootstrap(self, pod: str) -> None:
        """A joining node that has members to stream from becomes one, and is recorded."""
        node = self.nodes[pod]
        sources = any(
            other.up and not other.half and other.ring == node.ring for other in self.nodes.values()
        )
        if node.up and node.half and sources:
            node.half = False
            self.joined.add(pod)

    @rule(pods=st.sets(st.sampled_from(PODS)))
    def stop(self, pods: set[str]) -> None:
        """Containers stop, be it all at once."""
        for pod in pods:
            self.nodes[pod].up = False

    @rule(pod=st.sampled_from(PODS))
    def lose_disk(self, pod: str) -> None:
        """A pod comes back with an empty volume."""
        self.nodes[pod] = Node()

    @invariant()
    def all_members_are_of_one_ring(self) -> None:
        """No two disks of members know two rings. (A ring whose last member lost its disk is none.)"""
        assert len({node.ring for node in self.nodes.values() if not node.half} - {None}) <= 1

    @invariant()
    def nobody_serves_half_a_copy(self) -> None:
        """No node took up its bootstrap on its own seed list, where Cassandra leaves out the rest of it."""
        assert not self.skipped


OneRing.TestCase.settings = settings(max_examples=200, stateful_step_count=25, deadline=None)
TestOneRing = OneRing.TestCase
