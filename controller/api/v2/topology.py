"""
`spec.topology`: data centres and racks, as they were written.

What a rack takes over from its data centre, and that from the spec, is in `effective`.
"""

from __future__ import annotations

from collections.abc import Mapping
import datetime as dt

import attrs

from controller.api.v2.fields import doc
from controller.api.v2.jsonvalues import EMPTY
from controller.api.v2.shapes import Config, ResourceRequirements

CAPACITY_PATTERN = "^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$"
NAME_PATTERN = "^[^-]+$"


@attrs.frozen(kw_only=True)
class Rack:
    """A rack: one StatefulSet."""

    name: str = attrs.field(metadata=doc("Name of the rack, without dashes.", pattern=NAME_PATTERN))
    labels: Mapping[str, str] = attrs.field(
        default=EMPTY, metadata=doc("Labels that a Kubernetes node must carry to run nodes of this rack.")
    )
    config: Config | None = attrs.field(
        default=None, metadata=doc("Configuration of this rack, laid over that of the data centre.")
    )
    rolling_restart: bool = attrs.field(
        default=False, metadata=doc("Set to true to restart the nodes of this rack once, one by one.")
    )
    rolling_partition: int = attrs.field(
        default=0, metadata=doc("Pods with a smaller ordinal are left alone when the rack is updated.")
    )
    restarted_at: dt.datetime | None = attrs.field(
        default=None,
        metadata=doc(
            "Set to the present to restart the nodes of this rack; only a later time does it again."
        ),
    )


@attrs.frozen(kw_only=True)
class DC:
    """A Cassandra data centre."""

    name: str = attrs.field(metadata=doc("Name of the data centre, without dashes.", pattern=NAME_PATTERN))
    labels: Mapping[str, str] = attrs.field(
        default=EMPTY,
        metadata=doc("Labels that a Kubernetes node must carry to run nodes of this data centre."),
    )
    config: Config | None = attrs.field(
        default=None, metadata=doc("Configuration of this data centre, laid over `spec.config`.")
    )
    rack: tuple[Rack, ...] = attrs.field(default=(), metadata=doc("The racks. If absent: `rack1`."))
    nodes_per_racks: int | None = attrs.field(
        default=None,
        metadata=doc(
            "Nodes in each rack of this data centre; 0 empties it. If absent: `spec.nodesPerRacks`."
        ),
    )
    data_capacity: str | None = attrs.field(
        default=None,
        metadata=doc(
            "Size of the data volumes here. If absent: `spec.dataCapacity`.", pattern=CAPACITY_PATTERN
        ),
    )
    data_storage_class: str | None = attrs.field(
        default=None,
        metadata=doc("Storage class of the data volumes here; only looked at together with `dataCapacity`."),
    )
    resources: ResourceRequirements | None = attrs.field(
        default=None, metadata=doc("Resources of the nodes here. If absent or empty: `spec.resources`.")
    )
    restarted_at: dt.datetime | None = attrs.field(
        default=None, metadata=doc("As `restartedAt` of a rack, for all racks of this data centre.")
    )


@attrs.frozen(kw_only=True)
class Topology:
    """Where the nodes are."""

    dc: tuple[DC, ...] = attrs.field(
        default=(), metadata=doc("The data centres. If absent: `dc1` with `rack1`.")
    )
