"""The pod template of a rack: metadata, containers, volumes and the settings of the pod."""

from __future__ import annotations

from typing import Any

from controller.api.v2 import effective, names
from controller.api.v2.jsonvalues import thaw
from controller.builders import affinity, containers, security, volumes
from controller.builders.context import Context

# Half an hour: a node may have much to write when it is stopped.
_GRACE_SECONDS = 1800


def build_pod_template(context: Context) -> dict[str, Any]:
    """Return the template. Two equal contexts give equal templates."""
    return {"metadata": _metadata(context), "spec": _pod_spec(context)}


def _metadata(context: Context) -> dict[str, Any]:
    labels = context.selector_labels
    if context.kept.restarted_at:
        labels[names.ROLLING_RESTART] = context.kept.restarted_at
    pod = context.cluster.spec.pod
    return {"labels": labels} | ({"annotations": dict(pod.annotations)} if pod and pod.annotations else {})


def _pod_spec(context: Context) -> dict[str, Any]:
    spec = context.cluster.spec
    pod: dict[str, Any] = {
        "affinity": affinity.pod_affinity(context),
        "initContainers": containers.init_containers(context),
        "containers": containers.main_containers(context),
        "volumes": volumes.pod_volumes(context),
        "restartPolicy": "Always",
        "terminationGracePeriodSeconds": _GRACE_SECONDS,
        "serviceAccountName": spec.service_account_name,
        "securityContext": security.pod_context(context),
    }
    secret = effective.pull_secret(context.cluster)
    if secret:
        pod["imagePullSecrets"] = [{"name": secret}]
    if spec.pod and spec.pod.tolerations:
        pod["tolerations"] = [thaw(toleration) for toleration in spec.pod.tolerations]
    if spec.share_process_namespace is not None:
        pod["shareProcessNamespace"] = spec.share_process_namespace
    if context.hardened:
        # Cassandra has no business with the API; the backup sidecar gets a token of its own.
        pod["automountServiceAccountToken"] = bool(spec.access and spec.access.service_account_token)
        pod["enableServiceLinks"] = False
    return pod
