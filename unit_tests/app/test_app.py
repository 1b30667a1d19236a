"""What a reader may rely on: how the operator starts, leads, loses the lead and stops; over real HTTP."""

from __future__ import annotations

import base64
from collections.abc import Callable
import json
import re
import signal
import time

import pytest
from structlog.testing import capture_logs

from controller.app import EXIT_LEASE_LOST, EXIT_STOPPED
from controller.kube import kinds
from controller.runtime.stop import LIMIT, StepEnded
from e2e.simkube.faults import Delay, Hang, Match, Refuse, Rule
from unit_tests.app.cluster_stub import (
    CLIENT,
    LEASE_SECONDS,
    NAMESPACE,
    Cluster,
    Replica,
    eventually,
    page,
    process,
)

Begin = Callable[..., Replica]
WRITTEN = (
    kinds.CASSANDRA_CLUSTER,
    kinds.STATEFULSET,
    kinds.SERVICE,
    kinds.CONFIG_MAP,
    kinds.POD_DISRUPTION_BUDGET,
    kinds.EVENT,
    kinds.LEASE,
)
WATCHED = (
    "cassandraclusters statefulsets pods persistentvolumeclaims services poddisruptionbudgets configmaps "
    "secrets"
)


def hang(cluster: Cluster, **match: object) -> None:
    """Let all requests of the operator that match go unanswered, from now on."""
    cluster.faults.add(Rule(match=Match(client=CLIENT, **match), fault=Hang(), times=None))  # type: ignore[arg-type]


def made(cluster: Cluster) -> bool:
    """Whether the one StatefulSet of a cluster was made, which comes after all else."""
    return len(cluster.items(kinds.STATEFULSET)) == 1


# -- start


def test_it_is_ready_when_it_knows_everything_that_there_is(cluster: Cluster, replica: Begin) -> None:
    """Until then /readyz says what is missing; it lives all the while, and does not stand for the lease."""
    hang(cluster, kinds=["pods"], verbs=["list", "watch"])
    operator = replica()
    missing = (500, "[-] stores: not listed yet: pods\nfailed\n")
    eventually(lambda: operator.page("/readyz") == missing, "only pods are missing")

    assert operator.page("/healthz") == (200, "[+] reflectors\n[+] election\n[+] workers\nok\n")
    assert cluster.holder() == ""
    assert not operator.known.is_set()
    operator.end()
    assert cluster.writes() == []


def test_it_tells_when_it_knows_everything(cluster: Cluster, replica: Begin) -> None:
    """That is before it stands for the lease: what is done then delays nothing that it has begun."""
    operator = replica()
    eventually(operator.leads, "it leads")

    assert operator.known.is_set()


def test_what_it_may_not_list_is_told(cluster: Cluster, replica: Begin) -> None:
    """With the server's words, so that a missing right or a missing CRD can be told from a slow start."""
    match = Match(client=CLIENT, kinds=["secrets"], verbs=["list", "watch"])
    cluster.faults.add(Rule(match=match, fault=Refuse(status=403), times=None))
    operator = replica()

    eventually(
        lambda: operator.page("/readyz")[1].startswith(
            "[-] stores: not listed yet: secrets (list secrets in"
        ),
        "only Secrets are missing",
    )
    assert "Forbidden: refused on purpose)" in operator.page("/readyz")[1]


