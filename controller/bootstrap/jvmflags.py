"""
From one wish of CONFIG_FILE_DATA to a flag in a file, with the value checked.

A value goes to the JVM through a shell that splits at blanks, so a blank in it is refused.
"""

from __future__ import annotations

from collections.abc import Mapping
import re
from typing import assert_never

import attrs

from controller.bootstrap import jvmtable
from controller.bootstrap.findings import Place, did_you_mean
from controller.bootstrap.jvmtable import Kind, Option, Switch, Value
from controller.bootstrap.optionsfile import OptionsFile, name_of

MORE = "additional_jvm_opts"
_PATTERNS = {
    Kind.WORD: r"\S+",
    Kind.WHOLE: r"-?\d+",
    Kind.SIZE: r"\d+[kKmMgGtT]?",
    Kind.YES_NO: r"true|false",
}
_KNOWN = {
    *jvmtable.GENERAL,
    *jvmtable.MODULES,
    *jvmtable.JAVA_8,
    *jvmtable.COLLECTOR_OF,
    *jvmtable.JMX,
    *jvmtable.REFUSED,
    jvmtable.GARBAGE_COLLECTOR,
    MORE,
}


@attrs.frozen
class Wish:
    """A value that a user wrote, and where."""

    value: object
    place: Place


# By the option's name with `_` for `-`.
Wishes = dict[str, Wish]


def read_section(section: Mapping[str, object], place: Place) -> Wishes:
    """Give the section's keys one spelling, leave out nulls, and refuse keys that nobody knows."""
    wishes: Wishes = {}
    for key, value in section.items():
        name, here = key.replace("-", "_"), place.at(key)
        if name not in _KNOWN:
            here.problem(
                f"no such option{did_you_mean(name, _KNOWN)}; any flag can go into additional-jvm-opts"
            )
        elif name in jvmtable.REFUSED:
            here.problem(jvmtable.REFUSED[name])
        elif name in wishes and wishes[name].value != value:
            here.problem("it is there twice, with - and with _, and with two values")
        elif value is not None:
            wishes[name] = Wish(value, here)
    return wishes


def put(file: OptionsFile, option: Option, wish: Wish) -> None:
    """Put the flag of *option* into *file*, or take it away, as the wish says."""
    match option:
        case Value(prefix=prefix, kind=kind):
            word = _word(kind, wish.value)
            if word is None:
                wish.place.problem(f"it has to be {kind.value}")
            else:
                file.put(prefix + word)
        case Switch(flag=flag):
            match _word(Kind.YES_NO, wish.value):
                case "true":
                    file.put(flag)
                case "false":
                    file.drop(name_of(flag))
                case _:
                    wish.place.problem(f"it has to be {Kind.YES_NO.value}")
        case _:
            assert_never(option)


def put_lines(file: OptionsFile, wish: Wish | None) -> None:
    """Put flags that have no name of their own into *file*."""
    if wish is None:
        return
    if not isinstance(wish.value, list):
        wish.place.problem("it has to be a list of flags")
        return
    for number, line in enumerate(wish.value):
        if isinstance(line, str) and re.fullmatch(r"-[^\r\n]*", line.strip()):
            file.put(line.strip())
        else:
            wish.place.item(number).problem("it has to be one flag that starts with -")


def yes(wish: Wish | None) -> bool:
    """Return whether the wish says true; what is neither true nor false is a problem."""
    if wish is None:
        return False
    word = _word(Kind.YES_NO, wish.value)
    if word is None:
        wish.place.problem(f"it has to be {Kind.YES_NO.value}")
    return word == "true"


def _word(kind: Kind, value: object) -> str | None:
    """Return *value* as it is written in a flag, or None if it is not of *kind*."""
    if isinstance(value, bool):
        return str(value).lower() if kind is Kind.YES_NO else None
    if not isinstance(value, str | int | float):
        return None
    word = str(value)
    return word if re.fullmatch(_PATTERNS[kind], word) else None
