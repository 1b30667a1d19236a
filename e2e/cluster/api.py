"""
A small client of the cluster's API for the harness itself: JSON in, JSON out, with a deadline.

It has no retries and no watches. Tests of the operator use the operator's own client.
"""

from __future__ import annotations

import http.client
import json
from pathlib import Path
import ssl
from typing import Any, Self
from urllib.parse import urlsplit

Json = dict[str, Any]  # what the API speaks is not typed here


class ApiError(Exception):
    """The API answered, and not with success."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(f"{status}: {message}")
        self.status = status


class Api:
    """One keep-alive connection of one user; not for several threads at once."""

    def __init__(self, kubeconfig: Path, *, timeout: float = 10) -> None:
        config = json.loads(kubeconfig.read_text())
        cluster = config["clusters"][0]["cluster"]
        self._token = config["users"][0]["user"]["token"]
        server = urlsplit(cluster["server"])
        self._connection = http.client.HTTPSConnection(
            str(server.hostname),
            server.port,
            timeout=timeout,
            context=ssl.create_default_context(cafile=cluster["certificate-authority"]),
        )

    def get(self, path: str) -> Json:
        """GET *path*; OSError when there is no answer, ApiError when it is not success."""
        return self._ask("GET", path, None, "application/json")

    def create(self, path: str, body: Json) -> Json:
        """POST *body* to a collection."""
        return self._ask("POST", path, body, "application/json")

    def apply(self, path: str, body: Json) -> Json:
        """Bring the object at *path* to *body* by server-side apply, whether it exists or not."""
        query = "?fieldManager=casskop-e2e&force=true"
        return self._ask("PATCH", path + query, body, "application/apply-patch+yaml")

    def merge(self, path: str, body: Json) -> Json:
        """Merge *body* into the object at *path*."""
        return self._ask("PATCH", path, body, "application/merge-patch+json")

    def ready(self) -> bool:
        """Whether the API says that it is ready to serve."""
        try:
            self._ask("GET", "/readyz", None, "application/json")
        except (OSError, http.client.HTTPException, ApiError):
            return False
        return True

    def close(self) -> None:
        """Close the connection; the next request opens a new one."""
        self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def _ask(self, method: str, path: str, body: Json | None, content: str) -> Json:
        headers = {"Authorization": f"Bearer {self._token}", "Content-Type": content}
        try:
            self._connection.request(method, path, None if body is None else json.dumps(body), headers)
            answer = self._connection.getresponse()
            text = answer.read().decode()
        except (OSError, http.client.HTTPException):
            self._connection.close()
            raise
        said: Json = json.loads(text) if text.startswith("{") else {"message": text}
        if answer.status >= 300:
            raise ApiError(answer.status, str(said.get("message", text)))
        return said
