"""What `casskop ring` prints."""

from __future__ import annotations

import json
from typing import Any

import attrs
import httpx
import pytest

from controller.cassandra.jolokia import Jolokia
from controller.cassandra.show import as_json, main
from controller.domain.ring import Mode, Silent, View
from unit_tests.cassandra.recordings import answer, attributes

LOGIN = {"JOLOKIA_USER": "casskop", "JOLOKIA_PASSWORD": "s3cret"}
VIEW = View(
    mode=Mode.LEAVING,
    native_transport=True,
    release_version="5.0.9",
    host_ids={"10.0.0.1": "id-1"},
    joining=frozenset({"10.0.0.3", "10.0.0.2"}),
    leaving=frozenset({"10.0.0.4"}),
    moving=frozenset({"10.0.0.5"}),
    unreachable=frozenset({"10.0.0.6"}),
)


def agents() -> Jolokia:
    """Return a client to agents that want the login; there is none at 10.0.0.9."""

    def answers(request: httpx.Request) -> httpx.Response:
        if request.url.host == "10.0.0.9":
            raise httpx.ConnectError("refused")
        expected = httpx.BasicAuth(LOGIN["JOLOKIA_USER"], LOGIN["JOLOKIA_PASSWORD"])
        header = next(expected.auth_flow(httpx.Request("GET", request.url))).headers["authorization"]
        if request.headers.get("authorization") != header:
            return httpx.Response(401)
        return answer(attributes("jolokia-5.0.9"), request)

    return attrs.evolve(Jolokia.over(httpx.MockTransport(answers)), sleep=lambda _: None)


def printed(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    """Return the lines that were printed, each of which is JSON."""
    out, err = capsys.readouterr()
    assert err == ""
    assert "s3cret" not in out
    return [json.loads(line) for line in out.splitlines()]


def test_each_host_is_one_line_of_json(capsys: pytest.CaptureFixture[str]) -> None:
    """In the order in which they were given, with what each node sees; 0 says that all answered."""
    hosts = ["10.0.0.3", "10.0.0.1", "10.0.0.2"]

    assert main(hosts, LOGIN, agents()) == 0

    lines = printed(capsys)
    assert [line["host"] for line in lines] == hosts
    assert all((line["mode"], line["release"]) == ("NORMAL", "5.0.9") for line in lines)
    assert all(len(line["hostIds"]) == 3 for line in lines)


def test_a_silent_host_is_told_and_fails(capsys: pytest.CaptureFixture[str]) -> None:
    """The others are shown all the same; 1 says that one did not answer."""
    assert main(["10.0.0.9", "10.0.0.1"], LOGIN, agents()) == 1

    silent, other = printed(capsys)
    assert silent == {"host": "10.0.0.9", "silent": "Jolokia at 10.0.0.9 cannot be reached: refused"}
    assert other["mode"] == "NORMAL"


@pytest.mark.parametrize(
    "environment",
    [{}, {"JOLOKIA_USER": "casskop"}, {"JOLOKIA_PASSWORD": "s3cret"}, {**LOGIN, "JOLOKIA_PASSWORD": ""}],
)
def test_without_a_whole_login_none_is_sent(
    environment: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    """Half a login would only look like a wrong one: the agent's refusal is shown."""
    assert main(["10.0.0.1"], environment, agents()) == 1

    (line,) = printed(capsys)
    assert "refuses the login" in line["silent"]


def test_a_view_is_shown_whole_and_in_order() -> None:
    """Every field has its name; addresses are sorted, so that two nodes' lines can be compared."""
    assert as_json(VIEW) == {
        "mode": "LEAVING",
        "nativeTransport": True,
        "release": "5.0.9",
        "hostIds": {"10.0.0.1": "id-1"},
        "joining": ["10.0.0.2", "10.0.0.3"],
        "leaving": ["10.0.0.4"],
        "moving": ["10.0.0.5"],
        "unreachable": ["10.0.0.6"],
    }
    assert as_json(Silent(why="because")) == {"silent": "because"}
