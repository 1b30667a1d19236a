"""What a reader may rely on: one line an event, in one form, whoever wrote it, and no secrets in it."""

from __future__ import annotations

from collections.abc import Iterator
import io
import json
import logging
import sys
import threading
from typing import Any
import warnings

import pytest
import structlog
from structlog.contextvars import bind_contextvars, clear_contextvars

from controller.telemetry.logging import QUIET, LogSettings, configure, parse_level
from controller.telemetry.redaction import HIDDEN, Redactor

PASSWORD = "hunter2-hunter2"


@pytest.fixture(autouse=True)
def _put_back() -> Iterator[None]:
    """Leave logging as it was: it belongs to the whole process."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    levels = {name: logging.getLogger(name).level for name in (*QUIET, "chatty")}
    hooks = sys.excepthook, threading.excepthook
    yield
    logging.captureWarnings(capture=False)
    root.handlers[:] = handlers
    root.setLevel(level)
    for name, each in levels.items():
        logging.getLogger(name).setLevel(each)
    sys.excepthook, threading.excepthook = hooks
    structlog.reset_defaults()
    clear_contextvars()


class Log:
    """A stream that is logged to, and what came."""

    def __init__(self, *, terminal: bool = False) -> None:
        self.stream = _Stream(terminal=terminal)
        self.redactor = Redactor()

    def configure(self, **settings: Any) -> None:
        """Set up logging to this stream."""
        configure(LogSettings(**settings), redactor=self.redactor, stream=self.stream, cache=False)

    @property
    def text(self) -> str:
        """All that was written."""
        return self.stream.getvalue()

    @property
    def lines(self) -> list[dict[str, Any]]:
        """All lines, as JSON."""
        return [json.loads(line) for line in self.text.splitlines()]


def raises() -> None:
    """Raise an error that says too much."""
    raise RuntimeError(PASSWORD)


class _Stream(io.StringIO):
    def __init__(self, *, terminal: bool) -> None:
        super().__init__()
        self._terminal = terminal

    def isatty(self) -> bool:
        return self._terminal


@pytest.fixture
def log() -> Log:
    """Return a configured log, as in a pod."""
    made = Log()
    made.configure()
    return made


def test_a_line_is_json_with_time_level_and_logger(log: Log) -> None:
    """And with what it was given, as values."""
    structlog.get_logger("controller.x").info("decommission started", pod="cc-0", seconds=1.5, actions=["A"])

    (line,) = log.lines
    assert line.pop("timestamp").endswith("Z")
    assert line == {
        "event": "decommission started",
        "level": "info",
        "logger": "controller.x",
        "pod": "cc-0",
        "seconds": 1.5,
        "actions": ["A"],
    }


def test_the_standard_library_writes_the_same_lines(log: Log) -> None:
    """So do warnings: there is one form for all libraries."""
    logging.getLogger("chatty").warning("pool of %s is full", "host", extra={"pool": 3})
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.warn("this is old", DeprecationWarning, stacklevel=1)

    first, second = log.lines
    assert (first["event"], first["level"], first["logger"]) == ("pool of host is full", "warning", "chatty")
    assert first["pool"] == 3
    assert "this is old" in second["event"]
    assert second["logger"] == "py.warnings"


def test_context_is_part_of_every_line(log: Log) -> None:
    """Of those of libraries, too: they are about the cluster that is worked on."""
    bind_contextvars(namespace="prod", name="cc", reconcile_id="1")

    structlog.get_logger("controller.x").info("a")
    logging.getLogger("chatty").warning("b")

    assert [(line["namespace"], line["name"], line["reconcile_id"]) for line in log.lines] == [
        ("prod", "cc", "1")
    ] * 2


@pytest.mark.parametrize(
    ("level", "seen"),
    [
        ("DEBUG", ["debug", "info", "warning", "error"]),
        ("info", ["info", "warning", "error"]),
        ("WARN", ["warning", "error"]),
        ("ERROR", ["error"]),
    ],
)
def test_a_level_hides_those_below(level: str, seen: list[str]) -> None:
    """With CassKop's names for levels, in any case."""
    log = Log()
    log.configure(level=level)
    for logger in (structlog.get_logger("controller.x"), logging.getLogger("chatty")):
        logger.debug("x")
        logger.info("x")
        logger.warning("x")
        logger.error("x")

    assert [line["level"] for line in log.lines] == seen * 2


