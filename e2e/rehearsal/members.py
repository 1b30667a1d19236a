"""
Who is in the ring, as far as objects tell: pods that are ready, and nodes that status knows by a host id.

Tokens are drawn: nothing tells of them, and no decision hangs on which they are.
"""

from __future__ import annotations

from collections.abc import Iterator
import random
from typing import Final
import uuid

from controller.api.v2 import names
from controller.kube import kinds
from controller.plugin.session import Object
from controller.plugin.world import World
from controller.reconcile import snapshot
from e2e.simcassandra.resume import Member
from e2e.simcassandra.tokens import Place, random_tokens
from e2e.simcontrollers.cassandra_pods import release_of

# So many for each node: as many as it takes to spread data a bit.
_TOKENS: Final = 8


class Members:
    """The members of the ring of *world*, by pod, and which of their pods are *serving*."""

    def __init__(self, world: World, rng: random.Random) -> None:
        self._world = world
        self._rng = rng
        pods = {str(obj["metadata"]["name"]): obj for obj in world.of(kinds.POD)}
        known = (world.cluster.get("status") or {}).get("cassandraNodeStatus") or {}
        self.serving = {name for name, obj in pods.items() if _serves(obj)}
        self._made_up = sorted(n for n in self.serving if not (known.get(n) or {}).get("hostId"))
        self._restarted = sorted(pods.keys() - self.serving)
        self._busy = sorted(name for name, obj in pods.items() if snapshot.pod(obj).operation.running)
        self.by_pod: dict[str, Member] = {}
        racks = {
            (o["metadata"].get("labels") or {}).get(names.DC_RACK): o for o in world.of(kinds.STATEFULSET)
        }
        labels = {f"{o['metadata']['name']}": rack for rack, o in racks.items() if rack}
        for name in sorted(self.serving | {n for n, node in known.items() if node.get("hostId")}):
            rack = labels.get(name.rpartition("-")[0])
            if rack is not None or name in pods:
                self.by_pod[name] = self._member(name, pods.get(name), known.get(name) or {}, str(rack))

    def sizes(self) -> dict[str, int]:
        """Return how many members each data centre has."""
        found: dict[str, int] = {}
        for member in self.by_pod.values():
            found[member.place.datacenter] = found.get(member.place.datacenter, 0) + 1
        return found

    def assumed(self) -> Iterator[str]:
        """Yield what is taken for granted of them."""
        if self.by_pod:
            yield "nodes that are ready know each other, and own about as much as any other"
        if self._made_up:
            yield f"{', '.join(self._made_up)}: members, though no host id is known yet"
        if self._restarted:
            names_of = ", ".join(self._restarted)
            yield f"what keeps {names_of} from being ready is not known: they start anew, where they can"
        if self._busy:
            yield f"operations on {', '.join(self._busy)} are not under way any more"

    def _member(self, name: str, pod: Object | None, known: Object, rack: str) -> Member:
        own = {} if pod is None else pod["metadata"].get("labels") or {}
        dc, _, rest = rack.partition("-")
        containers = () if pod is None else pod["spec"].get("containers") or ()
        image = next((c["image"] for c in containers if c["name"] == names.CASSANDRA), "")
        address = known.get("nodeIp") or "0.0.0.0"  # noqa: S104 -- a member that was never seen anywhere
        if pod is not None and name in self.serving:
            address = pod["status"]["podIP"]
        return Member(
            host_id=known.get("hostId") or str(uuid.UUID(int=self._rng.getrandbits(128), version=4)),
            tokens=random_tokens(self._rng, _TOKENS),
            cluster=self._world.name,
            place=Place(datacenter=own.get(names.DC, dc), rack=own.get(names.RACK, rest)),
            address=str(address),
            release=known.get("releaseVersion") or release_of(image),
        )


def _serves(pod: Object) -> bool:
    """Whether the node in *pod* is a member that serves."""
    state = pod.get("status") or {}
    ending = bool(pod["metadata"].get("deletionTimestamp"))
    # The kubelet of a lost node leaves its containers' states as they were: only the condition is taken back.
    lost = any(c["type"] == "Ready" and c["status"] != "True" for c in state.get("conditions") or ())
    return snapshot.pod(pod).ready and not ending and not lost and bool(state.get("podIP"))
