"""What the clients of the world count: Kubernetes requests and writes, Jolokia calls, events."""

from __future__ import annotations

import re

import attrs

from controller.telemetry.metrics import Metrics

_TYPE = re.compile(r"[:,]type=([^,]+)")


@attrs.frozen
class ClientCounters:
    """Feeds the counters of *metrics* in the words of each client."""

    metrics: Metrics

    def answered(self, *, method: str, host: str, code: str, seconds: float) -> None:
        """Count one request to the API server, with the code of its answer."""
        self.metrics.request(
            method=method, host=host, code=int(code) if code.isdigit() else None, seconds=seconds
        )

    def wrote(self, *, verb: str, resource: str) -> None:
        """Count one request that changes the cluster, or may have."""
        self.metrics.api_write(verb=verb, resource=resource)

    def jolokia_call(self, mbean: str, result: str, seconds: float) -> None:
        """Count one call of a Cassandra node, by the type of its *mbean*: whole names are without number."""
        found = _TYPE.search(mbean)
        self.metrics.jolokia(mbean=found[1] if found else "other", result=result, seconds=seconds)

    def sent(self) -> None:
        """Count an event that was sent."""
        self.metrics.event("sent")

    def dropped(self, *, why: str) -> None:
        """Count an event that was not sent, and why."""
        self.metrics.event(why)
