"""What a reader may rely on: where the API server is and who we are, in a pod and by a kubeconfig."""

from __future__ import annotations

from pathlib import Path
import subprocess
import sys

from kubernetes.client import Configuration
from kubernetes.config import ConfigException
import pytest

from controller.domain.errors import TerminalError, TransientError
from controller.kube.endpoint import find
from controller.kube.in_cluster import TOKEN_SECONDS, InCluster, proxy_of
from controller.kube.kubeconfig import Kubeconfig
from controller.kube.live import LiveTransport
from controller.kube.transport import Request
from unit_tests.kube.api_stub import ApiStub

GET = Request(method="GET", path="/api/v1/pods", timeout=5.0)
POD = {"KUBERNETES_SERVICE_HOST": "10.96.0.1", "KUBERNETES_SERVICE_PORT": "443"}


# -- in a pod


@pytest.fixture
def account(tmp_path: Path) -> Path:
    """Return the folder of a service account."""
    (tmp_path / "ca.crt").write_text("a certificate")
    (tmp_path / "token").write_text("sesame\n")
    return tmp_path


@pytest.mark.parametrize(
    ("host", "server"), [("10.96.0.1", "https://10.96.0.1:443"), ("fd00::1", "https://[fd00::1]:443")]
)
def test_a_pod_knows_its_api_server(account: Path, host: str, server: str) -> None:
    """Host and port are in the environment, the certificate is in the service account."""
    endpoint = InCluster.of_this_pod({**POD, "KUBERNETES_SERVICE_HOST": host}, account)

    pool = endpoint.pool(size=3, socket_options=[])

    assert endpoint.server == server
    assert endpoint.authorization() == "Bearer sesame"
    assert pool.connection_pool_kw["ca_certs"] == str(account / "ca.crt")
    assert pool.connection_pool_kw["cert_reqs"] == "CERT_REQUIRED"
    assert pool.connection_pool_kw["maxsize"] == 3


def test_what_is_no_pod_is_told(account: Path) -> None:
    """Without an environment, or without a whole service account, the reason says which."""
    with pytest.raises(TerminalError, match="KUBERNETES_SERVICE_HOST"):
        InCluster.of_this_pod({}, account)
    (account / "token").write_text("\n")
    with pytest.raises(TerminalError, match=r"token is empty"):
        InCluster.of_this_pod(POD, account)
    (account / "token").unlink()
    with pytest.raises(TerminalError, match=r"token: No such file"):
        InCluster.of_this_pod(POD, account)


def test_the_token_is_read_again_once_a_minute(api: ApiStub, account: Path) -> None:
    """A new token is used within a minute; one that is gone sends nothing, and may be back later."""
    now = [0.0]
    token = account / "token"
    endpoint = InCluster(server=api.url, token_file=token, monotonic=lambda: now[0])
    live = LiveTransport(endpoint, pool_size=1)
    live.send(GET)
    token.write_text("open\n")
    live.send(GET)
    now[0] += TOKEN_SECONDS
    live.send(GET)
    token.unlink()
    live.send(GET)
    now[0] += TOKEN_SECONDS

    with pytest.raises(TransientError, match=r"no credentials: .*/token: No such file"):
        live.send(GET)
    token.write_text("")
    with pytest.raises(TransientError, match=r"no credentials: .*/token is empty$"):
        live.send(GET)
    token.write_text("again")
    live.send(GET)

    words = [asked.headers["authorization"].removeprefix("Bearer ") for asked in api.asked]
    assert words == ["sesame", "sesame", "open", "open", "again"]
    live.close()


@pytest.mark.parametrize(
    ("environ", "proxy"),
    [
        ({}, None),
        ({"HTTPS_PROXY": "http://proxy:3128"}, "http://proxy:3128"),
        ({"https_proxy": "proxy:3128"}, "http://proxy:3128"),
        ({"ALL_PROXY": "http://proxy"}, "http://proxy"),
        ({"HTTP_PROXY": "http://proxy"}, None),
        ({"HTTPS_PROXY": "http://proxy", "NO_PROXY": "*"}, None),
        ({"HTTPS_PROXY": "http://proxy", "NO_PROXY": "localhost, 10.96.0.0/12"}, None),
        ({"HTTPS_PROXY": "http://proxy", "NO_PROXY": "10.96.0.1"}, None),
        ({"HTTPS_PROXY": "http://proxy", "NO_PROXY": "10.96.0.1:443"}, None),
        ({"HTTPS_PROXY": "http://proxy", "NO_PROXY": "10.95.0.0/16,.svc,"}, "http://proxy"),
    ],
)
def test_a_proxy_is_used_as_the_environment_says(environ: dict[str, str], proxy: str | None) -> None:
    """That of the scheme, else that for all; `NO_PROXY` names addresses and networks, too."""
    assert proxy_of("https://10.96.0.1:443", environ) == proxy


