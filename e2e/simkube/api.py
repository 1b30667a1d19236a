"""
The server: one request in, one answer out, and watches that are pulled.

- It is synchronous and deterministic: the same requests at the same simulated instants give the same
  answers, names and uids included.
- It may be called from many threads; requests are carried out one after the other.
- Nothing that it hands out is shared with what it stores.

It checks no credentials: any token is accepted.
"""

from __future__ import annotations

from collections.abc import Callable
import threading

import attrs

from controller.kube.transport import Request, Response
from e2e.simkube import discovery, errors, faults, protobuf
from e2e.simkube.collector import Collector
from e2e.simkube.customs import Customs
from e2e.simkube.encoding import Answer
from e2e.simkube.faults import Delay, Faults, LoseAnswer, Match, NoAnswerError
from e2e.simkube.life import Life
from e2e.simkube.namespaces import Namespaces
from e2e.simkube.openapi import OpenApi
from e2e.simkube.options import (
    header,
    is_watch,
    list_options,
)
from e2e.simkube.reads import selection_of
from e2e.simkube.routing import Target, route
from e2e.simkube.state import State
from e2e.simkube.store import Change, Place
from e2e.simkube.values import Json, Object, clone
from e2e.simkube.verbs import Verbs, verb_of
from e2e.simkube.views import View, view_of
from e2e.simkube.watch import Watch
from e2e.simtime import Simulation

# How many changes of a kind are remembered: enough for a client that is away for a while.
WINDOW = 5000
FIRST_NAMESPACES = ("default", "kube-node-lease", "kube-public", "kube-system")


class ApiServer:
    """One API server. *window* is how many changes of each kind can be watched from."""

    def __init__(self, simulation: Simulation, *, window: int = WINDOW) -> None:
        self.simulation = simulation
        # Held while a request is carried out; hold it to look at several things at once.
        self.lock = threading.RLock()
        self.state = State(simulation, window)
        self.store = self.state.store
        self.faults = Faults()
        # In order of opening, so that they are woken in an order that repeats.
        self._watches: dict[Watch, None] = {}
        self._listeners: list[Callable[[], None]] = []
        self._life = Life(self.state)
        self._openapi = OpenApi(self.state.kinds)
        self._verbs = Verbs(self.state, self._life)
        self.collector = Collector(self.state, self._life)
        Customs(self.state, self._life)
        Namespaces(self.state, self._life)
        self.store.listen(self._changed)
        for name in FIRST_NAMESPACES:
            body = {"metadata": {"name": name}}
            self.handle(Request(method="POST", path="/api/v1/namespaces", body=body))
        self.store.compact()

    def handle(self, request: Request) -> Response:
        """Carry out *request*; the body of the answer is the caller's."""
        return self.answer(request, body=clone(request.body)).response()

    def answer(self, request: Request, *, body: Json) -> Answer:
        """As `handle`, not yet encoded; *body* is what was sent, and the server's from now."""
        with self.lock:
            try:
                return self._answer(request, body)
            except errors.StatusError as error:
                return Answer(status=error.code, headers=error.headers, body=error.body())

    def read_protobuf(self, path: str, content: bytes) -> Object:
        """The body of a request to *path*; 415 where protobuf is not spoken."""
        with self.lock:
            target = route(path, self.state.kinds)
        if target is None:
            raise errors.unsupported_media_type()
        return protobuf.decode(content, _type_in_protobuf(target))

    def open_watch(self, request: Request) -> Watch | Response:
        """Open a watch, or say why not."""
        with self.lock:
            try:
                return self._open(request)
            except errors.StatusError as error:
                return Response(status=error.code, headers=error.headers, body=error.body())

    def close_watch(self, watch: Watch) -> None:
        """Forget a watch that nobody polls any more."""
        with self.lock:
            watch.close()
            self._watches.pop(watch, None)

    def on_change(self, listener: Callable[[], None]) -> None:
        """Call *listener*, under the lock, after every change of anything."""
        self._listeners.append(listener)

    def compact(self) -> None:
        """Forget the past: watches, pages and lists of older versions are refused with 410."""
        with self.lock:
            self.store.compact()
            for watch in tuple(self._watches):
                watch.wake()

    def end_watches(self, match: Match) -> None:
        """End the open streams that *match*, as a server that goes away does."""
        with self.lock:
            for watch in tuple(self._watches):
                target = watch.target
                kind, namespace = target.resource.plural, target.namespace or ""
                if match.takes(watch.client, "watch", kind, namespace, ""):
                    watch.close()
                    watch.wake()

    def thaw(self, client: str) -> None:
        """Let a client that was frozen see the present, and tell its streams."""
        with self.lock:
            self.faults.thaw(client)
            for watch in tuple(self._watches):
                watch.wake()

    def _changed(self, place: Place, _: Change) -> None:
        for watch in tuple(self._watches):
            if watch.closed:
                self._watches.pop(watch, None)
            elif watch.target.resource.place == place:
                watch.wake()
        for listener in self._listeners:
            listener()

    def _answer(self, request: Request, body: Json) -> Answer:
        target = route(request.path, self.state.kinds)
        if target is None:
            return discovery.answer(request, self.state.kinds, self._openapi)
        if is_watch(request) and target.name is None:
            raise errors.lacking("a watch as an ordinary request: open it as a stream")
        call, fault = self.faults.call(request, target, verb_of(request, target))
        before, status = self.store.version, 0
        try:
            faults.before(fault)
            view = self._view(request, target)
            upto = self.faults.seen_by(call.client)
            answer = view.answer(self._verbs.carry_out(request, target, body, upto=upto))
            status = answer.status
        except errors.StatusError as error:
            status = error.code
            raise
        finally:
            self.faults.done(call, status, changed=self.store.version != before)
        if isinstance(fault, LoseAnswer):
            raise NoAnswerError("the answer is lost on its way")
        if isinstance(fault, Delay):
            return attrs.evolve(answer, delay=fault.seconds)
        return answer

    def _view(self, request: Request, target: Target) -> View:
        accept = header(request, "accept")
        return view_of(target.resource, accept, request.query, lambda: self.simulation.now)

    def _open(self, request: Request) -> Watch | Response:
        target = route(request.path, self.state.kinds)
        if target is None:
            raise errors.no_such_resource()
        if "watch" not in target.resource.verbs:
            raise errors.method_not_allowed()
        if target.name is not None:
            # A watch of one object by its path is only a read of it.
            query = {key: value for key, value in request.query.items() if key != "watch"}
            return self.handle(attrs.evolve(request, query=query))
        options = list_options(request.query, watch=True)
        call, fault = self.faults.call(request, target, "watch")
        faults.before(fault)
        if isinstance(fault, LoseAnswer):
            raise NoAnswerError("the answer is lost on its way")
        watch = Watch(
            self.state,
            target,
            selection=selection_of(target, options),
            options=options,
            view=self._view(request, target),
            client=call.client,
            faults=self.faults,
        )
        self._watches[watch] = None
        return watch


def _type_in_protobuf(target: Target) -> str:
    """The type of a body that is sent to *target* in protobuf."""
    others = {
        "scale": "autoscaling.v1.Scale",
        "eviction": "policy.v1.Eviction",
        "binding": "core.v1.Binding",
    }
    name = others.get(target.subresource, target.resource.type_name)
    if not name:
        raise errors.unsupported_media_type()
    if target.resource.plural == "customresourcedefinitions":
        raise errors.lacking("CustomResourceDefinitions in protobuf: send JSON")
    return name
