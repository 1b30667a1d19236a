"""
A ring that grows, shrinks, gets a second data centre and loses it again, on a real cluster, under load.

Each step is timed as its user sees it, from the edit to `Converged`, and beside it what Cassandra and the
kubelet took of that by their own word: a joining pod from its creation to Ready, a leaving node from LEAVING
to DECOMMISSIONED in its log, and its pod's end. What is left is what the operator added.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
import contextlib
import datetime as dt
import subprocess
import threading
import time
from typing import TYPE_CHECKING

import attrs

from e2e import load, watching
from e2e.kubectl import Kubectl, Object
from e2e.load import Load, Report
from e2e.providers.cluster import at_rest
from e2e.samples import jolokia_secret, single

if TYPE_CHECKING:
    from cassandra.cluster import Session

NAME, HOME = "ring", "dc1-rack1"
COPIES = 3
STEP_SECONDS = 600


@attrs.frozen(kw_only=True)
class Step:
    """One edit: *wall* seconds until it was done, of which *own* are Cassandra's and the kubelet's."""

    what: str
    nodes: int
    wall: float
    own: float

    @property
    def added(self) -> float:
        """What the operator added for each node, in seconds."""
        return (self.wall - self.own) / self.nodes

    def __str__(self) -> str:
        return (
            f"{self.what:<28} {self.wall:6.1f} s, of it Cassandra's and the kubelet's own {self.own:6.1f} s:"
            f" {self.added:5.1f} s more for each of {self.nodes} nodes"
        )


@attrs.frozen(kw_only=True)
class Told:
    """The end of the story: *lost* rows of those that were written."""

    steps: tuple[Step, ...]
    client: Report
    lost: tuple[int, ...]


def ring(size: int) -> Object:
    """Return a data centre of one rack, on a machine that is slow: nobody is to fail for want of cores.

    Who writes has to have heard of a node that joins within Cassandra's ring delay, or it gets nothing.
    """
    obj = single(NAME, nodesPerRacks=size, hardAntiAffinity=False, autoUpdateSeedList=False, deletePVC=True)
    patient = {f"{kind}_request_timeout": "10s" for kind in ("read", "write", "range")}
    obj["spec"]["config"]["cassandra-yaml"] = patient
    obj["spec"]["config"]["jvm-options"]["cassandra_ring_delay_ms"] = 10_000
    return obj


@attrs.frozen(kw_only=True)
class Stage:
    """The cluster that the story is about."""

    kubectl: Kubectl
    say: Callable[[str], None]

    def pods(self, *racks: tuple[str, int]) -> list[str]:
        """Return the names of the pods of *racks*, `(dc1-rack1, 3)`."""
        return [f"{NAME}-{rack}-{i}" for rack, size in racks for i in range(size)]

    def edit(self, *dcs: tuple[str, int, int]) -> None:
        """Write data centres of a name, a number of racks, and a size."""
        listed = [
            {"name": dc, "nodesPerRacks": size, "rack": [{"name": f"rack{i + 1}"} for i in range(racks)]}
            for dc, racks, size in dcs
        ]
        self.kubectl.patch("cassandracluster", NAME, {"spec": {"topology": {"dc": listed}}})

    def rests(self, pods: list[str]) -> None:
        """Wait until *pods* are the nodes, and nothing is left to do."""

        def probe() -> bool:
            obj = watching.cluster(self.kubectl, NAME)
            nodes = (obj.get("status") or {}).get("cassandraNodeStatus") or {}
            return at_rest(obj) and sorted(nodes) == sorted(pods)

        watching.eventually(probe, seconds=STEP_SECONDS, what=f"{len(pods)} nodes", every=0.3)

    def grow(self, what: str, edit: Callable[[], None], new: list[str], all_pods: list[str]) -> Step:
        """Carry out *edit*, after which *new* pods are among *all_pods*."""
        began = time.monotonic()
        edit()
        self.rests(all_pods)
        wall = time.monotonic() - began
        found = {pod["metadata"]["name"]: pod for pod in watching.pods(self.kubectl, NAME)}
        step = Step(what=what, nodes=len(new), wall=wall, own=sum(_start(found[name]) for name in new))
        self.say(str(step))
        return step

    def shrink(self, what: str, edit: Callable[[], None], gone: list[str], stay: list[str]) -> Step:
        """Carry out *edit*, after which *gone* are no longer there and *stay* are."""
        with self._departures(gone) as own:
            began = time.monotonic()
            edit()
            self.rests(stay)
            wall = time.monotonic() - began
        step = Step(what=what, nodes=len(gone), wall=wall, own=sum(own.values()))
        self.say(str(step))
        return step

    @contextlib.contextmanager
    def _departures(self, pods: list[str]) -> Iterator[dict[str, float]]:
        """Yield what has, at the end, the seconds that each of *pods* took to leave and to stop."""
        own: dict[str, float] = {}
        ends = _Ends(self.kubectl, pods)
        logs = {pod: self._log(pod) for pod in pods}
        with ends:
            yield own
        for pod, log in logs.items():
            text, _ = log.communicate(timeout=30)
            own[pod] = _leaving(text) + ends.seconds(pod)

    def _log(self, pod: str) -> subprocess.Popen[str]:
        command = [
            "kubectl", f"--kubeconfig={self.kubectl.kubeconfig}", f"--namespace={self.kubectl.namespace}",
            "logs", "--follow", "--timestamps", "--tail=0", "--container=cassandra", pod,
        ]  # fmt: skip
        return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)


class _Ends:
    """Looks each half second which pods are told to end, and when they are gone."""

    def __init__(self, kubectl: Kubectl, pods: list[str]) -> None:
        self._kubectl = kubectl
        self._told: dict[str, float] = {}
        self._gone: dict[str, float] = {}
        self._pods = set(pods)
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="ends", daemon=True)

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join(30)

    def seconds(self, pod: str) -> float:
        """Return how long *pod* took to end; 0 if it was never seen to be told."""
        if pod not in self._told:
            return 0.0
        return self._gone.get(pod, time.time()) - self._told[pod]

    def _run(self) -> None:
        while not self._over.wait(0.5):
            there = {pod["metadata"]["name"]: pod["metadata"] for pod in watching.pods(self._kubectl, NAME)}
            for pod in self._pods:
                if pod in there and there[pod].get("deletionTimestamp"):
                    until = dt.datetime.fromisoformat(there[pod]["deletionTimestamp"]).timestamp()
                    self._told[pod] = until - there[pod].get("deletionGracePeriodSeconds", 0)
                elif pod not in there and pod in self._told:
                    self._gone.setdefault(pod, time.time())


def _start(pod: Object) -> float:
    """Return how long a pod took from its creation to Ready, as the API server dates them."""
    created = dt.datetime.fromisoformat(pod["metadata"]["creationTimestamp"])
    ready = next(c for c in pod["status"]["conditions"] if c["type"] == "Ready")
    return (dt.datetime.fromisoformat(ready["lastTransitionTime"]) - created).total_seconds()


def _leaving(log: str) -> float:
    """Return how long a node took from LEAVING to DECOMMISSIONED, by the dates of its *log*'s lines."""
    dates: dict[str, dt.datetime] = {}
    for line in log.splitlines():
        date, _, text = line.partition(" ")
        if "LEAVING" in text:
            dates.setdefault("begin", dt.datetime.fromisoformat(date[:26] + "+00:00"))
        if "DECOMMISSIONED" in text:
            dates.setdefault("end", dt.datetime.fromisoformat(date[:26] + "+00:00"))
    assert len(dates) == 2, f"the log does not tell when the node left: {log[-2000:]}"
    return (dates["end"] - dates["begin"]).total_seconds()


