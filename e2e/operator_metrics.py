"""The operator's own metrics, read from its pod."""

from __future__ import annotations

from collections.abc import Mapping
import re
import urllib.request

from e2e.forward import forward
from e2e.kubectl import Kubectl

PORT = 8080
_SAMPLE = re.compile(r"^(?P<name>[a-z_]+)(?:\{(?P<labels>[^}]*)\})? (?P<value>\S+)$", re.MULTILINE)


def read(kubectl: Kubectl) -> Mapping[tuple[str, str], float]:
    """Return every sample of the one operator pod, by name and labels as text."""
    (pod,) = kubectl.get("pods", "-l", "app=casskop", "--field-selector=status.phase=Running")["items"]
    with (
        forward(kubectl.kubeconfig, kubectl.namespace, pod["metadata"]["name"], PORT) as port,
        urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=20) as answer,
    ):
        text = answer.read().decode()
    return {(m["name"], m["labels"] or ""): float(m["value"]) for m in _SAMPLE.finditer(text)}


def writes(samples: Mapping[tuple[str, str], float]) -> float:
    """Return how many state-changing API calls were made, those for the lease apart."""
    return sum(value for (name, _), value in samples.items() if name == "casskop_api_writes_total")


def resident_megabytes(samples: Mapping[tuple[str, str], float]) -> float:
    """Return the operator's resident memory in MB (10^6 bytes)."""
    return samples["process_resident_memory_bytes", ""] / 1e6
