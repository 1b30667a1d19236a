"""The clusters that stories begin with, and how they are made and waited for."""

from __future__ import annotations

from collections.abc import Mapping
import copy
import functools
from typing import Any, Final

import yaml

from e2e.providers.sim import MANIFESTS
from e2e.sweep.probes import all_of, image, ready, tidy
from e2e.sweep.steps import Apply, Keyspace, Pause, Step, Until

# The password of the sample's Secret stands in no other object, ever.
CANARY: Final = "canary-5f3759df"


@functools.cache
def _file(name: str) -> Mapping[str, Any]:
    return dict(yaml.safe_load((MANIFESTS / "samples" / f"{name}.yaml").read_text()))


def secret(name: str = "jolokia-auth") -> Mapping[str, Any]:
    """Return the login for Jolokia."""
    obj = copy.deepcopy(dict(_file("jolokia-secret")))
    obj["metadata"]["name"] = name
    obj["stringData"]["password"] = CANARY
    return obj


def sample(name: str = "demo", **spec: Any) -> Mapping[str, Any]:  # noqa: ANN401 -- any field of a spec
    """Return the three racks of the sample, with *spec* over its spec."""
    obj = copy.deepcopy(dict(_file("cassandracluster")))
    obj["metadata"]["name"] = name
    obj["spec"] |= spec
    return obj


def single(name: str = "solo", **spec: Any) -> Mapping[str, Any]:  # noqa: ANN401 -- as above
    """Return a cluster of one rack, in whichever zone."""
    obj = copy.deepcopy(dict(sample(name, **spec)))
    obj["spec"]["topology"] = {"dc": [{"name": "dc1", "rack": [{"name": "rack1"}]}]}
    return obj


def dcs_of(*sizes: int) -> Mapping[str, Any]:
    """Return the `topology` of data centres `dc1` and so on with one rack each, of so many nodes."""
    return {
        "dc": [
            {"name": f"dc{i}", "nodesPerRacks": size, "rack": [{"name": "rack1"}]}
            for i, size in enumerate(sizes, start=1)
        ]
    }


def one_dc(*names: str) -> Mapping[str, Any]:
    """Return the `topology` of one data centre with these racks, of one node each."""
    return {"dc": [{"name": "dc1", "nodesPerRacks": 1, "rack": [{"name": name} for name in names]}]}


def is_ready(name: str, seconds: float = 300.0) -> Until:
    """Return the wait until the cluster called *name* is Ready."""
    return Until(what=f"{name} is Ready", probe=ready(name), seconds=seconds)


def made(obj: Mapping[str, Any], *keyspaces: Keyspace) -> tuple[Step, ...]:
    """Return the steps that make a cluster with these keyspaces, and wait for it."""
    name = obj["metadata"]["name"]
    return (Apply(object=secret()), Apply(object=obj), is_ready(name), *keyspaces, Pause(seconds=5))


def rests(name: str, seconds: float = 600.0) -> Until:
    """Return the wait until nothing is left of what the cluster does not ask for."""
    what = f"{name} is Ready, and nothing is left of nodes that it does not ask for"
    return Until(what=what, probe=all_of(ready(name), tidy(name)), seconds=seconds)


def runs(name: str, wanted: str) -> Until:
    """Return the wait until all nodes run the image called *wanted*."""
    what = "all run the new image, and the cluster is Ready"
    return Until(what=what, probe=all_of(image(name, wanted), ready(name)), seconds=400)
