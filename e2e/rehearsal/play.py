"""
Play a change to its end: put the world in, make the change, let the real operator work, and judge.

It ends when the cluster is at rest, or stopped as it should be, or when nothing was done for so long that
nothing will be. Nothing outside the simulation is written, and the same seed gives the same history.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

import attrs

from controller.api.v2 import names
from controller.api.v2.freedoms import ChangePolicy
from controller.kube import kinds
from controller.kube.transport import Request
from controller.plugin.world import World
from e2e.providers.cluster import at_rest, condition, is_stopped
from e2e.providers.sim import SimCluster
from e2e.rehearsal import model
from e2e.rehearsal.faults import ArrangedFaults, Fault
from e2e.rehearsal.history import Entry, History, Nodes
from e2e.sweep import invariants
from e2e.sweep.witness import Violation, Witness

# For so long the operator looks around before the change is made, and nothing of that is told.
LOOK_SECONDS: Final = 60.0
# A seed list may follow once all nodes have joined.
REST_SECONDS: Final = 60.0
# Longer than any wait that ends by itself, as things are in a simulation.
QUIET_SECONDS: Final = 1200.0
LONGEST_SECONDS: Final = 48 * 3600.0


@attrs.frozen(kw_only=True)
class Rehearsal:
    """What it came to. *end* says how it ended, *seconds* when; *waits* are those that never ended.

    *judged* is how many writes and moments the invariants were applied to, *broken* what they said.
    """

    end: str
    good: bool
    seconds: float
    history: tuple[Entry, ...]
    refused: tuple[str, ...]
    waits: tuple[Mapping[str, Any], ...]
    restarted: tuple[str, ...]
    joined: tuple[str, ...]
    left: tuple[str, ...]
    most_down: int
    down: tuple[str, ...]
    rules: int
    judged: int
    broken: tuple[str, ...]
    assumed: tuple[str, ...]


class Player:
    """Plays what becomes of *world* with *wanted*, which a user applies: a whole CassandraCluster.

    The cluster *exists*, or is made. *now* is in seconds since the epoch. *hear* gets each line of the
    history as it happens: a large ring takes its time.
    """

    def __init__(  # noqa: PLR0913 -- all that a rehearsal hangs on, by name
        self,
        world: World,
        wanted: Mapping[str, Any],
        *,
        exists: bool,
        now: float,
        faults: tuple[Fault, ...] = (),
        copies: int = 3,
        seed: int = 0,
        hear: Callable[[Entry], None] = lambda _: None,
    ) -> None:
        self._world, self._wanted, self._exists = world, wanted, exists
        self._name = world.name
        spec = wanted.get("spec") or {}
        self._arranged = ArrangedFaults(faults)
        images = frozenset({str(spec.get("cassandraImage"))}) if self._arranged.lacks_image else frozenset()
        self._cluster = SimCluster(
            seed,
            pace=model.pace(),
            images=model.images_of(world, unknown=images),
            tap=self._arranged,
            holds=True,
            trail=self,
            home=model.home_of(world, now),
        )
        self._history = History(self._cluster.simulation, self._name, hear)
        self._arranged.tell = self._history.fault
        self._arranged.cut_short = self._history.cut_short
        server_faults = self._arranged.bind(self._cluster)
        self._model = model.Model(self._cluster, world, copies)
        self._model.furnish(spec, exists=exists)
        self._witness = Witness(self._cluster, self._arranged, server_faults)
        self._nodes = Nodes(self._history)
        self._judged = 0
        self._broken: dict[str, Violation] = {}

    # -- the trail

    def decided(self, key: Any, actions: Any) -> None:  # noqa: ANN401 -- as `Trail` has it
        """Pass on what was planned."""
        self._history.decided(key, actions)

    def did(self, key: Any, action: Any) -> None:  # noqa: ANN401 -- as above
        """Pass on what was done."""
        self._history.did(key, action)

    # -- the play

    @property
    def now(self) -> float:
        """Simulated time, in seconds since the epoch."""
        return self._cluster.simulation.now

    def play(self) -> Rehearsal:
        """Play it, once."""
        simulation = self._cluster.simulation
        self._model.start()
        if self._exists:
            self._pass(LOOK_SECONDS)
        self._history.begin()
        self._nodes.begin(self._witness.world, self._members())
        began = simulation.now
        refused = self._apply()
        if refused is not None:
            return self._told("the API server refuses the change", good=False, refused=(refused,))
        self._arranged.arrange()
        end, good = self._until_over(began)
        said = condition(self._cluster.cluster(self._name), "SpecAccepted")
        no = (str(said["message"]),) if said["status"] == "False" else ()
        return self._told(end, good=good and not no and not self._broken, refused=no)

    def _until_over(self, began: float) -> tuple[str, bool]:
        """Let time pass until it is over; return how it ended, and whether that is as it should be."""
        simulation = self._cluster.simulation
        rested: float | None = None
        waits = (self._wanted.get("spec") or {}).get("changePolicy") == ChangePolicy.APPROVE
        while simulation.now < began + LONGEST_SECONDS:
            if waits:
                self._approve()
            if not self._step():
                # Nothing is due any more, so that all is as it will be.
                how = self._rest()
                return (how, True) if how is not None else ("nothing more happens by itself: it waits", False)
            if simulation.now < self._arranged.over + REST_SECONDS:
                continue
            how = self._rest()
            rested = None if how is None else rested or simulation.now
            # What is done at rest comes to rest again.
            since = max(rested or 0.0, self._history.last_done)
            if how is not None and rested is not None and simulation.now >= since + REST_SECONDS:
                return how, True
            if how is None and simulation.now >= self._history.last_done + QUIET_SECONDS:
                return f"nothing was done for {QUIET_SECONDS / 60:g} min: it waits", False
        return f"no end within {LONGEST_SECONDS / 3600:g} simulated hours", False

    def _rest(self) -> str | None:
        obj = self._cluster.cluster(self._name)
        if at_rest(obj):
            return "at rest: all nodes serve, and nothing is left to do"
        if (obj.get("spec") or {}).get("stopped") and is_stopped(obj):
            return "stopped, with its volumes"
        return None

    def _apply(self) -> str | None:
        """Make the change as `kubectl apply` does; return what the server says if it refuses."""
        path = kinds.CASSANDRA_CLUSTER.path(self._world.namespace, self._name if self._exists else None)
        metadata = self._wanted["metadata"]
        if self._exists:
            live = self._cluster.cluster(self._name)
            kept = {key: metadata[key] for key in ("labels", "annotations") if key in metadata}
            notes = {**(live["metadata"].get("annotations") or {}), **(kept.get("annotations") or {})}
            body = {**live, "spec": self._wanted.get("spec") or {}}
            body["metadata"] = {**live["metadata"], **kept, "annotations": notes}
        else:
            kept = {key: metadata[key] for key in ("name", "labels", "annotations") if key in metadata}
            kind = kinds.CASSANDRA_CLUSTER
            body = {"apiVersion": kind.api_version, "kind": kind.kind, "metadata": kept}
            body["spec"] = self._wanted.get("spec") or {}
        answer = self._cluster.transport.send(
            Request(method="PUT" if self._exists else "POST", path=path, body=body)
        )
        return None if answer.status < 300 else str(answer.body.get("message"))

    def _approve(self) -> None:
        """Approve what waits for it, as somebody is supposed to."""
        obj = self._cluster.cluster(self._name)
        waits = (obj.get("status") or {}).get("pendingChange") or {}
        notes = obj["metadata"].get("annotations") or {}
        if not waits or notes.get(names.APPROVED) == waits["hash"]:
            return
        self._cluster.client.merge_patch(
            kinds.CASSANDRA_CLUSTER,
            self._world.namespace,
            self._name,
            {"metadata": {"annotations": {names.APPROVED: waits["hash"]}}},
        )
        self._model.assumed.append(f"somebody approves the edit {waits['hash']} at once")

    def _members(self) -> set[str]:
        status = self._world.cluster.get("status") or {}
        pods = {str(pod["metadata"]["name"]) for pod in self._world.of(kinds.POD)}
        known = {
            name for name, node in (status.get("cassandraNodeStatus") or {}).items() if node.get("hostId")
        }
        return pods & known

    def _pass(self, seconds: float) -> None:
        simulation = self._cluster.simulation
        end = simulation.now + seconds
        while (due := simulation.next_due()) is not None and due <= end:
            self._step()
        simulation.run_until(end)

    def _step(self) -> bool:
        """Take a step and look; tell whether there was one."""
        if not self._cluster.simulation.step():
            return False
        if self._witness.after_step():
            self._judged += 1
            if self._history.began is not None:
                self._nodes.look(self._witness.world)
        for found in self._witness.violations:
            # Each rule once: what follows from a broken one is noise.
            if found.rule not in self._broken and self._history.began is not None:
                self._broken[found.rule] = found
                self._history.fault(f"broken: {found.rule}: {found.text}")
        self._witness.violations.clear()
        return True

    def _told(self, end: str, *, good: bool, refused: tuple[str, ...] = ()) -> Rehearsal:
        history, nodes = self._history, self._nodes
        now = self._cluster.simulation.now
        began = now if history.began is None else history.began
        return Rehearsal(
            end=end,
            good=good,
            seconds=history.entries[-1].at if good and history.entries else round(now - began, 1),
            history=tuple(history.entries),
            refused=refused,
            waits=() if good else history.waits,
            restarted=tuple(nodes.restarted),
            joined=tuple(nodes.joined),
            left=tuple(nodes.left),
            most_down=nodes.most_down,
            down=nodes.down,
            rules=len(invariants.WRITE_RULES) + len(invariants.WORLD_RULES),
            judged=self._judged,
            broken=tuple(f"{rule}: {found.text}" for rule, found in sorted(self._broken.items())),
            assumed=tuple(self._model.assumed),
        )
