"""Pods: defaults, what admission adds, what may change."""

from __future__ import annotations

from e2e.simkube import errors
from e2e.simkube.errors import Problems
from e2e.simkube.rules import podcheck, podspec
from e2e.simkube.rules.base import Rules
from e2e.simkube.values import Object, clone

_TOKEN_PATH = "/var/run/secrets/kubernetes.io/serviceaccount"
_TOKEN_SECONDS = 3607
_TOLERATED_SECONDS = 300
_UPDATE_FORBIDDEN = (
    "pod updates may not change fields other than `spec.containers[*].image`,"
    "`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions "
    "to existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was "
    "previously negative)"
)


class PodRules(Rules):
    """Pods."""

    returns_deleted = True
    validates_spec_only = True

    def default(self, found: Object) -> None:
        """Fill in the spec, and requests from limits."""
        spec = found.setdefault("spec", {})
        podspec.default(spec)
        spec.setdefault("enableServiceLinks", True)
        for _, _, container in podspec.containers(spec):
            resources = container.setdefault("resources", {})
            for name, amount in (resources.get("limits") or {}).items():
                resources.setdefault("requests", {}).setdefault(name, amount)

    def prepare_create(self, found: Object) -> None:
        """A new pod is pending."""
        found["status"] = {"phase": "Pending", "qosClass": _quality(found["spec"])}

    def prepare_update(self, found: Object, before: Object) -> None:
        """The quality of service of a pod never changes."""
        status = found.setdefault("status", {})
        if "qosClass" in (before.get("status") or {}):
            status.setdefault("qosClass", before["status"]["qosClass"])

    def admit(self, found: Object) -> None:
        """Name the service account, mount its token, tolerate short absences of nodes."""
        spec, namespace = found["spec"], found["metadata"]["namespace"]
        name = spec.get("serviceAccountName") or "default"
        spec["serviceAccountName"] = spec["serviceAccount"] = name
        account = self.state.store.get(("", "serviceaccounts"), (namespace, name))
        if account is None:
            raise errors.forbidden(
                "pods",
                "",
                found["metadata"].get("name", ""),
                f'error looking up service account {namespace}/{name}: serviceaccount "{name}" not found',
            )
        secrets = account.object.get("imagePullSecrets")
        if secrets and not spec.get("imagePullSecrets"):
            spec["imagePullSecrets"] = clone(secrets)
        wanted = spec.get("automountServiceAccountToken")
        if wanted is None:
            wanted = account.object.get("automountServiceAccountToken", True)
        if wanted:
            _mount_token(spec, self.state.suffix())
        _tolerate(spec)
        if spec.get("priorityClassName"):
            raise errors.lacking("priority classes: leave priorityClassName out")
        spec.setdefault("priority", 0)
        spec.setdefault("preemptionPolicy", "PreemptLowerPriority")

    def validate(self, found: Object, problems: Problems) -> None:
        """Check the spec."""
        podcheck.check(found["spec"], "spec", problems)

    def validate_update(self, found: Object, before: Object, problems: Problems) -> None:
        """Only images, deadlines and further tolerations may change."""
        new, old = found["spec"], before["spec"]
        if new != old and _fixed(new, old) != _fixed(old, old):
            problems.forbidden("spec", _UPDATE_FORBIDDEN)


def _fixed(spec: Object, before: Object) -> Object:
    """What of a spec may not change."""
    fixed: Object = clone(spec)
    fixed.pop("activeDeadlineSeconds", None)
    tolerations = [one for one in fixed.get("tolerations") or () if one in before["tolerations"]]
    fixed["tolerations"] = tolerations
    for _, _, container in podspec.containers(fixed):
        container.pop("image", None)
    return fixed


def _quality(spec: Object) -> str:
    kinds: list[tuple[Object, Object]] = []
    for kind, _, container in podspec.containers(spec):
        if kind != "ephemeralContainers":
            resources = container.get("resources") or {}
            kinds.append((resources.get("requests") or {}, resources.get("limits") or {}))
    counted = ("cpu", "memory")
    if not any(name in amounts for pair in kinds for amounts in pair for name in counted):
        return "BestEffort"
    guaranteed = all(
        name in limit and request.get(name) == limit[name] for request, limit in kinds for name in counted
    )
    return "Guaranteed" if guaranteed else "Burstable"


def _mount_token(spec: Object, suffix: str) -> None:
    name = f"kube-api-access-{suffix}"
    bare = [
        container
        for kind, _, container in podspec.containers(spec)
        if kind != "ephemeralContainers"
        and all(one["mountPath"] != _TOKEN_PATH for one in container.get("volumeMounts") or ())
    ]
    if not bare:
        return
    for container in bare:
        mount = {"name": name, "readOnly": True, "mountPath": _TOKEN_PATH}
        container.setdefault("volumeMounts", []).append(mount)
    namespace = {"apiVersion": "v1", "fieldPath": "metadata.namespace"}
    authority = {"name": "kube-root-ca.crt", "items": [{"key": "ca.crt", "path": "ca.crt"}]}
    sources = [
        {"serviceAccountToken": {"expirationSeconds": _TOKEN_SECONDS, "path": "token"}},
        {"configMap": authority},
        {"downwardAPI": {"items": [{"path": "namespace", "fieldRef": namespace}]}},
    ]
    volume = {"name": name, "projected": {"sources": sources, "defaultMode": 0o644}}
    spec.setdefault("volumes", []).append(volume)


def _tolerate(spec: Object) -> None:
    tolerations = spec.setdefault("tolerations", [])
    for key in ("node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable"):
        if not any(_covers(one, key) for one in tolerations):
            tolerations.append(
                {
                    "key": key,
                    "operator": "Exists",
                    "effect": "NoExecute",
                    "tolerationSeconds": _TOLERATED_SECONDS,
                }
            )


def _covers(toleration: Object, key: str) -> bool:
    same_key: bool = toleration.get("key", key) == key
    return same_key and toleration.get("effect", "NoExecute") == "NoExecute"
