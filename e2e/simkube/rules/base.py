"""
What a kind may have rules about; this class has those of a kind without any.

A subclass overrides what its kind does differently. All methods work on an object that nobody else
has yet, and may change it; *before* is a stored object, which may not be changed.
"""

from __future__ import annotations

from e2e.simkube import names
from e2e.simkube.errors import Problems
from e2e.simkube.kinds import Resource
from e2e.simkube.state import State
from e2e.simkube.values import Object


class Rules:
    """The rules of one kind."""

    # Whether PUT of an absent object creates it.
    creates_on_update = False
    # Whether PUT without a resourceVersion overwrites whatever is there.
    overwrites = True
    # Whether `validate` looks at the spec only, and so has nothing to say of a change beside it.
    validates_spec_only = False
    # Whether DELETE answers with the object rather than with a Status.
    returns_deleted = False

    def __init__(self, resource: Resource, state: State) -> None:
        self.resource = resource
        self.state = state

    def name_problem(self, name: str) -> str:
        """Why *name* is refused, or ""."""
        return names.subdomain(name)

    def default(self, found: Object) -> None:
        """Fill in what the client left out."""

    def admit(self, found: Object) -> None:
        """Look at, or complete, a new object with what else is in the cluster. May refuse."""

    def resets(self, subresource: str) -> tuple[str, ...]:
        """The parts that a write of this subresource leaves alone; "" is the object itself."""
        if "status" not in self.resource.subresources:
            return ()
        return ("spec",) if subresource == "status" else ("status",)

    def prepare_create(self, found: Object) -> None:
        """Set what only the server writes in a new object."""

    def isolate(self, found: Object, before: Object, subresource: str) -> None:
        """Take back what an update of this subresource may not change."""
        for part in self.resets(subresource):
            if part in before:
                found[part] = before[part]
            else:
                found.pop(part, None)

    def prepare_update(self, found: Object, before: Object) -> None:
        """Set what only the server writes in a changed object."""

    def validate(self, found: Object, problems: Problems) -> None:
        """Report what is wrong with the object."""

    def validate_update(self, found: Object, before: Object, problems: Problems) -> None:
        """Report what is wrong with the change."""

    def check(self, found: Object, before: Object | None) -> None:
        """Look at a change with what else is in the cluster. May refuse."""

    def mark_deleted(self, found: Object) -> None:
        """Add to an object that is being marked for deletion what keeps it for a while."""
