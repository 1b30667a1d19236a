"""
Cassandra in simulated pods: what the init containers decide, and the node in the container `cassandra`.

Whether a node may start, and with which seeds, is decided by the operator's own `decide_seeds`, from
what the init container `bootstrap` could see. Images are read by their tag, CONFIG_FILE_DATA for the few
settings that the model has. A user's own bootstrap image is taken to behave like the operator's.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
import json
import re
from typing import Any

from controller.bootstrap import seeds as deciding
from controller.bootstrap.seeds import Data, Me, Reach, Seen, Situation
from e2e.simcassandra import resume, shutdown, tunables
from e2e.simcassandra.faults import Faults
from e2e.simcassandra.jolokia import Agents
from e2e.simcassandra.modes import Mode
from e2e.simcassandra.node import Node, NodeConfig
from e2e.simcassandra.releases import Release
from e2e.simcassandra.ring import Ring
from e2e.simcassandra.volume import Volume
from e2e.simcontrollers import objects
from e2e.simcontrollers.client import Client
from e2e.simcontrollers.failing import Failing
from e2e.simcontrollers.objects import CONFIG_MAPS, PODS, Obj
from e2e.simcontrollers.programs import End, Program, Start
from e2e.simcontrollers.view import View

CASSANDRA, BOOTSTRAP, CONFIG_BUILDER = "cassandra", "bootstrap", "config-builder"
_DATA_PATH = "/var/lib/cassandra"
_DC = "cassandraclusters.db.orange.com.dc"
_RACK = "cassandraclusters.db.orange.com.rack"
_CLUSTER = "cassandracluster"
_TAG = re.compile(r":(\d+\.\d+)(\.\d+)?")
_LATEST = {"4.0": "4.0.19", "4.1": "4.1.10", "5.0": "5.0.9"}
# The modes in which the preStop hook drains.
_DRAINABLE = {Mode.NORMAL, Mode.LEAVING, Mode.MOVING, Mode.DECOMMISSION_FAILED}


def release_of(image: str) -> str:
    """Return the Cassandra release that *image*'s tag names; the latest if it names none."""
    found = _TAG.search(image)
    if found is None:
        return _LATEST["5.0"]
    return f"{found[1]}{found[2]}" if found[2] else _LATEST.get(found[1], found[1])


