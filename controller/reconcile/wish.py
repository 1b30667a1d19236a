"""
From a spec to what a plan compares and an executor writes: names, sizes, hashes, and the objects.

Building is pure; it is done once per reconcile. A rack that exists keeps the template revision it was
made with, and the parts of its StatefulSet that Kubernetes never lets change.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
import datetime as dt
from typing import Any

import attrs

from controller.api.v2 import effective, names, quantity
from controller.api.v2.cluster import ActionName, CassandraCluster, NodeReplacement, RolloutStrategy
from controller.api.v2.cluster import Rollout as RolloutSpec
from controller.api.v2.defaults import with_defaults
from controller.api.v2.revision import Revision
from controller.api.v2.seeds import initial_seeds, updated_seeds
from controller.builders.context import Images, Kept
from controller.builders.networkpolicy import build_network_policy
from controller.builders.pdb import build_pdb
from controller.builders.ring import build_ring_configmap
from controller.builders.service import build_services
from controller.builders.statefulset import build_statefulset
from controller.cassandra.jolokia import Credentials
from controller.domain import releases
from controller.domain.availability import Consistency
from controller.domain.desired import Desired, DesiredRack, Refusal, Rollout
from controller.domain.errors import TerminalError
from controller.domain.origins import origins
from controller.executors.base import Bodies
from controller.kube.apply import drifted
from controller.reconcile import scripts, takeover
from controller.reconcile.snapshot import template_revision
from controller.reconcile.takeover import template_hash
from controller.reconcile.templates import ahead, marked, noted, recipe, restart_label

Object = Mapping[str, Any]


@attrs.frozen(kw_only=True)
class Wish:
    """What a cluster asks for, and the bodies that an executor would write for it."""

    desired: Desired
    bodies: Bodies
    seeds: tuple[str, ...]


def wish(  # noqa: PLR0913 -- what a cluster is made from, by name
    cluster: CassandraCluster,
    live: Mapping[str, Object],
    joined: frozenset[str],
    images: Images,
    *,
    now: dt.datetime | None = None,
    contents: str | None = None,
    leaving: frozenset[str] = frozenset(),
    replaced: Mapping[str, str] | None = None,
    login: str | None = "",
    fence: str | None = None,
    no_scripts: bool = False,
) -> Wish:
    """Return what *cluster*, as its user wrote it, asks for.

    *live* holds the StatefulSets that exist, by rack. *joined* names the pods that have ever joined.
    *now* dates a `rollingRestart`, and tells which `restartedAt` have come; without it, flags are left alone
    and all dates count. *contents* is the hash of the ConfigMap that pods mount, None if there is none to be
    read. *leaving* names racks, `<dc>-<rack>`, that are listed only until they are gone. *login* is the uid
    of the generated Secret whose login they ask for: "" if they ask for no such, None if there is none now.
    *fence* is the namespace of the operator, None for a cluster without a NetworkPolicy. *no_scripts*: the
    ConfigMap that it names is not there.
    Raises `TerminalError` for a StatefulSet with a template revision that this version cannot build.
    """
    newest = with_defaults(cluster, revision=Revision.newest())
    staying = without(newest, leaving)
    seeds = _seeds(staying, joined, live)
    racks: list[DesiredRack] = []
    statefulsets: dict[str, dict[str, Any]] = {}
    for i, dc in enumerate(effective.dcs(newest)):
        for j, rack in enumerate(dc.rack):
            name = names.rack_name(dc.name, rack.name)
            have = live.get(name)
            restart = restart_label(cluster, dc, rack, have, now)
            own, held = scripts.kept(cluster, have) if no_scripts else (cluster, ())
            body, refusals = _statefulset(own, dc.name, rack.name, have, seeds, images, restart, contents)
            if login != "":
                body = marked(body, names.LOGIN, login, have)
            body = noted(body, rack, have, own_resources=bool(dc.resources))
            statefulsets[name] = body
            annotations = body["metadata"]["annotations"]
            same = have is None or template_hash(have, body) == annotations[names.TEMPLATE_HASH]
            racks.append(
                DesiredRack(
                    name=name,
                    path=f"spec.topology.dc[{i}].rack" + ("" if name in leaving else f"[{j}]"),
                    replicas=0 if name in leaving else effective.nodes_per_rack(newest, dc),
                    leaves=name in leaving,
                    template_hash=annotations[names.TEMPLATE_HASH],
                    statefulset=body["metadata"]["name"],
                    partition=rack.rolling_partition,
                    change=None if same else annotations.get(names.LAST_CHANGE),
                    recipe=recipe(body),
                    line=releases.told(newest.spec.server_version, newest.spec.cassandra_image or ""),
                    refusals=(*refusals, *held),
                    seed_places=_seed_places(body["metadata"]["name"], seeds),
                    contents=contents,
                    capacity=effective.data_capacity(newest, dc),
                    capacity_path=f"spec.topology.dc[{i}].dataCapacity"
                    if dc.data_capacity
                    else "spec.dataCapacity",
                    origins=origins(
                        newest.spec,
                        image_changed=annotations.get(names.LAST_CHANGE) == ActionName.UPDATE_DOCKER_IMAGE,
                    ),
                )
            )
    shared = _shared(newest, joined, replaced or {}, live, fence=fence)
    flow_off = cluster.metadata.annotations.get(names.NO_FIRST_POD_FLOW, "").lower() == "true"
    return Wish(
        desired=Desired(
            name=cluster.name,
            racks=tuple(racks),
            shared={key: body["metadata"]["annotations"][names.OBJECT_HASH] for key, body in shared.items()},
            first_pods_first=not flow_off,
            rollout=_rollout(newest),
            cleanup_threads=newest.spec.keyspace_cleanup_threads,
            seeds=_pods_of(seeds),
            seeds_follow=newest.spec.auto_update_seed_list,
            stopped=newest.spec.stopped,
            auto_pilot=newest.spec.auto_pilot,
            replaces=newest.spec.node_replacement == NodeReplacement.AUTOMATIC,
            restarts_ahead=ahead(cluster, now),
            restarts_allowed=newest.spec.restart_count_before_pod_deletion,
        ),
        bodies=Bodies(
            namespace=cluster.namespace,
            shared=shared,
            statefulset=lambda name, size: _sized(statefulsets[name], size),
            cluster=cluster.name,
            uid=cluster.metadata.uid,
        ),
        seeds=seeds,
    )


def without(cluster: CassandraCluster, leaving: frozenset[str]) -> CassandraCluster:
    """Return *cluster* with a topology that lacks the racks *leaving*."""
    if not leaving or cluster.spec.topology is None:
        return cluster
    dcs = tuple(
        attrs.evolve(dc, rack=tuple(r for r in dc.rack if names.rack_name(dc.name, r.name) not in leaving))
        for dc in cluster.spec.topology.dc
    )
    topology = attrs.evolve(cluster.spec.topology, dc=dcs)
    return attrs.evolve(cluster, spec=attrs.evolve(cluster.spec, topology=topology))


def _seeds(cluster: CassandraCluster, joined: frozenset[str], live: Mapping[str, Object]) -> tuple[str, ...]:
    """Return the seeds of *cluster*, which has its defaults.

    They are part of every pod's environment, so they are chosen once, and may be edited in status. With
    `autoUpdateSeedList` they follow the topology, when all that it calls for have joined and all others
    have left: nodes are restarted for it once, and never told to begin with a node that is not there.
    As long as nobody has joined, a list is given up whose first node will never come.
    """
    current, wanted = cluster.status.seed_list, initial_seeds(cluster)
    if not current:
        return wanted
    # By arithmetic: a size may be a slip of the hand, of billions.
    sizes = {
        names.statefulset(cluster.name, dc.name, rack.name): effective.nodes_per_rack(cluster, dc)
        for dc, rack in effective.racks(cluster)
    }
    if wanted and not joined and not _comes(cluster, current[0], sizes, live):
        # Only the first seed begins a ring. Seeds outside of the cluster are somebody's choice, and stay.
        return wanted + tuple(seed for seed in current if _pod_of(cluster, seed) is None)
    leaving = [pod for pod in _pods_of(current) & joined if not _asked(pod, sizes)]
    settled = bool(wanted) and _pods_of(wanted) <= joined and not leaving
    return updated_seeds(current, wanted) if cluster.spec.auto_update_seed_list and settled else current


def _pods_of(seeds: tuple[str, ...]) -> frozenset[str]:
    """Return the names of the pods that *seeds* are."""
    return frozenset(seed.partition(".")[0] for seed in seeds)


def _seed_places(statefulset: str, seeds: tuple[str, ...]) -> int:
    """Return how many pods of *statefulset* have to run for all of its seeds to run."""
    parted = [pod.rpartition("-") for pod in _pods_of(seeds)]
    ordinals = [int(ordinal) for owner, _, ordinal in parted if owner == statefulset and ordinal.isdecimal()]
    return max(ordinals, default=-1) + 1


def _comes(
    cluster: CassandraCluster, seed: str, sizes: Mapping[str, int], live: Mapping[str, Object]
) -> bool:
    """Tell whether the node that is *seed* is there or will be, as far as it is for this cluster to say."""
    pod = _pod_of(cluster, seed)
    if pod is None or _asked(pod, sizes):
        return True
    made = {obj["metadata"]["name"]: obj["spec"].get("replicas", 1) for obj in live.values()}
    return _asked(pod, made)


def _pod_of(cluster: CassandraCluster, seed: str) -> str | None:
    """Return the name of the pod of *cluster* that *seed* is; None if it is somewhere else."""
    pod = seed.partition(".")[0]
    inside = seed == names.pod_host(cluster.name, pod, cluster.namespace)
    return pod if inside and pod.startswith(f"{cluster.name}-") else None


def _asked(pod: str, sizes: Mapping[str, int]) -> bool:
    """Tell whether the spec asks for *pod*; *sizes* are by StatefulSet."""
    statefulset, _, ordinal = pod.rpartition("-")
    return ordinal.isdecimal() and int(ordinal) < sizes.get(statefulset, 0)


class _Later(Mapping[str, Object]):
    """A mapping that is made when somebody looks into it."""

    def __init__(self, make: Callable[[], Mapping[str, Object]]) -> None:
        self._make = make

    def __getitem__(self, key: str) -> Object:
        return self._make()[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._make())

    def __len__(self) -> int:
        return len(self._make())


def later(cluster: CassandraCluster, login: Credentials | None, make: Callable[[], Wish]) -> Bodies:
    """Return the bodies of the wish that *make* returns, which is called once one of them is needed.

    Most reconciles write nothing, and bodies are large.
    """
    return Bodies(
        namespace=cluster.namespace,
        shared=_Later(lambda: make().bodies.shared),
        statefulset=lambda name, size: make().bodies.statefulset(name, size),  # noqa: PLW0108 -- not made yet
        cluster=cluster.name,
        uid=cluster.metadata.uid,
        login=login,
    )


def _statefulset(  # noqa: PLR0913, PLR0917 -- one rack, from every side
    cluster: CassandraCluster,
    dc: str,
    rack: str,
    live: Object | None,
    seeds: tuple[str, ...],
    images: Images,
    restart: str | None,
    contents: str | None,
) -> tuple[dict[str, Any], tuple[Refusal, ...]]:
    """Build one rack's StatefulSet; where it exists, keep what cannot change, and say so."""
    revision = Revision.newest() if live is None else _revision(live)
    size = 1 if live is None else live["spec"].get("replicas", 1)

    def build(kept: Kept, *, on_delete: bool | None = None) -> dict[str, Any]:
        return build_statefulset(
            cluster,
            dc,
            rack,
            replicas=size,
            seeds=seeds,
            revision=revision,
            images=images,
            kept=kept,
            on_delete=on_delete,
        )

    if live is None:
        return marked(build(Kept(restarted_at=restart)), names.CONFIG_MAP_HASH, contents, None), ()
    kept = attrs.evolve(Kept.of(live), restarted_at=restart)
    body = build(kept)
    if revision is Revision.CASSKOP:
        status = cluster.status.cassandra_rack_status.get(names.rack_name(dc, rack))
        counts = takeover.contents_count(live, body, status, restart, contents)
        if counts:
            body = marked(body, names.CONFIG_MAP_HASH, contents, live)
        if takeover.is_ours_to_roll(live, body, status, restart):
            body = build(kept, on_delete=True)
            body = marked(body, names.CONFIG_MAP_HASH, contents, live) if counts else body
    else:
        body = marked(body, names.CONFIG_MAP_HASH, contents, live)
    # What the spec asks for, were the rack made today: only its volumes are compared.
    fresh = _claims(build(Kept(labels=kept.labels)))
    existing = _claims(live)
    changed = fresh.keys() != existing.keys() or any(
        _beyond_growth(name, drifted(existing[name], spec), existing[name], spec)
        for name, spec in fresh.items()
    )
    if "volumeClaimTemplates" in live["spec"]:
        body = {
            **body,
            "spec": {**body["spec"], "volumeClaimTemplates": live["spec"]["volumeClaimTemplates"]},
        }
    return body, (_refusal(names.rack_name(dc, rack)),) if changed else ()


