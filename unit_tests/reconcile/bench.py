"""
The reconciler over an API server in memory, one reconcile at a time.

Nothing watches: what the stores show is what `see` took in last, so a test decides what is stale. No
controllers run, and there are no nodes.
"""

from __future__ import annotations

import itertools
from typing import Any, Final

import attrs
import httpx

from controller.builders.login import build_login_secret
from controller.cassandra.jolokia import Jolokia
from controller.cassandra.node import Nodes
from controller.core import assemble, metadata_only, selector
from controller.kube import kinds
from controller.kube.event_limits import Event
from controller.reconcile.stores import ObjectStore
from controller.runtime.clock import SteppedClock
from controller.runtime.inquiries import on_the_spot
from controller.runtime.store import Key, Stored
from controller.runtime.workers import Result
from unit_tests.executors.stage import IMAGES, NAMESPACE, OPERATOR, Json, Stage

KEY: Final = Key(NAMESPACE, "cc")


@attrs.frozen
class Notes:
    """A recorder that keeps what it is given."""

    events: list[Event] = attrs.field(factory=list)

    def record(self, event: Event) -> None:
        """Keep *event*."""
        self.events.append(event)

    def of(self, kind: str) -> list[tuple[str, str]]:
        """Return reason and note of the events of a type, `Normal` or `Warning`, in order."""
        return [(event.reason, event.note) for event in self.events if event.type.value == kind]


def _nobody(request: httpx.Request) -> httpx.Response:
    raise httpx.ConnectError(f"there is no node at {request.url.host}")


class Bench:
    """*stage* is the server, with the cluster `cc` in it; `reconcile` takes the next step for `cc`.

    The Secret with its login is there already, so that the first step goes as far as the first rack.
    """

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        login = build_login_secret(
            namespace=NAMESPACE, cluster="cc", uid=stage.cluster.metadata.uid, password="of-the-bench"
        )
        stage.make(kinds.SECRET, login)
        self.clock = SteppedClock()
        self.notes = Notes()
        ids = itertools.count()
        jolokia = Jolokia.over(httpx.MockTransport(_nobody))
        self.core = assemble(
            client=stage.client,
            nodes=Nodes(attrs.evolve(jolokia, sleep=lambda _: None), threads=0),
            recorder=self.notes,
            images=IMAGES,
            clock=self.clock,
            new_id=lambda: str(next(ids)),
            inquire=on_the_spot,
        )

    def see(self) -> None:
        """Let all stores show what the server has now."""
        for kind, store in self.core.stores.by_kind().items():
            page = self.stage.user.list_page(
                kind, label_selector=selector(kind), metadata_only=metadata_only(kind)
            )
            store.replace(_entry(store, kind.transform(item)) for item in page.items)

    def show(self, store: ObjectStore, obj: Json) -> None:
        """Let one store show *obj*, which need not be what the server has."""
        store.upsert(_entry(store, obj))

    def reconcile(self, key: Key = KEY) -> Result:
        """Take in everything, and then the next step."""
        self.see()
        return self.core.reconciler.reconcile(key)

    def cluster(self) -> Json:
        """Return the cluster as it is stored."""
        return self.stage.user.get(kinds.CASSANDRA_CLUSTER, NAMESPACE, "cc")

    def condition(self, kind: str) -> Json:
        """Return a condition of the cluster, an empty one if there is none."""
        conditions = (self.cluster().get("status") or {}).get("conditions") or []
        return next((c for c in conditions if c["type"] == kind), {})

    def written(self) -> list[str]:
        """Return what the operator wrote so far, as `patch services cc`, refused writes among it."""
        calls = (record.call for record in self.stage.server.faults.log)
        return [f"{c.verb} {c.kind} {c.name}" for c in calls if c.client == OPERATOR]


def _entry(store: ObjectStore, obj: Any) -> Stored[Any]:
    metadata = obj["metadata"]
    key = Key(metadata.get("namespace", ""), metadata["name"])
    return store.entry(key, metadata["resourceVersion"], obj)
