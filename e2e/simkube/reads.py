"""
GET and LIST: at the newest version, at a version asked for, and in pages.

A page goes on at the version at which the first page was read. When that version is forgotten the
answer is 410 with a token to go on with at the newest version.
"""

from __future__ import annotations

import base64
import binascii
import json

from e2e.simkube import errors
from e2e.simkube.encoding import Answer, Page
from e2e.simkube.options import ListOptions, parse_version
from e2e.simkube.routing import Target
from e2e.simkube.selectors import Selection, parse_fields, parse_labels
from e2e.simkube.state import State
from e2e.simkube.store import Key, Table, Version
from e2e.simkube.values import Object, dig


def selection_of(target: Target, options: ListOptions) -> Selection:
    """Which objects a list or watch is about; 400 for selectors that make no sense."""
    resource = target.resource
    extra = [
        str(one["jsonPath"]).removeprefix(".")
        for version in dig(resource.definition, "spec", "versions") or ()
        if version["name"] == resource.version
        for one in version.get("selectableFields") or ()
    ]
    return Selection(
        namespace=target.namespace,
        name=target.name,
        labels=parse_labels(options.labels),
        fields=parse_fields(options.fields, resource.place, extra),
    )


class Reads:
    """Reads of one server."""

    def __init__(self, state: State) -> None:
        self._state = state

    def get(self, target: Target, version: str, *, upto: int | None) -> Version:
        """One object; *upto* is the version that a stale server has seen, None for a fresh one."""
        at_least = parse_version(version)
        table = self._state.store.table(target.resource.place)
        if version and upto is not None:
            table = self._state.store.read(target.resource.place, upto)
        current = self._state.store.version if upto is None else upto
        if at_least > current:
            raise errors.too_large_version(at_least, current)
        found = table.objects.get(target.key)
        if found is None:
            raise target.not_found()
        return found

    def list(self, target: Target, options: ListOptions, *, upto: int | None) -> Answer:
        """A list, or a page of it; *upto* as for `get`."""
        selection = selection_of(target, options)
        number, start = self._where(target, options, upto)
        table = self._state.store.read(target.resource.place, number)
        keys = [key for key in table.within(target.namespace) if start is None or key > start]
        limit = 0 if options.version == "0" and not options.token else options.limit
        items, more = _take(table, keys, selection, limit)
        resource = target.resource
        metadata: Object = {"resourceVersion": str(number)}
        if resource.custom:
            metadata["continue"] = ""
        if more is not None:
            left, last = more
            metadata["continue"] = _token(number, last)
            if not selection.narrows:
                metadata["remainingItemCount"] = left
        head = {
            "kind": resource.list_kind,
            "apiVersion": resource.api_version,
            "metadata": metadata,
        }
        return Answer(body=Page(head=head, items=items, bare=not resource.custom))

    def _where(self, target: Target, options: ListOptions, upto: int | None) -> tuple[int, Key | None]:
        """The version to list at, and the key to go on after."""
        newest = self._state.store.version
        if options.token:
            return self._continued(target, options)
        number = parse_version(options.version)
        if options.match == "Exact" or (options.limit and number and options.match != "NotOlderThan"):
            if number > newest:
                raise errors.too_large_version(number, newest)
            self._state.store.check_known(target.resource.place, number)
            return number, None
        # Without a version a list is never stale: a real server asks etcd.
        current = newest if upto is None or not options.version else upto
        if number > current:
            raise errors.too_large_version(number, current)
        return current, None

    def _continued(self, target: Target, options: ListOptions) -> tuple[int, Key]:
        if options.version not in ("", "0"):
            raise errors.bad_request("specifying resource version is not allowed when using continue")
        number, start = _parse_token(options.token)
        if number < 0:
            return self._state.store.version, start
        if number < self._state.store.table(target.resource.place).floor:
            raise _ExpiredTokenError(_token(-1, start))
        return number, start


class _ExpiredTokenError(errors.StatusError):
    def __init__(self, token: str) -> None:
        super().__init__(
            410,
            "Expired",
            "The provided continue parameter is too old to display a consistent list result. You can "
            "start a new list without the continue parameter, or use the continue token in this "
            "response to retrieve the remainder of the results. Continuing with the provided token "
            "results in an inconsistent list - objects that were created, modified, or deleted "
            "between the time the first chunk was returned and now may show up in the list.",
        )
        self._token = token

    def body(self) -> Object:
        """The Status, with a token that goes on at the newest version."""
        return super().body() | {"metadata": {"continue": self._token}}


def _take(
    table: Table, keys: list[Key], selection: Selection, limit: int
) -> tuple[list[Version], tuple[int, Key] | None]:
    """The items of a page and, if there are more, how many and after which key."""
    objects = table.objects
    if not limit:
        if not selection.narrows:
            return [objects[key] for key in keys], None
        return [objects[key] for key in keys if selection.takes(objects[key].object)], None
    items: list[Version] = []
    for index, key in enumerate(keys):
        if selection.narrows and not selection.takes(objects[key].object):
            continue
        if len(items) == limit:
            return items, (len(keys) - index, keys[index - 1])
        items.append(objects[key])
    return items, None


def _token(number: int, last: Key) -> str:
    text = json.dumps({"v": "meta.k8s.io/v1", "rv": number, "start": "/".join(last) + "\0"})
    return base64.urlsafe_b64encode(text.encode()).rstrip(b"=").decode()


def _parse_token(token: str) -> tuple[int, Key]:
    try:
        text = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))
        found = json.loads(text)
        namespace, _, name = found["start"].rstrip("\0").partition("/")
        return int(found["rv"]), (namespace, name)
    except (binascii.Error, ValueError, KeyError, TypeError) as error:
        raise errors.bad_request(f"invalid continue token: continue key is not valid: {error}") from None
