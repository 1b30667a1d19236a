"""A simulated cluster whose containers do as they are told, and the few things that tests ask of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import attrs

from controller.kube.transport import Request, Response
from e2e.simcontrollers import objects
from e2e.simcontrollers.assembly import Controllers
from e2e.simcontrollers.images import Images
from e2e.simcontrollers.objects import (
    BUDGETS,
    CLAIMS,
    EVENTS,
    NODES,
    PODS,
    REVISIONS,
    SETS,
    VOLUMES,
    Kind,
)
from e2e.simcontrollers.pace import Pace
from e2e.simcontrollers.programs import End, Program, Start
from e2e.simkube.api import ApiServer
from e2e.simkube.inprocess import InProcess
from e2e.simtime import Simulation

Obj = dict[str, Any]
NAMESPACE = "test"
ZONES = ("a", "b", "c")


class Scripted:
    """A container that is as healthy as it is told to be, and ends when told, or in *lasts* seconds."""

    def __init__(self, simulation: Simulation, script: Script) -> None:
        self._simulation = simulation
        self._script = script
        self._changed: list[Callable[[], None]] = []
        self._ended: list[Callable[[End], None]] = []
        self._over = False
        if script.lasts is not None:
            simulation.after(script.lasts, lambda: self._end(script.end))

    @property
    def started(self) -> bool:
        """What a startup probe finds."""
        return self._script.started

    @property
    def ready(self) -> bool:
        """What a readiness probe finds."""
        return self._script.ready

    @property
    def live(self) -> bool:
        """What a liveness probe finds."""
        return self._script.live

    def on_change(self, listener: Callable[[], None]) -> None:
        """Call *listener* when `poke` is."""
        self._changed.append(listener)

    def on_end(self, listener: Callable[[End], None]) -> None:
        """Call *listener* at the end."""
        self._ended.append(listener)

    def poke(self) -> None:
        """Say that the script changed."""
        for listener in list(self._changed):
            listener()

    def pre_stop(self, done: Callable[[], None]) -> None:
        """Take as long as the script says."""
        self._script.log.append("preStop")
        self._simulation.after(self._script.pre_stop, done)

    def terminate(self) -> None:
        """End after as long as the script says; None: it does not listen."""
        self._script.log.append("TERM")
        if self._script.stops_in is not None:
            self._simulation.after(self._script.stops_in, lambda: self._end(End(code=143)))

    def kill(self) -> None:
        """End at once."""
        if not self._over:
            self._script.log.append("KILL")
        self._end(End(code=137))

    def _end(self, end: End) -> None:
        if not self._over:
            self._over = True
            for listener in list(self._ended):
                listener(end)


@attrs.define(kw_only=True)
class Script:
    """How the containers of one name behave."""

    started: bool = True
    ready: bool = True
    live: bool = True
    # Seconds until it ends by itself, and how; None: never.
    lasts: float | None = None
    end: End = attrs.field(factory=lambda: End(code=1))
    pre_stop: float = 0.0
    stops_in: float | None = 0.5
    # What was done to it, in order.
    log: list[str] = attrs.field(factory=list)


class Programs:
    """Runs `scripts` by the name of the pod and of the container, `<pod>/<container>` or `<container>`."""

    def __init__(self, simulation: Simulation) -> None:
        self._simulation = simulation
        self.scripts: dict[str, Script] = {}
        self.running: list[tuple[str, Scripted]] = []
        self.starts: list[Start] = []
        # How init containers end, by name; those that are not here end well at once.
        self.inits: dict[str, Callable[[float], End | None]] = {}

    def script(self, name: str) -> Script:
        """Return the script of *name*, to be changed."""
        return self.scripts.setdefault(name, Script())

    def poke(self) -> None:
        """Say that scripts have changed."""
        for _, program in list(self.running):
            program.poke()

    def init(self, start: Start, waited: float) -> End | None:
        """Do what `inits` says."""
        self.starts.append(start)
        found = self.inits.get(start.container)
        return End(code=0) if found is None else found(waited)

    def start(self, start: Start) -> Program | None:
        """Start the script that fits best, or something that just runs."""
        self.starts.append(start)
        exact = f"{objects.name(start.pod)}/{start.container}"
        script = self.scripts.get(exact) or self.scripts.get(start.container)
        if script is None:
            return None
        program = Scripted(self._simulation, script)
        self.running.append((exact, program))
        return program

    def go_on(self, start: Start) -> Program | None:
        """Return what runs in a container that was found running."""
        return self.start(start)

    def forget(self, pod_uid: str) -> None:
        """Nothing is kept."""


class World:
    """Three nodes in three zones, a namespace, a default storage class, and nobody's operator.

    With *cassandra*, containers of that name run a simulated node in place of a script.
    """

    def __init__(
        self,
        seed: int = 0,
        *,
        pace: Pace | None = None,
        images: Images | None = None,
        cassandra: bool = False,
    ) -> None:
        self.simulation = Simulation(seed)
        self.server = ApiServer(self.simulation)
        self.transport = InProcess(self.server, agent="user")
        self.programs = Programs(self.simulation)
        self.controllers = Controllers(
            InProcess(self.server, agent="controllers"),
            self.simulation,
            pace=pace,
            images=images,
            open_watch=self.server.open_watch,
            programs=None if cassandra else self.programs,
        )
        self.server.on_change(self.controllers.loop.wake)
        self.send("POST", "/api/v1/namespaces", {"metadata": {"name": NAMESPACE}})
        account = {"metadata": {"name": "default"}}
        self.transport.send(
            Request(method="POST", path=f"/api/v1/namespaces/{NAMESPACE}/serviceaccounts", body=account)
        )
        for letter in ZONES:
            zone = {"topology.kubernetes.io/zone": f"zone-{letter}"}
            self.controllers.nodes.add(f"node-{letter}", labels=zone)
        self.controllers.add_class("standard", default=True)
        self.run(1)

    def send(self, method: str, path: str, body: Any = None, *, status: int | None = None) -> Obj:
        """Send a request and return its answer; it has to have *status*, None: to succeed."""
        answer = self.ask(method, path, body)
        fits = answer.status < 300 if status is None else answer.status == status
        assert fits, f"{method} {path}: {answer.status} {answer.body}"
        return dict(answer.body or {})

    def ask(self, method: str, path: str, body: Any = None) -> Response:
        """Send a request and return its answer, whatever it is; a patch is a merge patch."""
        headers = {"Content-Type": "application/merge-patch+json"} if method == "PATCH" else {}
        return self.transport.send(Request(method=method, path=path, body=body, headers=headers))

    def create(self, kind: Kind, name: str, **fields: Any) -> Obj:
        """Create an object; *fields* beside the name are its own, `metadata` is added to."""
        metadata = {**fields.pop("metadata", {}), "name": name}
        body = {"apiVersion": kind.api_version, "kind": kind.kind, "metadata": metadata, **fields}
        return self.send("POST", kind.path(NAMESPACE), body)

    def patch(self, kind: Kind, name: str, **fields: Any) -> Obj:
        """Merge *fields* into an object."""
        return self.send("PATCH", kind.path(NAMESPACE, name), fields)

    def patch_status(self, pod: str, status: Obj) -> Obj:
        """Merge *status* into a pod's status, as a kubelet would."""
        return self.send("PATCH", PODS.path(NAMESPACE, pod, "status"), {"status": status})

    def delete(self, kind: Kind, name: str, **options: Any) -> None:
        """Delete an object; *options* are those of DeleteOptions."""
        self.send("DELETE", kind.path(NAMESPACE, name), {"kind": "DeleteOptions", **options})

    def get(self, kind: Kind, name: str) -> Obj:
        """Return an object, an empty one if it is not there."""
        answer = self.ask("GET", kind.path(NAMESPACE, name))
        return dict(answer.body) if answer.status == 200 else {}

    def all(self, kind: Kind) -> list[Obj]:
        """Return all objects of a kind, by name."""
        items = self.send("GET", kind.path(NAMESPACE)).get("items") or []
        return sorted(items, key=objects.name)

    def names(self, kind: Kind) -> list[str]:
        """Return the names of all objects of a kind."""
        return [objects.name(one) for one in self.all(kind)]

    def run(self, seconds: float) -> None:
        """Let *seconds* pass."""
        self.simulation.run_until(self.simulation.now + seconds)

    def wait(self, condition: Callable[[], bool], *, seconds: float = 600.0) -> float:
        """Let time pass until *condition* holds, and return how long that took."""
        began = self.simulation.now
        while not condition():
            due = self.simulation.next_due()
            assert due is not None, "nothing will ever happen any more"
            assert due <= began + seconds, f"not within {seconds:g} s"
            self.simulation.step()
        return self.simulation.now - began

    def ready(self) -> list[str]:
        """Return the names of the pods that are ready."""
        return [objects.name(pod) for pod in self.all(PODS) if objects.ready(pod)]

    def pod_status(self, name: str) -> Obj:
        """Return the status of a pod."""
        return objects.status(self.get(PODS, name))

    def condition(self, name: str, kind: str, *, of: Kind = PODS) -> Mapping[str, Any]:
        """Return a condition of a pod or of *of*, an empty one if there is none."""
        return objects.condition(self.get(of, name), kind) or {}

    def container(self, pod: str, name: str, *, init: bool = False) -> Obj:
        """Return the status of a container, an empty one if there is none."""
        which = "initContainerStatuses" if init else "containerStatuses"
        for one in self.pod_status(pod).get(which) or []:
            if one["name"] == name:
                return dict(one)
        return {}

    def waiting(self, pod: str, name: str = "c", *, init: bool = False) -> tuple[str, str]:
        """Return reason and message of a container that waits, empty ones if it does not."""
        state = (self.container(pod, name, init=init).get("state") or {}).get("waiting") or {}
        return state.get("reason", ""), state.get("message", "")

    def events(self, name: str) -> list[tuple[str, str]]:
        """Return (reason, message) of all events about an object, oldest first."""
        found = [e for e in self.all(EVENTS) if e["involvedObject"]["name"] == name]
        found.sort(key=lambda e: (e["firstTimestamp"], int(objects.meta(e)["resourceVersion"])))
        return [(e["reason"], e["message"]) for e in found]

    def revision(self, pod: str) -> str:
        """Return the revision that a pod was made from."""
        return str(objects.labels(self.get(PODS, pod))["controller-revision-hash"])

    def image(self, pod: str) -> str:
        """Return the image of a pod's first container."""
        return str(objects.spec(self.get(PODS, pod))["containers"][0]["image"])

    def node(self, pod: str) -> str:
        """Return the node that a pod is bound to, empty if to none."""
        return str(objects.spec(self.get(PODS, pod)).get("nodeName") or "")


