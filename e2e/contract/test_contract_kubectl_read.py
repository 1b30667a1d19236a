"""Facts about reading with kubectl: get, describe, explain, wait."""

from __future__ import annotations

import re
from typing import Any

from e2e.contract.client import Api, Object
from e2e.contract.kubectl import Kubectl
from e2e.contract.objects import Space, event, pod, secret, statefulset, thing


def _plural(things: Object) -> str:
    return str(things["metadata"]["name"])


def _made(space: Space, things: Object, **spec: Any) -> Object:
    return space.made_thing(things, thing(things, **spec))


def test_get_prints_a_table(space: Space, ctl: Kubectl) -> None:
    """`get` prints the columns of the kind and a row for each object."""
    space.made("secrets", secret("a"))
    space.made("secrets", secret("b"))

    rows = ctl.run("get", "secrets").rows

    assert rows[0] == ["NAME", "TYPE", "DATA", "AGE"]
    assert [row[:3] for row in rows[1:]] == [["a", "Opaque", "1"], ["b", "Opaque", "1"]]
    assert all(re.fullmatch(r"\d+s", row[3]) for row in rows[1:])


def test_get_wide_prints_more(space: Space, ctl: Kubectl) -> None:
    """`get -o wide` adds the columns that are left out else."""
    space.made("statefulsets", statefulset())

    narrow, wide = ctl.run("get", "sts").rows, ctl.run("get", "sts", "-o", "wide").rows

    assert narrow[0] == ["NAME", "READY", "AGE"]
    assert wide[0] == ["NAME", "READY", "AGE", "CONTAINERS", "IMAGES"]
    assert [wide[1][0], wide[1][1], *wide[1][3:]] == ["one", "0/0", "main", "registry.example/app:1"]


def test_get_prints_other_forms(space: Space, ctl: Kubectl) -> None:
    """`-o name`, `-o jsonpath`, `-o custom-columns` and `-o json` take objects, not tables."""
    space.config_map(x="1")

    assert ctl.does("get", "cm", "one", "-o", "name") == "configmap/one"
    assert ctl.does("get", "cm", "one", "-o", "jsonpath={.data.x}") == "1"
    columns = "N:.metadata.name,X:.data.x"
    assert ctl.run("get", "cm/one", "-o", f"custom-columns={columns}").rows == [["N", "X"], ["one", "1"]]
    assert ctl.get("configmap", "one")["data"] == {"x": "1"}


def test_get_selects(space: Space, ctl: Kubectl) -> None:
    """`-l` and `--field-selector` choose."""
    for name, color in (("a", "red"), ("b", "blue"), ("c", "red")):
        space.made("secrets", secret(name, color=color))

    red = ctl.does("get", "secrets", "-l", "color=red", "-o", "name")
    named = ctl.does("get", "secrets", "--field-selector=metadata.name=b", "-o", "name")

    assert red.split() == ["secret/a", "secret/c"]
    assert named == "secret/b"


def test_get_reads_in_pages(space: Space, ctl: Kubectl) -> None:
    """`--chunk-size` gives everything all the same."""
    for index in range(7):
        space.made("secrets", secret(f"s{index}"))

    printed = ctl.does("get", "secrets", "--chunk-size=3", "-o", "name")

    assert printed.split() == [f"secret/s{index}" for index in range(7)]


def test_get_takes_several_kinds(space: Space, ctl: Kubectl) -> None:
    """`get secrets,sts` prints a table a kind, with the kind before each name."""
    space.made("secrets", secret("a"))
    space.made("statefulsets", statefulset("b"))

    rows = ctl.run("get", "secrets,sts").rows

    assert [row[0] for row in rows] == ["NAME", "secret/a", "NAME", "statefulset.apps/b"]


def test_get_over_all_namespaces(space: Space, ctl: Kubectl) -> None:
    """`-A` prints the namespace, too."""
    space.made("secrets", secret("a", space=space.name))

    rows = ctl.run("get", "secrets", "-A", "-l", f"space={space.name}").rows

    assert rows[0][:2] == ["NAMESPACE", "NAME"]
    assert [row[:2] for row in rows[1:]] == [[space.name, "a"]]


