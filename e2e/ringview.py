"""
The ring as each node sees it.

Nodes answer on their pod's address only, which cannot be reached from everywhere; so a pod of the
operator's image asks them, with the operator's own client, and its log is read.
"""

from __future__ import annotations

import json
import secrets

from e2e import watching
from e2e.kubectl import Kubectl, Object
from e2e.providers.cluster import is_ready


def views(kubectl: Kubectl, name: str, *, image: str, secret: str | None = None) -> dict[str, Object]:
    """Ask each ready node of cluster *name*; return by pod what `casskop ring` prints of it.

    The login is in *secret*, or in the one that the cluster names, or that was made for it.
    """
    named = watching.cluster(kubectl, name)["spec"].get("imageJolokiaSecret") or {}
    secret = secret or str(named.get("name") or f"{name}-jolokia")
    hosts = {
        pod["status"]["podIP"]: str(pod["metadata"]["name"])
        for pod in watching.pods(kubectl, name)
        if is_ready(pod)
    }
    asking = f"ring-{secrets.token_hex(3)}"
    kubectl.apply(_pod(asking, image, sorted(hosts), secret))
    try:
        watching.eventually(
            lambda: kubectl.get("pod", asking)["status"]["phase"] in ("Succeeded", "Failed"),
            seconds=60,
            what=f"pod {asking} has asked the nodes",
        )
        answers = [json.loads(line) for line in kubectl.run("logs", asking).splitlines()]
    finally:
        kubectl.run("delete", "pod", asking, "--wait=false")
    return {hosts[answer["host"]]: answer for answer in answers}


def _pod(name: str, image: str, hosts: list[str], secret: str) -> Object:
    """Return a pod that runs `casskop ring HOSTS` under the strictest Pod Security."""
    login = {"JOLOKIA_USER": "username", "JOLOKIA_PASSWORD": "password"}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name},
        "spec": {
            "restartPolicy": "Never",
            "automountServiceAccountToken": False,
            "securityContext": {
                "runAsNonRoot": True,
                "runAsUser": 1000,
                "seccompProfile": {"type": "RuntimeDefault"},
            },
            "containers": [
                {
                    "name": "ring",
                    "image": image,
                    "imagePullPolicy": "IfNotPresent",
                    "args": ["ring", *hosts],
                    "env": [
                        {"name": k, "valueFrom": {"secretKeyRef": {"name": secret, "key": v}}}
                        for k, v in login.items()
                    ],
                    "securityContext": {
                        "allowPrivilegeEscalation": False,
                        "capabilities": {"drop": ["ALL"]},
                        "readOnlyRootFilesystem": True,
                    },
                }
            ],
        },
    }


def lines(kubectl: Kubectl, name: str, found: dict[str, Object]) -> list[str]:
    """Return one line a node: who it is and whom it sees."""
    by_ip = {pod["status"].get("podIP"): pod["metadata"]["name"] for pod in watching.pods(kubectl, name)}
    return [f"  {pod}: {_line(answer, by_ip)}" for pod, answer in sorted(found.items())]


def _line(answer: Object, by_ip: Object) -> str:
    if "silent" in answer:
        return f"silent: {answer['silent']}"
    peers = ", ".join(sorted(by_ip.get(ip, ip) for ip in answer["hostIds"]))
    down = f"; down: {', '.join(answer['unreachable'])}" if answer["unreachable"] else ""
    return f"{answer['mode']}, Cassandra {answer['release']}, members: {peers}{down}"
