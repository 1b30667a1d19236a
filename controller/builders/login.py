"""
The Secret with a login of the operator's making, which nodes ask for and the operator sends.

It is immutable: a password that changes under running nodes would lock the operator out of all of them
at once. Another one comes by deleting it.
"""

from __future__ import annotations

from typing import Any, Final

from controller.api.v2 import names

USERNAME: Final = "casskop"


def build_login_secret(*, namespace: str, cluster: str, uid: str, password: str) -> dict[str, Any]:
    """Return the Secret of the CassandraCluster called *cluster* with *uid*."""
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {
            "name": names.jolokia_secret(cluster),
            "namespace": namespace,
            "labels": names.cluster_labels(cluster),
            "ownerReferences": [names.owner(cluster, uid)],
        },
        "type": "Opaque",
        "immutable": True,
        "stringData": {"username": USERNAME, "password": password},
    }
