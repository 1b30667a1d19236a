"""Rules on names of data centres and racks, on their labels, and on the lengths of what is made of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
import re

from controller.api.v2 import names
from controller.api.v2.cluster import DC, CassandraCluster, Rack
from controller.api.v2.problems import Problem
from controller.domain.admission import syntax

# `<dc>-<rack>` has to be a DNS-1035 label and is split at its dash.
_DC_NAME = re.compile(r"[a-z][a-z0-9]*")
_RACK_NAME = re.compile(r"[a-z0-9]+")
# A pod's label `controller-revision-hash` is the StatefulSet's name, a dash and up to ten characters.
_LONGEST_STATEFULSET = 63 - 11
# Of the Services, the one for metrics has the longest name.
_LONGEST_CLUSTER = 63 - len(names.metrics_service(""))


def problems(cluster: CassandraCluster) -> Iterator[Problem]:
    """Yield problems of the cluster's name and of its topology."""
    wrong = syntax.dns_1035_label(cluster.name, _LONGEST_CLUSTER)
    if wrong:
        yield Problem(path="metadata.name", message=wrong)
    topology = cluster.spec.topology
    dcs = topology.dc if topology else ()
    yield from _duplicates("spec.topology.dc", (dc.name for dc in dcs), "data centre")
    for index, dc in enumerate(dcs):
        yield from _dc_problems(cluster.name, dc, f"spec.topology.dc[{index}]")


def _dc_problems(cluster: str, dc: DC, path: str) -> Iterator[Problem]:
    if not _DC_NAME.fullmatch(dc.name):
        advice = "use small letters and digits only and begin with a letter"
        yield Problem(path=f"{path}.name", message=f"{dc.name!r} cannot name a data centre; {advice}")
    yield from label_problems(f"{path}.labels", dc.labels)
    yield from _duplicates(f"{path}.rack", (rack.name for rack in dc.rack), "rack")
    for index, rack in enumerate(dc.rack or (Rack(name="rack1"),)):
        yield from _rack_problems(cluster, dc, rack, f"{path}.rack[{index}]")


def _rack_problems(cluster: str, dc: DC, rack: Rack, path: str) -> Iterator[Problem]:
    if not _RACK_NAME.fullmatch(rack.name):
        advice = "use small letters and digits only"
        yield Problem(path=f"{path}.name", message=f"{rack.name!r} cannot name a rack; {advice}")
    statefulset = names.statefulset(cluster, dc.name, rack.name)
    if len(statefulset) > _LONGEST_STATEFULSET:
        yield Problem(
            path=f"{path}.name",
            message=(
                f"the StatefulSet would be named {statefulset!r}, {len(statefulset)} characters, and "
                f"only {_LONGEST_STATEFULSET} fit in its pods' labels; "
                "shorten the name of cluster, data centre or rack"
            ),
        )
    yield from label_problems(f"{path}.labels", rack.labels)


def _duplicates(path: str, given: Iterable[str], what: str) -> Iterator[Problem]:
    seen: dict[str, str] = {}
    for index, name in enumerate(given):
        if name in seen:
            message = f"another {what} ({seen[name]}) is named {name!r}; give it a name of its own"
            yield Problem(path=f"{path}[{index}].name", message=message)
        seen.setdefault(name, f"{path}[{index}]")


def label_problems(path: str, labels: Mapping[str, str]) -> Iterator[Problem]:
    """Yield problems of labels, keys and values."""
    for key, value in labels.items():
        wrong = syntax.qualified_key(key) or syntax.label_value(value)
        if wrong:
            yield Problem(path=f"{path}[{key}]", message=wrong)
