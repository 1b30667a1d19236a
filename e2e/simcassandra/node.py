"""
One Cassandra process: its configuration, its disk, its mode and its view of the ring.

How it starts, stops, streams and carries out operations is in modules of their own; they all work on
this object. Callbacks asked for through `Node.after` are dropped when the process ends.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any
import uuid

import attrs

from e2e.simcassandra.deferred import Deferred
from e2e.simcassandra.gossip import EndpointState, Status, View
from e2e.simcassandra.keyspaces import Data, Schema
from e2e.simcassandra.modes import Mode
from e2e.simcassandra.pace import (
    DEFAULT_COMPACTION_MEGABYTES,
    DEFAULT_STREAM_MEGABITS,
    RingPace,
)
from e2e.simcassandra.releases import Release
from e2e.simcassandra.tokens import Place, held_slices
from e2e.simcassandra.volume import Volume
from e2e.simtime import Simulation

if TYPE_CHECKING:
    from e2e.simcassandra.compaction import Compaction
    from e2e.simcassandra.network import Network
    from e2e.simcassandra.removal import Removal
    from e2e.simcassandra.repair import Repair
    from e2e.simcassandra.streaming import Plan, Session

# What an empty node's own tables come to on disk.
OVERHEAD_BYTES = 180_000


@attrs.frozen(kw_only=True)
class NodeConfig:
    """What cassandra.yaml, the rack file and the JVM flags say.

    *seeds* are addresses: what the names in cassandra.yaml resolve to at the start. *resolve* tells what they
    resolve to now, where they are names.
    """

    cluster_name: str
    datacenter: str
    rack: str
    seeds: tuple[str, ...]
    resolve: Callable[[], tuple[str, ...]] | None = attrs.field(default=None, eq=False)
    release: str = "5.0.9"
    num_tokens: int = 8
    auto_bootstrap: bool = True
    # -Dcassandra.consistent.rangemovement
    consistent_rangemovement: bool = True
    # -Dcassandra.replace_address_first_boot
    replace_address: str | None = None
    # -Dcassandra.override_decommission
    override_decommission: bool = False
    # -Dcassandra.reset_bootstrap_progress; None: not given
    reset_bootstrap_progress: bool | None = None
    storage_compatibility: str = "CASSANDRA_4"
    # What its address resolves to; shown before its own address in some answers.
    hostname: str = "localhost"
    # The agent's release: "1.7.2" or "2.6.0", which differ in how they report errors.
    jolokia: str = "1.7.2"
    # The agent's login; no user means that it asks for none.
    jolokia_user: str | None = None
    jolokia_password: str | None = attrs.field(default=None, repr=False)
    jolokia_threads: int = 5
    # Operations that its StorageService has not, as an older release would not.
    lacks: frozenset[str] = frozenset()
    # Other settings of cassandra.yaml, by their names without a unit.
    tunables: Mapping[str, Any] = attrs.field(factory=dict)

    @property
    def pod(self) -> str:
        """The pod that it runs in, whose name its hostname begins with."""
        return self.hostname.partition(".")[0]

    @property
    def place(self) -> Place:
        """Where the node stands."""
        return Place(datacenter=self.datacenter, rack=self.rack)


@attrs.frozen(kw_only=True)
class Exit:
    """How a process ended: 0 to 255, and the last words of its log."""

    code: int
    message: str = ""


@attrs.frozen(kw_only=True)
class World:
    """What all nodes of a simulation share."""

    simulation: Simulation
    network: Network
    data: Data
    pace: RingPace


class Node:
    """A process at *address* on *volume*; made by `Ring.start`."""

    def __init__(self, world: World, *, address: str, volume: Volume, config: NodeConfig) -> None:
        self.simulation = simulation = world.simulation
        self.network = world.network
        self.data = world.data
        self.pace = pace = world.pace
        self.address = address
        self.volume = volume
        self.config = config
        self.seeds = config.seeds
        self.release = Release.parse(config.release)
        self.started_at = simulation.now
        self.exit: Exit | None = None
        self.mode = Mode.STARTING
        # What is reachable from outside: the agent's port, the StorageService MBean, CQL, gossip.
        self.agent_open = False
        self.registered = False
        self.native_transport = False
        self.gossiping = False
        self.in_shadow_round = False
        self.drained = False
        self.decommissioning = False
        self.bootstrap_failed = False
        self.rebuilding = False
        # What was asked for over JMX and is not done, by the name of the method.
        self.executing: list[tuple[str, Deferred[Any]]] = []
        # When a method that was asked for over JMX came to a good end last; a repair is called "repair".
        self.finished: dict[str, float] = {}
        self.view = View(address, replaced_lingers=pace.replaced_lingers)
        self.state: EndpointState | None = None
        self.schema: Schema | None = volume.schema
        self.phi = pace.phi
        self.stream_megabits: float = DEFAULT_STREAM_MEGABITS
        self.compaction_megabytes = config.tunables.get("compaction_throughput", DEFAULT_COMPACTION_MEGABYTES)
        # What it was told since it started, by attribute.
        self.told: dict[str, Any] = {}
        self.logging: dict[str, str] = {"ROOT": "INFO"}
        self.streams: list[Plan] = []
        self.sending: list[Session] = []
        self.compactions: list[Compaction] = []
        self.repairs: list[Repair] = []
        self.removal: Removal | None = None
        self._calls: list[Deferred[Any]] = []
        self._listeners: list[Callable[[], None]] = []
        self._exit_listeners: list[Callable[[Exit], None]] = []

    @property
    def at_work(self) -> tuple[str, ...]:
        """The methods that were asked for over JMX and are not done, and "repair" for each repair."""
        calls = [method for method, _ in self.executing]
        return (*calls, *("repair" for repair in self.repairs if repair.running))

    def carries_out(self, method: str, outcome: object) -> None:
        """Note that it was asked for *method* over JMX, and answers with *outcome*, now or later."""
        if not isinstance(outcome, Deferred):
            self.finished[method] = self.simulation.now
            return
        entry = (method, outcome)
        self.executing.append(entry)

        def over(call: Deferred[Any]) -> None:
            self.executing.remove(entry)
            if call.error is None and not call.lost:
                self.finished[method] = self.simulation.now

        outcome.then(over)

    @property
    def running(self) -> bool:
        """Whether the process lives."""
        return self.exit is None

    @property
    def place(self) -> Place:
        """Where the node stands."""
        return self.config.place

    @property
    def sstable_format(self) -> str:
        """The format in which it writes data."""
        return self.release.sstable_format(self.config.storage_compatibility)

    def after(self, seconds: float, callback: Callable[[], None]) -> None:
        """Run *callback* in *seconds*, unless the process has ended by then."""

        def if_alive() -> None:
            if self.running:
                callback()

        self.simulation.after(seconds, if_alive)

    def on_change(self, listener: Callable[[], None]) -> None:
        """Call *listener* whenever what the node shows may have changed."""
        self._listeners.append(listener)

    def on_exit(self, listener: Callable[[Exit], None]) -> None:
        """Call *listener* when the process ends."""
        self._exit_listeners.append(listener)

    def changed(self) -> None:
        """Tell the listeners."""
        for listener in list(self._listeners):
            listener()

    def set_mode(self, mode: Mode) -> None:
        """Go to *mode*."""
        if mode is not self.mode:
            self.mode = mode
            self.changed()

    def call(self) -> Deferred[Any]:
        """Return a result to be set later; it is lost if the process ends before."""
        self._calls = [call for call in self._calls if not call.done]
        deferred: Deferred[Any] = Deferred()
        self._calls.append(deferred)
        return deferred

    def new_id(self) -> str:
        """Return a random UUID, the same for the same seed."""
        return str(uuid.UUID(int=self.simulation.random.getrandbits(128), version=4))

    def begin_gossip(self) -> None:
        """Take part in gossip from now on, with a generation later than any before."""
        generation = max(self.volume.generation + 1, int(self.simulation.now))
        self.volume.generation = generation
        assert self.volume.host_id is not None
        self.state = EndpointState(
            address=self.address,
            host_id=self.volume.host_id,
            generation=generation,
            version=1,
            status=Status.NONE,
            tokens=(),
            place=self.place,
            release=self.release.text,
            schema=self.schema_version(),
        )
        self.gossiping = True
        self.view.learn(self.state, alive=True, now=self.simulation.now)
        self.network.meet(self)

    def announce(self, **changes: Any) -> None:  # noqa: ANN401 -- the fields of EndpointState
        """Change its own gossip state, and tell the others."""
        assert self.state is not None
        self.state = attrs.evolve(self.state, version=self.state.version + 1, **changes)
        self.view.learn(self.state, alive=True, now=self.simulation.now)
        self.network.spread(self, self.state)
        self.changed()

    def receive(self, state: EndpointState, *, alive: bool) -> bool:
        """Digest news from gossip; return whether it was news."""
        if state.address == self.address:
            return False
        news = self.view.learn(state, alive=alive, now=self.simulation.now)
        if news:
            self.changed()
        return news

    def schema_version(self) -> str:
        """Return the version of its schema; the empty schema has one too."""
        schema = self.schema or Schema(revision=0, keyspaces={})
        return schema.version(self.release.major)

    def adopt(self, schema: Schema) -> None:
        """Take over *schema* and say so."""
        self.schema = schema
        self.volume.schema = schema
        if self.state is not None and self.gossiping:
            self.announce(schema=self.schema_version())

    def owned(self, keyspace: str) -> int:
        """Return the slices of *keyspace* that it is a replica of, by its own view."""
        if self.schema is None or keyspace not in self.schema.keyspaces:
            return 0
        replication = self.schema.keyspaces[keyspace].replication
        return held_slices(self.view.layout(), replication).get(self.address, 0)

    def load(self) -> int:
        """Return the bytes on its disk."""
        return OVERHEAD_BYTES + self.volume.used(self.data)

    def end(self, code: int, message: str = "") -> None:
        """End the process now: nothing is announced, calls under way are lost."""
        if not self.running:
            return
        self.exit = Exit(code=code, message=message)
        was_gossiping, self.gossiping = self.gossiping, False
        self.agent_open = self.registered = self.native_transport = False
        self.in_shadow_round = False
        self.volume.peers = {
            address: self.view.states[address]
            for address in sorted(self.view.members)
            if address != self.address and address in self.view.states
        }
        for compaction in list(self.compactions):
            compaction.work.cancel()
        for plan in list(self.streams):
            plan.peer_ended(self)
        calls, self._calls = self._calls, []
        for call in calls:
            call.lose()
        self.network.ended(self, was_gossiping=was_gossiping)
        self.changed()
        for listener in list(self._exit_listeners):
            listener(self.exit)
