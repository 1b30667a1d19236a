"""Waiting for the stores to show our own writes, and no longer than that."""

from __future__ import annotations

import attrs
import pytest

from controller.domain.errors import TransientError
from controller.executors.base import Written
from controller.kube import kinds
from controller.reconcile.caught_up import LOOK_AGAIN_SECONDS, CaughtUp
from controller.reconcile.expectations import PATIENCE_SECONDS
from controller.reconcile.stores import Object, Stores
from controller.runtime.store import Key
from e2e.simkube.faults import Refuse
from unit_tests.executors.stage import NAMESPACE, Json, Stage
from unit_tests.reconcile import bench as benches

KEY = Key(NAMESPACE, "cc")
SERVICE = Key(NAMESPACE, "web")


@attrs.define
class Time:
    """Monotonic seconds that pass when told to."""

    now: float = 0.0

    def __call__(self) -> float:
        """Return now."""
        return self.now


@attrs.frozen
class Scene:
    """A server, stores that nobody feeds, and a clock."""

    stage: Stage
    stores: Stores
    time: Time
    caught_up: CaughtUp

    def write(self, **labels: str) -> Json:
        """Create or change the Service, note the write, and return it as stored."""
        if self.stage.stored(kinds.SERVICE, "web") is None:
            body = {"metadata": {"name": "web"}, "spec": {"ports": [{"port": 80}]}}
            self.stage.make(kinds.SERVICE, body)
        stored = self.stage.edit(kinds.SERVICE, "web", {"metadata": {"labels": labels}})
        self.caught_up.expect(KEY, _written(stored, stored["metadata"]["resourceVersion"]))
        return stored

    def show(self, stored: Json) -> None:
        """Let the store have the Service as it was then, as a watch event does."""
        store, version = self.stores.services, stored["metadata"]["resourceVersion"]
        store.upsert(store.entry(SERVICE, version, kinds.SERVICE.transform(stored)))

    def shown(self) -> Object | None:
        """Return the Service that the store shows."""
        return self.stores.services.get(SERVICE)


def _written(stored: Json, version: str | None) -> Written:
    uid = stored["metadata"]["uid"]
    return Written(kind=kinds.SERVICE, namespace=NAMESPACE, name="web", uid=uid, resource_version=version)


@pytest.fixture
def scene(stage: Stage) -> Scene:
    """Return a scene in which nothing was written."""
    stores, time = Stores(), Time()
    return Scene(stage, stores, time, CaughtUp(client=stage.client, stores=stores, monotonic=time))


def test_nothing_written_is_nothing_to_wait_for(scene: Scene) -> None:
    """A cluster that nobody wrote to goes on at once."""
    assert scene.caught_up.behind(KEY) is None


def test_a_write_holds_its_cluster_until_the_store_shows_it(scene: Scene) -> None:
    """The older state does not do; other clusters are not held."""
    scene.show(scene.write(a="1"))
    later = scene.write(a="2")

    assert scene.caught_up.behind(KEY) == LOOK_AGAIN_SECONDS
    assert scene.caught_up.behind(Key(NAMESPACE, "other")) is None
    scene.show(later)
    assert scene.caught_up.behind(KEY) is None


def test_after_its_patience_it_reads_live(scene: Scene) -> None:
    """A store that no event reaches is corrected from the server, and the cluster goes on."""
    scene.write(a="1")
    scene.time.now = PATIENCE_SECONDS - 0.1
    assert scene.caught_up.behind(KEY) == LOOK_AGAIN_SECONDS
    assert scene.shown() is None

    scene.time.now = PATIENCE_SECONDS
    assert scene.caught_up.behind(KEY) is None

    shown = scene.shown()
    assert shown is not None
    assert shown["metadata"]["labels"] == {"a": "1"}


def test_what_is_gone_live_goes_from_the_store(scene: Scene) -> None:
    """An object that somebody deleted is not waited for, nor believed in any more."""
    scene.show(scene.write(a="1"))
    scene.write(a="2")
    scene.stage.remove(kinds.SERVICE, "web")
    scene.time.now = PATIENCE_SECONDS

    assert scene.caught_up.behind(KEY) is None
    assert scene.shown() is None


def test_a_deletion_is_seen_when_the_object_is_gone(scene: Scene) -> None:
    """The store still has the object: that is behind. Without it, or with another, it is not."""
    stored = scene.write(a="1")
    scene.show(stored)
    scene.caught_up.expect(KEY, _written(stored, None))

    assert scene.caught_up.behind(KEY) == LOOK_AGAIN_SECONDS
    scene.stores.services.delete(SERVICE)
    assert scene.caught_up.behind(KEY) is None


def test_a_live_read_that_fails_keeps_waiting(scene: Scene) -> None:
    """Without an answer nothing is known: the reconcile fails, and the expectation stays."""
    scene.write(a="1")
    scene.time.now = PATIENCE_SECONDS
    scene.stage.fault(Refuse(status=503), verbs=("get",))

    with pytest.raises(TransientError):
        scene.caught_up.behind(KEY)

    assert scene.caught_up.behind(KEY) is None
    assert scene.shown() is not None


def test_a_cluster_that_is_gone_is_forgotten(scene: Scene) -> None:
    """One of the same name that comes later waits for nothing of it."""
    scene.write(a="1")
    scene.caught_up.forget(KEY)

    assert scene.caught_up.behind(KEY) is None


def test_a_cluster_that_was_read_live_is_what_the_step_goes_by(bench: benches.Bench) -> None:
    """Not the one that the store showed before: that is of the past."""
    bench.reconcile()
    bench.stage.edit(kinds.CASSANDRA_CLUSTER, "cc", {"spec": {"maxPodUnavailable": 3}})
    reconciler = bench.core.reconciler

    assert reconciler.reconcile(benches.KEY).why == "the stores do not show our last writes yet"
    bench.clock.advance(PATIENCE_SECONDS)
    reconciler.reconcile(benches.KEY)

    live = bench.cluster()
    assert live["status"]["observedGeneration"] == live["metadata"]["generation"]
    assert bench.stage.user.get(kinds.POD_DISRUPTION_BUDGET, NAMESPACE, "cc")["spec"]["maxUnavailable"] == 3
