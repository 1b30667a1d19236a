"""
Between JSON and the values of this API.

Reading is strict and complete: nothing is coerced (`"3"` is not 3, `"false"` is not false), all problems
are found at once, and each names its field as the user wrote it. Fields that we do not know are ignored.
Null means absent. A status is read leniently: the parts that cannot be read are left out, because a
damaged status must never stop the operator.

Writing is for the status alone. A spec is never written.
"""

from __future__ import annotations

import collections.abc
from collections.abc import Callable, Iterator, Mapping
import datetime as dt
from types import MappingProxyType
from typing import Annotated, Any, get_args, get_origin

import attrs
from cattrs import AttributeValidationNote, ClassValidationError, Converter, IterableValidationError
from cattrs.cols import homogenous_tuple_structure_factory, mapping_structure_factory
from cattrs.gen import make_dict_structure_fn, make_dict_unstructure_fn, override

from controller.api.v2.cluster import CassandraCluster, ObjectMeta
from controller.api.v2.fields import always_written, json_name, json_names
from controller.api.v2.problems import InvalidClusterError, PathStep, Problem, render_path
from controller.api.v2.shapes import Misfit, Shape, fit, fits_width, kind_of, misfits
from controller.api.v2.spec import ClusterSpec
from controller.api.v2.status import ClusterStatus

Steps = tuple[PathStep, ...]


def decode_cluster(obj: object) -> CassandraCluster:
    """Read a CassandraCluster from its JSON object, as an API server returns it.

    Raises `InvalidClusterError` with every problem of metadata and spec. Parts of the status that cannot
    be read are left out.
    """
    if not isinstance(obj, Mapping):
        raise InvalidClusterError([Problem(path="the object", message=f"is {kind_of(obj)}; write an object")])
    problems: list[Problem] = []
    values: dict[str, Any] = {}
    for member, cls in (("metadata", ObjectMeta), ("spec", ClusterSpec)):
        raw = obj.get(member)
        try:
            values[member] = _CONVERTER.structure({} if raw is None else raw, cls)
        except Exception as error:  # noqa: BLE001 # cattrs raises what its hooks raise; _misfits_of sorts them out
            problems += (
                Problem(path=render_path((member, *steps)), message=message)
                for steps, message in _misfits_of(error, ())
            )
    if problems:
        raise InvalidClusterError(sorted(problems))
    status, _ = decode_status(obj.get("status"))
    return CassandraCluster(status=status, **values)


def decode_status(raw: object) -> tuple[ClusterStatus, tuple[Problem, ...]]:
    """Read a status, whatever it looks like, and return it with what had to be left out."""
    left_out: list[Problem] = []
    while raw is not None:
        try:
            return _CONVERTER.structure(raw, ClusterStatus), tuple(left_out)
        except Exception as error:  # noqa: BLE001 # as in decode_cluster
            found = tuple(_misfits_of(error, ()))
            left_out += (Problem(path=render_path(("status", *steps)), message=text) for steps, text in found)
            rest = _without(raw, [steps for steps, _ in found])
            # Each round has to take something away, or there would be no end.
            raw = None if rest == raw else rest
    return ClusterStatus(), tuple(left_out)


def encode_status(status: ClusterStatus) -> dict[str, Any]:
    """Write a status as JSON; what is absent or empty is left out."""
    encoded: dict[str, Any] = _CONVERTER.unstructure(status)
    return encoded


class _MisfitError(Exception):
    """A value does not have the type that its field asks for; the places are relative to the value."""

    def __init__(self, *places: Misfit) -> None:
        super().__init__(*places)
        self.places = places


def _misfits_of(error: BaseException, path: Steps) -> Iterator[Misfit]:
    """Yield the places and messages that an error of the converter stands for, in JSON names."""
    match error:
        case ClassValidationError():
            noted, others = error.group_exceptions()
            names = json_names(error.cl)
            for inner, note in noted:
                yield from _misfits_of(inner, (*path, names[note.name]))
        case IterableValidationError():
            items, others = error.group_exceptions()
            for inner, place in items:
                yield from _misfits_of(inner, (*path, place.index))
        case _MisfitError(places=places):
            for steps, message in places:
                yield (*path, *steps), message
            return
        case KeyError() if _is_missing_member(error):
            yield path, "is missing; add it"
            return
        case _:
            raise error
    for inner in others:
        yield from _misfits_of(inner, path)


def _is_missing_member(error: KeyError) -> bool:
    return any(isinstance(note, AttributeValidationNote) for note in getattr(error, "__notes__", ()))


def _without(value: object, paths: list[Steps]) -> object:
    """Return a copy of *value* that lacks what is at *paths*; None if nothing is left."""
    here = {path[0] for path in paths if len(path) == 1}
    if any(not path for path in paths):
        return None
    inside: dict[PathStep, list[Steps]] = {}
    for step, *rest in paths:
        inside.setdefault(step, []).append(tuple(rest))
    if isinstance(value, Mapping):
        return {
            key: _without(member, inside[key]) if key in inside else member
            for key, member in value.items()
            if key not in here
        }
    if isinstance(value, list | tuple):
        return [
            _without(item, inside[index]) if index in inside else item
            for index, item in enumerate(value)
            if index not in here
        ]
    return None


