"""Agents that answer as real ones were recorded to, attribute by attribute."""

from __future__ import annotations

import functools
import json
from pathlib import Path
from typing import Any, Final

import httpx

from controller.cassandra.mbeans import STORAGE_SERVICE

RECORDED: Final = Path(__file__).parents[2] / "e2e" / "contract_jolokia" / "recorded"
# Cassandra 4.1 and 5.0 with Jolokia 1.7, and 5.0 with Jolokia 2.6.
RECORDINGS: Final = ("jolokia-4.1.10", "jolokia-5.0.9", "jolokia2-5.0.9")


@functools.cache
def attributes(recording: str) -> dict[str, Any]:
    """Return what the recorded ring of three said for each attribute of the StorageService."""
    values: dict[str, Any] = {}
    for line in (RECORDED / f"{recording}.jsonl").read_text().splitlines():
        exchange = json.loads(line)
        request, response = exchange["request"], exchange["response"]
        if not isinstance(request, dict) or request.get("mbean") != STORAGE_SERVICE:
            continue
        asked, value = request.get("attribute"), response.get("value")
        if response.get("status") == 200 and isinstance(asked, str):
            values.setdefault(asked, value)
        elif response.get("status") == 200 and isinstance(asked, list):
            for name in asked:
                values.setdefault(name, value[name])
    return values


@functools.cache
def error(recording: str, attribute: str) -> dict[str, Any]:
    """Return the whole recorded answer of a read of an attribute that the node refused."""
    for line in (RECORDED / f"{recording}.jsonl").read_text().splitlines():
        exchange = json.loads(line)
        if exchange["request"].get("attribute") == attribute and exchange["response"].get("status") != 200:
            return dict(exchange["response"])
    raise LookupError(f"{recording} holds no refusal of {attribute}")


@functools.cache
def described(recording: str) -> list[str]:
    """Return how a node told the ranges of the keyspace `app`; the last text says how many are left out."""
    for line in (RECORDED / f"{recording}.jsonl").read_text().splitlines():
        exchange = json.loads(line)
        request = exchange["request"]
        if isinstance(request, dict) and request.get("operation") == "describeRingJMX":
            return list(exchange["response"]["value"])
    raise LookupError(f"{recording} describes no ring")


def answer(values: dict[str, Any], request: httpx.Request) -> httpx.Response:
    """Answer a read of several attributes from *values*, as Jolokia labels it."""
    asked = json.loads(request.content)
    assert (asked["type"], asked["mbean"]) == ("read", STORAGE_SERVICE)
    return text(
        {"request": asked, "value": {name: values[name] for name in asked["attribute"]}, "status": 200}
    )


def text(body: object, status: int = 200) -> httpx.Response:
    """Return JSON under the content type that agents give it."""
    return httpx.Response(status, text=json.dumps(body), headers={"content-type": "text/plain"})
