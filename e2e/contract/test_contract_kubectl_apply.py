"""Facts about kubectl's apply, on the client and on the server."""

from __future__ import annotations

from collections.abc import Mapping

from e2e.contract.client import Api, Object
from e2e.contract.kubectl import Kubectl
from e2e.contract.objects import Space, config_map, statefulset, thing


def _data(api: Api, space: Space) -> Mapping[str, str]:
    found: Mapping[str, str] = api.get(space.path("configmaps", "one")).body.get("data", {})
    return found


def test_apply_creates_and_changes(api: Api, space: Space, ctl: Kubectl) -> None:
    """`apply` creates, changes what is different, and leaves alone what is not."""
    first = ctl.does("apply", "-f", "-", given=config_map(x="1"))
    second = ctl.does("apply", "-f", "-", given=config_map(x="1"))
    third = ctl.does("apply", "-f", "-", given=config_map(x="2"))

    assert (first, second, third) == (
        "configmap/one created",
        "configmap/one unchanged",
        "configmap/one configured",
    )
    assert _data(api, space) == {"x": "2"}


def test_apply_removes_what_it_had_applied(api: Api, space: Space, ctl: Kubectl) -> None:
    """What is no longer in the file goes; what others added stays."""
    ctl.does("apply", "-f", "-", given=config_map(x="1", y="1"))
    api.patch(space.path("configmaps", "one"), {"data": {"z": "1"}})

    ctl.does("apply", "-f", "-", given=config_map(x="1"))

    assert _data(api, space) == {"x": "1", "z": "1"}


def test_apply_merges_containers(api: Api, space: Space, ctl: Kubectl) -> None:
    """`apply` of a StatefulSet keeps containers that somebody else has added."""
    ctl.does("apply", "-f", "-", given=statefulset())
    extra = {"name": "extra", "image": "registry.example/extra:1"}
    patch = {"spec": {"template": {"spec": {"containers": [extra]}}}}
    ctl.does("patch", "sts", "one", "-p", _text(patch))

    ctl.does("apply", "-f", "-", given=statefulset(minReadySeconds=5))

    spec = api.get(space.path("statefulsets", "one")).body["spec"]
    assert spec["minReadySeconds"] == 5
    assert sorted(one["name"] for one in spec["template"]["spec"]["containers"]) == ["extra", "main"]


def test_apply_takes_custom_objects(api: Api, space: Space, things: Object, ctl: Kubectl) -> None:
    """`apply` works for custom kinds, too, and removes what is no longer in the file."""
    ctl.does("apply", "-f", "-", given=thing(things, size=1, word="abc"))

    ctl.does("apply", "-f", "-", given=thing(things, size=2))

    spec = api.get(f"{space.thing_path(things)}/one").body["spec"]
    assert spec == {"size": 2, "mode": "a", "inner": {"x": "y"}}


def test_apply_takes_several_objects(space: Space, ctl: Kubectl) -> None:
    """One file may hold several objects, also as a list."""
    items = [config_map("a"), config_map("b")]

    printed = ctl.does("apply", "-f", "-", given={"apiVersion": "v1", "kind": "List", "items": items})

    assert printed.splitlines() == ["configmap/a created", "configmap/b created"]


def test_apply_reads_yaml(api: Api, space: Space, ctl: Kubectl) -> None:
    """Files may be YAML, with server-side apply too."""
    text = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: one\ndata:\n  x: '{}'\n"

    ctl.does("apply", "-f", "-", given=text.format(1))
    ctl.does("apply", "-f", "-", "--server-side", "--force-conflicts", given=text.format(2))

    assert _data(api, space) == {"x": "2"}


def test_apply_shows_invalid_values(things: Object, ctl: Kubectl) -> None:
    """What the schema refuses is an error that names the field."""
    said = ctl.run("apply", "-f", "-", given=thing(things, size=77))

    assert said.code == 1
    assert "spec.size: Invalid value: 77: spec.size in body should be less than or equal to 9" in said.err


def test_apply_can_be_tried_out(api: Api, space: Space, ctl: Kubectl) -> None:
    """`--dry-run=server` says what would be done, and does not do it."""
    printed = ctl.does("apply", "-f", "-", "--dry-run=server", given=config_map(x="1"))

    assert printed == "configmap/one created (server dry run)"
    assert api.get(space.path("configmaps", "one")).status == 404


def test_apply_on_the_server(api: Api, space: Space, ctl: Kubectl) -> None:
    """`apply --server-side` creates and changes as its manager."""
    words = ("apply", "--server-side", "--field-manager=me", "-f", "-")

    assert ctl.does(*words, given=config_map(x="1")) == "configmap/one serverside-applied"
    ctl.does(*words, given=config_map(x="2"))

    found = api.get(space.path("configmaps", "one")).body
    assert found["data"] == {"x": "2"}
    assert [one["manager"] for one in found["metadata"]["managedFields"]] == ["me"]


def test_apply_on_the_server_tells_conflicts(api: Api, space: Space, ctl: Kubectl) -> None:
    """A field that another manager owns is an error that names both, until it is forced."""
    words = ("apply", "--server-side", "-f", "-")
    ctl.does(*words, "--field-manager=first", given=config_map(x="1"))

    said = ctl.run(*words, "--field-manager=second", given=config_map(x="2"))

    assert said.code == 1
    assert 'Apply failed with 1 conflict: conflict with "first": .data.x' in said.err
    assert _data(api, space) == {"x": "1"}

    ctl.does(*words, "--field-manager=second", "--force-conflicts", given=config_map(x="2"))
    assert _data(api, space) == {"x": "2"}


def test_apply_moves_to_the_server(api: Api, space: Space, ctl: Kubectl) -> None:
    """After `apply` without it `apply --server-side` takes over, removals included."""
    ctl.does("apply", "-f", "-", given=config_map(x="1", y="1"))

    ctl.does("apply", "--server-side", "-f", "-", given=config_map(x="1"))

    assert _data(api, space) == {"x": "1"}


def test_diff_shows_changes(ctl: Kubectl) -> None:
    """`diff` prints what an apply would change and ends with 1, with 0 if that is nothing."""
    ctl.does("apply", "-f", "-", given=config_map(x="1"))

    same = ctl.run("diff", "-f", "-", given=config_map(x="1"))
    other = ctl.run("diff", "-f", "-", given=config_map(x="2"))

    assert (same.code, same.out) == (0, "")
    assert other.code == 1
    assert {'-  x: "1"', '+  x: "2"'} <= set(other.out.splitlines())


def _text(patch: object) -> str:
    return str(patch).replace("'", '"')
