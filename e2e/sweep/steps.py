"""
What stories are made of, as data: the steps of a user, and what must be true at the end.

The steps of *given* make the situation and are swept by no fault; those of *when* are. A step that waits
does so however long the faults make it take, up to its limit.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs

from e2e.sweep.probes import Probe


@attrs.frozen(kw_only=True)
class Apply:
    """Create an object."""

    object: Mapping[str, Any]


@attrs.frozen(kw_only=True)
class Edit:
    """Merge *spec* into a cluster's spec."""

    name: str
    spec: Mapping[str, Any]


@attrs.frozen(kw_only=True)
class Delete:
    """Delete an object: a `cassandraclusters`, `pods`, `persistentvolumeclaims` or `secrets`.

    With *force* no kubelet is waited for.
    """

    kind: str
    name: str
    force: bool = False


@attrs.frozen(kw_only=True)
class Label:
    """Put *labels* on a pod, as CassKop's plugin does to ask for an operation on its node."""

    pod: str
    labels: Mapping[str, str]


@attrs.frozen(kw_only=True)
class Annotate:
    """Put *annotations* on a cluster; None takes one away."""

    name: str
    annotations: Mapping[str, str | None]


@attrs.frozen(kw_only=True)
class Approve:
    """Approve the edit of a cluster that waits, as `kubectl casskop approve` does."""

    name: str


@attrs.frozen(kw_only=True)
class Remove:
    """Ask by labels on the pod *through* that the node that *pod* was is removed from the ring.

    *alone*: nothing else of it; else its place is emptied as well.
    """

    cluster: str
    pod: str
    through: str
    alone: bool = False


@attrs.frozen(kw_only=True)
class PowerOff:
    """Take a Kubernetes node's power away."""

    node: str


@attrs.frozen(kw_only=True)
class BringBack:
    """Give it back."""

    node: str


@attrs.frozen(kw_only=True)
class AddMachine:
    """Add a Kubernetes node in a zone."""

    node: str
    zone: str


@attrs.frozen(kw_only=True)
class RemoveMachine:
    """Delete a Kubernetes node for good."""

    node: str


@attrs.frozen(kw_only=True)
class Keyspace:
    """Create a keyspace with so many *copies* in each of *dcs*, and *megabytes* of data."""

    name: str
    copies: int
    dcs: tuple[str, ...] = ("dc1",)
    megabytes: int = 0


@attrs.frozen(kw_only=True)
class Replicate:
    """Have a keyspace that there is keep so many *copies* in each of *dcs*."""

    name: str
    copies: int
    dcs: tuple[str, ...] = ("dc1",)


@attrs.frozen(kw_only=True)
class Until:
    """Let time pass until *probe* holds, at most *seconds*."""

    what: str
    probe: Probe
    seconds: float = 120.0


@attrs.frozen(kw_only=True)
class Pause:
    """Let *seconds* pass."""

    seconds: float


Step = (
    Apply
    | Edit
    | Delete
    | Label
    | Annotate
    | Approve
    | Remove
    | PowerOff
    | BringBack
    | AddMachine
    | RemoveMachine
    | Keyspace
    | Replicate
    | Until
    | Pause
)


@attrs.frozen(kw_only=True)
class Story:
    """*end* must hold after the last step, and for good.

    *quiet*: from then on the operator writes nothing. Not so where the kubelet goes on trying something,
    since the operator repeats its words. *hangs_on*: in which paths the end may differ from the one without
    faults, since it hangs on when something was seen; *hangs_on_accidents*: the same, where an accident may
    decide whether a node comes to leave. *hangs_on_calls*: where an accident, or the loss of its answer, may
    decide how an operation ends.
    """

    name: str
    about: str
    when: tuple[Step, ...]
    end: Until
    given: tuple[Step, ...] = ()
    quiet: bool = True
    hangs_on: tuple[str, ...] = ()
    hangs_on_accidents: tuple[str, ...] = ()
    hangs_on_calls: tuple[str, ...] = ()
