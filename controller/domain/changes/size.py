"""Changes of the size of all racks."""

from __future__ import annotations

from controller.domain.changes.common import Facts, Held, Rule, Spec, held, put_back


def hold(old: Spec, new: Spec, facts: Facts) -> list[Held]:
    """Put a `nodesPerRacks` of 0 back: it would empty the cluster."""
    if new.get("nodesPerRacks") != 0 or old.get("nodesPerRacks") == 0 or not facts.nodes:
        return []
    put_back(old, new, "nodesPerRacks")
    return [held("spec.nodesPerRacks", Rule.EMPTY_CLUSTER)]
