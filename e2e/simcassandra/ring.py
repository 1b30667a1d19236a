"""
All simulated Cassandra nodes, and what a scenario asks of them or does to them.

It is called ring since it usually is one; but nodes that never heard of each other form rings of their
own, and `rings` shows that.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from e2e.simcassandra import removal, shutdown, startup
from e2e.simcassandra.deferred import JavaError
from e2e.simcassandra.faults import Faults
from e2e.simcassandra.gossip import EndpointState, Status
from e2e.simcassandra.keyspaces import Data, Keyspace, Schema
from e2e.simcassandra.modes import Mode
from e2e.simcassandra.network import Network
from e2e.simcassandra.node import Node, NodeConfig, World
from e2e.simcassandra.pace import RingPace
from e2e.simcassandra.tokens import SLICE_TOKENS, NetworkTopology, Replication, replicas
from e2e.simcassandra.volume import Volume
from e2e.simtime import Simulation


class Ring:
    """Nodes on one network, driven by *simulation*."""

    def __init__(self, simulation: Simulation, pace: RingPace | None = None) -> None:
        self.simulation = simulation
        self.pace = pace or RingPace()
        self.network = Network(simulation, self.pace)
        self.network.on_news.append(self._news)
        self.data = Data()
        self._world = World(simulation=simulation, network=self.network, data=self.data, pace=self.pace)
        self.faults = Faults(simulation)
        # Every volume that a node ever started on, by name.
        self.volumes: dict[str, Volume] = {}

    def start(self, address: str, volume: Volume, config: NodeConfig) -> Node:
        """Start a process at *address*, which must be free, on *volume*."""
        node = self.adopt(address, volume, config)
        startup.begin(node)
        return node

    def adopt(self, address: str, volume: Volume, config: NodeConfig) -> Node:
        """Return a process at *address*, which must be free, on *volume*; what it is at is not said."""
        if self.network.at(address) is not None:
            raise ValueError(f"a process already runs at {address}")
        node = Node(self._world, address=address, volume=volume, config=config)
        self.network.join(node)
        self.volumes[volume.name] = volume
        return node

    def at(self, address: str) -> Node | None:
        """Return the running process at *address*."""
        return self.network.at(address)

    def nodes(self) -> list[Node]:
        """Return the running processes, by address."""
        return [self.network.nodes[address] for address in sorted(self.network.nodes)]

    def normal(self) -> list[Node]:
        """Return the processes that call themselves NORMAL, by address."""
        return [node for node in self.nodes() if node.mode is Mode.NORMAL]

    def kill(self, address: str) -> None:
        """End the process at *address* as SIGKILL does."""
        shutdown.kill(self._running(address))

    def terminate(self, address: str) -> None:
        """Stop the process at *address* as SIGTERM does."""
        shutdown.terminate(self._running(address))

    def rings(self) -> list[tuple[str, ...]]:
        """Return the members that run, grouped by who knows whom; more than one group is a split."""
        left = {node.address: node for node in self.normal()}
        groups = []
        while left:
            first = left[min(left)]
            known = {a for a in first.view.members if a in left}
            group = {
                address
                for address, node in left.items()
                if address in known or first.address in node.view.members
            }
            groups.append(tuple(sorted(group)))
            left = {a: n for a, n in left.items() if a not in group}
        return groups

    def create_keyspace(
        self,
        name: str,
        replication: Replication,
        *,
        size: int = 0,
        tables: Sequence[str] = ("kv",),
        at: str | None = None,
    ) -> None:
        """Create the keyspace *name* with *size* bytes of data, through the node *at*."""
        node = self._coordinator(at)
        if node.schema is not None and name in node.schema.keyspaces:
            raise JavaError(
                "org.apache.cassandra.exceptions.AlreadyExistsException",
                f"Keyspace '{name}' already exists",
            )
        _check_datacenters(node, replication)
        keyspace = Keyspace(name=name, replication=replication, tables=tuple(tables))
        node.adopt((node.schema or Schema.first()).having(keyspace))
        self.write(name, size, at=node.address)

    def alter_keyspace(self, name: str, replication: Replication, *, at: str | None = None) -> None:
        """Change the replication of *name*; no data moves, as with a real ALTER KEYSPACE.

        5.0 refuses while a node it knows of joins, leaves or moves; raises `JavaError`.
        """
        node = self._coordinator(at)
        assert node.schema is not None
        view = node.view
        if node.release.is_five and (view.joining or view.leaving or view.moving):
            raise JavaError(
                "org.apache.cassandra.exceptions.ConfigurationException",
                "Cannot alter RF while some endpoints are not in normal state (no range movements)",
            )
        _check_datacenters(node, replication)
        old = node.schema.keyspaces[name]
        keyspace = Keyspace(name=name, replication=replication, tables=old.tables)
        node.adopt(node.schema.having(keyspace))

    def drop_keyspace(self, name: str, *, at: str | None = None) -> None:
        """Drop the keyspace *name* with its data."""
        node = self._coordinator(at)
        assert node.schema is not None
        node.adopt(node.schema.without(name))
        self.data.set(name, 0)

    def write(self, keyspace: str, size: int, *, at: str | None = None) -> None:
        """Let *keyspace* have *size* bytes, on all its replicas as the node *at* sees them."""
        node = self._coordinator(at)
        self.data.set(keyspace, size)
        for address in sorted(node.view.members):
            replica = self.network.at(address)
            if replica is not None:
                assert node.schema is not None
                replica.volume.hold(keyspace, self._owned(node, address, keyspace), replica.sstable_format)

    def copies(self, keyspace: str, *, at: str | None = None) -> list[int]:
        """Return for each slice of *keyspace* how many of its replicas have it, as *at* sees them.

        A replica that is down counts while its volume does; a node that is no replica does not.
        """
        node = self._coordinator(at)
        assert node.schema is not None
        replication = node.schema.keyspaces[keyspace].replication
        layout = node.view.layout()
        disks = {volume.host_id: volume for volume in self.volumes.values()}
        counts = []
        for index, token in enumerate(SLICE_TOKENS):
            holders = [
                disks.get(node.view.host_ids.get(address, ""))
                for address in replicas(layout, replication, token)
            ]
            counts.append(sum(v is not None and bool(v.held.get(keyspace, 0) >> index & 1) for v in holders))
        return counts

    def lose(self, volume: Volume) -> None:
        """Destroy *volume*: what it held is gone."""
        volume.wipe()
        self.volumes.pop(volume.name, None)

    def _owned(self, node: Node, address: str, keyspace: str) -> int:
        assert node.schema is not None
        replication = node.schema.keyspaces[keyspace].replication
        layout = node.view.layout()
        mask = 0
        for index, token in enumerate(SLICE_TOKENS):
            if address in replicas(layout, replication, token):
                mask |= 1 << index
        return mask

    def _running(self, address: str) -> Node:
        node = self.network.at(address)
        if node is None:
            raise ValueError(f"no process runs at {address}")
        return node

    def _coordinator(self, at: str | None) -> Node:
        if at is not None:
            return self._running(at)
        normal = self.normal()
        if not normal:
            raise ValueError("no node is NORMAL")
        return normal[0]

    def _news(self, node: Node, state: EndpointState) -> None:
        """Follow up what gossip told *node*."""
        if state.status is Status.REMOVING:
            removal.restore(node, state)
        sender = self.network.at(state.address)
        if sender is None or sender.schema is None or state.schema == node.schema_version():
            return
        if sender.release.major != node.release.major:
            # Major releases do not exchange schemas: they differ until the last node is upgraded.
            return
        delay = self.simulation.random.uniform(self.pace.schema_pull_min, self.pace.schema_pull_max)
        node.after(delay, lambda: _pull_schema(node, sender))


def _pull_schema(node: Node, sender: Node) -> None:
    theirs = sender.schema
    if theirs is None or not node.gossiping:
        return
    if node.schema is None or theirs.revision > node.schema.revision:
        node.adopt(theirs)


def _check_datacenters(node: Node, replication: Replication) -> None:
    factors: Mapping[str, int] = replication.factors if isinstance(replication, NetworkTopology) else {}
    known = node.view.layout().datacenters()
    for datacenter in factors:
        if datacenter not in known:
            raise JavaError(
                "org.apache.cassandra.exceptions.ConfigurationException",
                f"Unrecognized strategy option {{{datacenter}}} passed to NetworkTopologyStrategy",
            )