def container(name: str = "c", **fields: Any) -> Obj:
    """Return a container."""
    return {"name": name, "image": "app:1", **fields}


def pod_spec(**fields: Any) -> Obj:
    """Return the spec of a pod with one container, or with *fields*."""
    return {"containers": [container()], **fields}


def probe(**fields: Any) -> Obj:
    """Return a probe each second."""
    return {"exec": {"command": ["true"]}, "periodSeconds": 1, **fields}


def stateful_set(
    replicas: int = 3, *, image: str = "app:1", claims: bool = False, app: str = "s", **spec: Any
) -> Obj:
    """Return the spec of a StatefulSet whose pods have a readiness probe; *spec* goes over it."""
    made = container(image=image, readinessProbe=probe())
    if claims:
        made["volumeMounts"] = [{"name": "data", "mountPath": "/data"}]
        spec["volumeClaimTemplates"] = [
            {"metadata": {"name": "data", "labels": {"kept": "yes"}}, "spec": claim_spec()}
        ]
    return {
        "serviceName": app,
        "replicas": replicas,
        "selector": {"matchLabels": {"app": app}},
        "template": {"metadata": {"labels": {"app": app}}, "spec": {"containers": [made]}},
        **spec,
    }


def claim_spec(size: str = "1Gi", **fields: Any) -> Obj:
    """Return the spec of a claim."""
    return {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": size}}, **fields}


__all__ = [
    "BUDGETS",
    "CLAIMS",
    "NODES",
    "PODS",
    "REVISIONS",
    "SETS",
    "VOLUMES",
    "Programs",
    "Script",
    "World",
    "claim_spec",
    "container",
    "pod_spec",
    "probe",
    "stateful_set",
]
