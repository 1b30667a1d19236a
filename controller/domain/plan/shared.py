"""The objects that all racks share: made first, kept as they should be, never a reason to wait."""

from __future__ import annotations

from collections.abc import Iterator

from controller.domain.actions import ApplyObject, CreateSecret, DeleteObject
from controller.domain.desired import Desired
from controller.domain.observed import Observed


def shared_objects(desired: Desired, observed: Observed) -> Iterator[ApplyObject]:
    """Yield what is missing, out of date, or was edited by somebody else."""
    for key, wanted in desired.shared.items():
        kind, _, name = key.partition("/")
        have = observed.shared.get(key)
        if have is None:
            why = f"{kind} {name} does not exist yet"
        elif have.hash != wanted:
            why = f"{kind} {name} is brought up to date"
        elif have.drift:
            why = f"{kind} {name} was edited: {', '.join(have.drift)} put back"
        else:
            continue
        forgets = observed.gone if kind == "ConfigMap" else frozenset()
        yield ApplyObject(kind=kind, name=name, why=why, forgets=forgets)


def surplus(observed: Observed) -> Iterator[DeleteObject]:
    """Yield what is there and not asked for."""
    for key, uid in observed.surplus.items():
        kind, _, name = key.partition("/")
        yield DeleteObject(kind=kind, name=name, uid=uid, why=f"{kind} {name} is no longer asked for")


def missing_login(observed: Observed) -> Iterator[CreateSecret]:
    """Yield the Secret with the generated login, if it is not there."""
    name = observed.missing_login
    if name is None:
        return
    if observed.pods():
        why = (
            f"Secret {name} was deleted: it is made again with another password, and nodes that ask for the"
            " old one are restarted one by one"
        )
    else:
        why = f"Secret {name} does not exist yet: nodes ask for the login in it"
    yield CreateSecret(name=name, why=why)
