"""Facts about several requests in one."""

from __future__ import annotations

import pytest

from e2e.contract_jolokia.agents import ILLEGAL, SNITCH, STORAGE, Json, Ring, call, error

MODE = {"type": "read", "mbean": STORAGE, "attribute": "OperationMode"}


def test_each_part_has_its_own_answer(ring: Ring) -> None:
    """In the order in which they were asked; one that fails does not touch the others."""
    missing = {"type": "read", "mbean": STORAGE, "attribute": "NoSuch"}
    rack = call("getRack", ring.first.host, mbean=SNITCH)

    found = ring.first.ask([MODE, missing, {**missing, "mbean": "no:such=bean"}, rack])

    assert [part["status"] for part in found] == [200, 404, 404, 200]
    assert found[0]["value"] == "NORMAL"
    assert [part["request"]["mbean"] for part in found] == [STORAGE, STORAGE, "no:such=bean", SNITCH]


def test_nothing_gives_nothing(ring: Ring) -> None:
    """An empty list."""
    assert ring.first.ask([]) == []


@pytest.mark.parametrize("part", [7, {"type": "nonsense"}, {"mbean": STORAGE}, {"type": "read"}])
def test_a_part_that_is_no_request_spoils_all(ring: Ring, part: Json) -> None:
    """One error in place of the list."""
    found = ring.first.ask([MODE, part])

    assert error(found)[:2] == (400, ILLEGAL)
    assert "request" not in found


def test_the_whole_is_http_200(ring: Ring) -> None:
    """Even if no part succeeds."""
    answer = ring.first.post([{"type": "read", "mbean": "no:such=bean"}])

    assert answer.status_code == 200
    assert [part["status"] for part in answer.json()] == [404]
