"""
How names, labels, paths and images are written.

Each function returns what is wrong with a text and how to write it right, or None. The rules are those
of Kubernetes and of image references, checked before anything is sent.
"""

from __future__ import annotations

import re

_DNS_1123 = r"[a-z0-9](?:[-a-z0-9]*[a-z0-9])?"
_LABEL = re.compile(_DNS_1123)
_DNS_1035 = re.compile(r"[a-z](?:[-a-z0-9]*[a-z0-9])?")
_SUBDOMAIN = re.compile(rf"{_DNS_1123}(?:\.{_DNS_1123})*")
_QUALIFIED = re.compile(r"[A-Za-z0-9](?:[-A-Za-z0-9_.]*[A-Za-z0-9])?")
_VARIABLE = re.compile(r"[-._a-zA-Z][-._a-zA-Z0-9]*")
_PART = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_HOST = r"[a-zA-Z0-9](?:[-a-zA-Z0-9]*[a-zA-Z0-9])?"
_IMAGE = re.compile(
    rf"(?:{_HOST}(?:\.{_HOST})*(?::[0-9]+)?/)?{_PART}(?:/{_PART})*"
    r"(?::\w[\w.-]{0,127})?(?:@[A-Za-z][A-Za-z0-9]*:[0-9a-fA-F]{32,})?",
    re.ASCII,
)
_LABEL_LENGTH = 63
_SUBDOMAIN_LENGTH = 253
_IMAGE_LENGTH = 512


def dns_label(text: str) -> str | None:
    """Check the name of a container or a volume."""
    if len(text) <= _LABEL_LENGTH and _LABEL.fullmatch(text):
        return None
    return f"{text!r} is no name; use up to 63 small letters, digits and dashes, no dash at either end"


def dns_1035_label(text: str, longest: int) -> str | None:
    """Check the name of something that Services are named after."""
    if len(text) > longest:
        return f"{text!r} has {len(text)} characters; use at most {longest}"
    if _DNS_1035.fullmatch(text):
        return None
    return (
        f"{text!r} cannot be the name of a Service; use small letters, digits and dashes, "
        "begin with a letter and do not end with a dash"
    )


def object_name(text: str) -> str | None:
    """Check the name of a Secret, a ConfigMap, a service account or a storage class."""
    if len(text) <= _SUBDOMAIN_LENGTH and _SUBDOMAIN.fullmatch(text):
        return None
    return f"{text!r} cannot be the name of an object; use small letters, digits, dashes and dots"


def qualified_key(key: str) -> str | None:
    """Check the key of a label or an annotation."""
    prefix, slash, name = key.rpartition("/")
    sound = len(name) <= _LABEL_LENGTH and _QUALIFIED.fullmatch(name)
    if sound and (not slash or object_name(prefix) is None):
        return None
    return (
        f"{key!r} is no key; write a name of up to 63 letters, digits, '-', '_' and '.', "
        "if need be as domain/name"
    )


def label_value(value: str) -> str | None:
    """Check the value of a label."""
    if not value or (len(value) <= _LABEL_LENGTH and _QUALIFIED.fullmatch(value)):
        return None
    return f"{value!r} is no label value; use up to 63 letters, digits, '-', '_' and '.'"


def variable_name(name: str) -> str | None:
    """Check the name of an environment variable."""
    if _VARIABLE.fullmatch(name):
        return None
    return f"{name!r} is no variable name; use letters, digits and '_', and do not begin with a digit"


def image(reference: str) -> str | None:
    """Check an image reference."""
    if len(reference) <= _IMAGE_LENGTH and _IMAGE.fullmatch(reference):
        return None
    return f"{reference!r} is no image; write [registry/]name[:tag][@digest], the name in small letters"


def mount_path(path: str) -> str | None:
    """Check where a volume is mounted."""
    if path.startswith("/") and ":" not in path and ".." not in path.split("/"):
        return None
    return f"{path!r} is no path to mount at; write an absolute path without ':' and '..'"