@pytest.mark.parametrize(
    ("entry", "used"), [("svc", False), (".svc", False), ("api.svc:443", False), ("pi.svc", True), ("", True)]
)
def test_no_proxy_names_a_host_and_all_below_it(entry: str, *, used: bool) -> None:
    """With a dot before it or without; part of a name is not that name."""
    environ = {"HTTPS_PROXY": "http://proxy", "NO_PROXY": entry}
    assert (proxy_of("https://api.svc:443", environ) is not None) == used


def test_connections_go_through_the_proxy(account: Path) -> None:
    """A pod behind a proxy asks it for the way."""
    endpoint = InCluster.of_this_pod({**POD, "HTTPS_PROXY": "http://proxy:3128"}, account)

    pool = endpoint.pool(size=1, socket_options=[])

    assert pool.proxy is not None
    assert pool.proxy.host == "proxy"


def test_an_operator_in_a_pod_does_not_load_what_only_kubeconfigs_need() -> None:
    """The whole program is imported without the `kubernetes` package, which is a quarter of its memory."""
    words = "import sys, controller.app; print('kubernetes' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", words], capture_output=True, text=True, check=True)  # noqa: S603

    assert done.stdout.strip() == "False"


# -- by a kubeconfig

KUBECONFIG = """
apiVersion: v1
kind: Config
current-context: it
contexts: [{name: it, context: {cluster: it, user: it}}]
clusters: [{name: it, cluster: {server: "URL"}}]
users: [{name: it, user: {USER}}]
"""


def write(path: Path, url: str, user: str) -> str:
    """Write a kubeconfig and return its path."""
    path.write_text(KUBECONFIG.replace("URL", url).replace("USER", user))
    return str(path)


def test_a_kubeconfig_says_where_and_who(api: ApiStub, tmp_path: Path) -> None:
    """Server and token come from the file that is named."""
    file = write(tmp_path / "config", api.url, "token: sesame")
    live = LiveTransport(find(kubeconfig=file), pool_size=1)

    live.send(GET)

    assert api.asked[0].headers["authorization"] == "Bearer sesame"
    live.close()


def test_a_token_of_a_plug_in_is_exchanged_when_it_expires(api: ApiStub, tmp_path: Path) -> None:
    """An exec plug-in is run again before a request once its token has expired, and not before."""
    count = tmp_path / "count"
    program = tmp_path / "plugin"
    program.write_text(
        "#!/bin/sh\n"
        f"echo x >> {count}\n"
        f"n=$(wc -l < {count})\n"
        'when=2000-01-01T00:00:00Z; [ "$n" -gt 1 ] && when=2100-01-01T00:00:00Z\n'
        'echo "{\\"apiVersion\\": \\"client.authentication.k8s.io/v1\\", \\"kind\\": \\"ExecCredential\\",'
        ' \\"status\\": {\\"token\\": \\"t$n\\", \\"expirationTimestamp\\": \\"$when\\"}}"\n'
    )
    program.chmod(0o755)
    user = (
        f"exec: {{apiVersion: client.authentication.k8s.io/v1, command: {program}, interactiveMode: Never}}"
    )
    file = write(tmp_path / "config", api.url, user)
    live = LiveTransport(find(kubeconfig=file), pool_size=1)

    for _ in range(3):
        live.send(GET)

    assert {asked.headers["authorization"] for asked in api.asked} == {"Bearer t2"}
    assert count.read_text().count("x") == 2
    live.close()


@pytest.mark.parametrize("content", [None, "{", "{}", "apiVersion: v1\nkind: Config\n"])
def test_a_kubeconfig_that_is_none_is_told(tmp_path: Path, content: str | None) -> None:
    """What cannot be read is `TerminalError`, at once."""
    file = tmp_path / "config"
    if content is not None:
        file.write_text(content)

    with pytest.raises(TerminalError, match="no API server is configured"):
        find(kubeconfig=str(file))


def test_without_credentials_nothing_is_sent(api: ApiStub) -> None:
    """A token that cannot be read now may be there later; what was said about it is not passed on."""

    def refresh(_: Configuration) -> None:
        raise ConfigException("the token is sesame")

    configuration = Configuration()
    configuration.host = api.url
    configuration.api_key["BearerToken"] = "bearer sesame\n"
    live = LiveTransport(Kubeconfig(configuration), pool_size=1)
    live.send(GET)
    configuration.refresh_api_key_hook = refresh

    with pytest.raises(TransientError, match=r"no credentials: ConfigException$"):
        live.send(GET)

    assert [asked.headers["authorization"] for asked in api.asked] == ["bearer sesame"]
    live.close()
