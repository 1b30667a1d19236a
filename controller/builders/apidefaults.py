"""
What an API server fills in when it stores a StatefulSet, as far as our objects leave it out.

It serves to tell whether a stored StatefulSet is the one that we would make: what is in it beyond our
fields is either one of these, or somebody's. As of Kubernetes 1.34.
"""

from __future__ import annotations

from typing import Any

from controller.api.v2.jsonvalues import JsonMap, thaw

Json = dict[str, Any]


def stored_statefulset(statefulset: JsonMap) -> Json:
    """Return a copy of *statefulset* as an API server would return it, without its bookkeeping."""
    result = thaw(statefulset)
    spec = result["spec"]
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
    return result


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
    for variable in container.get("env", []):
        if "fieldRef" in (variable.get("valueFrom") or {}):
            _fill(variable["valueFrom"]["fieldRef"], apiVersion="v1")
    for name in ("startupProbe", "readinessProbe", "livenessProbe"):
        probe = container.get(name)
        if probe:
            _fill(probe, failureThreshold=3, periodSeconds=10, successThreshold=1, timeoutSeconds=1)
            if "httpGet" in probe:
                _fill(probe["httpGet"], scheme="HTTP")


def _fill(target: Json, **defaults: object) -> None:
    for name, value in defaults.items():
        target.setdefault(name, value)
