"""
Where faults get in: it counts the points of a run, asks at each what shall happen, and lets it happen.

One fault strikes in a run. Points are counted from `open` on, in the order in which the run comes to
them, so that the same plan strikes at the same point whenever it is replayed.
"""

from __future__ import annotations

import collections
from collections.abc import Callable
from typing import TYPE_CHECKING

import attrs
import httpx

from controller.domain.errors import NotLeadingError, OperatorError
from controller.kube.transport import Request, Response
from e2e.providers.sim import SimCluster
from e2e.providers.sim_operator import AGENT
from e2e.providers.sim_tap import DeadError
from e2e.simcassandra.faults import Kind as AgentFault
from e2e.simkube.faults import (
    WRITES,
    Call,
    Drop,
    End,
    EventFault,
    Faults,
    Hang,
    Hold,
    LoseAnswer,
    Match,
    Refuse,
    RequestFault,
    Rule,
    Swap,
)
from e2e.simkube.inprocess import InProcess
from e2e.simkube.routing import Target
from e2e.sweep.accidents import ACCIDENTS, OVER_SECONDS, Accidents
from e2e.sweep.plans import CALL, EVENT, NODE, READ, WRITE

if TYPE_CHECKING:
    from e2e.simkube.watch import Watch

# What happens at the point (kind, number): the name of a fault, or None.
Decide = Callable[[str, int], str | None]

# Rules of the server itself: a request refused, or lost.
_ON_WRITE: dict[str, RequestFault] = {
    "lose": LoseAnswer(),
    "conflict": Refuse(status=409),
    "error": Refuse(status=500),
    "hang": Hang(),
}
_ON_READ: dict[str, RequestFault] = {"error": Refuse(status=500), "hang": Hang()}
_ON_EVENT: dict[str, EventFault] = {"drop": Drop(), "hold": Hold(3.0), "swap": Swap(), "end": End()}
_READS = ("get", "list")
# A node that answers, and knows nobody: what an operator must not take for an empty ring.
_KNOWS_NOBODY: dict[str, object] = {
    "EndpointToHostId": {},
    "JoiningNodes": [],
    "LeavingNodes": [],
    "MovingNodes": [],
}

RELIST_SECONDS = 20.0
BUSY_SECONDS = 5
LATE_SECONDS = 25.0
MUTE_SECONDS = 20.0
STALE_SECONDS = 12.0
LEASE_SECONDS = 15.0
DROPPED_SECONDS = 3.0
# How many versions a stale API server lags behind, in turn.
PAST = (60, 25, 100)
# After this long every fault of the operator's own is over.
LONGEST_SECONDS = 40.0


class PointedFaults(Faults):
    """The server's faults, which tell a director of each event, and who makes a change."""

    def __init__(self, director: Director) -> None:
        super().__init__()
        self._director = director
        # Whose request is being carried out.
        self.actor = ""

    def call(self, request: Request, target: Target, verb: str) -> tuple[Call, RequestFault | None]:
        """Note who makes the request."""
        call, fault = super().call(request, target, verb)
        self.actor = call.client
        return call, fault

    def done(self, call: Call, status: int, *, changed: bool) -> None:
        """Note that it is over."""
        self.actor = ""
        super().done(call, status, changed=changed)

    def event(self, watch: Watch, namespace: str, name: str) -> EventFault | None:
        """Let the director put a fault before an event of the operator's."""
        if watch.client == AGENT:
            self._director.delivering(self.events[AGENT] + 1)
        return super().event(watch, namespace, name)


@attrs.frozen(kw_only=True)
class Sent:
    """The write that is on its way: as which life, whether it was fenced, what it had read live."""

    life: int
    request: Request
    fenced: bool
    read: bool


