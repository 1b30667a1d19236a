"""The words of `OperationMode`."""

from __future__ import annotations

import enum


class Mode(enum.Enum):
    """What a node says it is doing; the two FAILED modes exist in 5.0 only."""

    STARTING = "STARTING"
    JOINING = "JOINING"
    JOINING_FAILED = "JOINING_FAILED"
    NORMAL = "NORMAL"
    LEAVING = "LEAVING"
    DECOMMISSIONED = "DECOMMISSIONED"
    DECOMMISSION_FAILED = "DECOMMISSION_FAILED"
    MOVING = "MOVING"
    DRAINING = "DRAINING"
    DRAINED = "DRAINED"
