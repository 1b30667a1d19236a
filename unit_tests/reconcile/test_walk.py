"""
Every field to values that nobody means, and back, on one simulated cluster.

Whatever comes of an edit, the API server or the operator says so, or carries it out; and back is back.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from controller.kube import kinds
from e2e.providers.cluster import RefusedError
from e2e.providers.sim import NAMESPACE, SimCluster
from e2e.providers.simulated import SimulatedCluster
from e2e.samples import jolokia_secret, single
from unit_tests.api.test_reference import NAMES, ROWS, SAMPLES, another

Json = dict[str, Any]
# Long enough for the operator to look at an edit and to begin to act on it.
SEEN_SECONDS = 2.0
# The fields are walked in so many clusters.
PARTS = 6


def base() -> Json:
    """Return a cluster in which every list has the item that a path speaks of."""
    claim = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
    more = {"name": "more", "mountPath": "/more-data", "pvcSpec": claim}
    obj = single("cc", dataCapacity="2Gi", storageConfigs=[more])
    obj["spec"]["topology"]["dc"][0]["dataCapacity"] = "2Gi"
    return obj


def edited(path: str, value: object) -> Json:
    """Return the cluster with *value* at *path*."""
    obj = base()
    at: Any = obj["spec"]
    *steps, last = path.split(".")[1:]
    for step in steps:
        at = at[step[:-2]][0] if step.endswith("[]") else at.setdefault(step, {})
    at[last.removesuffix("[]")] = value
    return obj


def odd_values(path: str) -> Iterator[object]:
    """Yield values of the right and of the wrong type that nobody means."""
    usual = SAMPLES[path] if path in SAMPLES else another(ROWS[path].default)
    yield "no Sense at all!"
    yield [[1]]
    if isinstance(usual, int) and not isinstance(usual, bool):
        yield from (-(2**31), 0, 2**31 - 1)
    elif path.endswith("[]"):
        yield from ([], [{}], [{"name": "x", "zzz": 1}])
    elif isinstance(usual, dict):
        yield from ({}, {"zzz": {"y": [1]}})
    elif isinstance(usual, str):
        yield ""


def refusal(user: SimulatedCluster, obj: Json) -> str | None:
    """Apply *obj*, and return why the API server refuses it, None if it does not."""
    try:
        user.apply(obj)
    except RefusedError as error:
        return str(error)
    return None


def rests(sim: SimCluster) -> bool:
    """Tell whether everything is as the newest spec asks for."""
    ready, progressing, accepted = (sim.condition("cc", k) for k in ("Ready", "Progressing", "SpecAccepted"))
    words = (ready["status"], progressing.get("reason"), accepted["status"])
    generation = sim.cluster("cc")["metadata"]["generation"]
    return words == ("True", "Converged", "True") and progressing.get("observedGeneration") == generation


def template(sim: SimCluster) -> Json:
    """Return what the rack's StatefulSet asks for."""
    return dict(sim.client.get(kinds.STATEFULSET, NAMESPACE, "cc-dc1-rack1")["spec"])


@pytest.mark.parametrize("part", range(PARTS))
def test_every_field_to_nonsense_and_back(part: int) -> None:
    """A refusal names the field, nothing is a bug of the operator's, and afterwards all is as it was."""
    sim = SimCluster(seed=0)
    user = SimulatedCluster(sim)
    user.apply(jolokia_secret(), base())
    sim.run_until(lambda: rests(sim), seconds=600, what="it rests")
    before = template(sim)
    refused = 0
    for path in sorted(set(ROWS) - NAMES)[part::PARTS]:
        for value in odd_values(path):
            said = refusal(user, edited(path, value))
            if said is not None:
                refused += 1
                assert path.rpartition(".")[2].removesuffix("[]") in said
                continue
            sim.run(SEEN_SECONDS)
            accepted = sim.condition("cc", "SpecAccepted")
            if accepted["status"] == "False":
                refused += 1
                assert path.split(".")[1].removesuffix("[]") in accepted["message"], (path, value)
            conditions = sim.cluster("cc")["status"]["conditions"]
            assert not [c for c in conditions if "a bug of the operator" in c["message"]], (path, value)
            user.apply(base())
            sim.run(SEEN_SECONDS)
            assert sim.condition("cc", "SpecAccepted")["status"] == "True", (path, value)

    sim.run_until(lambda: rests(sim), seconds=3600, what="it rests again")
    assert refused > 10
    assert template(sim) == before