def test_get_all_takes_a_category(space: Space, ctl: Kubectl) -> None:
    """`get all` prints the kinds of that category, StatefulSets and pods among them."""
    space.made("statefulsets", statefulset("a"))
    space.made("pods", pod("b"))
    space.made("secrets", secret("c"))

    printed = ctl.does("get", "all", "-o", "name").split()

    assert {"statefulset.apps/a", "pod/b"} <= set(printed)
    assert "secret/c" not in printed


def test_get_of_nothing_fails(ctl: Kubectl) -> None:
    """An absent object is an error with its name, unless `--ignore-not-found` is given."""
    said = ctl.run("get", "secret", "none")

    assert (said.code, said.out) == (1, "")
    assert said.err.strip() == 'Error from server (NotFound): secrets "none" not found'
    assert ctl.does("get", "secret", "none", "--ignore-not-found") == ""


def test_get_of_an_empty_kind(space: Space, ctl: Kubectl) -> None:
    """A kind without objects is no error."""
    said = ctl.run("get", "secrets")

    assert said.code == 0
    assert said.err.strip() == f"No resources found in {space.name} namespace."


def test_get_of_an_unknown_kind_fails(ctl: Kubectl) -> None:
    """A kind that the server does not have is an error with its name."""
    said = ctl.run("get", "nothings")

    assert said.code == 1
    assert 'the server doesn\'t have a resource type "nothings"' in said.err


def test_get_watches(api: Api, space: Space, ctl: Kubectl) -> None:
    """`get -w` prints what is, and a row for each change."""
    space.made("statefulsets", statefulset(replicas=0))
    with ctl.running("get", "sts", "-w") as running:
        running.lines(2)
        patch = {"spec": {"replicas": 1}}
        api.patch(space.path("statefulsets", "one"), patch)
        lines = running.lines(3)

    assert [line.split()[:2] for line in lines] == [["NAME", "READY"], ["one", "0/0"], ["one", "0/1"]]


def test_get_watches_deletions(api: Api, space: Space, ctl: Kubectl) -> None:
    """`get -w --output-watch-events` tells the type of each event."""
    with ctl.running("get", "secrets", "-w", "--output-watch-events") as running:
        space.made("secrets", secret("a"))
        running.lines(2)
        api.delete(space.path("secrets", "a"))
        lines = running.lines(3)

    assert [line.split()[:2] for line in lines] == [["EVENT", "NAME"], ["ADDED", "a"], ["DELETED", "a"]]


def test_custom_columns_of_a_kind(space: Space, things: Object, ctl: Kubectl) -> None:
    """A custom kind prints its additionalPrinterColumns, those with a priority with -o wide only."""
    _made(space, things, size=3)

    narrow = ctl.run("get", _plural(things)).rows
    wide = ctl.run("get", _plural(things), "-o", "wide").rows

    assert narrow[0] == ["NAME", "SIZE", "PHASE", "AGE"]
    # A column without a value is blank.
    assert narrow[1][:2] == ["one", "3"]
    assert wide[0] == ["NAME", "SIZE", "PHASE", "MODE", "AGE"]
    assert wide[1][:3] == ["one", "3", "a"]


def test_custom_kinds_have_other_names(space: Space, things: Object, ctl: Kubectl) -> None:
    """Short name, singular with group, and kind all name a custom kind."""
    _made(space, things)
    group = things["spec"]["group"]
    short = things["spec"]["names"]["shortNames"][0]

    for name in (short, f"thing.{group}", f"Thing.v1.{group}", f"things.{group}"):
        assert ctl.does("get", name, "-o", "name") == f"thing.{group}/one", name


def test_custom_objects_are_watched(api: Api, space: Space, things: Object, ctl: Kubectl) -> None:
    """`get -w` of a custom kind prints its columns again at each change."""
    _made(space, things, size=3)
    with ctl.running("get", _plural(things), "-w") as running:
        running.lines(2)
        api.patch(f"{space.thing_path(things)}/one/status", {"status": {"phase": "Done"}})
        lines = running.lines(3)

    assert lines[2].split()[:3] == ["one", "3", "Done"]


