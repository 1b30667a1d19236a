"""
Ask many nodes at once how they see the ring, and be back in time.

A node that hangs costs its own deadline and nobody else's: the nodes of a cluster are asked side by side,
and one that has not answered when the round ends is `Silent` like any other that cannot be reached. Each
round has threads of its own, so that a cluster of nodes that hang does not keep another from being asked.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
import contextvars
import queue
import threading
import time
from typing import Any, TypeVar

import attrs

from controller.cassandra import mbeans
from controller.cassandra.jolokia import Endpoint, Jolokia, JolokiaError
from controller.domain.availability import (
    Keyspace,
    Layout,
    Place,
    Replication,
    Unprovable,
    inferred,
    replication_of,
)
from controller.domain.errors import TransientError
from controller.domain.live import Attribute, Value
from controller.domain.operations.seen import Busy
from controller.domain.ownership import Ownership, Stream, Unread
from controller.domain.ring import Answer, Ring, Silent
from controller.domain.streaming import Transfer

_T = TypeVar("_T")

# HTTP statuses of an agent that wants another login.
_REFUSED = frozenset({401, 403})
# How many requests go into one: a ring may be large, and an agent has a limit.
_BULK = 200
# How many ranges may come in one answer, some hundred bytes each.
_RANGES = 5000
# How many nodes are asked who owns what before that is given up.
_TRIES = 2
_LATE = Silent(why="it did not answer before the round ended")


def ask(jolokia: Jolokia, endpoint: Endpoint) -> Answer:
    """Return the node's view of the ring, or why there is none."""
    try:
        values = jolokia.read(endpoint, mbeans.STORAGE_SERVICE, mbeans.VIEW_ATTRIBUTES)
        return mbeans.view(values)
    except JolokiaError as error:
        return Silent(why=str(error), refused=error.status in _REFUSED)
    except TransientError as error:
        return Silent(why=str(error))
    except ValueError as error:
        return Silent(why=f"half an answer: {error}")


def ask_ownership(jolokia: Jolokia, endpoint: Endpoint) -> Ownership | Unread:
    """Return who owns what as one node knows it, without streams; or why that is not to be had."""
    try:
        return _ownership(jolokia, endpoint)
    except (TransientError, JolokiaError) as error:
        return Unread(why=str(error))
    except ValueError as error:
        return Unread(why=f"half an answer of {endpoint.host}: {error}")