def test_libraries_that_log_each_request_are_quiet() -> None:
    """Even at DEBUG: kubernetes logs whole bodies there, Secrets among them."""
    log = Log()
    log.configure(level="DEBUG")
    for name in QUIET:
        logging.getLogger(name).info("body")
        logging.getLogger(name).warning("trouble")

    assert [line["event"] for line in log.lines] == ["trouble"] * len(QUIET)


def test_one_logger_may_be_louder_than_the_rest() -> None:
    """To look into one part without drowning in the others."""
    log = Log()
    log.configure(levels={"controller.loud": "DEBUG"})
    structlog.get_logger("controller.loud").debug("heard")
    structlog.get_logger("controller.x").debug("not heard")

    assert [line["event"] for line in log.lines] == ["heard"]


def test_a_wrong_level_is_refused() -> None:
    """With its name, and what would be right."""
    with pytest.raises(ValueError, match="'LOUD' is not a log level; it is one of DEBUG, INFO, WARN, ERROR"):
        Log().configure(level="LOUD")
    assert parse_level(" warn ") == logging.WARNING


def test_a_person_gets_text_and_a_pod_gets_json() -> None:
    """By whether the stream is a terminal, unless it is said otherwise."""
    terminal, forced, plain = Log(terminal=True), Log(terminal=True), Log()
    terminal.configure()
    structlog.get_logger("controller.x").info("hello", pod="cc-0")
    forced.configure(json=True)
    structlog.get_logger("controller.x").info("hello", pod="cc-0")
    plain.configure(json=False)
    structlog.get_logger("controller.x").info("hello", pod="cc-0")

    assert "\x1b[" in terminal.text
    assert "hello" in terminal.text
    assert forced.lines[0]["pod"] == "cc-0"
    assert "\x1b[" not in plain.text
    assert "pod=cc-0" in plain.text


def test_no_secret_gets_into_a_line(log: Log) -> None:
    """By its key, or by its value: in texts, in arguments of libraries, and in tracebacks."""
    log.redactor.register(PASSWORD)
    logger = structlog.get_logger("controller.x")
    logger.info("login", password="unknown to all", why=f"{PASSWORD} was refused")
    logging.getLogger("chatty").error("cannot reach %s", f"http://user:{PASSWORD}@host/")
    try:
        raises()
    except RuntimeError:
        logger.exception("reconcile fails")

    assert PASSWORD not in log.text
    first, second, third = log.lines
    assert (first["password"], first["why"]) == (HIDDEN, f"{HIDDEN} was refused")
    assert second["event"] == f"cannot reach http://user:{HIDDEN}@host/"
    assert f"RuntimeError: {HIDDEN}" in third["exception"]


def test_no_secret_gets_into_a_line_for_people() -> None:
    """The terminal's form is made after the secrets are hidden, too."""
    log = Log(terminal=True)
    log.configure()
    log.redactor.register(PASSWORD)
    try:
        raises()
    except RuntimeError:
        structlog.get_logger("controller.x").exception("fails", why=PASSWORD)

    assert PASSWORD not in log.text
    assert "RuntimeError" in log.text


def test_an_exception_that_nobody_caught_is_a_line(log: Log) -> None:
    """With its traceback, and the name of the thread that it ended."""
    thread = threading.Thread(target=raises, name="reflector pods")
    thread.start()
    thread.join(10)
    try:
        raises()
    except RuntimeError as error:
        sys.excepthook(RuntimeError, error, error.__traceback__)

    in_thread, in_main = log.lines
    assert (in_thread["event"], in_thread["thread"]) == ("uncaught exception", "reflector pods")
    assert "RuntimeError" in in_thread["exception"]
    assert "RuntimeError" in in_main["exception"]


def test_ending_on_purpose_is_no_error(log: Log, capsys: pytest.CaptureFixture[str]) -> None:
    """A thread that exits, and Ctrl-C."""
    thread = threading.Thread(target=sys.exit)
    thread.start()
    thread.join(10)
    sys.excepthook(KeyboardInterrupt, KeyboardInterrupt(), None)

    assert log.text == ""
    assert "KeyboardInterrupt" in capsys.readouterr().err
