"""
The form in which a client wants its answer: whole objects, metadata only, or a table for people.

The form is chosen by the Accept header, as kubectl and metadata clients do. It also turns objects that
are stored in one version of their kind into the version that was asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
import functools
import re

import attrs

from e2e.simkube import errors, tables
from e2e.simkube.encoding import Answer, Body, Page
from e2e.simkube.events import to_new_event
from e2e.simkube.kinds import Resource
from e2e.simkube.store import Version
from e2e.simkube.values import Json, Object

_META = ("meta.k8s.io/v1", "meta.k8s.io/v1beta1")


@attrs.frozen(kw_only=True)
class View:
    """How objects of one kind are shown to one client."""

    resource: Resource
    form: str = "object"  # object, metadata, table
    version: str = "meta.k8s.io/v1"
    include: str = "Metadata"  # of a table: what its rows carry of the object
    now: Callable[[], float]

    @property
    def plain(self) -> bool:
        """Whether objects go out as they are stored."""
        return self.form == "object" and not self._converted

    @property
    def _converted(self) -> bool:
        return self.resource.custom or self.resource.place != (
            self.resource.group,
            self.resource.plural,
        )

    def answer(self, answer: Answer) -> Answer:
        """*answer* in this view; refusals stay as they are."""
        if self.plain or answer.status >= 400 or isinstance(answer.body, str):
            return answer
        return attrs.evolve(answer, body=self._body(answer.body))

    def event(self, body: Body, *, first: bool) -> Body:
        """The object of a watch event in this view; *first* is for the first of a stream."""
        if self.plain:
            return body
        shown = self._body(body)
        if self.form == "table" and not first and isinstance(shown, dict) and "rows" in shown:
            shown["columnDefinitions"] = None
        return shown

    def _body(self, body: Body) -> Body:
        listed = isinstance(body, Page)
        if self.form.startswith("metadata") and listed is not (self.form == "metadata list"):
            wanted = "PartialObjectMetadataList" if not listed else "PartialObjectMetadata"
            kind = self.resource.list_kind if listed else self.resource.kind
            what = "a list" if listed else "not a list"
            raise errors.not_acceptable(
                f"you requested {wanted}, but the requested object is {what} (*core.{kind})"
            )
        if isinstance(body, Page):
            return self._page(body)
        if isinstance(body, Version):
            found = self._converted_object(body)
            return body if found is body.object and self.form == "object" else self._one(found)
        if isinstance(body, dict) and body.get("kind") == self.resource.kind:
            return self._one(body)
        return body

    def _one(self, found: Object) -> Object:
        if self.form == "metadata":
            return self._metadata(found)
        if self.form == "table":
            return self._table([found], {"resourceVersion": found["metadata"]["resourceVersion"]})
        return found

    def _page(self, page: Page) -> Body:
        if self.form == "object":
            if all(self._converted_object(one) is one.object for one in page.items):
                return page
            items = [Version(self._converted_object(one), one.number) for one in page.items]
            return attrs.evolve(page, items=items)
        objects = [self._converted_object(version) for version in page.items]
        if self.form == "table":
            return self._table(objects, page.head["metadata"])
        return {
            "kind": "PartialObjectMetadataList",
            "apiVersion": self.version,
            "metadata": page.head["metadata"],
            "items": [self._metadata(one) for one in objects],
        }

    def _metadata(self, found: Object) -> Object:
        return {
            "kind": "PartialObjectMetadata",
            "apiVersion": self.version,
            "metadata": found["metadata"],
        }

    def _table(self, objects: list[Object], metadata: Object) -> Object:
        columns, cells = tables.columns_of(self.resource, self.now())
        rows = []
        for found in objects:
            row: Object = {"cells": cells(found)}
            if self.include == "Metadata":
                row["object"] = self._metadata(found)
            elif self.include == "Object":
                row["object"] = found
            else:
                row["object"] = None
            rows.append(row)
        return {
            "kind": "Table",
            "apiVersion": self.version,
            "metadata": metadata,
            "columnDefinitions": columns,
            "rows": rows,
        }

    def _converted_object(self, version: Version) -> Object:
        found = version.object
        resource = self.resource
        if found["apiVersion"] == resource.api_version:
            return found
        if resource.place == ("", "events"):
            return to_new_event(found)
        return {**found, "apiVersion": resource.api_version}


def view_of(resource: Resource, accept: str, query: Mapping[str, str], now: Callable[[], float]) -> View:
    """The view that a client's *accept* header asks for; 406 if there is none that we can send."""
    form, version = _wanted(accept)
    include = query.get("includeObject", "Metadata")
    return View(resource=resource, form=form, version=version, include=include, now=now)


@functools.lru_cache(maxsize=256)
def _wanted(accept: str) -> tuple[str, str]:
    """Form and version of its vocabulary."""
    for part in accept.split(",") if accept else ["*/*"]:
        media, *parameters = [one.strip() for one in part.split(";")]
        if not re.fullmatch(r"\*/\*|application/(\*|json)", media):
            continue
        chosen = dict(one.split("=", 1) for one in parameters if "=" in one)
        form = _FORMS.get(chosen.get("as", ""))
        if form is not None and (form == "object" or _known_version(chosen)):
            return form, f"meta.k8s.io/{chosen.get('v', 'v1')}"
    raise errors.not_acceptable()


def _known_version(chosen: Mapping[str, Json]) -> bool:
    return f"{chosen.get('g')}/{chosen.get('v')}" in _META


_FORMS = {
    "": "object",
    "Table": "table",
    "PartialObjectMetadata": "metadata",
    "PartialObjectMetadataList": "metadata list",
}
