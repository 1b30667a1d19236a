"""What lets controllers look at little: indexes over objects, and what they have yet to look at."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st
import pytest

from e2e.simcontrollers import objects
from e2e.simcontrollers.client import Client
from e2e.simcontrollers.disruption import DisruptionController
from e2e.simcontrollers.due import Due
from e2e.simcontrollers.index import Index, Key, by_label, key_of, selected
from e2e.simcontrollers.objects import BUDGETS, CLAIMS, PODS, SETS, WATCHED
from e2e.simcontrollers.pace import Pace
from e2e.simcontrollers.statefulset import StatefulSetController
from e2e.simcontrollers.view import View
from e2e.simcontrollers.volumes import VolumeController
from unit_tests.simcontrollers.world import World, stateful_set

Obj = dict[str, Any]


def pod(name: str, labels: dict[str, str]) -> Obj:
    """Return what an index knows of a pod."""
    return {"metadata": {"namespace": "test", "name": name, "labels": labels}}


pods = st.builds(
    pod,
    st.sampled_from(["p0", "p1", "p2", "p3"]),
    st.dictionaries(st.sampled_from(["a", "b"]), st.sampled_from(["x", "y"])),
)


@given(st.lists(st.tuples(pods, st.booleans())), st.dictionaries(st.just("a"), st.sampled_from(["x", "y"])))
def test_an_index_finds_what_looking_at_all_would(
    changes: list[tuple[Obj, bool]], wanted: dict[str, str]
) -> None:
    """After any changes, in the same order; an empty selector takes all, none takes nobody."""
    index, table = Index(by_label), dict[Key, Obj]()
    for obj, there in changes:
        key, old = key_of(obj), table.pop(key_of(obj), None)
        index.change(key, old, obj if there else None)
        if there:
            table[key] = obj

    for selector in ({"matchLabels": wanted}, {}, None):
        expected = [p for _, p in sorted(table.items()) if objects.matches(selector, objects.labels(p))]
        assert selected(index, "test", selector) == expected
    assert selected(index, "elsewhere", {}) == []
    assert index.count(("test",)) == len(table)


def test_who_is_not_at_rest_stays_due() -> None:
    """Each is looked at once a step, by name; what comes during a look waits for the next step."""
    due, looks = Due(), list[Key]()
    for name in ("b", "a", "c"):
        due.add(("test", name))

    def look(key: Key) -> bool:
        looks.append(key)
        if key == ("test", "a"):
            due.add(("test", "a"))
        return key != ("test", "b")

    due.each(look)
    assert looks == [("test", "a"), ("test", "b"), ("test", "c")]

    due.each(look)
    assert looks[3:] == [("test", "a"), ("test", "b")]


def test_what_a_look_failed_at_stays_due() -> None:
    """A step that gets no answer ends there; the next one goes on with the same object."""
    due = Due()
    due.add(("test", "a"))
    due.add(("test", "b"))
    with pytest.raises(TimeoutError):
        due.each(_unanswered)

    looks = list[Key]()

    def look(key: Key) -> bool:
        looks.append(key)
        return True

    due.each(look)
    assert looks == [("test", "a"), ("test", "b")]


def _unanswered(key: Key) -> bool:
    raise TimeoutError(key)


def test_who_rests_has_nothing_to_do() -> None:
    """Controllers that begin anew, and so look at everything, write nothing where old ones are at rest."""
    world = World()
    world.create(SETS, "s", spec=stateful_set(3, claims=True))
    selector = {"matchLabels": {"app": "s"}}
    world.create(BUDGETS, "s", spec={"maxUnavailable": 1, "selector": selector})
    world.wait(lambda: len(world.ready()) == 3)
    world.controllers.nodes.power_off(world.node("s-1"))
    world.run(400)
    world.controllers.nodes.bring_back(world.node("s-1"))
    world.patch(SETS, "s", spec={"replicas": 2})
    world.wait(lambda: world.names(PODS) == ["s-0", "s-1"] and len(world.ready()) == 2)
    world.delete(CLAIMS, "data-s-2")
    world.run(60)
    version = world.server.store.version

    view = View(world.transport, WATCHED)
    simulation = world.simulation
    client = Client(world.transport, simulation, "anew")
    sets = StatefulSetController(client, view, simulation, simulation_never)
    budgets = DisruptionController(client, view, simulation, simulation_never)
    volumes = VolumeController(client, view, simulation, Pace())
    view.refresh()
    for step in (sets.step, budgets.step, volumes.step):
        step()

    assert world.server.store.version == version
    assert objects.status(world.get(BUDGETS, "s"))["currentHealthy"] == 2


def simulation_never(seconds: float) -> None:
    """Nobody at rest asks to be looked at later."""
    raise AssertionError(seconds)


def test_the_view_tells_changes_that_it_finds_by_listing() -> None:
    """Without watches a list is compared with the one before: what is new, other, or gone is told once."""
    world = World()
    view = View(world.transport, WATCHED)
    told = list[tuple[str | None, str | None]]()

    def listen(old: Obj | None, new: Obj | None) -> None:
        told.append((None if old is None else objects.name(old), None if new is None else objects.name(new)))

    view.listen(SETS, listen)
    world.create(SETS, "s", spec=stateful_set(0))
    view.refresh()
    view.refresh()
    world.patch(SETS, "s", metadata={"labels": {"a": "b"}})
    view.refresh()
    world.delete(SETS, "s")
    world.run(5)
    view.refresh()

    assert told[0] == (None, "s")
    assert told[-1] == ("s", None)
    assert told[1:-1] == [("s", "s")]
