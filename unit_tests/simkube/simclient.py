"""A client of a simulated API server, for tests: verbs as methods, named by its user agent."""

from __future__ import annotations

from typing import Any

import attrs

from controller.kube.transport import Request, Response, Transport
from e2e.simkube.api import ApiServer
from e2e.simkube.inprocess import InProcess
from e2e.simkube.watch import Watch
from e2e.simtime import Simulation

Object = dict[str, Any]

CONFIG_MAPS = "/api/v1/namespaces/default/configmaps"
MERGE = "application/merge-patch+json"
APPLY = "application/apply-patch+yaml"


def config_map(name: str = "one", **data: str) -> Object:
    """A ConfigMap."""
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": data}


def server(seed: int = 0, *, window: int = 5000) -> ApiServer:
    """A server with a simulation of its own."""
    return ApiServer(Simulation(seed), window=window)


@attrs.frozen(kw_only=True)
class Client:
    """Sends requests by a transport."""

    transport: Transport
    timeout: float = 10.0

    def call(self, method: str, path: str, body: Any = None, media: str = "", **query: Any) -> Response:
        """Send one request."""
        headers = {"Content-Type": media} if media else {}
        asked = {key: str(value) for key, value in query.items()}
        request = Request(
            method=method, path=path, query=asked, headers=headers, body=body, timeout=self.timeout
        )
        return self.transport.send(request)

    def get(self, path: str, **query: Any) -> Response:
        """Read."""
        return self.call("GET", path, **query)

    def post(self, path: str, body: Object) -> Response:
        """Create."""
        return self.call("POST", path, body)

    def merge(self, path: str, body: Object) -> Response:
        """Change by a merge patch."""
        return self.call("PATCH", path, body, MERGE)

    def delete(self, path: str) -> Response:
        """Delete."""
        return self.call("DELETE", path)

    def made(self, name: str = "one", **data: str) -> Object:
        """A ConfigMap that is created now."""
        answer = self.post(CONFIG_MAPS, config_map(name, **data))
        assert answer.status == 201
        found: Object = answer.body
        return found


def client(of: ApiServer, agent: str = "test") -> Client:
    """A client in the same process, whose user agent is *agent*."""
    return Client(transport=InProcess(of, agent=agent))


def watch(of: ApiServer, agent: str = "test", path: str = CONFIG_MAPS, **query: Any) -> Watch:
    """An open watch of *agent*, which must be accepted."""
    asked = {"watch": "1", **{key: str(value) for key, value in query.items()}}
    opened = of.open_watch(Request(method="GET", path=path, query=asked, headers={"User-Agent": agent}))
    assert isinstance(opened, Watch)
    return opened


def names(listed: Response) -> list[str]:
    """The names in a list, without the ConfigMap that every namespace has from its beginning."""
    found = [one["metadata"]["name"] for one in listed.body["items"]]
    return [name for name in found if name != "kube-root-ca.crt"]


def told(stream: Watch) -> list[tuple[str, str]]:
    """(type, name) of the events that came since the last time."""
    return [(event["type"], event["object"]["metadata"].get("name", "")) for event in stream.poll()]
