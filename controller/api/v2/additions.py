"""What a user adds to each node: annotations, volumes, the backup sidecar, remote JMX."""

from __future__ import annotations

from collections.abc import Mapping

import attrs

from controller.api.v2.fields import doc
from controller.api.v2.jsonvalues import EMPTY
from controller.api.v2.shapes import ClaimSpec, EnvVar, ResourceRequirements, Toleration, VolumeMount

STORAGE_NAME_PATTERN = r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*"


@attrs.frozen(kw_only=True)
class PodPolicy:
    """What is added to every Cassandra pod."""

    annotations: Mapping[str, str] = attrs.field(
        default=EMPTY, metadata=doc("Annotations of the Cassandra pods.")
    )
    tolerations: tuple[Toleration, ...] = attrs.field(
        default=(), metadata=doc("Tolerations of the Cassandra pods.")
    )


@attrs.frozen(kw_only=True)
class ServicePolicy:
    """What is added to the headless Service."""

    annotations: Mapping[str, str] = attrs.field(
        default=EMPTY, metadata=doc("Annotations of the headless Service.")
    )


@attrs.frozen(kw_only=True)
class StorageConfig:
    """One more volume for each Cassandra node."""

    mount_path: str = attrs.field(metadata=doc("Where the volume is mounted in the container `cassandra`."))
    name: str = attrs.field(metadata=doc("Name of the volume and its claims.", pattern=STORAGE_NAME_PATTERN))
    pvc_spec: ClaimSpec = attrs.field(metadata=doc("The specification of the PersistentVolumeClaims."))


@attrs.frozen(kw_only=True)
class BackRestSidecar:
    """The container that backs up and restores."""

    enabled: bool | None = attrs.field(
        default=None, metadata=doc("Whether pods have the backup sidecar.", default=True)
    )
    image: str | None = attrs.field(default=None, metadata=doc("Image of the sidecar."))
    image_pull_policy: str | None = attrs.field(
        default=None, metadata=doc("Pull policy of the sidecar's image.")
    )
    env_vars: tuple[EnvVar, ...] = attrs.field(
        default=(),
        metadata=doc("Environment of the sidecar; also of `bootstrap` and of your own sidecars."),
    )
    resources: ResourceRequirements | None = attrs.field(
        default=None, metadata=doc("Resources of the sidecar. If absent: half a core and 1Gi.")
    )
    volume_mount: tuple[VolumeMount, ...] = attrs.field(
        default=(), metadata=doc("Further volume mounts of the sidecar.")
    )


@attrs.frozen(kw_only=True)
class JmxConfiguration:
    """Remote JMX, as JVM properties of Cassandra."""

    jmx_remote_enable: bool | None = attrs.field(default=None, metadata=doc("com.sun.management.jmxremote"))
    jmx_remote_port: int = attrs.field(
        default=0, metadata=doc("com.sun.management.jmxremote.port; 0 leaves it out.", format="int64")
    )
    jmx_remote_rmi_port: int = attrs.field(
        default=0, metadata=doc("com.sun.management.jmxremote.rmi.port; 0 leaves it out.", format="int64")
    )
    jmx_remote_ssl: bool | None = attrs.field(
        default=None, metadata=doc("com.sun.management.jmxremote.ssl", json="jmxRemoteSSL")
    )
    jmx_remote_authenticate: bool | None = attrs.field(
        default=None, metadata=doc("com.sun.management.jmxremote.authenticate")
    )
