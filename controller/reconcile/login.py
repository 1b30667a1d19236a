"""
Which login a cluster's nodes ask for, decided by what exists.

A Secret that the spec names wins. Without one a new cluster gets a login of the operator's making, and a
cluster whose nodes ask for none, such as CassKop's, is left so: to change that restarts every node, which
is its user's to ask for (`spec.access.jolokiaLogin`). Nothing is remembered: the same objects give the
same answer, whoever made them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import attrs

from controller.api.v2 import effective, names
from controller.api.v2.cluster import CassandraCluster, JolokiaLogin, SecretRef
from controller.api.v2.revision import Revision
from controller.cassandra.jolokia import Credentials
from controller.domain.observed import Obstacle
from controller.reconcile.credentials import PATH, Logins
from controller.reconcile.snapshot import template_revision
from controller.reconcile.stores import Object

_PASSWORD = "JOLOKIA_PASSWORD"  # noqa: S105 -- the name of a variable


@attrs.frozen(kw_only=True)
class Login:
    """
    What was decided, and what there is of it.

    *cluster* names the Secret in its spec, whoever chose it. *credentials* are what nodes are asked with;
    None if they ask for none, or cannot be asked. *missing* is the name of the Secret that is still to be
    made, *obstacle* what a person has to put right. *uid* is that of the generated Secret, None if it is
    not there now, "" if it is not in use.
    """

    cluster: CassandraCluster
    credentials: Credentials | None = attrs.field(default=None, repr=False)
    missing: str | None = None
    obstacle: Obstacle | None = None
    uid: str | None = ""


def chosen(
    cluster: CassandraCluster,
    *,
    statefulsets: Iterable[Object],
    pods: bool,
    secret: Object | None,
) -> CassandraCluster:
    """
    Return *cluster* with the name of the Secret whose login its nodes ask for.

    *statefulsets* are those of the cluster, *pods* tells whether it has any, *secret* is the one with the
    name of a generated one.
    """
    if effective.jolokia_secret(cluster) is not None or not _generates(
        cluster, tuple(statefulsets), pods=pods, made=_is_ours(secret, cluster)
    ):
        return cluster
    return _with_secret(cluster, names.jolokia_secret(cluster.name))


def look(
    cluster: CassandraCluster,
    logins: Logins,
    *,
    statefulsets: Iterable[Object],
    pods: bool,
    secret: Object | None,
) -> Login:
    """Decide as `chosen` does, and read the login; raises the client's errors."""
    wanted = chosen(cluster, statefulsets=statefulsets, pods=pods, secret=secret)
    generated = names.jolokia_secret(cluster.name)
    # Shown is metadata alone, so that this is no secret.
    uid = secret["metadata"]["uid"] if secret is not None and _is_ours(secret, cluster) else ""
    if effective.jolokia_secret(cluster) is not None:
        # The user may name ours, too.
        return _read(wanted, logins, uid=uid if effective.jolokia_secret(cluster) == generated else "")
    if effective.jolokia_secret(wanted) is None:
        # Nodes that have yet to be restarted ask for ours, and the others do not mind.
        found = logins.of(_with_secret(cluster, generated)) if uid else None
        return Login(cluster=wanted, credentials=found if isinstance(found, Credentials) else None)
    if secret is None:
        return Login(cluster=wanted, missing=generated, uid=None)
    if not uid:
        return Login(cluster=wanted, obstacle=_taken(generated))
    return _read(wanted, logins, uid=uid, source=f"Secret {generated}")


def _generates(
    cluster: CassandraCluster, statefulsets: tuple[Object, ...], *, pods: bool, made: bool
) -> bool:
    """Tell whether the login of a cluster that names no Secret is of our making."""
    asked = cluster.spec.access.jolokia_login if cluster.spec.access else None
    if asked:
        return asked == JolokiaLogin.GENERATED
    if made or not (statefulsets or pods):
        return True
    # It was deleted, or the user's own is no longer named: our nodes are not opened by an omission.
    generated = names.jolokia_secret(cluster.name)
    return any(
        (name := _asked_for(obj)) == generated or (name and template_revision(obj) != Revision.CASSKOP)
        for obj in statefulsets
    )


def _asked_for(statefulset: Object) -> str | None:
    """Return the name of the Secret that pods of *statefulset* take their password from."""
    for container in statefulset["spec"]["template"]["spec"].get("containers") or ():
        if container["name"] == names.CASSANDRA:
            for variable in container.get("env") or ():
                if variable["name"] == _PASSWORD:
                    reference: Mapping[str, str] = (variable.get("valueFrom") or {}).get("secretKeyRef") or {}
                    return reference.get("name")
    return None


def _is_ours(secret: Object | None, cluster: CassandraCluster) -> bool:
    owners = (secret["metadata"].get("ownerReferences") or ()) if secret is not None else ()
    return cluster.metadata.uid in {owner["uid"] for owner in owners}


def _with_secret(cluster: CassandraCluster, name: str) -> CassandraCluster:
    return attrs.evolve(cluster, spec=attrs.evolve(cluster.spec, image_jolokia_secret=SecretRef(name=name)))


def _read(cluster: CassandraCluster, logins: Logins, *, uid: str, source: str | None = None) -> Login:
    found = logins.of(cluster)
    if isinstance(found, Obstacle):
        return Login(cluster=cluster, obstacle=found, uid=uid)
    if found is not None and source is not None:
        found = attrs.evolve(found, source=source)
    return Login(cluster=cluster, credentials=found, uid=uid)


def _taken(name: str) -> Obstacle:
    why = (
        f"{PATH}: there is a Secret {name} that is not this cluster's, where its generated login would be:"
        " name it here if nodes are to ask for what it holds, or delete it"
    )
    return Obstacle(reason="SecretTaken", path=PATH, why=why)
