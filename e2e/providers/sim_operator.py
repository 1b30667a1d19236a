"""
One life of the operator in a simulation: the real one, but for its threads and its sockets.

Killing it loses everything that it remembers. A `Tap` hears of each request before it is sent and may put
an error in its place.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
import contextlib
import datetime as dt
import itertools
import threading
from typing import Any

import attrs
import httpx

from controller.builders.context import Images as OperatorImages
from controller.cassandra.jolokia import Jolokia
from controller.cassandra.node import Nodes
from controller.core import Core, assemble, source_of
from controller.kube.client import KubeClient
from controller.kube.events import EventRecorder
from controller.kube.transport import Request, Response
from controller.reconcile.trail import Trail
from controller.runtime.held_calls import Spawn
from controller.runtime.inquiries import on_the_spot
from controller.runtime.list_watch import ListWatchSettings
from controller.runtime.reflector import Reflector
from e2e.providers.sim_calls import SimCalls
from e2e.providers.sim_tap import DeadError, Tap
from e2e.simcassandra.transport import RingTransport, hanging_up
from e2e.simcontrollers.assembly import Controllers
from e2e.simkube.api import ApiServer
from e2e.simkube.inprocess import InProcess
from e2e.simkube.watch import Watch as ServerWatch
from e2e.simtime import EPOCH, Simulation

IMAGE = "casskop:sim"
NAMESPACE = "cassandra"
# The operator's user agent: by this name faults strike its requests.
AGENT = "casskop"
# From a change to the operator's look at it: a network and a thread away.
LAG = 0.01
# What passwords of its making begin with, so that they are known wherever they appear.
PASSWORD = "canary-of-the-operator"


@attrs.frozen
class SimClock:
    """The operator's clock: simulated time, in which nothing may wait."""

    simulation: Simulation

    def monotonic(self) -> float:
        """Return simulated seconds."""
        return self.simulation.now - EPOCH

    def now(self) -> dt.datetime:
        """Return the simulated wall clock."""
        return dt.datetime.fromtimestamp(self.simulation.now, dt.UTC)

    def wait_until(self, condition: threading.Condition, deadline: float | None) -> None:  # noqa: ARG002
        """Refuse: with one thread, a wait would be for ever."""
        raise RuntimeError("nothing may wait in a simulation")


class MortalTransport:
    """The operator's way to the API server, which ends with its life.

    *after_write* is called right after each write was carried out.
    """

    def __init__(self, inner: InProcess, life: int, tap: Tap, after_write: Callable[[], None]) -> None:
        self._inner = inner
        self._life = life
        self._tap = tap
        self._after_write = after_write
        self.alive = True

    def send(self, request: Request) -> Response:
        """Carry *request* out; `DeadError` for a dead operator, before or right after a write."""
        self._check()
        self._tap.sending(self._life, request)
        self._check()
        answer = self._inner.send(request)
        if request.method != "GET":
            self._after_write()
        self._tap.answered(self._life, request, answer)
        self._check()
        return answer

    def stream(
        self, request: Request, *, silence: float
    ) -> contextlib.AbstractContextManager[Response | Iterator[Mapping[str, Any]]]:
        """Open a stream, as the server has it."""
        self._check()
        return self._inner.stream(request, silence=silence)

    def _check(self) -> None:
        if not self.alive:
            raise DeadError


class PolledTransport:
    """A transport whose streams give what has come so far, and end: so a reflector can be stepped.

    Behind them one watch stays open, for the one reflector that uses this transport. *wake* is called
    when it has news.
    """

    def __init__(self, server: ApiServer, life: int, tap: Tap, wake: Callable[[], None]) -> None:
        self._server = server
        self._inner = InProcess(server, agent=AGENT)
        self._life = life
        self._tap = tap
        self._wake = wake
        self._open: ServerWatch | None = None
        self._news = False

    @property
    def settled(self) -> bool:
        """Whether a watch is open, and all that it had was given."""
        return self._open is not None and not self._open.closed and not self._news

    def send(self, request: Request) -> Response:
        """Carry *request* out now."""
        self._tap.sending(self._life, request)
        return self._inner.send(request)

    @contextlib.contextmanager
    def stream(
        self,
        request: Request,
        *,
        silence: float,  # noqa: ARG002 -- what there is comes at once
    ) -> Iterator[Response | Iterator[Mapping[str, Any]]]:
        """Yield the events since the last time, or the refusal."""
        if self._open is None or self._open.closed:
            named = attrs.evolve(request, headers={**request.headers, "User-Agent": AGENT})
            opened = self._server.open_watch(named)
            if isinstance(opened, Response):
                yield opened
                return
            self._open = opened
            opened.on_change = self._heard
        try:
            self._news = False
            # What the operator keeps of an object, it makes anew: it changes none that it is given.
            yield iter(self._open.poll_shared())
        except Exception:
            # As a broken connection: the next watch begins where this one was understood.
            self.close()
            raise

    def close(self) -> None:
        """Let go of the open watch."""
        if self._open is not None:
            self._server.close_watch(self._open)
            self._open = None

    def _heard(self) -> None:
        self._news = True
        self._wake()


