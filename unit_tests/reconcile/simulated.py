"""The operator in a simulated Kubernetes with simulated Cassandra nodes, and what tests ask of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from structlog.testing import capture_logs
from structlog.typing import EventDict

from controller.domain.errors import NotFoundError
from controller.kube import kinds
from controller.kube.kinds import Kind
from controller.kube.transport import Request
from e2e.providers.sim import SimCluster
from unit_tests.executors.stage import NAMESPACE, OPERATOR, Json, cluster_json

RACK = "dc1-rack1"
ONE_RACK = {"dc": [{"name": "dc1", "rack": [{"name": "rack1"}]}]}
LOGIN = {"username": "casskop", "password": "a-password"}


def small(name: str = "cc", **spec: Any) -> Json:
    """Return a cluster of one node, with *spec* over its own."""
    return cluster_json(name, **{"nodesPerRacks": 1, **spec})


def began(*clusters: Json, seed: int = 0) -> SimCluster:
    """Return a world in which *clusters* were just created."""
    world = SimCluster(seed)
    for each in clusters:
        world.apply(each)
    return world


def ready(world: SimCluster, name: str = "cc", *, seconds: float = 300) -> float:
    """Let time pass until the cluster is Ready; return how long that took, in simulated seconds."""
    start = world.simulation.now
    wait(world, name, "Ready", "True", seconds=seconds)
    return world.simulation.now - start


def wait(world: SimCluster, name: str, kind: str, status: str, *, seconds: float = 60) -> Json:
    """Let time pass until a condition has *status* for the newest spec, and return it."""

    def probe() -> bool:
        found = world.condition(name, kind)
        generation = world.cluster(name)["metadata"]["generation"]
        return bool(found["status"] == status and found.get("observedGeneration") == generation)

    world.run_until(probe, seconds=seconds, what=f"{kind} of {name} is {status}")
    return world.condition(name, kind)


def stored(world: SimCluster, kind: Kind, name: str) -> Json | None:
    """Return an object as it is stored, None if there is none."""
    try:
        return world.client.get(kind, NAMESPACE, name)
    except NotFoundError:
        return None


def there(world: SimCluster, kind: Kind, name: str) -> Json:
    """Return an object that must be there."""
    found = stored(world, kind, name)
    assert found is not None, f"there is no {kind.kind} {name}"
    return found


def patch(world: SimCluster, kind: Kind, name: str, body: Mapping[str, Any]) -> None:
    """Merge *body* into an object, as a user does."""
    headers = {"Content-Type": "application/merge-patch+json"}
    request = Request(method="PATCH", path=kind.path(NAMESPACE, name), headers=headers, body=body)
    answer = world.transport.send(request)
    assert answer.status < 300, answer.body


def remove(world: SimCluster, kind: Kind, name: str, **options: Any) -> None:
    """Delete an object, as a user does."""
    uid = there(world, kind, name)["metadata"]["uid"]
    world.client.delete(kind, NAMESPACE, name, uid=uid, **options)


def secret(world: SimCluster, **data: str) -> None:
    """Create the Secret `login` with *data*."""
    world.apply({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "login"}, "stringData": data})


def pods(world: SimCluster) -> dict[str, str]:
    """Return the uid of each pod by name."""
    items = world.client.list_page(kinds.POD, NAMESPACE).items
    return {pod["metadata"]["name"]: pod["metadata"]["uid"] for pod in items}


def address(world: SimCluster, pod: str) -> str:
    """Return the IP address of a pod."""
    return str(there(world, kinds.POD, pod)["status"]["podIP"])


def writes(world: SimCluster) -> int:
    """How many writes the operator has sent so far, in all its lives, events among them."""
    return world.server.faults.writes[OPERATOR]


def lasting_writes(world: SimCluster, first: int) -> list[int]:
    """Return the numbers of the writes after the *first* ones, but for events, which may be lost."""
    calls = [record.call for record in world.server.faults.log if record.call.client == OPERATOR]
    return [i for i, call in enumerate(calls, start=1) if i > first and call.kind != "events"]


def warnings(world: SimCluster, reason: str) -> list[Json]:
    """Return the events of type Warning with *reason*."""
    items = world.client.list_page(kinds.EVENT, NAMESPACE).items
    return [dict(e) for e in items if e["type"] == "Warning" and e["reason"] == reason]


def passes(world: SimCluster, seconds: float) -> Iterator[EventDict]:
    """Let *seconds* pass and yield the line of each reconcile, but of those that only waited for stores."""
    with capture_logs() as lines:
        world.run(seconds)
    for line in lines:
        if line["event"] == "reconciled" and "stores do not show" not in line["why"]:
            yield line
