"""
The table of all fields of `CassandraCluster.spec`, for `docs/api.md`.

`python -m controller.api.reference` prints it as Markdown. Descriptions and defaults come from the model;
when a change takes effect is written down here, and held by a test against what the builders make of it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
import enum
import json
import sys
from typing import Any, Final, get_args, get_origin, get_type_hints

import attrs

from controller.api.v2.cluster import CassandraCluster, ObjectMeta
from controller.api.v2.defaults import with_defaults
from controller.api.v2.fields import json_name
from controller.api.v2.revision import Revision
from controller.api.v2.spec import ClusterSpec


class Effect(enum.Enum):
    """When a changed field takes effect; the value is what the table says."""

    RESTART = "nodes are restarted for it"
    AT_ONCE = "at once, without a restart"
    SIZE = "nodes join, or leave, one at a time"
    MADE = "when a rack is made, not afterwards"
    GROWS = "volumes grow under running nodes"
    STOP = "all nodes stop, or start, and volumes stay"
    ONCE = "restarts nodes, once for each change"
    SEEDS = "when the topology calls for other seeds and they have joined; nodes are restarted then"
    NOTHING = "never: kept for compatibility"


# What is not here takes effect by a restart, since it is part of the pod template.
_EFFECTS: Final[Mapping[str, Effect]] = {
    "spec.nodesPerRacks": Effect.SIZE,
    "spec.topology.dc[].nodesPerRacks": Effect.SIZE,
    "spec.dataCapacity": Effect.GROWS,
    "spec.stopped": Effect.STOP,
    "spec.dataStorageClass": Effect.MADE,
    "spec.storageConfigs[].name": Effect.MADE,
    "spec.storageConfigs[].pvcSpec": Effect.MADE,
    "spec.topology.dc[].name": Effect.MADE,
    "spec.topology.dc[].rack[].name": Effect.MADE,
    "spec.topology.dc[].dataCapacity": Effect.GROWS,
    "spec.topology.dc[].dataStorageClass": Effect.MADE,
    "spec.service.annotations": Effect.AT_ONCE,
    "spec.deletePVC": Effect.AT_ONCE,
    "spec.access.networkPolicy": Effect.AT_ONCE,
    "spec.access.clients[]": Effect.AT_ONCE,
    "spec.maxPodUnavailable": Effect.AT_ONCE,
    "spec.unlockNextOperation": Effect.AT_ONCE,
    "spec.nodeReplacement": Effect.AT_ONCE,
    "spec.changePolicy": Effect.AT_ONCE,
    "spec.rollout.strategy": Effect.AT_ONCE,
    "spec.rollout.consistency": Effect.AT_ONCE,
    "spec.rollout.rackShare": Effect.AT_ONCE,
    "spec.rollout.onlyIfProven": Effect.AT_ONCE,
    "spec.rollout.paused": Effect.AT_ONCE,
    "spec.topology.dc[].rack[].rollingPartition": Effect.AT_ONCE,
    "spec.topology.dc[].rack[].rollingRestart": Effect.ONCE,
    "spec.topology.dc[].rack[].restartedAt": Effect.ONCE,
    "spec.topology.dc[].restartedAt": Effect.ONCE,
    "spec.restartedAt": Effect.ONCE,
    "spec.noCheckStsAreEqual": Effect.NOTHING,
    "spec.autoPilot": Effect.AT_ONCE,
    "spec.autoUpdateSeedList": Effect.SEEDS,
    "spec.keyspaceCleanupThreads": Effect.AT_ONCE,
    "spec.restartCountBeforePodDeletion": Effect.AT_ONCE,
}
_ABSENT: Final = "-"


@attrs.frozen(kw_only=True)
class Field:
    """One row: *default* holds for new clusters, *casskop* for those that CassKop made, as JSON or absent."""

    path: str
    text: str
    default: str
    casskop: str
    effect: Effect


def fields() -> tuple[Field, ...]:
    """Return every field of the spec, in the order of the model."""
    empty = CassandraCluster(metadata=ObjectMeta(name="x"))
    ours, casskops = (with_defaults(empty, revision=revision).spec for revision in reversed(Revision))
    return tuple(_walk(ClusterSpec, "spec", ours, casskops))


def table() -> str:
    """Return the rows as a Markdown table."""
    lines = ["| field | meaning | default | a change takes effect |", "|---|---|---|---|"]
    for field in fields():
        default = field.default
        if field.casskop != field.default:
            default = f"{default} (CassKop's: {field.casskop})"
        text = field.text.replace("|", "\\|")
        lines.append(f"| `{field.path}` | {text} | {default} | {field.effect.value} |")
    return "\n".join(lines) + "\n"


def _walk(cls: type[attrs.AttrsInstance], path: str, ours: object, casskops: object) -> Iterator[Field]:
    hints = get_type_hints(cls)
    for field in attrs.fields(cls):
        hint = hints[field.name]
        listed = get_origin(hint) is tuple
        inner = next((each for each in (hint, *get_args(hint)) if _is_object(each)), None)
        here = f"{path}.{json_name(field)}{'[]' if listed else ''}"
        values = [_value(field, each) for each in (ours, casskops)]
        if inner is not None:
            # Items of a list have the defaults of their class.
            yield from _walk(inner, here, *([None, None] if listed else values))
            continue
        required = field.default is attrs.NOTHING
        default, casskop = ("required" if required else _shown(each) for each in values)
        yield Field(
            path=here,
            text=field.metadata["doc"],
            default=default,
            casskop=casskop,
            effect=_EFFECTS.get(here, Effect.RESTART),
        )


def _value(field: attrs.Attribute[Any], of: object) -> object:
    """Return what a field holds in *of*, or in any object of its class where there is none."""
    if of is not None:
        return getattr(of, field.name)
    return None if isinstance(field.default, attrs.Factory) else field.default  # type: ignore[arg-type] # it is a class


def _is_object(hint: Any) -> bool:  # noqa: ANN401 # asked of every type
    return isinstance(hint, type) and attrs.has(hint)


def _shown(value: object) -> str:
    return f"`{json.dumps(value)}`" if isinstance(value, bool | int | str) and value != "" else _ABSENT


if __name__ == "__main__":
    sys.stdout.write(table())
