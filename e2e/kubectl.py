"""Run kubectl as a user would, with a deadline on every call."""

from __future__ import annotations

from collections.abc import Mapping
import json
import subprocess
from typing import Any

import attrs
import yaml

Object = dict[str, Any]


class KubectlError(Exception):
    """kubectl ended with an error; the message is what it said."""


@attrs.frozen(kw_only=True)
class Kubectl:
    """kubectl with a kubeconfig and a namespace."""

    kubeconfig: str
    namespace: str

    def run(self, *words: str, given: str | None = None, seconds: float = 60) -> str:
        """Run `kubectl WORDS` with *given* on its standard input, and return what it printed.

        Raises `KubectlError` if it fails or takes longer than *seconds*.
        """
        command = ["kubectl", f"--kubeconfig={self.kubeconfig}", f"--namespace={self.namespace}", *words]
        try:
            done = subprocess.run(
                command, input=given, capture_output=True, text=True, timeout=seconds, check=False
            )
        except subprocess.TimeoutExpired as error:
            raise KubectlError(f"kubectl {' '.join(words)}: no end after {seconds:g} s") from error
        if done.returncode:
            raise KubectlError(f"kubectl {' '.join(words)}: {done.stderr.strip() or done.stdout.strip()}")
        return done.stdout

    def apply(self, *objects: Mapping[str, Any], server_side: bool = False) -> None:
        """Apply *objects*, as `kubectl apply -f` does."""
        words = ["apply", "--server-side"] if server_side else ["apply"]
        self.run(*words, "-f", "-", given=yaml.safe_dump_all([dict(o) for o in objects]))

    def get(self, *what: str) -> Object:
        """Return `kubectl get WHAT -o json`."""
        return dict(json.loads(self.run("get", *what, "-o", "json")))

    def patch(self, kind: str, name: str, patch: Mapping[str, Any]) -> None:
        """Merge *patch* into an object."""
        self.run("patch", kind, name, "--type=merge", "-p", json.dumps(patch))

    def render(self, folder: str) -> list[Object]:
        """Return the objects that `kubectl kustomize FOLDER` makes."""
        return [o for o in yaml.safe_load_all(self.run("kustomize", folder)) if o]
