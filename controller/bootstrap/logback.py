"""
logback.xml: the few things of it that CONFIG_FILE_DATA can say.

The image's file is changed where the option has its place in it and kept as it is elsewhere.
"""

from __future__ import annotations

from collections.abc import Mapping
import re

from controller.bootstrap.findings import Findings, Place, did_you_mean

SECTION = "logback-xml"
FILE = "logback.xml"
_LEVELS = ("OFF", "ERROR", "WARN", "INFO", "DEBUG", "TRACE", "ALL")
_DEBUG_APPENDER = re.compile(r'<appender-ref\s+ref="ASYNCDEBUGLOG"\s*/>')
_ROOT_LEVEL = re.compile(r'(<root\s+level=")[^"]*(")')
_END = "</configuration>"
_APPENDERS = {"systemlog": "SYSTEMLOG", "debuglog": "DEBUGLOG"}
# option -> element, suffix of its value
_ROLLING = {
    "min-index": ("minIndex", ""),
    "max-index": ("maxIndex", ""),
    "max-file-size": ("maxFileSize", "MB"),
}
_KNOWN = (
    "debuglog-enabled",
    "root-log-level",
    "systemlog-appender-level",
    "loggers",
    *(f"{log}-appender-{option}" for log in _APPENDERS for option in _ROLLING),
)


def render_logback(original: str | None, section: Mapping[str, object], findings: Findings) -> str | None:
    """Return the text of logback.xml, or None if it stays as it is."""
    text = original
    for key, value in section.items():
        place = findings.at(SECTION).at(key)
        if key not in _KNOWN:
            place.problem(f"no such option{did_you_mean(key, _KNOWN)}")
        elif text is None:
            place.warning(f"not used: the Cassandra image has no {FILE}")
        elif value is not None:
            text = _apply(text, key, value, place)
    return text if text != original else None


def _apply(text: str, key: str, value: object, place: Place) -> str:
    if key == "debuglog-enabled":
        if not isinstance(value, bool):
            place.problem("it has to be true or false")
        return text if value else _DEBUG_APPENDER.sub("<!-- debug.log is disabled -->", text)
    if key == "loggers":
        return _loggers(text, value, place)
    if key in ("root-log-level", "systemlog-appender-level"):
        level = str(value).upper()
        if level not in _LEVELS:
            place.problem(f"it has to be one of {', '.join(_LEVELS)}")
            return text
        if key == "root-log-level":
            return _ROOT_LEVEL.sub(rf"\g<1>{level}\g<2>", text)
        return _in_appender(text, "SYSTEMLOG", {"level": level}, place)
    log, _, option = key.partition("-appender-")
    element, unit = _ROLLING[option]
    if isinstance(value, bool) or not re.fullmatch(r"\d+", str(value)):
        place.problem("it has to be a whole number")
        return text
    return _in_appender(text, _APPENDERS[log], {element: f"{value}{unit}"}, place)


def _in_appender(text: str, appender: str, elements: Mapping[str, str], place: Place) -> str:
    """Set the texts of *elements* in *appender*."""
    block = re.search(rf'<appender\s+name="{appender}".*?</appender>', text, re.DOTALL)
    inside = block[0] if block else ""
    for element, value in elements.items():
        if f"<{element}>" not in inside:
            place.problem(f"this version's {FILE} has no <{element}> in {appender}")
        inside = re.sub(rf"<{element}>[^<]*</{element}>", f"<{element}>{value}</{element}>", inside, count=1)
    return text[: block.start()] + inside + text[block.end() :] if block else text


def _loggers(text: str, loggers: object, place: Place) -> str:
    """Add one <logger> for each name and level."""
    if not isinstance(loggers, list):
        place.problem("it has to be a list of name and level")
        return text
    lines = []
    for number, logger in enumerate(loggers):
        name, level = (logger.get("name"), logger.get("level")) if isinstance(logger, dict) else (None, None)
        if re.fullmatch(r"[\w.$]+", str(name)) and str(level).upper() in _LEVELS:
            lines.append(f'  <logger name="{name}" level="{str(level).upper()}"/>\n')
        else:
            place.item(number).problem(f"it has to have a name and a level of {', '.join(_LEVELS)}")
    before, end, after = text.rpartition(_END)
    return before + "".join(lines) + end + after
