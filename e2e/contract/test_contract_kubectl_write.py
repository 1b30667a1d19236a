"""Facts about changing objects with kubectl: create, edit, patch, scale, delete and their like."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
import re
import secrets

from e2e.contract.client import Api, Object
from e2e.contract.kubectl import Kubectl
from e2e.contract.objects import Space, config_map, pod, secret, statefulset, thing, thing_definition


def _data(api: Api, space: Space) -> Mapping[str, str]:
    found: Mapping[str, str] = api.get(space.path("configmaps", "one")).body.get("data", {})
    return found


def _thing(things: Object, name: str = "one") -> str:
    return f"{things['metadata']['name']}/{name}"


def _editor(folder: Path, expression: str) -> Mapping[str, str]:
    """The environment in which `edit` changes its file by a sed expression."""
    script = folder / "editor"
    script.write_text(f"#!/bin/sh\nexec sed -i -e '{expression}' \"$1\"\n")
    script.chmod(0o755)
    return {"KUBE_EDITOR": str(script)}


def test_create_creates(api: Api, space: Space, ctl: Kubectl) -> None:
    """`create` makes an object from a file or from words, and never a second one of the name."""
    assert ctl.does("create", "-f", "-", given=secret("a") | _SECRET) == "secret/a created"
    assert ctl.does("create", "configmap", "one", "--from-literal=x=1") == "configmap/one created"
    again = ctl.run("create", "configmap", "one", "--from-literal=x=2")

    assert again.code == 1
    assert 'configmaps "one" already exists' in again.err
    assert _data(api, space) == {"x": "1"}


_SECRET = {"apiVersion": "v1", "kind": "Secret"}


def test_create_refuses_unknown_fields(ctl: Kubectl) -> None:
    """Fields that the kind does not have are refused, by name."""
    said = ctl.run("create", "-f", "-", given={**config_map(), "nonsense": 1})

    assert said.code == 1
    assert 'unknown field "nonsense"' in said.err


def test_create_warns_of_unknown_fields(api: Api, space: Space, ctl: Kubectl) -> None:
    """With `--validate=warn` they are left out with a warning."""
    said = ctl.run("create", "-f", "-", "--validate=warn", given={**config_map(x="1"), "nonsense": 1})

    assert (said.code, said.out.strip()) == (0, "configmap/one created")
    assert said.err.strip() == 'Warning: unknown field "nonsense"'
    assert _data(api, space) == {"x": "1"}


def test_run_makes_a_pod(ctl: Kubectl) -> None:
    """`run` makes a pod."""
    # A scheduler that does not exist, so that nothing runs.
    override = '{"spec": {"schedulerName": "nobody"}}'
    words = ("run", "one", "--image=registry.example/app:1", f"--overrides={override}")

    assert ctl.does(*words) == "pod/one created"
    assert ctl.get("pod", "one")["metadata"]["labels"] == {"run": "one"}


def test_edit_writes_what_the_editor_leaves(api: Api, space: Space, ctl: Kubectl, tmp_path: Path) -> None:
    """`edit` patches what was changed in the editor."""
    space.config_map(x="1", y="1")

    printed = ctl.does("edit", "cm", "one", env=_editor(tmp_path, "s/x: .*/x: changed/"))

    assert printed == "configmap/one edited"
    assert _data(api, space) == {"x": "changed", "y": "1"}


def test_edit_of_nothing_writes_nothing(space: Space, ctl: Kubectl, tmp_path: Path) -> None:
    """An editor that changes nothing cancels."""
    space.config_map(x="1")

    said = ctl.run("edit", "cm", "one", env=_editor(tmp_path, ""))

    assert said.code == 0
    assert "Edit cancelled, no changes made." in said.err + said.out


def test_edit_takes_custom_objects(
    api: Api, space: Space, things: Object, ctl: Kubectl, tmp_path: Path
) -> None:
    """`edit` works for custom kinds, and for the status with `--subresource`."""
    space.made_thing(things, thing(things))
    path = f"{space.thing_path(things)}/one"
    api.patch(f"{path}/status", {"status": {"phase": "Busy"}})

    ctl.does("edit", _thing(things), env=_editor(tmp_path, "s/size: 1/size: 2/"))
    status = _editor(tmp_path, "s/phase: Busy/phase: Done/")
    ctl.does("edit", _thing(things), "--subresource=status", env=status)

    found = api.get(path).body
    assert (found["spec"]["size"], found["status"]["phase"]) == (2, "Done")


def _text(patch: object) -> str:
    return str(patch).replace("'", '"')


def test_patch_merges_by_type(api: Api, space: Space, ctl: Kubectl) -> None:
    """Without a type containers are merged by name, with `--type=merge` replaced."""
    space.made("statefulsets", statefulset())
    extra = {"name": "extra", "image": "registry.example/extra:1"}
    patch = _text({"spec": {"template": {"spec": {"containers": [extra]}}}})
    path = space.path("statefulsets", "one")

    def names() -> list[str]:
        spec = api.get(path).body["spec"]["template"]["spec"]
        return sorted(one["name"] for one in spec["containers"])

    assert ctl.does("patch", "sts", "one", "-p", patch) == "statefulset.apps/one patched"
    assert names() == ["extra", "main"]
    ctl.does("patch", "sts", "one", "--type=merge", "-p", patch)
    assert names() == ["extra"]


def test_patch_takes_operations(api: Api, space: Space, ctl: Kubectl) -> None:
    """`--type=json` carries out operations, or none of them."""
    space.config_map(x="1", y="1")
    good = [{"op": "replace", "path": "/data/x", "value": "2"}, {"op": "remove", "path": "/data/y"}]
    bad = [{"op": "test", "path": "/data/x", "value": "7"}, {"op": "remove", "path": "/data/x"}]

    ctl.does("patch", "cm", "one", "--type=json", "-p", _text(good))
    said = ctl.run("patch", "cm", "one", "--type=json", "-p", _text(bad))

    assert said.code == 1
    assert _data(api, space) == {"x": "2"}


def test_patch_tells_when_nothing_changes(space: Space, ctl: Kubectl) -> None:
    """A patch to what is there says so."""
    space.config_map(x="1")

    printed = ctl.does("patch", "cm", "one", "--type=merge", "-p", '{"data": {"x": "1"}}')

    assert printed == "configmap/one patched (no change)"


def test_custom_objects_have_no_strategic_patch(space: Space, things: Object, ctl: Kubectl) -> None:
    """The default type of patch is refused for custom kinds, with the types that there are."""
    space.made_thing(things, thing(things))

    said = ctl.run("patch", _thing(things), "-p", '{"spec": {"size": 2}}')

    assert said.code == 1
    assert f"strategic-merge-patch+json is not supported by {things['spec']['group']}/v1" in said.err
    assert "application/json-patch+json, application/merge-patch+json" in said.err


def test_patch_takes_subresources(api: Api, space: Space, things: Object, ctl: Kubectl) -> None:
    """`patch --subresource` writes status and scale only."""
    space.made_thing(things, thing(things))
    both = '{"spec": {"size": 5}, "status": {"phase": "Done"}}'

    ctl.does("patch", _thing(things), "--subresource=status", "--type=merge", "-p", both)
    ctl.does(
        "patch", _thing(things), "--subresource=scale", "--type=merge", "-p", '{"spec": {"replicas": 7}}'
    )

    found = api.get(f"{space.thing_path(things)}/one").body
    assert (found["spec"]["size"], found["status"]["phase"]) == (7, "Done")


def test_scale_scales(api: Api, space: Space, things: Object, ctl: Kubectl) -> None:
    """`scale` writes the number of replicas, wherever the kind has it."""
    space.made("statefulsets", statefulset())
    space.made_thing(things, thing(things))

    assert ctl.does("scale", "sts", "one", "--replicas=3") == "statefulset.apps/one scaled"
    ctl.does("scale", _thing(things), "--replicas=4")

    assert api.get(space.path("statefulsets", "one")).body["spec"]["replicas"] == 3
    assert api.get(f"{space.thing_path(things)}/one").body["spec"]["size"] == 4


def test_scale_checks_the_present_number(api: Api, space: Space, ctl: Kubectl) -> None:
    """`--current-replicas` scales only from that number."""
    space.made("statefulsets", statefulset(replicas=0))

    said = ctl.run("scale", "sts", "one", "--current-replicas=2", "--replicas=3")

    assert said.code == 1
    assert "Expected replicas to be 2, was 0" in said.err
    assert api.get(space.path("statefulsets", "one")).body["spec"]["replicas"] == 0


def test_delete_waits(api: Api, space: Space, ctl: Kubectl) -> None:
    """`delete` ends when the object is gone, and not while a finalizer holds it."""
    body = config_map()
    body["metadata"]["finalizers"] = ["fact.example.org/a"]
    space.made("configmaps", body)

    held = ctl.run("delete", "cm", "one", "--timeout=1s")
    with ctl.running("delete", "cm", "one") as running:
        running.lines(1)
        api.patch(space.path("configmaps", "one"), {"metadata": {"finalizers": None}})
        code = running.ends()

    assert held.code == 1
    assert "timed out waiting for the condition" in held.err
    assert code == 0
    assert api.get(space.path("configmaps", "one")).status == 404


def test_delete_need_not_wait(api: Api, space: Space, ctl: Kubectl) -> None:
    """`--wait=false` ends at once."""
    body = config_map()
    body["metadata"]["finalizers"] = ["fact.example.org/a"]
    space.made("configmaps", body)

    ctl.does("delete", "cm", "one", "--wait=false")

    assert api.get(space.path("configmaps", "one")).body["metadata"]["deletionTimestamp"]
    api.patch(space.path("configmaps", "one"), {"metadata": {"finalizers": None}})


def test_delete_selects(space: Space, ctl: Kubectl) -> None:
    """`delete -l` deletes what the selector takes, `--all` everything of a kind."""
    for name, color in (("a", "red"), ("b", "blue"), ("c", "red"), ("d", "blue")):
        space.made("secrets", secret(name, color=color))

    ctl.does("delete", "secrets", "-l", "color=red")
    assert ctl.does("get", "secrets", "-o", "name").split() == ["secret/b", "secret/d"]
    ctl.does("delete", "secrets", "--all")
    assert ctl.does("get", "secrets", "-o", "name") == ""


def test_delete_of_nothing_fails(ctl: Kubectl) -> None:
    """An absent object is an error, unless `--ignore-not-found` is given."""
    assert ctl.run("delete", "secret", "none").code == 1
    assert ctl.does("delete", "secret", "none", "--ignore-not-found") == ""


def test_delete_can_orphan(api: Api, space: Space, ctl: Kubectl) -> None:
    """`--cascade=orphan` leaves dependents, `--cascade=foreground` waits for them."""
    for name, policy in (("a", "orphan"), ("b", "foreground")):
        owner = space.config_map(name)["metadata"]["uid"]
        child = config_map(f"{name}-child")
        reference = {"apiVersion": "v1", "kind": "ConfigMap", "name": name, "uid": owner}
        child["metadata"]["ownerReferences"] = [{**reference, "blockOwnerDeletion": True}]
        space.made("configmaps", child)
        ctl.does("delete", "cm", name, f"--cascade={policy}")

    assert api.get(space.path("configmaps", "a-child")).status == 200
    assert api.get(space.path("configmaps", "b-child")).status == 404


def test_pods_are_deleted_by_force(api: Api, space: Space, ctl: Kubectl) -> None:
    """`--force` removes a pod that no kubelet lets go."""
    body = pod()
    body["spec"]["nodeName"] = "no-such-node"
    space.made("pods", body)

    said = ctl.run("delete", "pod", "one", "--force", "--grace-period=0")

    assert said.code == 0
    assert api.get(space.path("pods", "one")).status == 404


def test_label_and_annotate(api: Api, space: Space, ctl: Kubectl) -> None:
    """Labels and annotations are added, changed with `--overwrite` only, and removed."""
    space.config_map()

    for verb in ("label", "annotate"):
        ctl.does(verb, "cm", "one", "a=1", "b=2")
        refused = ctl.run(verb, "cm", "one", "a=3")
        ctl.does(verb, "cm", "one", "--overwrite", "a=3", "b-")

        assert refused.code == 1
        assert "--overwrite is false" in refused.err

    details = api.get(space.path("configmaps", "one")).body["metadata"]
    assert (details["labels"], details["annotations"]) == ({"a": "3"}, {"a": "3"})


def test_replace_replaces(api: Api, space: Space, ctl: Kubectl) -> None:
    """`replace` writes the whole object, and refuses a stale one."""
    stale = space.config_map(x="1", y="1")

    ctl.does("replace", "-f", "-", given=config_map(x="2"))
    said = ctl.run("replace", "-f", "-", given=stale)

    assert _data(api, space) == {"x": "2"}
    assert said.code == 1
    assert "the object has been modified" in said.err


def test_replace_can_make_anew(api: Api, space: Space, ctl: Kubectl) -> None:
    """`replace --force` deletes the object and creates it again."""
    old = space.config_map(x="1")["metadata"]["uid"]

    ctl.does("replace", "--force", "-f", "-", given=config_map(x="2"))

    found = api.get(space.path("configmaps", "one")).body
    assert found["data"] == {"x": "2"}
    assert found["metadata"]["uid"] != old


def test_set_changes_images(api: Api, space: Space, ctl: Kubectl) -> None:
    """`set image` and `set env` change one container of a template."""
    space.made("statefulsets", statefulset())

    ctl.does("set", "image", "sts/one", "main=registry.example/app:2")
    ctl.does("set", "env", "sts/one", "A=b")

    (container,) = api.get(space.path("statefulsets", "one")).body["spec"]["template"]["spec"]["containers"]
    assert container["image"] == "registry.example/app:2"
    assert container["env"] == [{"name": "A", "value": "b"}]


def test_rollout_restart_marks_the_template(api: Api, space: Space, ctl: Kubectl) -> None:
    """`rollout restart` changes nothing of a template but an annotation."""
    before = space.made("statefulsets", statefulset())["spec"]["template"]

    ctl.does("rollout", "restart", "sts", "one")

    template = api.get(space.path("statefulsets", "one")).body["spec"]["template"]
    notes = template["metadata"].pop("annotations")
    assert list(notes) == ["kubectl.kubernetes.io/restartedAt"]
    assert template["spec"] == before["spec"]


def test_rollout_status_waits_for_the_controller(api: Api, space: Space, ctl: Kubectl) -> None:
    """`rollout status` ends when the status speaks of the present generation and all are ready."""
    made = space.made("statefulsets", statefulset(replicas=0))
    with ctl.running("rollout", "status", "sts", "one", "--timeout=15s") as running:
        # What the controller says of a StatefulSet without replicas, if there is a controller.
        status = {"observedGeneration": made["metadata"]["generation"], "replicas": 0}
        api.patch(f"{space.path('statefulsets', 'one')}/status", {"status": status})

        assert running.ends() == 0


def test_a_namespace_goes_with_its_content(api: Api, namespace_name: str, ctl: Kubectl) -> None:
    """`delete namespace` ends when it and all that was in it are gone."""
    name = f"{namespace_name}-two"
    ctl.does("create", "namespace", name)
    ctl.does("create", "configmap", "one", "-n", name)

    ctl.does("delete", "namespace", name, "--timeout=50s")

    assert api.get(f"/api/v1/namespaces/{name}").status == 404


def test_a_kind_is_defined(space: Space, ctl: Kubectl) -> None:
    """A CustomResourceDefinition is applied, waited for, used, and takes its objects along."""
    definition = thing_definition(f"k{secrets.token_hex(4)}.example.org")
    name = definition["metadata"]["name"]
    try:
        ctl.does("apply", "-f", "-", given=definition)
        ctl.does("wait", f"crd/{name}", "--for=condition=Established", "--timeout=15s")
        ctl.does("apply", "-f", "-", given=thing(definition))
        rows = ctl.run("get", "crd", name).rows

        assert rows[0] == ["NAME", "CREATED", "AT"]
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", rows[1][1])
    finally:
        ctl.does("delete", "crd", name, "--ignore-not-found")

    assert ctl.run("get", name).code == 1


def test_server_side_apply_defines_a_kind(space: Space, ctl: Kubectl) -> None:
    """The same by server-side apply, twice."""
    definition = thing_definition(f"k{secrets.token_hex(4)}.example.org")
    name = definition["metadata"]["name"]
    try:
        for _ in range(2):
            printed = ctl.does("apply", "--server-side", "-f", "-", given=definition)
            assert printed == f"customresourcedefinition.apiextensions.k8s.io/{name} serverside-applied"
        ctl.does("wait", f"crd/{name}", "--for=condition=Established", "--timeout=15s")
    finally:
        ctl.does("delete", "crd", name, "--ignore-not-found")
