"""The same seed and the same requests at the same instants give the same history."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from e2e.simkube.api import ApiServer
from unit_tests.simkube.simclient import APPLY, CONFIG_MAPS, Client, client, config_map, server, watch

_NAMES = ("a", "b", "c")


def _carry_out(sender: Client, step: tuple[str, str, int]) -> Any:
    verb, name, number = step
    path = f"{CONFIG_MAPS}/{name}"
    match verb:
        case "create":
            return sender.post(CONFIG_MAPS, config_map(name, x=str(number)))
        case "generate":
            return sender.post(CONFIG_MAPS, {"metadata": {"generateName": name}})
        case "patch":
            return sender.merge(path, {"data": {"x": str(number)}})
        case "apply":
            body = config_map(name, x=str(number))
            return sender.call("PATCH", path, body, APPLY, fieldManager="me", force="true")
        case "namespace":
            return sender.post("/api/v1/namespaces", {"metadata": {"name": f"{name}{number}"}})
        case _:
            return sender.delete(path)


def _history(steps: list[tuple[str, str, int]], seed: int = 7) -> tuple[list[Any], list[Any], ApiServer]:
    """Every answer and every event of a run."""
    made = server(seed)
    stream = watch(made, resourceVersion=made.store.version)
    sender = client(made)
    answers = []
    for step in steps:
        answers.append(_carry_out(sender, step))
        made.simulation.run_until(made.simulation.now + step[2] / 10)
    return answers, stream.poll(), made


_verbs = st.sampled_from(("create", "generate", "patch", "apply", "delete", "namespace"))
_steps = st.lists(st.tuples(_verbs, st.sampled_from(_NAMES), st.integers(0, 5)), max_size=25)


@given(_steps)
def test_the_same_requests_give_the_same_history(steps: list[tuple[str, str, int]]) -> None:
    """Answers, uids, versions, times, events: all are equal, for whatever is asked."""
    answers, events, made = _history(steps)
    again, same, other = _history(steps)

    assert again == answers
    assert same == events
    assert other.store.version == made.store.version


def test_another_seed_gives_other_names() -> None:
    """The seed decides uids and generated names, and nothing else."""
    steps = [("generate", "a", 1), ("create", "b", 2)]

    (first, _), _, _ = _history(steps, seed=1)
    (other, _), _, _ = _history(steps, seed=2)

    assert first.body["metadata"]["uid"] != other.body["metadata"]["uid"]
    assert first.body["metadata"]["name"] != other.body["metadata"]["name"]
    assert first.body["metadata"]["resourceVersion"] == other.body["metadata"]["resourceVersion"]


def test_names_leave_other_draws_alone() -> None:
    """How many names the server draws does not change what else the simulation draws."""
    quiet, busy = server(3), server(3)
    sender = client(busy)
    for _ in range(10):
        sender.post(CONFIG_MAPS, {"metadata": {"generateName": "x"}})

    assert quiet.simulation.random.random() == busy.simulation.random.random()


def test_what_is_handed_out_is_the_callers() -> None:
    """A caller that changes an answer, an event or its own body changes nothing that is stored."""
    made = server()
    sender, stream = client(made), watch(made)
    body = config_map(x="1")
    sent = sender.post(CONFIG_MAPS, body)
    event = stream.poll()[-1]
    for mine in (body, sent.body, event["object"], sender.get(f"{CONFIG_MAPS}/one").body):
        mine["data"]["x"] = "spoiled"
        mine["metadata"]["labels"] = {"spoiled": "yes"}
    listed = sender.get(CONFIG_MAPS).body["items"][-1]
    listed["data"]["x"] = "spoiled"

    found = sender.get(f"{CONFIG_MAPS}/one").body
    assert found["data"] == {"x": "1"}
    assert "labels" not in found["metadata"]


def test_time_is_the_simulation_s() -> None:
    """Times in objects are those of the simulated clock, to the second."""
    made = server()
    made.simulation.run_until(made.simulation.now + 3600.7)

    assert client(made).made()["metadata"]["creationTimestamp"] == "2026-01-01T01:00:00Z"
