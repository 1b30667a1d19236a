"""
A simulation that begins where a cluster is: its objects, its Kubernetes nodes, its ring.

Pods that are ready go on as members of the ring that serve; all others start anew. What cannot be known
from objects is made up and told, in `assumed`: tokens, keyspaces, what nodes are at.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

import attrs

from controller.api.v2 import names
from controller.kube import kinds
from controller.plugin.surroundings import VOLUME
from controller.plugin.world import OWNED, World
from e2e.providers.sim import Home, SimCluster
from e2e.rehearsal import machines, stored
from e2e.rehearsal.members import Members
from e2e.simcassandra import resume
from e2e.simcassandra.keyspaces import Keyspace, Schema
from e2e.simcassandra.pace import RingPace
from e2e.simcassandra.tokens import NetworkTopology
from e2e.simcontrollers import objects
from e2e.simcontrollers.images import Images
from e2e.simcontrollers.pace import Pace
from e2e.simtime import EPOCH

Object = dict[str, Any]

ASSUMED_KEYSPACE: Final = "assumed_data"
_PULLING: Final = frozenset({"ImagePullBackOff", "ErrImagePull", "InvalidImageName"})
# Base64 of "-": nobody's login is read.
_LOGIN: Final = {"username": "LQ==", "password": "LQ=="}


def images_of(world: World, *, unknown: frozenset[str]) -> Images:
    """Return the images that can be had: all but those that are *unknown*, or that some pod cannot pull."""
    missing = set(unknown)
    for pod in world.of(kinds.POD):
        state = pod.get("status") or {}
        for part in ("initContainerStatuses", "containerStatuses"):
            for each in state.get(part) or ():
                waiting = (each.get("state") or {}).get("waiting") or {}
                if waiting.get("reason") in _PULLING and each.get("image"):
                    missing.add(each["image"])
    return Images(unknown=missing)


def home_of(world: World, now: float) -> Home:
    """Return where the operator of *world* lives; time goes on from when the world was read."""
    began = max(EPOCH, world.taken if world.taken is not None else now)
    return Home(namespace=world.namespace, image=world.image or "casskop", began=began, empty=True)


def pace() -> Pace:
    """Return how long things take: as Cassandra's own settings have it."""
    return Pace(ring=RingPace.stock())


