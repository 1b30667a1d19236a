"""
The operator at work on a real Kubernetes: `make demo CLUSTER=local`.

It brings the cluster up, installs the operator, applies the sample, kills the operator in the middle, and
shows the ring as each node sees it and a row written and read at QUORUM. The cluster stays up afterwards.
"""

from __future__ import annotations

import time

from e2e import ringview, watching
from e2e.cql import write_and_read
from e2e.demo.picture import picture
from e2e.demo.screen import Screen
from e2e.forward import forward
from e2e.kubectl import Kubectl, KubectlError
from e2e.lab import SAMPLES, Lab, install, kill_operator, lab
from e2e.providers.real import RealCluster

NAMESPACE = "cassandra"
NAME = "demo"
CQL = 9042
READY_SECONDS = 420


def run() -> None:
    """Show everything; raises the error of what did not come about."""
    began = time.monotonic()
    screen = Screen(lambda: time.monotonic() - began)
    screen.step("a Kubernetes with three nodes in three zones")
    show(lab(lambda line: screen.say(f"  {line}")), screen)


def operator_installed(kubectl: Kubectl) -> bool:
    """Tell whether an earlier demo installed the operator."""
    try:
        kubectl.get("deployment", "casskop")
    except KubectlError:
        return False
    return True


def watch_until_ready(cluster: RealCluster, screen: Screen) -> None:
    """Show the cluster until it is Ready; the operator is killed once, when the first node is a member."""
    kubectl = cluster.kubectl
    killed = False

    def probe() -> bool:
        nonlocal killed
        screen.draw(picture(cluster, NAME))
        if not killed and watching.cluster(kubectl, NAME).get("status", {}).get("readyNodes"):
            screen.step(f"the operator is killed in the middle: pod {kill_operator(kubectl)}")
            killed = True
        return watching.is_true(kubectl, NAME, "Ready") is not None

    watching.eventually(probe, seconds=READY_SECONDS, what=f"{NAME} becomes Ready")


def show(lab_: Lab, screen: Screen) -> None:
    """Run the demo on *lab_*."""
    kubectl = lab_.kubectl(NAMESPACE)
    if operator_installed(kubectl):
        screen.step("the operator is installed already")
    else:
        screen.step("install CRD, rights and operator (kubectl apply -k manifests)")
        install(kubectl, image=lab_.image)
    screen.step("apply manifests/samples: one DC with three racks in three zones")
    for sample in ("jolokia-secret.yaml", "cassandracluster.yaml"):
        kubectl.run("apply", "-f", str(SAMPLES / sample))
    watch_until_ready(RealCluster(kubectl=kubectl, image=lab_.image), screen)
    screen.step("the ring, as each node sees it")
    screen.say(*ringview.lines(kubectl, NAME, ringview.views(kubectl, NAME, image=lab_.image)))
    screen.step("write and read a row at QUORUM over CQL")
    first = watching.pods(kubectl, NAME)[0]["metadata"]["name"]
    with forward(kubectl.kubeconfig, NAMESPACE, first, CQL) as port:
        screen.say(f"  read back: {write_and_read(port, datacenter='dc1', replicas=3)}")
    screen.step("what the operator did, and why (kubectl describe cassandracluster demo)")
    for event in watching.events(kubectl, NAME):
        screen.say(f"  {event['reason']:<17} {event.get('message') or event.get('note')}")
    screen.step("the cluster stays up. Look around:")
    screen.say(f"  export KUBECONFIG={kubectl.kubeconfig}")
    screen.say(f"  kubectl -n {NAMESPACE} get cassandracluster {NAME} --watch")
    if lab_.local:
        screen.say("  make down    # when you are done")
