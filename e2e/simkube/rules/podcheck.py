"""
What is wrong with the pod spec of a template or a pod.

Covered is what an operator's template can get wrong: names, ports, mounts, volumes, probes, resources,
variables, privileges, affinity, tolerations. What is left out is taken as it is.
"""

from __future__ import annotations

from collections.abc import Sequence
import re

from e2e.simkube import names, quantity
from e2e.simkube.errors import Problems
from e2e.simkube.metadata import check_labels, check_selector
from e2e.simkube.rules.podspec import containers
from e2e.simkube.values import Json, Object

_PROTOCOLS = ("SCTP", "TCP", "UDP")
_PULL_POLICIES = ("Always", "IfNotPresent", "Never")
_MOST_PORT = 65535


def check(spec: Object, field: str, problems: Problems, claims: Sequence[str] = ()) -> None:
    """Report what is wrong; *claims* are volumes that the claim templates of a StatefulSet add."""
    volumes = _volumes(spec, field, problems, claims)
    if not spec.get("containers"):
        problems.required(f"{field}.containers")
    seen: set[str] = set()
    for kind, index, container in containers(spec):
        where = f"{field}.{kind}[{index}]"
        name = container.get("name", "")
        if name in seen:
            problems.duplicate(f"{where}.name", name)
        seen.add(name)
        _container(container, where, volumes, problems, init=kind == "initContainers")
    _enum(spec, field, "restartPolicy", ("Always", "OnFailure", "Never"), problems)
    _enum(
        spec,
        field,
        "dnsPolicy",
        ("ClusterFirstWithHostNet", "ClusterFirst", "Default", "None"),
        problems,
    )
    check_labels(spec.get("nodeSelector"), f"{field}.nodeSelector", problems)
    for name in ("serviceAccountName", "nodeName", "priorityClassName"):
        if spec.get(name) and (wrong := names.subdomain(spec[name])):
            problems.invalid(f"{field}.{name}", spec[name], wrong)
    for name in ("hostname", "subdomain"):
        if spec.get(name) and (wrong := names.label(spec[name])):
            problems.invalid(f"{field}.{name}", spec[name], wrong)
    _affinity(spec.get("affinity") or {}, f"{field}.affinity", problems)
    for index, one in enumerate(spec.get("tolerations") or ()):
        _toleration(one, f"{field}.tolerations[{index}]", problems)


def _enum(found: Object, field: str, name: str, supported: Sequence[str], problems: Problems) -> None:
    value = found.get(name)
    if value not in supported:
        problems.unsupported(f"{field}.{name}", value, supported)


def _volumes(spec: Object, field: str, problems: Problems, claims: Sequence[str]) -> frozenset[str]:
    found: set[str] = set()
    for index, volume in enumerate(spec.get("volumes") or ()):
        where = f"{field}.volumes[{index}]"
        name = volume.get("name", "")
        if not name:
            problems.required(f"{where}.name")
        elif wrong := names.label(name):
            problems.invalid(f"{where}.name", name, wrong)
        elif name in found:
            problems.duplicate(f"{where}.name", name)
        found.add(name)
        sources = [source for source in volume if source != "name"]
        for source in sources[1:]:
            problems.forbidden(f"{where}.{source}", "may not specify more than 1 volume type")
    return frozenset(found | set(claims))


def _container(
    container: Object, where: str, volumes: frozenset[str], problems: Problems, *, init: bool
) -> None:
    name = container.get("name", "")
    if not name:
        problems.required(f"{where}.name")
    elif wrong := names.label(name):
        problems.invalid(f"{where}.name", name, wrong)
    if not container.get("image"):
        problems.required(f"{where}.image")
    _enum(
        container,
        where,
        "terminationMessagePolicy",
        ("FallbackToLogsOnError", "File"),
        problems,
    )
    _enum(container, where, "imagePullPolicy", _PULL_POLICIES, problems)
    _ports(container.get("ports") or (), f"{where}.ports", problems)
    _variables(container.get("env") or (), f"{where}.env", problems)
    _mounts(container.get("volumeMounts") or (), f"{where}.volumeMounts", volumes, problems)
    resources(container.get("resources") or {}, f"{where}.resources", problems)
    _privileges(container.get("securityContext") or {}, f"{where}.securityContext", problems)
    restarts = container.get("restartPolicy") == "Always"
    for kind in ("livenessProbe", "readinessProbe", "startupProbe"):
        if kind not in container:
            continue
        if init and not restarts:
            problems.forbidden(
                f"{where}.{kind}",
                "may not be set for init containers without restartPolicy=Always",
            )
        else:
            _probe(container[kind], f"{where}.{kind}", kind, problems)
    for kind, handler in (container.get("lifecycle") or {}).items():
        if isinstance(handler, dict):
            _handlers(handler, f"{where}.lifecycle.{kind}", problems)


