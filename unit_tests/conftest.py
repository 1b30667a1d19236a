"""Settings for all tests."""

from __future__ import annotations

from collections.abc import Iterator
import os

from hypothesis import settings
import pytest
import structlog

# How long an example takes says more about the machine than about the code.
settings.register_profile("dev", deadline=None, max_examples=25)
settings.register_profile("ci", deadline=None, max_examples=100)
settings.register_profile("long", deadline=None, max_examples=500)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "dev"))


@pytest.fixture(autouse=True)
def _own_logging() -> Iterator[None]:
    """Forget how a program under test has set up logging for its process."""
    yield
    structlog.reset_defaults()