class NodesTransport(httpx.BaseTransport):
    """The operator's way to the Cassandra nodes."""

    def __init__(self, inner: RingTransport, life: int, tap: Tap) -> None:
        self._inner = inner
        self._life = life
        self._tap = tap

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Carry *request* out, unless the tap has something else in mind."""
        self._tap.asking(self._life, request.url.host)
        return self._inner.handle_request(request)


class SimOperator:
    """One life of the operator. It ends by being dropped: nothing is handed to the next one.

    *after_write* is called right after each of its writes, before it has the answer. *lasts* says how many
    seconds a round of questions takes, by a text with the cluster's name in it; without, it is none.
    *trail* hears of what is decided and done.
    """

    def __init__(  # noqa: PLR0913 -- what it lives in, by name
        self,
        server: ApiServer,
        controllers: Controllers,
        life: int,
        *,
        tap: Tap,
        after_write: Callable[[], None],
        holds: bool = False,
        lasts: Callable[[str], float] | None = None,
        trail: Trail | None = None,
        namespace: str = NAMESPACE,
        image: str = IMAGE,
    ) -> None:
        self._simulation = server.simulation
        self._calls = (
            SimCalls(
                server.simulation,
                controllers.agents.at,
                ended=self.wake,
                calling=lambda host: tap.calling(life, host),
            )
            if holds
            else None
        )
        self._tap = tap
        self.life = life
        clock = SimClock(self._simulation)
        self.transport = MortalTransport(InProcess(server, agent=AGENT), life, tap, after_write)
        client = KubeClient(self.transport, fence=lambda: tap.fence(life))
        self._jolokia = Jolokia.over(
            NodesTransport(RingTransport(controllers.agents.at, hanging_up), life, tap)
        )
        ids, passwords = itertools.count(), itertools.count()
        self.recorder = EventRecorder(client, instance=f"casskop-{life}", clock=clock)
        self.core: Core = assemble(
            client=client,
            nodes=Nodes(attrs.evolve(self._jolokia, sleep=lambda _: None), threads=0),
            recorder=self.recorder,
            images=OperatorImages(own=image),
            clock=clock,
            roll=self._simulation.random.random,
            new_id=lambda: f"{life}-{next(ids)}",
            operate=self._calls.jolokia if self._calls is not None else None,
            # Else at once, and nobody waits: the answers of calls that last are lost.
            spawn=self._calls.spawn if self._calls is not None else lambda _name, run: run(),
            inquire=on_the_spot if lasts is None else self._later(lasts),
            operator=f"casskop-{life}",
            new_password=lambda: f"{PASSWORD}-{life}-{next(passwords)}",
            trail=trail,
        )
        self._due: float | None = None
        self._reflectors: list[tuple[Reflector[Any], PolledTransport]] = []
        for kind, store in self.core.stores.by_kind().items():
            stream = PolledTransport(server, life, tap, self.wake)
            source = source_of(stream, kind, namespace)
            reflector = Reflector(
                kind=kind.plural,
                source=source,
                store=store,
                transform=kind.transform,
                clock=clock,
                roll=self._simulation.random.random,
                settings=ListWatchSettings(short_watch=0.0),
            )
            self._reflectors.append((reflector, stream))
        self.wake()

    def _later(self, lasts: Callable[[str], float]) -> Spawn:
        """Return how rounds of questions are run that last."""

        def spawn(name: str, run: Callable[[], None]) -> None:
            def end() -> None:
                if self.transport.alive:
                    run()
                    self.wake()

            self._simulation.after(lasts(name), end)

        return spawn

    @property
    def parked(self) -> bool:
        """Whether threads of its calls wait for something: a fork of this process would lose them."""
        return self._calls is not None and self._calls.parked

    def kill(self) -> None:
        """End this life: nothing of it runs any more."""
        self.transport.alive = False
        if self._calls is not None:
            self._calls.kill()
        for _, stream in self._reflectors:
            stream.close()
        self._jolokia.close()

    def wake(self) -> None:
        """Say that something changed: the operator looks a moment later."""
        self._look_in(LAG)

    def _look_in(self, seconds: float) -> None:
        due = self._simulation.now + seconds
        if self.transport.alive and (self._due is None or due < self._due):
            self._due = due
            self._simulation.after(seconds, self._look)

    def _look(self) -> None:
        if not self.transport.alive or self._due is None or self._simulation.now < self._due:
            return
        self._due = None
        # The process ended on the way; its successor is somebody else's matter.
        with contextlib.suppress(DeadError):
            self._work()

    def _work(self) -> None:
        now = self._simulation.now - EPOCH
        waits = [self._settle(reflector, stream, now) for reflector, stream in self._reflectors]
        # As the real one: nothing is decided before every store has held a whole list.
        if all(store.synced for store in self.core.stores.by_kind().values()):
            while self.core.workers.run_one():
                pass
        while (after := self.recorder.step()) is not None:
            if after > now:
                waits.append(after)
                break
        due = [w for w in (*waits, self.core.queue.next_due()) if w is not None and w > now]
        if due:
            # Not below what a float of this size can tell apart, or time would stand still.
            self._look_in(max(min(due) - now, 0.001))

    def _settle(self, reflector: Reflector[Any], stream: PolledTransport, now: float) -> float | None:
        """Let *reflector* take in all that there is; return when it wants to try again, if later."""
        # A list, its pages, and a watch that gives what there is: more only while it is catching up.
        for _ in range(6):
            if stream.settled:
                return None
            due = reflector.step()
            if due > now:
                return due
        return now + LAG
