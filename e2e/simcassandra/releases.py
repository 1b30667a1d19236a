"""What differs between the Cassandra releases that are simulated: 4.0, 4.1 and 5.0."""

from __future__ import annotations

import attrs

# What is simulated.
LINES = ((4, 0), (4, 1), (5, 0))


@attrs.frozen(kw_only=True)
class Release:
    """A Cassandra release such as 4.1.10."""

    text: str
    major: int
    minor: int

    @classmethod
    def parse(cls, text: str) -> Release:
        """Return the release that *text* names; `ValueError` if it is none of 4.0, 4.1 and 5.0."""
        parts = text.split(".")
        try:
            major, minor = int(parts[0]), int(parts[1])
        except (IndexError, ValueError) as error:
            raise ValueError(f"{text!r} is no Cassandra release") from error
        if (major, minor) not in LINES:
            raise ValueError(f"Cassandra {text} is not simulated, only 4.0, 4.1 and 5.0")
        return cls(text=text, major=major, minor=minor)

    @property
    def line(self) -> tuple[int, int]:
        """Its line, such as (4, 1)."""
        return self.major, self.minor

    @property
    def is_five(self) -> bool:
        """Whether 5.0's changes apply.

        They are: the modes JOINING_FAILED and DECOMMISSION_FAILED with their attributes, no
        `HostIdMap`, a rebuild that cannot be repeated, and a decommission that may be called again.
        """
        return self.major >= 5

    def sstable_format(self, storage_compatibility: str) -> str:
        """Return the format in which data is written; 5.0 keeps the old one until it is told."""
        return "oa" if self.is_five and storage_compatibility == "NONE" else "nb"
