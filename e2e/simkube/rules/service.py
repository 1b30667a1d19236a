"""Services of type ClusterIP, headless or with an address."""

from __future__ import annotations

import ipaddress

from e2e.simkube import errors, names
from e2e.simkube.errors import Problems
from e2e.simkube.metadata import check_labels
from e2e.simkube.rules.base import Rules
from e2e.simkube.rules.podcheck import port_number
from e2e.simkube.state import State
from e2e.simkube.values import Json, Object

_ADDRESSES = ipaddress.ip_network("10.96.0.0/16")
_PROTOCOLS = ("SCTP", "TCP", "UDP")
_CLIENT_SECONDS = 10800
_FIRST_ADDRESS = 10


class ServiceRules(Rules):
    """Services."""

    creates_on_update = True
    returns_deleted = True

    def name_problem(self, name: str) -> str:
        """A DNS label that begins with a letter."""
        return names.service(name)

    def default(self, found: Object) -> None:
        """Fill in the ports and the families."""
        spec = found["spec"]
        kind = spec.setdefault("type", "ClusterIP")
        if kind != "ClusterIP":
            raise errors.lacking(f"services of type {kind}: only ClusterIP")
        affinity = spec.setdefault("sessionAffinity", "None")
        if affinity == "ClientIP":
            config = spec.setdefault("sessionAffinityConfig", {}).setdefault("clientIP", {})
            config.setdefault("timeoutSeconds", _CLIENT_SECONDS)
        for port in spec.get("ports") or ():
            port.setdefault("protocol", "TCP")
            if port.get("targetPort") in (None, 0, ""):
                port["targetPort"] = port.get("port", 0)
        spec.setdefault("internalTrafficPolicy", "Cluster")

    def prepare_create(self, found: Object) -> None:
        """A new Service has no load balancer."""
        found["status"] = {"loadBalancer": {}}

    def admit(self, found: Object) -> None:
        """Give it an address unless it is headless."""
        spec = found["spec"]
        address = spec.get("clusterIP") or next(iter(spec.get("clusterIPs") or ()), "")
        if not address:
            address = _free(self.state)
        spec["clusterIP"], spec["clusterIPs"] = address, spec.get("clusterIPs") or [address]
        families = spec.setdefault("ipFamilies", ["IPv4"])
        spec.setdefault("ipFamilyPolicy", "SingleStack")
        if families != ["IPv4"]:
            raise errors.lacking("IP families other than IPv4")

    def prepare_update(self, found: Object, before: Object) -> None:
        """An update that leaves the address out keeps it."""
        for name in ("clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy"):
            if not found["spec"].get(name) and name in before["spec"]:
                found["spec"][name] = before["spec"][name]

    def validate(self, found: Object, problems: Problems) -> None:
        """Check ports and selector."""
        spec = found["spec"]
        ports = spec.get("ports") or ()
        if not ports and spec.get("clusterIP") != "None":
            problems.required("spec.ports")
        _ports(ports, problems)
        check_labels(spec.get("selector"), "spec.selector", problems)
        if spec["sessionAffinity"] not in ("ClientIP", "None"):
            problems.unsupported("spec.sessionAffinity", spec["sessionAffinity"], ("ClientIP", "None"))
        address = spec.get("clusterIP", "")
        if address not in ("", "None") and not _is_address(address):
            problems.invalid(
                "spec.clusterIPs[0]", address, "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)"
            )

    def validate_update(self, found: Object, before: Object, problems: Problems) -> None:
        """The address is fixed."""
        new, old = found["spec"].get("clusterIP"), before["spec"].get("clusterIP")
        if new != old:
            problems.invalid("spec.clusterIPs[0]", [new], "may not change once set")


def _ports(ports: Json, problems: Problems) -> None:
    names_seen: set[str] = set()
    seen: set[tuple[Json, Json]] = set()
    for index, port in enumerate(ports):
        where = f"spec.ports[{index}]"
        name = port.get("name", "")
        if len(ports) > 1 and not name:
            problems.required(f"{where}.name")
        elif name:
            if wrong := names.label(name):
                problems.invalid(f"{where}.name", name, wrong)
            elif name in names_seen:
                problems.duplicate(f"{where}.name", name)
            names_seen.add(name)
        port_number(port.get("port", 0), f"{where}.port", problems)
        if port["protocol"] not in _PROTOCOLS:
            problems.unsupported(f"{where}.protocol", port["protocol"], _PROTOCOLS)
        target = port["targetPort"]
        if isinstance(target, int):
            port_number(target, f"{where}.targetPort", problems)
        elif wrong := names.port_name(target):
            problems.invalid(f"{where}.targetPort", target, wrong)
        key = (port.get("port"), port["protocol"])
        if key in seen:
            problems.duplicate(where, {"port": key[0], "protocol": key[1]})
        seen.add(key)


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def _free(state: State) -> str:
    used = {version.object["spec"].get("clusterIP") for version in state.store.each(("", "services"))}
    number = _FIRST_ADDRESS
    while str(_ADDRESSES[number]) in used:
        number += 1
    return str(_ADDRESSES[number])
