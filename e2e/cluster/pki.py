"""
Who is who: the API's certificate, the users' tokens, and a kubeconfig for each.

Users prove themselves by random tokens from a file. Only the administrator belongs to
``system:masters``; every other user has what RBAC gives to its name or group.
"""

from __future__ import annotations

from dataclasses import dataclass
import json
from pathlib import Path
import secrets

from e2e.cluster.layout import API_URL, GATEWAY, NODES, SERVICE_API, State
from e2e.cluster.shell import run


@dataclass(frozen=True, kw_only=True)
class User:
    """One user of the API."""

    key: str  # names its kubeconfig
    name: str
    groups: tuple[str, ...] = ()


USERS = (
    User(key="admin", name="admin", groups=("system:masters",)),
    User(key="controller-manager", name="system:kube-controller-manager"),
    User(key="scheduler", name="system:kube-scheduler"),
    User(key="proxy", name="system:kube-proxy"),
    User(key="dns", name="casskop-e2e:dns"),
    User(key="provisioner", name="casskop-e2e:provisioner"),
    User(key="resizer", name="casskop-e2e:resizer"),
    *(User(key=n.name, name=f"system:node:{n.name}", groups=("system:nodes",)) for n in NODES),
)


def create(state: State) -> None:
    """Make the certificate authority, the API's certificate, all tokens and kubeconfigs."""
    state.pki.mkdir(parents=True, exist_ok=True)
    state.pki.chmod(0o700)
    _certificates(state.pki)
    tokens = {user.key: secrets.token_urlsafe(24) for user in USERS}
    lines = [token_line(user, tokens[user.key]) for user in USERS]
    _write_secret(state.pki / "tokens.csv", "\n".join(lines) + "\n")
    for user in USERS:
        text = json.dumps(kubeconfig(user.key, tokens[user.key], state.pki / "ca.crt"), indent=1)
        _write_secret(state.kubeconfig_of(user.key), text)


def token_line(user: User, token: str) -> str:
    """The user's line in the file for ``--token-auth-file``: token, name, uid, groups."""
    return f'{token},{user.name},{user.key},"{",".join(user.groups)}"'


def kubeconfig(user: str, token: str, authority: Path) -> dict[str, object]:
    """A kubeconfig whose only context logs in by *token*."""
    cluster = {"server": API_URL, "certificate-authority": str(authority)}
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "casskop-e2e", "cluster": cluster}],
        "users": [{"name": user, "user": {"token": token}}],
        "contexts": [{"name": "casskop-e2e", "context": {"cluster": "casskop-e2e", "user": user}}],
        "current-context": "casskop-e2e",
    }


def _certificates(folder: Path) -> None:
    names = (
        f"subjectAltName=IP:{GATEWAY},IP:127.0.0.1,IP:{SERVICE_API},"
        "DNS:kubernetes,DNS:kubernetes.default,DNS:kubernetes.default.svc,"
        "DNS:kubernetes.default.svc.cluster.local"
    )
    new = ("openssl", "req", "-newkey", "rsa:2048", "-nodes", "-batch")
    run("openssl", "genrsa", "-out", "sa.key", "2048", cwd=folder)
    run(
        *(*new, "-x509", "-days", "365", "-subj", "/CN=casskop-e2e"),
        *("-keyout", "ca.key", "-out", "ca.crt"),
        cwd=folder,
    )
    run(*new, "-subj", "/CN=kube-apiserver", "-keyout", "api.key", "-out", "api.csr", cwd=folder)
    (folder / "names").write_text(names)
    run(
        *("openssl", "x509", "-req", "-in", "api.csr", "-days", "365", "-extfile", "names"),
        *("-CA", "ca.crt", "-CAkey", "ca.key", "-CAcreateserial", "-out", "api.crt"),
        cwd=folder,
    )


def _write_secret(file: Path, text: str) -> None:
    file.touch(mode=0o600)
    file.write_text(text)
