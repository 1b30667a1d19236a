"""
The nodes: configuration and command lines of containerd, kubelet and kube-proxy.

Three kubelets share one machine, so whatever a kubelet or containerd would keep in a fixed place
(state, certificates, pod logs, addresses given out, cgroups) is set to the node's own folder.
"""

from __future__ import annotations

import json
from pathlib import Path

from e2e.cluster import cgroups
from e2e.cluster.layout import GATEWAY, POD_NETWORK, REGION, Node, State

Argv = tuple[str, ...]

PAUSE_IMAGE = "docker.io/casskop-e2e/pause:1"


def write_config(node: Node, state: State) -> None:
    """Write the files that the node's programs read."""
    folder = state.node_folder(node)
    (folder / "cni").mkdir(parents=True, exist_ok=True)
    state.volumes(node).mkdir(exist_ok=True)
    cni = json.dumps(cni_config(node, folder), indent=1)
    (folder / "cni" / "10-bridge.conflist").write_text(cni)
    (folder / "containerd.toml").write_text(containerd_config(node, state))
    (folder / "kubelet.json").write_text(json.dumps(kubelet_config(node, state), indent=1))


def cni_config(node: Node, folder: Path) -> dict[str, object]:
    """Pods hang on a bridge inside the node; addresses are handed out from the node's subnet."""
    ipam = {
        "type": "host-local",
        "dataDir": str(folder / "addresses"),
        "ranges": [[{"subnet": node.pods}]],
        "routes": [{"dst": "0.0.0.0/0"}],
    }
    bridge = {
        "type": "bridge",
        "bridge": "cni0",
        "isGateway": True,
        "ipMasq": False,
        "hairpinMode": True,  # a pod may reach itself through its Service
        "ipam": ipam,
    }
    return {"cniVersion": "0.4.0", "name": node.namespace, "plugins": [bridge]}


def containerd_config(node: Node, state: State) -> str:
    """
    The node's containerd.

    restrict_oom_score_adj: without CAP_SYS_RESOURCE a score below our own cannot be set.
    netns_mounts_under_state_dir: else a crash leaves pods' namespaces in /run/netns.
    Root of runc: else a crash leaves its containers in /run/containerd/runc.
    """
    folder = state.node_folder(node)
    return f"""\
version = 2
root = "{folder}/containerd/root"
state = "{folder}/containerd/state"
disabled_plugins = ["io.containerd.internal.v1.tracing", "io.containerd.snapshotter.v1.btrfs", \
"io.containerd.snapshotter.v1.devmapper", "io.containerd.snapshotter.v1.zfs"]
[grpc]
  address = "{state.containerd_socket(node)}"
[plugins."io.containerd.grpc.v1.cri"]
  restrict_oom_score_adj = true
  netns_mounts_under_state_dir = true
  sandbox_image = "{PAUSE_IMAGE}"
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "/usr/lib/cni"
    conf_dir = "{folder}/cni"
  [plugins."io.containerd.grpc.v1.cri".containerd]
    snapshotter = "overlayfs"
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
      runtime_type = "io.containerd.runc.v2"
      [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
        Root = "{folder}/runc"
"""


def kubelet_config(node: Node, state: State) -> dict[str, object]:
    """
    The node's kubelet.

    No CPU quota: a JVM that is throttled to a small limit takes minutes to start, and then the
    tests would measure the throttle. The machine's swap and cgroup version are taken as they are.
    """
    folder = state.node_folder(node)
    return {
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        # Only the machine and the nodes can reach it, and the API server comes with no certificate.
        "authentication": {"anonymous": {"enabled": True}, "webhook": {"enabled": False}},
        "authorization": {"mode": "AlwaysAllow"},
        "containerRuntimeEndpoint": f"unix://{state.containerd_socket(node)}",
        "podLogsDir": str(folder / "podlogs"),
        "cgroupDriver": "cgroupfs",
        "cgroupRoot": f"/{node.namespace}",
        "cgroupsPerQOS": True,
        "enforceNodeAllocatable": [],
        "failCgroupV1": False,
        "failSwapOn": False,
        "cpuCFSQuota": False,
        "clusterDomain": "cluster.local",
        "clusterDNS": [GATEWAY],
        "resolvConf": "/dev/null",  # pods know the cluster's DNS only
        "localStorageCapacityIsolation": False,
        "evictionHard": {
            "nodefs.available": "1%",
            "imagefs.available": "1%",
            "memory.available": "100Mi",
        },
        "imageGCHighThresholdPercent": 100,  # an image that is thrown away cannot be pulled again
        "maxOpenFiles": 10000,
        "maxParallelImagePulls": 1,
        "serializeImagePulls": True,
        "nodeStatusUpdateFrequency": "4s",
        "syncFrequency": "10s",
        "shutdownGracePeriod": "0s",
    }


def containerd(node: Node, state: State) -> Argv:
    """The container runtime."""
    return ("containerd", "-c", str(state.node_folder(node) / "containerd.toml"))


def kubelet(kube: Path, node: Node, state: State) -> Argv:
    """The kubelet, which says itself in which zone it is."""
    folder = state.node_folder(node)
    labels = {
        "topology.kubernetes.io/zone": node.zone,
        "topology.kubernetes.io/region": REGION,
    }
    return (
        *(str(kube), "kubelet", f"--config={folder}/kubelet.json"),
        f"--kubeconfig={state.kubeconfig_of(node.name)}",
        *(f"--root-dir={folder}/kubelet", f"--cert-dir={folder}/pki"),
        *(f"--hostname-override={node.name}", f"--node-ip={node.address}"),
        "--node-labels=" + ",".join(f"{key}={value}" for key, value in labels.items()),
    )


def kube_proxy(kube: Path, node: Node, state: State) -> Argv:
    """Services by iptables; the connection tracker's settings are the machine's, so hands off."""
    return (
        *(str(kube), "kube-proxy", f"--kubeconfig={state.kubeconfig_of('proxy')}"),
        *(f"--hostname-override={node.name}", "--proxy-mode=iptables"),
        f"--cluster-cidr={POD_NETWORK}",
        *("--conntrack-max-per-core=0", "--conntrack-tcp-timeout-established=0"),
        "--conntrack-tcp-timeout-close-wait=0",
    )


def prepare(node: Node, state: State) -> None:
    """Everything that must be there before the node's programs start."""
    write_config(node, state)
    cgroups.create(node)
