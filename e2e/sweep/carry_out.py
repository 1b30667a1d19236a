"""What a step does to the machines and pods of a simulated cluster, and to the data of its Cassandra."""

from __future__ import annotations

from collections.abc import Mapping
from typing import assert_never

from controller.api.v2 import names
from e2e.providers.sim import SimCluster
from e2e.simcassandra.tokens import NetworkTopology
from e2e.sweep.steps import (
    AddMachine,
    Approve,
    BringBack,
    Keyspace,
    PowerOff,
    Remove,
    RemoveMachine,
    Replicate,
)
from e2e.sweep.world import look


def befall(cluster: SimCluster, step: PowerOff | BringBack | AddMachine | RemoveMachine) -> None:
    """Let a Kubernetes node of *cluster* come or go."""
    nodes = cluster.controllers.nodes
    match step:
        case PowerOff(node=node):
            nodes.power_off(node)
        case BringBack(node=node):
            nodes.bring_back(node)
        case AddMachine(node=node, zone=zone):
            nodes.add(node, labels={"topology.kubernetes.io/zone": zone})
        case RemoveMachine(node=node):
            nodes.remove(node)
        case _:
            assert_never(step)


def replicate(cluster: SimCluster, step: Keyspace | Replicate) -> None:
    """Have a new or an old keyspace keep as many copies as the step says."""
    ring = cluster.controllers.ring
    replication = NetworkTopology(factors=dict.fromkeys(step.dcs, step.copies))
    if isinstance(step, Keyspace):
        ring.create_keyspace(step.name, replication, size=step.megabytes * 1_000_000)
    else:
        # By a node that has heard of it: one that had no power then may yet have to.
        knowing = [n for n in ring.normal() if n.schema is not None and step.name in n.schema.keyspaces]
        ring.alter_keyspace(step.name, replication, at=knowing[0].address if knowing else None)


def approval(cluster: SimCluster, step: Approve) -> Mapping[str, str]:
    """Return the annotation that approves the edit that waits."""
    status = look(cluster).clusters[step.name]["status"]
    return {names.APPROVED: status["pendingChange"]["hash"]}


def removal(cluster: SimCluster, step: Remove) -> Mapping[str, str]:
    """Return the labels that ask for a removal; its user reads in status which node the pod was."""
    was = look(cluster).clusters[step.cluster]["status"]["cassandraNodeStatus"][step.pod]
    argument = was["hostId"] if step.alone else f"{step.pod}_{was['nodeIp']}"
    return {"operation-name": "remove", "operation-argument": argument, "operation-status": "ToDo"}
