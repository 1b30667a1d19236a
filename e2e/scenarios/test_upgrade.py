"""Cassandra is upgraded from line to line while it serves, and taken back as long as that is possible."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from e2e.providers.cluster import CLUSTERS, Cluster, Object, at_rest, condition, is_ready, wait_ready
from e2e.rows import Rows
from e2e.samples import jolokia_secret, sample

NAME = "lines"
PODS = tuple(f"{NAME}-dc1-rack{number}-0" for number in (1, 2, 3))
ROLL_SECONDS = 420.0

pytestmark = pytest.mark.usefixtures("all_versions", "ring")


def spec_of(line: str, *, yaml: Object | None = None) -> Object:
    """Return the sample with the image of a line, and what `cassandra.yaml` says beyond it."""
    obj = sample(NAME)
    obj["spec"] |= {"cassandraImage": f"cassandra:{line}", "autoPilot": True}
    if yaml:
        obj["spec"]["config"]["cassandra-yaml"] = yaml
    return obj


@pytest.fixture(scope="module")
def ring(cluster: Cluster, rows: Rows, all_versions: None) -> Iterator[None]:
    """Three nodes of 4.0 with rows; they and their volumes are deleted afterwards."""
    cluster.apply(jolokia_secret(), spec_of("4.0"))
    wait_ready(cluster, NAME, seconds=ROLL_SECONDS)
    rows.write(PODS[0])
    yield
    cluster.patch(CLUSTERS, NAME, {"spec": {"deletePVC": True}})
    cluster.delete(CLUSTERS, NAME, seconds=240)


def lines(cluster: Cluster) -> set[str]:
    """Return the lines of Cassandra that nodes run, by their own word."""
    nodes = cluster.get(CLUSTERS, NAME)["status"]["cassandraNodeStatus"].values()
    return {".".join(node["releaseVersion"].split(".")[:2]) for node in nodes}


def uids(cluster: Cluster) -> dict[str, str]:
    """Return the uid of each pod by its name."""
    return {pod["metadata"]["name"]: pod["metadata"]["uid"] for pod in cluster.of(NAME, "pods")}


def operations(cluster: Cluster) -> list[tuple[str | None, str | None]]:
    """Return name and status of the operation that each pod's labels tell of."""
    labels = [pod["metadata"]["labels"] for pod in cluster.of(NAME, "pods")]
    return [(each.get("operation-name"), each.get("operation-status")) for each in labels]


def rolls(cluster: Cluster, line: str, rows: Rows) -> None:
    """Let all nodes take *line*, never two at a time; they are the same members, and rows are there."""
    most_down, mixed = 0, list[tuple[str | None, str | None]]()

    def over() -> bool:
        nonlocal most_down, mixed
        up = [pod for pod in cluster.of(NAME, "pods") if is_ready(pod)]
        most_down = max(most_down, len(PODS) - len(up))
        now = lines(cluster)
        if len(now) > 1:
            mixed += [each for each in operations(cluster) if each[1] in ("ToDo", "Ongoing")]
        return now == {line} and at_rest(cluster.get(CLUSTERS, NAME))

    cluster.eventually(over, seconds=ROLL_SECONDS, what=f"all nodes run {line}")
    assert most_down == 1
    # Between two lines sstables are not to be rewritten.
    assert mixed == []
    assert rows.lost(PODS[0]) == []


def is_refused(cluster: Cluster, obj: Object, *words: str) -> None:
    """Apply what can not be carried out: no pod is touched, and *words* say why."""
    before = uids(cluster)
    cluster.apply(obj)

    def refusal() -> Object | None:
        found = condition(cluster.get(CLUSTERS, NAME), "SpecAccepted")
        current = found.get("observedGeneration") == cluster.get(CLUSTERS, NAME)["metadata"]["generation"]
        return found if current and found["status"] == "False" else None

    found = cluster.eventually(refusal, seconds=60, what="it is refused")
    assert found["reason"] == "ChangeRefused"
    for each in ("spec.cassandraImage", *words):
        assert each in found["message"]
    assert uids(cluster) == before
    assert any("ChangeRefused" in event["reason"] for event in cluster.events(NAME))


def test_a_step_that_is_too_long_and_one_back_are_refused(cluster: Cluster) -> None:
    """The message names the field, both lines and, if there is one, the line in between."""
    is_refused(cluster, spec_of("6.0"), "4.0", "6.0", "5.0")
    is_refused(cluster, spec_of("3.11"), "4.0", "3.11")
    cluster.apply(spec_of("4.0"))
    cluster.eventually(lambda: at_rest(cluster.get(CLUSTERS, NAME)), seconds=60, what="it is taken back")


def test_the_next_line_waits_until_all_nodes_run_this_one(cluster: Cluster, rows: Rows) -> None:
    """4.1 to the end although 5.0 was asked for in the middle; then 5.0, by itself."""
    cluster.apply(spec_of("4.1"))
    cluster.eventually(lambda: len(lines(cluster)) == 2, seconds=ROLL_SECONDS, what="a first node of 4.1")
    seen = set[frozenset[str]]()
    cluster.apply(spec_of("5.0"))

    def stepped() -> bool:
        seen.add(frozenset(lines(cluster)))
        return {"5.0"} < lines(cluster)

    cluster.eventually(stepped, seconds=ROLL_SECONDS, what="a first node of 5.0")
    assert frozenset({"4.0", "5.0"}) not in seen
    assert not any(len(each) > 2 for each in seen)
    rolls(cluster, "5.0", rows)


def test_sstables_are_upgraded_a_few_nodes_at_a_time(cluster: Cluster) -> None:
    """Once the last node runs a new major release, one node of a rack after the other, by `autoPilot`."""
    done = [("upgradesstables", "Done")] * len(PODS)
    cluster.eventually(lambda: operations(cluster) == done, seconds=180, what="sstables are upgraded")


def test_an_upgrade_is_taken_back_and_made_again(cluster: Cluster, rows: Rows) -> None:
    """5.0 keeps to the format of 4.1 until it is told, so that a whole ring can go back, and forth."""
    for line in ("4.1", "5.0"):
        cluster.apply(spec_of(line))
        rolls(cluster, line, rows)


def test_what_was_written_anew_can_not_be_taken_back(cluster: Cluster, rows: Rows) -> None:
    """Once 5.0 may write its own format, the way back is refused, with the reason."""
    told: dict[str, Any] = {"storage_compatibility_mode": "NONE"}
    before = uids(cluster)
    cluster.apply(spec_of("5.0", yaml=told))
    cluster.eventually(
        lambda: (
            at_rest(cluster.get(CLUSTERS, NAME)) and not set(uids(cluster).values()) & set(before.values())
        ),
        seconds=ROLL_SECONDS,
        what="all nodes have the new mode",
    )

    is_refused(cluster, spec_of("4.1"), "5.0", "4.1")
    cluster.apply(spec_of("5.0", yaml=told))
    cluster.eventually(lambda: at_rest(cluster.get(CLUSTERS, NAME)), seconds=60, what="it is put right")
    assert rows.lost(PODS[-1]) == []
