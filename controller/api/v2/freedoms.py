"""What a user leaves to the operator: restarts, replacements, and edits of the spec."""

from __future__ import annotations

import enum

import attrs

from controller.api.v2.fields import doc


class NodeReplacement(enum.StrEnum):
    """Who decides that a node which is dead for good is replaced."""

    MANUAL = "Manual"
    AUTOMATIC = "Automatic"


class RolloutStrategy(enum.StrEnum):
    """How many nodes may be restarted together."""

    GRADUAL = "Gradual"
    RACK_AT_ONCE = "RackAtOnce"


class ChangePolicy(enum.StrEnum):
    """Whether an edit of the spec is carried out at once."""

    AUTOMATIC = "Automatic"
    APPROVE = "Approve"


@attrs.frozen(kw_only=True)
class Rollout:
    """How changes that need restarts are carried out."""

    strategy: str | None = attrs.field(
        default=None,
        metadata=doc(
            "`Gradual`: up to `maxPodUnavailable` nodes at a time. `RackAtOnce`: all nodes of a rack where"
            " replication lets it. Either way only what is proven to keep `consistency`, else one node"
            " after the other. If absent: `Gradual`."
        ),
    )
    consistency: str | None = attrs.field(
        default=None,
        metadata=doc(
            "The consistency level that clients need throughout, such as `LOCAL_QUORUM` or `QUORUM`."
            " If absent: `LOCAL_QUORUM`."
        ),
    )
    rack_share: int | None = attrs.field(
        default=None,
        metadata=doc(
            "With `RackAtOnce`, the percentage of a rack's nodes that may be down together. If absent: 100."
        ),
    )
    only_if_proven: bool = attrs.field(
        default=False,
        metadata=doc(
            "Wait where no proof is to be had, such as for a keyspace with one replica, instead of going on"
            " one node after the other."
        ),
    )
    paused: bool = attrs.field(
        default=False, metadata=doc("Set to true to restart no further node until it is false again.")
    )
