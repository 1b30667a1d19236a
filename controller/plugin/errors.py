"""How the plugin ends when it cannot go on."""

from __future__ import annotations

from typing import Final

from controller.domain.errors import (
    ConflictError,
    NotFoundError,
    OperatorError,
    TerminalError,
    TransientError,
)
from controller.kube.errors import ForbiddenError, UnknownKindError

# CassKop's plugin ends with 1 whatever is wrong; what a script may want to tell apart has its own number.
DONE: Final = 0
STOPPED: Final = 1
WRONG_ARGUMENTS: Final = 2
NOT_CLEAR: Final = 3
NO_CLUSTER: Final = 4
NO_RIGHTS: Final = 5

NO_KIND: Final = (
    "this Kubernetes knows no CassandraClusters: install the CustomResourceDefinition and the operator"
    " (kubectl apply -k manifests)"
)


class StopError(Exception):
    """The plugin ends with exit code *code*; the message is for the user, without a full stop."""

    def __init__(self, message: str, *, code: int = STOPPED) -> None:
        super().__init__(message)
        self.code = code


def stop_of(error: OperatorError) -> StopError:
    """Return how the plugin ends after *error* of the API server."""
    match error:
        case UnknownKindError():
            return StopError(NO_KIND)
        case ForbiddenError():
            return StopError(f"you lack a right ({error}): ask whoever manages roles", code=NO_RIGHTS)
        case ConflictError():
            return StopError(f"somebody else changed it meanwhile ({error}): try again")
        case TransientError():
            return StopError(f"the API server does not answer ({error})", code=NO_CLUSTER)
        case NotFoundError() | TerminalError():
            return StopError(str(error))
        case _:
            return StopError(f"{type(error).__name__}: {error}")
