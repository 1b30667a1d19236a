"""
StatefulSets: which pods there are, in which order they come and go, and their claims.

What is stated here was checked on Kubernetes 1.34.
"""

from __future__ import annotations

from typing import Any

import pytest

from e2e.simcontrollers import objects
from unit_tests.simcontrollers.world import CLAIMS, PODS, SETS, World, claim_spec, stateful_set

PARALLEL: dict[str, Any] = {"podManagementPolicy": "Parallel"}


def settled(world: World, replicas: int, name: str = "s") -> None:
    """Wait until the set has so many pods, all ready, and says so."""

    def there() -> bool:
        status = objects.status(world.get(SETS, name))
        wanted = (status.get("replicas") or 0) == (status.get("readyReplicas") or 0) == replicas
        return wanted and len(world.all(PODS)) == replicas

    world.wait(there)


def made(replicas: int = 3, **spec: Any) -> World:
    """Return a world with the settled set `s`."""
    world = World()
    world.create(SETS, "s", spec=stateful_set(replicas, **spec))
    settled(world, replicas)
    return world


def test_ordered_pods_come_one_after_the_other() -> None:
    """The next one is made when the one before it is ready, not earlier."""
    world = World()
    script = world.programs.script("c")
    script.ready = False
    world.create(SETS, "s", spec=stateful_set(3))
    world.run(60)
    assert world.names(PODS) == ["s-0"]

    script.ready = True
    world.programs.poke()
    world.wait(lambda: world.ready() == ["s-0", "s-1", "s-2"])
    times = [objects.seconds(objects.meta(pod)["creationTimestamp"]) for pod in world.all(PODS)]
    assert times == sorted(set(times))


def test_parallel_pods_come_at_once() -> None:
    """Whether or not any of them gets ready."""
    world = World()
    world.programs.script("c").ready = False
    world.create(SETS, "s", spec=stateful_set(3, **PARALLEL))
    world.run(1)

    assert world.names(PODS) == ["s-0", "s-1", "s-2"]
    assert len({objects.meta(pod)["creationTimestamp"] for pod in world.all(PODS)}) == 1


def test_pods_carry_name_index_and_revision() -> None:
    """In labels; the host name is the pod's, the subdomain the service's, the owner the set."""
    world = made(2)
    pod, found = world.get(PODS, "s-1"), world.get(SETS, "s")

    assert objects.labels(pod) == {
        "app": "s",
        "apps.kubernetes.io/pod-index": "1",
        "statefulset.kubernetes.io/pod-name": "s-1",
        "controller-revision-hash": objects.status(found)["updateRevision"],
    }
    assert (pod["spec"]["hostname"], pod["spec"]["subdomain"]) == ("s-1", "s")
    (owner,) = objects.meta(pod)["ownerReferences"]
    assert (owner["kind"], owner["uid"], owner["controller"]) == ("StatefulSet", objects.uid(found), True)


def test_ordinals_may_begin_elsewhere() -> None:
    """`ordinals.start` moves all of them."""
    world = World()
    world.create(SETS, "s", spec=stateful_set(2, ordinals={"start": 5}))
    world.wait(lambda: len(world.ready()) == 2)

    assert world.names(PODS) == ["s-5", "s-6"]


def test_ordered_scale_down_takes_the_last_pod_first() -> None:
    """One at a time: the next goes when the one before is gone."""
    world = made(4)
    world.programs.script("c")
    world.patch(SETS, "s", spec={"replicas": 1})
    seen: list[list[tuple[str, bool]]] = []

    def look() -> bool:
        now = [(objects.name(pod), objects.terminating(pod)) for pod in world.all(PODS)]
        if not seen or seen[-1] != now:
            seen.append(now)
        return len(now) == 1

    world.wait(look)
    stopping = [[name for name, ending in now if ending] for now in seen]
    assert all(len(names) <= 1 for names in stopping)
    assert list(dict.fromkeys(name for names in stopping for name in names)) == ["s-3", "s-2", "s-1"]


def test_parallel_scale_down_takes_all_at_once() -> None:
    """All that are too many are stopped in the same look."""
    world = World()
    world.programs.script("c").stops_in = 20
    world.create(SETS, "s", spec=stateful_set(4, **PARALLEL))
    settled(world, 4)
    world.patch(SETS, "s", spec={"replicas": 1})
    world.run(2)

    assert [objects.terminating(pod) for pod in world.all(PODS)] == [False, True, True, True]
    settled(world, 1)


