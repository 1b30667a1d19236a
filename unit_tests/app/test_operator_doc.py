"""What a reader may rely on: the tables of docs/operator.md are those of the code."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
import re

from prometheus_client.parser import text_string_to_metric_families

from controller import settings
from controller.app import EXIT_FAILED, EXIT_LEASE_LOST, EXIT_STOPPED
from controller.runtime.backoff import KeyBackoff
from controller.runtime.clock import SteppedClock
from controller.runtime.queue import WorkQueue
from controller.telemetry.collectors import ClusterFacts, OperationFacts, RackFacts
from controller.telemetry.metrics import Metrics

TEXT = (Path(__file__).resolve().parents[2] / "docs" / "operator.md").read_text()


def rows(first: str) -> Iterator[list[str]]:
    """Yield the cells of each row of the table whose first heading is *first*."""
    within = False
    for line in TEXT.splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if not line.startswith("|"):
            within = False
        elif cells[0] == first:
            within = True
        elif within and not cells[0].startswith("-"):
            yield cells


def code(cell: str) -> list[str]:
    """Return what stands in back quotes."""
    return re.findall(r"`([^`]+)`", cell)


def table(first: str) -> dict[str, list[str]]:
    """Return the rows of a table, by the code in their first cell."""
    return {code(cells[0])[0]: cells for cells in rows(first)}


def metrics() -> Mapping[str, set[str]]:
    """Return every metric, with the names of its labels, once all parts have been measured."""
    made = Metrics()
    queue: WorkQueue[str] = WorkQueue(clock=SteppedClock(), backoff=KeyBackoff(roll=lambda: 1.0))
    made.queue("c")
    made.watch_queue("c", queue)
    made.workers("c", 1)
    made.reflector("pods")
    made.election("casskop")
    made.held_calls()
    made.request(method="GET", host="h", code=200, seconds=0.1)
    made.api_write(verb="create", resource="pods")
    made.jolokia(mbean="StorageService", result="success", seconds=0.1)
    made.operation_started("cleanup")
    made.operation_finished("cleanup", "done")
    rack = RackFacts(dc="dc1", rack="rack1", desired=1, ready=1)
    operation = OperationFacts(operation="cleanup", pod="p", seconds=1.0)
    cluster = ClusterFacts(
        namespace="n",
        name="c",
        phase="Running",
        action="ScaleUp",
        conditions={"Ready": "True"},
        racks=(rack,),
        operations=(operation,),
    )
    made.watch_clusters(lambda: (cluster,))
    found: dict[str, set[str]] = {}
    for family in text_string_to_metric_families(made.render().decode()):
        for sample in family.samples:
            name = re.sub("_(bucket|count|sum)$", "", sample.name)
            found.setdefault(name, set()).update(set(sample.labels) - {"le"})
    return {name: labels for name, labels in found.items() if not name.startswith("process_")}


def test_every_metric_is_in_the_table_with_its_labels() -> None:
    """And none is there that does not exist."""
    documented = {name: set(code(cells[1])) for name, cells in table("metric").items()}

    assert documented == metrics()


def test_every_flag_is_in_the_table_with_its_default() -> None:
    """And none is there that does not exist."""
    flags = {
        action.option_strings[0]: action.default
        for action in settings._parser()._actions
        if action.dest != "help"
    }

    documented = {flag: code(cells[1]) for flag, cells in table("flag").items()}

    assert documented.keys() == flags.keys()
    for flag, default in flags.items():
        assert documented[flag] == (
            [] if default is None else [f"{default:g}" if _is_number(default) else default]
        )


def _is_number(value: object) -> bool:
    return isinstance(value, int | float)


def test_every_variable_is_in_the_table() -> None:
    """Those that the operator's help names."""
    named = set(re.findall(r"\b[A-Z]+_[A-Z]+\b|\bKUBECONFIG\b", settings._parser().epilog or ""))

    assert set(table("variable")) == named


def test_exit_codes_are_in_the_table() -> None:
    """All that mean something."""
    assert [int(cells[0]) for cells in rows("exit code")] == [EXIT_STOPPED, EXIT_FAILED, 2, EXIT_LEASE_LOST]
