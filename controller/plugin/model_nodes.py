"""
The Cassandra nodes of a model, as the operator asks them: all answer, and agree on everything.

No keyspace of theirs needs anybody, nothing streams and nobody is at anything. So no proof that only nodes
can give is foretold, and what a forecast takes for granted says so.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from controller.api.v2 import names
from controller.cassandra.jolokia import Endpoint, Jolokia
from controller.cassandra.node import Nodes
from controller.domain.availability import Place
from controller.domain.live import Attribute, Value
from controller.domain.operations.seen import Busy
from controller.domain.ownership import Ownership, Unread
from controller.domain.ring import Mode, Ring, Silent, View
from controller.domain.streaming import Transfer
from controller.kube import kinds
from controller.plugin.model import Model

# What nobody asks for.
_UNTOLD: Final = -12345


class ModelNodes(Nodes):
    """The nodes of a model: they agree on everything, and no keyspace of theirs needs anybody."""

    def __init__(self, model: Model) -> None:
        # It has a client like any other, and never uses it.
        super().__init__(Jolokia.over(), threads=0)
        self._model = model

    def ring(self, endpoints: Mapping[str, Endpoint]) -> Ring:
        """Return what the nodes in *endpoints* say: members are NORMAL, who has left knows it."""
        members = self._model.members()
        host_ids = {ip: self._model.host_id(pod) for pod, ip in members.items()}
        return Ring(
            answers={
                pod: View(
                    mode=Mode.DECOMMISSIONED if pod in self._model.left else Mode.NORMAL,
                    native_transport=True,
                    release_version=self._model.release(pod),
                    host_ids=host_ids,
                )
                for pod in endpoints
            }
        )

    def busy(self, endpoints: Mapping[str, Endpoint]) -> dict[str, Busy | Silent]:
        """Return that no node in *endpoints* is at anything: what was begun has ended."""
        return {pod: Busy() for pod in endpoints}

    def values(
        self, endpoints: Mapping[str, Endpoint], attributes: Sequence[Attribute]
    ) -> dict[str, Mapping[Attribute, Value] | str]:
        """Return what the nodes in *endpoints* were told, and for the rest something else than is wanted."""
        return {
            pod: {each: self._model.told.get(pod, {}).get(each, _UNTOLD) for each in attributes}
            for pod in endpoints
        }

    def transfer(self, endpoint: Endpoint) -> Transfer | None:
        """Return that nothing streams at *endpoint*: it is over by the next look."""
        assert endpoint.host
        return None

    def loads(self, endpoints: Mapping[str, Endpoint]) -> dict[str, int]:
        """Return that the nodes in *endpoints* hold next to nothing: disks are not asked about here."""
        return dict.fromkeys(endpoints, 1)

    def ownership(self, endpoints: Mapping[str, Endpoint]) -> Ownership | Unread:
        """Return a ring in which every node owns something that nobody needs."""
        members = self._model.members()
        places = {}
        for pod, ip in members.items():
            labels = self._model.objects[kinds.POD][pod]["metadata"].get("labels") or {}
            places[ip] = Place(dc=labels.get(names.DC, "dc1"), rack=labels.get(names.RACK, "rack1"))
        if not endpoints:
            return Unread(why="no node serves")
        return Ownership(tokens=dict(enumerate(sorted(places))), places=places, keyspaces=())
