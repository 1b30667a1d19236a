"""
The API server of the Kubernetes that we run in, by the service account of our pod.

The token is read again once a minute, since the kubelet exchanges it long before it expires. A proxy is
used as the environment says, with `NO_PROXY` as other clients of Kubernetes read it: names with all that
is below them, addresses, and networks such as `10.96.0.0/12`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
import functools
import ipaddress
import os
from pathlib import Path
import time
from urllib.parse import urlsplit

import attrs
import urllib3

from controller.domain.errors import TerminalError, TransientError
from controller.kube.sockets import SocketOptions

FOLDER = Path("/var/run/secrets/kubernetes.io/serviceaccount")
TOKEN_SECONDS = 60.0


@attrs.define(kw_only=True)
class InCluster:
    """The API server at *server*; without files, one that has no TLS and asks for no token."""

    server: str
    ca_file: Path | None = None
    token_file: Path | None = None
    environ: Mapping[str, str] = attrs.field(factory=dict, repr=False)
    monotonic: Callable[[], float] = time.monotonic
    _token: str = attrs.field(init=False, repr=False, default="")
    _read_at: float | None = attrs.field(init=False, repr=False, default=None)

    @classmethod
    def of_this_pod(cls, environ: Mapping[str, str] = os.environ, folder: Path = FOLDER) -> InCluster:
        """Return what the kubelet has put into this pod; raises `TerminalError` if it is none."""
        host, port = environ.get("KUBERNETES_SERVICE_HOST"), environ.get("KUBERNETES_SERVICE_PORT")
        if not host or not port:
            raise TerminalError("This is no pod: KUBERNETES_SERVICE_HOST or _PORT is not set.")
        ca_file, token_file = folder / "ca.crt", folder / "token"
        for file in (ca_file, token_file):
            try:
                empty = not file.read_text().strip()
            except OSError as error:
                raise TerminalError(f"This pod has no service account: {file}: {error.strerror}.") from error
            if empty:
                raise TerminalError(f"This pod has no service account: {file} is empty.")
        authority = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        return cls(server=f"https://{authority}", ca_file=ca_file, token_file=token_file, environ=environ)

    def pool(self, *, size: int, socket_options: SocketOptions) -> urllib3.PoolManager:
        """Return connections as `Endpoint` says."""
        ca_certs = None if self.ca_file is None else str(self.ca_file)
        proxy = proxy_of(self.server, self.environ)
        make = urllib3.PoolManager if proxy is None else functools.partial(urllib3.ProxyManager, proxy)
        return make(
            maxsize=size,
            cert_reqs="CERT_REQUIRED",
            ca_certs=ca_certs,
            socket_options=socket_options,
            retries=False,
        )

    def authorization(self) -> str | None:
        """Return the token as `Endpoint` says."""
        if self.token_file is None:
            return None
        now = self.monotonic()
        if self._read_at is None or now - self._read_at >= TOKEN_SECONDS:
            try:
                token = self.token_file.read_text().strip()
            except OSError as error:
                raise TransientError(f"no credentials: {self.token_file}: {error.strerror}") from error
            if not token:
                raise TransientError(f"no credentials: {self.token_file} is empty")
            self._token, self._read_at = token, now
        return f"Bearer {self._token}"


def proxy_of(server: str, environ: Mapping[str, str]) -> str | None:
    """Return the proxy that *environ* wants to be used on the way to *server*, None for none."""

    def said(name: str) -> str:
        return environ.get(name.lower()) or environ.get(name.upper()) or ""

    url = urlsplit(server)
    proxy = said(f"{url.scheme}_proxy") or said("all_proxy")
    if not proxy or any(
        _covers(entry, url.hostname or "", url.port) for entry in said("no_proxy").split(",")
    ):
        return None
    return proxy if "://" in proxy else f"http://{proxy}"


def _covers(entry: str, host: str, port: int | None) -> bool:
    """Tell whether an *entry* of `NO_PROXY` means *host*."""
    entry = entry.strip().lower()
    if entry == "*":
        return True
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        name = entry.lstrip(".")
        return (bool(name) and f".{host}".endswith(f".{name}")) or name == f"{host}:{port}"
    try:
        return address in ipaddress.ip_network(entry, strict=False)
    except ValueError:
        return entry in (f"{host}:{port}", f"[{host}]:{port}")
