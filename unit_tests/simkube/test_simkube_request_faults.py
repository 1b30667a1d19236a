"""Faults of requests: refused, hung, lost, late; whom they strike, and when."""

from __future__ import annotations

import pytest

from controller.domain.errors import TransientError
from e2e.simkube.faults import Delay, Hang, LoseAnswer, Match, Refuse, Rule, WriteRecord
from unit_tests.simkube.simclient import CONFIG_MAPS, Client, client, config_map, names, server

_PATH = f"{CONFIG_MAPS}/one"


@pytest.mark.parametrize(
    ("status", "reason"),
    [(409, "Conflict"), (410, "Expired"), (429, "TooManyRequests"), (500, "InternalError")],
)
def test_a_refused_request_changes_nothing(status: int, reason: str) -> None:
    """The answer is a Status of this code, and nothing is stored."""
    made = server()
    made.faults.add(Rule(Match(verbs=("create",)), Refuse(status=status)))

    answer = client(made).post(CONFIG_MAPS, config_map())

    assert (answer.status, answer.body["code"], answer.body["reason"]) == (status, status, reason)
    assert client(made).get(_PATH).status == 404


def test_a_refusal_can_say_when_to_come_again() -> None:
    """`retry_after` goes out as a header and in the details."""
    made = server()
    made.faults.add(Rule(Match(), Refuse(status=429, retry_after=7)))

    answer = client(made).get(CONFIG_MAPS)

    assert answer.headers["Retry-After"] == "7"
    assert answer.body["details"]["retryAfterSeconds"] == 7


def test_a_rule_strikes_as_often_as_it_says() -> None:
    """Once if nothing is said, after the first *skip* matches, for ever with None."""
    made = server()
    sender = client(made)
    made.faults.add(Rule(Match(verbs=("get",)), Refuse(status=500), skip=1, times=2))

    codes = [sender.get(_PATH).status for _ in range(5)]

    assert codes == [404, 500, 500, 404, 404]


def test_a_rule_without_end_goes_on_until_it_is_taken_back() -> None:
    """`clear` takes back every rule."""
    made = server()
    made.faults.add(Rule(Match(), Refuse(status=503), times=None))
    codes = [client(made).get(CONFIG_MAPS).status for _ in range(3)]

    made.faults.clear()

    assert codes == [503, 503, 503]
    assert client(made).get(CONFIG_MAPS).status == 200


@pytest.mark.parametrize(
    "match",
    [
        Match(client="other"),
        Match(verbs=("update", "delete")),
        Match(kinds=("secrets", "configmaps/status")),
        Match(namespace="elsewhere"),
        Match(name="two"),
    ],
)
def test_a_rule_strikes_what_it_matches_only(match: Match) -> None:
    """Another client, verb, kind, namespace or name is not struck."""
    made = server()
    client(made).made()
    rule = made.faults.add(Rule(match, Refuse(status=500)))

    assert client(made).merge(_PATH, {"data": {"x": "1"}}).status == 200
    assert rule.struck == 0


def test_subresources_are_kinds_of_their_own() -> None:
    """`pods/eviction` and `statefulsets/status` can be struck without the objects themselves."""
    made = server()
    path = "/apis/policy/v1/namespaces/default/poddisruptionbudgets"
    client(made).post(path, {"metadata": {"name": "one"}, "spec": {"selector": {}}})
    made.faults.add(Rule(Match(kinds=("poddisruptionbudgets/status",)), Refuse(status=500), times=None))

    status = {"status": {"currentHealthy": 1}}

    assert client(made).merge(f"{path}/one/status", status).status == 500
    assert client(made).merge(f"{path}/one", {"spec": {"maxUnavailable": 1}}).status == 200


def test_a_hung_request_does_nothing_and_never_answers() -> None:
    """The client gives up; nothing was stored."""
    made = server()
    made.faults.add(Rule(Match(verbs=("create",)), Hang()))

    with pytest.raises(TransientError, match="does not answer"):
        client(made).post(CONFIG_MAPS, config_map())

    assert client(made).get(_PATH).status == 404


def test_a_lost_answer_was_carried_out() -> None:
    """The client sees a failure, the object is there."""
    made = server()
    made.faults.add(Rule(Match(verbs=("create",)), LoseAnswer()))

    with pytest.raises(TransientError, match="lost"):
        client(made).post(CONFIG_MAPS, config_map())

    assert client(made).get(_PATH).status == 200


