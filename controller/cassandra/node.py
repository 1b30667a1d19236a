"""
Ask many nodes at once how they see the ring, and be back in time.

A node that hangs costs its own deadline and nobody else's: nodes are asked side by side, and one that
has not answered when the round ends is `Silent` like any other that cannot be reached.
"""

from __future__ import annotations

from collections.abc import Mapping
import concurrent.futures
import contextvars

from controller.cassandra import mbeans
from controller.cassandra.jolokia import Endpoint, Jolokia, JolokiaError
from controller.domain.errors import TransientError
from controller.domain.ring import Answer, Ring, Silent


def ask(jolokia: Jolokia, endpoint: Endpoint) -> Answer:
    """Return the node's view of the ring, or why there is none."""
    try:
        values = jolokia.read(endpoint, mbeans.STORAGE_SERVICE, mbeans.VIEW_ATTRIBUTES)
        return mbeans.view(values)
    except (TransientError, JolokiaError) as error:
        return Silent(why=str(error))
    except ValueError as error:
        return Silent(why=f"half an answer: {error}")


class Nodes:
    """The nodes of all clusters; a pool of *threads* asks them, *seconds* bounds a round.

    Without threads (0) nodes are asked one after the other, and only their own deadlines bound it.
    """

    def __init__(self, jolokia: Jolokia, *, threads: int = 32, seconds: float = 12.0) -> None:
        self._jolokia = jolokia
        self._seconds = seconds
        self._pool = (
            concurrent.futures.ThreadPoolExecutor(threads, thread_name_prefix="jolokia") if threads else None
        )

    def ring(self, endpoints: Mapping[str, Endpoint]) -> Ring:
        """Ask the nodes in *endpoints* (by pod name) and return all their answers."""
        pool = self._pool
        # One question needs no other thread.
        if pool is None or len(endpoints) < 2:  # noqa: PLR2004 -- see above
            return Ring(answers={pod: ask(self._jolokia, e) for pod, e in endpoints.items()})
        futures = {
            pod: pool.submit(contextvars.copy_context().run, ask, self._jolokia, endpoint)
            for pod, endpoint in endpoints.items()
        }
        concurrent.futures.wait(futures.values(), timeout=self._seconds)
        return Ring(answers={pod: _outcome(future) for pod, future in futures.items()})

    def close(self) -> None:
        """Let go of the threads; a question under way ends by its own deadline."""
        if self._pool is not None:
            self._pool.shutdown(wait=False, cancel_futures=True)


def _outcome(future: concurrent.futures.Future[Answer]) -> Answer:
    if not future.done():
        future.cancel()
        return Silent(why="it did not answer before the round ended")
    return future.result()
