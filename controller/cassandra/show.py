"""
`casskop ring HOST...`: how each node sees the ring, one line of JSON a node.

It asks what the operator asks, from wherever it runs, with the login of JOLOKIA_USER and
JOLOKIA_PASSWORD: to see whether nodes can be reached, and whether they agree. It changes nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
import json
from typing import Any

from controller.cassandra.jolokia import Credentials, Endpoint, Jolokia
from controller.cassandra.node import Nodes
from controller.domain.ring import Answer, Silent, View


def main(hosts: Sequence[str], environment: Mapping[str, str], jolokia: Jolokia | None = None) -> int:
    """Print the answers of *hosts*, in their order; return 1 if one of them is silent.

    *jolokia* None asks over real sockets, all hosts side by side.
    """
    user, password = environment.get("JOLOKIA_USER"), environment.get("JOLOKIA_PASSWORD")
    login = Credentials(username=user, password=password) if user and password else None
    client = Jolokia.over() if jolokia is None else jolokia
    answers = Nodes(client).ring({host: Endpoint(host=host, credentials=login) for host in hosts}).answers
    client.close()
    for host, answer in answers.items():
        print(json.dumps({"host": host, **as_json(answer)}))  # noqa: T201 -- it is a command
    return 1 if any(isinstance(answer, Silent) for answer in answers.values()) else 0


def as_json(answer: Answer) -> dict[str, Any]:
    """Return *answer* as JSON values."""
    match answer:
        case Silent(why=why):
            return {"silent": why}
        case View():
            return {
                "mode": answer.mode.value,
                "nativeTransport": answer.native_transport,
                "release": answer.release_version,
                "hostIds": dict(answer.host_ids),
                "joining": sorted(answer.joining),
                "leaving": sorted(answer.leaving),
                "moving": sorted(answer.moving),
                "unreachable": sorted(answer.unreachable),
            }
