"""
Pods that differ from their rack's template only in what running nodes can be told, and what they have;
and pods that do not differ at all, but are to be restarted.

What a pod was made from is read from its ControllerRevision, which Kubernetes keeps as long as the pod is
there and never changes. What it was told since is read from the node itself. An annotation on the pod has
what was before it was told anything, so that it can be told that again: it goes with the pod.

Where anything cannot be read, a pod is what it would be without all this: outdated.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
import json
import threading
from typing import Any

import attrs

from controller.api.v2 import names
from controller.builders.hashing import short_hash
from controller.cassandra.jolokia import Endpoint
from controller.domain.errors import NotFoundError, TerminalError
from controller.domain.live import Attribute, Setting, Telling, Value, between
from controller.domain.observed import Pod, Rack, StatefulSet
from controller.kube import kinds
from controller.kube.client import KubeClient
from controller.reconcile.questions import Questions
from controller.reconcile.stores import Object
from controller.runtime.store import Key

_DATA = "CONFIG_FILE_DATA"
# How many templates are remembered, as hash and configuration; forgotten ones are read again.
_MOST = 500


@attrs.frozen(kw_only=True)
class Template:
    """A pod template: its Cassandra configuration, and a hash of everything else.

    *made* is the hash of all that pods are made of: the whole, but for when they were to be restarted.
    """

    config: Mapping[str, Any]
    rest: str
    made: str


@attrs.frozen(kw_only=True)
class _Wanted:
    """What the node of *pod* at *endpoint* should have; *settings* are those that its template changed."""

    pod: Pod
    endpoint: Endpoint | None
    settings: tuple[Setting, ...]

    def all(self) -> tuple[Setting, ...]:
        """Return what it should have, what it was told and is to forget included."""
        mine = {setting.attribute for setting in self.settings}
        back = tuple(
            Setting(key=attribute.name, attribute=attribute, value=value)
            for attribute, value in self.pod.before.items()
            if attribute not in mine
        )
        return (*self.settings, *back)


class Tuning:
    """Finds out which pods need no restart; remembers templates, which never change."""

    def __init__(self, client: KubeClient, questions: Questions) -> None:
        self._client = client
        self._questions = questions
        self._lock = threading.Lock()
        self._templates: dict[tuple[str, str, str], Template] = {}

    def on(
        self,
        key: Key,
        racks: Mapping[str, Rack],
        asked: Mapping[str, Endpoint],
        answering: Iterable[str],
    ) -> dict[str, Rack]:
        """Return *racks* with what is known of their pods; *asked* are nodes by pod, some are *answering*.

        Raises `Asking` while nodes are being asked.
        """
        able = {pod: asked[pod] for pod in answering}
        read = _Reading(self, key.namespace)
        wanted = {
            name: list(_wanted(read, rack.statefulset, rack, able))
            for name, rack in racks.items()
            if rack.statefulset is not None and rack.statefulset.waits_for_us and rack.statefulset.settled
        }
        each = [one for found in wanted.values() for one in found]
        attributes = sorted({s.attribute for one in each for s in one.all()}, key=str)
        endpoints = {one.pod.name: one.endpoint for one in each if one.endpoint is not None}
        values = self._questions.values(key, endpoints, attributes) if endpoints else {}
        found = {name: _with_tried(read, rack) for name, rack in racks.items()}
        return {
            name: attrs.evolve(rack, statefulset=_marked(rack.statefulset, wanted[name], values))
            if rack.statefulset is not None and wanted.get(name)
            else rack
            for name, rack in found.items()
        }

    def template(self, namespace: str, name: str, owner: str) -> Template | None:
        """Return the template of revision *name* of the StatefulSet with uid *owner*, if it can be read."""
        key = (namespace, name, owner)
        with self._lock:
            known = self._templates.get(key)
        if known is not None:
            return known
        try:
            obj = self._client.get(kinds.CONTROLLER_REVISION, namespace, name)
        except (NotFoundError, TerminalError):
            return None
        if owner not in {ref["uid"] for ref in obj["metadata"].get("ownerReferences") or ()}:
            return None
        made = template_of(obj)
        if made is not None:
            with self._lock:
                if len(self._templates) >= _MOST:
                    self._templates.clear()
                self._templates[key] = made
        return made


class _Reading:
    """One look at templates: what cannot be read now is not asked for again."""

    def __init__(self, tuning: Tuning, namespace: str) -> None:
        self._tuning = tuning
        self._namespace = namespace
        self._found: dict[tuple[str, str], Template | None] = {}

    def __call__(self, name: str, owner: str) -> Template | None:
        key = (name, owner)
        if key not in self._found:
            self._found[key] = self._tuning.template(self._namespace, name, owner)
        return self._found[key]


def _with_tried(read: _Reading, rack: Rack) -> Rack:
    """Return *rack* with whether pods that serve show that its newest template is good."""
    have = rack.statefulset
    if have is None or not have.waits_for_us or not have.settled:
        return rack
    serving = {pod.revision for pod in rack.pods if pod.ready and have.outdates(pod)}
    revisions = sorted(revision for revision in serving if revision is not None)
    if not revisions or have.update_revision is None:
        return rack
    new = read(have.update_revision, have.uid)
    olds = [read(revision, have.uid) for revision in revisions]
    tried = new is not None and any(old is not None and old.made == new.made for old in olds)
    return attrs.evolve(rack, statefulset=attrs.evolve(have, tried=tried))


def _wanted(
    read: _Reading, statefulset: StatefulSet, rack: Rack, able: Mapping[str, Endpoint]
) -> Iterator[_Wanted]:
    for pod in rack.pods:
        outdated = statefulset.outdates(pod)
        if not pod.ready or pod.terminating or not (outdated or pod.before):
            continue
        settings = _between(read, statefulset, pod) if outdated else ()
        if settings is not None:
            yield _Wanted(pod=pod, endpoint=able.get(pod.name), settings=settings)


def _between(read: _Reading, statefulset: StatefulSet, pod: Pod) -> tuple[Setting, ...] | None:
    """Return what *pod* is to be told to be as if it were new; None if it cannot be."""
    names_ = (pod.revision, statefulset.update_revision)
    match [read(name, statefulset.uid) for name in names_ if name is not None]:
        case [Template() as old, Template() as new] if old.rest == new.rest:
            return between(old.config, new.config)
        case _:
            return None


def template_of(revision: Object) -> Template | None:
    """Return the template in a ControllerRevision; None if there is none that can be read."""
    template = ((revision.get("data") or {}).get("spec") or {}).get("template")
    if not isinstance(template, Mapping):
        return None
    texts: list[str] = []
    rest = _without_data(template, texts)
    try:
        config = json.loads(texts[0]) if len(texts) == 1 else None
    except ValueError:
        return None
    if not isinstance(config, dict):
        return None
    metadata = template.get("metadata") or {}
    labels = {k: v for k, v in (metadata.get("labels") or {}).items() if k != names.ROLLING_RESTART}
    undated = {**template, "metadata": {**metadata, "labels": labels}}
    return Template(config=config, rest=short_hash(rest), made=short_hash(undated))


def _without_data(value: Any, texts: list[str]) -> Any:  # noqa: ANN401 -- JSON
    """Return *value* without the configuration of Cassandra, which is put into *texts*."""
    if isinstance(value, Mapping):
        if value.get("name") == _DATA and isinstance(value.get("value"), str):
            texts.append(value["value"])
            return _DATA
        return {key: _without_data(each, texts) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_without_data(each, texts) for each in value]
    return value


def _marked(
    statefulset: StatefulSet, wanted: Iterable[_Wanted], values: Mapping[str, Mapping[Attribute, Value] | str]
) -> StatefulSet:
    told: set[str] = set()
    untold: dict[str, Telling] = {}
    for one in wanted:
        has = values.get(one.pod.name, "it has not been asked")
        if isinstance(has, str):
            untold[one.pod.uid] = Telling(unread=has)
            continue
        if not all(setting.attribute in has for setting in one.all()):
            # It does not know one of them: nothing but a restart will do.
            continue
        missing = tuple(s for s in one.all() if has[s.attribute] != s.value)
        if missing:
            before = {
                s.attribute: has[s.attribute] for s in one.settings if s.attribute not in one.pod.before
            }
            untold[one.pod.uid] = Telling(settings=missing, before=before)
        else:
            told.add(one.pod.uid)
    return attrs.evolve(statefulset, told=frozenset(told), untold=untold)
