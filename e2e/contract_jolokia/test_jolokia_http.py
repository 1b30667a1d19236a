"""Facts about the agent as an HTTP server: logins, paths, and what it makes of a body."""

from __future__ import annotations

import base64

import pytest

from e2e.contract_jolokia.agents import ILLEGAL, STORAGE, Ring, error

MODE = {"type": "read", "mbean": STORAGE, "attribute": "OperationMode"}


def basic(user: str, password: str) -> dict[str, str]:
    """Return a header for basic authentication."""
    return {"Authorization": "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()}


def test_without_a_login_there_is_401_with_an_empty_body(ring: Ring) -> None:
    """And the header that asks for one."""
    answer = ring.first.post(MODE, headers={})

    assert (answer.status_code, answer.text) == (401, "")
    assert answer.headers["www-authenticate"] == 'Basic realm="jolokia"'


@pytest.mark.parametrize("which", ["password", "user"])
def test_a_wrong_login_is_401(ring: Ring, which: str) -> None:
    """Whatever is wrong about it."""
    assert ring.first.login is not None
    user, password = ring.first.login
    headers = basic(user, "wrong") if which == "password" else basic("nobody", password)
    answer = ring.first.post(MODE, headers=headers)

    assert (answer.status_code, answer.text) == (401, "")
    assert answer.headers["www-authenticate"] == 'Basic realm="jolokia"'


def test_another_scheme_is_401_without_a_word(ring: Ring) -> None:
    """The agent does not say what it would like."""
    answer = ring.first.post(MODE, headers={"Authorization": "Bearer x"})

    assert (answer.status_code, answer.text) == (401, "")
    assert "www-authenticate" not in answer.headers


def test_json_comes_as_plain_text(ring: Ring) -> None:
    """The content type is no guide."""
    answer = ring.first.post(MODE)

    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    assert answer.json()["value"] == "NORMAL"


def test_an_answer_repeats_its_request_with_time_and_status(ring: Ring) -> None:
    """The instant is in whole seconds; what only steers the agent is not repeated."""
    found = ring.first.ask({**MODE, "config": {"ignoreErrors": True}})

    assert found["request"] == MODE
    assert found["status"] == 200
    assert isinstance(found["timestamp"], int)
    assert found.keys() == {"request", "value", "timestamp", "status"}


def test_empty_arguments_are_not_repeated(ring: Ring) -> None:
    """Others are."""
    body = {"type": "exec", "mbean": STORAGE, "operation": "nosuch", "arguments": []}

    assert "arguments" not in ring.first.ask(body)["request"]
    assert ring.first.ask({**body, "arguments": [1]})["request"]["arguments"] == [1]


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("{", "Invalid JSON request"),
        ("", "Invalid JSON request"),
        ("7", "Invalid JSON Request 7"),
        ('{"type": "nonsense"}', "No type with name 'nonsense' exists"),
        ("{}", "No type given"),
        ('{"type": "read"}', "Objectname can not be null"),
        ('{"type": "read", "mbean": "x"}', "Invalid object name. Key properties cannot be empty"),
        ("[7]", "Not a request within the list of requests [7]. Expected map, but found: 7"),
    ],
)
def test_what_is_no_request_is_http_200_and_400_in_the_body(ring: Ring, body: str, words: str) -> None:
    """An illegal argument, and no request is repeated."""
    found = ring.first.ask(body)
    status, kind, message = error(found)

    assert (status, kind) == (400, ILLEGAL)
    assert message.startswith(words)
    assert "request" not in found


def test_get_names_everything_in_the_path(ring: Ring) -> None:
    """Several attributes are separated by commas; nothing at all asks for the version."""
    base = "/jolokia/read/" + STORAGE

    assert ring.first.get(f"{base}/OperationMode").json()["value"] == "NORMAL"
    both = ring.first.get(f"{base}/OperationMode,Joined").json()
    assert both["value"] == {"OperationMode": "NORMAL", "Joined": True}
    assert both["request"]["attribute"] == ["OperationMode", "Joined"]
    assert ring.first.get("/jolokia/").json()["value"]["protocol"] == "7.2"
    assert error(ring.first.get("/jolokia/read").json())[2] == (
        "Invalid arguments in pathinfo read for command READ"
    )


def test_get_executes_too(ring: Ring) -> None:
    """Arguments follow in the path."""
    path = "/jolokia/exec/org.apache.cassandra.net:type=Gossiper/getEndpointDowntime"

    assert ring.first.get(f"{path}/{ring.first.host}").json()["value"] == 0


@pytest.mark.parametrize("path", ["/", "/jolokia", "/other"])
def test_other_paths_are_404_in_html(ring: Ring, path: str) -> None:
    """The slash after `/jolokia` matters."""
    answer = ring.first.get(path)

    assert (answer.status_code, answer.headers["content-type"]) == (404, "text/html")
    assert "No context found for request" in answer.text


def test_the_version_shows_the_password(ring: Ring) -> None:
    """Whoever may ask for anything gets the agent's login in clear."""
    config = ring.first.ask({"type": "version"})["value"]["config"]

    assert (config["user"], config["password"]) == ring.first.login
    assert config["mimeType"] == "text/plain"