def test_describe_prints_a_custom_object_with_events(space: Space, things: Object, ctl: Kubectl) -> None:
    """`describe` prints the object's fields and the events about it, found by its uid."""
    made = _made(space, things, size=3)
    space.made("events", event(made, "Grown", "It has size 3 now."))
    other = {**made, "metadata": {**made["metadata"], "uid": "another"}}
    space.made("events", event(other, "Shrunk", "This is about somebody else."))

    printed = ctl.does("describe", _plural(things), "one")

    fields = dict(line.split(":", 1) for line in printed.splitlines() if ":" in line)
    assert fields["Name"].strip() == "one"
    assert fields["API Version"].strip() == made["apiVersion"]
    assert fields["  Size"].strip() == "3"
    last = printed.splitlines()[-1].split(maxsplit=4)
    assert (last[0], last[1], last[3], last[4]) == ("Normal", "Grown", "fact", "It has size 3 now.")
    assert "Shrunk" not in printed


def test_describe_prints_a_statefulset(space: Space, ctl: Kubectl) -> None:
    """`describe` of a StatefulSet prints its numbers and its template."""
    space.made("statefulsets", statefulset())

    printed = ctl.does("describe", "sts", "one")

    assert re.search(r"^Replicas: +0 desired \| 0 total$", printed, re.MULTILINE)
    assert re.search(r"^ +Image: +registry.example/app:1$", printed, re.MULTILINE)


def test_describe_prints_a_pod(space: Space, ctl: Kubectl) -> None:
    """`describe` of a pod prints its phase and its events."""
    made = space.made("pods", pod())
    space.made("events", event(made, "Waiting", "Nobody takes it."))

    printed = ctl.does("describe", "pod", "one")

    assert re.search(r"^Status: +Pending$", printed, re.MULTILINE)
    assert re.search(r"Normal +Waiting .* fact +Nobody takes it\.$", printed)


def test_events_are_listed_for_an_object(space: Space, ctl: Kubectl) -> None:
    """`kubectl events --for` lists the events about one object."""
    made = space.made("pods", pod())
    space.made("events", event(made, "Waiting", "Nobody takes it."))
    space.made("events", event(space.made("pods", pod("two")), "Other", "Of another pod."))

    rows = ctl.run("events", "--for=pod/one").rows

    assert rows[0] == ["LAST", "SEEN", "TYPE", "REASON", "OBJECT", "MESSAGE"]
    assert [row[2:4] for row in rows[1:]] == [["Waiting", "Pod/one"]]


def test_explain_shows_fields(ctl: Kubectl) -> None:
    """`explain` names the type of a field of Kubernetes' own kinds."""
    printed = ctl.does("explain", "statefulset.spec.template.spec.containers.image")

    head = [line.split() for line in printed.splitlines() if line.strip()][:4]
    assert head == [
        ["GROUP:", "apps"],
        ["KIND:", "StatefulSet"],
        ["VERSION:", "v1"],
        ["FIELD:", "image", "<string>"],
    ]


def test_explain_lists_what_is_below(ctl: Kubectl) -> None:
    """`explain` lists the fields of an object, and marks those that are required."""
    printed = ctl.does("explain", "lease.spec")

    assert re.search(r"^  holderIdentity\t<string>$", printed, re.MULTILINE)
    printed = ctl.does("explain", "sts.spec")
    assert re.search(r"^  template\t<PodTemplateSpec> -required-$", printed, re.MULTILINE)


def test_explain_shows_custom_fields(things: Object, ctl: Kubectl) -> None:
    """`explain` of a custom kind shows types and descriptions of its schema."""
    printed = ctl.does("explain", f"{_plural(things)}.spec.size")

    assert "FIELD: size <integer>" in printed
    assert "How big it is." in printed


