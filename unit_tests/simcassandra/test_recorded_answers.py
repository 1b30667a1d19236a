"""The simulated agent against what real agents answered: the same request, the same kind of answer."""

from __future__ import annotations

import functools
import json
from pathlib import Path
import re
from typing import Any

import attrs
import pytest

from e2e.simcassandra.lab import Lab
from e2e.simcassandra.tokens import NetworkTopology

Json = Any
RECORDED = Path(__file__).parents[2] / "e2e" / "contract_jolokia" / "recorded"

# What is recorded and not simulated. The agent says so itself, as a real one would of what it lacks;
# for `list` and `search` it names itself a simulation.
UNSUPPORTED = {
    "list None None",
    "search org.apache.cassandra.metrics:type=Table,keyspace=app,*,name=LiveDiskSpaceUsed None",
    "exec org.apache.cassandra.db:type=StorageService getNaturalEndpoints",
    "exec org.apache.cassandra.db:type=StorageService getNaturalEndpointsWithPort",
    "read org.apache.cassandra.net:type=FailureDetector ['SimpleStatesWithPort', 'PhiValues']",
    "read org.apache.cassandra.db:type=CompactionManager CompactionHistory",
    "read org.apache.cassandra.db:type=Tables,keyspace=app,table=kv None",
    "read org.apache.cassandra.metrics:type=Compaction,name=PendingTasksByTableName Value",
    (
        "read org.apache.cassandra.metrics:type=ThreadPools,path=internal,scope=GossipStage,"
        "name=PendingTasks Value"
    ),
    "read java.lang:type=Memory HeapMemoryUsage",
}
FILES = {
    "jolokia-4.1.10": ("4.1.10", "1.7.2"),
    "jolokia-5.0.9": ("5.0.9", "1.7.2"),
    "jolokia2-5.0.9": ("5.0.9", "2.6.0"),
}
# Keys that are data and not names of fields: addresses, tokens, ids, ranges, sizes, instants.
DATA_KEY = re.compile(r".*(\d|null|false|/).*")
CUT = re.compile(r"\.\.\. \d+ more")


@attrs.frozen(kw_only=True)
class Pair:
    """A recorded exchange, and what the simulation answered to the same request."""

    request: dict[str, Any]
    recorded: dict[str, Any]
    http_status: int
    simulated: dict[str, Any] | None

    @property
    def kind(self) -> str:
        """What is asked, without arguments."""
        what = self.request.get("attribute", self.request.get("operation"))
        name = what.partition("(")[0] if isinstance(what, str) else what
        return f"{self.request['type']} {self.request.get('mbean')} {name}"


@functools.cache
def replayed(name: str) -> list[Pair]:
    """Replay a whole record against a ring of three, in order: later answers depend on earlier ones."""
    release, agent = FILES[name]
    lab = Lab(network="127.0.0", release=release, jolokia=agent, seed=3)
    lab.grow(3)
    lab.ring.create_keyspace("app", NetworkTopology(factors={"dc1": 2}), size=360_000)
    lab.pass_time(5)
    pairs = []
    for line in (RECORDED / f"{name}.jsonl").read_text().splitlines():
        entry = json.loads(line)
        answer = lab.post(1, entry["request"])
        try:
            body = json.loads(answer.body)
        except ValueError:
            body = None
        pairs.append(
            Pair(
                request=entry["request"],
                recorded=entry["response"],
                http_status=answer.status,
                simulated=body,
            )
        )
    return pairs


CASES = [(name, index) for name in FILES for index in range(135)]


def _supported() -> list[tuple[str, int]]:
    return [(name, i) for name, i in CASES if replayed(name)[i].kind not in UNSUPPORTED]


