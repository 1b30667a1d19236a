"""
The operator at work on a real Kubernetes, step by step: `make demo`.

It brings the cluster up, installs the operator, applies the sample, kills the operator in the middle, and
shows the ring as each node sees it and a row written and read at QUORUM. The cluster stays up afterwards.
On a terminal the state is drawn in place; without one each change is a line. It exits with 1 and one
clear line if something does not come about.
"""

from __future__ import annotations

import sys
import time

from e2e import ringview, watching
from e2e.cluster.shell import Trouble
from e2e.cql import write_and_read
from e2e.forward import forward
from e2e.kubectl import Kubectl, KubectlError
from e2e.lab import SAMPLES, Lab, install, lab

NAMESPACE = "cassandra"
NAME = "demo"
CQL = 9042
READY_SECONDS = 420


class Screen:
    """Prints steps, and a block of lines that is drawn over itself on a terminal."""

    def __init__(self) -> None:
        self._began = time.monotonic()
        self._drawn: list[str] = []
        self._live = sys.stdout.isatty()

    def step(self, text: str) -> None:
        """Print what happens next."""
        self._drawn = []
        print(f"\n[{time.monotonic() - self._began:5.0f} s] {text}", flush=True)

    def draw(self, lines: list[str]) -> None:
        """Show *lines*, if they changed."""
        if lines == self._drawn:
            return
        if self._live:
            if self._drawn:
                print(f"\x1b[{len(self._drawn)}F\x1b[J", end="")
            print("\n".join(lines), flush=True)
        else:
            fresh = [line for line in lines if line not in self._drawn]
            print("\n".join(fresh), flush=True)
        self._drawn = lines


def operator_installed(kubectl: Kubectl) -> bool:
    """Tell whether an earlier demo installed the operator."""
    try:
        kubectl.get("deployment", "casskop")
    except KubectlError:
        return False
    return True


def kill_operator(kubectl: Kubectl) -> str:
    """Delete the operator's pod without grace, and return its name."""
    (pod,) = kubectl.get("pods", "-l", "app=casskop")["items"]
    name = str(pod["metadata"]["name"])
    kubectl.run("delete", "pod", name, "--grace-period=0", "--force")
    return name


def watch_until_ready(kubectl: Kubectl, screen: Screen) -> None:
    """Show the cluster until it is Ready; the operator is killed once, when the first node is a member."""
    killed = False

    def probe() -> bool:
        nonlocal killed
        screen.draw(watching.lines(kubectl, NAME))
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
    watch_until_ready(kubectl, screen)
    screen.step("the ring, as each node sees it")
    print("\n".join(ringview.lines(kubectl, NAME, ringview.views(kubectl, NAME, image=lab_.image))))
    screen.step("write and read a row at QUORUM over CQL")
    first = watching.pods(kubectl, NAME)[0]["metadata"]["name"]
    with forward(kubectl.kubeconfig, NAMESPACE, first, CQL) as port:
        print(f"  read back: {write_and_read(port, datacenter='dc1', replicas=3)}")
    screen.step("what the operator did, and why (kubectl describe cassandracluster demo)")
    for event in watching.events(kubectl, NAME):
        print(f"  {event['reason']:<17} {event.get('message') or event.get('note')}")
    screen.step("the cluster stays up. Look around:")
    print(f"  export KUBECONFIG={kubectl.kubeconfig}")
    print(f"  kubectl -n {NAMESPACE} get cassandracluster {NAME} --watch")
    if lab_.local:
        print("  make down    # when you are done")


def main() -> int:
    """Run the demo; return the exit code."""
    screen = Screen()
    try:
        screen.step("a Kubernetes with three nodes in three zones")
        show(lab(lambda line: print(f"  {line}")), screen)
    except (Trouble, KubectlError, watching.TooLateError, RuntimeError) as error:
        print(f"demo: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print(
            "\ndemo: interrupted; `make demo` goes on where it was, `make down` clears away", file=sys.stderr
        )
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
