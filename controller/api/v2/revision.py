"""
The revisions of the pod template.

A revision is written on each StatefulSet and moves only when a user asks for it, so that a newer
operator never restarts a database by itself.
"""

from __future__ import annotations

import enum


class Revision(enum.IntEnum):
    """A template that this operator can build. `Revision(n)` raises ValueError for one it cannot."""

    # CassKop's template, field for field: what it made is adopted without a change.
    CASSKOP = 0
    # Ours, for new clusters.
    HARDENED = 1

    @classmethod
    def newest(cls) -> Revision:
        """Return the revision that new clusters are made with."""
        return max(cls)
