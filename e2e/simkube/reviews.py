"""Whether the one who asks may do something: simkube checks no rights, so the answer is always yes."""

from __future__ import annotations

from e2e.simkube import errors
from e2e.simkube.encoding import Answer
from e2e.simkube.errors import Problems
from e2e.simkube.store import Place
from e2e.simkube.values import Object

REVIEWS: Place = ("authorization.k8s.io", "selfsubjectaccessreviews")
_WAYS = ("resourceAttributes", "nonResourceAttributes")


def answer(review: Object) -> Answer:
    """The answered review: 201; it is not stored. 422 if it does not ask about exactly one thing."""
    asked = [name for name in _WAYS if review["spec"].get(name) is not None]
    if len(asked) != 1:
        problems = Problems()
        why = f"exactly one of {' or '.join(reversed(_WAYS))} must be specified"
        problems.invalid("spec.resourceAttributes", review["spec"], why)
        kind, (group, _) = "SelfSubjectAccessReview", REVIEWS
        raise errors.invalid(kind, group, "", problems.causes)
    return Answer(status=201, body={**review, "status": {"allowed": True}})
