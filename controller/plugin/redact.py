"""
What may leave a cluster: objects without the secrets that somebody wrote into them.

Hidden is the value of every field and environment variable whose name speaks of a secret, in JSON texts
inside annotations and variables too, and every text in which a registered secret stands. Names of Secrets
are none. The operator's own redaction of log lines decides which names speak of a secret.
"""

from __future__ import annotations

from collections.abc import Mapping
import json
from typing import Any, Final

from controller.telemetry.redaction import HIDDEN, Redactor

# They name a Secret, or say how one is mounted.
_REFERENCES: Final = frozenset(
    {
        "automountServiceAccountToken",
        "imageJolokiaSecret",
        "imagePullSecret",
        "imagePullSecrets",
        "secret",
        "secretKeyRef",
        "secretName",
        "secretRef",
        "secrets",
        "serviceAccountToken",
    }
)
_NAMED: Final = "name"
# Whether somebody has to log in is no secret.
_HARMLESS: Final = frozenset({"", "true", "false"})


class Hider:
    """Hides secrets in objects; *redactor* knows values that are to be hidden wherever they stand.

    *hidden* counts what was hidden.
    """

    def __init__(self, redactor: Redactor | None = None) -> None:
        self._redactor = redactor or Redactor()
        self.hidden = 0

    def object(self, value: Any) -> Any:  # noqa: ANN401 -- JSON
        """Return *value* without secrets."""
        return self._value("", value)

    def text(self, text: str) -> str:
        """Return *text* without the secrets that are known; JSON in it is read."""
        before = self.hidden
        try:
            read = self._value("", json.loads(text)) if text[:1] in ("{", "[") else None
        except ValueError:
            read = None
        if self.hidden != before:
            return json.dumps(read, separators=(",", ":"))
        found = self._redactor.text(text)
        self.hidden += found != text
        return found

    def _value(self, key: str, value: Any) -> Any:  # noqa: ANN401 -- JSON
        if isinstance(value, Mapping):
            named = value.get(_NAMED)
            said = value.get("value")
            if isinstance(named, str) and isinstance(said, str) and self._secret(named, said):
                self.hidden += 1
                return {**value, "value": HIDDEN}
            return {name: self._value(name, each) for name, each in value.items()}
        if isinstance(value, list | tuple):
            return [self._value(key, each) for each in value]
        if not isinstance(value, str):
            return value
        if self._secret(key, value):
            self.hidden += 1
            return HIDDEN
        return self.text(value)

    def _secret(self, key: str, value: str) -> bool:
        """Tell whether *value* under *key* is a secret, by the rules for log lines."""
        if key in _REFERENCES or value.lower() in _HARMLESS:
            return False
        return bool(self._redactor(None, "", {key: 0})[key] == HIDDEN)


def shown(key: str, value: object) -> object:
    """Return *value* as it may be shown under *key*."""
    hider = Hider()
    return hider.object({key: value})[key] if key else hider.object(value)
