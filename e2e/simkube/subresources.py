"""What can be asked below an object beside its status: scale, eviction, binding, finalize."""

from __future__ import annotations

import attrs

from e2e.simkube import errors, patch
from e2e.simkube.encoding import Answer
from e2e.simkube.errors import Problems
from e2e.simkube.life import DeleteOptions, Life, delete_options
from e2e.simkube.routing import Target
from e2e.simkube.selectors import from_selector, labels_match
from e2e.simkube.state import State
from e2e.simkube.store import Place, Version
from e2e.simkube.values import Json, Object, clone, dig
from e2e.simkube.writes import Write, Writes

_BUDGETS: Place = ("policy", "poddisruptionbudgets")
_PODS: Place = ("", "pods")
# Evictions are refused when so many are under way that the budget's controller has not seen yet.
_MOST_DISRUPTED = 2000
_SUCCESS: Object = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success"}


class Subresources:
    """The subresources of one server."""

    def __init__(self, state: State, writes: Writes, life: Life) -> None:
        self._state = state
        self._writes = writes
        self._life = life

    def get(self, target: Target) -> Answer:
        """The scale of an object; other subresources are read as the object itself."""
        if target.subresource != "scale":
            raise errors.method_not_allowed()
        return Answer(body=self._scale(target, self._there(target)))

    def write(self, write: Write, method: str, body: Json, media: str) -> Answer:
        """Carry out a write below an object."""
        match write.target.subresource, method:
            case "scale", "PUT":
                return self._put_scale(write, body)
            case "scale", "PATCH":
                return self._patch_scale(write, body, media)
            case "eviction", "POST":
                return self._evict(write, body)
            case "binding", "POST":
                return self._bind(write, body)
            case "finalize", "PUT":
                return self._writes.update(write, body)
            case _:
                raise errors.method_not_allowed()

    def _there(self, target: Target) -> Version:
        version = self._state.store.get(target.resource.place, target.key)
        if version is None:
            raise target.not_found()
        return version

    def _paths(self, target: Target) -> Object:
        """Where the numbers of replicas stand in the object."""
        for version in dig(target.resource.definition, "spec", "versions") or ():
            if version["name"] == target.resource.version:
                scale: Object = version["subresources"]["scale"]
                return scale
        return {"specReplicasPath": ".spec.replicas", "statusReplicasPath": ".status.replicas"}

    def _scale(self, target: Target, version: Version) -> Object:
        found, paths = version.object, self._paths(target)
        details = found["metadata"]
        kept = ("name", "namespace", "uid", "resourceVersion", "creationTimestamp")
        replicas = _at(found, paths["specReplicasPath"])
        status: Object = {"replicas": _at(found, paths["statusReplicasPath"]) or 0}
        if "labelSelectorPath" in paths:
            selector = _at(found, paths["labelSelectorPath"])
        else:
            selector = "" if target.resource.custom else selector_text(dig(found, "spec", "selector"))
        if selector:
            status["selector"] = selector
        return {
            "kind": "Scale",
            "apiVersion": "autoscaling/v1",
            "metadata": {name: details[name] for name in kept if name in details},
            "spec": {"replicas": replicas} if replicas else {},
            "status": status,
        }

    def _put_scale(self, write: Write, body: Json) -> Answer:
        target = write.target
        version = self._there(target)
        if not isinstance(body, dict):
            raise errors.bad_request("the body of a scale must be an object")
        details = body.get("metadata") or {}
        if details.get("name", target.name) != target.name:
            raise errors.bad_request(
                f"the name of the object ({details['name']}) does not match the name on the URL "
                f"({target.name})"
            )
        replicas = dig(body, "spec", "replicas") or 0
        if replicas < 0:
            problems = Problems()
            problems.invalid("spec.replicas", replicas, "must be greater than or equal to 0")
            raise errors.invalid("Scale", "autoscaling", target.name or "", problems.causes)
        changed: Object = clone(version.object)
        for name in ("resourceVersion", "uid"):
            changed["metadata"][name] = details.get(name) or changed["metadata"][name]
        _set(changed, self._paths(target)["specReplicasPath"], replicas)
        changed["apiVersion"] = target.resource.api_version
        answer = self._writes.update(write, changed)
        now = self._there(target) if not write.options.dry_run else version
        scale = self._scale(target, now)
        scale["spec"] = {"replicas": replicas} if replicas else {}
        return attrs.evolve(answer, body=scale)

    def _patch_scale(self, write: Write, body: Json, media: str) -> Answer:
        scale = self._scale(write.target, self._there(write.target))
        if media == patch.APPLY:
            raise errors.lacking("server-side apply of a scale")
        merging = patch.MERGE if media == patch.STRATEGIC else media
        changed = patch.patched(scale, body, merging, write.resource)
        if media == patch.JSON or "resourceVersion" not in (body.get("metadata") or {}):
            changed["metadata"].pop("resourceVersion", None)
        return self._put_scale(write, changed)

    def _evict(self, write: Write, body: Json) -> Answer:
        """Delete a pod if its disruption budget allows it: 201, or 429."""
        target = write.target
        _check_name(body, target, "Eviction")
        pod = self._there(target)
        options = delete_options(body.get("deleteOptions"), {})
        if write.options.dry_run:
            options = attrs.evolve(options, dry_run=True)
        if not _needs_budget(pod.object):
            return self._evicted(target, options)
        budget = self._budget_of(pod.object)
        if budget is not None and not _is_spare(pod.object, budget.object):
            self._life.check(target, pod, options)
            self._take_from(budget, target, dry_run=options.dry_run)
        return self._evicted(target, options)

    def _evicted(self, target: Target, options: DeleteOptions) -> Answer:
        self._life.delete(attrs.evolve(target, subresource=""), options)
        return Answer(status=201, body={**_SUCCESS, "code": 201})

    def _budget_of(self, pod: Object) -> Version | None:
        labels = pod["metadata"].get("labels") or {}
        namespace = pod["metadata"]["namespace"]
        found = [
            version
            for version in self._state.store.each(_BUDGETS, namespace)
            if labels_match(from_selector(version.object["spec"].get("selector")), labels)
        ]
        if len(found) > 1:
            raise errors.StatusError(
                500,
                "",
                "This pod has more than one PodDisruptionBudget, which the eviction subresource "
                "does not support.",
            )
        return found[0] if found else None

    def _take_from(self, budget: Version, target: Target, *, dry_run: bool) -> None:
        """Take one disruption from the budget; 429 if there is none."""
        name = budget.object["metadata"]["name"]
        status = budget.object.get("status") or {}
        message = "Cannot evict pod as it would violate the pod's disruption budget."
        if status.get("observedGeneration", 0) < budget.object["metadata"]["generation"]:
            cause = {
                "reason": "DisruptionBudget",
                "message": f"The disruption budget {name} is still being processed by the server.",
            }
            raise errors.too_many_requests(message, seconds=10, causes=[cause])
        allowed = status.get("disruptionsAllowed", 0)
        if len(status.get("disruptedPods") or {}) > _MOST_DISRUPTED:
            raise errors.forbidden("poddisruptionbudgets", "policy", name, "DisruptedPods map too big")
        if allowed <= 0:
            cause = {
                "reason": "DisruptionBudget",
                "message": f"The disruption budget {name} needs {status.get('desiredHealthy', 0)} "
                f"healthy pods and has {status.get('currentHealthy', 0)} currently",
            }
            raise errors.too_many_requests(message, seconds=0, causes=[cause])
        if dry_run:
            return
        changed: Object = clone(budget.object)
        changed["status"]["disruptionsAllowed"] = allowed - 1
        disrupted = changed["status"].setdefault("disruptedPods", {})
        disrupted[target.name] = self._state.now()
        if allowed == 1:
            self._no_more(changed)
        key = (changed["metadata"]["namespace"], name)
        self._state.store.put(_BUDGETS, key, changed)

    def _no_more(self, budget: Object) -> None:
        condition = {
            "type": "DisruptionAllowed",
            "status": "False",
            "observedGeneration": budget["status"]["observedGeneration"],
            "lastTransitionTime": self._state.now(),
            "reason": "InsufficientPods",
            "message": "",
        }
        others = [
            one for one in budget["status"].get("conditions") or () if one["type"] != "DisruptionAllowed"
        ]
        budget["status"]["conditions"] = [*others, condition]

    def _bind(self, write: Write, body: Json) -> Answer:
        """Put a pod on a node: 201, or 409 if it is on one."""
        target = write.target
        _check_name(body, target, "Binding")
        pod = self._there(target)
        node = dig(body, "target", "name")
        if not node:
            problems = Problems()
            problems.required("target.name")
            raise errors.invalid("Binding", "", target.name or "", problems.causes)
        on = pod.object["spec"].get("nodeName")
        if pod.object["metadata"].get("deletionTimestamp"):
            why = f"pod {target.name} is being deleted, cannot be assigned to a host"
            raise errors.conflict("pods/binding", "", target.name or "", why)
        if on:
            why = f'pod {target.name} is already assigned to node "{on}"'
            raise errors.conflict("pods/binding", "", target.name or "", why)
        changed: Object = clone(pod.object)
        changed["spec"]["nodeName"] = node
        _scheduled(changed, self._state.now())
        if not write.options.dry_run:
            self._state.store.put(_PODS, target.key, changed)
        return Answer(status=201, body={**_SUCCESS, "code": 201})


