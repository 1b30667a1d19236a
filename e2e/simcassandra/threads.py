"""
What a node's threads do, as `java.lang:type=Threading` shows it: the calls that are being carried out.

Only what tells of Cassandra's operations is there: an agent's thread with the method that it has called,
and one thread for each repair, named after it, as long as it runs.
"""

from __future__ import annotations

from typing import Any

from e2e.simcassandra.mbean import MBean, overload
from e2e.simcassandra.node import Node

_SERVICE = "org.apache.cassandra.service.StorageService"


def bean() -> MBean:
    """Return the MBean."""
    return MBean(
        attributes={"ThreadCount": lambda n: len(_threads(n))},
        operations={
            "dumpAllThreads": (
                overload("boolean,boolean", lambda n, _: _threads(n)),
                overload("boolean,boolean,int", lambda n, _: _threads(n)),
            )
        },
    )


def _threads(node: Node) -> list[dict[str, Any]]:
    agents = [_thread(f"jolokia-{i}", name) for i, (name, _) in enumerate(node.executing)]
    running = [repair.number for repair in node.repairs if repair.running]
    repairs = [_thread(f"Repair#{number}:1", None) for number in running]
    return [_thread("main", None), *agents, *repairs]


def _thread(name: str, method: str | None) -> dict[str, Any]:
    frames = [_frame("java.lang.Object", "wait")]
    if method is not None:
        frames.append(_frame(_SERVICE, method))
        frames.append(_frame("java.lang.reflect.Method", "invoke"))
    return {"threadName": name, "threadState": "WAITING", "stackTrace": frames}


def _frame(kind: str, method: str) -> dict[str, Any]:
    return {
        "className": kind,
        "methodName": method,
        "fileName": f"{kind.rpartition('.')[2]}.java",
        "lineNumber": 1,
        "nativeMethod": False,
    }
