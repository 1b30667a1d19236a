"""A rack in a rolling change: what its spec asks for, beside what is there."""

from __future__ import annotations

import attrs

from controller.domain.desired import DesiredRack
from controller.domain.observed import Pod, Rack, StatefulSet


@attrs.frozen(kw_only=True)
class Place:
    """A rack that exists: as wanted, as observed."""

    want: DesiredRack
    rack: Rack
    statefulset: StatefulSet

    @property
    def stored(self) -> bool:
        """Whether the StatefulSet has the wanted template."""
        return self.statefulset.template_hash == self.want.template_hash

    def outdated(self) -> list[Pod]:
        """Return the pods of an older template, the last ordinal first."""
        pods = sorted(self.rack.pods, key=lambda pod: -pod.ordinal)
        size = self.statefulset.replicas
        return [pod for pod in pods if pod.ordinal < size and self.statefulset.outdates(pod)]

    def pending(self) -> bool:
        """Whether there is anything to roll here, or it cannot be told yet."""
        if not self.stored or self.outdated():
            return True
        return bool(self.rack.pods) and not self.statefulset.settled
