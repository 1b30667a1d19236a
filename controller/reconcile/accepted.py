"""
Which spec a reconcile goes by: the one that is written, what can be accepted of it, or the last good one.

The last accepted spec is in CassKop's annotation. An edit with a part that existing nodes cannot follow is
accepted without that part; one that makes no sense is not accepted at all. A refused edit stays in the
spec, which is its user's, and is judged anew each time: what changed meanwhile may allow it.

Racks that were taken out stay in the accepted spec while anything of them exists: how their nodes are made
is needed until they have left. The annotation names them as leaving, beside the spec.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
import json
from typing import Any, Final

import attrs

from controller.api.v2 import names
from controller.api.v2.cluster import CassandraCluster, PendingChange
from controller.api.v2.codec import decode_cluster
from controller.api.v2.problems import InvalidClusterError, Problem
from controller.api.v2.unknown import unknown_fields
from controller.builders.context import Kept
from controller.builders.places import places
from controller.domain import conditions
from controller.domain.admission import standing, validate
from controller.domain.changes import Facts, Held, judge
from controller.domain.conditions import Finding
from controller.domain.leaving_status import scaling_down
from controller.reconcile import approval
from controller.reconcile.ours import by_rack, by_rack_pods, joined
from controller.reconcile.stores import BY_CLUSTER, Object, Stores
from controller.reconcile.takeover import taken_apart
from controller.runtime.store import Key

# The member of the annotation, beside `spec`, with the racks that are listed there only until they are gone.
_LEAVING: Final = "leaving"


@attrs.frozen(kw_only=True)
class Chosen:
    """
    What to go by.

    *cluster* has the spec to carry out, or none that counts if not *usable*. *remember* is the object
    whose spec was accepted, None if nothing was. *refused* tells that an edit of what was accepted before
    is not carried out, in part or whole; *found* says why. *leaving* names racks of *cluster* that its
    user has taken out.
    """

    cluster: CassandraCluster
    found: tuple[Finding, ...]
    remember: Object | None
    usable: bool = True
    refused: bool = False
    leaving: frozenset[str] = frozenset()
    # The edit that waits for approval; the spec that was accepted before it is carried out.
    pending: PendingChange | None = None


def choose(obj: Object, facts: Callable[[CassandraCluster], Facts]) -> Chosen:
    """Return what to go by for *obj*; *facts* are asked for when an edit has to be judged."""
    cluster, problems, known = _read(obj)
    accepted: Object = obj
    held: tuple[Held, ...] = ()
    leaving: frozenset[str] = frozenset()
    before = None if _unchanged(obj) else last_accepted(obj)
    if before is not None and _readable(obj):
        verdict = judge(_accepted_spec(obj), obj.get("spec") or {}, facts(cluster))
        if verdict.held or verdict.leaving:
            held, leaving = verdict.held, verdict.leaving
            accepted = {**obj, "spec": verdict.spec, _LEAVING: sorted(leaving)}
            cluster, problems, known = _read(accepted)
    said = [str(one) for one in (*held, *problems)]
    if not problems and before is not None:
        waits = approval.pending(obj, accepted, _accepted_spec(obj), facts(cluster))
        if waits is not None:
            return Chosen(
                cluster=attrs.evolve(cluster, spec=before.spec),
                found=(approval.waiting(waits, obj),),
                remember=None,
                leaving=_leaving(obj["metadata"].get("annotations") or {}),
                pending=waits,
            )
    if not problems:
        ignored = unknown_fields(obj.get("spec") or {})
        found = conditions.partly_refused(said) if held else conditions.accepted(ignored)
        found = attrs.evolve(found, message="; ".join((found.message, *_warnings(known))))
        return Chosen(cluster=cluster, found=(found,), remember=accepted, refused=bool(held), leaving=leaving)
    if before is None:
        return Chosen(
            cluster=cluster,
            found=tuple(conditions.refused(said, fallback=False)),
            remember=None,
            usable=False,
        )
    return Chosen(
        cluster=attrs.evolve(cluster, spec=before.spec),
        found=tuple(conditions.refused(said, fallback=True)),
        remember=None,
        refused=True,
        leaving=_leaving(obj["metadata"].get("annotations") or {}),
    )


def facts_of(cluster: CassandraCluster, stores: Stores) -> Facts:
    """Return what changes of *cluster* are judged by, from what the stores show."""
    key = Key(cluster.namespace, cluster.name)
    statefulsets = by_rack(stores.statefulsets.find(BY_CLUSTER, key), cluster)
    leaving = _leaving(cluster.metadata.annotations)
    # One that lost its StatefulSet and not its pods is not gone.
    left = by_rack_pods(stores.pods.find(BY_CLUSTER, key), statefulsets)
    orphaned = {rack: len(left[rack]) for rack in leaving & left.keys() - statefulsets.keys()}
    # One that is about to be made again is there all the same.
    statefulsets = {**taken_apart(cluster, statefulsets), **statefulsets}
    ring = stores.config_maps.get(Key(key.namespace, names.ring_configmap(key.name)))
    pods = joined(cluster, ring)
    return Facts(
        cluster=cluster.name,
        nodes={**orphaned, **{rack: places(obj) for rack, obj in statefulsets.items()}},
        leaving=leaving,
        joined=frozenset(
            rack
            for rack, obj in statefulsets.items()
            if any(pod.rpartition("-")[0] == obj["metadata"]["name"] for pod in pods)
        ),
        capacity={rack: Kept.of(obj).capacity for rack, obj in statefulsets.items()},
        releases=frozenset(
            node.release_version
            for node in cluster.status.cassandra_node_status.values()
            if node.release_version
        ),
        scaling_down=scaling_down(cluster.status),
    )


def read(obj: Object) -> tuple[CassandraCluster, tuple[Problem, ...]]:
    """Return the cluster and all that is wrong with its spec; a spec that cannot be read is left out."""
    try:
        cluster = decode_cluster(obj)
    except InvalidClusterError as error:
        bare = {"metadata": obj["metadata"], "status": obj.get("status")}
        return decode_cluster(bare), error.problems
    return cluster, validate(cluster)


def _read(obj: Object) -> tuple[CassandraCluster, tuple[Problem, ...], tuple[Problem, ...]]:
    """Return the cluster, what is wrong with its spec, and what was so when it was last accepted, too."""
    cluster, problems = read(obj)
    accepted = last_accepted(obj) if problems else None
    known = frozenset() if accepted is None else standing(cluster, accepted)
    return (
        cluster,
        tuple(each for each in problems if each not in known),
        tuple(each for each in problems if each in known),
    )


def _warnings(known: tuple[Problem, ...]) -> tuple[str, ...]:
    return (f"as before: {'; '.join(map(str, known))}",) if known else ()


def last_accepted(obj: Object) -> CassandraCluster | None:
    """Return the cluster as it was when its spec was last accepted; None if it never was.

    CassKop accepts more than is accepted here; what its clusters can run with is no objection.
    """
    text = (obj["metadata"].get("annotations") or {}).get(names.LAST_APPLIED)
    if not text:
        return None
    try:
        accepted: Any = json.loads(text)
        if not isinstance(accepted, dict) or not isinstance(accepted.get("spec"), dict):
            # To read it as an empty spec would be to carry out one that nobody wrote.
            return None
        cluster = decode_cluster({"metadata": obj["metadata"], "spec": accepted["spec"]})
    except ValueError:
        return None
    problems = validate(cluster)
    return cluster if not problems or standing(cluster, cluster).issuperset(problems) else None


def accepted_text(obj: Object) -> str:
    """Return what the annotation holds for *obj*: its spec, and nothing of its metadata that moves."""
    return json.dumps(
        {
            "apiVersion": obj.get("apiVersion"),
            "kind": obj.get("kind"),
            "metadata": {k: obj["metadata"].get(k) for k in ("name", "namespace")},
            "spec": obj.get("spec") or {},
            **({_LEAVING: obj[_LEAVING]} if obj.get(_LEAVING) else {}),
        },
        sort_keys=True,
        separators=(",", ":"),
    )


def _accepted_spec(obj: Object) -> dict[str, Any]:
    """Return the spec that was accepted last, as it was written; there is one."""
    return dict(json.loads(obj["metadata"]["annotations"][names.LAST_APPLIED])["spec"])


def _leaving(annotations: Mapping[str, str]) -> frozenset[str]:
    """Return the racks that were leaving when a spec was last accepted."""
    try:
        accepted: Any = json.loads(annotations.get(names.LAST_APPLIED) or "{}")
    except ValueError:
        return frozenset()
    listed = accepted.get(_LEAVING) if isinstance(accepted, dict) else None
    return frozenset(each for each in listed or () if isinstance(each, str))


def _unchanged(obj: Object) -> bool:
    """Tell whether the spec is, to the letter, the one that was last accepted."""
    return (obj["metadata"].get("annotations") or {}).get(names.LAST_APPLIED) == accepted_text(obj)


def _readable(obj: Object) -> bool:
    """Tell whether the spec has the types of its fields, so that it can be compared part by part."""
    try:
        decode_cluster(obj)
    except InvalidClusterError:
        return False
    return True