def ask_work(jolokia: Jolokia, endpoint: Endpoint) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return what a node streams for, and what it does with its data; what it does not say is not known."""
    requests = [
        _read(mbeans.STREAM_MANAGER, mbeans.STREAMS),
        _read(mbeans.COMPACTION_MANAGER, mbeans.COMPACTIONS),
    ]
    try:
        streams, tasks = jolokia.bulk(endpoint, requests)
        return (
            () if isinstance(streams, JolokiaError) else mbeans.streams(streams),
            () if isinstance(tasks, JolokiaError) else mbeans.tasks(tasks),
        )
    except (TransientError, JolokiaError, ValueError):
        return (), ()


def ask_busy(jolokia: Jolokia, endpoint: Endpoint) -> Busy | Silent:
    """Return what a node is at, or why that is not known."""
    try:
        value = jolokia.execute(endpoint, mbeans.THREADING, mbeans.THREADS, [False, False])
        return Busy(methods=mbeans.busy(value))
    except JolokiaError as error:
        return Silent(why=str(error), refused=error.status in _REFUSED)
    except TransientError as error:
        return Silent(why=str(error))
    except ValueError as error:
        return Silent(why=f"half an answer: {error}")


def ask_values(
    jolokia: Jolokia, endpoint: Endpoint, attributes: Sequence[Attribute]
) -> Mapping[Attribute, Value] | str:
    """Return what the node has for each of *attributes* that it knows; or why that is not to be had."""
    try:
        answers = jolokia.bulk(endpoint, [_read(each.mbean, each.name) for each in attributes])
    except (TransientError, JolokiaError) as error:
        return str(error)
    return {
        each: answer
        for each, answer in zip(attributes, answers, strict=True)
        if isinstance(answer, int | float)
    }


def ask_transfer(jolokia: Jolokia, endpoint: Endpoint) -> Transfer | None:
    """Return how much a node streams and has streamed; None if nothing, or if it does not say so."""
    try:
        return mbeans.transfer(
            jolokia.read(endpoint, mbeans.STREAM_MANAGER, [mbeans.STREAMS])[mbeans.STREAMS]
        )
    except (TransientError, JolokiaError, ValueError, KeyError):
        return None


def ask_load(jolokia: Jolokia, endpoint: Endpoint) -> int | None:
    """Return how many bytes of data a node holds on its disk; None if it does not say so."""
    try:
        return mbeans.load(jolokia.read(endpoint, mbeans.STORAGE_METRICS, [mbeans.LOAD])[mbeans.LOAD])
    except (TransientError, JolokiaError, ValueError, KeyError):
        return None


class Nodes:
    """The nodes of all clusters; up to *threads* ask those of one, *seconds* bounds a round.

    Without threads (0) nodes are asked one after the other, and only their own deadlines bound it.
    """

    def __init__(
        self,
        jolokia: Jolokia,
        *,
        threads: int = 12,
        seconds: float = 12.0,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._jolokia = jolokia
        self._threads = threads
        self._seconds = seconds
        self._monotonic = monotonic

    @property
    def jolokia(self) -> Jolokia:
        """The client with which nodes are asked."""
        return self._jolokia

    def ring(self, endpoints: Mapping[str, Endpoint]) -> Ring:
        """Ask the nodes in *endpoints* (by pod name) and return all their answers."""
        answers = self._each(endpoints, ask)
        return Ring(answers={pod: answers.get(pod, _LATE) for pod in endpoints})

    def busy(self, endpoints: Mapping[str, Endpoint]) -> dict[str, Busy | Silent]:
        """Ask the nodes in *endpoints* (by pod name) what they are at."""
        answers = self._each(endpoints, ask_busy)
        return {pod: answers.get(pod, _LATE) for pod in endpoints}

    def ownership(self, endpoints: Mapping[str, Endpoint]) -> Ownership | Unread:
        """Ask one of the nodes in *endpoints* (by pod name) who owns what, and all of them what they are at.

        They should be nodes that answered a moment ago: the first ones are tried one after the other.
        """
        found: Ownership | Unread = Unread(why="no node answers the operator")
        for pod in sorted(endpoints)[:_TRIES]:
            found = ask_ownership(self._jolokia, endpoints[pod])
            if isinstance(found, Ownership):
                work = self._each(endpoints, ask_work)
                streams, tasks = (
                    tuple(Stream(pod=pod, what=what) for pod in sorted(work) for what in work[pod][i])
                    for i in (0, 1)
                )
                return attrs.evolve(found, streams=streams, tasks=tasks)
        return found

    def values(
        self, endpoints: Mapping[str, Endpoint], attributes: Sequence[Attribute]
    ) -> dict[str, Mapping[Attribute, Value] | str]:
        """Ask the nodes in *endpoints* (by pod name) what they have, and return it, or why it is not known.

        Attributes that a node does not know are not in its answer.
        """
        answers = self._each(endpoints, lambda jolokia, endpoint: ask_values(jolokia, endpoint, attributes))
        return {pod: answers.get(pod, _LATE.why) for pod in endpoints}

    def transfer(self, endpoint: Endpoint) -> Transfer | None:
        """Ask one node how much it streams, and how far it is."""
        return ask_transfer(self._jolokia, endpoint)

    def loads(self, endpoints: Mapping[str, Endpoint]) -> dict[str, int]:
        """Ask the nodes in *endpoints* (by pod name) how many bytes of data they hold, as far as they say."""
        answers = self._each(endpoints, ask_load)
        return {pod: load for pod, load in answers.items() if load is not None}

    def _each(
        self, endpoints: Mapping[str, Endpoint], question: Callable[[Jolokia, Endpoint], _T]
    ) -> dict[str, _T]:
        """Put *question* to all nodes and return, by pod, the answers that come before the round ends."""
        # One question needs no other thread.
        if not self._threads or len(endpoints) < 2:  # noqa: PLR2004 -- see above
            return {pod: question(self._jolokia, e) for pod, e in endpoints.items()}
        asked: queue.SimpleQueue[tuple[str, Endpoint]] = queue.SimpleQueue()
        for item in endpoints.items():
            asked.put(item)
        answered: queue.SimpleQueue[tuple[str, _T | Exception]] = queue.SimpleQueue()
        over = threading.Event()

        def work() -> None:
            """Ask one node after the other until none is left, or nobody listens any more."""
            while not over.is_set():
                try:
                    pod, endpoint = asked.get_nowait()
                except queue.Empty:
                    return
                try:
                    answered.put((pod, question(self._jolokia, endpoint)))
                except Exception as bug:  # noqa: BLE001 -- it is raised where the answer is waited for
                    answered.put((pod, bug))

        for _ in range(min(self._threads, len(endpoints))):
            # Daemons, since the process must not wait for a node that hangs when it ends.
            run = contextvars.copy_context().run
            threading.Thread(target=run, args=(work,), name="jolokia", daemon=True).start()
        try:
            return self._collect(answered, len(endpoints))
        finally:
            over.set()

    def _collect(self, answered: queue.SimpleQueue[tuple[str, _T | Exception]], wanted: int) -> dict[str, _T]:
        """Return the answers that come before the round ends."""
        end = self._monotonic() + self._seconds
        answers: dict[str, _T] = {}
        while len(answers) < wanted:
            try:
                pod, answer = answered.get(timeout=max(end - self._monotonic(), 0.0))
            except queue.Empty:
                break
            if isinstance(answer, Exception):
                raise answer
            answers[pod] = answer
        return answers


def _ownership(jolokia: Jolokia, endpoint: Endpoint) -> Ownership:
    """Read tokens and names first, then what they are about; a part that is missing is a `ValueError`."""
    first = [
        _read(mbeans.STORAGE_SERVICE, mbeans.TOKENS),
        _read(mbeans.STORAGE_SERVICE, mbeans.KEYSPACES),
        _read(mbeans.STORAGE_PROXY, mbeans.SCHEMAS),
    ]
    owners, names, schemas = map(_required, jolokia.bulk(endpoint, first))
    tokens, keyspaces = mbeans.tokens(owners), mbeans.keyspaces(names)
    members = sorted(set(tokens.values()))
    then = [_execute(mbeans.STORAGE_SERVICE, mbeans.REPLICATION, name) for name in keyspaces]
    for operation in (mbeans.DC_OF, mbeans.RACK_OF):
        then += [_execute(mbeans.SNITCH, operation, address) for address in members]
    answers: list[Any] = []
    for start in range(0, len(then), _BULK):
        answers += jolokia.bulk(endpoint, then[start : start + _BULK])
    told, found = answers[: len(keyspaces)], list(map(_required, answers[len(keyspaces) :]))
    places = {
        address: Place(dc=str(dc), rack=str(rack))
        for address, dc, rack in zip(members, found[: len(members)], found[len(members) :], strict=True)
    }
    replications = {
        name: replication_of(str(answer))
        for name, answer in zip(keyspaces, told, strict=True)
        if not isinstance(answer, JolokiaError)
    }
    untold = [name for name in keyspaces if name not in replications]
    replications |= _described(jolokia, endpoint, untold, Layout(owners=tokens, places=places))
    return Ownership(
        tokens=tokens,
        places=places,
        keyspaces=tuple(Keyspace(name=name, replication=replications[name]) for name in keyspaces),
        schemas=mbeans.schemas(schemas),
    )


def _described(
    jolokia: Jolokia, endpoint: Endpoint, keyspaces: Sequence[str], layout: Layout
) -> dict[str, Replication]:
    """Return the replication of *keyspaces* from who holds which range: Cassandra 3.11 tells nothing else.

    An answer has a line for each token, so that only some come at once.
    """
    at_once = max(1, _RANGES // max(1, len(layout.owners)))
    answers: list[Any] = []
    for start in range(0, len(keyspaces), at_once):
        some = keyspaces[start : start + at_once]
        answers += jolokia.bulk(
            endpoint, [_execute(mbeans.STORAGE_SERVICE, mbeans.RANGES, name) for name in some]
        )
    return {name: _inferred(layout, answer) for name, answer in zip(keyspaces, answers, strict=True)}


def _inferred(layout: Layout, answer: object) -> Replication:
    if isinstance(answer, JolokiaError):
        return Unprovable(why=f"its replication cannot be read: {answer}")
    return inferred(layout, mbeans.holders(answer))


def _required(answer: Any) -> Any:  # noqa: ANN401 -- JSON
    if isinstance(answer, JolokiaError):
        raise answer
    return answer


def _read(mbean: str, attribute: str) -> dict[str, Any]:
    return {"type": "read", "mbean": mbean, "attribute": attribute}


def _execute(mbean: str, operation: str, argument: str) -> dict[str, Any]:
    return {"type": "exec", "mbean": mbean, "operation": operation, "arguments": [argument]}