@pytest.mark.parametrize(
    ("policy", "left"), [("OrderedReady", ["s-0", "s-1", "s-2"]), ("Parallel", ["s-0", "s-1"])]
)
def test_an_unready_pod_stops_an_ordered_scale_down(policy: str, left: list[str]) -> None:
    """Any of the pods that stay, for as long as it is not ready; a parallel set does not care."""
    world = World()
    world.create(SETS, "s", spec=stateful_set(3, podManagementPolicy=policy))
    settled(world, 3)
    world.programs.script("s-1/c").ready = False
    world.delete(PODS, "s-1")
    world.wait(lambda: world.ready() == ["s-0", "s-2"] and len(world.all(PODS)) == 3)
    world.patch(SETS, "s", spec={"replicas": 2})
    world.run(300)

    assert world.names(PODS) == left


def test_condemned_pods_that_are_unready_wait_for_each_other() -> None:
    """Of those that are too many, only the lowest may go unready: the last one waits until it is well."""
    world = World()
    scripts = [world.programs.script(f"s-{number}/c") for number in (2, 3)]
    world.create(SETS, "s", spec=stateful_set(4))
    settled(world, 4)
    for script in scripts:
        script.ready = False
    world.programs.poke()
    world.wait(lambda: world.ready() == ["s-0", "s-1"])
    world.patch(SETS, "s", spec={"replicas": 2})
    world.run(300)
    assert world.names(PODS) == ["s-0", "s-1", "s-2", "s-3"]

    scripts[0].ready = True
    world.programs.poke()
    settled(world, 2)


def test_replicas_default_to_one() -> None:
    """As the API server fills it in."""
    world = World()
    spec = stateful_set()
    del spec["replicas"]
    world.create(SETS, "s", spec=spec)
    world.run(60)

    assert world.names(PODS) == ["s-0"]


def test_a_deleted_pod_comes_back_under_its_name() -> None:
    """Another pod, with the same claim."""
    world = made(2, claims=True)
    before, claim = world.get(PODS, "s-0"), world.get(CLAIMS, "data-s-0")
    world.delete(PODS, "s-0")
    world.wait(lambda: objects.uid(world.get(PODS, "s-0")) not in ("", objects.uid(before)))
    settled(world, 2)

    assert objects.uid(world.get(CLAIMS, "data-s-0")) == objects.uid(claim)


def test_each_pod_has_the_claims_of_the_templates() -> None:
    """Made before the pod, named after both, with the labels of the template and of the selector."""
    world = made(2, claims=True)

    assert world.names(CLAIMS) == ["data-s-0", "data-s-1"]
    claim = world.get(CLAIMS, "data-s-0")
    assert objects.labels(claim) == {"app": "s", "kept": "yes"}
    assert "ownerReferences" not in objects.meta(claim)
    volumes = world.get(PODS, "s-0")["spec"]["volumes"]
    assert {"name": "data", "persistentVolumeClaim": {"claimName": "data-s-0"}} in [
        {"name": v["name"], "persistentVolumeClaim": v.get("persistentVolumeClaim")} for v in volumes
    ]


def test_claims_outlive_scale_down_and_deletion() -> None:
    """A set never deletes a claim; scaled up again its pods find their data."""
    world = made(3, claims=True)
    uids = [objects.uid(claim) for claim in world.all(CLAIMS)]
    world.patch(SETS, "s", spec={"replicas": 1})
    settled(world, 1)
    world.patch(SETS, "s", spec={"replicas": 3})
    settled(world, 3)
    assert [objects.uid(claim) for claim in world.all(CLAIMS)] == uids

    world.delete(SETS, "s")
    world.wait(lambda: not world.all(PODS))
    world.run(60)
    assert [objects.uid(claim) for claim in world.all(CLAIMS)] == uids


def test_a_claim_that_is_there_already_is_used() -> None:
    """Whatever its size: its name is what counts."""
    world = World()
    world.create(CLAIMS, "data-s-0", spec=claim_spec("7Gi"))
    world.create(SETS, "s", spec=stateful_set(1, claims=True))
    settled(world, 1)

    assert objects.status(world.get(CLAIMS, "data-s-0"))["capacity"] == {"storage": "7Gi"}


