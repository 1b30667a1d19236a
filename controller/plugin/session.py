"""
What one command works with: a way to the API server, a namespace, and a place to say things.

Texts are for people. With `-o json` nothing but one JSON value is printed; without a terminal there is no
colour, and nothing is drawn over.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
import json
import sys
import time
from typing import Any, Final

import attrs

from controller.api.v2 import names
from controller.domain.errors import NotFoundError
from controller.kube import kinds
from controller.kube.client import KubeClient
from controller.kube.kinds import Kind
from controller.kube.transport import Request, Transport
from controller.plugin.errors import StopError
from controller.plugin.kubectl import Kubectl

Object = dict[str, Any]

FIELD_MANAGER: Final = "kubectl-casskop"
SECONDS: Final = 30.0
DEFINITION: Final = Kind(
    group="apiextensions.k8s.io",
    version="v1",
    plural="customresourcedefinitions",
    kind="CustomResourceDefinition",
    namespaced=False,
)
COLOURS: Final = {"bold": "1", "dim": "2", "red": "31", "green": "32", "yellow": "33"}


@attrs.frozen(kw_only=True)
class Output:
    """Where a command says what it has to say."""

    as_json: bool = False
    terminal: bool = False
    write: Callable[[str], object] = attrs.field(factory=lambda: sys.stdout.write)

    def say(self, *lines: str) -> None:
        """Print *lines* for people; nothing with `-o json`."""
        if not self.as_json:
            self.write("".join(f"{line}\n" for line in lines))

    def result(self, value: object) -> None:
        """Print *value* if the caller wants JSON."""
        if self.as_json:
            self.write(json.dumps(value, indent=2, default=str) + "\n")

    def colour(self, text: str, colour: str) -> str:
        """Return *text* in a colour, on a terminal."""
        return f"\x1b[{COLOURS[colour]}m{text}\x1b[0m" if self.terminal and not self.as_json else text

    def table(self, rows: Iterable[Sequence[str]]) -> list[str]:
        """Return *rows*, the first of them a heading, in columns."""
        cells = [[str(cell) for cell in row] for row in rows]
        widths = [max(len(cell) for cell in column) for column in zip(*cells, strict=True)]
        lines = ["  ".join(c.ljust(w) for c, w in zip(row, widths, strict=True)).rstrip() for row in cells]
        return [self.colour(lines[0], "bold"), *lines[1:]] if lines else []


@attrs.frozen(kw_only=True)
class Session:
    """One command's world. *now* and *sleep* are the clock's."""

    transport: Transport
    namespace: str
    out: Output
    kubectl: Kubectl = attrs.field(factory=Kubectl)
    sleep: Callable[[float], None] = time.sleep
    now: Callable[[], float] = time.time
    client: KubeClient = attrs.field(init=False)

    @client.default
    def _client(self) -> KubeClient:
        return KubeClient(self.transport, fence=lambda: None, field_manager=FIELD_MANAGER, timeout=SECONDS)

    def items(self, kind: Kind, *, labels: str = "", fields: str = "") -> list[Object]:
        """Return all objects of *kind* in the namespace."""
        return self._pages(kind, self.namespace, labels=labels, fields=fields)

    def cluster_wide(self, kind: Kind) -> list[Object]:
        """Return all objects of a *kind* that is in no namespace."""
        return self._pages(kind, None)

    def _pages(
        self, kind: Kind, namespace: str | None, *, labels: str = "", fields: str = ""
    ) -> list[Object]:
        found: list[Object] = []
        token = ""
        while True:
            page = self.client.list_page(
                kind, namespace, label_selector=labels, field_selector=fields, continue_token=token
            )
            found.extend(dict(item) for item in page.items)
            token = page.continue_token
            if not token:
                return found

    def owned(self, kind: Kind, cluster: str) -> list[Object]:
        """Return the objects of *kind* that belong to *cluster*."""
        return self.items(kind, labels=f"{kinds.OWNED_SELECTOR},{names.CLUSTER}={cluster}")

    def pods(self) -> list[Object]:
        """Return the pods of all clusters in the namespace."""
        return self.items(kinds.POD, labels=kinds.OWNED_SELECTOR)

    def cluster(self, name: str) -> Object:
        """Return a CassandraCluster; `StopError` names those that there are if it is none of them."""
        try:
            return self.client.get(kinds.CASSANDRA_CLUSTER, self.namespace, name)
        except NotFoundError:
            there = [each["metadata"]["name"] for each in self.items(kinds.CASSANDRA_CLUSTER)]
            known = f"there are {', '.join(sorted(there))}" if there else "there is none there"
            raise StopError(f"No CassandraCluster {name} in namespace {self.namespace}: {known}") from None

    def the_cluster(self, name: str | None) -> Object:
        """Return the CassandraCluster called *name*, or the only one of the namespace."""
        if name is not None:
            return self.cluster(name)
        there = self.items(kinds.CASSANDRA_CLUSTER)
        match there:
            case [only]:
                return only
            case []:
                raise StopError(f"No CassandraCluster in namespace {self.namespace}: choose another with -n")
            case _:
                known = ", ".join(sorted(each["metadata"]["name"] for each in there))
                raise StopError(
                    f"Several CassandraClusters in namespace {self.namespace}: name one of {known}"
                )

    def require_ours(self) -> None:
        """Raise `StopError` if the CRD is CassKop's: its operator knows nothing of what is asked here.

        Who may not read CRDs is let through.
        """
        path = DEFINITION.path(None, f"{kinds.CASSANDRA_CLUSTER.plural}.{kinds.CASSANDRA_CLUSTER.group}")
        answer = self.transport.send(Request(method="GET", path=path, timeout=SECONDS))
        if not isinstance(answer.body, dict) or answer.body.get("kind") != DEFINITION.kind:
            return
        for version in answer.body["spec"].get("versions") or ():
            schema = (version.get("schema") or {}).get("openAPIV3Schema") or {}
            status = (schema.get("properties") or {}).get("status") or {}
            if version.get("name") == kinds.CASSANDRA_CLUSTER.version and "conditions" not in (
                status.get("properties") or {}
            ):
                raise StopError(
                    "the CustomResourceDefinition in this Kubernetes is CassKop's, not ours: install"
                    " manifests/crds and this operator first (docs/takeover.md)"
                )


def serves(pod: Object) -> bool:
    """Tell whether *pod* is Ready to Kubernetes."""
    conditions = (pod.get("status") or {}).get("conditions") or ()
    return any(each["type"] == "Ready" and each["status"] == "True" for each in conditions)
