"""Rules on images, on names of other objects, on words from a short list, on annotations and tolerations."""

from __future__ import annotations

from collections.abc import Iterator

from controller.api.v2.cluster import (
    CassandraCluster,
    ChangePolicy,
    ClusterSpec,
    JolokiaLogin,
    NodeReplacement,
    RolloutStrategy,
)
from controller.api.v2.defaults import CASSKOP_CONFIG_BUILDER_IMAGE
from controller.api.v2.jsonvalues import JsonMap
from controller.api.v2.problems import Problem
from controller.api.v2.version import numbers
from controller.domain.admission import syntax
from controller.domain.availability import Consistency

_PULL_POLICIES = ("Always", "IfNotPresent", "Never")
_REPLACEMENTS = tuple(each.value for each in NodeReplacement)
_POLICIES = tuple(policy.value for policy in ChangePolicy)
_STRATEGIES = tuple(strategy.value for strategy in RolloutStrategy)
_CONSISTENCIES = tuple(consistency.value for consistency in Consistency)
_LOGINS = tuple(login.value for login in JolokiaLogin)
_EFFECTS = ("NoSchedule", "PreferNoSchedule", "NoExecute")


def problems(cluster: CassandraCluster) -> Iterator[Problem]:
    """Yield problems of what the spec refers to by name."""
    spec = cluster.spec
    yield from _images(spec)
    yield from _objects(spec)
    yield from _words(spec)
    yield from _server_type(spec)
    if spec.server_version and numbers(spec.server_version) is None:
        message = f"{spec.server_version!r} is no version; write it such as 5.0.9"
        yield Problem(path="spec.serverVersion", message=message)
    if spec.pod:
        yield from _keys("spec.pod.annotations", spec.pod.annotations)
        for index, toleration in enumerate(spec.pod.tolerations):
            yield from _toleration(f"spec.pod.tolerations[{index}]", toleration)
    if spec.service:
        yield from _keys("spec.service.annotations", spec.service.annotations)


def standing(cluster: CassandraCluster, accepted: CassandraCluster) -> frozenset[Problem]:
    """Return the problem of a DSE without a config builder, if *accepted* has it, too."""
    return frozenset(_server_type(cluster.spec)) & frozenset(_server_type(accepted.spec))


def _server_type(spec: ClusterSpec) -> Iterator[Problem]:
    if spec.server_type == "dse" and not spec.config_builder_image:
        message = (
            "the operator's own image renders no configuration of DSE; "
            f"set `spec.configBuilderImage` to one that does, such as {CASSKOP_CONFIG_BUILDER_IMAGE}"
        )
        yield Problem(path="spec.serverType", message=message)


def _images(spec: ClusterSpec) -> Iterator[Problem]:
    sidecar = spec.back_rest_sidecar
    images = {
        "spec.cassandraImage": spec.cassandra_image,
        "spec.bootstrapImage": spec.bootstrap_image,
        "spec.configBuilderImage": spec.config_builder_image,
        "spec.backRestSidecar.image": sidecar.image if sidecar else None,
    }
    for path, image in images.items():
        wrong = syntax.image(image) if image else None
        if wrong:
            yield Problem(path=path, message=wrong)


def _objects(spec: ClusterSpec) -> Iterator[Problem]:
    references = {
        "spec.configMapName": spec.config_map_name,
        "spec.serviceAccountName": spec.service_account_name,
        "spec.imagePullSecret.name": spec.image_pull_secret.name if spec.image_pull_secret else None,
        "spec.imageJolokiaSecret.name": spec.image_jolokia_secret.name if spec.image_jolokia_secret else None,
    }
    for path, name in references.items():
        wrong = syntax.object_name(name) if name else None
        if wrong:
            yield Problem(path=path, message=wrong)


def _words(spec: ClusterSpec) -> Iterator[Problem]:
    sidecar = spec.back_rest_sidecar
    choices = (
        ("spec.imagepullpolicy", spec.image_pull_policy, _PULL_POLICIES),
        (
            "spec.backRestSidecar.imagePullPolicy",
            sidecar.image_pull_policy if sidecar else None,
            _PULL_POLICIES,
        ),
        ("spec.serverType", spec.server_type, ("cassandra", "dse")),
        ("spec.access.jolokiaLogin", spec.access.jolokia_login if spec.access else None, _LOGINS),
        ("spec.nodeReplacement", spec.node_replacement, _REPLACEMENTS),
        ("spec.changePolicy", spec.change_policy, _POLICIES),
        ("spec.rollout.strategy", spec.rollout.strategy if spec.rollout else None, _STRATEGIES),
        ("spec.rollout.consistency", spec.rollout.consistency if spec.rollout else None, _CONSISTENCIES),
    )
    for path, word, allowed in choices:
        yield from choice(path, word, allowed)


def choice(path: str, word: object, allowed: tuple[str, ...]) -> Iterator[Problem]:
    """Yield a problem if *word* is given and none of *allowed*."""
    if word and word not in allowed:
        yield Problem(path=path, message=f"{word!r} is not known; write one of {', '.join(allowed)}")


def _keys(path: str, annotations: JsonMap) -> Iterator[Problem]:
    for key in annotations:
        wrong = syntax.qualified_key(key)
        if wrong:
            yield Problem(path=f"{path}[{key}]", message=wrong)


def _toleration(path: str, toleration: JsonMap) -> Iterator[Problem]:
    operator = toleration.get("operator") or "Equal"
    yield from choice(f"{path}.operator", operator, ("Equal", "Exists"))
    yield from choice(f"{path}.effect", toleration.get("effect"), _EFFECTS)
    key = toleration.get("key")
    wrong = syntax.qualified_key(key) if key else None
    if wrong:
        yield Problem(path=f"{path}.key", message=wrong)
    if not key and operator != "Exists":
        yield Problem(
            path=f"{path}.key", message="is missing; name the taint, or write `operator: Exists` for all"
        )
    if operator == "Exists" and toleration.get("value"):
        yield Problem(
            path=f"{path}.value", message="`Exists` takes no value; remove it, or write `operator: Equal`"
        )
    wrong = syntax.label_value(toleration.get("value") or "")
    if wrong and operator != "Exists":
        yield Problem(path=f"{path}.value", message=wrong)
    if toleration.get("tolerationSeconds") is not None and toleration.get("effect") != "NoExecute":
        message = "only counts with `effect: NoExecute`; remove it, or write that effect"
        yield Problem(path=f"{path}.tolerationSeconds", message=message)
