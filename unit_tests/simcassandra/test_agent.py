"""What the agent makes of a request: logins, bulk requests, forms of names, and its own words."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from e2e.simcassandra.jolokia import STORAGE_SERVICE
from e2e.simcassandra.lab import Lab
from e2e.simcassandra.tokens import SimpleStrategy

Json = Any
GOSSIPER = "org.apache.cassandra.net:type=Gossiper"
ILLEGAL = "java.lang.IllegalArgumentException"


def login(user: str, password: str) -> str:
    """Return the value of a header for basic authentication."""
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


def read(attribute: object, **more: object) -> dict[str, Any]:
    """Return a request for an attribute of StorageService."""
    return {"type": "read", "mbean": STORAGE_SERVICE, "attribute": attribute, **more}


def answered(lab: Lab, body: object) -> Json:
    """Return what node 1 answers to *body*, which must be HTTP 200."""
    answer = lab.post(1, body)
    assert answer.status == 200
    return json.loads(answer.body)


def one(**config: Any) -> Lab:
    """Return a single node."""
    lab = Lab(**config)
    lab.grow(1)
    return lab


@pytest.mark.parametrize("given", [None, login("casskop", "wrong"), login("other", "right")])
def test_without_the_right_login_there_is_401_and_nothing_else(given: str | None) -> None:
    """An empty body, with the realm in the header that asks for a login."""
    lab = one(jolokia_user="casskop", jolokia_password="right")

    answer = lab.post(1, read("OperationMode"), authorization=given)

    assert (answer.status, answer.body) == (401, "")
    assert answer.headers["Www-Authenticate"] == 'Basic realm="jolokia"'


def test_another_scheme_is_not_even_told_the_realm() -> None:
    """401 without the header that asks for a login."""
    lab = one(jolokia_user="casskop", jolokia_password="right")

    answer = lab.post(1, read("OperationMode"), authorization="Bearer right")

    assert (answer.status, answer.body, dict(answer.headers)) == (401, "", {})


def test_the_right_login_is_let_in() -> None:
    """And an agent without one asks nobody."""
    lab = one(jolokia_user="casskop", jolokia_password="right")
    assert lab.post(1, read("OperationMode"), authorization=login("casskop", "right")).status == 200

    assert one().post(1, read("OperationMode")).status == 200
    assert one().post(1, read("OperationMode"), authorization=login("any", "body")).status == 200


def test_json_comes_as_plain_text() -> None:
    """The content type of the 1.x agent is no guide to what is in the body."""
    answer = one().post(1, read("OperationMode"))

    assert answer.content_type.startswith("text/plain")
    assert json.loads(answer.body)["value"] == "NORMAL"


def test_an_answer_repeats_its_request() -> None:
    """With the instant, in whole seconds, and the status in the body; not with what steers the agent."""
    lab = one()
    steered = read("OperationMode", config={"ignoreErrors": True})
    assert answered(lab, steered)["request"] == read("OperationMode")
    asked = {"type": "exec", "mbean": STORAGE_SERVICE, "operation": "trueSnapshotsSize", "arguments": []}
    repeated = {key: value for key, value in asked.items() if key != "arguments"}
    assert answered(lab, asked)["request"] == repeated

    found = answered(lab, read("OperationMode"))

    assert found == {
        "request": read("OperationMode"),
        "value": "NORMAL",
        "timestamp": int(lab.simulation.now),
        "status": 200,
    }


def test_a_bulk_request_has_an_answer_for_each_part() -> None:
    """In order, each with its own status: one that fails does not spoil the others."""
    lab = one()
    body = [read("OperationMode"), read("NoSuch"), {"type": "read", "mbean": "no:such=bean"}]

    found = answered(lab, body)

    assert [part["status"] for part in found] == [200, 404, 404]
    assert found[0]["value"] == "NORMAL"
    assert found[1]["error_type"] == "javax.management.AttributeNotFoundException"
    assert found[2]["error_type"] == "javax.management.InstanceNotFoundException"


@pytest.mark.parametrize("part", [7, {"type": "nonsense"}, {"mbean": STORAGE_SERVICE}, {"type": "read"}])
def test_a_part_that_is_no_request_spoils_a_bulk_request(part: object) -> None:
    """Then there is one answer, no list, and nothing was carried out."""
    lab = one()
    name = "StreamThroughputMbitPerSec"
    write = {"type": "write", "mbean": STORAGE_SERVICE, "attribute": name, "value": 7}

    found = answered(lab, [write, part])

    assert (found["status"], found["error_type"]) == (400, ILLEGAL)
    assert "request" not in found
    assert lab.read(1, name) == 201


def test_an_empty_bulk_request_has_an_empty_answer() -> None:
    """Nothing was asked."""
    assert answered(one(), []) == []


def test_a_bulk_request_is_one_snapshot_unless_a_part_blocks() -> None:
    """Parts are carried out one after the other; what follows a blocking call sees the world after it."""
    lab = Lab()
    lab.grow(2)
    call = {"type": "exec", "mbean": STORAGE_SERVICE, "operation": "decommission", "arguments": [True]}
    before = lab.simulation.now

    found = json.loads(lab.post(2, [read("OperationMode"), call, read("OperationMode")]).body)

    assert [part["value"] for part in found] == ["NORMAL", None, "DECOMMISSIONED"]
    assert lab.simulation.now - before > 5


def test_several_attributes_come_as_a_map() -> None:
    """One name gives the value itself, a list gives a map, even with one name in it; none gives all."""
    lab = one()

    assert answered(lab, read("OperationMode"))["value"] == "NORMAL"
    assert answered(lab, read(["OperationMode"]))["value"] == {"OperationMode": "NORMAL"}
    snitch = {"type": "read", "mbean": "org.apache.cassandra.db:type=EndpointSnitchInfo"}
    assert answered(lab, snitch)["value"].keys() == {"Datacenter", "Rack", "SnitchName"}


def test_one_missing_attribute_spoils_a_request() -> None:
    """Unless errors are to be ignored: then its place has the error, in the words of the agent's release."""
    names = ["OperationMode", "HostIdMap"]
    old, new = one(), one(jolokia="2.6.0")
    assert answered(old, read(names))["status"] == 404

    lenient = {"ignoreErrors": True}
    told = answered(old, read(names, config=lenient))["value"]
    assert told["OperationMode"] == "NORMAL"
    assert told["HostIdMap"] == (
        "ERROR: No such attribute: HostIdMap (class javax.management.AttributeNotFoundException)"
    )
    told = answered(new, read(names, config=lenient))["value"]
    assert told["OperationMode"] == "NORMAL"
    assert told["HostIdMap"][".error"] is True


