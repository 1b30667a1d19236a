"""What a reader may rely on: which refusal is which error, and that an error quotes no values."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
import pytest

from controller.domain.errors import (
    ConflictError,
    ExpiredError,
    NotFoundError,
    OperatorError,
    TerminalError,
    TransientError,
)
from controller.kube.errors import (
    LONGEST,
    AlreadyExistsError,
    DisruptionBudgetError,
    ForbiddenError,
    TooNewError,
    UnknownKindError,
    check,
    error_of,
)
from controller.kube.transport import Response
from unit_tests.kube.api_stub import status

# As a real server has it, the status being 500 and the reason empty.
UNREADABLE = "failed to create typed patch object (prod/cc-dc1-rack1; apps/v1, Kind=StatefulSet)"


def refusal(code: int, reason: str, message: str = "", **details: object) -> Response:
    """Return a Status of the API server as a transport brings it."""
    answer = status(code, reason, message, **details)
    return Response(status=answer.status, headers=answer.headers, body=answer.body)


def error(response: Response) -> OperatorError:
    """Return the error that *response* is."""
    found = error_of(response, what="get Pod a/b")
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("response", "kind"),
    [
        (refusal(400, "BadRequest"), TerminalError),
        (refusal(401, "Unauthorized"), TransientError),
        (refusal(403, "Forbidden"), ForbiddenError),
        (refusal(403, "Forbidden", causes=[{"reason": "NamespaceTerminating"}]), TerminalError),
        (refusal(404, "NotFound", 'pods "b" not found', name="b", kind="pods"), NotFoundError),
        (refusal(404, "NotFound", "the server could not find the requested resource"), UnknownKindError),
        (Response(status=404, body="404 page not found\n"), UnknownKindError),
        (refusal(405, "MethodNotAllowed"), TerminalError),
        (Response(status=408), TransientError),
        (refusal(409, "Conflict"), ConflictError),
        (refusal(409, "AlreadyExists"), AlreadyExistsError),
        (refusal(410, "Expired"), ExpiredError),
        (refusal(413, "RequestEntityTooLarge"), TerminalError),
        (refusal(415, "UnsupportedMediaType"), TerminalError),
        (refusal(422, "Invalid", causes=[{"field": "spec.replicas"}]), TerminalError),
        (refusal(422, "Invalid", causes=[{"field": "metadata.uid"}]), ConflictError),
        (refusal(422, "Invalid", causes=[{"field": "metadata.resourceVersion"}]), ConflictError),
        (refusal(429, "TooManyRequests"), TransientError),
        (refusal(429, "TooManyRequests", causes=[{"reason": "DisruptionBudget"}]), DisruptionBudgetError),
        (refusal(500, "InternalError"), TransientError),
        (refusal(500, "", f"{UNREADABLE}: .spec.x: field not declared in schema"), TerminalError),
        (refusal(500, "InternalError", f"etcd says: {UNREADABLE}"), TransientError),
        (refusal(503, "", UNREADABLE), TransientError),
        (Response(status=500, body=UNREADABLE), TransientError),
        (refusal(503, "ServiceUnavailable"), TransientError),
        (refusal(504, "Timeout", causes=[{"reason": "ResourceVersionTooLarge"}]), TooNewError),
        (Response(status=502, body="<html>bad gateway</html>"), TransientError),
        (Response(status=302), TerminalError),
        (Response(status=599, body={"kind": "Pod"}), TransientError),
    ],
    ids=lambda value: str(value.status) if isinstance(value, Response) else value.__name__,
)
def test_which_refusal_is_which_error(response: Response, kind: type[OperatorError]) -> None:
    """An answer is exactly this class: not a wider one, and not a narrower one."""
    assert type(error(response)) is kind


def test_success_is_no_error() -> None:
    """Any answer below 300 is a success, and its body comes back."""
    assert error_of(Response(status=201, body={}), what="x") is None
    assert check(Response(status=200, body={"a": 1}), what="x") == {"a": 1}


def test_an_error_says_what_was_asked_and_what_was_said() -> None:
    """One sentence, for a condition or an event."""
    said = str(error(refusal(404, "NotFound", 'pods "b" not found', name="b")))

    assert said == 'get Pod a/b: NotFound: pods "b" not found'
    assert str(error(Response(status=502, body="<html>"))) == "get Pod a/b: Bad Gateway (HTTP 502)"
    assert str(error(Response(status=799))) == "get Pod a/b: unknown answer (HTTP 799)"
    with pytest.raises(ConflictError, match="put it: Conflict"):
        check(refusal(409, "Conflict", "it has changed"), what="put it")


def test_too_new_keeps_the_words_that_a_reflector_looks_for() -> None:
    """The server's text of a version that it has not reached is passed on."""
    causes = [{"reason": "ResourceVersionTooLarge"}]
    response = refusal(504, "Timeout", "Timeout: Too large resource version: 9, current: 3", causes=causes)

    assert "Too large resource version" in str(error(response))


