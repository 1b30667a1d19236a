"""StatefulSets: defaults, what is wrong, what may change."""

from __future__ import annotations

from e2e.simkube import names
from e2e.simkube.errors import Problems
from e2e.simkube.metadata import check_annotations, check_labels, check_selector
from e2e.simkube.rules import podcheck, podspec
from e2e.simkube.rules.base import Rules
from e2e.simkube.rules.volumes import check_claim
from e2e.simkube.selectors import from_selector, labels_match
from e2e.simkube.values import Object

_POLICIES = ("Retain", "Delete")
# What may be changed in a StatefulSet that is there.
_CHANGEABLE = (
    "replicas",
    "ordinals",
    "template",
    "updateStrategy",
    "revisionHistoryLimit",
    "persistentVolumeClaimRetentionPolicy",
    "minReadySeconds",
)
_FORBIDDEN = (
    "updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', "
    "'updateStrategy', 'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and "
    "'minReadySeconds' are forbidden"
)


class StatefulSetRules(Rules):
    """StatefulSets."""

    def name_problem(self, name: str) -> str:
        """A label, because pods and their DNS names are made from it."""
        return names.label(name)

    def default(self, found: Object) -> None:
        """Fill in the strategy, the retention policy, the template and the claims."""
        spec = found["spec"]
        spec.setdefault("podManagementPolicy", "OrderedReady")
        strategy = spec.setdefault("updateStrategy", {})
        strategy.setdefault("type", "RollingUpdate")
        if strategy["type"] == "RollingUpdate":
            strategy.setdefault("rollingUpdate", {}).setdefault("partition", 0)
        retention = spec.setdefault("persistentVolumeClaimRetentionPolicy", {})
        retention.setdefault("whenDeleted", "Retain")
        retention.setdefault("whenScaled", "Retain")
        spec.setdefault("replicas", 1)
        spec.setdefault("revisionHistoryLimit", 10)
        podspec.default(spec["template"].setdefault("spec", {}))
        for claim in spec.get("volumeClaimTemplates") or ():
            claim["kind"], claim["apiVersion"] = "PersistentVolumeClaim", "v1"
            claim["spec"].setdefault("volumeMode", "Filesystem")
            claim.setdefault("status", {}).setdefault("phase", "Pending")

    def prepare_create(self, found: Object) -> None:
        """A new StatefulSet has no pods."""
        found["status"] = {"replicas": 0, "availableReplicas": 0}

    def validate(self, found: Object, problems: Problems) -> None:
        """Check the spec and the status."""
        spec = found["spec"]
        _policies(spec, problems)
        for index, claim in enumerate(spec.get("volumeClaimTemplates") or ()):
            check_claim(claim["spec"], f"spec.volumeClaimTemplates[{index}].spec", problems)
        for name in ("replicas", "minReadySeconds"):
            if spec.get(name, 0) < 0:
                problems.invalid(f"spec.{name}", spec[name], "must be greater than or equal to 0")
        start = (spec.get("ordinals") or {}).get("start", 0)
        if start < 0:
            problems.invalid("spec.ordinals.start", start, "must be greater than or equal to 0")
        _selector(spec, problems)
        _template(spec, problems)
        _status(found.get("status") or {}, problems)

    def validate_update(self, found: Object, before: Object, problems: Problems) -> None:
        """Most of the spec is fixed at creation."""
        if _fixed(found["spec"]) != _fixed(before["spec"]):
            problems.forbidden("spec", _FORBIDDEN)


def _fixed(spec: Object) -> Object:
    return {name: value for name, value in spec.items() if name not in _CHANGEABLE}


def _policies(spec: Object, problems: Problems) -> None:
    management = spec["podManagementPolicy"]
    if management not in ("OrderedReady", "Parallel"):
        problems.invalid("spec.podManagementPolicy", management, "must be 'OrderedReady' or 'Parallel'")
    strategy = spec["updateStrategy"]
    rolling = strategy.get("rollingUpdate")
    if strategy["type"] not in ("RollingUpdate", "OnDelete"):
        problems.invalid("spec.updateStrategy", strategy, "must be 'RollingUpdate' or 'OnDelete'")
    elif strategy["type"] == "OnDelete" and rolling is not None:
        problems.invalid(
            "spec.updateStrategy.rollingUpdate",
            rolling,
            "only allowed for updateStrategy 'RollingUpdate'",
        )
    elif (rolling or {}).get("partition", 0) < 0:
        problems.invalid(
            "spec.updateStrategy.rollingUpdate.partition",
            (rolling or {})["partition"],
            "must be greater than or equal to 0",
        )
    for name, value in spec["persistentVolumeClaimRetentionPolicy"].items():
        if value not in _POLICIES:
            field = f"spec.persistentVolumeClaimRetentionPolicy.{name}"
            problems.unsupported(field, value, _POLICIES)


def _selector(spec: Object, problems: Problems) -> None:
    name = spec.get("serviceName")
    if name and (wrong := names.label(name)):
        problems.invalid("spec.serviceName", name, wrong)
    chosen = spec.get("selector")
    if chosen is None:
        problems.required("spec.selector")
        return
    check_selector(chosen, "spec.selector", problems)
    if not chosen.get("matchLabels") and not chosen.get("matchExpressions"):
        problems.invalid("spec.selector", chosen, "empty selector is invalid for statefulset")


def _template(spec: Object, problems: Problems) -> None:
    template = spec["template"]
    details = template.get("metadata") or {}
    found = details.get("labels") or {}
    if spec.get("selector") and not labels_match(from_selector(spec["selector"]), found):
        problems.invalid(
            "spec.template.metadata.labels", found, "`selector` does not match template `labels`"
        )
    check_labels(found, "spec.template.labels", problems)
    check_annotations(details.get("annotations"), "spec.template.annotations", problems)
    claims = [one["metadata"].get("name", "") for one in spec.get("volumeClaimTemplates") or ()]
    inner = {k: v for k, v in template["spec"].items() if k not in ("hostname", "subdomain")}
    podcheck.check(inner, "spec.template.spec", problems, claims)
    if inner["restartPolicy"] != "Always":
        problems.unsupported("spec.template.spec.restartPolicy", inner["restartPolicy"], ("Always",))
    if inner.get("activeDeadlineSeconds") is not None:
        problems.forbidden(
            "spec.template.spec.activeDeadlineSeconds",
            "activeDeadlineSeconds in StatefulSet is not Supported",
        )


def _status(status: Object, problems: Problems) -> None:
    total = status.get("replicas", 0)
    for name in ("readyReplicas", "currentReplicas", "updatedReplicas", "availableReplicas"):
        number = status.get(name, 0)
        if number < 0:
            problems.invalid(f"status.{name}", number, "must be greater than or equal to 0")
        if number > total:
            problems.invalid(f"status.{name}", number, "cannot be greater than status.replicas")