def test_writing_an_attribute_gives_its_old_value() -> None:
    """And what cannot be written says so; a setter is no operation."""
    lab = one()
    name = "StreamThroughputMbitPerSec"
    body = {"type": "write", "mbean": STORAGE_SERVICE, "attribute": name, "value": 7}
    assert answered(lab, body)["value"] == 201
    assert answered(lab, read(name))["value"] == 7

    fixed = {**body, "attribute": "OperationMode", "value": "LEAVING"}
    refused = answered(lab, fixed)
    assert (refused["status"], refused["error"]) == (
        404,
        "javax.management.AttributeNotFoundException : Read-only attribute: OperationMode",
    )
    wrong = answered(lab, {**body, "value": "abc"})
    assert (wrong["status"], wrong["error"]) == (
        400,
        'java.lang.NumberFormatException : For input string: "abc"',
    )
    assert answered(lab, read("OperationMode"))["value"] == "NORMAL"
    setter = lab.execute(1, "setStreamThroughputMbitPerSec", [7])
    assert (setter["status"], setter["error_type"]) == (400, ILLEGAL)
    assert "No operation setStreamThroughputMbitPerSec found on MBean" in setter["error"]


def test_what_is_no_request_is_an_illegal_argument() -> None:
    """No JSON, an unknown type, a number: HTTP 200 from the 1.x agent, with 400 in the body."""
    lab = one()
    words = {
        "{": "Invalid JSON request",
        "7": "Invalid JSON Request 7",
        '{"type": "nonsense"}': "No type with name 'nonsense' exists",
        "{}": "No type given",
        '{"type": "read"}': "Objectname can not be null",
        '{"type": "read", "mbean": "x"}': "Invalid object name. Key properties cannot be empty",
        "[7]": "Not a request within the list of requests [7]. Expected map, but found: 7",
    }
    for body, expected in words.items():
        answer = lab.agent(1).answer(body).answer
        assert answer is not None
        assert answer.status == 200
        found = json.loads(answer.body)
        assert (found["status"], found["error_type"]) == (400, ILLEGAL)
        assert found["error"].startswith(f"{ILLEGAL} : {expected}")
        assert "request" not in found


