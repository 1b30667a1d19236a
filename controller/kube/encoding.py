r"""
A request's body as bytes that an API server reads as what was meant, whether it takes them for JSON or YAML.

An applied object is sent as YAML, of which JSON is a part, but not all of it as Python writes it:

- `\ud83d\ude00` is one character in JSON and two halves of none in YAML, which refuses it. So characters
  stand for themselves, in UTF-8.
- YAML refuses control characters and folds the line breaks of Unicode into spaces. So those are escaped.

What is no character at all becomes U+FFFD, as it does with Go: half of a surrogate pair, which a Cassandra
node or a variable of the environment may have brought in.
"""

from __future__ import annotations

import json
import re
from typing import Any

# Any JSON value.
Json = Any


# Below U+0020 json.dumps escapes by itself. All of them are below U+10000, so one escape each.
_NOT_IN_YAML = re.compile("[\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]")
_HALVES = re.compile("[\ud800-\udfff]")
_REPLACEMENT = "\ufffd"


def encode(body: Json) -> bytes:
    """Return *body* as JSON that is YAML as well; `ValueError` for a number that JSON does not have."""
    text = json.dumps(body, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    # Outside of strings there is nothing that these could match.
    text = _HALVES.sub(_REPLACEMENT, text)
    return _NOT_IN_YAML.sub(lambda found: f"\\u{ord(found[0]):04x}", text).encode()
