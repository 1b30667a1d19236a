"""A ring to ask: its agents, over plain HTTP, with nothing between a fact and the agent."""

from __future__ import annotations

from collections.abc import Callable
import json
from typing import Any

import attrs
import httpx

Json = Any

PORT = 8778
STORAGE = "org.apache.cassandra.db:type=StorageService"
PROXY = "org.apache.cassandra.db:type=StorageProxy"
COMPACTIONS = "org.apache.cassandra.db:type=CompactionManager"
SNITCH = "org.apache.cassandra.db:type=EndpointSnitchInfo"
GOSSIPER = "org.apache.cassandra.net:type=Gossiper"
DETECTOR = "org.apache.cassandra.net:type=FailureDetector"
THREADING = "java.lang:type=Threading"
STREAMS = "org.apache.cassandra.net:type=StreamManager"

ILLEGAL = "java.lang.IllegalArgumentException"
UNSUPPORTED = "java.lang.UnsupportedOperationException"
NO_ATTRIBUTE = "javax.management.AttributeNotFoundException"
NO_MBEAN = "javax.management.InstanceNotFoundException"


@attrs.frozen(kw_only=True)
class Agent:
    """The agent at *host*, asked with *login* (user, password); None: it asks for none."""

    http: httpx.Client
    host: str
    login: tuple[str, str] | None

    @property
    def base(self) -> str:
        """Where it listens, without a path."""
        return f"http://{self.host}:{PORT}"

    def post(self, body: Json, headers: dict[str, str] | None = None) -> httpx.Response:
        """Post *body*, JSON or text as it is; *headers* take the place of the login."""
        content = body if isinstance(body, str) else json.dumps(body)
        auth = self.login if headers is None and self.login is not None else httpx.USE_CLIENT_DEFAULT
        return self.http.post(f"{self.base}/jolokia/", content=content, auth=auth, headers=headers)

    def get(self, path: str) -> httpx.Response:
        """Get *path*, which begins with a slash."""
        return self.http.get(f"{self.base}{path}", auth=self.login)

    def ask(self, body: Json) -> Json:
        """Post *body* and return the decoded answer, which must be HTTP 200, whatever it says."""
        answer = self.post(body)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def read(self, attribute: str, mbean: str = STORAGE) -> Json:
        """Return the value of an attribute."""
        return self._value({"type": "read", "mbean": mbean, "attribute": attribute})

    def execute(self, operation: str, *arguments: Json, mbean: str = STORAGE) -> Json:
        """Execute an operation and return its value."""
        return self._value(call(operation, *arguments, mbean=mbean))

    def refusal(self, operation: str, *arguments: Json, mbean: str = STORAGE) -> tuple[int, str, str]:
        """Execute an operation that fails; return status, class and message."""
        return error(self.ask(call(operation, *arguments, mbean=mbean)))

    def _value(self, body: Json) -> Json:
        answer = self.ask(body)
        assert answer["status"] == 200, answer
        return answer["value"]


@attrs.frozen(kw_only=True)
class Ring:
    """A ring at rest; *pause* lets some seconds pass."""

    agents: tuple[Agent, ...]
    pause: Callable[[float], None]

    @property
    def first(self) -> Agent:
        """Any of them, always the same."""
        return self.agents[0]

    @property
    def hosts(self) -> list[str]:
        """The addresses of all nodes, sorted."""
        return sorted(agent.host for agent in self.agents)

    def until(self, condition: Callable[[], bool], *, seconds: float = 120) -> None:
        """Wait until *condition* holds; AssertionError after so many looks, four a second."""
        for _ in range(int(seconds * 4)):
            if condition():
                return
            self.pause(0.25)
        raise AssertionError(f"it did not come about within {seconds:g} s")

    @property
    def line(self) -> tuple[int, int]:
        """The line of Cassandra's releases that it runs, such as (4, 1)."""
        major, minor = str(self.first.read("ReleaseVersion")).split(".")[:2]
        return int(major), int(minor)

    @property
    def is_five(self) -> bool:
        """Whether it runs Cassandra 5.0 or later."""
        return self.line >= (5, 0)


def call(operation: str, *arguments: Json, mbean: str = STORAGE) -> Json:
    """Return a request to execute an operation."""
    return {"type": "exec", "mbean": mbean, "operation": operation, "arguments": list(arguments)}


def error(answer: Json) -> tuple[int, str, str]:
    """Return status, class and message of an answer that is an error; the class is not in the message."""
    kind = str(answer["error_type"])
    return int(answer["status"]), kind, str(answer["error"]).removeprefix(kind).removeprefix(" : ")
