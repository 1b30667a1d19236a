"""The ring as each node sees it, asked with the operator's own client through a forwarded port."""

from __future__ import annotations

import base64

from controller.cassandra.jolokia import Credentials, Endpoint, Jolokia
from controller.cassandra.node import ask
from controller.domain.ring import Answer, View
from e2e import watching
from e2e.forward import forward
from e2e.kubectl import Kubectl

PORT = 8778


def login(kubectl: Kubectl, secret: str) -> Credentials:
    """Return the login in a Secret."""
    data = kubectl.get("secret", secret)["data"]
    username, password = (base64.b64decode(data[f]).decode() for f in ("username", "password"))
    return Credentials(username=username, password=password)


def views(kubectl: Kubectl, name: str) -> dict[str, Answer]:
    """Ask each ready node of cluster *name* and return the answers by pod."""
    secret = watching.cluster(kubectl, name)["spec"]["imageJolokiaSecret"]["name"]
    credentials = login(kubectl, secret)
    jolokia = Jolokia.over(read_seconds=10)
    answers: dict[str, Answer] = {}
    for pod in watching.pods(kubectl, name):
        if watching.is_ready(pod):
            pod_name = pod["metadata"]["name"]
            with forward(kubectl.kubeconfig, kubectl.namespace, pod_name, PORT) as port:
                answers[pod_name] = ask(
                    jolokia, Endpoint(host="127.0.0.1", port=port, credentials=credentials)
                )
    jolokia.close()
    return answers


def lines(kubectl: Kubectl, name: str, found: dict[str, Answer]) -> list[str]:
    """Return one line a node: who it is and whom it sees."""
    by_ip: dict[str, str] = {
        pod["status"].get("podIP", ""): pod["metadata"]["name"] for pod in watching.pods(kubectl, name)
    }
    return [f"  {pod}: {_line(answer, by_ip)}" for pod, answer in found.items()]


def _line(answer: Answer, by_ip: dict[str, str]) -> str:
    if not isinstance(answer, View):
        return f"silent: {answer.why}"
    peers = ", ".join(sorted(str(by_ip.get(ip, ip)) for ip in answer.host_ids))
    down = f"; down: {', '.join(sorted(answer.unreachable))}" if answer.unreachable else ""
    return f"{answer.mode.value}, Cassandra {answer.release_version}, members: {peers}{down}"
