"""The part of a storage driver that grows volumes: when, to what size, and how it fails."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st
import pytest

from e2e.cluster.resizer import (
    PREFIX,
    Growth,
    Manner,
    Resizer,
    capacity,
    format_quantity,
    manner,
    parse_quantity,
    wanting,
)

GI = 1024**3


class RecordingApi:
    """Answers with one claim and one storage class, and keeps what is asked of it."""

    def __init__(self, annotations: dict[str, str]) -> None:
        self.claim = claim(wants="2Gi", has="1Gi")
        self.annotations = annotations
        self.statuses: list[dict[str, Any]] = []
        self.volumes: list[dict[str, Any]] = []
        self.events: list[dict[str, Any]] = []

    def get(self, path: str) -> dict[str, Any]:
        """The claim, or the class."""
        if path.endswith("persistentvolumeclaims"):
            return {"items": [self.claim]}
        return {"metadata": {"name": "standard", "annotations": self.annotations}}

    def merge(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        """Keep the change, and let the claim have its new status."""
        if path.endswith("/status"):
            self.statuses.append(body["status"])
            self.claim["status"].update(body["status"])
        else:
            self.volumes.append(body)
        return body

    def create(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        """Keep the event."""
        self.events.append(body)
        return body


def claim(*, wants: str, has: str | None, phase: str = "Bound") -> dict[str, Any]:
    """A claim as the API gives it."""
    status: dict[str, Any] = {"phase": phase}
    if has:
        status["capacity"] = {"storage": has}
    return {
        "metadata": {"namespace": "n", "name": "data-0"},
        "spec": {
            "resources": {"requests": {"storage": wants}},
            "volumeName": "pv-0",
            "storageClassName": "standard",
        },
        "status": status,
    }


@pytest.mark.parametrize(
    ("text", "size"),
    [("1Gi", GI), ("3G", 3 * 10**9), ("1.5Gi", 3 * GI // 2), ("1024", 1024), ("2k", 2000)],
)
def test_quantities_are_read_as_kubernetes_writes_them(text: str, size: int) -> None:
    """Binary and decimal units, fractions and plain numbers."""
    assert parse_quantity(text) == size


def test_what_is_no_quantity_is_refused() -> None:
    """A typing error in an annotation does not pass as zero."""
    with pytest.raises(ValueError, match="1Q"):
        parse_quantity("1Q")


@given(st.integers(min_value=1, max_value=2**60))
def test_a_written_quantity_reads_the_same(size: int) -> None:
    """Writing loses nothing."""
    assert parse_quantity(format_quantity(size)) == size


@given(st.integers(min_value=1, max_value=2**50), st.integers(min_value=1, max_value=2**40))
def test_a_granted_size_is_the_smallest_allowed_one(wanted: int, step: int) -> None:
    """It is never less than what was asked for, and less than one step more."""
    growth = Growth(namespace="n", name="c", volume="v", storage_class="s", wanted=wanted, since=0.0)

    granted = capacity(growth, Manner(round_up=step))

    assert granted % step == 0
    assert wanted <= granted < wanted + step


def test_only_bound_claims_that_ask_for_more_want_to_grow() -> None:
    """A claim that is pending, or asks for what it has, is left alone."""
    claims = [
        claim(wants="1Gi", has="1Gi"),
        claim(wants="1Gi", has="2Gi"),
        claim(wants="2Gi", has=None, phase="Pending"),
        claim(wants="2Gi", has="1Gi"),
    ]

    assert [growth.wanted for growth in wanting(claims, 5.0)] == [2 * GI]


def test_the_manner_is_written_on_the_storage_class() -> None:
    """Without annotations a volume grows after two seconds to exactly what was asked for."""
    said = {f"{PREFIX}delay": "30", f"{PREFIX}round-up": "1Gi", f"{PREFIX}fail": "no room"}

    assert manner({"metadata": {"annotations": said}}) == Manner(delay=30.0, round_up=GI, failure="no room")
    assert manner({"metadata": {}}) == Manner(delay=2.0, round_up=1, failure="")


def test_a_volume_grows_after_its_delay() -> None:
    """Until then the claim says that it is being resized, and keeps its old capacity."""
    api = RecordingApi({f"{PREFIX}delay": "10"})
    resizer = Resizer(api)

    resizer.step(100.0)
    resizer.step(109.9)

    assert api.volumes == []
    assert [c["type"] for c in api.claim["status"]["conditions"]] == ["Resizing"]

    resizer.step(110.0)

    assert api.claim["status"]["capacity"] == {"storage": "2Gi"}
    assert api.claim["status"]["conditions"] == []
    assert api.volumes == [{"spec": {"capacity": {"storage": "2Gi"}}}]


def test_asking_for_yet_more_starts_the_delay_anew() -> None:
    """A driver that is still busy with one size begins again with the next."""
    api = RecordingApi({f"{PREFIX}delay": "10"})
    resizer = Resizer(api)
    resizer.step(100.0)
    api.claim["spec"]["resources"]["requests"]["storage"] = "3Gi"

    resizer.step(109.0)
    resizer.step(111.0)
    assert api.volumes == []

    resizer.step(119.0)
    assert api.claim["status"]["capacity"] == {"storage": "3Gi"}


def test_a_failure_is_told_once_and_is_over_when_its_annotation_goes() -> None:
    """The claim carries the reason as long as it holds, an event tells when it began."""
    api = RecordingApi({f"{PREFIX}delay": "0", f"{PREFIX}fail": "no room"})
    resizer = Resizer(api)

    resizer.step(1.0)
    resizer.step(2.0)

    assert [event["message"] for event in api.events] == ["no room"]
    assert api.claim["status"]["conditions"][0]["message"] == "no room"
    assert api.volumes == []

    api.annotations = {f"{PREFIX}delay": "0"}
    resizer.step(3.0)
    assert api.claim["status"]["capacity"] == {"storage": "2Gi"}
