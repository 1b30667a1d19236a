"""
The StatefulSet of one rack.

A pure function of the CassandraCluster, the rack, the template revision and what an existing StatefulSet
keeps. Revision 0 is CassKop's object, field for field. It promises valid objects for clusters in which
`domain.admission` finds no problem.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from controller.api.v2 import effective, names
from controller.api.v2.cluster import CassandraCluster
from controller.api.v2.defaults import with_defaults
from controller.api.v2.revision import Revision
from controller.builders import casskop
from controller.builders.context import Context, Images, Kept, storage_of
from controller.builders.hashing import template_hash
from controller.builders.podtemplate import build_pod_template
from controller.builders.volumes import claim_templates

_NOTHING_KEPT = Kept()


def build_statefulset(  # noqa: PLR0913 # each is an input of its own, and all but the rack go by name
    cluster: CassandraCluster,
    dc: str,
    rack: str,
    *,
    replicas: int,
    seeds: Iterable[str],
    revision: int,
    images: Images,
    kept: Kept = _NOTHING_KEPT,
    on_delete: bool | None = None,
) -> dict[str, Any]:
    """Return the StatefulSet of *rack* in *dc*.

    *seeds* are the DNS names for CASSANDRA_SEEDS and the configuration. *kept* comes from the existing
    StatefulSet (`Kept.of`), if there is one. *on_delete* leaves the replacement of pods to the operator;
    None means as the revision has it: not in CassKop's, always in ours.
    Raises KeyError if the topology has no such rack, ValueError for an unknown revision.
    """
    cluster = with_defaults(cluster, revision=revision)
    data_centre, found = effective.find_rack(cluster, dc, rack)
    level = Revision(revision)
    context = Context(
        cluster=cluster,
        dc=data_centre,
        rack=found,
        seeds=tuple(seeds),
        revision=level,
        own_image=kept.own_image or images.own,
        kept=kept,
        storage=storage_of(cluster, data_centre, level, kept),
    )
    statefulset: dict[str, Any] = {
        "apiVersion": "apps/v1",
        "kind": "StatefulSet",
        "metadata": _metadata(context),
        "spec": _spec(context, replicas, on_delete=context.hardened if on_delete is None else on_delete),
    }
    statefulset["metadata"]["annotations"] = _annotations(context, statefulset)
    return statefulset


def _metadata(context: Context) -> dict[str, Any]:
    cluster, dc, rack = context.cluster, context.dc.name, context.rack.name
    return {
        "name": names.statefulset(cluster.name, dc, rack),
        "namespace": cluster.namespace,
        "labels": names.rack_labels(cluster.name, dc, rack, cluster.metadata.labels),
        "ownerReferences": [names.owner_reference(cluster)],
    }


def _spec(context: Context, replicas: int, *, on_delete: bool) -> dict[str, Any]:
    spec: dict[str, Any] = {
        "serviceName": names.headless_service(context.cluster.name),
        "replicas": replicas,
        "selector": {"matchLabels": context.selector_labels},
        "template": build_pod_template(context),
        "updateStrategy": _update_strategy(context, on_delete=on_delete),
    }
    claims = claim_templates(context)
    if claims:
        spec["volumeClaimTemplates"] = claims
    if context.hardened:
        # Whole racks may start at once; adopted StatefulSets cannot change this.
        spec["podManagementPolicy"] = context.kept.pod_management_policy or "Parallel"
    return spec


def _update_strategy(context: Context, *, on_delete: bool) -> dict[str, Any]:
    """Return who replaces pods: the operator, or Kubernetes down to `rollingPartition`."""
    if on_delete:
        return {"type": "OnDelete"}
    return {"type": "RollingUpdate", "rollingUpdate": {"partition": context.rack.rolling_partition}}


def _annotations(context: Context, statefulset: dict[str, Any]) -> dict[str, str]:
    annotations = {
        names.TEMPLATE_REVISION: str(int(context.revision)),
        names.TEMPLATE_HASH: template_hash(statefulset),
    }
    if context.revision is Revision.CASSKOP:
        wanted = effective.nodes_per_rack(context.cluster, context.dc)
        annotations[names.CASSKOP_LAST_APPLIED] = casskop.last_applied(statefulset, replicas=wanted)
    return annotations