def test_a_claim_that_is_being_deleted_holds_its_pod_back() -> None:
    """A new pod is made once the old claim is gone, with a new one."""
    world = made(1, claims=True)
    old = world.get(CLAIMS, "data-s-0")
    world.delete(CLAIMS, "data-s-0")
    world.run(30)
    # It is in use: it stays, and so does the pod.
    assert objects.terminating(world.get(CLAIMS, "data-s-0"))
    assert world.ready() == ["s-0"]

    world.delete(PODS, "s-0")
    world.wait(lambda: objects.uid(world.get(CLAIMS, "data-s-0")) not in ("", objects.uid(old)))
    settled(world, 1)
    refusal = "create Pod s-0 in StatefulSet s failed error: pvc data-s-0 is being deleted"
    assert ("FailedCreate", refusal) in world.events("s")


def test_orphans_are_adopted_by_a_set_that_fits() -> None:
    """After a deletion that orphans, pods run on; a new set of the name takes them over untouched."""
    world = made(2, claims=True)
    before = [objects.uid(pod) for pod in world.all(PODS)]
    world.delete(SETS, "s", propagationPolicy="Orphan")
    world.run(30)
    assert [objects.uid(pod) for pod in world.all(PODS)] == before
    assert all(not objects.meta(pod).get("ownerReferences") for pod in world.all(PODS))

    new = world.create(SETS, "s", spec=stateful_set(2, claims=True))
    world.run(10)

    assert [objects.uid(pod) for pod in world.all(PODS)] == before
    assert {objects.controller_uid(pod) for pod in world.all(PODS)} == {objects.uid(new)}
    status = objects.status(world.get(SETS, "s"))
    assert (status["readyReplicas"], status["updatedReplicas"]) == (2, 2)


def test_a_stranger_is_left_alone() -> None:
    """A pod of the right labels and another's name is nobody's; one of the right name is in the way."""
    world = World()
    labels = {"labels": {"app": "s"}}
    world.create(PODS, "other", metadata=labels, spec={"containers": [{"name": "c", "image": "app:1"}]})
    blocking = {"labels": {"app": "else"}}
    world.create(PODS, "s-1", metadata=blocking, spec={"containers": [{"name": "c", "image": "app:1"}]})
    world.create(SETS, "s", spec=stateful_set(2))
    world.run(60)

    assert all(objects.controller_uid(world.get(PODS, name)) is None for name in ("other", "s-1"))
    # Not even an event tells of it.
    assert [text for _, text in world.events("s")] == ["create Pod s-0 in StatefulSet s successful"]
    assert objects.status(world.get(SETS, "s"))["replicas"] == 1


def test_the_status_speaks_of_the_generation_it_has_seen() -> None:
    """`observedGeneration` is behind right after a change, and `replicas` are those that there are."""
    world = made(2)
    world.patch(SETS, "s", spec={"replicas": 3})
    found = world.get(SETS, "s")
    assert objects.meta(found)["generation"] == 2
    assert objects.status(found)["observedGeneration"] == 1

    settled(world, 3)
    status = objects.status(world.get(SETS, "s"))
    assert status["observedGeneration"] == 2
    assert (status["replicas"], status["availableReplicas"], status["currentReplicas"]) == (3, 3, 3)


def test_available_is_ready_for_a_while() -> None:
    """`minReadySeconds` holds an ordered set back between its pods."""
    world = World()
    world.create(SETS, "s", spec=stateful_set(2, minReadySeconds=30))
    world.wait(lambda: world.ready() == ["s-0"])
    world.run(20)
    status = objects.status(world.get(SETS, "s"))
    assert (status["readyReplicas"], status.get("availableReplicas") or 0) == (1, 0)
    assert world.names(PODS) == ["s-0"]

    world.wait(lambda: world.ready() == ["s-0", "s-1"], seconds=60)


def test_what_it_does_is_told_in_events() -> None:
    """In the words of the real one."""
    world = made(2, claims=True)
    world.patch(SETS, "s", spec={"replicas": 1})
    settled(world, 1)

    assert [text for reason, text in world.events("s")] == [
        "create Claim data-s-0 Pod s-0 in StatefulSet s success",
        "create Pod s-0 in StatefulSet s successful",
        "create Claim data-s-1 Pod s-1 in StatefulSet s success",
        "create Pod s-1 in StatefulSet s successful",
        "delete Pod s-1 in StatefulSet s successful",
    ]
