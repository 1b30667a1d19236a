"""
Whether an object still has what we applied: pure.

Looked at are the fields that we apply, and whether they have our values. All others are other people's:
the server's defaults, what admission added, further labels and containers. That we would apply something
else today is told by the hash in an annotation, not here.

Order within a list whose items have names is not looked at, since applying does not restore it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
import json

import attrs

from controller.api.v2 import quantity
from controller.kube.encoding import Json

Object = Mapping[str, Json]

# Lists whose items the API server tells apart by these members, with what it takes for a missing one.
_KEYS: Mapping[str, tuple[tuple[str, Json], ...]] = {
    "containers": (("name", ""),),
    "initContainers": (("name", ""),),
    "volumes": (("name", ""),),
    "env": (("name", ""),),
    "imagePullSecrets": (("name", ""),),
    "volumeMounts": (("mountPath", ""),),
    "volumeDevices": (("devicePath", ""),),
    "topologySpreadConstraints": (("topologyKey", ""), ("whenUnsatisfiable", "")),
    "hostAliases": (("ip", ""),),
    "conditions": (("type", ""),),
    "ownerReferences": (("uid", ""),),
}
# `ports` of containers and of Services, told apart by which of the two members they have.
_CONTAINER_PORTS = (("containerPort", 0), ("protocol", "TCP"))
_SERVICE_PORTS = (("port", 0), ("protocol", "TCP"))

# Members that are quantities, and members whose members are.
_QUANTITY = frozenset({"sizeLimit", "divisor"})
_QUANTITIES = frozenset({"requests", "limits", "capacity", "allocatedResources", "overhead"})
# Members that say which object it is, and so cannot differ.
_IDENTITY = frozenset({"apiVersion", "kind"})

_LONGEST_SHOWN = 80


@attrs.frozen(kw_only=True)
class Difference:
    """A field that we apply and that has another value; *live* is None if it is absent."""

    path: str
    live: Json
    wanted: Json

    def __str__(self) -> str:
        """Return one line for people, without values that may be secret."""
        if _may_be_secret(self.path):
            return f"{self.path}: differs"
        return f"{self.path}: is {_show(self.live)}, wanted {_show(self.wanted)}"


def drifted(live: Object, wanted: Object) -> tuple[str, ...]:
    """Return the JSON paths of the fields in *wanted* that have another value in *live*, sorted."""
    return tuple(sorted(difference.path for difference in differences(live, wanted)))


def differences(live: Object, wanted: Object) -> tuple[Difference, ...]:
    """Return where *live* does not have what *wanted* has, in the order of *wanted*."""
    wanted = {key: value for key, value in wanted.items() if key not in _IDENTITY}
    return tuple(_objects(live, wanted, path=""))


def _values(live: Json, wanted: Json, *, path: str, name: str, parent: str) -> Iterator[Difference]:
    """Compare the values of the member *name* of *parent*."""
    match wanted:
        case Mapping():
            if not isinstance(live, Mapping):
                yield from _absent(live, wanted, path)
                return
            yield from _objects(live, wanted, path=path, name=name)
        case list() | tuple():
            if not isinstance(live, list | tuple):
                yield from _absent(live, wanted, path)
                return
            yield from _lists(live, wanted, path=path, name=name)
        case _ if live is None:
            yield from _absent(live, wanted, path)
        case _ if not _same(live, wanted, quantities=name in _QUANTITY or parent in _QUANTITIES):
            yield Difference(path=path, live=live, wanted=wanted)


def _absent(live: Json, wanted: Json, path: str) -> Iterator[Difference]:
    # The server does not store most empty values, and tells null from absent nowhere.
    if live is not None or wanted:
        yield Difference(path=path, live=live, wanted=wanted)


def _objects(live: Object, wanted: Object, *, path: str, name: str = "") -> Iterator[Difference]:
    for key, value in wanted.items():
        yield from _values(live.get(key), value, path=_member(path, key), name=key, parent=name)


def _lists(live: Sequence[Json], wanted: Sequence[Json], *, path: str, name: str) -> Iterator[Difference]:
    keys = _keys(name, wanted)
    mine, theirs = _by_key(wanted, keys), _by_key(live, keys)
    if mine is None or theirs is None:
        yield from _positions(live, wanted, path=path, name=name)
        return
    for key, value in mine.items():
        item = f"{path}[{','.join(str(part) for part in key)}]"
        if key in theirs:
            yield from _values(theirs[key], value, path=item, name="", parent=name)
        else:
            yield Difference(path=item, live=None, wanted=value)


def _positions(live: Sequence[Json], wanted: Sequence[Json], *, path: str, name: str) -> Iterator[Difference]:
    """Compare lists that are replaced as a whole: each item must be there, at its place, and no more."""
    if len(live) != len(wanted):
        yield Difference(path=path, live=live, wanted=wanted)
        return
    for index, (theirs, mine) in enumerate(zip(live, wanted, strict=True)):
        yield from _values(theirs, mine, path=f"{path}[{index}]", name="", parent=name)


def _keys(name: str, items: Sequence[Json]) -> tuple[tuple[str, Json], ...]:
    if name == "ports":
        of_container = any(isinstance(item, Mapping) and "containerPort" in item for item in items)
        return _CONTAINER_PORTS if of_container else _SERVICE_PORTS
    return _KEYS.get(name, ())


def _by_key(items: Sequence[Json], keys: tuple[tuple[str, Json], ...]) -> dict[tuple[Json, ...], Json] | None:
    """Return *items* by their *keys*; None if they have none, or not each its own."""
    if not keys or not all(isinstance(item, Mapping) for item in items):
        return None
    found = {tuple(item.get(key, default) for key, default in keys): item for item in items}
    return found if len(found) == len(items) else None


def _same(live: Json, wanted: Json, *, quantities: bool) -> bool:
    if quantities:
        try:
            return quantity.parse(_written(live)) == quantity.parse(_written(wanted))
        except quantity.QuantityError:
            return bool(live == wanted)
    # Python holds True for equal to 1.
    return isinstance(live, bool) == isinstance(wanted, bool) and bool(live == wanted)


def _written(value: Json) -> Json:
    # A server takes 0.5 for a quantity, and stores it as 500m.
    return repr(value) if isinstance(value, float) else value


def _member(path: str, key: str) -> str:
    # `metadata.labels[app.kubernetes.io/name]`: a dot within a name is no step.
    if not key.isidentifier():
        return f"{path}[{key}]"
    return f"{path}.{key}" if path else key


def _may_be_secret(path: str) -> bool:
    """Whether the values of a field are the user's to keep: of variables, and of data."""
    return (".env[" in path and path.endswith((".value", "]"))) or path.startswith(("data", "stringData"))


def _show(value: Json) -> str:
    match value:
        case None:
            return "absent"
        case Mapping():
            # Anything may be within.
            return "an object"
        case list() | tuple():
            return f"a list of {len(value)}"
        case _:
            text = json.dumps(value)
            return text if len(text) <= _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN]}…"