def test_the_2_x_agent_refuses_bad_requests_in_plain_text() -> None:
    """HTTP 400, and no JSON in the body; what Cassandra refuses is HTTP 200 and 500 in the body."""
    lab = one(jolokia="2.6.0")
    call = {"type": "exec", "mbean": STORAGE_SERVICE, "operation": "decommission", "arguments": []}

    answer = lab.post(1, call)

    assert answer.status == 400
    with pytest.raises(ValueError, match="Expecting value"):
        json.loads(answer.body)
    refused = lab.execute(1, "effectiveOwnership", ["nosuch"])
    assert (refused["status"], refused["error_type"]) == (500, ILLEGAL)
    assert refused["error"] == "The keyspace nosuch, does not exist"
    assert refused[".error"] is True


def test_get_requests_name_everything_in_the_path() -> None:
    """As a probe asks: type, MBean, attributes; without any of it the agent tells its version."""
    lab = one()
    agent = lab.agent(1)

    def got(path: str) -> Json:
        answer = agent.get(path).answer
        assert answer is not None
        return json.loads(answer.body)["value"]

    assert got(f"/jolokia/read/{STORAGE_SERVICE}/OperationMode") == "NORMAL"
    both = got(f"/jolokia/read/{STORAGE_SERVICE}/OperationMode,Joined")
    assert both == {"OperationMode": "NORMAL", "Joined": True}
    assert got("/jolokia/")["agent"] == "1.7.1"
    assert got(f"/jolokia/exec/{GOSSIPER}/getEndpointDowntime/10.0.0.1") == 0
    answer = agent.get("/jolokia/read").answer
    assert answer is not None
    assert "Invalid arguments in pathinfo read for command READ" in answer.body


@pytest.mark.parametrize("path", ["/", "/jolokia", "/other/"])
def test_only_what_is_below_its_path_reaches_the_agent(path: str) -> None:
    """Everything else is a page that says 404, whatever the login; the slash at the end matters."""
    lab = one(jolokia_user="casskop", jolokia_password="right")

    answer = lab.agent(1).take("GET", path, "").answer

    assert answer is not None
    assert (answer.status, answer.content_type) == (404, "text/html")
    assert "No context found for request" in answer.body


def test_the_agent_tells_its_version_and_1_x_its_password() -> None:
    """Whoever may ask gets the password of the 1.7 agent in clear; 2.x keeps it to itself."""
    for agent, open_hearted in (("1.7.2", True), ("2.6.0", False)):
        lab = one(jolokia=agent, jolokia_user="u", jolokia_password="s3cret")
        body = lab.post(1, {"type": "version"}, authorization=login("u", "s3cret")).body
        assert ("s3cret" in body) is open_hearted


@pytest.mark.parametrize(("release", "before"), [("4.1.10", 1.0), ("5.0.9", 3.0)])
def test_the_port_is_open_before_there_is_an_mbean(release: str, before: float) -> None:
    """At first StorageService is not found, though the agent answers; 5.0 takes longer than 4.1."""
    lab = Lab(release=release)
    lab.start(1)
    lab.pass_time(0.5)
    assert not lab.agent(1).listening
    lab.pass_time(0.5)
    assert lab.agent(1).listening
    assert answered(lab, read("OperationMode"))["error"] == (
        f"javax.management.InstanceNotFoundException : {STORAGE_SERVICE}"
    )

    took = 1.0 + lab.wait(lambda: answered(lab, read("OperationMode"))["status"] == 200)
    assert before < took < before + 1


def test_blocking_calls_hold_the_threads_of_the_agent() -> None:
    """When all are held nothing else is answered, until one of the calls ends."""
    lab = Lab(jolokia_threads=2)
    lab.grow(2)
    lab.ring.create_keyspace("app", SimpleStrategy(factor=1), size=4_000_000_000)
    lab.pass_time(5)
    cleanup = "forceKeyspaceCleanup(int,java.lang.String,[Ljava.lang.String;)"
    for _ in range(2):
        lab.begin(2, cleanup, [2, "app", []])
    waiting = lab.agent(2).answer(json.dumps(read("OperationMode")))
    lab.pass_time(10)
    assert not waiting.over
    assert not lab.agent(2).responsive

    assert lab.wait(lambda: waiting.over) > 10
    assert lab.agent(2).responsive


def test_a_process_that_ends_breaks_its_connections() -> None:
    """Also those of requests that were still queued."""
    lab = Lab(jolokia_threads=1)
    lab.grow(2)
    call = {"type": "exec", "mbean": STORAGE_SERVICE, "operation": "decommission", "arguments": [True]}
    held = lab.agent(2).answer(json.dumps(call))
    queued = lab.agent(2).answer(json.dumps(read("OperationMode")))
    lab.ring.kill(lab.address(2))

    assert held.broken
    assert queued.broken
