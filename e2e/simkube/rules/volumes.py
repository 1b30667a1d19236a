"""Claims, volumes and storage classes."""

from __future__ import annotations

from collections.abc import Iterator

from e2e.simkube import errors, names, quantity
from e2e.simkube.errors import Problems
from e2e.simkube.rules.base import Rules
from e2e.simkube.state import State
from e2e.simkube.store import Version
from e2e.simkube.values import Object, clone, dig

_CLASSES = ("storage.k8s.io", "storageclasses")
_MODES = ("ReadOnlyMany", "ReadWriteMany", "ReadWriteOnce", "ReadWriteOncePod")
_DEFAULT_CLASS = "storageclass.kubernetes.io/is-default-class"
_IN_USE = "kubernetes.io/pvc-protection"
_VOLUME_IN_USE = "kubernetes.io/pv-protection"


def check_claim(spec: Object, field: str, problems: Problems) -> None:
    """Report what is wrong with the spec of a claim or claim template."""
    modes = spec.get("accessModes") or ()
    if not modes:
        problems.required(f"{field}.accessModes", "at least 1 access mode is required")
    for mode in modes:
        if mode not in _MODES:
            problems.unsupported(f"{field}.accessModes", mode, _MODES)
    amount = dig(spec, "resources", "requests", "storage")
    if amount is None:
        problems.required(f"{field}.resources[storage]")
    elif quantity.parse(amount) <= 0:
        problems.invalid(f"{field}.resources[storage]", amount, "must be greater than zero")
    name = spec.get("storageClassName")
    if name and (wrong := names.subdomain(name)):
        problems.invalid(f"{field}.storageClassName", name, wrong)
    mode = spec.get("volumeMode", "Filesystem")
    if mode not in ("Block", "Filesystem"):
        problems.unsupported(f"{field}.volumeMode", mode, ("Block", "Filesystem"))


class ClaimRules(Rules):
    """PersistentVolumeClaims."""

    returns_deleted = True

    def default(self, found: Object) -> None:
        """Volumes hold file systems."""
        found["spec"].setdefault("volumeMode", "Filesystem")

    def prepare_create(self, found: Object) -> None:
        """A new claim is not bound."""
        found["status"] = {"phase": "Pending"}

    def admit(self, found: Object) -> None:
        """Protect it while a pod uses it; give it the default class."""
        finalizers = found["metadata"].setdefault("finalizers", [])
        if _IN_USE not in finalizers:
            finalizers.append(_IN_USE)
        if found["spec"].get("storageClassName") is None:
            chosen = next(_default_classes(self.state), None)
            if chosen is not None:
                found["spec"]["storageClassName"] = chosen.object["metadata"]["name"]

    def validate(self, found: Object, problems: Problems) -> None:
        """Check the spec."""
        check_claim(found["spec"], "spec", problems)

    def validate_update(self, found: Object, before: Object, problems: Problems) -> None:
        """The spec is fixed, but for the size of a bound claim, which may not shrink."""
        bound = dig(found, "status", "phase") == "Bound"
        if _fixed(found["spec"], before["spec"], bound=bound) != before["spec"]:
            problems.forbidden(
                "spec",
                "spec is immutable after creation except resources.requests and "
                "volumeAttributesClassName for bound claims",
            )
        new, old = _size(found), _size(before)
        if new is None or old is None or quantity.parse(new) >= quantity.parse(old):
            return
        capacity = dig(before, "status", "capacity", "storage") or "0"
        if quantity.parse(new) <= quantity.parse(capacity):
            problems.forbidden(
                "spec.resources.requests.storage", "field can not be less than status.capacity"
            )

    def check(self, found: Object, before: Object | None) -> None:
        """Only claims of a class that allows it may grow."""
        new, old = _size(found), _size(before) if before is not None else None
        if new is None or old is None or quantity.parse(new) <= quantity.parse(old):
            return
        name = found["spec"].get("storageClassName") or ""
        chosen = self.state.store.get(_CLASSES, ("", name))
        if chosen is None or not chosen.object.get("allowVolumeExpansion"):
            raise errors.forbidden(
                "persistentvolumeclaims",
                "",
                found["metadata"]["name"],
                "only dynamically provisioned pvc can be resized and the storageclass that "
                "provisions the pvc must support resize",
            )


def _default_classes(state: State) -> Iterator[Version]:
    """The default classes, the newest first."""
    found = [
        version
        for version in state.store.each(_CLASSES)
        if dig(version.object, "metadata", "annotations", _DEFAULT_CLASS) == "true"
    ]
    found.sort(key=lambda one: one.object["metadata"]["name"])
    found.sort(key=lambda one: str(one.object["metadata"]["creationTimestamp"]), reverse=True)
    return iter(found)


def _size(claim: Object) -> str | None:
    size: str | None = dig(claim, "spec", "resources", "requests", "storage")
    return size


def _fixed(spec: Object, before: Object, *, bound: bool) -> Object:
    """*spec* with what may change set to what it was."""
    fixed: Object = clone(spec)
    if not before.get("volumeName"):
        fixed.pop("volumeName", None)
    if before.get("storageClassName") is None:
        fixed.pop("storageClassName", None)
    size = dig(before, "resources", "requests", "storage")
    if bound and dig(fixed, "resources", "requests", "storage") is not None:
        fixed["resources"]["requests"]["storage"] = size
    return fixed


class VolumeRules(Rules):
    """PersistentVolumes."""

    returns_deleted = True

    def default(self, found: Object) -> None:
        """Volumes are kept, and hold file systems."""
        spec = found["spec"]
        spec.setdefault("persistentVolumeReclaimPolicy", "Retain")
        spec.setdefault("volumeMode", "Filesystem")
        if "hostPath" in spec:
            spec["hostPath"].setdefault("type", "")

    def prepare_create(self, found: Object) -> None:
        """A new volume is not available yet."""
        found["status"] = {"phase": "Pending", "lastPhaseTransitionTime": self.state.now()}

    def prepare_update(self, found: Object, before: Object) -> None:
        """Note when the phase changes."""
        if dig(found, "status", "phase") != dig(before, "status", "phase"):
            found["status"]["lastPhaseTransitionTime"] = self.state.now()

    def admit(self, found: Object) -> None:
        """Protect it while a claim uses it."""
        finalizers = found["metadata"].setdefault("finalizers", [])
        if _VOLUME_IN_USE not in finalizers:
            finalizers.append(_VOLUME_IN_USE)

    def validate(self, found: Object, problems: Problems) -> None:
        """Capacity and access modes must be there."""
        spec = found["spec"]
        if not spec.get("accessModes"):
            problems.required("spec.accessModes")
        if not spec.get("capacity"):
            problems.required("spec.capacity")


class ClassRules(Rules):
    """StorageClasses."""

    returns_deleted = True

    def default(self, found: Object) -> None:
        """Volumes are deleted with their claims and bound at once."""
        found.setdefault("reclaimPolicy", "Delete")
        found.setdefault("volumeBindingMode", "Immediate")

    def validate(self, found: Object, problems: Problems) -> None:
        """There must be a provisioner."""
        if not found.get("provisioner"):
            problems.required("provisioner", found.get("provisioner", ""))

    def validate_update(self, found: Object, before: Object, problems: Problems) -> None:
        """How volumes are made is fixed."""
        for name in ("parameters", "provisioner", "reclaimPolicy", "volumeBindingMode"):
            if found.get(name) != before.get(name):
                problems.forbidden(name, f"updates to {name} are forbidden.")