def _ports(ports: Sequence[Object], field: str, problems: Problems) -> None:
    seen: set[str] = set()
    for index, port in enumerate(ports):
        where = f"{field}[{index}]"
        name = port.get("name", "")
        if name and (wrong := names.port_name(name)):
            problems.invalid(f"{where}.name", name, wrong)
        elif name and name in seen:
            problems.duplicate(f"{where}.name", name)
        seen.add(name)
        number = port.get("containerPort", 0)
        if not number:
            problems.required(f"{where}.containerPort")
        else:
            port_number(number, f"{where}.containerPort", problems)
        _enum(port, where, "protocol", _PROTOCOLS, problems)


def port_number(number: Json, field: str, problems: Problems) -> None:
    """Report a number that no port can have."""
    if not 1 <= number <= _MOST_PORT:
        problems.invalid(field, number, f"must be between 1 and {_MOST_PORT}, inclusive")


def _variables(variables: Sequence[Object], field: str, problems: Problems) -> None:
    for index, variable in enumerate(variables):
        where = f"{field}[{index}]"
        name = variable.get("name", "")
        if not name:
            problems.required(f"{where}.name")
        elif "=" in name or not re.fullmatch(r"[ -~]+", name):
            problems.invalid(
                f"{where}.name",
                name,
                "a valid environment variable name must consist only of printable ASCII characters "
                "other than '='",
            )
        source = variable.get("valueFrom")
        if source is None:
            continue
        if variable.get("value"):
            problems.invalid(f"{where}.valueFrom", "", "may not be specified when `value` is not empty")
        if not source:
            problems.invalid(
                f"{where}.valueFrom",
                "",
                "must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef`, "
                "`secretKeyRef` or `fileKeyRef`",
            )
        for kind in ("configMapKeyRef", "secretKeyRef"):
            if kind in source and not source[kind].get("key"):
                problems.required(f"{where}.valueFrom.{kind}.key")


def _mounts(mounts: Sequence[Object], field: str, volumes: frozenset[str], problems: Problems) -> None:
    seen: set[str] = set()
    for index, mount in enumerate(mounts):
        where = f"{field}[{index}]"
        name, path = mount.get("name", ""), mount.get("mountPath", "")
        if not name:
            problems.required(f"{where}.name")
        if name not in volumes:
            problems.not_found(f"{where}.name", name)
        if not path:
            problems.required(f"{where}.mountPath")
        if path in seen:
            problems.invalid(f"{where}.mountPath", path, "must be unique")
        seen.add(path)


def resources(found: Object, field: str, problems: Problems) -> None:
    """Report requests above limits, and amounts below zero."""
    limits, requests = found.get("limits") or {}, found.get("requests") or {}
    for part, amounts in (("limits", limits), ("requests", requests)):
        for name, amount in amounts.items():
            if quantity.parse(amount) < 0:
                problems.invalid(f"{field}.{part}[{name}]", amount, "must be greater than or equal to 0")
    for name, amount in requests.items():
        limit = limits.get(name)
        if limit is not None and quantity.parse(amount) > quantity.parse(limit):
            problems.invalid(
                f"{field}.requests",
                amount,
                f"must be less than or equal to {name} limit of {limit}",
            )


def _privileges(context: Object, field: str, problems: Problems) -> None:
    if context.get("allowPrivilegeEscalation") is not False:
        return
    if context.get("privileged"):
        problems.invalid(
            field, context, "cannot set `allowPrivilegeEscalation` to false and `privileged` to true"
        )
    if "CAP_SYS_ADMIN" in ((context.get("capabilities") or {}).get("add") or ()):
        problems.invalid(
            field,
            context,
            "cannot set `allowPrivilegeEscalation` to false and `capabilities.Add` CAP_SYS_ADMIN",
        )


