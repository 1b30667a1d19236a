"""What a reader may rely on: what is known to be secret does not get into a line, in whatever form."""

from __future__ import annotations

import base64
import json
from typing import Any
from urllib.parse import quote, quote_plus

from hypothesis import given
from hypothesis import strategies as st
import pytest

from controller.telemetry.redaction import DEEPEST, HIDDEN, MOST, SHORTEST, Redactor

SECRET = "correct horse/bätterie+"


def redacted(event: dict[str, Any], *secrets: str) -> dict[str, Any]:
    """Return what is left of *event* when *secrets* are known."""
    redactor = Redactor()
    for secret in secrets:
        redactor.register(secret)
    return dict(redactor(None, "info", event))


@pytest.mark.parametrize(
    "key",
    [
        "password",
        "jolokiaPassword",
        "JOLOKIA_PASSWORD",
        "jolokia_passwd",
        "pwd",
        "token",
        "bearerToken",
        "Authorization",
        "auth",
        "secret",
        "clientSecret",
        "api_key",
        "apiKey",
        "awsAccessKeyId",
        "AWS_SECRET_ACCESS_KEY",
        "private-key",
        "credentials",
        "Set-Cookie",
        "passphrase",
    ],
)
def test_what_stands_under_the_name_of_a_secret_is_hidden(key: str) -> None:
    """Whatever the spelling, and whatever the value is."""
    assert redacted({key: "x"}) == {key: HIDDEN}
    assert redacted({key: {"inner": ["x"]}}) == {key: HIDDEN}
    assert redacted({"headers": [{key: 12}]}) == {"headers": [{key: HIDDEN}]}


@pytest.mark.parametrize("key", ["why", "tokens", "author", "keyspace", "secretary", "primaryKey", "passed"])
def test_other_names_are_let_through(key: str) -> None:
    """A name is read in words: `tokens` are places in a ring, and a `secretary` is none."""
    assert redacted({key: "x"}) == {key: "x"}


def test_the_absence_of_a_secret_is_no_secret() -> None:
    """It is often what is looked for."""
    assert redacted({"password": None}) == {"password": None}


@pytest.mark.parametrize(
    "form",
    [
        SECRET,
        base64.b64encode(SECRET.encode()).decode(),
        quote(SECRET, safe=""),
        quote_plus(SECRET),
        json.dumps(SECRET)[1:-1],
        repr(SECRET)[1:-1],
    ],
)
def test_a_known_secret_is_hidden_in_each_of_its_forms(form: str) -> None:
    """As it is, as in a Secret, as in an address, and as in JSON; in texts, keys, bytes and objects."""

    class Request:
        def __repr__(self) -> str:
            return f"<Request to {form}>"

    found = redacted(
        {
            "event": f"calling {form} now",
            form: 1,
            "raw": f"-{form}-".encode(),
            "nested": {"list": [f"{form}{form}", (form,)]},
            "error": ValueError(f"bad: {form}"),
            "request": Request(),
        },
        SECRET,
    )

    assert form not in json.dumps(found, ensure_ascii=False)
    assert found["event"] == f"calling {HIDDEN} now"
    assert found["error"] == f"bad: {HIDDEN}"
    assert found["request"] == f"<Request to {HIDDEN}>"


@given(
    user=st.text(st.characters(max_codepoint=0x7F, exclude_characters=":"), max_size=8),
    secret=st.text(min_size=8, max_size=20),
    tail=st.text(max_size=3),
)
def test_a_login_in_base64_does_not_show_the_password(user: str, secret: str, tail: str) -> None:
    """As in the header of HTTP: there the password begins at any of three places within a character."""
    header = base64.b64encode(f"{user}:{secret}{tail}".encode()).decode()

    shown = redacted({"event": header}, secret)["event"]

    assert HIDDEN in shown
    kept = shown.split(HIDDEN)
    # At each end a character may hold bits of both sides.
    assert len(kept[0]) <= (len(user.encode()) + 1) * 4 / 3 + 1
    assert len(kept[-1].rstrip("=")) <= len(tail.encode()) * 4 / 3 + 2


def test_the_longer_secret_is_hidden_whole() -> None:
    """Even where another is its beginning."""
    assert redacted({"event": "pass and passport"}, "pass", "passport") == {"event": f"{HIDDEN} and {HIDDEN}"}


def test_what_is_too_short_is_not_looked_for() -> None:
    """Else every line would consist of stars."""
    short = "a" * (SHORTEST - 1)

    assert redacted({"event": f"{short} banana"}, short) == {"event": f"{short} banana"}


def test_numbers_and_truths_stay_what_they_are() -> None:
    """Metrics of a line can be summed up."""
    event = {"seconds": 1.5, "actions": ["a", 2], "ok": True, "none": None}

    assert redacted(event, SECRET) == event


def test_what_is_nested_too_deeply_is_shown_as_text() -> None:
    """And as such it is searched, so that nothing hides below, and nothing goes round in circles."""
    value: Any = SECRET
    for _ in range(DEEPEST + 3):
        value = {"in": value}
    circle: dict[str, Any] = {}
    circle["circle"] = circle

    assert SECRET not in json.dumps(redacted({"deep": value}, SECRET), ensure_ascii=False)
    assert redacted({"round": circle})["round"]["circle"]


def test_a_rotated_password_stays_hidden_and_memory_is_bounded() -> None:
    """The oldest is forgotten first; to be registered again makes a secret young."""
    redactor = Redactor()
    for number in range(MOST):
        redactor.register(f"secret-{number:04}")
    redactor.register("secret-0000")
    redactor.register("the-newest")

    assert redactor.text("secret-0000") == HIDDEN
    assert redactor.text("secret-0001") == "secret-0001"
    assert redactor.text("secret-0002 the-newest") == f"{HIDDEN} {HIDDEN}"
