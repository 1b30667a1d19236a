"""
The API server that a kubeconfig names, exec plug-ins and all, as the `kubernetes` package reads it.

Its configuration and its connections are used, nothing else of it: it knows about TLS, proxies and client
certificates, while its request methods differ between releases. Tokens are exchanged as it sees fit.
"""

from __future__ import annotations

import attrs
from kubernetes import config
from kubernetes.client import ApiClient, Configuration
import urllib3
import yaml

from controller.domain.errors import TerminalError, TransientError
from controller.kube.sockets import SocketOptions


@attrs.frozen
class Kubeconfig:
    """What a kubeconfig came to."""

    configuration: Configuration

    @classmethod
    def read(cls, file: str | None) -> Kubeconfig:
        """Read *file*, or what kubectl would read; raises `TerminalError` if there is none to be had."""
        configuration = Configuration()
        try:
            config.load_kube_config(config_file=file, client_configuration=configuration)
        except (config.ConfigException, OSError, yaml.YAMLError) as error:
            raise TerminalError(str(error)) from error
        return cls(configuration)

    @property
    def server(self) -> str:
        """Where it is, as `Endpoint` says."""
        return str(self.configuration.host)

    def pool(self, *, size: int, socket_options: SocketOptions) -> urllib3.PoolManager:
        """Return connections as `Endpoint` says."""
        self.configuration.connection_pool_maxsize = size
        self.configuration.socket_options = socket_options
        self.configuration.retries = False
        pool: urllib3.PoolManager = ApiClient(self.configuration).rest_client.pool_manager
        return pool

    def authorization(self) -> str | None:
        """Return a token as `Endpoint` says."""
        try:
            # This is where the package exchanges a token that is due.
            settings = self.configuration.auth_settings()
        except (config.ConfigException, OSError) as error:
            # Not what it says: a plug-in may say anything.
            raise TransientError(f"no credentials: {type(error).__name__}") from error
        token = settings.get("BearerToken")
        # A token from a file may end in a newline, which no header may have.
        return token["value"].strip() if token is not None and token["value"] else None
