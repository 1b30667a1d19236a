"""`spec.access`, and the Secrets that a spec names: who may reach the nodes, and with which login."""

from __future__ import annotations

import enum

import attrs

from controller.api.v2.fields import doc
from controller.api.v2.shapes import NetworkPeer


@attrs.frozen(kw_only=True)
class SecretRef:
    """A reference to a Secret of the same namespace; an empty name is none."""

    name: str = attrs.field(default="", metadata=doc("Name of the Secret."))


class JolokiaLogin(enum.StrEnum):
    """Where the login comes from that Jolokia asks for, unless the user names a Secret."""

    GENERATED = "Generated"
    NONE = "None"


@attrs.frozen(kw_only=True)
class Access:
    """Who may reach the nodes, and with which login."""

    jolokia_login: str | None = attrs.field(
        default=None,
        metadata=doc(
            "Only looked at while `imageJolokiaSecret` names no Secret. `Generated`: the operator makes the"
            " Secret `<name>-jolokia` with a login that Jolokia asks for. `None`: Jolokia asks for none."
            " If absent: as the nodes have it; a new cluster gets one."
        ),
    )
    network_policy: bool | None = attrs.field(
        default=None,
        metadata=doc(
            "Whether a NetworkPolicy keeps all from the nodes but each other, the operator, Prometheus and"
            " `clients`. If absent: true, unless CassKop made racks of the cluster."
        ),
    )
    clients: tuple[NetworkPeer, ...] = attrs.field(
        default=(),
        metadata=doc(
            "Who may reach the CQL port, as in the `from` of a NetworkPolicy. If absent: everybody."
        ),
    )
    service_account_token: bool = attrs.field(
        default=False,
        metadata=doc("Whether the containers of new pods get a token of `serviceAccountName`."),
    )
