"""What there is to do on nodes: operations that were asked for, and those that are under way."""

from __future__ import annotations

from collections.abc import Iterator

import attrs

from controller.domain.observed import Observed, Pod
from controller.domain.operations import pods
from controller.domain.operations.kinds import NodeOperation, Remove, Unusable, parse, text_of


@attrs.frozen(kw_only=True)
class Work:
    """An operation on the node in *pod*, which is one of *rack*: waiting to begin, or under way."""

    rack: str
    pod: Pod
    operation: NodeOperation

    @property
    def paused(self) -> bool:
        """Whether its label was set to Paused since it was begun."""
        asked, running = self.pod.operation, self.pod.operation.running
        return running is not None and (asked.name, asked.status) == (running.name, pods.PAUSED)

    @property
    def text(self) -> str:
        """What is done to which node, in words."""
        return f"{text_of(self.operation)} on {self.pod.name}"


def begun(observed: Observed) -> Iterator[Work]:
    """Yield what was begun and is not known to be over."""
    for rack, pod in of_all(observed):
        running = pod.operation.running
        operation = parse(running.name, running.argument) if running is not None else None
        if isinstance(operation, Remove) and running is not None:
            operation = attrs.evolve(operation, host_id=running.host_id or None)
        if operation is not None and not isinstance(operation, Unusable):
            yield Work(rack=rack, pod=pod, operation=operation)


def of_all(observed: Observed) -> Iterator[tuple[str, Pod]]:
    """Yield each pod with the name of its rack."""
    for name, rack in observed.racks.items():
        for pod in rack.pods:
            yield name, pod


def wanted(observed: Observed) -> Iterator[Work]:
    """Yield what is asked for and was not begun; the second operation on a pod waits for the first."""
    for rack, pod in of_all(observed):
        asked = pod.operation
        if not asked.waits or asked.running is not None:
            continue
        found = parse(asked.name, asked.argument)
        if not isinstance(found, Unusable):
            yield Work(rack=rack, pod=pod, operation=found)