def test_the_leader_makes_what_a_cluster_asks_for(cluster: Cluster, replica: Begin) -> None:
    """What was there before it came, and what comes later."""
    cluster.create_cluster("before")
    operator = replica()
    eventually(lambda: made(cluster), "the objects of the first cluster")
    cluster.create_cluster("after")
    eventually(lambda: len(cluster.items(kinds.STATEFULSET)) == 2, "those of the second")

    assert cluster.holder().startswith("casskop-0_")
    assert operator.leads()
    assert operator.page("/readyz") == (200, "[+] stores\nok\n")
    assert {status // 100 for _, _, status in cluster.writes()} == {2}


def test_metrics_tell_what_it_does(cluster: Cluster, replica: Begin) -> None:
    """One leader, the writes that the server saw, and the cluster."""
    cluster.create_cluster("demo")
    operator = replica()
    eventually(lambda: made(cluster), "the objects of the cluster")
    eventually(lambda: "casskop_cluster_info{" in operator.page("/metrics")[1], "its status")
    # Read first, since there may be another write meanwhile.
    wrote = sum(kind == "statefulsets" for _, kind, _ in cluster.writes())

    status, text = operator.page("/metrics")

    assert status == 200
    assert 'leader_election_master_status{name="casskop"} 1.0' in text
    assert "controller_runtime_max_concurrent_reconciles" in text
    counted = re.findall(r'casskop_api_writes_total\{resource="statefulsets",verb="\w+"\} (\d+)', text)
    assert sum(map(int, counted)) >= wrote >= 1
    for plural in WATCHED.split():
        assert f'casskop_reflector_lists_total{{kind="{plural}"}} 1.0' in text
    assert re.search(r'controller_runtime_reconcile_panics_total\{controller="cassandracluster"\} 0', text)


# -- two of them


def test_who_stands_by_writes_nothing_and_takes_over_at_once(cluster: Cluster, replica: Begin) -> None:
    """It knows everything already, and a leader that stops gives the lease away: no lease is waited for."""
    first = replica("casskop-0")
    eventually(first.leads, "the first leads")
    second = replica("casskop-1")
    eventually(lambda: second.page("/readyz")[0] == 200, "the second is ready")
    assert not second.leads()
    cluster.create_cluster("first")
    eventually(lambda: len(second.operator.core.stores.statefulsets) == 1, "the second has seen it all")
    # What happens meanwhile is nothing that it has to do one day.
    assert set(second.operator.core.queue.depth().values()) == {0}

    first.end()
    assert first.ended is not None
    assert all(isinstance(step, StepEnded) for step in first.ended)
    began = time.monotonic()
    eventually(second.leads, "the second leads")
    took = time.monotonic() - began
    cluster.create_cluster("second")
    eventually(lambda: len(cluster.items(kinds.STATEFULSET)) == 2, "what the cluster asks for")

    assert took < LEASE_SECONDS / 2
    assert cluster.holder().startswith("casskop-1_")
    assert not first.lost


def test_a_stolen_lease_ends_it(cluster: Cluster, replica: Begin) -> None:
    """From then on nothing is written, whatever happens: not by it, and not in its name."""
    operator = replica()
    eventually(operator.leads, "it leads")
    cluster.create_cluster("before")
    eventually(lambda: made(cluster), "what the cluster asks for")
    lease = kinds.LEASE.path(NAMESPACE, "casskop")
    cluster.ask("PATCH", lease, {"spec": {"holderIdentity": "another_1"}})

    eventually(lambda: bool(operator.lost), "it has noticed")
    wrote = len(cluster.writes())
    cluster.create_cluster("after")
    assert operator.end() < LIMIT

    assert operator.lost == ["the lease is held by another_1"]
    assert "the lease is lost" in operator.stop.why
    assert len(cluster.writes()) == wrote
    assert cluster.holder() == "another_1"


def test_a_renewal_that_hangs_ends_it_before_the_lease_does(cluster: Cluster, replica: Begin) -> None:
    """Others may take the lease after 3 seconds; after 2 it does not write any more."""
    operator = replica(lease_seconds=3.0)
    eventually(operator.leads, "it leads")
    hang(cluster, kinds=["leases"])
    began = time.monotonic()
    eventually(lambda: not operator.leads(), "it steps down")
    took = time.monotonic() - began
    wrote = len(cluster.writes())
    cluster.create_cluster("demo")
    eventually(lambda: bool(operator.lost), "it says so")
    assert operator.end() < LIMIT

    # Measured from after the last renewal was sent, on a machine that may be busy.
    assert took < 3.0
    assert operator.lost == ["the lease was not renewed for 2 s"]
    assert len(cluster.writes()) == wrote


# -- stop


def test_a_stop_gives_the_lease_away_and_tells_what_was_done(cluster: Cluster, replica: Begin) -> None:
    """Events that wait are sent first: afterwards it may not write."""
    cluster.faults.add(Rule(match=Match(client=CLIENT, kinds=["events"]), fault=Delay(0.05), times=None))
    operator = replica()
    eventually(operator.leads, "it leads")
    cluster.create_cluster("demo")
    eventually(lambda: made(cluster), "what the cluster asks for")

    assert operator.end() < LIMIT

    assert operator.ended is not None
    assert [step.name for step in operator.ended] == ["workers", "events", "lease", "watches", "servers"]
    reasons = {event["reason"] for event in cluster.items(kinds.EVENT)}
    assert "ApplyStatefulSet" in reasons
    assert cluster.lease()["holderIdentity"] == ""
    assert not operator.lost
    with pytest.raises(OSError, match="refused"):
        operator.page("/healthz")


def test_a_stop_beside_a_server_that_hangs_ends_in_time(cluster: Cluster, replica: Begin) -> None:
    """And the lease is left to run out, since a write may still arrive."""
    operator = replica()
    eventually(operator.leads, "it leads")
    hang(cluster, verbs=["create", "patch"], kinds=["services", "statefulsets", "poddisruptionbudgets"])
    cluster.create_cluster("demo")
    eventually(lambda: operator.operator.core.queue.unfinished().count > 0, "a reconcile hangs")
    holder = cluster.holder()

    assert operator.end() < LIMIT
    assert cluster.holder() == holder


def test_it_can_be_stopped_before_it_has_begun(cluster: Cluster, replica: Begin) -> None:
    """While nothing answers yet."""
    hang(cluster)
    operator = replica()

    assert operator.end() < LIMIT
    assert cluster.writes() == []
    assert cluster.items(kinds.LEASE) == []


def test_no_more_requests_a_second_than_allowed(cluster: Cluster, replica: Begin) -> None:
    """Those of workers and events together; the lease is not held up by them."""
    operator = replica(requests=10.0, burst=1)
    eventually(operator.leads, "it leads")
    began = time.monotonic()
    cluster.create_cluster("demo")
    eventually(lambda: made(cluster), "what the cluster asks for")
    took = time.monotonic() - began

    # One was saved up; reads are limited as well, and come on top.
    assert len(cluster.writes()) <= 1 + 10 * took + 1
    assert operator.leads()


# -- beside CassKop


def test_it_does_not_act_while_casskop_leads(cluster: Cluster, replica: Begin) -> None:
    """It says why, holds the lease and waits; when CassKop's pod is gone it begins."""
    pod = cluster.ask(
        "POST",
        kinds.POD.path(NAMESPACE),
        {"metadata": {"name": "casskop-old"}, "spec": {"containers": [{"name": "c", "image": "c"}]}},
    )
    owner = {"apiVersion": "v1", "kind": "Pod", "name": "casskop-old", "uid": pod["metadata"]["uid"]}
    lock = {"metadata": {"name": "casskop-lock", "ownerReferences": [owner]}}
    cluster.ask("POST", kinds.CONFIG_MAP.path(NAMESPACE), lock)
    cluster.create_cluster("demo")
    with capture_logs() as lines:
        operator = replica()
        eventually(operator.leads, "it holds the lease")
        eventually(lambda: any(line["event"] == "not acting yet" for line in lines), "it says why")
        assert operator.page("/readyz")[0] == 200
        assert cluster.writes() == []
        assert "CassKop leads in pod casskop-old" in str(lines)

        cluster.ask("DELETE", kinds.POD.path(NAMESPACE, "casskop-old"), {"gracePeriodSeconds": 0})
        eventually(lambda: made(cluster), "what the cluster asks for")


# -- as a process


def test_a_signal_ends_the_process_with_0(cluster: Cluster) -> None:
    """In order, within the ten seconds that Kubernetes conventions ask for."""
    cluster.create_cluster("demo")
    with process(cluster, "casskop-0") as operator:
        eventually(lambda: made(cluster), "what the cluster asks for", seconds=30.0)
        starting = operator.said("starting")
        assert starting is not None
        assert page(starting["ports"][1], "/healthz")[0] == 200
        began = time.monotonic()
        operator.process.send_signal(signal.SIGTERM)

        assert operator.wait(LIMIT) == EXIT_STOPPED
        assert time.monotonic() - began < LIMIT
    stopping = operator.said("stopping")
    assert stopping is not None
    assert stopping["why"] == "the process received SIGTERM"
    assert cluster.lease()["holderIdentity"] == ""
    assert [line for line in operator.lines if line["level"] == "error"] == []


def test_a_lost_lease_ends_the_process_with_a_code_of_its_own(cluster: Cluster) -> None:
    """So that whoever restarts it can tell it from a failure."""
    with process(cluster, "casskop-0") as operator:
        eventually(lambda: cluster.holder() != "", "it leads", seconds=30.0)
        cluster.ask(
            "PATCH", kinds.LEASE.path(NAMESPACE, "casskop"), {"spec": {"holderIdentity": "another_1"}}
        )

        assert operator.wait(LIMIT) == EXIT_LEASE_LOST
    assert operator.said("leading ends") is not None


@pytest.mark.parametrize("generated", [False, True])
def test_a_password_goes_nowhere_but_to_cassandra(cluster: Cluster, *, generated: bool) -> None:
    """Not into logs at any level, nor events, status, metrics, or any object that the operator writes.

    That holds for the user's password and for one that the operator made; its Secret alone has that.
    """
    canary = "hunter2-of-the-canary"
    secret = {"metadata": {"name": "login"}, "stringData": {"username": "casskop", "password": canary}}
    cluster.ask("POST", kinds.SECRET.path(NAMESPACE), secret)
    cluster.create_cluster("demo", **({} if generated else {"imageJolokiaSecret": {"name": "login"}}))
    with process(cluster, "casskop-0", LOG_LEVEL="DEBUG") as operator:
        eventually(lambda: made(cluster), "what the cluster asks for", seconds=30.0)
        # One of its nodes, of which it asks with the password; nobody listens there.
        cluster.create_pod(address="127.0.0.1")
        starting = operator.said("starting")
        assert starting is not None
        port = starting["ports"][0]
        eventually(lambda: "casskop_jolokia_requests_total{" in page(port, "/metrics")[1], "a node is asked")
        metrics = page(port, "/metrics")[1]
        operator.process.send_signal(signal.SIGTERM)
        operator.wait(LIMIT)

    written = [item for kind in WRITTEN for item in cluster.items(kind)]
    told = json.dumps([operator.lines, metrics, written])
    name = "demo-jolokia" if generated else "login"
    (used,) = (item for item in cluster.items(kinds.SECRET) if item["metadata"]["name"] == name)
    hidden = used["data"]["password"]
    assert name in told
    assert hidden not in told
    assert base64.b64decode(hidden).decode() not in told