def _probe(probe: Object, field: str, kind: str, problems: Problems) -> None:
    _handlers(probe, field, problems)
    for name in (
        "initialDelaySeconds",
        "timeoutSeconds",
        "periodSeconds",
        "successThreshold",
        "failureThreshold",
    ):
        if probe.get(name, 0) < 0:
            problems.invalid(f"{field}.{name}", probe[name], "must be greater than or equal to 0")
    if kind != "readinessProbe" and probe.get("successThreshold", 1) != 1:
        problems.invalid(f"{field}.successThreshold", probe["successThreshold"], "must be 1")


_HANDLERS = ("exec", "httpGet", "tcpSocket", "grpc", "sleep")


def _handlers(found: Object, field: str, problems: Problems) -> None:
    given = [name for name in _HANDLERS if name in found]
    for name in given[1:]:
        problems.forbidden(f"{field}.{name}", "may not specify more than 1 handler type")
    if not given:
        problems.required(field, "must specify a handler type")
    if "exec" in found and not found["exec"].get("command"):
        problems.required(f"{field}.exec.command")


def _affinity(affinity: Object, field: str, problems: Problems) -> None:
    required = "requiredDuringSchedulingIgnoredDuringExecution"
    preferred = "preferredDuringSchedulingIgnoredDuringExecution"
    node = (affinity.get("nodeAffinity") or {}).get(required)
    if node is not None and not node.get("nodeSelectorTerms"):
        problems.required(
            f"{field}.nodeAffinity.{required}.nodeSelectorTerms",
            "must have at least one node selector term",
        )
    for index, term in enumerate((node or {}).get("nodeSelectorTerms") or ()):
        where = f"{field}.nodeAffinity.{required}.nodeSelectorTerms[{index}]"
        _node_term(term, where, problems)
    for kind in ("podAffinity", "podAntiAffinity"):
        found = affinity.get(kind) or {}
        for index, term in enumerate(found.get(required) or ()):
            _pod_term(term, f"{field}.{kind}.{required}[{index}]", problems)
        for index, weighted in enumerate(found.get(preferred) or ()):
            where = f"{field}.{kind}.{preferred}[{index}]"
            if not 1 <= weighted.get("weight", 0) <= 100:
                problems.invalid(f"{where}.weight", weighted.get("weight"), "must be in the range 1-100")
            _pod_term(weighted.get("podAffinityTerm") or {}, f"{where}.podAffinityTerm", problems)


def _node_term(term: Object, field: str, problems: Problems) -> None:
    for index, one in enumerate(term.get("matchExpressions") or ()):
        where = f"{field}.matchExpressions[{index}]"
        if wrong := names.qualified(one.get("key", "")):
            problems.invalid(f"{where}.key", one.get("key", ""), wrong)
        operator, values = one.get("operator"), one.get("values") or ()
        if operator in ("In", "NotIn") and not values:
            problems.required(f"{where}.values", "must be specified when `operator` is 'In' or 'NotIn'")
        elif operator not in ("In", "NotIn", "Exists", "DoesNotExist", "Gt", "Lt"):
            problems.invalid(f"{where}.operator", operator, "not a valid selector operator")


def _pod_term(term: Object, field: str, problems: Problems) -> None:
    key = term.get("topologyKey", "")
    if not key:
        problems.required(f"{field}.topologyKey", "can not be empty")
    elif wrong := names.qualified(key):
        problems.invalid(f"{field}.topologyKey", key, wrong)
    if term.get("labelSelector"):
        check_selector(term["labelSelector"], f"{field}.labelSelector", problems)


def _toleration(found: Object, field: str, problems: Problems) -> None:
    key, operator = found.get("key", ""), found.get("operator") or "Equal"
    if key and (wrong := names.qualified(key)):
        problems.invalid(f"{field}.key", key, wrong)
    if not key and operator != "Exists":
        problems.invalid(
            f"{field}.operator",
            operator,
            'operator must be Exists when `key` is empty, which means "match all values and all keys"',
        )
    if operator not in ("Equal", "Exists"):
        problems.unsupported(f"{field}.operator", operator, ("Equal", "Exists"))
    if operator == "Exists" and found.get("value"):
        problems.invalid(
            f"{field}.operator", found["value"], "value must be empty when `operator` is 'Exists'"
        )
    effect = found.get("effect", "")
    if effect not in ("", "NoSchedule", "PreferNoSchedule", "NoExecute"):
        problems.unsupported(f"{field}.effect", effect, ("NoSchedule", "PreferNoSchedule", "NoExecute"))
