"""
Wait until the stores show our own writes, and read live what they will not show.

It joins `expectations`, which are pure bookkeeping, with the stores and the API server.
"""

from __future__ import annotations

from collections.abc import Callable

import attrs

from controller.domain.errors import NotFoundError
from controller.executors.base import Written
from controller.kube.client import KubeClient
from controller.reconcile.expectations import Expectations
from controller.reconcile.stores import Object, Stores
from controller.runtime.store import Key

# How soon to look again: a watch event comes first, unless the write changed nothing.
LOOK_AGAIN_SECONDS = 0.2


@attrs.frozen(kw_only=True)
class CaughtUp:
    """Knows for each cluster whether its stores are up to date with what we wrote."""

    client: KubeClient
    stores: Stores
    monotonic: Callable[[], float]
    expectations: Expectations = attrs.field(factory=Expectations)

    def expect(self, key: Key, written: Written) -> None:
        """Note that *written* has yet to be seen."""
        self.expectations.expect(key, written, self.monotonic())

    def forget(self, key: Key) -> None:
        """Drop what is noted about a cluster that is gone."""
        self.expectations.forget(key)

    def behind(self, key: Key) -> float | None:
        """Return in how many seconds to look again, None if the stores are up to date.

        After ten seconds without an event the objects are read live, and the stores corrected.
        """
        unseen = self.expectations.unseen(key, self._stored)
        if not unseen:
            return None
        now = self.monotonic()
        late = [expected.written for expected in unseen if expected.deadline <= now]
        for written in late:
            self._read(written)
        if len(late) == len(unseen):
            self.expectations.forget(key)
            return None
        return LOOK_AGAIN_SECONDS

    def _stored(self, written: Written) -> Object | None:
        return self.stores.by_kind()[written.kind].get(Key(written.namespace, written.name))

    def _read(self, written: Written) -> None:
        key = Key(written.namespace, written.name)
        store = self.stores.by_kind()[written.kind]
        try:
            obj = self.client.get(written.kind, written.namespace, written.name)
        except NotFoundError:
            store.delete(key)
            return
        store.upsert(store.entry(key, obj["metadata"]["resourceVersion"], written.kind.transform(obj)))
