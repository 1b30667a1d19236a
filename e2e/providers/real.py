"""A real cluster for scenarios: everything is asked of kubectl, as a user would."""

from __future__ import annotations

from collections.abc import Callable, Mapping
import datetime as dt
from typing import Any, TypeVar

import attrs

from e2e import ringview, watching
from e2e.kubectl import Kubectl, KubectlError
from e2e.lab import kill_operator
from e2e.providers.cluster import MissingError, Object, RefusedError, TooLateError, by_name

T = TypeVar("T")


@attrs.frozen(kw_only=True)
class RealCluster:
    """The cluster behind *kubectl*; *image* is the operator's image on it."""

    kubectl: Kubectl
    image: str

    def apply(self, *objects: Mapping[str, Any]) -> None:
        """Apply, as `kubectl apply -f` does."""
        try:
            self.kubectl.apply(*objects)
        except KubectlError as error:
            raise RefusedError(str(error)) from error

    def patch(self, kind: str, name: str, patch: Mapping[str, Any]) -> None:
        """Patch, as `kubectl patch --type=merge` does."""
        try:
            self.kubectl.patch(kind, name, patch)
        except KubectlError as error:
            raise RefusedError(str(error)) from error

    def delete(self, kind: str, name: str, *, seconds: float = 120) -> None:
        """Delete, as `kubectl delete` does."""
        how = f"--timeout={seconds:.0f}s" if seconds else "--wait=false"
        words = ["delete", kind, name, "--ignore-not-found", how]
        try:
            self.kubectl.run(*words, seconds=seconds + 10)
        except KubectlError as error:
            raise TooLateError(str(error)) from error

    def get(self, kind: str, name: str) -> Object:
        """Return an object."""
        try:
            return self.kubectl.get(kind, name, "--show-managed-fields")
        except KubectlError as error:
            if "NotFound" in str(error):
                raise MissingError(str(error)) from error
            raise

    def of(self, name: str, kind: str) -> list[Object]:
        """Return the objects with the cluster's label."""
        return by_name(self.kubectl.get(kind, "-l", f"cassandracluster={name}")["items"])

    def events(self, name: str) -> list[Object]:
        """Return the cluster's events."""
        return watching.events(self.kubectl, name)

    def views(self, name: str) -> dict[str, Object]:
        """Let a pod ask the nodes."""
        return ringview.views(self.kubectl, name, image=self.image)

    def kill_operator(self) -> None:
        """Delete the operator's pod without grace."""
        kill_operator(self.kubectl)

    def steal_lease(self) -> None:
        """Write another holder into the Lease, as a second operator would that believes itself alone."""
        now = dt.datetime.now(dt.UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        thief = {"holderIdentity": "thief", "renewTime": now, "acquireTime": now, "leaseDurationSeconds": 5}
        self.kubectl.patch("lease", "casskop", {"spec": thief})

    def eventually(self, probe: Callable[[], T | None], *, seconds: float, what: str) -> T:
        """Look twice a second."""
        return watching.eventually(probe, seconds=seconds, what=what)