class CassandraPods:
    """The `Programs` of Cassandra pods: their nodes are part of *ring*."""

    def __init__(self, ring: Ring, agents: Agents, client: Client, view: View) -> None:
        self._ring = ring
        self._agents = agents
        self._client = client
        self._view = view
        # Disks by the uid of their claim, or by pod and volume for what lives as long as the pod.
        self.disks: dict[str, Volume] = {}
        # What the init containers left for Cassandra, by pod uid.
        self._seeds: dict[str, tuple[str, ...]] = {}
        self._settings: dict[str, Obj] = {}
        self._replaces: dict[str, str] = {}
        # What runs beside Cassandra, by image; others are always healthy.
        self.beside: dict[str, Callable[[], Program]] = {}

    def init(self, start: Start, waited: float) -> End | None:
        """Do what the init container of this name does."""
        uid = objects.uid(start.pod)
        if start.container == CONFIG_BUILDER:
            return self._configure(uid, start)
        if start.container != BOOTSTRAP:
            return End(code=0)
        replaces = start.environment.get("CASSANDRA_REPLACE_NODE", "") or self._recorded(start)
        decision = deciding.decide_seeds(self._situation(start, waited, bool(replaces)))
        match decision:
            case deciding.Start(seeds=seeds):
                self._seeds[uid] = seeds
                self._replaces[uid] = replaces
                return End(code=0, message=decision.why)
            case deciding.Refuse(why=why):
                return End(code=1, message=why)
            case deciding.WaitForSeeds():
                return None

    def start(self, start: Start) -> Program | None:
        """Start a node in the container `cassandra`, none in a pod for debugging; what is known in others."""
        if start.image in self.beside:
            return self.beside[start.image]()
        command = _container(start.pod, start.container).get("command") or []
        if start.container != CASSANDRA or (command and command[0] != "cassandra"):
            return None
        release = release_of(start.image)
        try:
            Release.parse(release)
        except ValueError as error:
            # One pod that cannot be simulated is not the end of time for all.
            return Failing(self._ring.simulation, str(error))
        node = self._ring.start(start.ip, self._disk(start), self._config(start))
        return NodeProgram(node, self._ring.faults, self._agents)

    def go_on(self, start: Start) -> Program | None:
        """Return the node that serves in the container `cassandra` of a pod that was found running.

        Its disk has to be a member's, see `disk_of`. Of its init containers the settings are noted.
        """
        if start.container == CONFIG_BUILDER:
            self._configure(objects.uid(start.pod), start)
        if start.container != CASSANDRA:
            return None
        node = resume.serving(self._ring, start.ip, self._disk(start), self._config(start))
        return NodeProgram(node, self._ring.faults, self._agents)

    def disk_of(self, claim_uid: str, pod: str) -> Volume:
        """Return the disk of the claim with this uid, which the pod of that name has; a new one is empty."""
        return self.disks.setdefault(claim_uid, Volume(name=f"{pod} {claim_uid}"))

    def forget(self, pod_uid: str) -> None:
        """Forget what was kept for the pod, its own disks included."""
        for kept in (self._seeds, self._settings, self._replaces):
            kept.pop(pod_uid, None)
        self.lose(f"{pod_uid}/")

    def lose(self, key: str) -> None:
        """Destroy the disk of the claim with uid *key*, or all that begin with *key* if it ends in /."""
        for name in [k for k in self.disks if k == key or (key.endswith("/") and k.startswith(key))]:
            self._ring.lose(self.disks.pop(name))

    def address(self, name: str) -> str | None:
        """Return the address that DNS has for `<pod>.<service>.<namespace>`, or for an address itself."""
        pod, _, rest = name.partition(".")
        if pod.isdigit():
            return name
        namespace = rest.split(".")[1] if rest.count(".") else ""
        found = self._view.get(PODS, namespace, pod)
        return None if found is None else objects.status(found).get("podIP")

    def _configure(self, uid: str, start: Start) -> End:
        try:
            given = json.loads(start.environment.get("CONFIG_FILE_DATA") or "{}")
        except ValueError as error:
            return End(code=1, message=f"CONFIG_FILE_DATA is not JSON: {error}")
        self._settings[uid] = given.get("cassandra-yaml") or {}
        return End(code=0)

    def _situation(self, start: Start, waited: float, replacing: bool) -> Situation:  # noqa: FBT001 -- passed on
        pod = start.pod
        names = start.environment.get("CASSANDRA_SEEDS") or ""
        seeds = tuple(name.strip() for name in names.split(",") if name.strip())
        me = Me(pod=objects.name(pod), namespace=objects.namespace(pod), address=start.ip)
        return Situation(
            me=me,
            seeds=seeds,
            data=self._data(start),
            joined=self._joined(pod),
            others={seed: self._seen(seed) for seed in seeds if not me.is_named(seed)},
            replacing=replacing,
            waited=waited,
        )

    def _data(self, start: Start) -> Data:
        """Return what the bootstrap container sees of the disk, if it is mounted there."""
        mounts = _container(start.pod, BOOTSTRAP).get("volumeMounts") or []
        if not any(mount["mountPath"] == _DATA_PATH for mount in mounts):
            return Data.UNKNOWN
        return Data.NONE if self._disk(start).empty else Data.PRESENT

    def _recorded(self, start: Start) -> str:
        """Return the address of the dead node whose place the pod takes by the operator's record, or ""."""
        if self._data(start) is not Data.NONE:
            return ""
        told = json.loads(self._record(start.pod).get("replaces") or "{}")
        return str(told.get(objects.name(start.pod), ""))

    def _joined(self, pod: Mapping[str, Any]) -> tuple[str, ...] | None:
        """Return the record of members that is mounted into the bootstrap container."""
        joined = json.loads(self._record(pod).get("joined") or "null")
        return None if joined is None else tuple(joined)

    def _record(self, pod: Mapping[str, Any]) -> Obj:
        """Return the data of the ring's ConfigMap, if it is mounted into the bootstrap container."""
        mounted = {m["name"] for m in _container(pod, BOOTSTRAP).get("volumeMounts") or []}
        record = f"{objects.labels(pod).get(_CLUSTER)}-ring"
        for volume in objects.spec(pod).get("volumes") or []:
            if volume["name"] in mounted and (volume.get("configMap") or {}).get("name") == record:
                found = self._client.get(CONFIG_MAPS, objects.namespace(pod), record)
                return dict((found or {}).get("data") or {})
        return {}

    def _seen(self, seed: str) -> Seen:
        address = self.address(seed)
        if address is None:
            return Seen(reach=Reach.UNRESOLVED)
        agent = self._agents.at(address)
        if agent is None or not agent.responsive:
            return Seen(reach=Reach.SILENT)
        if not agent.sound:
            return Seen(reach=Reach.ANSWERS, mode="it answers no JSON")
        if not agent.node.registered:
            return Seen(reach=Reach.ANSWERS, mode="Cassandra is not up in it yet")
        return Seen(reach=Reach.ANSWERS, mode=agent.node.mode.value)

    def _disk(self, start: Start) -> Volume:
        """Return the disk that Cassandra's data is on; without a volume it goes with the pod."""
        mounts = _container(start.pod, CASSANDRA).get("volumeMounts") or []
        name = next((m["name"] for m in mounts if m["mountPath"] == _DATA_PATH), "container")
        key = start.claims.get(name) or f"{objects.uid(start.pod)}/{name}"
        if key not in self.disks:
            self.disks[key] = Volume(name=f"{objects.name(start.pod)} {key}")
        return self.disks[key]

    def _config(self, start: Start) -> NodeConfig:
        pod, uid = start.pod, objects.uid(start.pod)
        settings = self._settings.get(uid, {})
        names = self._seeds.get(uid) or (objects.name(pod),)

        def resolve() -> tuple[str, ...]:
            seeds = [start.ip if self._is_me(pod, n, start.ip) else self.address(n) for n in names]
            return tuple(seed for seed in seeds if seed is not None)

        name, service = objects.name(pod), objects.spec(pod).get("subdomain") or ""
        return NodeConfig(
            cluster_name=objects.labels(pod).get(_CLUSTER, "cassandra"),
            datacenter=objects.labels(pod).get(_DC, "dc1"),
            rack=objects.labels(pod).get(_RACK, "rack1"),
            seeds=resolve(),
            resolve=resolve,
            release=release_of(start.image),
            num_tokens=int(settings.get("num_tokens") or 8),
            auto_bootstrap=settings.get("auto_bootstrap") is not False,
            storage_compatibility=str(settings.get("storage_compatibility_mode") or "CASSANDRA_4"),
            replace_address=self._replaces.get(uid) or None,
            hostname=f"{name}.{service}.{objects.namespace(pod)}.svc.cluster.local",
            tunables=tunables.from_yaml(settings),
            jolokia_user=start.environment.get("JOLOKIA_USER"),
            jolokia_password=start.environment.get("JOLOKIA_PASSWORD"),
        )

    def _is_me(self, pod: Mapping[str, Any], name: str, ip: str) -> bool:
        me = Me(pod=objects.name(pod), namespace=objects.namespace(pod), address=ip)
        return me.is_named(name)


