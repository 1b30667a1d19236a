"""
The login for Jolokia, from the Secret that a cluster names.

A Secret is read in full only here, only when it changed, and its content goes nowhere but into
`Credentials`. A Secret that is missing, forbidden or incomplete is an `Obstacle` with the field to look at.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Mapping
from typing import Any, Final

import attrs

from controller.api.v2 import effective
from controller.api.v2.cluster import CassandraCluster
from controller.cassandra.jolokia import Credentials
from controller.domain.errors import NotFoundError, TerminalError
from controller.domain.observed import Obstacle
from controller.kube import kinds
from controller.kube.client import KubeClient
from controller.reconcile.named import Named
from controller.runtime.store import Key

_FIELD: Final = "spec.imageJolokiaSecret"
PATH: Final = f"{_FIELD}.name"


class Logins:
    """Reads Secrets for all clusters.

    *version* tells at which version a Secret is now, None if it is gone; *on_secret* hears each password.
    """

    def __init__(
        self,
        client: KubeClient,
        version: Callable[[Key], str | None],
        on_secret: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._client = client
        self._version = version
        self._on_secret = on_secret
        # Two workers at most read a Secret twice.
        self._known: Named[Credentials | Obstacle] = Named()

    def of(self, cluster: CassandraCluster) -> Credentials | Obstacle | None:
        """Return the login for *cluster*'s nodes: None if it names no Secret, and its nodes ask for none."""
        name = effective.jolokia_secret(cluster)
        own = Key(cluster.namespace, cluster.name)
        if name is None:
            self._known.forget(own)
            return None
        key = Key(cluster.namespace, name)
        version = self._version(key)
        if version is None:
            self._known.drop(key)
            return self._read(key)[1]
        login = self._known.get(own, key, version)
        if login is None:
            read, login = self._read(key)
            self._known.keep(own, key, read, login)
        return login

    def forget(self, cluster: Key) -> None:
        """Drop the login of a cluster that is gone, unless another one has the same."""
        self._known.forget(cluster)

    def _read(self, key: Key) -> tuple[str, Credentials | Obstacle]:
        try:
            secret = self._client.get(kinds.SECRET, key.namespace, key.name)
        except NotFoundError:
            why = f"there is no Secret {key.name} in namespace {key.namespace}: create it with username and"
            return "", _obstacle("SecretMissing", f"{why} password")
        except TerminalError as error:
            why = f"the operator may not read Secret {key.name} in namespace {key.namespace}: {error}"
            return "", _obstacle("SecretUnreadable", why)
        login = _login(key.name, secret.get("data") or {})
        if isinstance(login, Credentials):
            login = attrs.evolve(login, source=f"{_FIELD} (Secret {key.name})")
        if isinstance(login, Credentials):
            self._on_secret(login.password)
        return secret["metadata"]["resourceVersion"], login


def _login(name: str, data: Mapping[str, Any]) -> Credentials | Obstacle:
    """Return the login in *data*, or what is wrong with it; values never get into a message."""
    missing = [field for field in ("username", "password") if not data.get(field)]
    if missing:
        return _obstacle("SecretIncomplete", f"Secret {name} has no {' and no '.join(missing)}: add it")
    try:
        username, password = (base64.b64decode(data[f]).decode() for f in ("username", "password"))
    except (binascii.Error, UnicodeDecodeError):
        return _obstacle("SecretIncomplete", f"username or password of Secret {name} is not text: correct it")
    return Credentials(username=username, password=password)


def _obstacle(reason: str, why: str) -> Obstacle:
    return Obstacle(reason=reason, path=PATH, why=f"{PATH}: {why}")
