"""
Keeping secrets out of logs.

- What stands under a key that names a secret is hidden, at any depth.
- A secret value that was registered is hidden wherever it appears: in messages, tracebacks, keys, and in
  its base64, URL-quoted and JSON-escaped forms; in base64 also behind a user name, as in an HTTP login.

It hides what it knows. A secret under a harmless key that nobody registered passes: whoever reads a
secret registers it.
"""

from __future__ import annotations

import base64
from collections import Counter, OrderedDict
from collections.abc import Mapping, MutableMapping
import itertools
import json
import re
import threading
from typing import Any
from urllib.parse import quote, quote_plus

HIDDEN = "***"
# Words of a key: a key with one of them names a secret. `jolokiaPassword` and `jolokia_password` have
# the same words.
SECRET_WORDS = frozenset(
    {
        "apikey",
        "auth",
        "authorization",
        "cookie",
        "credential",
        "credentials",
        "passphrase",
        "passwd",
        "password",
        "passwords",
        "pwd",
        "secret",
        "secrets",
        "token",
    }
)
SECRET_PAIRS = frozenset({("access", "key"), ("api", "key"), ("private", "key"), ("secret", "key")})
# Inside a text, a value shorter than this is left alone: hiding every "a" would hide everything.
SHORTEST = 4
# And a part of its base64, which looks like any word.
SHORTEST_WITHIN = 6
# How many values are remembered: a rotated password stays hidden for as long as it may still appear.
MOST = 1000
# Deeper than this an object is shown as text.
DEEPEST = 12

_WORDS = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|[0-9]+")
_PLAIN = (bool, int, float, type(None))


class Redactor:
    """
    A structlog processor that hides secrets; safe for threads.

    It comes after exceptions were made into text, and right before the line is rendered.
    """

    def __init__(self) -> None:
        # Guards registering; who reads sees each of the tuples whole, the old one or the new one.
        self._lock = threading.Lock()
        # Values and their forms, in the order in which they were last registered.
        self._values: OrderedDict[str, frozenset[str]] = OrderedDict()
        # How many values have a form.
        self._known: Counter[str] = Counter()
        # Forms by their first characters, longest first: so that a secret which begins like another is
        # hidden whole, and that a line costs the same whether one secret is known or thousands.
        self._by_start: dict[str, tuple[str, ...]] = {}

    def register(self, value: str) -> None:
        """Hide *value* from now on, wherever it appears. Does nothing for one that is too short."""
        if len(value) < SHORTEST:
            return
        with self._lock:
            if value in self._values:
                self._values.move_to_end(value)
                return
            self._values[value] = _forms(value)
            for form in self._values[value]:
                self._learn(form)
            while len(self._values) > MOST:
                _, forms = self._values.popitem(last=False)
                for form in forms:
                    self._unlearn(form)

    def __call__(
        self, _logger: object, _method: str, event_dict: MutableMapping[str, Any]
    ) -> MutableMapping[str, Any]:
        """Return the event with its secrets hidden, as structlog has it of a processor."""
        return {self.text(key): self._value(key, value, 0) for key, value in event_dict.items()}

    def text(self, text: str) -> str:
        """Return *text* with all registered values hidden."""
        by_start = self._by_start
        if not by_start:
            return text
        parts: list[str] = []
        kept, here = 0, 0
        while here <= len(text) - SHORTEST:
            for form in by_start.get(text[here : here + SHORTEST], ()):
                if text.startswith(form, here):
                    parts += (text[kept:here], HIDDEN)
                    kept = here = here + len(form)
                    break
            else:
                here += 1
        return "".join((*parts, text[kept:])) if parts else text

    def _learn(self, form: str) -> None:
        self._known[form] += 1
        if self._known[form] == 1:
            start = form[:SHORTEST]
            forms = (*self._by_start.get(start, ()), form)
            self._by_start[start] = tuple(sorted(forms, key=len, reverse=True))

    def _unlearn(self, form: str) -> None:
        self._known[form] -= 1
        if self._known[form]:
            return
        del self._known[form]
        start = form[:SHORTEST]
        left = tuple(other for other in self._by_start[start] if other != form)
        if left:
            self._by_start[start] = left
        else:
            del self._by_start[start]

    def _value(self, key: str, value: object, depth: int) -> object:
        if value is not None and _names_a_secret(key):
            return HIDDEN
        if isinstance(value, _PLAIN):
            return value
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, Mapping) and depth < DEEPEST:
            return {
                self.text(str(name)): self._value(str(name), each, depth + 1) for name, each in value.items()
            }
        if isinstance(value, list | tuple | set | frozenset) and depth < DEEPEST:
            return [self._value("", each, depth + 1) for each in value]
        if isinstance(value, bytes):
            return self.text(value.decode("utf-8", "backslashreplace"))
        # Anything else would be shown by its repr later, and may hold a secret there.
        return self.text(str(value) if isinstance(value, BaseException) else repr(value))


def _names_a_secret(key: str) -> bool:
    words = [word.lower() for word in _WORDS.findall(key)]
    return not SECRET_WORDS.isdisjoint(words) or any(
        pair in SECRET_PAIRS for pair in itertools.pairwise(words)
    )


def _forms(value: str) -> frozenset[str]:
    """Return how *value* may be written in a line."""
    data = value.encode(errors="surrogatepass")
    written = {value, json.dumps(value)[1:-1], repr(value)[1:-1], base64.b64encode(data).decode()}
    quoted = {quote(data, safe=""), quote_plus(data, safe="")}
    within = {form for ahead in range(3) if len(form := _base64_within(data, ahead)) >= SHORTEST_WITHIN}
    return frozenset(written | quoted | within)


def _base64_within(data: bytes, ahead: int) -> str:
    """Return what of *data* is the same in the base64 of any text with *ahead* bytes, modulo 3, before it."""
    encoded = base64.b64encode(bytes(ahead) + data).decode()
    # Six bits a character: those that share bits with what is before or after are left out.
    return encoded[-(-ahead * 8 // 6) : (ahead + len(data)) * 8 // 6]
