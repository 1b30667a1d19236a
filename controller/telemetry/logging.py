"""
Logs: one line an event, JSON unless a person is looking.

- Lines go to stderr, from structlog and from the standard library alike, in one form.
- Context variables (`structlog.contextvars`) are part of every line.
- Secrets are hidden last, tracebacks included: see `controller.telemetry.redaction`.
- Exceptions that nobody caught, in any thread, are lines too.

The text of an event is constant, lower case and in the present tense; data goes into keys.
"""

from __future__ import annotations

from collections.abc import Mapping
import logging
import sys
import threading
from types import TracebackType
from typing import TextIO

import attrs
import structlog
from structlog.dev import ConsoleRenderer, plain_traceback
from structlog.processors import JSONRenderer, StackInfoRenderer, TimeStamper, format_exc_info
from structlog.stdlib import ExtraAdder, LoggerFactory, ProcessorFormatter
from structlog.types import Processor

from controller.telemetry.redaction import Redactor

LEVELS: Mapping[str, int] = {
    "DEBUG": logging.DEBUG,
    "INFO": logging.INFO,
    "WARN": logging.WARNING,
    "ERROR": logging.ERROR,
}
# Libraries that log each request, or its whole body with what is in it, in their lower levels.
QUIET: Mapping[str, str] = {
    "httpcore": "WARN",
    "httpx": "WARN",
    "kubernetes": "WARN",
    "urllib3": "WARN",
}


@attrs.frozen(kw_only=True)
class LogSettings:
    """
    How to log.

    *level* is a name of `LEVELS`, in any case; *json* None means JSON unless the stream is a terminal.
    *levels* sets loggers apart by name, below or above the common level.
    """

    level: str = "INFO"
    json: bool | None = None
    levels: Mapping[str, str] = attrs.field(default=QUIET)


def parse_level(name: str) -> int:
    """Return the standard library's number for a level's *name*; `ValueError` if it is not one."""
    level = LEVELS.get(name.strip().upper())
    if level is None:
        raise ValueError(f"{name!r} is not a log level; it is one of {', '.join(LEVELS)}")
    return level


def configure(
    settings: LogSettings, *, redactor: Redactor, stream: TextIO | None = None, cache: bool = True
) -> None:
    """
    Set up all logging of the process, once, before the first line.

    *stream* is stderr unless given. *cache* makes loggers keep this set-up for good, which is faster.
    Raises `ValueError` for an unknown level.
    """
    stream = sys.stderr if stream is None else stream
    level = parse_level(settings.level)
    levels = {name: parse_level(each) for name, each in settings.levels.items()}
    as_json = not stream.isatty() if settings.json is None else settings.json

    handler = logging.StreamHandler(stream)
    handler.setFormatter(_formatter(as_json=as_json, colors=stream.isatty(), redactor=redactor))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for name, each in levels.items():
        logging.getLogger(name).setLevel(each)
    logging.captureWarnings(capture=True)
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *_common(),
            ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=LoggerFactory(),
        wrapper_class=structlog.make_filtering_bound_logger(min(level, *levels.values(), logging.ERROR)),
        cache_logger_on_first_use=cache,
    )
    sys.excepthook = _log_uncaught
    threading.excepthook = _log_uncaught_in_thread


def _common() -> list[Processor]:
    """Return what every line gets, wherever it came from."""
    return [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        TimeStamper(fmt="iso", utc=True),
        StackInfoRenderer(),
    ]


def _formatter(*, as_json: bool, colors: bool, redactor: Redactor) -> logging.Formatter:
    renderer: Processor = (
        JSONRenderer() if as_json else ConsoleRenderer(colors=colors, exception_formatter=plain_traceback)
    )
    return ProcessorFormatter(
        foreign_pre_chain=[*_common(), ExtraAdder()],
        processors=[
            ProcessorFormatter.remove_processors_meta,
            # Before the redactor: a traceback's last line is the error's message.
            format_exc_info,
            redactor,
            renderer,
        ],
    )


def _log_uncaught(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    if issubclass(kind, KeyboardInterrupt):
        sys.__excepthook__(kind, error, trace)
        return
    structlog.get_logger(__name__).error("uncaught exception", exc_info=(kind, error, trace))


def _log_uncaught_in_thread(args: threading.ExceptHookArgs) -> None:
    if issubclass(args.exc_type, SystemExit):
        return
    structlog.get_logger(__name__).error(
        "uncaught exception",
        thread=None if args.thread is None else args.thread.name,
        exc_info=(args.exc_type, args.exc_value, args.exc_traceback),
    )