def _strict(wanted: type, words: str) -> Callable[[object, Any], Any]:
    """Return a hook that takes a *wanted* and nothing that could be made one."""

    def hook(value: object, _: Any) -> Any:  # noqa: ANN401 # the converter's own signature
        if not isinstance(value, wanted) or (wanted is int and isinstance(value, bool)):
            raise _MisfitError(((), f"is {kind_of(value)}; write {words}"))
        return value

    return hook


def _structure_integer(value: object, _: Any) -> int:  # noqa: ANN401 # the converter's own signature
    if not isinstance(value, int) or isinstance(value, bool):
        raise _MisfitError(((), f"is {kind_of(value)}; write a whole number"))
    if not fits_width(value, "int64"):
        raise _MisfitError(((), f"{value} does not fit in int64; write a smaller number"))
    return value


def _structure_time(value: object, _: Any) -> dt.datetime:  # noqa: ANN401 # the converter's own signature
    words = "write a time such as 2026-01-31T12:00:00Z"
    if not isinstance(value, str):
        raise _MisfitError(((), f"is {kind_of(value)}; {words}"))
    try:
        moment = dt.datetime.fromisoformat(value)
    except ValueError:
        raise _MisfitError(((), f"{value!r} is not a time; {words}")) from None
    if moment.tzinfo is None:
        raise _MisfitError(((), f"{value!r} has no time zone; {words}"))
    return moment


def _unstructure_time(moment: dt.datetime) -> str:
    """Write a moment as Kubernetes does: UTC, whole seconds."""
    return moment.astimezone(dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _object_hook(cls: type[attrs.AttrsInstance], converter: Converter) -> Callable[[object, Any], Any]:
    names = {name: override(rename=json) for name, json in json_names(cls).items()}
    structure = make_dict_structure_fn(cls, converter, **names)  # type: ignore[arg-type] # the keywords are overrides

    def hook(value: object, wanted: Any) -> Any:  # noqa: ANN401 # the converter's own signature
        if not isinstance(value, Mapping):
            raise _MisfitError(((), f"is {kind_of(value)}; write an object"))
        return structure({k: v for k, v in value.items() if v is not None}, wanted)

    return hook


def _writer_hook(cls: type[attrs.AttrsInstance], converter: Converter) -> Callable[[Any], dict[str, Any]]:
    names = {
        field.name: override(rename=json_name(field), omit_if_default=not always_written(field))
        for field in attrs.fields(cls)
    }
    return make_dict_unstructure_fn(cls, converter, _cattrs_omit_if_default=True, **names)  # type: ignore[arg-type] # as above


def _list_hook(wanted: Any, converter: Converter) -> Callable[[object, Any], Any]:  # noqa: ANN401 # any tuple type
    structure = homogenous_tuple_structure_factory(wanted, converter)

    def hook(value: object, _: Any) -> Any:  # noqa: ANN401 # the converter's own signature
        if not isinstance(value, list | tuple):
            raise _MisfitError(((), f"is {kind_of(value)}; write a list"))
        return structure(value, wanted)

    return hook


def _map_hook(wanted: Any, converter: Converter) -> Callable[[object, Any], Any]:  # noqa: ANN401 # any map type
    structure = mapping_structure_factory(wanted, converter)

    def hook(value: object, _: Any) -> Any:  # noqa: ANN401 # the converter's own signature
        if not isinstance(value, Mapping):
            raise _MisfitError(((), f"is {kind_of(value)}; write an object"))
        return MappingProxyType(structure({k: v for k, v in value.items() if v is not None}, wanted))

    return hook


def _shape_hook(wanted: Any, _: Converter) -> Callable[[object, Any], Any]:  # noqa: ANN401 # any annotated type
    (shape,) = wanted.__metadata__

    def hook(value: object, _: Any) -> Any:  # noqa: ANN401 # the converter's own signature
        places = tuple(misfits(value, shape.schema))
        if places:
            raise _MisfitError(*places)
        return fit(value, shape.schema)

    return hook


def _is_shaped(wanted: Any) -> bool:  # noqa: ANN401 # asked of every type
    return get_origin(wanted) is Annotated and isinstance(wanted.__metadata__[0], Shape)


def _is_list(wanted: Any) -> bool:  # noqa: ANN401 # asked of every type
    return get_origin(wanted) is tuple and get_args(wanted)[-1] is Ellipsis


def _is_map(wanted: Any) -> bool:  # noqa: ANN401 # asked of every type
    return get_origin(wanted) is collections.abc.Mapping


def _make_converter() -> Converter:
    converter = Converter(detailed_validation=True)
    converter.register_structure_hook(int, _structure_integer)
    converter.register_structure_hook(bool, _strict(bool, "true or false"))
    converter.register_structure_hook(str, _strict(str, "a text"))
    converter.register_structure_hook(dt.datetime, _structure_time)
    converter.register_unstructure_hook(dt.datetime, _unstructure_time)
    converter.register_structure_hook_factory(attrs.has, _object_hook)
    converter.register_unstructure_hook_factory(attrs.has, _writer_hook)
    converter.register_structure_hook_factory(_is_list, _list_hook)
    converter.register_structure_hook_factory(_is_map, _map_hook)
    converter.register_structure_hook_factory(_is_shaped, _shape_hook)
    return converter


_CONVERTER = _make_converter()
