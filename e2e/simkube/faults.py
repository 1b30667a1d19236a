"""
Faults on purpose: what a test may do to the requests and the watches of one client.

- Requests: refuse them, let them hang, carry them out and lose the answer, answer late.
- Reads and watches: serve a client as of an older version, as an API server with a slow cache does.
- Watch events: drop, hold back, swap with the next, or end the stream before one.

Writes and delivered events are counted per client, so that a sweep can enumerate every point of a
scenario and come back to point n. A client is named by the first word of its user agent.

A fault is never half done: a refused request changes nothing, a lost answer was carried out in full.
Reads that must be fresh (without a resourceVersion) are never served stale, as in a real cluster.
"""

from __future__ import annotations

import collections
from collections.abc import Callable, Collection
import re
from typing import TYPE_CHECKING, assert_never

import attrs

from controller.kube.transport import Request
from e2e.simkube import errors
from e2e.simkube.options import header
from e2e.simkube.routing import Target

if TYPE_CHECKING:
    from e2e.simkube.watch import Watch

WRITES = frozenset({"create", "update", "patch", "delete", "deletecollection"})
# How many writes are remembered one by one; counters have no limit.
_REMEMBERED = 10_000


class NoAnswerError(Exception):
    """The request gets no answer; it may have been carried out. *silent* ones hang until given up."""

    def __init__(self, message: str, *, silent: bool = False) -> None:
        super().__init__(message)
        self.silent = silent


@attrs.frozen(kw_only=True)
class Match:
    """Which requests or events a fault is about; what is left empty matches everything."""

    client: str = ""
    verbs: Collection[str] = ()  # get, list, watch, create, update, patch, delete, deletecollection
    kinds: Collection[str] = ()  # plural names; below an object `pods/status`, `pods/eviction`
    namespace: str = ""
    name: str = ""

    def takes(self, client: str, verb: str, kind: str, namespace: str, name: str) -> bool:
        """Whether a request or event is meant."""
        return (
            self.client in ("", client)
            and (not self.verbs or verb in self.verbs)
            and (not self.kinds or kind in self.kinds)
            and self.namespace in ("", namespace)
            and self.name in ("", name)
        )


@attrs.frozen(kw_only=True)
class Refuse:
    """Answer with *status* and change nothing; *retry_after* goes out as the header of that name."""

    status: int
    retry_after: int | None = None


@attrs.frozen
class Hang:
    """Do nothing and never answer: the client gives up at its deadline."""


@attrs.frozen
class LoseAnswer:
    """Carry the request out and never answer."""


@attrs.frozen
class Delay:
    """Carry the request out and answer *seconds* later."""

    seconds: float


RequestFault = Refuse | Hang | LoseAnswer | Delay


@attrs.frozen
class Drop:
    """Never give the event to this watch."""


@attrs.frozen
class Hold:
    """Give the event, and those after it, *seconds* later."""

    seconds: float


@attrs.frozen
class Swap:
    """Give the event after the next one."""


@attrs.frozen
class End:
    """End the stream before the event: who watches on from its last version gets it then."""


EventFault = Drop | Hold | Swap | End


@attrs.define(eq=False)
class Rule:
    """
    A fault and when it strikes.

    It strikes at the requests or events that *match*, after the first *skip* of them, *times* times
    (None: for ever). With *at* it strikes only at the client's write, or event, of this number.
    """

    match: Match
    fault: RequestFault | EventFault
    skip: int = 0
    times: int | None = 1
    at: int | None = None
    struck: int = 0

    def strikes(self, number: int) -> bool:
        """Count a match; whether the fault happens at this one."""
        if self.times is not None and self.struck >= self.times:
            return False
        if self.at is not None and number != self.at:
            return False
        if self.skip:
            self.skip -= 1
            return False
        self.struck += 1
        return True


@attrs.frozen(kw_only=True)
class Call:
    """One request, with its number among the writes of its client (0: no write)."""

    client: str
    verb: str
    kind: str
    namespace: str
    name: str
    number: int


@attrs.frozen(kw_only=True)
class WriteRecord:
    """One write as it ended; *changed* tells whether anything was stored."""

    call: Call
    status: int
    changed: bool