def test_explain_of_no_field_fails(ctl: Kubectl) -> None:
    """A field that a kind does not have is an error."""
    said = ctl.run("explain", "sts.spec.nonsense")

    assert said.code == 1
    assert 'field "nonsense" does not exist' in said.err


def test_api_resources_lists_kinds(things: Object, ctl: Kubectl) -> None:
    """`api-resources` prints names, group, scope and kind of Kubernetes' own kinds and custom ones."""
    group = things["spec"]["group"]
    short = things["spec"]["names"]["shortNames"][0]

    own = ctl.run("api-resources", "--api-group=policy", "--no-headers").rows
    custom = ctl.run("api-resources", f"--api-group={group}", "--no-headers").rows

    assert own == [["poddisruptionbudgets", "pdb", "policy/v1", "true", "PodDisruptionBudget"]]
    assert custom == [["things", short, f"{group}/v1", "true", "Thing"]]


def test_api_versions_lists_groups(things: Object, ctl: Kubectl) -> None:
    """`api-versions` lists what is served, custom groups too."""
    printed = ctl.does("api-versions").split()

    assert {"v1", "apps/v1", f"{things['spec']['group']}/v1"} <= set(printed)


def test_version_names_the_server(ctl: Kubectl) -> None:
    """`version` prints the server's version."""
    assert re.search(r"^Server Version: v1\.\d+", ctl.does("version"), re.MULTILINE)


def test_the_administrator_may_do_anything(ctl: Kubectl) -> None:
    """`auth can-i` says yes to whom everything is allowed."""
    assert ctl.does("auth", "can-i", "create", "pods") == "yes"
    assert ctl.does("auth", "can-i", "patch", "statefulsets.apps", "--subresource=status") == "yes"


def test_subresources_are_read(space: Space, ctl: Kubectl) -> None:
    """`get --subresource` reads status and scale."""
    space.made("statefulsets", statefulset(replicas=2))

    scale = ctl.get("sts", "one", "--subresource=scale")
    status = ctl.get("sts", "one", "--subresource=status")

    assert (scale["kind"], scale["spec"]) == ("Scale", {"replicas": 2})
    assert status["kind"] == "StatefulSet"


def test_wait_waits_for_a_condition(api: Api, space: Space, things: Object, ctl: Kubectl) -> None:
    """`wait --for=condition` ends when the condition is met."""
    _made(space, things)
    words = ("wait", f"{_plural(things)}/one", "--for=condition=Ready", "--timeout=15s")
    with ctl.running(*words) as running:
        status = {"conditions": [{"type": "Ready", "status": "True"}]}
        api.patch(f"{space.thing_path(things)}/one/status", {"status": status})
        said = running.lines(1)

        assert running.ends() == 0
    assert said == [f"thing.{things['spec']['group']}/one condition met"]


def test_wait_waits_for_a_value(api: Api, space: Space, things: Object, ctl: Kubectl) -> None:
    """`wait --for=jsonpath` ends when the field has the value."""
    _made(space, things)
    words = ("wait", f"{_plural(things)}/one", "--for=jsonpath={.status.phase}=Done", "--timeout=15s")
    with ctl.running(*words) as running:
        api.patch(f"{space.thing_path(things)}/one/status", {"status": {"phase": "Busy"}})
        api.patch(f"{space.thing_path(things)}/one/status", {"status": {"phase": "Done"}})

        assert running.ends() == 0


def test_wait_waits_for_the_end(api: Api, space: Space, ctl: Kubectl) -> None:
    """`wait --for=delete` ends when the object is gone."""
    space.made("secrets", secret("a"))
    with ctl.running("wait", "secret/a", "--for=delete", "--timeout=15s") as running:
        api.delete(space.path("secrets", "a"))

        assert running.ends() == 0


def test_wait_gives_up(space: Space, things: Object, ctl: Kubectl) -> None:
    """`wait` ends with an error after its time."""
    _made(space, things)

    said = ctl.run("wait", f"{_plural(things)}/one", "--for=condition=Ready", "--timeout=1s")

    assert said.code == 1
    assert "timed out waiting for the condition" in said.err
