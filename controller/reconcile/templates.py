"""
What is asked of a rack's pod template beyond its fields: restarts, contents of other objects, and a name.

Pure. A restart is a later time in the template's label `rolling-restart`, as CassKop has it. That a
rack's `rollingRestart` was seen is written on the StatefulSet together with that label, in one write: so
it is carried out once for each time that it becomes true, whatever interrupts the operator, and the spec
is never written.
"""

from __future__ import annotations

from collections.abc import Mapping
import datetime as dt
from typing import Any, Final

from controller.api.v2 import names
from controller.api.v2.cluster import DC, ActionName, CassandraCluster, Rack
from controller.builders.hashing import short_hash, template_hash
from controller.domain.plan.ahead import has_come

Object = Mapping[str, Any]

_LABEL: Final = "%Y%m%dT%H%M%S"
_SEEDS: Final = "CASSANDRA_SEEDS"


def restart_label(
    cluster: CassandraCluster, dc: DC, rack: Rack, live: Object | None, now: dt.datetime | None
) -> str | None:
    """Return the wanted value of the label `rolling-restart`; None if a restart was never asked for.

    It only ever grows: taking a `restartedAt` away, or putting an earlier one, restarts nothing. One that
    has yet to come does not count before, else no other would until then. *now* dates a `rollingRestart`;
    without it those are left alone, and all dates count. A rack that is still to be made needs none.
    """
    kept = _template_labels(live).get(names.ROLLING_RESTART) if live is not None else None
    given = [at for at in (cluster.spec.restarted_at, dc.restarted_at, rack.restarted_at) if at is not None]
    come = [_stamp(at) for at in given if now is None or has_come(at, now)]
    wanted = max([*come, kept or ""]) or None
    if rack.rolling_restart and live is not None and not _seen(live) and now is not None:
        return _after(now, wanted)
    return wanted


def ahead(cluster: CassandraCluster, now: dt.datetime | None) -> dict[str, dt.datetime]:
    """Return each `restartedAt` that has yet to come, by its path; none without *now*."""
    found = {"spec.restartedAt": cluster.spec.restarted_at}
    dcs = cluster.spec.topology.dc if cluster.spec.topology is not None else ()
    for i, dc in enumerate(dcs):
        path = f"spec.topology.dc[{i}]"
        found[f"{path}.restartedAt"] = dc.restarted_at
        found |= {f"{path}.rack[{j}].restartedAt": rack.restarted_at for j, rack in enumerate(dc.rack)}
    return {
        path: at for path, at in found.items() if at is not None and now is not None and not has_come(at, now)
    }


def noted(body: dict[str, Any], rack: Rack, live: Object | None, *, own_resources: bool) -> dict[str, Any]:
    """Return *body*, a rack's StatefulSet, with annotations on what it changes and what it has seen.

    *own_resources* says that the resources are those of the data centre.
    """
    annotations = dict(body["metadata"]["annotations"])
    before: Object = (live["metadata"].get("annotations") or {}) if live is not None else {}
    if rack.rolling_restart:
        annotations[names.RESTART_SEEN] = "true"
    elif names.RESTART_SEEN in before:
        annotations[names.RESTART_SEEN] = "false"
    if names.STOPPED_SIZE in before:
        # It goes when the rack is started, and not by a write that does not know of it.
        annotations[names.STOPPED_SIZE] = before[names.STOPPED_SIZE]
    change = before.get(names.LAST_CHANGE)
    if live is not None and before.get(names.TEMPLATE_HASH) != annotations[names.TEMPLATE_HASH]:
        change = change_of(live, body, own_resources=own_resources)
    if change:
        annotations[names.LAST_CHANGE] = change
    return {**body, "metadata": {**body["metadata"], "annotations": annotations}}


def marked(body: dict[str, Any], key: str, value: str | None, live: Object | None) -> dict[str, Any]:
    """Return *body* with the annotation *key* on its pods: another *value* restarts them.

    None means that it cannot be told now: then what is there stays.
    """
    if value is None and live is not None:
        value = _template_annotations(live).get(key)
    if value is None:
        return body
    template = body["spec"]["template"]
    metadata = template["metadata"]
    with_it = {**metadata, "annotations": {**metadata.get("annotations", {}), key: value}}
    made = {**body, "spec": {**body["spec"], "template": {**template, "metadata": with_it}}}
    annotations = {**body["metadata"]["annotations"], names.TEMPLATE_HASH: template_hash(made)}
    return {**made, "metadata": {**body["metadata"], "annotations": annotations}}


def recipe(body: Object) -> str:
    """Return a hash of what pods run, and not of where: equal in racks that are made alike."""
    spec = {key: value for key, value in body["spec"]["template"]["spec"].items() if key != "affinity"}
    return short_hash(spec)


def change_of(live: Object, body: Object, *, own_resources: bool) -> str:
    """Return the name that status has for the step from *live*'s template to *body*'s."""
    before, after = _Parts(live), _Parts(body)
    if before.resources != after.resources and not own_resources:
        return ActionName.UPDATE_RESOURCES.value
    # CassKop's pods carry no hash of their ConfigMap's content, and get one by whatever is rolled first.
    other = before.contents is not None and before.contents != after.contents
    if before.config_map != after.config_map or other:
        return ActionName.UPDATE_CONFIG_MAP.value
    if before.image != after.image:
        return ActionName.UPDATE_DOCKER_IMAGE.value
    if before.seeds != after.seeds:
        return ActionName.UPDATE_SEED_LIST.value
    if before.restart != after.restart:
        return ActionName.ROLLING_RESTART.value
    if before.contents != after.contents:
        return ActionName.UPDATE_CONFIG_MAP.value
    return ActionName.UPDATE_STATEFUL_SET.value


class _Parts:
    """The parts of a pod template that have a name of their own when they change."""

    def __init__(self, statefulset: Object) -> None:
        spec = statefulset["spec"]["template"]["spec"]
        cassandra = _named(spec.get("containers"), names.CASSANDRA)
        bootstrap = _named(spec.get("initContainers"), names.BOOTSTRAP)
        self.image = cassandra.get("image")
        self.resources = {k: v for k, v in (cassandra.get("resources") or {}).items() if v}
        self.seeds = _named(bootstrap.get("env"), _SEEDS).get("value")
        volume = _named(spec.get("volumes"), names.USER_SCRIPTS)
        self.config_map = (volume.get("configMap") or {}).get("name")
        self.contents = _template_annotations(statefulset).get(names.CONFIG_MAP_HASH)
        self.restart = _template_labels(statefulset).get(names.ROLLING_RESTART)


def _named(items: Any, name: str) -> Object:  # noqa: ANN401 -- JSON
    return next((item for item in items or () if item["name"] == name), {})


def _template_labels(statefulset: Object) -> Object:
    return statefulset["spec"]["template"]["metadata"].get("labels") or {}


def _template_annotations(statefulset: Object) -> Object:
    return statefulset["spec"]["template"]["metadata"].get("annotations") or {}


def _seen(live: Object) -> bool:
    return (live["metadata"].get("annotations") or {}).get(names.RESTART_SEEN) == "true"


def _stamp(moment: dt.datetime) -> str:
    return moment.astimezone(dt.UTC).strftime(_LABEL)


def _after(now: dt.datetime, kept: str | None) -> str:
    """Return a label for *now*, later than *kept* even if some clock was wrong."""
    stamp = _stamp(now)
    if kept is None or stamp > kept:
        return stamp
    try:
        return _stamp(dt.datetime.strptime(kept, _LABEL).replace(tzinfo=dt.UTC) + dt.timedelta(seconds=1))
    except ValueError:
        return stamp
