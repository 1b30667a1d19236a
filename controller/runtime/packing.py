"""
JSON values kept small: compressed, with what they have in common stored once.

- What comes out equals what was put in, and is the reader's own: nobody else has it.
- Most objects of a kind are nearly the same, so each is compressed against those that came before it,
  the dictionary. A kind of 10 kB an object takes some 300 bytes for each.
- It costs the processor tens of microseconds to read an object, and holds no lock meanwhile.

Only values that JSON can tell apart are kept apart: tuples come out as lists.
"""

from __future__ import annotations

import json
from typing import Any
import zlib

import attrs

from controller.runtime.store import Key, Stored

# zlib looks back no further.
_LONGEST = 32_768
# An object is unlike the ones before if more is left of it than this share of its size, and what no
# dictionary can know: identifiers, instants, addresses.
_UNLIKE, _OF_ITS_OWN = 1 / 10, 100
# How many dictionaries are made; each stays in memory while an object refers to it.
_MOST = 16


@attrs.frozen(eq=False)
class _Dictionary:
    """What objects are compressed against: the text of some that came before, the latest at its end."""

    text: bytes = b""
    # Ready to compress one object. Only ever copied.
    _start: Any = attrs.field(init=False, repr=False)

    @_start.default
    def _primed(self) -> Any:  # noqa: ANN401 -- zlib does not name its types
        return zlib.compressobj(zdict=self.text) if self.text else zlib.compressobj()

    def pack(self, text: bytes) -> bytes:
        packer = self._start.copy()
        return bytes(packer.compress(text) + packer.flush())

    def unpack(self, data: bytes) -> bytes:
        return zlib.decompressobj(zdict=self.text).decompress(data)

    def with_(self, text: bytes) -> _Dictionary:
        return _Dictionary((self.text + text)[-_LONGEST:])


@attrs.frozen(eq=False)
class _Packed:
    """A `Stored` JSON value."""

    key: Key
    version: str
    _data: bytes
    _dictionary: _Dictionary

    @property
    def value(self) -> Any:  # noqa: ANN401 -- JSON
        return json.loads(self._dictionary.unpack(self._data))


class Packer:
    """Packs the objects of one kind; safe to use from several threads."""

    def __init__(self) -> None:
        # Replaced as a whole; two threads at most make one more than is needed.
        self._dictionary = _Dictionary()
        self._left = _MOST

    def __call__(self, key: Key, version: str, value: Any) -> Stored[Any]:  # noqa: ANN401 -- JSON
        """Return *value*, which JSON can hold, packed."""
        text = json.dumps(value, separators=(",", ":")).encode()
        dictionary = self._dictionary
        data = dictionary.pack(text)
        if len(data) > len(text) * _UNLIKE + _OF_ITS_OWN and self._left:
            self._left -= 1
            # The text itself is in it now, so the first of its like is as small as all others.
            dictionary = self._dictionary = dictionary.with_(text)
            data = dictionary.pack(text)
        return _Packed(key, version, data, dictionary)
