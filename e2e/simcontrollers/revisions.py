"""
ControllerRevisions: the pod templates that a StatefulSet had, and which one each pod was made from.

Equal templates give one revision, so that going back to an old template finds the old revision.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping
import hashlib
import json
from typing import Any

import attrs

from e2e.simcontrollers import objects
from e2e.simcontrollers.client import Client
from e2e.simcontrollers.index import Index, Key, key_of
from e2e.simcontrollers.objects import REVISIONS, SETS, Obj

# Letters and digits that no word is made of: what Kubernetes writes hashes with.
_ALPHABET = "bcdfghjklmnpqrstvwxz2456789"
# What a pod carries: the name of its revision; and what a revision carries: the hash in its name.
REVISION_LABEL = "controller-revision-hash"
HASH_LABEL = "controller.kubernetes.io/hash"
# How many revisions that no pod has are kept, if the set does not say.
_HISTORY = 10


@attrs.frozen(kw_only=True)
class Revisions:
    """The revision that pods have and the one that they are to have; templates by revision name."""

    current: str
    update: str
    templates: Mapping[str, Obj]


def find(client: Client, history: Index, found: Mapping[str, Any]) -> Revisions:
    """Return the revisions of the StatefulSet *found*; makes a new one for a new template.

    *history* has all revisions, `by_owner`.
    """
    known = _known(client, history, found)
    template = objects.spec(found)["template"]
    wanted = {"spec": {"template": {**template, "$patch": "replace"}}}
    equal = [r for r in known if r["data"] == wanted]
    newest = max((int(r["revision"]) for r in known), default=0)
    if equal:
        update = equal[-1]
        if int(update["revision"]) < newest:
            # An old template came back: its revision becomes the newest.
            client.patch(REVISIONS, update, {"revision": newest + 1})
    else:
        update = _make(client, found, wanted, number=newest + 1)
        known = [*known, update]
    names = {objects.name(r): r["data"]["spec"]["template"] for r in known}
    current = str(objects.status(found).get("currentRevision") or "")
    templates = {key: {k: v for k, v in value.items() if k != "$patch"} for key, value in names.items()}
    return Revisions(
        current=current if current in templates else objects.name(update),
        update=objects.name(update),
        templates=templates,
    )


def truncate(
    client: Client, history: Index, found: Mapping[str, Any], known: Revisions, used: Iterable[str]
) -> None:
    """Delete the oldest revisions of *found* beyond its limit; those that pods have, *used*, do not count."""
    live = {known.current, known.update, *used}
    unused = [r for r in _known(client, history, found) if objects.name(r) not in live]
    limit = objects.spec(found).get("revisionHistoryLimit")
    kept = _HISTORY if limit is None else int(limit)
    for revision in unused[: max(0, len(unused) - kept)]:
        client.delete(REVISIONS, revision)


def by_owner(revision: Obj) -> Iterable[Hashable]:
    """Return the uid of *revision*'s owner; without one, the StatefulSet that it is of by its name."""
    owner = objects.controller_uid(revision)
    return sets_of(revision) if owner is None else (owner,)


def sets_of(revision: Obj) -> Iterable[Key]:
    """Return namespace and name of each StatefulSet that *revision* may be of."""
    owners = [owner["name"] for owner in objects.meta(revision).get("ownerReferences") or []]
    named = objects.name(revision).rpartition("-")[0]
    return [(objects.namespace(revision), name) for name in dict.fromkeys((*owners, named))]


def _known(client: Client, history: Index, found: Mapping[str, Any]) -> list[Obj]:
    """Return its revisions, oldest first; takes over those that lost their owner."""
    known = [r for r in history.find(objects.uid(found)) if objects.namespace(r) == objects.namespace(found)]
    selector = objects.spec(found).get("selector")
    for revision in history.find(key_of(found)):
        if _is_of(revision, found) and objects.matches(selector, objects.labels(revision)):
            reference = objects.owner_reference(SETS, found)
            client.patch(REVISIONS, revision, {"metadata": {"ownerReferences": [reference]}})
            known.append(revision)
    return sorted(known, key=lambda r: (int(r["revision"]), objects.name(r)))


def _is_of(revision: Mapping[str, Any], found: Mapping[str, Any]) -> bool:
    return objects.name(revision).rpartition("-")[0] == objects.name(found)


def _make(client: Client, found: Mapping[str, Any], data: Mapping[str, Any], *, number: int) -> Obj:
    digest = _hash(data)
    template_labels = data["spec"]["template"].get("metadata", {}).get("labels") or {}
    revision: Obj = {
        "metadata": {
            "name": f"{objects.name(found)}-{digest}",
            "namespace": objects.namespace(found),
            "labels": {**template_labels, HASH_LABEL: digest},
            "ownerReferences": [objects.owner_reference(SETS, found)],
        },
        "data": data,
        "revision": number,
    }
    client.create(REVISIONS, revision)
    return revision


def _hash(data: Mapping[str, Any]) -> str:
    digest = hashlib.sha256(json.dumps(data, sort_keys=True).encode()).digest()
    return "".join(_ALPHABET[byte % len(_ALPHABET)] for byte in digest[:10])
