"""CassandraClusters for the scenarios: the sample, and small ones made from it."""

from __future__ import annotations

import copy
from typing import Any

import yaml

from e2e.kubectl import Object
from e2e.lab import SAMPLES

SECRET = "jolokia-auth"
# No registry has it.
NO_SUCH_IMAGE = "cassandra:no-such-tag"


def sample(name: str) -> Object:
    """Return the sample under another name."""
    obj: Object = yaml.safe_load((SAMPLES / "cassandracluster.yaml").read_text())
    obj["metadata"]["name"] = name
    return obj


def single(name: str, **spec: Any) -> Object:  # noqa: ANN401 -- any field of a spec
    """Return a cluster of one node, in whichever zone, with *spec* over the sample's."""
    obj = sample(name)
    obj["spec"]["topology"] = {"dc": [{"name": "dc1", "rack": [{"name": "rack1"}]}]}
    obj["spec"] |= spec
    return obj


def with_dc(obj: Object, **dc: Any) -> Object:  # noqa: ANN401 -- any field of a DC
    """Return a copy of *obj* with *dc* over its first DC."""
    changed = copy.deepcopy(obj)
    changed["spec"]["topology"]["dc"][0] |= dc
    return changed


def jolokia_secret(name: str = SECRET, **data: str) -> Object:
    """Return a Secret with a login, or with *data* instead."""
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": name},
        "stringData": data or {"username": "casskop", "password": "a-test-password-7391"},
    }