def _rollout(cluster: CassandraCluster) -> Rollout:
    """Return how nodes are restarted; *cluster* has its defaults, and words that are known."""
    asked = cluster.spec.rollout or RolloutSpec()
    at_once = asked.strategy == RolloutStrategy.RACK_AT_ONCE
    most = cluster.spec.max_pod_unavailable
    return Rollout(
        most=1 if most is None else most,
        share=(asked.rack_share or 100) if at_once else None,
        consistency=Consistency(asked.consistency or Consistency.LOCAL_QUORUM),
        strict=asked.only_if_proven,
        paused=asked.paused,
        unlocked=cluster.spec.unlock_next_operation,
    )


def _revision(live: Object) -> Revision:
    """Return the revision that *live* was made with, which may be one that this version cannot build."""
    try:
        return Revision(template_revision(live))
    except ValueError:
        known = ", ".join(str(int(revision)) for revision in Revision)
        raise TerminalError(
            f"StatefulSet {live['metadata']['name']} has lost its template revision, or has one that this"
            f" version of the operator does not know, and is left as it is: put its annotation"
            f" {names.TEMPLATE_REVISION} back (known are {known}), or run the version that made it"
        ) from None


def _claims(statefulset: Object) -> dict[str, Object]:
    """Return the specifications of the claim templates by name."""
    return {c["metadata"]["name"]: c["spec"] for c in statefulset["spec"].get("volumeClaimTemplates") or ()}


