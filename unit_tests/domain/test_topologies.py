"""Any topology, any keyspaces, any edits: data centres and racks come, go and change their size, safely."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs
from hypothesis import given
from hypothesis import strategies as st

from controller.domain.actions import Action, Decommission, Hold, Wait
from controller.domain.availability import Keyspace, NetworkTopology, Simple
from controller.domain.changes import Facts, judge
from controller.domain.desired import Desired, DesiredRack, Rollout
from controller.domain.leaving_status import scaling_down
from unit_tests.domain.shrinking import Cluster

Spec = dict[str, Any]

RACKS = st.lists(st.sampled_from(["a", "b", "c"]), min_size=1, max_size=3, unique=True)
DCS = st.builds(
    lambda name, racks, size: {"name": name, "nodesPerRacks": size, "rack": [{"name": r} for r in racks]},
    st.sampled_from(["dc1", "dc2"]),
    RACKS,
    st.integers(0, 2),
)
TOPOLOGIES = st.lists(DCS, min_size=1, max_size=2, unique_by=lambda dc: dc["name"])
# Of the model's volumes of 1 GiB: for some departures there is room then, for others there is not.
HALF_FULL = 550 << 20
KEYSPACES = st.lists(
    st.one_of(
        st.builds(Simple, factor=st.integers(1, 3)),
        st.builds(
            lambda factors: NetworkTopology(factors=factors),
            st.dictionaries(st.sampled_from(["dc1", "dc2"]), st.integers(1, 3), max_size=2),
        ),
    ),
    max_size=2,
)


@attrs.frozen(kw_only=True)
class Edited:
    """A cluster, the spec that its user *wrote*, and the one that was *accepted* of it."""

    world: Cluster
    written: Spec
    accepted: Mapping[str, Any]
    leaving: frozenset[str] = frozenset()
    unlocked: bool = False

    def judged(self) -> Edited:
        """Return what is accepted now, as the operator does before each plan."""
        verdict = judge(
            self.accepted,
            self.written,
            Facts(
                cluster="demo",
                nodes=self.world.sizes,
                leaving=self.leaving,
                scaling_down=scaling_down(self.world.status),
            ),
        )
        return attrs.evolve(self, accepted=verdict.spec, leaving=verdict.leaving)

    def want(self) -> Desired:
        """Return what the accepted spec asks for."""
        racks = []
        for i, dc in enumerate(self.accepted["topology"]["dc"]):
            for j, rack in enumerate(dc["rack"]):
                name = f"{dc['name']}-{rack['name']}"
                leaves = name in self.leaving
                racks.append(
                    DesiredRack(
                        name=name,
                        path=f"spec.topology.dc[{i}].rack" + ("" if leaves else f"[{j}]"),
                        replicas=0 if leaves else dc["nodesPerRacks"],
                        template_hash="t1",
                        statefulset=f"demo-{name}",
                        recipe="t1",
                        leaves=leaves,
                    )
                )
        return Desired(name="demo", racks=tuple(racks), rollout=Rollout(unlocked=self.unlocked))


def replicas_kept(before: Cluster, action: Decommission) -> bool:
    """Tell whether no keyspace is left with fewer nodes than copies where a node is told to leave."""
    members = [spot for spot, stage in before.places.items() if stage == "member"]
    dc = action.rack.partition("-")[0]
    stay = [rack for rack, ordinal in members if f"demo-{rack}-{ordinal}" != action.pod]
    here = sum(rack.partition("-")[0] == dc for rack in stay)
    return all(
        len(stay) >= keyspace.replication.factor
        if isinstance(keyspace.replication, Simple)
        else isinstance(keyspace.replication, NetworkTopology)
        and keyspace.replication.factors.get(dc, 0) <= here
        for keyspace in before.keyspaces
    )


def settle(edited: Edited, edits: list[list[Spec]], data: st.DataObject) -> tuple[Edited, tuple[Action, ...]]:
    """Take steps, with *edits* at any moment between them, until nothing moves; the model checks each."""
    later, patience = list(edits), 4
    for _ in range(1500):
        edited = edited.judged()
        before, want = edited.world, edited.want()
        world, actions = before.step(want)
        assert len(world.moving()) <= 1, "one node at a time"
        asked = [action for action in actions if isinstance(action, Decommission)]
        assert world.asked == before.asked or replicas_kept(before, asked[0]), asked
        movable = world.ready_to_move()
        idle = not movable and all(isinstance(action, Hold | Wait) for action in actions)
        if movable and (not patience or data.draw(st.booleans())):
            world, patience = world.advance(movable[0], want), 4
        elif later and (idle or data.draw(st.integers(0, 5)) == 0):
            edited = attrs.evolve(edited, written={"topology": {"dc": later.pop(0)}})
        elif idle and world.status == before.status:
            return attrs.evolve(edited, world=world), actions
        else:
            patience = max(patience - 1, 0)
        edited = attrs.evolve(edited, world=world)
    raise AssertionError(f"no end in sight: {actions}, {edited.world.places}, {edited.written}")


@given(st.data())
def test_any_edits_end_at_what_was_accepted_or_at_a_reason(data: st.DataObject) -> None:
    """After any edits at any moment the ring is what was accepted of the last one, or a Hold says why not.

    One node moves at a time, no keyspace ever has fewer nodes than copies, and no data centre, rack, volume
    or name of a node that has left stays behind.
    """
    first = data.draw(TOPOLOGIES.filter(lambda dcs: any(dc["nodesPerRacks"] for dc in dcs)))
    edits = data.draw(st.lists(TOPOLOGIES, min_size=1, max_size=3))
    keyspaces = tuple(
        Keyspace(name=f"ks{i}", replication=each) for i, each in enumerate(data.draw(KEYSPACES))
    )
    spec = {"topology": {"dc": first}}
    start = Edited(world=Cluster(), written=spec, accepted=spec, unlocked=data.draw(st.booleans()))
    world = Cluster.running(start.want(), keyspaces=keyspaces)
    start = attrs.evolve(start, world=attrs.evolve(world, load=data.draw(st.sampled_from([0, HALF_FULL]))))

    edited, actions = settle(start, edits, data)

    world, want = edited.world, edited.want()
    assert all(stage == "member" for stage in world.places.values())
    names = {f"demo-{rack}-{i}" for rack, size in world.sizes.items() for i in range(size)}
    assert world.claims == world.recorded == set(world.status.cassandra_node_status) == names
    holds = [action.why for action in actions if isinstance(action, Hold)]
    if not holds:
        assert actions == ()
        assert not edited.leaving
        assert world.sizes.keys() <= {rack.name for rack in want.racks}
        assert {n: s for n, s in world.sizes.items() if s} == {
            r.name: r.replicas for r in want.racks if r.replicas
        }
        assert set(world.status.cassandra_rack_status) == {rack.name for rack in want.racks}
    for rack in want.racks:
        assert world.sizes.get(rack.name, 0) >= rack.replicas, "growth needs no permission"