class Director:
    """A `Tap` that counts points and carries out the fault that *decide* names."""

    def __init__(self, decide: Decide) -> None:
        self._decide = decide
        self.counts: collections.Counter[str] = collections.Counter()
        self.requests = 0
        self.struck_at: float | None = None
        self.fault: str | None = None
        self.sent: Sent | None = None
        # How many writes were refused with 429.
        self.refused = 0
        self._closed: set[int] = set()
        self._read: dict[int, set[str]] = {}
        self._open = False
        self._on_answer: str | None = None
        self._doomed = False
        self._mute: dict[str, float] = {}
        self._cluster: SimCluster | None = None
        self._accidents: Accidents | None = None

    def bind(self, cluster: SimCluster) -> PointedFaults:
        """Direct *cluster*; returns its faults, which are new."""
        self._cluster = cluster
        self._accidents = Accidents(cluster)
        faults = PointedFaults(self)
        cluster.server.faults = faults
        return faults

    def open(self) -> None:
        """Count points from now on."""
        self._open = True

    def possible(self, fault: str) -> bool:
        """Whether *fault* would change anything if it struck now."""
        return fault not in ACCIDENTS or self.accidents.possible(fault)

    @property
    def over_at(self) -> float:
        """When the fault is over, in simulated time; 0 if none struck."""
        if self.struck_at is None or self.fault is None:
            return 0.0
        return self.struck_at + LONGEST_SECONDS + OVER_SECONDS.get(self.fault, 0.0)

    @property
    def accident_at(self) -> float | None:
        """When an accident befell the cluster; None if none did."""
        return self.struck_at if self.fault in ACCIDENTS else None

    # -- what the operator does

    def fence(self, life: int) -> None:
        """Refuse who has lost the lease."""
        if life in self._closed:
            raise NotLeadingError("the lease is lost")

    def sending(self, life: int, request: Request) -> None:
        """A point: a read, or a write."""
        self._if_doomed()
        self.requests += 1
        if request.method == "GET":
            self._read.setdefault(life, set()).add(request.path)
            self._strike_read(self._point(READ))
            return
        self._strike_write(life, request, self._point(WRITE))
        path = request.path.removesuffix("/status")
        read = path in self._read.get(life, ())
        self.sent = Sent(life=life, request=request, fenced=life in self._closed, read=read)

    def answered(self, life: int, request: Request, answer: Response) -> None:  # noqa: ARG002 -- the tap's form
        """Let happen what comes between a write and its answer."""
        self.refused += answer.status == 429
        if request.method == "GET":
            return
        self.sent = None
        match self._take_on_answer():
            case "kill-unanswered":
                self.cluster.kill_operator()
            case "kill-answered":
                self._doomed = True
            case "stale-restart":
                self.cluster.kill_operator()
                past = self.cluster.server.store.version - PAST[self.counts[WRITE] % len(PAST)]
                self._freeze(max(past, self._floor), MUTE_SECONDS)
            case _:
                pass

    def asking(self, life: int, host: str) -> None:  # noqa: ARG002 -- the tap's form
        """A point: a question to a Cassandra node."""
        self._if_doomed()
        fault = self._point(NODE)
        match fault:
            case "mute":
                self._mute[host] = self.cluster.simulation.now + MUTE_SECONDS
                # So that somebody looks when it is over.
                self.cluster.simulation.after(MUTE_SECONDS, self._wake)
            case "cut":
                raise httpx.RemoteProtocolError("the connection breaks")
            case "half":
                faults = self.cluster.controllers.ring.faults
                faults.add(host, AgentFault.OVERRIDE, seconds=3.0, values=_KNOWS_NOBODY)
            case _:
                pass
        if self._mute.get(host, 0.0) > self.cluster.simulation.now:
            raise httpx.ReadTimeout("no answer")

    def calling(self, life: int, host: str) -> float | None:  # noqa: ARG002 -- the tap's form
        """A point: a call to a Cassandra node that lasts."""
        self._if_doomed()
        match self._point(CALL):
            case "unsent":
                raise httpx.RemoteProtocolError("the connection breaks")
            case "unheard":
                return 0.0
            case "dropped":
                return DROPPED_SECONDS
            case _:
                return None

    def delivering(self, number: int) -> None:
        """A point: the operator's event with this *number*, counted by the server."""
        fault = self._point(EVENT)
        if fault is None:
            return
        self._faults.add(Rule(match=Match(client=AGENT), fault=_ON_EVENT[fault], at=number))
        if fault in {"drop", "swap"}:
            self.cluster.simulation.after(RELIST_SECONDS, self._expire)

    # -- what happens to it

    @property
    def cluster(self) -> SimCluster:
        """The cluster that is directed."""
        assert self._cluster is not None
        return self._cluster

    @property
    def accidents(self) -> Accidents:
        """What may befall the cluster."""
        assert self._accidents is not None
        return self._accidents

    @property
    def _faults(self) -> Faults:
        return self.cluster.server.faults

    def _point(self, kind: str) -> str | None:
        if not self._open:
            return None
        self.counts[kind] += 1
        fault = self._decide(kind, self.counts[kind])
        if fault is not None:
            self.struck_at, self.fault = self.cluster.simulation.now, fault
            # What the server has forgotten, nobody can be shown.
            self._floor = self.cluster.server.store.table(("", "pods")).floor
        return fault

    def _strike_read(self, fault: str | None) -> None:
        if fault is not None:
            self._faults.add(Rule(match=Match(client=AGENT, verbs=_READS), fault=_ON_READ[fault]))

    def _strike_write(self, life: int, request: Request, fault: str | None) -> None:
        if fault in _ON_WRITE:
            at = self._faults.writes[AGENT] + 1
            self._faults.add(Rule(match=Match(client=AGENT), fault=_ON_WRITE[fault], at=at))
            return
        match fault:
            case "kill-before":
                self._die()
            case "kill-unanswered" | "kill-answered" | "stale-restart":
                self._on_answer = fault
            case "fence":
                self._closed.add(life)
                # It lost the lease; its process ends soon after, and the lease has to run out.
                self.cluster.simulation.after(1.0, lambda: self._end(life))
                raise NotLeadingError("the lease is lost")
            case "late":
                read = request.path in self._read.get(life, ())
                self.cluster.simulation.after(LATE_SECONDS, lambda: self._deliver(life, request, read=read))
                self._die()
            case "busy":
                refuse = Refuse(status=429, retry_after=BUSY_SECONDS)
                match_ = Match(client=AGENT, verbs=sorted(WRITES))
                rule = self._faults.add(Rule(match=match_, fault=refuse, times=None))
                self.cluster.simulation.after(BUSY_SECONDS, lambda: _expire_rule(rule))
            case "stale":
                self._freeze(self.cluster.server.store.version, STALE_SECONDS)
            case "crash" | "outage" | "undo":
                if self.accidents.possible(fault):
                    self.accidents.befall(fault, self.counts[WRITE])
            case _:
                pass

    def _take_on_answer(self) -> str | None:
        fault, self._on_answer = self._on_answer, None
        return fault

    def _if_doomed(self) -> None:
        if self._doomed:
            self._doomed = False
            self._die()

    def _die(self) -> None:
        self.cluster.kill_operator()
        raise DeadError

    def _end(self, life: int) -> None:
        operator = self.cluster.operator
        if operator is not None and operator.life == life:
            self.cluster.kill_operator(away=LEASE_SECONDS)

    def _freeze(self, version: int, seconds: float) -> None:
        self._faults.freeze(AGENT, version)
        self.cluster.simulation.after(seconds, lambda: self.cluster.server.thaw(AGENT))

    def _expire(self) -> None:
        """Let the operator's watches end and their past be forgotten: it has to list again."""
        # Something happens elsewhere, or a watch that had a bookmark just now would not be in the past.
        self.cluster.post("/api/v1/namespaces/default/configmaps", {"metadata": {"name": "elsewhere"}})
        self.cluster.server.compact()
        self.cluster.server.end_watches(Match(client=AGENT))

    def _wake(self) -> None:
        if self.cluster.operator is not None:
            self.cluster.operator.wake()

    def _deliver(self, life: int, request: Request, *, read: bool) -> None:
        """Carry out a write whose sender is long dead."""
        self.sent = Sent(life=life, request=request, fenced=False, read=read)
        try:
            InProcess(self.cluster.server, agent=AGENT).send(request)
        except OperatorError:
            pass
        finally:
            self.sent = None


def _expire_rule(rule: Rule) -> None:
    rule.times = rule.struck
