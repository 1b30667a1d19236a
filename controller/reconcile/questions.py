"""
What a reconcile wants to know of its nodes, asked beside the workers.

Each question raises `Asking` until its answer is there; then the key is woken, and the next reconcile gets
it. Nothing here waits for a node. An answer serves one look at a cluster and no second one, so whatever was
done after a look, nodes are asked again after it.
"""

from __future__ import annotations

from collections.abc import Collection, Hashable, Iterator, Mapping, Sequence
import contextlib

import attrs

from controller.cassandra.jolokia import Credentials, Endpoint
from controller.cassandra.node import Nodes
from controller.domain.live import Attribute, Value
from controller.domain.observed import Pod
from controller.domain.operations.seen import Busy
from controller.domain.ownership import Ownership, Unread
from controller.domain.ring import Answer, Silent
from controller.domain.streaming import Transfer
from controller.runtime.inquiries import Asking, Inquiries
from controller.runtime.store import Key


@attrs.frozen
class Told:
    """What each node that was asked says, by pod: of the ring, and of what it is at."""

    ring: Mapping[str, Answer]
    busy: Mapping[str, Busy | Silent]


@attrs.frozen
class Questions:
    """Asks the nodes of all clusters."""

    nodes: Nodes
    inquiries: Inquiries[Key]

    @contextlib.contextmanager
    def look(self, key: Key) -> Iterator[None]:
        """Let the answers serve what is done inside; they are used up unless it ends with `Asking`."""
        try:
            yield
        except Asking:
            raise
        except Exception:
            self.inquiries.settle(key)
            raise
        self.inquiries.settle(key)

    def told(
        self, key: Key, *, ring: Mapping[str, Endpoint], busy: Mapping[str, Endpoint], calls: Hashable
    ) -> Told:
        """Return what the nodes in *ring* say of the ring, and those in *busy* of what they are at.

        *calls* is what is known of calls to them: an answer from before the end of one is none.
        """
        if not ring and not busy:
            return Told({}, {})
        question = ("nodes", tuple(sorted(ring.items())), tuple(sorted(busy.items())), calls)
        return self.inquiries.ask(
            key, question, lambda: Told(self.nodes.ring(ring).answers, self.nodes.busy(busy))
        )

    def ownership(self, key: Key, endpoints: Mapping[str, Endpoint]) -> Ownership | Unread:
        """Return who owns what, as one of the nodes in *endpoints* says."""
        question = ("ownership", tuple(sorted(endpoints.items())))
        return self.inquiries.ask(key, question, lambda: self.nodes.ownership(endpoints))

    def loads(self, key: Key, endpoints: Mapping[str, Endpoint]) -> Mapping[str, int]:
        """Return how many bytes of data the nodes in *endpoints* hold, as far as they say."""
        question = ("loads", tuple(sorted(endpoints.items())))
        return self.inquiries.ask(key, question, lambda: self.nodes.loads(endpoints))

    def transfer(self, key: Key, endpoint: Endpoint) -> Transfer | None:
        """Return how much one node streams, and how far it is."""
        return self.inquiries.ask(key, ("transfer", endpoint), lambda: self.nodes.transfer(endpoint))

    def values(
        self, key: Key, endpoints: Mapping[str, Endpoint], attributes: Sequence[Attribute]
    ) -> Mapping[str, Mapping[Attribute, Value] | str]:
        """Return what the nodes in *endpoints* have for each of *attributes*, or why that is not known."""
        question = ("values", tuple(sorted(endpoints.items())), tuple(attributes))
        return self.inquiries.ask(key, question, lambda: self.nodes.values(endpoints, attributes))

    def forget(self, key: Key) -> None:
        """Drop what is known of a cluster that is gone."""
        self.inquiries.forget(key)


def ready(pods: Mapping[str, list[Pod]], login: Credentials | None) -> dict[str, Endpoint]:
    """Return where to ask each pod that can answer."""
    return {
        pod.name: Endpoint(host=pod.ip, credentials=login)
        for rack in pods.values()
        for pod in rack
        if pod.ready and pod.ip and not pod.terminating
    }


def running(
    pods: Mapping[str, list[Pod]], names: Collection[str], login: Credentials | None
) -> dict[str, Endpoint]:
    """Return where to ask those of *names* whose Cassandra runs, ready or not."""
    return {
        pod.name: Endpoint(host=pod.ip, credentials=login)
        for rack in pods.values()
        for pod in rack
        if pod.name in names and pod.ip and pod.cassandra_runs and not pod.terminating
    }
