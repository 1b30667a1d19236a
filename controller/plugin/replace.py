"""
`replace`: a new node in the place of one that is dead for good.

The operator gives a pod that comes back with an empty disk the place of the member that it was; so where
status knows that member at the address that is given, volumes and pod are deleted, and that is all. For any
other address there is CassKop's way: a script in the user's ConfigMap, by which all nodes are restarted.
"""

from __future__ import annotations

import argparse
import textwrap
from typing import Final

from controller.api.v2 import names
from controller.domain.errors import NotFoundError
from controller.kube import kinds
from controller.plugin.command import Command
from controller.plugin.errors import DONE, StopError
from controller.plugin.session import Object, Session, serves

_SCRIPT: Final = "pre_run.sh"


def _replace(session: Session, given: argparse.Namespace) -> int:
    """Have the pod take the place of the dead node at *previous_ip*, on a new volume."""
    cluster = session.cluster(_cluster_of(session, given.pod))
    pod = next((each for each in session.pods() if each["metadata"]["name"] == given.pod), None)
    if pod is not None and serves(pod):
        raise StopError(f"Pod {given.pod} serves: nothing is to be replaced")
    nodes = (cluster.get("status") or {}).get("cassandraNodeStatus") or {}
    if (nodes.get(given.pod) or {}).get("nodeIp") == given.previous_ip:
        return _made_anew(session, given, str(cluster["metadata"]["name"]), pod)
    return _scripted(session, given, cluster)


def _made_anew(session: Session, given: argparse.Namespace, cluster: str, pod: Object | None) -> int:
    """Take volumes and pod away; the operator sees to the rest."""
    gone = [
        _delete(session, kinds.PERSISTENT_VOLUME_CLAIM, claim)
        for claim in session.owned(kinds.PERSISTENT_VOLUME_CLAIM, cluster)
        if claim["metadata"]["name"].endswith(f"-{given.pod}")
    ]
    if pod is not None:
        _delete(session, kinds.POD, pod)
    session.out.say(
        f"The new pod takes the place of the node at {given.previous_ip}; kubectl casskop status shows it"
    )
    session.out.result({"namespace": session.namespace, "pod": given.pod, "claims": gone})
    return DONE


def _delete(session: Session, kind: kinds.Kind, obj: Object) -> str:
    name = str(obj["metadata"]["name"])
    session.client.delete(kind, session.namespace, name, uid=obj["metadata"]["uid"])
    session.out.say(f"Delete {kind.kind} {name}")
    return name


def _scripted(session: Session, given: argparse.Namespace, cluster: Object) -> int:
    """Write CassKop's script, and take the volume away."""
    config_map = cluster["spec"].get("configMapName")
    if not config_map:
        raise StopError(
            f"{given.pod} was not at {given.previous_ip} when it was last a member (kubectl casskop status),"
            f" and CassandraCluster {cluster['metadata']['name']} names no ConfigMap in spec.configMapName,"
            " which a script for it has to be written to: create an empty one and name it"
        )
    flag = f"-Dcassandra.replace_address_first_boot={given.previous_ip}"
    script = f'test "$(hostname)" = "{given.pod}" && echo "{flag}" >> /etc/cassandra/jvm.options\nexit 0\n'
    session.out.say(f"Write {_SCRIPT} to ConfigMap {config_map}; all nodes are restarted for it, one by one")
    session.client.merge_patch(kinds.CONFIG_MAP, session.namespace, config_map, {"data": {_SCRIPT: script}})
    claim = names.claim(names.DATA, given.pod)
    try:
        found = session.client.get(kinds.PERSISTENT_VOLUME_CLAIM, session.namespace, claim)
    except NotFoundError:
        session.out.say(f"There is no PersistentVolumeClaim {claim}")
    else:
        _delete(session, kinds.PERSISTENT_VOLUME_CLAIM, found)
    session.out.result(
        {"namespace": session.namespace, "pod": given.pod, "configMap": config_map, "claim": claim}
    )
    return DONE


def _cluster_of(session: Session, pod: str) -> str:
    """Return the name of the cluster that *pod*, or its volume, belongs to."""
    for kind, name in ((kinds.POD, pod), (kinds.PERSISTENT_VOLUME_CLAIM, names.claim(names.DATA, pod))):
        try:
            obj = session.client.get(kind, session.namespace, name)
        except NotFoundError:
            continue
        key = kinds.owner_key(obj)
        if key is not None:
            return key.name
    raise StopError(f"Pod {pod} is none of a CassandraCluster in namespace {session.namespace}")


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--pod", required=True, help="pod of the dead node, which is made anew")
    parser.add_argument("--previous-ip", required=True, help="address of the dead node")


_WHAT = textwrap.fill(
    "Volumes and pod are deleted, and the new pod takes the dead node's place in the ring: make sure that"
    " all of its data has another copy. Where status knows another address of the pod, a script is written"
    " into the ConfigMap of spec.configMapName instead, as CassKop's command does.",
    100,
)

COMMANDS = (
    Command(
        name="replace",
        help="have a new node take the place of a dead one",
        arguments=_arguments,
        run=_replace,
        epilog=_WHAT,
    ),
)
