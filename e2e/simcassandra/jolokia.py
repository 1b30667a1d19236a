"""
The Jolokia agent of one simulated node: a request's body in, an answer's body out.

It knows `read`, `write`, `exec` and `version`, single or in bulk, and the MBeans of this package; not
`list` and `search`. As the real agent it answers HTTP 200 to nearly everything and says in the body how
it went, opens its port before Cassandra registers its MBeans, and has a fixed number of threads, each of
which a blocking call holds until the operation ends, whether or not the client still waits.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping, Sequence
import json
from typing import Any

from e2e.simcassandra import metrics, other_beans, requests, storage_operations, storage_reads
from e2e.simcassandra.deferred import RUNTIME_ERROR, Deferred, JavaError
from e2e.simcassandra.exchange import Exchange, HttpAnswer
from e2e.simcassandra.faults import Faults, Kind
from e2e.simcassandra.mbean import BadRequestError, MBean, find
from e2e.simcassandra.node import Node
from e2e.simcassandra.releases import LINES

STORAGE_SERVICE = "org.apache.cassandra.db:type=StorageService"

# Below this path the agent listens.
_CONTEXT = "/jolokia/"
# What the 1.x agent reports as 400.
_ILLEGAL = frozenset({"java.lang.IllegalArgumentException", "java.lang.NumberFormatException"})
_MISSING = frozenset(
    {"javax.management.InstanceNotFoundException", "javax.management.AttributeNotFoundException"}
)
_ALWAYS = frozenset({"java.lang:type=Runtime", "java.lang:type=Threading"})
_VERSION_1 = {
    "agentContext": "/jolokia",
    "agentType": "jvm",
    "authIgnoreCerts": "false",
    "listenForHttpService": "true",
    "mimeType": "text/plain",
    "policyLocation": "classpath:/jolokia-access.xml",
}
_VERSION_2 = {
    "authMode": "basic",
    "dateFormat": "yyyy-MM-dd'T'HH:mm:ss.SSSSSSSSSXXX",
    "debug": "false",
    "historyMaxEntries": "10",
    "maxDepth": "15",
}
_OTHERS = other_beans.beans()
_STORAGE = {
    line: MBean(
        attributes=storage_reads.attributes(line),
        writers=storage_reads.writers(line),
        operations=storage_operations.operations(line),
    )
    for line in LINES
}


class Agent:
    """The agent in *node*'s process, misbehaving as *faults* say."""

    def __init__(self, node: Node, faults: Faults) -> None:
        self.node = node
        self._faults = faults
        self._busy = 0
        self._queue: list[Callable[[], None]] = []
        self._open: list[Exchange] = []
        node.on_exit(lambda _: self._broken())

    @property
    def listening(self) -> bool:
        """Whether its port can be connected to."""
        return self.node.agent_open and not self._faults.has(self.node.address, Kind.REFUSE)

    @property
    def responsive(self) -> bool:
        """Whether a short request would get an answer now, right or wrong."""
        faults = {fault.kind for fault in self._faults.of(self.node.address)}
        silent = faults & {Kind.HANG, Kind.LOSE_ANSWER}
        return self.listening and not silent and self._busy < self.node.config.jolokia_threads

    @property
    def sound(self) -> bool:
        """Whether a short request would get a right answer now."""
        faults = {fault.kind for fault in self._faults.of(self.node.address)}
        return self.responsive and not faults & {Kind.GARBAGE, Kind.SERVER_ERROR}

    def take(self, method: str, path: str, body: str, authorization: str | None = None) -> Exchange:
        """Take an HTTP request; only paths below the agent's own reach it, and only by GET and POST."""
        if path.startswith(_CONTEXT):
            return self.get(path, authorization) if method == "GET" else self.answer(body, authorization)
        exchange = Exchange()
        if not self._faults.has(self.node.address, Kind.HANG):
            text = "<h1>404 Not Found</h1>No context found for request"
            exchange.finish(HttpAnswer(status=404, body=text, content_type="text/html"))
        return exchange

    def answer(self, body: str, authorization: str | None = None) -> Exchange:
        """Take a POST with *body*, as it comes from a client, and *authorization*'s header value."""
        return self._begin(lambda: requests.parse(body), authorization)

    def get(self, path: str, authorization: str | None = None) -> Exchange:
        """Take a GET of *path*, such as `/jolokia/read/<mbean>/<attribute>,<attribute>`."""
        return self._begin(lambda: ([requests.from_path(path.removeprefix(_CONTEXT))], False), authorization)

    def _begin(
        self, parse: Callable[[], tuple[list[requests.Request], bool]], authorization: str | None
    ) -> Exchange:
        exchange = Exchange()
        self._open = [one for one in self._open if not one.over]
        self._open.append(exchange)
        if self._faults.has(self.node.address, Kind.HANG):
            return exchange
        if not self._authorized(authorization):
            # A scheme that the agent does not know is not even told what it would like.
            known = authorization is None or authorization.startswith("Basic ")
            headers = {"Www-Authenticate": 'Basic realm="jolokia"'} if known else {}
            exchange.finish(HttpAnswer(status=401, body="", headers=headers))
            return exchange

        def work() -> None:
            self._work(parse, exchange)

        if self._busy < self.node.config.jolokia_threads:
            work()
        else:
            self._queue.append(work)
        return exchange

    def _authorized(self, authorization: str | None) -> bool:
        config = self.node.config
        if config.jolokia_user is None:
            return True
        login = f"{config.jolokia_user}:{config.jolokia_password or ''}"
        return authorization == "Basic " + base64.b64encode(login.encode()).decode()

    def _work(self, parse: Callable[[], tuple[list[requests.Request], bool]], exchange: Exchange) -> None:
        """Carry a request out on a thread, and answer when the last part of it is done."""
        self._busy += 1
        try:
            todo, bulk = parse()
        except requests.NotARequestError as error:
            self._finish(exchange, self._error(error))
            return
        answers: list[Any] = []

        def step() -> None:
            while todo:
                request = todo.pop(0)
                outcome = self._outcome(request)
                if isinstance(outcome, Deferred) and not outcome.done:
                    self.node.changed()
                    outcome.then(lambda done, request=request: later(request, done))  # type: ignore[misc]  # mypy cannot infer defaults
                    return
                if not collect(request, outcome):
                    return
            self._finish(exchange, answers if bulk else answers[0])

        def later(request: requests.Request, done: Deferred[Any]) -> None:
            if collect(request, done):
                step()

        def collect(request: requests.Request, outcome: Any) -> bool:  # noqa: ANN401 -- JSON
            if isinstance(outcome, Deferred) and outcome.lost:
                self._release()
                exchange.finish(None)
                return False
            answers.append(self._rendered(request, outcome))
            return True

        step()

    def _outcome(self, request: requests.Request) -> Any:  # noqa: ANN401 -- JSON, a JavaError, or a Deferred
        """Return a value, a `JavaError`, or a `Deferred`."""
        try:
            return self._carry_out(request)
        except JavaError as error:
            return error

    def _rendered(self, request: requests.Request, outcome: Any) -> dict[str, Any]:  # noqa: ANN401 -- JSON
        if isinstance(outcome, Deferred):
            outcome = outcome.error if outcome.error is not None else outcome.value
        if isinstance(outcome, JavaError):
            # An Error goes past the code that knows the request.
            known = {} if outcome.kind == RUNTIME_ERROR else {"request": requests.repeated(request)}
            return {**known, **self._error(outcome)}
        return {
            "request": requests.repeated(request),
            "value": outcome,
            "timestamp": int(self.node.simulation.now),
            "status": 200,
        }

    def _error(self, error: JavaError) -> dict[str, Any]:
        """Return *error* as the agent's release reports it."""
        jmx = error.kind in _MISSING
        if self.node.config.jolokia.startswith("1."):
            text = f"{error.kind} : {error.message}" if error.message else error.kind
            status = 404 if jmx else 400 if error.kind in _ILLEGAL else 500
            answer: dict[str, Any] = {"error_type": error.kind, "error": text}
        else:
            status = 404 if jmx else 400 if isinstance(error, BadRequestError) else 500
            answer = {"error_type": error.kind, ".error": True}
            answer |= {"error_type_jmx": error.kind} if jmx else {}
            answer["error"] = error.message
        return {**answer, "status": status, "stacktrace": f"{error.kind}: {error.message}"}

    def _finish(self, exchange: Exchange, answer: Any) -> None:  # noqa: ANN401 -- JSON
        self._release()
        faults = {fault.kind for fault in self._faults.of(self.node.address)}
        if Kind.LOSE_ANSWER in faults:
            return
        if Kind.GARBAGE in faults:
            exchange.finish(HttpAnswer(status=200, body="<html>It works!</html>"))
        elif Kind.SERVER_ERROR in faults:
            exchange.finish(HttpAnswer(status=500, body="<h1>500 Internal Server Error</h1>"))
        elif self._refused_outright(answer):
            exchange.finish(HttpAnswer(status=400, body=str(answer["error"])))
        else:
            exchange.finish(HttpAnswer(status=200, body=self._text(answer)))

    def _text(self, answer: Any) -> str:  # noqa: ANN401 -- JSON
        text = json.dumps(answer)
        if not self.node.config.jolokia.startswith("1."):
            # The 2.x agent stops in the middle of a snapshot that does not expire.
            text = text.partition('"Expiration time": null')[0]
        return text

    def _refused_outright(self, answer: Any) -> bool:  # noqa: ANN401 -- JSON
        """Return whether the 2.x agent answers a bad request with HTTP 400 and plain text."""
        old = self.node.config.jolokia.startswith("1.")
        return not old and isinstance(answer, dict) and answer.get("status") == 400

    def _release(self) -> None:
        self._busy -= 1
        if self._queue and self.node.running:
            self._queue.pop(0)()
        self.node.changed()

    def _broken(self) -> None:
        self._queue.clear()
        for exchange in self._open:
            exchange.finish(None)
        self._open.clear()

    def _carry_out(self, request: requests.Request) -> Any:  # noqa: ANN401 -- JSON
        match request["type"]:
            case "version":
                return self._version()
            case "read":
                return self._read(request)
            case "write":
                return self._write(request)
            case "exec":
                return self._exec(request)
            case kind:
                raise JavaError(
                    "java.lang.UnsupportedOperationException",
                    f"this simulated agent does not know requests of type {kind}",
                )

    def _version(self) -> dict[str, Any]:
        config = self.node.config
        agent_id = f"{self.node.address}-jvm"
        shown = {"agentId": agent_id, "maxCollectionSize": "0", "discoveryEnabled": "false"}
        if not config.jolokia.startswith("1."):
            details = {
                "agent_version": config.jolokia,
                "agent_id": agent_id,
                "secured": config.jolokia_user is not None,
                "url": f"http://{self.node.address}:8778/jolokia",
            }
            return {
                "agent": config.jolokia,
                "protocol": "8.2",
                "id": agent_id,
                "details": details,
                "decorators": {},
                "config": {**shown, **_VERSION_2},
                "info": {"proxy": {}, "jmx": {}},
            }
        shown |= _VERSION_1
        if config.jolokia_user is not None:
            # The 1.7 agent shows its password to everybody who may ask.
            shown |= {"user": config.jolokia_user, "password": config.jolokia_password or ""}
        return {"agent": "1.7.1", "protocol": "7.2", "config": shown, "info": {}}

    def _bean(self, name: str) -> MBean:
        if name in _ALWAYS:
            return _OTHERS[name]
        if self.node.registered:
            if name == STORAGE_SERVICE:
                return _STORAGE[self.node.release.line]
            if name in _OTHERS:
                return _OTHERS[name]
            found = metrics.matching(self.node, name)
            if found:
                return next(iter(found.values()))
        raise JavaError("javax.management.InstanceNotFoundException", name)

    def _read(self, request: Mapping[str, Any]) -> Any:  # noqa: ANN401 -- JSON
        name, attribute = str(request.get("mbean")), request.get("attribute")
        lenient = bool(request.get("config", {}).get("ignoreErrors"))
        if "*" in name:
            found = metrics.matching(self.node, name) if self.node.registered else {}
            if not found:
                raise JavaError(
                    "javax.management.InstanceNotFoundException", f"No MBean with pattern {name} found"
                )
            names = [attribute] if isinstance(attribute, str) else attribute
            return {key: self._values(bean, names, lenient=lenient) for key, bean in found.items()}
        bean = self._bean(name)
        if isinstance(attribute, str):
            return self._value(bean, attribute)
        return self._values(bean, attribute, lenient=lenient)

    def _values(self, bean: MBean, names: Sequence[str] | None, *, lenient: bool) -> dict[str, Any]:
        """Return several attributes, all if *names* is None; one that throws spoils the request."""
        values: dict[str, Any] = {}
        for name in names or list(bean.attributes):
            try:
                values[name] = self._value(bean, name)
            except JavaError as error:
                if not lenient:
                    raise
                values[name] = self._ignored(error)
        return values

    def _ignored(self, error: JavaError) -> Any:  # noqa: ANN401 -- JSON
        """Return what stands in the place of an attribute that throws when errors are to be ignored."""
        if self.node.config.jolokia.startswith("1."):
            return f"ERROR: {error.message} (class {error.kind})"
        return {".error": True, "error_type": error.kind, "error": error.message}

    def _value(self, bean: MBean, name: str) -> Any:  # noqa: ANN401 -- JSON
        for fault in self._faults.of(self.node.address):
            if fault.kind is Kind.OVERRIDE and name in fault.values:
                return fault.values[name]
        reader = bean.attributes.get(name)
        if reader is None:
            raise JavaError("javax.management.AttributeNotFoundException", f"No such attribute: {name}")
        return reader(self.node)

    def _write(self, request: Mapping[str, Any]) -> Any:  # noqa: ANN401 -- JSON
        """Write an attribute and return its old value."""
        bean = self._bean(str(request.get("mbean")))
        name = str(request.get("attribute"))
        old = self._value(bean, name)
        writer = bean.writers.get(name)
        if writer is None:
            raise JavaError("javax.management.AttributeNotFoundException", f"Read-only attribute: {name}")
        value = request.get("value")
        try:
            writer(self.node, value)
        except ValueError:
            raise JavaError("java.lang.NumberFormatException", f'For input string: "{value}"') from None
        return old

    def _exec(self, request: Mapping[str, Any]) -> Any:  # noqa: ANN401 -- JSON
        name = str(request.get("mbean"))
        arguments = list(request.get("arguments") or [])
        if not request.get("operation"):
            raise BadRequestError(f"No operation given for exec Request on MBean {name}")
        operation = str(request.get("operation"))
        bare = operation.partition("(")[0]
        if name == STORAGE_SERVICE and bare in self.node.config.lacks:
            raise BadRequestError(f"No operation {bare} found on MBean {name}")
        chosen = find(self._bean(name), name, operation, arguments)
        outcome = chosen.run(self.node, arguments)
        self.node.carries_out(bare, outcome)
        return outcome


class Agents:
    """The agents of all nodes of a ring, by address."""

    def __init__(self, at: Callable[[str], Node | None], faults: Faults) -> None:
        self._at = at
        self._faults = faults
        self._agents: dict[str, Agent] = {}

    def at(self, address: str) -> Agent | None:
        """Return the agent of the process that runs at *address*."""
        node = self._at(address)
        if node is None:
            self._agents.pop(address, None)
            return None
        agent = self._agents.get(address)
        if agent is None or agent.node is not node:
            agent = self._agents[address] = Agent(node, self._faults)
        return agent
