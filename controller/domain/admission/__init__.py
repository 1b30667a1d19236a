"""
Which specs cannot be carried out, whatever the cluster looks like now.

The rules are static: they look at one CassandraCluster and nothing else. They find what CassKop took
silently and failed on later, and what an API server would refuse only after the spec was accepted. Each
problem names the field and a way out. Whether a *change* is allowed is another question, for `changes`.

A cluster without problems can be built into valid objects, and so can one whose problems are all `standing`.
"""

from __future__ import annotations

from controller.api.v2.cluster import CassandraCluster
from controller.api.v2.problems import Problem
from controller.domain.admission import (
    access,
    containers,
    heap,
    numbers,
    references,
    resources,
    storage,
    topology,
)

_RULES = (
    topology.problems,
    numbers.problems,
    resources.problems,
    storage.problems,
    references.problems,
    containers.problems,
    heap.problems,
    access.problems,
)

# What CassKop lets clusters run with.
_STANDING_RULES = (heap.standing, references.standing)


def validate(cluster: CassandraCluster) -> tuple[Problem, ...]:
    """Return everything that is wrong with *cluster* as it was written, without defaults; () if nothing."""
    found = {problem for rule in _RULES for problem in rule(cluster)}
    return tuple(sorted(found))


def standing(cluster: CassandraCluster, accepted: CassandraCluster) -> frozenset[Problem]:
    """
    Return those problems of *cluster* that *accepted*, which is carried out already, has as well.

    They are told, and are no reason to refuse the spec: CassKop took it, and nodes run with it.
    """
    return frozenset().union(*(rule(cluster, accepted) for rule in _STANDING_RULES))
