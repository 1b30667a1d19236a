"""Operations on nodes, asked for by labels on their pods as CassKop has them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from e2e.conftest import READY_SECONDS
from e2e.providers.cluster import CLUSTERS, Cluster, Object, wait_ready
from e2e.samples import jolokia_secret, single

RACK = "dc1-rack1"
RESULT = "cassandraclusters.db.orange.com/operation-result"
SECONDS = 120.0


@pytest.fixture(scope="module")
def work(cluster: Cluster) -> Iterator[str]:
    """Return the name of a cluster of one rack with two nodes, both members; it goes afterwards."""
    name = "work"
    cluster.apply(jolokia_secret(), single(name, nodesPerRacks=2, autoUpdateSeedList=False, deletePVC=True))
    wait_ready(cluster, name, seconds=READY_SECONDS)
    yield name
    cluster.delete(CLUSTERS, name, seconds=240)


def pod_of(name: str, ordinal: int = 0) -> str:
    """Return the name of a pod."""
    return f"{name}-{RACK}-{ordinal}"


def ask(cluster: Cluster, pod: str, operation: str, argument: str | None = None) -> None:
    """Label a pod as CassKop's plugin does."""
    labels = {
        "operation-name": operation,
        "operation-status": "ToDo",
        "operation-argument": argument,
    }
    cluster.patch("pods", pod, {"metadata": {"labels": labels}})


def label(cluster: Cluster, pod: str, name: str) -> str:
    """Return a label of a pod."""
    return str(cluster.get("pods", pod)["metadata"]["labels"].get(f"operation-{name}", ""))


def result(cluster: Cluster, pod: str) -> str:
    """Return how the last operation on a pod ended, in words."""
    return str((cluster.get("pods", pod)["metadata"].get("annotations") or {}).get(RESULT, ""))


def last(cluster: Cluster, name: str) -> Object:
    """Return what status says of the last operation in the rack."""
    rack = cluster.get(CLUSTERS, name)["status"]["cassandraRackStatus"][RACK]
    return dict(rack.get("podLastOperation") or {})


def begun(cluster: Cluster, *pods: str) -> None:
    """Wait until one of the operations has begun; of so little data it may be over already."""
    cluster.eventually(
        lambda: any(label(cluster, pod, "status") != "ToDo" for pod in pods),
        seconds=SECONDS,
        what="an operation has begun",
    )


def ends(cluster: Cluster, pod: str, status: str) -> None:
    """Wait until the operation on a pod has ended so."""

    def probe() -> bool:
        return label(cluster, pod, "status") == status and bool(label(cluster, pod, "end"))

    try:
        cluster.eventually(probe, seconds=SECONDS, what=f"the operation on {pod} is {status}")
    except AssertionError as error:
        raise AssertionError(f"{error}; {result(cluster, pod)!r}") from error


def test_events_tell_of_beginning_and_end(cluster: Cluster) -> None:
    """Also of what is refused, as a warning. There is a limit to them: it is a cluster of its own."""
    name = "telling"
    cluster.apply(jolokia_secret(), single(name, deletePVC=True))
    wait_ready(cluster, name, seconds=READY_SECONDS)

    def told(kind: str, words: str) -> bool:
        events = [e for e in cluster.events(name) if e["type"] == kind]
        return any(words in str(e.get("message") or e.get("note")) for e in events)

    pod = pod_of(name)
    ask(cluster, pod, "cleanup")
    ends(cluster, pod, "Done")
    ask(cluster, pod, "defragment")
    ends(cluster, pod, "Error")

    for kind, words in (
        ("Normal", f"cleanup on {pod} begins"),
        ("Normal", f"cleanup on {pod} is done"),
        ("Warning", f"{pod}: there is no operation 'defragment'"),
    ):
        cluster.eventually(
            lambda kind=kind, words=words: told(kind, words),  # type: ignore[misc] # mypy cannot infer defaults
            seconds=60,
            what=f"an event that says {words}",
        )
    # The last one: afterwards it does not serve any more. The operator dies over it.
    ask(cluster, pod, "drain")
    begun(cluster, pod)
    cluster.kill_operator()
    ends(cluster, pod, "Done")
    cluster.delete(CLUSTERS, name, seconds=240)


@pytest.mark.parametrize(
    ("operation", "argument"),
    [
        ("cleanup", None),
        ("upgradesstables", None),
        ("flush", None),
        ("flush", "system_traces"),
        ("compact", None),
        ("scrub", "system_auth"),
        ("snapshot", "before-all.system_auth"),
        ("snapshot", None),
        ("repair", "full"),
        ("repair", "incremental.system_traces"),
    ],
)
def test_an_operation_runs(cluster: Cluster, work: str, operation: str, argument: str | None) -> None:
    """Labels, status and events say when it began, that it is done, and where."""
    pod = pod_of(work, 1)
    ask(cluster, pod, operation, argument)
    ends(cluster, pod, "Done")

    assert label(cluster, pod, "name") == operation
    assert "is done" in result(cluster, pod)
    start, end = label(cluster, pod, "start"), label(cluster, pod, "end")
    assert len(start) == len(end) == len("20260101T000000")
    assert start <= end

    def told() -> bool:
        found = last(cluster, work)
        return (found.get("name"), found.get("status")) == (operation, "Done")

    cluster.eventually(told, seconds=30, what="status tells of it")
    found = last(cluster, work)
    assert found["podsOK"] == [pod]
    assert not found.get("pods")
    assert not found.get("podsKO")


