"""What makes a sweep fast changes nothing: neither what happens, nor what is stored."""

from __future__ import annotations

import marshal

import pytest

from e2e.providers.sim import SimCluster
from e2e.simkube.store import Change, Place
from e2e.sweep.run import replay
from e2e.sweep.samples import sample, secret
from e2e.sweep.speed import RememberingComparison, replacements
from e2e.sweep.stories import BY_NAME


@pytest.mark.parametrize("name", ["image", "again"])
def test_remembering_changes_nothing(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """An operator that remembers what it read and built does the same at the same instants."""
    without = replay(BY_NAME[name], None, reference=None)
    for module, function, instead in replacements():
        monkeypatch.setattr(module, function, instead)

    assert replay(BY_NAME[name], None, reference=None) == without


def test_nobody_changes_what_is_stored(monkeypatch: pytest.MonkeyPatch) -> None:
    """Objects are shown to controllers and operator as they are stored: they stay as they were written."""
    for module, function, instead in replacements():
        monkeypatch.setattr(module, function, instead)
    cluster = SimCluster()
    written: list[tuple[Change, bytes]] = []

    def note(_: Place, change: Change) -> None:
        # This format has no references, which would tell who else holds a part.
        written.append((change, marshal.dumps(change.after.object, 2)))

    cluster.server.store.listen(note)
    cluster.apply(secret())
    cluster.apply(sample())
    cluster.run(120)

    assert cluster.condition("demo", "Ready")["status"] == "True"
    assert len(written) > 100
    for change, then in written:
        assert marshal.dumps(change.after.object, 2) == then, change.key


def test_an_object_of_another_story_is_compared_anew() -> None:
    """Two stories may have objects of one uid and version that differ: neither gets the other's result."""
    metadata = {"uid": "u", "resourceVersion": "7"}
    compare = RememberingComparison(lambda live, body: (live["spec"], body["spec"]))

    first = compare({"metadata": metadata, "spec": 1}, {"spec": 3})
    other = compare({"metadata": metadata, "spec": 2}, {"spec": 3})

    assert (first, other) == ((1, 3), (2, 3))