def _beyond_growth(name: str, changed: Iterable[str], had: Object, spec: Object) -> bool:
    """Tell whether the claim template *name* changed in more than that data volumes are to be larger."""
    sizes = [(each["resources"]["requests"] or {}).get("storage") for each in (had, spec)]
    if name != names.DATA or not all(sizes) or quantity.parse(sizes[1]) < quantity.parse(sizes[0]):
        return bool(changed)
    return any("storage" not in path.split(".") for path in changed)


def _refusal(rack: str) -> Refusal:
    """Say that existing volumes do not follow the spec."""
    return Refusal(
        path="spec.dataCapacity",
        why=f"the volumes of rack {rack} stay as they are: existing volumes neither shrink, nor change their"
        " class or number. Put spec.dataCapacity, spec.dataStorageClass and spec.storageConfigs back",
    )


def _shared(
    cluster: CassandraCluster,
    joined: frozenset[str],
    replaced: Mapping[str, str],
    live: Mapping[str, Object],
    *,
    fence: str | None,
) -> dict[str, dict[str, Any]]:
    """Build what all racks share, by `Kind/name`; each carries the hash of its content."""
    hardened = _hardened(live)
    revision = Revision.HARDENED if hardened else Revision.CASSKOP
    carried = _carried(live)
    bodies = [
        *build_services(cluster, revision=revision, carried=carried),
        build_pdb(cluster, revision=revision, carried=carried),
    ]
    if fence is not None:
        bodies.append(build_network_policy(cluster, operator=fence))
    if hardened:
        bodies.append(build_ring_configmap(cluster, joined, replaced))
    return {f"{b['kind']}/{b['metadata']['name']}": b for b in bodies}


def _carried(live: Mapping[str, Object]) -> dict[str, str] | None:
    """Return the labels, beyond the operator's own, that the pods of all racks have; None without a rack."""
    each = [dict(Kept.of(obj).labels or {}) for obj in live.values()]
    if not each:
        return None
    return {key: value for key, value in each[0].items() if all(other.get(key) == value for other in each)}


def _hardened(live: Mapping[str, Object]) -> bool:
    """Tell whether some pods read the ring's ConfigMap: not if all racks have CassKop's template."""
    return not live or any(template_revision(obj) != Revision.CASSKOP for obj in live.values())


def _sized(body: dict[str, Any], replicas: int) -> dict[str, Any]:
    return {**body, "spec": {**body["spec"], "replicas": replicas}}
