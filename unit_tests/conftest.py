"""Settings for all tests; its place also puts this folder on the import path, for `strategies`."""

from __future__ import annotations

from hypothesis import settings

# How long an example takes says more about the machine than about the code.
settings.register_profile("casskop", deadline=None)
settings.load_profile("casskop")