def tell(
    kubectl: Kubectl, say: Callable[[str], None], *, size: int = 3, near: bool = True, far: bool = True
) -> Told:
    """Tell the story of a ring of *size* nodes.

    *near*: it gets twice as many nodes, and then two less. *far*: a second data centre comes and goes.
    """
    stage = Stage(kubectl=kubectl, say=say)
    kubectl.apply(jolokia_secret(), ring(size))
    watching.eventually(
        lambda: watching.is_true(kubectl, NAME, "Ready"), seconds=STEP_SECONDS, what=f"{NAME} is Ready"
    )
    steps: list[Step] = []
    with load.sessions(kubectl, stage.pods((HOME, size))) as through:
        load.prepare(through[0], load.replicated(dc1=COPIES))
        with Load(through) as client:
            if near:
                steps += _near(stage, size)
                size = 2 * size - 2
            if far:
                steps += _far(stage, stage.pods((HOME, size)), client)
        report = client.report()
        say(str(report))
        return Told(steps=tuple(steps), client=report, lost=tuple(load.lost(through[0], report.written)))


def _near(stage: Stage, size: int) -> list[Step]:
    """Let the ring get twice as many nodes, and then two less."""
    more, fewer = stage.pods((HOME, 2 * size)), stage.pods((HOME, 2 * size - 2))
    grow = stage.grow(
        f"{size} -> {len(more)} nodes", lambda: stage.edit(("dc1", 1, len(more))), more[size:], more
    )
    shrink = stage.shrink(
        f"{len(more)} -> {len(fewer)} nodes", lambda: stage.edit(("dc1", 1, len(fewer))), more[-2:], fewer
    )
    return [grow, shrink]