@attrs.frozen
class Model:
    """Puts *world* into the empty *cluster*; there are *copies* of all data in each data centre."""

    cluster: SimCluster
    world: World
    copies: int
    assumed: list[str] = attrs.field(factory=list)

    def furnish(self, spec: Mapping[str, Any], *, exists: bool) -> None:
        """Put everything in, so that nothing has happened yet; *spec* is what will be asked for.

        The cluster *exists*, or it is only about to be made.
        """
        self._surround(spec)
        if exists:
            self._put(kinds.CASSANDRA_CLUSTER.plural, "db.orange.com", self.world.cluster)
        for kind in OWNED:
            for obj in self.world.of(kind):
                self._put(kind.plural, kind.group, obj)
        self._revisions()
        self._logins(spec)
        self._ring()

    def start(self) -> None:
        """Let the operator begin."""
        self.cluster.start_operator()

    def _put(self, plural: str, group: str, obj: Mapping[str, Any]) -> None:
        metadata = {**obj["metadata"], "namespace": self.world.namespace}
        stored.put(self.cluster.server, (group, plural), {**obj, "metadata": metadata})

    def _surround(self, spec: Mapping[str, Any]) -> None:
        """Put in nodes, volumes and classes of volumes, or what stands for those that nobody may see."""
        controllers, unread = self.cluster.controllers, self.world.unread
        nodes = self.world.of(kinds.NODE)
        if not nodes:
            nodes = machines.made_up(self.world, spec)
            why = unread.get(kinds.NODE.plural, "it holds none")
            self.assumed.append(f"there are Kubernetes nodes enough, with the labels that racks want: {why}")
        for node in nodes:
            machines.add(controllers, node)
        for volume in self.world.of(VOLUME):
            stored.put(self.cluster.server, (VOLUME.group, VOLUME.plural), volume)
        classes = self.world.of(kinds.STORAGE_CLASS)
        for each in classes:
            stored.put(self.cluster.server, ("storage.k8s.io", kinds.STORAGE_CLASS.plural), each)
        if not classes:
            self.assumed.append("every StorageClass exists and lets volumes grow")
            used = {
                (c["spec"] or {}).get("storageClassName")
                for c in self.world.of(kinds.PERSISTENT_VOLUME_CLAIM)
            }
            used |= set(_classes(spec))
            for name in sorted(name for name in used if name):
                controllers.add_class(name)
            controllers.add_class("made-up-default", default=True)

    def _revisions(self) -> None:
        """Put in what pods were made from; the newest of a rack is its template, however it was written."""
        newest = {
            (obj.get("status") or {}).get("updateRevision"): obj for obj in self.world.of(kinds.STATEFULSET)
        }
        numbers = {str(obj["metadata"]["name"]): obj for obj in self.world.of(kinds.CONTROLLER_REVISION)}
        for name, obj in sorted(numbers.items()):
            rack = newest.get(name)
            status = {} if rack is None else rack.get("status") or {}
            seen = rack is not None and status.get("observedGeneration") == rack["metadata"].get("generation")
            data = obj.get("data")
            if rack is not None and seen:
                data = {"spec": {"template": {**rack["spec"]["template"], "$patch": "replace"}}}
            self._put(kinds.CONTROLLER_REVISION.plural, "apps", {"revision": 1, **obj, "data": data})

    def _logins(self, spec: Mapping[str, Any]) -> None:
        """Put in the Secrets that are there, with some login; their contents were never read."""
        there = self.world.of(kinds.SECRET)
        if kinds.SECRET.plural in self.world.unread:
            there = tuple(self._unseen_login(spec))
        for each in there:
            self._put(kinds.SECRET.plural, "", {**each, "data": _LOGIN, "type": "Opaque"})

    def _unseen_login(self, spec: Mapping[str, Any]) -> Iterator[Object]:
        """Yield the Secret that nobody may see, if nodes ask for its login: a named or a generated one."""
        name, uid = (spec.get("imageJolokiaSecret") or {}).get("name"), None
        if not name:
            noted = [(pod["metadata"].get("annotations") or {}) for pod in self.world.of(kinds.POD)]
            uid = next((each[names.LOGIN] for each in noted if names.LOGIN in each), None)
            name = names.jolokia_secret(self.world.name) if uid else None
        if name:
            self.assumed.append(f"the Secret {name} is there, with a login")
            owner = names.owner(self.world.name, str(self.world.cluster["metadata"].get("uid")))
            labels = names.cluster_labels(self.world.name)
            own: Object = {"uid": uid, "labels": labels, "ownerReferences": [owner]} if uid else {}
            yield {"metadata": {"name": name, **own}}

    def _ring(self) -> None:
        """Let members go on: those whose pods are ready serve, the disks of the others remember them."""
        controllers = self.cluster.controllers
        controllers.view.refresh()
        members = Members(self.world, self.cluster.simulation.random)
        schema = self._schema(members)
        claims = {str(c["metadata"]["name"]): c for c in controllers.view.all(objects.CLAIMS)}
        for pod, member in members.by_pod.items():
            claim = claims.get(names.claim(names.DATA, pod))
            if claim is not None:
                disk = controllers.pods.disk_of(objects.uid(claim), pod)
                resume.remember(disk, member, schema)
        for found in controllers.view.all(objects.PODS, self.world.namespace):
            if objects.name(found) in members.serving:
                controllers.kubelets.go_on(found)
        away = [member for pod, member in members.by_pod.items() if pod not in members.serving]
        resume.acquaint(controllers.ring.nodes(), away)
        for node in machines.silent(self.world):
            controllers.nodes.power_off(node)
        self.assumed.extend(members.assumed())

    def _schema(self, members: Members) -> Schema:
        factors = {dc: min(self.copies, size) for dc, size in members.sizes().items() if self.copies}
        schema = Schema.first()
        if not factors:
            return schema
        said = ", ".join(f"{number} in {dc}" for dc, number in sorted(factors.items()))
        self.assumed.append(
            f"every piece of data has so many copies: {said} (--copies); there is little of it"
        )
        keyspace = Keyspace(
            name=ASSUMED_KEYSPACE, replication=NetworkTopology(factors=factors), tables=("data",)
        )
        return schema.having(keyspace)


def _classes(spec: Mapping[str, Any]) -> Iterator[str]:
    """Yield the StorageClasses that a spec names."""
    for part in (spec, *((spec.get("topology") or {}).get("dc") or ())):
        if part.get("dataStorageClass"):
            yield str(part["dataStorageClass"])
