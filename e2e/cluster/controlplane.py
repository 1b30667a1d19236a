"""
The control plane: etcd, the API server, the controllers, the scheduler and the cluster's DNS.

They run on the machine itself, outside the nodes, so no fault of a node takes them away.
"""

from __future__ import annotations

import json
from pathlib import Path

from e2e.cluster.layout import (
    API_PORT,
    ETCD_CLIENT_URL,
    ETCD_PEER_URL,
    GATEWAY,
    POD_NETWORK,
    SERVICE_NETWORK,
    State,
)

Argv = tuple[str, ...]

AUDIT_POLICY = {
    "apiVersion": "audit.k8s.io/v1",
    "kind": "Policy",
    # One line a request, when it has been answered (a watch: also when it begins).
    "omitStages": ["RequestReceived"],
    "rules": [{"level": "Metadata"}],
}


def write_config(state: State) -> None:
    """Write the files that the control plane reads; the kubeconfigs must exist already."""
    (state.root / "audit-policy.json").write_text(json.dumps(AUDIT_POLICY, indent=1))
    (state.root / "Corefile").write_text(corefile(state.kubeconfig_of("dns")))


def corefile(kubeconfig: Path) -> str:
    """CoreDNS: the cluster's own names and nothing else, as there is nobody to forward to."""
    return (
        ".:53 {\n"
        f"    bind {GATEWAY}\n"
        "    errors\n"
        "    kubernetes cluster.local in-addr.arpa {\n"
        f"        kubeconfig {kubeconfig} casskop-e2e\n"
        "        pods verified\n"
        "    }\n"
        "}\n"
    )


def etcd(kube: Path, state: State) -> Argv:
    """The store. It does not sync to the disk: a cluster of tests need not survive the machine."""
    return (
        *(str(kube), "etcd", "--name=casskop-e2e", f"--data-dir={state.root}/etcd"),
        f"--listen-client-urls={ETCD_CLIENT_URL}",
        f"--advertise-client-urls={ETCD_CLIENT_URL}",
        f"--listen-peer-urls={ETCD_PEER_URL}",
        f"--initial-advertise-peer-urls={ETCD_PEER_URL}",
        f"--initial-cluster=casskop-e2e={ETCD_PEER_URL}",
        *("--unsafe-no-fsync", "--log-level=warn"),
    )


def apiserver(kube: Path, state: State) -> Argv:
    """The API: tokens for who you are, RBAC for what you may do, an audit log of what you did."""
    return (
        *(str(kube), "apiserver", f"--etcd-servers={ETCD_CLIENT_URL}"),
        *(f"--bind-address={GATEWAY}", f"--advertise-address={GATEWAY}"),
        f"--secure-port={API_PORT}",
        f"--tls-cert-file={state.pki}/api.crt",
        f"--tls-private-key-file={state.pki}/api.key",
        f"--client-ca-file={state.pki}/ca.crt",
        f"--token-auth-file={state.pki}/tokens.csv",
        "--authorization-mode=Node,RBAC",
        "--enable-admission-plugins=NodeRestriction",
        f"--service-account-key-file={state.pki}/sa.key",
        f"--service-account-signing-key-file={state.pki}/sa.key",
        "--service-account-issuer=https://kubernetes.default.svc",
        f"--service-cluster-ip-range={SERVICE_NETWORK}",
        "--allow-privileged=true",
        "--kubelet-preferred-address-types=InternalIP",
        # Webhooks are called at their pods, because kube-proxy runs on nodes only.
        "--enable-aggregator-routing=true",
        f"--audit-policy-file={state.root}/audit-policy.json",
        *(f"--audit-log-path={state.audit_log}", "--audit-log-maxsize=1000"),
    )


def controller_manager(kube: Path, state: State) -> Argv:
    """The controllers, each with its own service account as in any real cluster."""
    return (
        *(str(kube), "controller-manager", *_as(state, "controller-manager")),
        *(f"--bind-address={GATEWAY}", "--leader-elect=false"),
        "--use-service-account-credentials=true",
        f"--service-account-private-key-file={state.pki}/sa.key",
        f"--root-ca-file={state.pki}/ca.crt",
        f"--cluster-cidr={POD_NETWORK}",
        # Four missed status updates of a kubelet (see nodes.py), where the default is 50 s.
        "--node-monitor-grace-period=16s",
        "--pvclaimbinder-sync-period=1s",
    )


def scheduler(kube: Path, state: State) -> Argv:
    """The scheduler."""
    return (
        *(str(kube), "scheduler", *_as(state, "scheduler")),
        *(f"--bind-address={GATEWAY}", "--leader-elect=false"),
    )


def dns(kube: Path, state: State) -> Argv:
    """CoreDNS; pods ask it at the bridge's address."""
    return (str(kube), "dns", "-conf", str(state.root / "Corefile"))


def _as(state: State, user: str) -> Argv:
    file = state.kubeconfig_of(user)
    return (
        f"--kubeconfig={file}",
        f"--authentication-kubeconfig={file}",
        f"--authorization-kubeconfig={file}",
    )
