"""
A Kubernetes to try the operator on: the local three-node cluster, or whichever KUBECONFIG leads to.

The local one is brought up if it does not run, with the operator's and Cassandra's images built and
loaded. Of another one only its namespaces that carry our name are touched, and its images are not our
matter: CASSKOP_IMAGE names the operator's, the sample Cassandra's.
"""

from __future__ import annotations

from collections.abc import Callable
import os
from pathlib import Path

import attrs

from e2e.kubectl import Kubectl, Object

ROOT = Path(__file__).resolve().parent.parent
SAMPLES = ROOT / "manifests" / "samples"
LOCAL_IMAGE = "casskop:dev"

Say = Callable[[str], None]


@attrs.frozen(kw_only=True)
class Lab:
    """A cluster with our images on it: *image* is the operator's, *local* tells that it is ours to break."""

    kubeconfig: str
    image: str
    local: bool

    def kubectl(self, namespace: str) -> Kubectl:
        """Return kubectl for *namespace*."""
        return Kubectl(kubeconfig=self.kubeconfig, namespace=namespace)


def lab(say: Say = print) -> Lab:
    """Return a cluster that is up, with the images it needs."""
    given = os.environ.get("KUBECONFIG")
    if given:
        say(f"using the cluster of KUBECONFIG={given}; its images are yours to see to")
        return Lab(kubeconfig=given, image=os.environ.get("CASSKOP_IMAGE", LOCAL_IMAGE), local=False)
    # Imported here: another cluster needs neither root nor the tools that these modules use.
    from e2e.cluster import lifecycle, loader  # noqa: PLC0415
    from e2e.cluster.layout import State  # noqa: PLC0415
    from e2e.images import cassandra, operator, pause  # noqa: PLC0415

    state = State.at()
    archives = [pause.build(), cassandra.build(), operator.build()]
    lifecycle.up(state)
    for line in loader.load(state, archives):
        say(line)
    return Lab(kubeconfig=str(state.kubeconfig), image=LOCAL_IMAGE, local=True)


def manifests(kubectl: Kubectl, *, image: str) -> list[Object]:
    """Return what `kubectl apply -k manifests` installs, for kubectl's namespace and with *image*.

    Cluster-wide rights get the namespace into their name, so that two installations do not share them.
    """
    objects = kubectl.render(str(ROOT / "manifests"))
    return [_placed(obj, kubectl.namespace, image) for obj in objects]


def _placed(obj: Object, namespace: str, image: str) -> Object:
    metadata = obj["metadata"]
    if "namespace" in metadata:
        metadata["namespace"] = namespace
    for subject in obj.get("subjects") or ():
        subject["namespace"] = namespace
    if obj["kind"] in ("ClusterRole", "ClusterRoleBinding"):
        metadata["name"] += f"-{namespace}"
    if obj["kind"] == "ClusterRoleBinding":
        obj["roleRef"]["name"] += f"-{namespace}"
    if obj["kind"] == "Deployment":
        for container in obj["spec"]["template"]["spec"]["containers"]:
            container["image"] = image
            for variable in container.get("env") or ():
                if variable["name"] == "OPERATOR_IMAGE":
                    variable["value"] = image
    return obj


def install(kubectl: Kubectl, *, image: str) -> None:
    """Install CRD, rights and operator into kubectl's namespace, and wait until the operator is ready."""
    kubectl.run("create", "namespace", kubectl.namespace)
    kubectl.apply(*manifests(kubectl, image=image), server_side=True)
    kubectl.run("rollout", "status", "deployment/casskop", "--timeout=120s", seconds=130)


def remove(kubectl: Kubectl) -> None:
    """Remove the namespace with all that is in it, and the cluster-wide rights; the CRD stays.

    Clusters go first: a namespace with pods that are long to end is only looked at again much later.
    """
    kubectl.run("delete", "cassandraclusters", "--all", "--timeout=120s", seconds=130)
    gone = ("--for=delete", "pod", "-l", "app=cassandracluster", "--timeout=120s")
    kubectl.run("wait", *gone, seconds=130)
    name = f"casskop-{kubectl.namespace}"
    kubectl.run("delete", "clusterrolebinding,clusterrole", name, "--ignore-not-found")
    kubectl.run("delete", "namespace", kubectl.namespace, "--ignore-not-found", "--timeout=170s", seconds=180)


def kill_operator(kubectl: Kubectl) -> str:
    """Delete the operator's pod without grace, and return its name."""
    (pod,) = kubectl.get("pods", "-l", "app=casskop")["items"]
    name = str(pod["metadata"]["name"])
    kubectl.run("delete", "pod", name, "--grace-period=0", "--force")
    return name
