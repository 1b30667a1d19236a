"""
What names, labels and annotations may look like.

Each function returns why a text is refused, or "" if it is fine.
"""

from __future__ import annotations

import re

_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?")
_SUBDOMAIN = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
_SERVICE = re.compile(r"[a-z]([-a-z0-9]*[a-z0-9])?")
_NAME = re.compile(r"([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]")
_VALUE = re.compile(r"(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?")
_CONFIG_KEY = re.compile(r"[-._a-zA-Z0-9]+")

_SUBDOMAIN_TEXT = (
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', "
    "and must start and end with an alphanumeric character (e.g. 'example.com', regex used for "
    "validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"
)
_LABEL_TEXT = (
    "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must "
    "start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for "
    "validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')"
)
_SERVICE_TEXT = (
    "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an "
    "alphabetic character, and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', "
    "regex used for validation is '[a-z]([-a-z0-9]*[a-z0-9])?')"
)
_NAME_TEXT = (
    "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with "
    "an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for "
    "validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')"
)
_QUALIFIED_TEXT = (
    f"a qualified name {_NAME_TEXT.removeprefix('name part ')}"
    " with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')"
)
_VALUE_TEXT = (
    "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', "
    "and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or "
    "'12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')"
)
_CONFIG_KEY_TEXT = (
    "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  "
    "or 'KEY_NAME',  or 'key-name', regex used for validation is '[-._a-zA-Z0-9]+')"
)


def _too_long(limit: int) -> str:
    return f"must be no more than {limit} bytes"


def label(text: str) -> str:
    """A DNS label: names of containers, volumes, ports and namespaces."""
    if len(text) > 63:
        return _too_long(63)
    if "." in text:
        return "must not contain dots"
    return "" if _LABEL.fullmatch(text) else _LABEL_TEXT


def subdomain(text: str) -> str:
    """A DNS subdomain: the names of most objects."""
    if len(text) > 253:
        return _too_long(253)
    return "" if _SUBDOMAIN.fullmatch(text) else _SUBDOMAIN_TEXT


def service(text: str) -> str:
    """The name of a Service."""
    if len(text) > 63:
        return _too_long(63)
    return "" if _SERVICE.fullmatch(text) else _SERVICE_TEXT


def path_segment(text: str) -> str:
    """The names of RBAC objects: whatever can stand in a path."""
    if text in (".", ".."):
        return f"may not be '{text}'"
    bad = next((sign for sign in "/%" if sign in text), "")
    return f"may not contain '{bad}'" if bad else ""


def qualified(text: str) -> str:
    """A key of labels or annotations, or a finalizer: `[domain/]name`."""
    prefix, slash, name = text.rpartition("/")
    if "/" in prefix:
        return _QUALIFIED_TEXT
    if slash:
        if not prefix:
            return "prefix part must be non-empty"
        wrong = subdomain(prefix)
        if wrong:
            return f"prefix part {wrong}"
    if not name:
        return "name part must be non-empty"
    if len(name) > 63:
        return f"name part {_too_long(63)}"
    return "" if _NAME.fullmatch(name) else _NAME_TEXT


def label_value(text: str) -> str:
    """The value of a label."""
    if len(text) > 63:
        return _too_long(63)
    return "" if _VALUE.fullmatch(text) else _VALUE_TEXT


def config_key(text: str) -> str:
    """A key of a ConfigMap or Secret."""
    if len(text) > 253:
        return _too_long(253)
    if text in (".", ".."):
        return f"must not be '{text}'"
    return "" if _CONFIG_KEY.fullmatch(text) else _CONFIG_KEY_TEXT


def port_name(text: str) -> str:
    """The name of a container port."""
    if len(text) > 15:
        return "must be no more than 15 characters"
    if not re.search("[a-z]", text):
        return "must contain at least one letter (a-z)"
    if "--" in text:
        return "must not contain consecutive hyphens"
    if text.startswith("-") or text.endswith("-"):
        return "must not begin or end with a hyphen"
    if not re.fullmatch("[-a-z0-9]+", text):
        return "must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)"
    return ""
