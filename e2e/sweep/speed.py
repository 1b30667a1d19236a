"""
Pure functions that remember, so that a sweep does not work out the same thing ten thousand times.

Most reconciles read the spec that the last one read, and build the StatefulSet that the last one built.
Equal arguments give what was returned then; whoever changed one would show as a difference between runs.
Only a sweep does this: what an operator in production reads and builds, it reads and builds.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import ModuleType
from typing import Any, Final

import attrs

from controller.api.v2.cluster import CassandraCluster, ClusterSpec
from controller.api.v2.codec import decode_cluster
from controller.api.v2.defaults import with_defaults
from controller.api.v2.problems import Problem
from controller.builders.statefulset import build_statefulset
from controller.kube.apply import drifted
from controller.reconcile import accepted, comparison, storage_classes, stores, wish
from controller.reconcile.templates import recipe
from controller.runtime.store import Entry

_Key = tuple[Any, ...]
_Read = tuple[CassandraCluster, tuple[Problem, ...]]
_MOST: Final = 64


class RememberingBuilder:
    """Calls *build*, unless it was called with equal arguments before."""

    def __init__(self, build: Callable[..., dict[str, Any]]) -> None:
        self._build = build
        # Specs cannot be hashed, so each key has a few of them to compare with.
        self._built: dict[_Key, list[tuple[CassandraCluster, Any, dict[str, Any]]]] = {}

    def __call__(
        self,
        cluster: CassandraCluster,
        dc: str,
        rack: str,
        **more: Any,  # noqa: ANN401 -- whatever the builder takes
    ) -> dict[str, Any]:
        """Return what *build* returned for these arguments."""
        kept = more.get("kept")
        given = tuple(sorted((k, v) for k, v in more.items() if k != "kept"))
        key = (cluster.metadata.uid, cluster.metadata.generation, dc, rack, given)
        known = self._built.setdefault(key, [])
        for before, kept_before, built in known:
            if kept_before == kept and _alike(before, cluster):
                return built
        built = self._build(cluster, dc, rack, **more)
        known.append((cluster, kept, built))
        del known[:-_MOST]
        return built


class RememberingReader:
    """Reads clusters with *read*; of one whose spec was read before, only the rest is read.

    What is wrong with a spec hangs on nothing but the spec and the cluster's name. Equal specs are
    the same object afterwards, which makes them cheap to compare.
    """

    def __init__(self, read: Callable[[Mapping[str, Any]], _Read]) -> None:
        self._read = read
        self._known: dict[str, list[tuple[Any, ClusterSpec, tuple[Problem, ...]]]] = {}

    def __call__(self, obj: Mapping[str, Any]) -> _Read:
        """Return what *read* returns for *obj*."""
        known = self._known.setdefault(obj["metadata"]["name"], [])
        for raw, spec, problems in known:
            if raw == obj.get("spec"):
                bare = decode_cluster({"metadata": obj["metadata"], "status": obj.get("status")})
                return attrs.evolve(bare, spec=spec), problems
        cluster, problems = self._read(obj)
        known.append((obj.get("spec"), cluster.spec, problems))
        del known[:-_MOST]
        return cluster, problems


class RememberingDefaults:
    """Fills in defaults with *fill*, once for each spec."""

    def __init__(self, fill: Callable[..., CassandraCluster]) -> None:
        self._fill = fill
        self._known: list[tuple[ClusterSpec, int, ClusterSpec]] = []

    def __call__(self, cluster: CassandraCluster, *, revision: int) -> CassandraCluster:
        """Return what *fill* returns for *cluster*."""
        for spec, for_revision, filled in self._known:
            # Not by value: whoever reads with a `RememberingReader` has one object for equal specs.
            if spec is cluster.spec and for_revision == revision:
                return attrs.evolve(cluster, spec=filled)
        full = self._fill(cluster, revision=revision)
        self._known.append((cluster.spec, revision, full.spec))
        del self._known[:-_MOST]
        return full


class RememberingRecipe:
    """Calls *recipe*, once for each pod spec that a `RememberingBuilder` made."""

    def __init__(self, recipe: Callable[[Any], str]) -> None:
        self._recipe = recipe
        self._known: dict[int, tuple[Any, str]] = {}

    def __call__(self, body: Any) -> str:  # noqa: ANN401 -- JSON
        """Return what *recipe* returns for *body*."""
        spec = body["spec"]["template"]["spec"]
        known = self._known.get(id(spec))
        # It is kept with its spec, so that no other one has that id.
        if known is None:
            known = self._known[id(spec)] = (spec, self._recipe(body))
        return known[1]


class RememberingComparison:
    """Calls *compare* on an object as it is stored and on a wanted one, once for each version of it.

    Stories begin alike, so that in two of them an object may have one uid and version and not be the same.
    """

    def __init__(self, compare: Callable[[Any, Any], Any]) -> None:
        self._compare = compare
        self._known: dict[tuple[str, str], tuple[Any, Any, Any]] = {}

    def __call__(self, live: Any, body: Any) -> Any:  # noqa: ANN401 -- JSON
        """Return what *compare* returns for *live* and *body*."""
        key = (live["metadata"]["uid"], live["metadata"]["resourceVersion"])
        known = self._known.get(key)
        if known is None or known[0] != live or known[1] != body:
            known = self._known[key] = (live, body, self._compare(live, body))
        return known[2]


def replacements() -> tuple[tuple[ModuleType, str, Callable[..., Any]], ...]:
    """Return what is put in the place of which function of which module."""
    return (
        (wish, "build_statefulset", RememberingBuilder(build_statefulset)),
        (wish, "recipe", RememberingRecipe(recipe)),
        (wish, "with_defaults", RememberingDefaults(with_defaults)),
        (storage_classes, "with_defaults", RememberingDefaults(with_defaults)),
        (comparison, "drifted", RememberingComparison(drifted)),
        (accepted, "read", RememberingReader(accepted.read)),
        # Objects are kept as they are, not packed: whoever reads one changes nothing of it.
        (stores, "Packer", lambda: Entry),
    )


def remember() -> None:
    """Let the operator in this process remember what it read and built."""
    for module, name, instead in replacements():
        setattr(module, name, instead)


def _alike(one: CassandraCluster, other: CassandraCluster) -> bool:
    """Whether nothing differs but what no StatefulSet is built from: status, and how often it was written."""
    if one.spec != other.spec:
        return False
    fields = ("name", "namespace", "labels", "annotations")
    return all(getattr(one.metadata, f) == getattr(other.metadata, f) for f in fields)