def _far(stage: Stage, here: list[str], client: Load) -> list[Step]:
    """Let a second data centre of three racks come, get the data, serve it, and go."""
    there = stage.pods(*((f"dc2-rack{i}", 1) for i in (1, 2, 3)))
    steps = [
        stage.grow(
            "+ dc2 with 3 racks",
            lambda: stage.edit(("dc1", 1, len(here)), ("dc2", 3, 1)),
            there,
            [*here, *there],
        )
    ]
    # A rebuild reads one copy of each row, and a write at LOCAL_QUORUM may have missed just that one.
    _operate(stage, here, "repair", "full")
    with load.sessions(stage.kubectl, here[:1]) as (cql,):
        _alter(cql, load.replicated(dc1=COPIES, dc2=COPIES))
        _operate(stage, there, "rebuild", "dc1")
        written = client.report().written
        with load.sessions(stage.kubectl, there[:1]) as (far,):
            missing = load.lost(far, written)
        stage.say(f"after the rebuild dc2 serves {len(written) - len(missing)} of {len(written)} rows")
        assert not missing, missing[:20]
        _alter(cql, load.replicated(dc1=COPIES))
    steps.append(
        stage.shrink(
            "- dc2",
            lambda: stage.edit(("dc1", 1, len(here)), ("dc2", 3, 0)),
            there,
            here,
        )
    )
    stage.edit(("dc1", 1, len(here)))

    def gone() -> bool:
        found = stage.kubectl.get("statefulsets", "-l", f"cassandracluster={NAME}")["items"]
        return len(found) == 1

    watching.eventually(gone, seconds=60, what="the StatefulSets of dc2 are gone")
    stage.rests(here)
    return steps


def _alter(cql: Session, replication: str) -> None:
    """Change the replication of the client's keyspace; right after a join Cassandra 5.0 may refuse."""
    watching.eventually(
        lambda: load.alter(cql, replication), seconds=60, what="the keyspace is altered", errors=Exception
    )


def _operate(stage: Stage, pods: Sequence[str], name: str, argument: str) -> None:
    """Ask for an operation on nodes by the labels that a user sets; the operator does the rest."""
    labels = (f"operation-name={name}", f"operation-argument={argument}", "operation-status=ToDo")
    for pod in pods:
        stage.kubectl.run("label", "pod", pod, "--overwrite", *labels)

    def done() -> bool:
        found = [stage.kubectl.get("pod", pod)["metadata"] for pod in pods]
        status = {each["labels"].get("operation-status") for each in found}
        assert "Error" not in status, [each.get("annotations") for each in found]
        return status == {"Done"}

    watching.eventually(done, seconds=300, what=f"{name} on {', '.join(pods)}")