@pytest.mark.parametrize(
    ("headers", "seconds", "expected"),
    [
        ({"Retry-After": "7"}, None, 7.0),
        ({"retry-after": "7"}, 3, 7.0),
        ({}, 3, 3.0),
        ({"Retry-After": "Wed, 21 Oct 2026 07:28:00 GMT"}, 3, 3.0),
        ({"Retry-After": "soon"}, None, None),
        ({}, 0, None),
    ],
)
def test_the_delay_that_was_asked_for(
    headers: dict[str, str], seconds: int | None, expected: float | None
) -> None:
    """Retry-After in seconds, else what the Status says; a date is not read."""
    body = status(429, "TooManyRequests", retryAfterSeconds=seconds).body

    found = error(Response(status=429, headers=headers, body=body))

    assert isinstance(found, TransientError)
    assert found.retry_after == expected


CANARY = "hunter2"


@pytest.mark.parametrize(
    "message",
    [
        f'StatefulSet.apps "x" is invalid: spec.env[0].value: Invalid value: "{CANARY}": must be nicer',
        f'x is invalid: a: Invalid value: "say \\"{CANARY}\\"": no',
        f'x is invalid: [a: Invalid value: {{"password":"{CANARY}"}}: no, b: Required value]',
        f'x is invalid: a: Invalid value: ["{CANARY}"]: no',
        f'x is invalid: a: Unsupported value: "{CANARY}": supported values: "A", "B"',
        f'x is invalid: a: Duplicate value: "{CANARY}"',
        f'x is invalid: a: Not found: "{CANARY}"',
        f"x is invalid: a: Invalid value: {CANARY}",
        f'x: .spec.env[name="A"].value: expected string, got &value.Value{{Value:"{CANARY}", B:1}}',
        f"x: .spec.selector: expected map, got {CANARY} and {CANARY}",
        f"x is invalid: spec: Forbidden: may not change\n  - {CANARY}\n  + {CANARY}",
    ],
)
def test_values_are_not_quoted(message: str) -> None:
    """A server quotes what it refuses. The field and the rule stay, the value goes."""
    said = str(error(refusal(422, "Invalid", message)))

    assert CANARY not in said
    assert "x" in said
    assert "value" in said or "Forbidden" in said or "Not found" in said


def test_what_does_not_fit_its_schema_is_not_called_a_failure_of_the_server() -> None:
    """Whoever reads it in a condition is to look at the field, and not at the server."""
    said = str(error(refusal(500, "", f"{UNREADABLE}: .spec.x: field not declared in schema")))

    assert said == f"get Pod a/b: Invalid: {UNREADABLE}: .spec.x: field not declared in schema"


def test_nothing_is_said_of_secrets() -> None:
    """Of a refusal about a Secret only the reason is passed on."""
    said = str(error(refusal(422, "Invalid", f"data is {CANARY}", kind="Secret")))

    assert said == "get Pod a/b: Invalid (HTTP 422)"


@given(st.text(), st.text(), st.integers(300, 599), st.none() | st.dictionaries(st.text(), st.text()))
def test_any_answer_is_some_error_of_ours(message: str, reason: str, code: int, details: object) -> None:
    """Whatever a server or a proxy says, an error comes out, in one line and not too long."""
    body = {"kind": "Status", "message": message, "reason": reason, "details": details}

    said = str(error(Response(status=code, body=body)))

    assert len(said) <= LONGEST + len(reason) + 40
    assert reason in said or not reason
