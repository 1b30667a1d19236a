"""What Kubernetes fills in for a pod, in a template or in a pod of its own."""

from __future__ import annotations

from collections.abc import Iterator
import re

from e2e.simkube.values import Json, Object

_FILE_MODE = 0o644
_MODED_VOLUMES = ("secret", "configMap", "downwardAPI", "projected")
_TOKEN_SECONDS = 3600
CONTAINER_LISTS = ("initContainers", "containers", "ephemeralContainers")


def containers(spec: Object) -> Iterator[tuple[str, int, Object]]:
    """All containers of a pod, with the list and place where each stands."""
    for kind in CONTAINER_LISTS:
        for index, container in enumerate(spec.get(kind) or ()):
            yield kind, index, container


def default(spec: Object) -> None:
    """Fill in what a pod template leaves out."""
    for name, value in _SPEC.items():
        spec.setdefault(name, value)
    spec.setdefault("securityContext", {})
    _same_account(spec)
    for volume in spec.get("volumes") or ():
        _volume(volume)
    for _, _, container in containers(spec):
        _container(container, host_network=bool(spec.get("hostNetwork")))


_SPEC: Object = {
    "restartPolicy": "Always",
    "terminationGracePeriodSeconds": 30,
    "dnsPolicy": "ClusterFirst",
    "schedulerName": "default-scheduler",
}


def _same_account(spec: Object) -> None:
    # serviceAccount is the old name of serviceAccountName: both are always written.
    account = spec.get("serviceAccountName") or spec.get("serviceAccount")
    if account:
        spec["serviceAccountName"] = spec["serviceAccount"] = account


def _volume(volume: Object) -> None:
    if len(volume) == 1:
        volume["emptyDir"] = {}
    for name in _MODED_VOLUMES:
        if name in volume:
            volume[name].setdefault("defaultMode", _FILE_MODE)
    if "hostPath" in volume:
        volume["hostPath"].setdefault("type", "")
    _downward(volume.get("downwardAPI"))
    for source in (volume.get("projected") or {}).get("sources") or ():
        _downward(source.get("downwardAPI"))
        if "serviceAccountToken" in source:
            source["serviceAccountToken"].setdefault("expirationSeconds", _TOKEN_SECONDS)
    claim = (volume.get("ephemeral") or {}).get("volumeClaimTemplate")
    if claim:
        claim["spec"].setdefault("volumeMode", "Filesystem")


def _downward(source: Object | None) -> None:
    for item in (source or {}).get("items") or ():
        if "fieldRef" in item:
            item["fieldRef"].setdefault("apiVersion", "v1")


def _container(container: Object, *, host_network: bool) -> None:
    container.setdefault("terminationMessagePath", "/dev/termination-log")
    container.setdefault("terminationMessagePolicy", "File")
    container.setdefault("imagePullPolicy", pull_policy(container.get("image", "")))
    for port in container.get("ports") or ():
        port.setdefault("protocol", "TCP")
        if host_network and port.get("containerPort"):
            port.setdefault("hostPort", port["containerPort"])
    for variable in container.get("env") or ():
        source = (variable.get("valueFrom") or {}).get("fieldRef")
        if source is not None:
            source.setdefault("apiVersion", "v1")
    for name in ("livenessProbe", "readinessProbe", "startupProbe"):
        if name in container:
            _probe(container[name])
    for handler in (container.get("lifecycle") or {}).values():
        _handler(handler)


def _probe(probe: Object) -> None:
    for name, value in _PROBE.items():
        if not probe.get(name):
            probe[name] = value
    _handler(probe)
    if "grpc" in probe:
        probe["grpc"].setdefault("service", "")


_PROBE = {"timeoutSeconds": 1, "periodSeconds": 10, "successThreshold": 1, "failureThreshold": 3}


def _handler(handler: Json) -> None:
    if isinstance(handler, dict) and "httpGet" in handler:
        handler["httpGet"].setdefault("path", "/")
        handler["httpGet"].setdefault("scheme", "HTTP")


def pull_policy(image: str) -> str:
    """When an image is pulled by default: always if its tag may move."""
    name, _, digest = image.partition("@")
    tag = re.search(r":([^/:]+)$", name)
    if digest:
        return "IfNotPresent"
    return "Always" if tag is None or tag[1] == "latest" else "IfNotPresent"
