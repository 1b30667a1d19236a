"""
What the ConfigMap holds that a cluster's pods are made with, as a hash.

A ConfigMap of the user's is read in full only here, and only when it changed. One that is missing or
cannot be read is None: nothing is concluded from that.
"""

from __future__ import annotations

from collections.abc import Callable

from controller.api.v2.cluster import CassandraCluster
from controller.builders.hashing import short_hash
from controller.domain.errors import NotFoundError, TerminalError
from controller.kube import kinds
from controller.kube.client import KubeClient
from controller.reconcile.named import Named
from controller.runtime.store import Key


class Contents:
    """Reads ConfigMaps for all clusters; *version* tells at which version one is now, None if it is gone."""

    def __init__(self, client: KubeClient, version: Callable[[Key], str | None]) -> None:
        self._client = client
        self._version = version
        # Two workers at most read a ConfigMap twice.
        self._known: Named[str] = Named()

    def of(self, cluster: CassandraCluster) -> str | None:
        """Return the hash of what *cluster*'s ConfigMap holds; None if it names none, or none can be read."""
        own = Key(cluster.namespace, cluster.name)
        name = cluster.spec.config_map_name
        version = self._version(Key(cluster.namespace, name)) if name else None
        if not name or version is None:
            self._known.forget(own)
            return None
        key = Key(cluster.namespace, name)
        known = self._known.get(own, key, version)
        if known is None:
            found = self._read(key)
            if found is None:
                return None
            read, known = found
            self._known.keep(own, key, read, known)
        return known

    def forget(self, cluster: Key) -> None:
        """Drop what is kept for a cluster that is gone, unless another one has the same."""
        self._known.forget(cluster)

    def _read(self, key: Key) -> tuple[str, str] | None:
        try:
            found = self._client.get(kinds.CONFIG_MAP, key.namespace, key.name)
        except (NotFoundError, TerminalError):
            return None
        held = {"data": found.get("data") or {}, "binaryData": found.get("binaryData") or {}}
        return found["metadata"]["resourceVersion"], short_hash(held)
