"""
Carry out one action: the only place where a decision meets the world.

An executor does one kind of thing, once, and returns what it wrote; waiting and retrying are the loop's.
Failures are raised as the classes of `controller.domain.errors`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, assert_never

import attrs

from controller.cassandra.jolokia import Credentials
from controller.domain.actions import (
    ApplyObject,
    ApplyStatefulSet,
    CreateSecret,
    Decommission,
    DeleteClaim,
    DeleteObject,
    DeletePod,
    DeleteStatefulSet,
    DetachStatefulSet,
    GrowClaim,
    MarkOperation,
    ReleasePlace,
    ReloadSeeds,
    RestartPod,
    RunOperation,
    ShrinkStatefulSet,
    StartRack,
    StopOperation,
    StopRack,
    Tune,
    Write,
)
from controller.kube.kinds import Kind

Body = Mapping[str, Any]


@attrs.frozen(kw_only=True)
class Written:
    """What a write left behind: *resource_version* is the object's newest, None if it is being deleted."""

    kind: Kind
    namespace: str
    name: str
    uid: str
    resource_version: str | None

    @classmethod
    def of(cls, kind: Kind, stored: Body) -> Written:
        """Return what is left of an object that the API server stored as *stored*."""
        metadata = stored["metadata"]
        return cls(
            kind=kind,
            namespace=metadata["namespace"],
            name=metadata["name"],
            uid=metadata["uid"],
            resource_version=metadata["resourceVersion"],
        )


@attrs.frozen(kw_only=True)
class Bodies:
    """The objects that the builders made for one cluster.

    *shared* is keyed by `Kind/name`; *statefulset* gives a rack's StatefulSet at a size. *cluster* and
    *uid* are the owner's, *login* is that of its nodes.
    """

    namespace: str
    shared: Mapping[str, Body]
    statefulset: Callable[[str, int], Body]
    cluster: str = ""
    uid: str = ""
    login: Credentials | None = attrs.field(default=None, repr=False)


# What is done to a StatefulSet besides applying it.
RackAction = ShrinkStatefulSet | DeleteStatefulSet | DetachStatefulSet | StopRack | StartRack


def deleted(kind: Kind, bodies: Bodies, name: str, uid: str) -> Written:
    """Return what is left of an object in the cluster's namespace that is being deleted."""
    return Written(kind=kind, namespace=bodies.namespace, name=name, uid=uid, resource_version=None)


@attrs.frozen(kw_only=True)
class Executor:
    """Sends each action to the one function that knows how."""

    objects: Callable[[ApplyObject, Bodies], Written]
    surplus: Callable[[DeleteObject, Bodies], Written]
    login: Callable[[CreateSecret, Bodies], Written]
    statefulsets: Callable[[ApplyStatefulSet, Bodies], Written]
    pods: Callable[[DeletePod | RestartPod | ReleasePlace, Bodies], Written]
    racks: Callable[[RackAction, Bodies], Written]
    claims: Callable[[DeleteClaim | GrowClaim, Bodies], Written]
    decommission: Callable[[Decommission, Bodies], Written | None]
    operations: Callable[[MarkOperation | RunOperation | StopOperation, Bodies], Written | None]
    tunings: Callable[[Tune, Bodies], Written | None]
    seeds: Callable[[ReloadSeeds, Bodies], None]

    def run(self, action: Write, bodies: Bodies) -> Written | None:  # noqa: C901 -- one arm an action
        """Carry out *action* and return what was written to the API server, if anything."""
        match action:
            case ApplyObject():
                return self.objects(action, bodies)
            case DeleteObject():
                return self.surplus(action, bodies)
            case CreateSecret():
                return self.login(action, bodies)
            case ApplyStatefulSet():
                return self.statefulsets(action, bodies)
            case DeletePod() | RestartPod() | ReleasePlace():
                return self.pods(action, bodies)
            case ShrinkStatefulSet() | DeleteStatefulSet() | DetachStatefulSet() | StopRack() | StartRack():
                return self.racks(action, bodies)
            case DeleteClaim() | GrowClaim():
                return self.claims(action, bodies)
            case Tune():
                return self.tunings(action, bodies)
            case ReloadSeeds():
                self.seeds(action, bodies)
                return None
            case Decommission():
                return self.decommission(action, bodies)
            case MarkOperation() | RunOperation() | StopOperation():
                return self.operations(action, bodies)
            case _:
                assert_never(action)
