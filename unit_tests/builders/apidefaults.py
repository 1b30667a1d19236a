"""What an API server (1.34) fills in when it stores our objects, as far as our objects leave it out."""

from __future__ import annotations

import copy
from typing import Any

Json = dict[str, Any]


def stored(obj: Json) -> Json:
    """Return *obj* as an API server would return it, without server-side bookkeeping."""
    result = copy.deepcopy(obj)
    match result["kind"]:
        case "StatefulSet":
            _statefulset(result["spec"])
        case "Service":
            _service(result["spec"])
    return result


def _statefulset(spec: Json) -> None:
    _fill(
        spec,
        persistentVolumeClaimRetentionPolicy={"whenDeleted": "Retain", "whenScaled": "Retain"},
        podManagementPolicy="OrderedReady",
        revisionHistoryLimit=10,
    )
    for claim in spec.get("volumeClaimTemplates", []):
        _fill(claim, apiVersion="v1", kind="PersistentVolumeClaim", status={"phase": "Pending"})
        _fill(claim["spec"], volumeMode="Filesystem")
    pod = spec["template"]["spec"]
    _fill(
        pod,
        dnsPolicy="ClusterFirst",
        schedulerName="default-scheduler",
        serviceAccount=pod["serviceAccountName"],
    )
    for container in pod["containers"] + pod["initContainers"]:
        _container(container)


def _container(container: Json) -> None:
    tag = container["image"].rpartition("/")[2].partition("@")[0].partition(":")[2]
    _fill(
        container,
        imagePullPolicy="Always" if tag in ("", "latest") else "IfNotPresent",
        terminationMessagePath="/dev/termination-log",
        terminationMessagePolicy="File",
    )
    for port in container.get("ports", []):
        _fill(port, protocol="TCP")
    for name in ("startupProbe", "readinessProbe", "livenessProbe"):
        probe = container.get(name)
        if probe:
            _fill(probe, failureThreshold=3, periodSeconds=10, successThreshold=1, timeoutSeconds=1)
            if "httpGet" in probe:
                _fill(probe["httpGet"], scheme="HTTP")


def _service(spec: Json) -> None:
    _fill(
        spec,
        clusterIPs=["None"],
        internalTrafficPolicy="Cluster",
        ipFamilies=["IPv4"],
        ipFamilyPolicy="SingleStack",
        sessionAffinity="None",
    )
    for port in spec["ports"]:
        _fill(port, targetPort=port["port"])


def _fill(target: Json, **defaults: Any) -> None:  # noqa: ANN401 # any JSON
    for name, value in defaults.items():
        target.setdefault(name, value)