@pytest.mark.parametrize(
    ("operation", "argument", "words"),
    [
        ("defragment", None, "there is no operation 'defragment'"),
        ("rebuild", None, "operation-argument"),
        ("repair", "partial", "full or incremental"),
        ("scrub", "a.table", "keyspace"),
        ("flush", "nosuch", "there is no keyspace nosuch"),
        ("rebuild", "nosuch", "nosuch"),
    ],
)
def test_what_cannot_be_done_is_refused_in_words(
    cluster: Cluster, work: str, operation: str, argument: str | None, words: str
) -> None:
    """At once, as an Error, with the reason on the pod."""
    pod = pod_of(work)
    ask(cluster, pod, operation, argument)
    ends(cluster, pod, "Error")

    assert words in result(cluster, pod)

    def told() -> bool:
        return bool(pod in (last(cluster, work).get("podsKO") or ()))

    cluster.eventually(told, seconds=30, what="status tells of it")


def test_a_rebuild_without_anything_to_fetch_is_done(cluster: Cluster, work: str) -> None:
    """As with CassKop, whose users label all nodes before their keyspaces: the pod says that it did nothing.

    It is no mistake as long as the ring has that data centre.
    """
    pod = pod_of(work)
    ask(cluster, pod, "rebuild", "dc1")
    ends(cluster, pod, "Done")

    assert "no keyspace of yours keeps copies in dc1" in result(cluster, pod)
    assert "ALTER KEYSPACE" in result(cluster, pod)


@pytest.mark.parametrize(
    "operations",
    [
        (("repair", "full"), ("scrub", None)),
        (("cleanup", None), ("flush", None)),
        (("upgradesstables", None), ("snapshot", "kept")),
        (("compact", None), ("repair", "incremental")),
    ],
    ids=lambda pair: "-".join(name for name, _ in pair),
)
def test_operations_survive_the_operator(
    cluster: Cluster, work: str, operations: tuple[tuple[str, str | None], ...]
) -> None:
    """It dies right after they have begun; the next one finds them, or asks for them, and sees their end."""
    pods = [pod_of(work, i) for i in range(2)]
    for pod, (operation, argument) in zip(pods, operations, strict=True):
        ask(cluster, pod, operation, argument)
    begun(cluster, *pods)
    cluster.kill_operator()
    for pod in pods:
        ends(cluster, pod, "Done")

    def told() -> bool:
        found = last(cluster, work)
        return bool(found.get("status") == "Done" and not found.get("pods"))

    cluster.eventually(told, seconds=30, what="status tells of it")


def test_the_second_operation_on_a_pod_waits(cluster: Cluster, work: str) -> None:
    """Both are carried out, though the labels of the first are gone when it ends."""
    pod = pod_of(work)
    ask(cluster, pod, "repair", "full")
    begun(cluster, pod)
    ask(cluster, pod, "flush")

    def both() -> bool:
        return label(cluster, pod, "status") == "Done" and result(cluster, pod).startswith("flush")

    cluster.eventually(both, seconds=SECONDS, what="the second is done")


def test_a_pod_that_disappears_takes_its_operation_with_it(cluster: Cluster, work: str) -> None:
    """The one that comes in its place has no operation, and serves; status says where it did not succeed."""
    pod = pod_of(work, 1)
    uid = cluster.get("pods", pod)["metadata"]["uid"]
    ask(cluster, pod, "repair", "full")
    begun(cluster, pod)
    cluster.delete("pods", pod, seconds=180)

    def another() -> bool:
        return bool(cluster.get("pods", pod)["metadata"]["uid"] != uid)

    cluster.eventually(another, seconds=180, what="another pod in its place")

    def over() -> bool:
        found = last(cluster, work)
        return bool(found.get("status") == "Done" and not found.get("pods"))

    cluster.eventually(over, seconds=READY_SECONDS, what="the operation is over")
    wait_ready(cluster, work, seconds=READY_SECONDS)
    assert label(cluster, pod, "status") == ""
    ask(cluster, pod, "flush")
    ends(cluster, pod, "Done")


def test_growth_is_followed_by_cleanup(cluster: Cluster) -> None:
    """On every node, with the autopilot."""
    name = "pilot"
    cluster.apply(
        jolokia_secret(),
        single(name, nodesPerRacks=1, autoUpdateSeedList=False, deletePVC=True, autoPilot=True),
    )
    wait_ready(cluster, name, seconds=READY_SECONDS)
    cluster.patch(CLUSTERS, name, {"spec": {"nodesPerRacks": 2}})

    def cleaned() -> bool:
        pods = [pod_of(name, i) for i in range(2)]
        return all(
            (label(cluster, p, "name"), label(cluster, p, "status")) == ("cleanup", "Done") for p in pods
        )

    cluster.eventually(cleaned, seconds=READY_SECONDS, what="every node is cleaned")

    def settled() -> bool:
        return not cluster.get(CLUSTERS, name)["status"].get("dueOperations")

    cluster.eventually(settled, seconds=60, what="nothing is due any more")
    cluster.delete(CLUSTERS, name, seconds=240)
