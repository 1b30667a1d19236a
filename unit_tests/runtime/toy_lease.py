"""A Lease on a toy server: versions, conflicts, and answers that get lost."""

from __future__ import annotations

from collections.abc import Callable

import attrs

from controller.domain.errors import ConflictError, NotFoundError, TransientError
from controller.runtime.lease import LeaseRecord


@attrs.define
class ToyLease:
    """
    The server's side of one Lease; a `LeaseLock`.

    *before* runs before a request takes effect and *after* before its answer: they may raise, wait, or do
    what others do meanwhile.
    """

    record: LeaseRecord | None = None
    version: int = 0
    requests: list[str] = attrs.field(factory=list)
    before: Callable[[], None] = lambda: None
    after: Callable[[], None] = lambda: None

    def get(self) -> LeaseRecord | None:
        """Return the record."""
        self.requests.append("get")
        self.before()
        record = self.record
        self.after()
        return record

    def create(self, record: LeaseRecord) -> LeaseRecord:
        """Store the first record."""
        self.requests.append("create")
        self.before()
        if self.record is not None:
            raise ConflictError("the lease exists")
        stored = self.store(record)
        self.after()
        return stored

    def update(self, record: LeaseRecord) -> LeaseRecord:
        """Store the record over the version that it names."""
        self.requests.append("update")
        self.before()
        if self.record is None:
            raise NotFoundError("there is no lease")
        if self.record.resource_version != record.resource_version:
            raise ConflictError("the lease was changed")
        stored = self.store(record)
        self.after()
        return stored

    def store(self, record: LeaseRecord) -> LeaseRecord:
        """Store *record* whatever was there."""
        # As a real server has it: what changes nothing makes no new version.
        if self.record is None or record != self.record:
            self.version += 1
        self.record = attrs.evolve(record, resource_version=str(self.version))
        return self.record

    def be_silent(self) -> None:
        """Answer nothing from now on, and do nothing either."""
        self.before = no_answer

    def lose_answers(self) -> None:
        """Carry out requests from now on, but let their answers get lost."""
        self.after = no_answer

    def work(self) -> None:
        """Answer again."""
        self.before = self.after = lambda: None


def no_answer() -> None:
    """Raise what a client sees when its deadline passes."""
    raise TransientError("no answer by the deadline")