class NodeProgram:
    """A simulated node as a `Program`; its probes go through its agent, as the real ones do."""

    def __init__(self, node: Node, faults: Faults, agents: Agents) -> None:
        self.node = node
        self._faults = faults
        self._agents = agents

    @property
    def started(self) -> bool:
        """Past STARTING: a node that joins counts."""
        return self._answers_soundly() and self.node.mode is not Mode.STARTING

    @property
    def ready(self) -> bool:
        """A member that serves clients."""
        return self._answers_soundly() and self.node.mode is Mode.NORMAL and self.node.native_transport

    @property
    def live(self) -> bool:
        """Its agent answers anything at all."""
        agent = self._agents.at(self.node.address)
        return agent is not None and agent.responsive

    def on_change(self, listener: Callable[[], None]) -> None:
        """Call *listener* when the node or a fault of its agent changes."""
        self.node.on_change(listener)

        def at(address: str) -> None:
            if address == self.node.address and self.node.running:
                listener()

        self._faults.on_change(at)

    def on_end(self, listener: Callable[[End], None]) -> None:
        """Call *listener* when the process ends."""
        self.node.on_exit(lambda e: listener(End(code=e.code, message=e.message)))

    def pre_stop(self, done: Callable[[], None]) -> None:
        """Drain a node that can be drained."""
        agent = self._agents.at(self.node.address)
        if self.node.mode in _DRAINABLE and agent is not None and agent.sound:
            shutdown.drain(self.node).then(lambda _: done())
        else:
            done()

    def terminate(self) -> None:
        """Stop the process in good order."""
        if self.node.running:
            shutdown.terminate(self.node)

    def kill(self) -> None:
        """End the process at once."""
        if self.node.running:
            shutdown.kill(self.node)

    def _answers_soundly(self) -> bool:
        agent = self._agents.at(self.node.address)
        return agent is not None and agent.sound and self.node.registered


def _container(pod: Mapping[str, Any], name: str) -> Obj:
    spec = objects.spec(pod)
    for container in [*(spec.get("initContainers") or []), *(spec.get("containers") or [])]:
        if container["name"] == name:
            found: Obj = container
            return found
    return {}