def test_a_late_answer_takes_its_time() -> None:
    """The simulated clock has moved by the delay when the answer is there."""
    made = server()
    made.faults.add(Rule(Match(), Delay(3.5)))
    before = made.simulation.now

    assert client(made).get(CONFIG_MAPS).status == 200
    assert made.simulation.now - before == 3.5


def test_an_answer_that_is_too_late_is_none() -> None:
    """After the client's deadline it is a failure, though the request was carried out."""
    made = server()
    made.faults.add(Rule(Match(), Delay(30)))
    sender = Client(transport=client(made).transport, timeout=5)
    before = made.simulation.now

    with pytest.raises(TransientError, match="no answer within 5 seconds"):
        sender.post(CONFIG_MAPS, config_map())

    assert made.simulation.now - before == 5
    assert client(made).get(_PATH).status == 200


def test_writes_are_counted_per_client() -> None:
    """Creations, updates, patches and deletions count, refused ones too; reads do not."""
    made = server()
    mine, other = client(made, "mine/1.0"), client(made, "other")
    mine.post(CONFIG_MAPS, config_map())
    mine.post(CONFIG_MAPS, config_map())
    mine.merge(_PATH, {"data": {"x": "1"}})
    mine.get(_PATH)
    other.delete(_PATH)

    assert (made.faults.writes["mine"], made.faults.writes["other"]) == (3, 1)


def test_a_fault_can_strike_at_the_nth_write() -> None:
    """`at` names the client's write, whatever else it does in between."""
    made = server()
    sender = client(made, "mine")
    made.faults.add(Rule(Match(client="mine"), LoseAnswer(), at=3))
    sender.made("a")
    sender.get(CONFIG_MAPS)
    client(made).made("x")
    sender.made("b")

    with pytest.raises(TransientError):
        sender.made("c")

    assert sender.made("d")["metadata"]["name"] == "d"


def test_every_point_of_a_scenario_can_be_come_back_to() -> None:
    """Striking each write in turn by its number enumerates a scenario, and each run is the same."""

    def run(at: int | None) -> list[str]:
        made = server()
        if at is not None:
            made.faults.add(Rule(Match(client="mine"), Refuse(status=500), at=at))
        sender = client(made, "mine")
        for name in "abcd":
            sender.post(CONFIG_MAPS, config_map(name))
        return names(client(made).get(CONFIG_MAPS))

    assert run(None) == ["a", "b", "c", "d"]
    assert [run(at) for at in (1, 2, 3, 4)] == [
        ["b", "c", "d"],
        ["a", "c", "d"],
        ["a", "b", "d"],
        ["a", "b", "c"],
    ]


def test_the_log_tells_how_writes_ended() -> None:
    """Each write is noted with its number, its status and whether it changed anything."""
    made = server()
    sender = client(made, "mine")
    sender.made()
    sender.merge(_PATH, {"data": {"x": "1"}})
    sender.merge(_PATH, {"data": {"x": "1"}})
    sender.post(CONFIG_MAPS, config_map())

    noted = [(one.call.number, one.call.verb, one.status, one.changed) for one in made.faults.log]
    assert noted[-4:] == [
        (1, "create", 201, True),
        (2, "patch", 200, True),
        (3, "patch", 200, False),
        (4, "create", 409, False),
    ]


class _KilledError(Exception):
    """What a test puts in place of a killed process."""


def test_a_client_can_be_killed_after_a_write() -> None:
    """What `after_write` raises reaches the caller, and the write is done."""
    made = server()

    def kill(record: WriteRecord) -> None:
        if record.call.client == "mine":
            raise _KilledError

    made.faults.after_write = kill

    with pytest.raises(_KilledError):
        client(made, "mine").made()
    assert client(made, "other").get(_PATH).status == 200


def test_a_frozen_client_reads_the_past_where_it_allows_it() -> None:
    """Reads that take any version are served as of the frozen one; fresh reads are never stale."""
    made = server()
    client(made).made("a")
    made.faults.freeze("slow", made.store.version)
    client(made).made("b")

    slow = client(made, "slow")

    assert names(slow.get(CONFIG_MAPS, resourceVersion="0")) == ["a"]
    assert names(slow.get(CONFIG_MAPS)) == ["a", "b"]
    made.thaw("slow")
    assert names(slow.get(CONFIG_MAPS, resourceVersion="0")) == ["a", "b"]