def same_shape(recorded: Json, simulated: Json, where: str = "value") -> None:
    """Compare types and field names, not data; a cut list or dict stands for its beginning."""
    if recorded is None or simulated is None:
        assert recorded is simulated is None, where
    elif isinstance(recorded, dict):
        assert isinstance(simulated, dict), where
        fields = {k for k in recorded if not DATA_KEY.fullmatch(k) and k != "..."}
        assert fields <= set(simulated), f"{where}: {sorted(fields - set(simulated))} missing"
        for key in fields:
            same_shape(recorded[key], simulated[key], f"{where}.{key}")
        data = [v for k, v in recorded.items() if DATA_KEY.fullmatch(k)]
        have = [v for k, v in simulated.items() if DATA_KEY.fullmatch(k)]
        assert bool(data) == bool(have), where
        if data:
            for value in have:
                like_one_of(data, value, f"{where}.*")
    elif isinstance(recorded, list):
        assert isinstance(simulated, list), where
        real = [v for v in recorded if not (isinstance(v, str) and CUT.fullmatch(v))]
        assert bool(real) == bool(simulated), where
        if real:
            for value in simulated:
                like_one_of(real, value, f"{where}[]")
    elif isinstance(recorded, str):
        assert isinstance(simulated, str), where
        assert outline(recorded) == outline(simulated), where
    else:
        assert type(recorded) is type(simulated), where


def like_one_of(recorded: list[Json], simulated: Json, where: str) -> None:
    """Some fields may be null: one of the recorded values has to fit."""
    for candidate in recorded[:-1]:
        try:
            same_shape(candidate, simulated, where)
        except AssertionError:
            continue
        return
    same_shape(recorded[-1], simulated, where)


def outline(text: str) -> str:
    """Reduce a text that is made of parts to the form of its first part; leave any other alone."""
    if text.startswith("TokenRange("):
        text = re.sub(r"datacenter:\w+|rack:\w+", "_", text)
        text = re.sub(r"[-\d.:]+", "#", text)
        return re.sub(r"(, )?(#|EndpointDetails\(host#, _, _\))(?=[,\]])", "", text)
    if "generation:" in text:
        return "gossip"
    return "text"


@pytest.mark.parametrize(("name", "index"), _supported())
def test_answers_have_the_recorded_shape(name: str, index: int) -> None:
    """Status, error class, error text and the shape of the value are those of a real agent."""
    pair = replayed(name)[index]

    if "exception" in pair.recorded:
        # The 2.x agent answered with HTTP 400, or with JSON that is cut off.
        assert pair.simulated is None
        assert (pair.http_status == 400) == ("400" in pair.recorded["exception"])
        return
    assert pair.simulated is not None
    assert pair.http_status == 200
    assert pair.simulated["status"] == pair.recorded["status"]
    # An answer leaves out arguments if there are none.
    assert pair.simulated["request"] == {k: v for k, v in pair.request.items() if v != []}
    assert set(pair.recorded) <= set(pair.simulated)
    if "error" in pair.recorded:
        assert pair.simulated["error_type"] == pair.recorded["error_type"]
        assert error_text(pair.simulated["error"]) == error_text(pair.recorded["error"])
    else:
        same_shape(pair.recorded["value"], pair.simulated["value"])


def error_text(text: str) -> str:
    """Leave out the ranges found, and the order in which Java lists the overloads of an operation."""
    head, found, _ = text.partition("Found: [")
    if found:
        return head
    listed = re.search(r"[sS]ignatures(?: found)?: ([^ ]*\))", text)
    if listed is None:
        return text
    return text.replace(listed[1], ",".join(sorted(re.findall(r"\([^)]*\)", listed[1]))))


@pytest.mark.parametrize("name", FILES)
def test_what_is_not_simulated_says_so(name: str) -> None:
    """A request for something that is not simulated is refused; it never gets an invented value."""
    pairs = [pair for pair in replayed(name) if pair.kind in UNSUPPORTED]

    assert {pair.kind for pair in pairs} == UNSUPPORTED
    for pair in pairs:
        refused = pair.simulated is None and pair.http_status == 400
        assert refused or (pair.simulated is not None and pair.simulated["status"] in {400, 404, 500})
