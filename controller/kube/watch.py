"""
Lists and watches of one kind, as a reflector asks for them.

It chooses path, selectors and form of what is asked; what to ask next, and what an event means, is the
reflector's. ERROR events are passed on as they are.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
import threading
from typing import Any

from controller.domain.errors import TransientError
from controller.kube.errors import error_of
from controller.kube.kinds import Kind
from controller.kube.reader import KubeReader, accept_metadata
from controller.kube.transport import Interruptible, Request, Response, Transport
from controller.runtime.list_watch import List, Watch
from controller.runtime.reflector import Page

# Deadlines in seconds: of a page, of everything in one answer, and until a watch is open.
PAGE_SECONDS = 30.0
WHOLE_LIST_SECONDS = 120.0
OPEN_SECONDS = 10.0


class KindSource:
    """
    Lists and watches *kind* in *namespace*, or in all with None: a `controller.runtime.reflector.Source`.

    Selectors are those of the API. With *metadata_only* objects come without spec, status and data.
    """

    def __init__(  # noqa: PLR0913 -- the parameters of the API, by name
        self,
        transport: Transport,
        kind: Kind,
        *,
        namespace: str | None = None,
        label_selector: str = "",
        field_selector: str = "",
        metadata_only: bool = False,
    ) -> None:
        self._transport = transport
        self._reader = KubeReader(transport)
        self._kind = kind
        self._namespace = namespace
        self._label_selector = label_selector
        self._field_selector = field_selector
        self._metadata_only = metadata_only
        # Guards the two below, so that no watch slips through between opening and interrupting.
        self._lock = threading.Lock()
        self._interrupted = False
        self._open: Interruptible | None = None

    def list_page(self, request: List) -> Page:
        """Return one page, as `Source.list_page` says."""
        return self._reader.list_page(
            self._kind,
            self._namespace,
            label_selector=self._label_selector,
            field_selector=self._field_selector,
            limit=request.limit,
            continue_token=request.continue_token,
            version=request.version,
            metadata_only=self._metadata_only,
            timeout=WHOLE_LIST_SECONDS if request.limit is None else PAGE_SECONDS,
        )

    @contextmanager
    def watch(self, request: Watch) -> Iterator[Iterator[Mapping[str, Any]]]:
        """Open a watch, as `Source.watch` says."""
        what = f"watch {self._kind.plural}"
        with self._transport.stream(self._request(request), silence=request.silence) as answer:
            if isinstance(answer, Response):
                error = error_of(answer, what=what)
                raise error if error is not None else TransientError(f"{what}: the answer is no stream")
            with self._lock:
                self._open = answer if isinstance(answer, Interruptible) else None
                interrupted = self._interrupted
            try:
                yield iter(()) if interrupted else answer
            finally:
                with self._lock:
                    self._open = None

    def interrupt(self) -> None:
        """End the watch that is open, and every later one at once; callable from any thread."""
        with self._lock:
            self._interrupted = True
            if self._open is not None:
                self._open.interrupt()

    def _request(self, request: Watch) -> Request:
        query = {
            "watch": "true",
            "allowWatchBookmarks": "true",
            "timeoutSeconds": str(request.timeout_seconds),
            "resourceVersion": request.version,
            "labelSelector": self._label_selector,
            "fieldSelector": self._field_selector,
        }
        if request.initial_events:
            query |= {"sendInitialEvents": "true", "resourceVersionMatch": "NotOlderThan"}
        return Request(
            method="GET",
            path=self._kind.path(self._namespace),
            query={key: value for key, value in query.items() if value},
            headers=accept_metadata(listing=False) if self._metadata_only else {},
            timeout=OPEN_SECONDS,
        )
