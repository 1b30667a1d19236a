"""The stores of an operator's parts, kept true by reflectors as its own program has them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
import contextlib

from controller.app import LISTS
from controller.core import Core, source_of
from controller.kube.live import LiveTransport
from controller.runtime.clock import RealClock
from controller.runtime.reflector import Reflector


@contextlib.contextmanager
def reflecting(
    core: Core, transport: LiveTransport, namespace: str, *, roll: Callable[[], float], seconds: float
) -> Iterator[None]:
    """Start a reflector for each store of *core*, and stop them at the end.

    *roll* is the chance in their pauses. AssertionError if not all is known within *seconds*.
    """
    reflectors = [
        Reflector(
            kind=kind.plural,
            source=source_of(transport, kind, namespace),
            store=store,
            transform=kind.transform,
            clock=RealClock(),
            roll=roll,
            settings=LISTS,
        )
        for kind, store in core.stores.by_kind().items()
    ]
    for reflector in reflectors:
        reflector.start()
    try:
        for store in core.stores.by_kind().values():
            assert store.wait_synced(seconds), "the operator does not get to know what there is"
        yield
    finally:
        for reflector in reflectors:
            reflector.stop()