class Faults:
    """The faults of one server. Without rules nothing happens but counting."""

    def __init__(self) -> None:
        self.writes: collections.Counter[str] = collections.Counter()
        self.events: collections.Counter[str] = collections.Counter()
        self.log: collections.deque[WriteRecord] = collections.deque(maxlen=_REMEMBERED)
        # Called after each write and before its answer. What it raises reaches the caller in place
        # of the answer: that is how a test kills a client between a write and the next step.
        self.after_write: Callable[[WriteRecord], None] | None = None
        self._requests: list[Rule] = []
        self._events: list[Rule] = []
        self._frozen: dict[str, int] = {}

    def add(self, rule: Rule) -> Rule:
        """Let *rule* strike from now on."""
        streams = isinstance(rule.fault, Drop | Hold | Swap | End)
        (self._events if streams else self._requests).append(rule)
        return rule

    def clear(self) -> None:
        """Take back all rules and let every client see the present. Counters go on."""
        self._requests.clear()
        self._events.clear()
        self._frozen.clear()

    def freeze(self, client: str, version: int) -> None:
        """Let *client* see nothing later than *version*, but by fresh reads."""
        self._frozen[client] = version

    def thaw(self, client: str) -> None:
        """Let *client* see the present again."""
        self._frozen.pop(client, None)

    def seen_by(self, client: str) -> int | None:
        """The version that *client* is held at, None for the present."""
        return self._frozen.get(client)

    def call(self, request: Request, target: Target, verb: str) -> tuple[Call, RequestFault | None]:
        """Count a request; the fault that it meets, if any."""
        client = client_of(request)
        number = 0
        if verb in WRITES:
            self.writes[client] += 1
            number = self.writes[client]
        call = Call(
            client=client,
            verb=verb,
            kind=_kind(target),
            namespace=target.namespace or "",
            name=target.name or "",
            number=number,
        )
        for rule in self._requests:
            if rule.match.takes(client, verb, call.kind, call.namespace, call.name) and (
                rule.strikes(number)
            ):
                assert isinstance(rule.fault, Refuse | Hang | LoseAnswer | Delay)
                return call, rule.fault
        return call, None

    def done(self, call: Call, status: int, *, changed: bool) -> None:
        """Note how a request ended."""
        if call.number:
            record = WriteRecord(call=call, status=status, changed=changed)
            self.log.append(record)
            if self.after_write is not None:
                self.after_write(record)

    def event(self, watch: Watch, namespace: str, name: str) -> EventFault | None:
        """Count an event that is about to be given; the fault that it meets, if any."""
        number = self.events[watch.client] + 1
        kind = _kind(watch.target)
        for rule in self._events:
            if rule.match.takes(watch.client, "watch", kind, namespace, name) and (rule.strikes(number)):
                assert isinstance(rule.fault, Drop | Hold | Swap | End)
                if not isinstance(rule.fault, Hold | End):
                    self.events[watch.client] = number
                return rule.fault
        self.events[watch.client] = number
        return None


def before(fault: RequestFault | None) -> None:
    """Raise what *fault* puts in place of carrying a request out."""
    match fault:
        case Refuse(status=status, retry_after=seconds):
            raise _refusal(status, seconds)
        case Hang():
            raise NoAnswerError("the server does not answer", silent=True)
        case LoseAnswer() | Delay() | None:
            return
        case _:
            assert_never(fault)


_REASONS = {
    401: "Unauthorized",
    403: "Forbidden",
    404: "NotFound",
    409: "Conflict",
    410: "Expired",
    422: "Invalid",
    429: "TooManyRequests",
    500: "InternalError",
    503: "ServiceUnavailable",
    504: "Timeout",
}


def _refusal(status: int, seconds: int | None) -> errors.StatusError:
    details = {} if seconds is None else {"retryAfterSeconds": seconds}
    headers = {} if seconds is None else {"Retry-After": str(seconds)}
    reason = _REASONS.get(status, "")
    message = "refused on purpose"
    return errors.StatusError(status, reason, message, details=details, headers=headers)


def client_of(request: Request) -> str:
    """The name of the client that sends *request*: the first word of its user agent."""
    match = re.match(r"[^/\s]+", header(request, "user-agent"))
    return match[0] if match else ""


def _kind(target: Target) -> str:
    plural = target.resource.plural
    return f"{plural}/{target.subresource}" if target.subresource else plural
