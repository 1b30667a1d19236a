"""Events, Leases, Endpoints, EndpointSlices and ControllerRevisions."""

from __future__ import annotations

from e2e.simkube.errors import Problems
from e2e.simkube.rules.base import Rules
from e2e.simkube.values import Object


class EventRules(Rules):
    """Events, in the form of core v1."""

    creates_on_update = True

    def validate(self, found: Object, problems: Problems) -> None:
        """An event is where its object is; one of events.k8s.io says who did what."""
        about = found["involvedObject"].get("namespace", "")
        namespace = found["metadata"].get("namespace", "")
        if about != namespace and (about or namespace != "default"):
            problems.invalid("involvedObject.namespace", about, "does not match event.namespace")
        if self.resource.group or found.get("eventTime"):
            self._check_new(found, problems)

    def _check_new(self, found: Object, problems: Problems) -> None:
        if not found.get("eventTime"):
            problems.required("eventTime")
            return
        for name, field in (
            ("reportingComponent", "reportingController"),
            ("reportingInstance", "reportingInstance"),
            ("action", "action"),
            ("reason", "reason"),
        ):
            if not found.get(name):
                problems.required(field)
        if found.get("type") not in ("Normal", "Warning"):
            problems.invalid("type", found.get("type", ""), "has invalid value: ")
        if len(found.get("message", "").encode()) > 1024:
            problems.invalid("message", "", "can have at most 1024 characters")


class LeaseRules(Rules):
    """Leases."""

    creates_on_update = True
    overwrites = False

    def validate(self, found: Object, problems: Problems) -> None:
        """Durations are positive."""
        spec = found.get("spec") or {}
        if spec.get("leaseDurationSeconds", 1) <= 0:
            problems.invalid(
                "spec.leaseDurationSeconds",
                spec["leaseDurationSeconds"],
                "must be greater than 0",
            )
        if spec.get("leaseTransitions", 0) < 0:
            problems.invalid(
                "spec.leaseTransitions",
                spec["leaseTransitions"],
                "must be greater than or equal to 0",
            )


class EndpointsRules(Rules):
    """Endpoints."""

    creates_on_update = True

    def default(self, found: Object) -> None:
        """Ports speak TCP."""
        for subset in found.get("subsets") or ():
            for port in subset.get("ports") or ():
                port.setdefault("protocol", "TCP")


class SliceRules(Rules):
    """EndpointSlices."""

    def default(self, found: Object) -> None:
        """Ports speak TCP and have a name, if an empty one."""
        for port in found.get("ports") or ():
            port.setdefault("name", "")
            port.setdefault("protocol", "TCP")

    def validate(self, found: Object, problems: Problems) -> None:
        """Check the address type."""
        if found.get("addressType") not in ("IPv4", "IPv6", "FQDN"):
            problems.required("addressType")

    def validate_update(self, found: Object, before: Object, problems: Problems) -> None:
        """The address type is fixed."""
        if found.get("addressType") != before.get("addressType"):
            problems.invalid("addressType", found.get("addressType"), "field is immutable")


class RevisionRules(Rules):
    """ControllerRevisions."""

    def validate(self, found: Object, problems: Problems) -> None:
        """There must be data, and a revision that counts up."""
        if found.get("data") is None:
            problems.required("data", "data is mandatory")
        if found.get("revision", 0) < 0:
            problems.invalid("revision", found["revision"], "must be greater than or equal to 0")

    def validate_update(self, found: Object, before: Object, problems: Problems) -> None:
        """The data is fixed."""
        if found.get("data") != before.get("data"):
            problems.invalid("data", found.get("data"), "field is immutable")
