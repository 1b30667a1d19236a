"""
The observe step: stores, live reads and nodes to one frozen snapshot.

All I/O that a decision needs is done here, before it, each call with a deadline of its own. What cannot
be read becomes a value that says so; only an API server that refuses what we may surely ask is an error.
Nodes are asked beside the workers: until they have answered there is no snapshot, and nobody waits for it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
import datetime as dt
import functools

import attrs

from controller.api.v2 import effective, names
from controller.api.v2.cluster import CassandraCluster
from controller.builders.context import Images
from controller.domain import leaving_status, removing, replacing
from controller.domain.leaving import Call, Ended, Held, Leaving, forgotten
from controller.domain.observed import Observed, Pod, Rack
from controller.domain.operations.seen import Operations
from controller.domain.plan import needs_loads, needs_ownership, replace, storage
from controller.domain.plan.operate.under_way import call_id
from controller.domain.ring import Ring
from controller.kube.client import KubeClient
from controller.reconcile import machines, resizing, scripts, snapshot, storage_classes, takeover
from controller.reconcile.comparison import Kept, compare, made_from, marked, shared_objects, versions
from controller.reconcile.contents import Contents
from controller.reconcile.credentials import Logins
from controller.reconcile.fence import fenced
from controller.reconcile.how_far import how_far
from controller.reconcile.leaver import with_leaver
from controller.reconcile.login import look
from controller.reconcile.memo import Memo, digest
from controller.reconcile.ours import by_rack, by_rack_pods, joined, owners, recorded
from controller.reconcile.questions import Questions, ready, running
from controller.reconcile.stores import BY_CLUSTER, Object, Stores
from controller.reconcile.templates import ahead
from controller.reconcile.tuning import Tuning
from controller.reconcile.wish import Wish, later, wish
from controller.runtime.store import Key


@attrs.frozen(kw_only=True)
class Observer:
    """Makes snapshots; one for all clusters, without a state of its own."""

    client: KubeClient
    stores: Stores
    questions: Questions
    logins: Logins
    images: Images
    now: Callable[[], dt.datetime]
    # What this process knows of a call to a node, by its id.
    call: Callable[[str], Call]
    # The pod that the operator runs in.
    operator: str | None = None
    # The namespace of the operator's pods; nodes let them in. Empty: that of the cluster.
    home: str = ""
    _contents: Contents = attrs.field(init=False, repr=False)
    _wishes: Memo[Kept] = attrs.field(init=False, repr=False, factory=Memo)

    _tuning: Tuning = attrs.field(init=False, repr=False)

    @_tuning.default
    def _tuner(self) -> Tuning:
        return Tuning(self.client, self.questions)

    @_contents.default
    def _reader(self) -> Contents:
        return Contents(self.client, self.stores.config_maps.version)

    def forget(self, key: Key) -> None:
        """Drop what is kept of a cluster that is gone."""
        self._wishes.forget(key)
        self._contents.forget(key)
        self.logins.forget(key)
        self.questions.forget(key)

    def observe(
        self, cluster: CassandraCluster, leaving: frozenset[str] = frozenset()
    ) -> tuple[Wish, Observed]:
        """Return what *cluster* asks for, and what there is of it; *leaving* names racks that are to go.

        Raises `Asking` while its nodes are being asked; its key is woken when they have answered.
        """
        key = Key(cluster.namespace, cluster.name)
        with self.questions.look(key):
            return self._observe(key, cluster, leaving)

    def _observe(self, key: Key, cluster: CassandraCluster, leaving: frozenset[str]) -> tuple[Wish, Observed]:
        live = by_rack(self.stores.statefulsets.find(BY_CLUSTER, key), cluster)
        pods = by_rack_pods(self.stores.pods.find(BY_CLUSTER, key), live)
        apart = takeover.taken_apart(cluster, live)
        made = {**apart, **live}
        access = look(
            cluster,
            self.logins,
            statefulsets=made.values(),
            pods=bool(pods),
            secret=self.stores.secrets.get(Key(key.namespace, names.jolokia_secret(key.name))),
        )
        cluster, login = access.cluster, access.credentials
        obstacles = [access.obstacle] if access.obstacle is not None else []
        policy = self._policy(key, cluster.metadata.uid)
        fence = None
        if fenced(cluster, statefulsets=made.values(), pods=bool(pods), policy=policy):
            fence = self.home or key.namespace
        # It is not known how to ask.
        mute = bool(obstacles) or access.missing is not None
        asked = {} if mute else ready(pods, login)
        going = self._going(cluster, pods)
        leaver = [] if going is None else [going.pod]
        calls = self._calls(pods)
        told = self.questions.told(
            key,
            # The one that leaves is not ready meanwhile, and speaks for itself.
            ring={**asked, **running(pods, leaver, login)},
            busy={} if mute else running(pods, [pod for pod in calls if not _tells(calls[pod])], login),
            calls=(going, *sorted(calls.items())),
        )
        ring = Ring(answers={pod: told.ring[pod] for pod in asked})
        record = self.stores.config_maps.get(Key(key.namespace, names.ring_configmap(key.name)))
        known = joined(cluster, record)
        now = self.now()
        seen = Observed(
            now=now,
            racks=self._racks(key, cluster, live, apart, pods),
            ring=ring,
            joined=known,
            recorded=recorded(cluster, record),
            hosts={p: n.host_id for p, n in cluster.status.cassandra_node_status.items() if n.host_id},
            addresses={p: n.node_ip for p, n in cluster.status.cassandra_node_status.items() if n.node_ip},
            disks={p: n.disk for p, n in cluster.status.cassandra_node_status.items() if n.disk},
        )
        seen = attrs.evolve(seen, lost_machines=machines.lost(self.client, replace.suspects(seen)))
        if going is not None:
            seen = with_leaver(self.client, seen, key, going, told.ring.get(going.pod))
        operations = Operations(
            calls=calls,
            busy=told.busy,
            operator=self.operator,
            due=cluster.status.due_operations,
            removal=cluster.status.node_removal,
        )
        seen = attrs.evolve(seen, operations=operations)
        if not mute:
            streaming = how_far(self.questions, key, seen, cluster.status.streaming, login)
            seen = attrs.evolve(seen, streaming=streaming)
        gone = forgotten(seen) | removing.forgotten(seen)
        everyone = (known | seen.members()) - gone
        # Whose place a node takes that lost its disk is told to it in the record of members.
        replaced = replacing.replaced(seen)
        contents, no_scripts = self._scripts(cluster)

        @functools.cache
        def build() -> Wish:
            wanted = wish(
                cluster,
                made,
                everyone,
                self.images,
                now=now,
                contents=contents,
                leaving=leaving,
                login=access.uid,
                fence=fence,
                replaced=replaced,
                no_scripts=no_scripts,
            )
            return attrs.evolve(wanted, bodies=takeover.put_together(wanted.bodies, apart))

        ingredients = (
            *made_from(cluster, live, apart, everyone, contents),
            (access.uid, fence, no_scripts),
            sorted(
                (name, rack.taken_over_contents or "")
                for name, rack in cluster.status.cassandra_rack_status.items()
                if rack.taken_over_template
            ),
            versions(shared_objects(self.stores, key)),
            sorted(leaving),
            sorted(replaced.items()),
            sorted(ahead(cluster, now)),
            # Else the clock counts only where a restart is to be dated.
            now if any(rack.rolling_restart for dc in effective.dcs(cluster) for rack in dc.rack) else None,
        )
        kept = self._wishes.get(
            key, digest(ingredients), lambda: compare(self.stores, key, cluster, live, build())
        )
        wanted = Wish(desired=kept.desired, seeds=kept.seeds, bodies=later(cluster, login, build))
        obstacles += [
            *storage_classes.missing(self.client, cluster, made),
            *(scripts.obstacles(cluster, made) if no_scripts else ()),
        ]
        observed = attrs.evolve(
            seen,
            racks=self._tuning.on(key, marked(seen.racks, kept.marks), asked, ring.views()),
            shared=kept.shared,
            joined=everyone,
            gone=gone,
            obstacles=tuple(obstacles),
            missing_login=access.missing,
            surplus=_surplus(policy) if fence is None else {},
        )
        classes = storage.classes(wanted.desired, observed)
        if classes:
            expansion = {name: resizing.expansion(self.client, name) for name in classes}
            observed = attrs.evolve(observed, expansion=expansion)
        if not obstacles and needs_ownership(wanted.desired, observed):
            # A node is about to go down: who owns what is asked of those that have just answered.
            answering = {pod: asked[pod] for pod in ring.views()}
            observed = attrs.evolve(observed, ownership=self.questions.ownership(key, answering))
            if needs_loads(wanted.desired, observed):
                observed = attrs.evolve(observed, loads=self.questions.loads(key, answering))
        return wanted, observed

    def _scripts(self, cluster: CassandraCluster) -> tuple[str | None, bool]:
        """Return the hash of what *cluster*'s ConfigMap holds, and whether that is surely missing."""
        contents, name = self._contents.of(cluster), cluster.spec.config_map_name
        known = name is not None and self.stores.config_maps.version(Key(cluster.namespace, name)) is not None
        return contents, contents is None and scripts.missing(self.client, cluster, known=known)

    def _policy(self, key: Key, uid: str) -> Object | None:
        """Return the NetworkPolicy of the cluster with *uid*, if we made one."""
        obj = self.stores.policies.get(Key(key.namespace, names.network_policy(key.name)))
        return obj if obj is not None and uid in owners(obj) else None

    def _going(self, cluster: CassandraCluster, pods: Mapping[str, list[Pod]]) -> Leaving | None:
        """Return which node is on its way out, and what is known of the call that asked it to go."""
        going = leaving_status.leaving(cluster.status.cassandra_rack_status)
        if going is None:
            return None
        pod = next((pod for rack in pods.values() for pod in rack if pod.name == going.pod), None)
        return going if pod is None else attrs.evolve(going, call=self.call(going.call_id(pod)))

    def _calls(self, pods: Mapping[str, list[Pod]]) -> dict[str, Call]:
        """Return what is known of the calls for operations that were begun, by pod."""
        return {
            pod.name: self.call(call_id(pod, pod.operation.running))
            for rack in pods.values()
            for pod in rack
            if pod.operation.running is not None
        }

    def _racks(
        self,
        key: Key,
        cluster: CassandraCluster,
        live: Mapping[str, Object],
        apart: Mapping[str, Object],
        pods: Mapping[str, list[Pod]],
    ) -> dict[str, Rack]:
        """Put together what exists of each rack."""
        claims: dict[str, list[Object]] = {}
        for obj in self.stores.claims.find(BY_CLUSTER, key):
            rack = obj["metadata"]["labels"].get(names.DC_RACK)
            claims.setdefault(rack or "", []).append(obj)
        return {
            rack: Rack(
                statefulset=resizing.statefulset(cluster, rack, live[rack]) if rack in live else None,
                pods=tuple(pods.get(rack, ())),
                claims=tuple(snapshot.claim(obj) for obj in claims.get(rack, ())),
                copy=resizing.copy(apart[rack]) if rack in apart else None,
            )
            for rack in sorted({*live, *apart, *pods})
        }


def _surplus(policy: Object | None) -> dict[str, str]:
    """Return a NetworkPolicy that is not asked for."""
    if policy is None:
        return {}
    return {f"NetworkPolicy/{policy['metadata']['name']}": policy["metadata"]["uid"]}


def _tells(call: Call) -> bool:
    """Whether a call tells what has become of its operation; else its node is asked what it is at."""
    return isinstance(call, Held) or (isinstance(call, Ended) and not call.lost)
