"""
The Secret with the generated login: made once, never written again.

The password comes from outside, is told to whoever keeps it out of logs before it is used, and goes into
the Secret and nowhere else. One that exists is left alone, whoever made it.
"""

from __future__ import annotations

from collections.abc import Callable
import secrets

import attrs

from controller.builders.login import build_login_secret
from controller.domain.actions import CreateSecret
from controller.executors.base import Bodies, Written
from controller.kube import kinds
from controller.kube.client import KubeClient


def password() -> str:
    """Return a new password of 192 random bits, in characters that need no quoting anywhere."""
    return secrets.token_urlsafe(24)


@attrs.frozen(kw_only=True)
class LoginSecrets:
    """Makes Secrets with a *password* each; *on_secret* hears it first."""

    client: KubeClient
    password: Callable[[], str] = password
    on_secret: Callable[[str], None] = lambda _: None

    def __call__(self, action: CreateSecret, bodies: Bodies) -> Written:  # noqa: ARG002 -- there is one login a cluster
        """Create the Secret; `ConflictError` if there is one of that name."""
        made = self.password()
        self.on_secret(made)
        body = build_login_secret(
            namespace=bodies.namespace, cluster=bodies.cluster, uid=bodies.uid, password=made
        )
        stored = self.client.create(kinds.SECRET, bodies.namespace, body)
        return Written.of(kinds.SECRET, stored)
