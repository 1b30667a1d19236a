"""How to reach the server that a kubeconfig names, and as whom."""

from __future__ import annotations

import base64
from pathlib import Path
import ssl
import tempfile
from typing import Any
import urllib.parse

import attrs
import yaml


@attrs.frozen(kw_only=True)
class Login:
    """The address of a server and the credentials: a bearer token or a client's certificate."""

    url: urllib.parse.SplitResult
    token: str = ""
    context: ssl.SSLContext | None = None  # None: plain HTTP


def login(path: Path) -> Login:
    """The login of the current context of the kubeconfig at *path*."""
    config: Any = yaml.safe_load(path.read_text())
    context = _named(config["contexts"], config["current-context"])["context"]
    cluster = _named(config["clusters"], context["cluster"])["cluster"]
    user = _named(config["users"], context["user"])["user"]
    url = urllib.parse.urlsplit(cluster["server"])
    made = _context(path.parent, user) if url.scheme == "https" else None
    return Login(url=url, token=user.get("token", ""), context=made)


def _named(entries: list[Any], name: str) -> Any:
    return next(one for one in entries if one["name"] == name)


def _context(folder: Path, user: Any) -> ssl.SSLContext:
    made = ssl.create_default_context()
    # Facts are about the API; the certificate of a throw-away cluster proves nothing.
    made.check_hostname = False
    made.verify_mode = ssl.CERT_NONE
    parts = [_part(folder, user, name) for name in ("client-certificate", "client-key")]
    if all(parts):
        # The library reads certificates from files only.
        with tempfile.NamedTemporaryFile() as file:
            file.write(b"\n".join(parts))
            file.flush()
            made.load_cert_chain(file.name)
    return made


def _part(folder: Path, user: Any, name: str) -> bytes:
    if inline := user.get(f"{name}-data"):
        return base64.b64decode(inline)
    return (folder / user[name]).read_bytes() if name in user else b""