def _check_name(body: Json, target: Target, kind: str) -> None:
    if dig(body, "metadata", "name") != target.name:
        raise errors.bad_request(f"name in URL does not match name in {kind} object")


def _scheduled(pod: Object, now: str) -> None:
    status = pod.setdefault("status", {})
    others = [one for one in status.get("conditions") or () if one["type"] != "PodScheduled"]
    condition = {
        "type": "PodScheduled",
        "status": "True",
        "lastProbeTime": None,
        "lastTransitionTime": now,
    }
    status["conditions"] = [*others, condition]


def _needs_budget(pod: Object) -> bool:
    """Whether evicting *pod* disrupts anything: it runs and is not on its way out."""
    phase = dig(pod, "status", "phase")
    ended = phase in ("Succeeded", "Failed", "Pending")
    return not ended and not pod["metadata"].get("deletionTimestamp")


def _is_spare(pod: Object, budget: Object) -> bool:
    """Whether *pod* is not ready and may go without touching the budget."""
    ready = any(
        one["type"] == "Ready" and one["status"] == "True" for one in dig(pod, "status", "conditions") or ()
    )
    if ready:
        return False
    if budget["spec"].get("unhealthyPodEvictionPolicy") == "AlwaysAllow":
        return True
    status = budget.get("status") or {}
    wanted = status.get("desiredHealthy", 0)
    return bool(status.get("currentHealthy", 0) >= wanted > 0)


def selector_text(selector: Object | None) -> str:
    """A `LabelSelector` as the text of a label selector."""
    found = [f"{key}={value}" for key, value in ((selector or {}).get("matchLabels") or {}).items()]
    for one in (selector or {}).get("matchExpressions") or ():
        key, values = one["key"], ",".join(sorted(one.get("values") or ()))
        text = {
            "In": f"{key} in ({values})",
            "NotIn": f"{key} notin ({values})",
            "Exists": key,
            "DoesNotExist": f"!{key}",
        }
        found.append(text[one["operator"]])
    return ",".join(sorted(found, key=_by_key))


def _by_key(text: str) -> tuple[str, int]:
    key = text.lstrip("!").partition("=")[0].partition(" ")[0]
    return key, 0 if "=" in text else 1


def _at(found: Object, path: str) -> Json:
    return dig(found, *path.strip(".").split("."))


def _set(found: Object, path: str, value: Json) -> None:
    *way, last = path.strip(".").split(".")
    for name in way:
        found = found.setdefault(name, {})
    found[last] = value
