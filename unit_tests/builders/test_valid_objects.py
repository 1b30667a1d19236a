"""Whatever a user may ask for, what is built is valid."""

from __future__ import annotations

import copy
from typing import Any

from hypothesis import assume, given, settings
from hypothesis import strategies as st
import kubernetes_validate  # type: ignore[import-untyped] # the package has no types

from controller.api.v2 import effective
from controller.api.v2.codec import decode_cluster
from controller.api.v2.defaults import with_defaults
from controller.api.v2.problems import InvalidClusterError
from controller.builders.context import Images, Kept
from controller.builders.networkpolicy import build_network_policy
from controller.builders.pdb import build_pdb
from controller.builders.ring import build_ring_configmap
from controller.builders.service import build_services
from controller.builders.statefulset import build_statefulset
from controller.domain.admission import validate
from unit_tests import strategies

Json = dict[str, Any]

OWN = Images(own="example.org/casskop:1")
# Reading the official schemas takes most of the time.
few = settings(max_examples=25)


@st.composite
def built(draw: st.DrawFn, revisions: tuple[int, ...] = (0, 1)) -> tuple[Json, Json]:
    """Draw a valid cluster, and build one rack of it."""
    obj = draw(strategies.clusters)
    revision = draw(st.sampled_from(revisions))
    cluster = decode_cluster(obj)
    dc, rack = draw(st.sampled_from(list(effective.racks(with_defaults(cluster, revision=revision)))))
    statefulset = build_statefulset(
        cluster,
        dc.name,
        rack.name,
        replicas=draw(st.integers(0, 5)),
        seeds=["a"],
        revision=revision,
        images=OWN,
    )
    return obj, statefulset


def containers(statefulset: Json) -> list[Json]:
    """Return all containers, init containers among them."""
    pod = statefulset["spec"]["template"]["spec"]
    return [*pod["initContainers"], *pod["containers"]]


@given(strategies.clusters)
def test_the_clusters_that_are_drawn_have_no_problems(obj: Json) -> None:
    """Else the other properties would say nothing."""
    assert validate(decode_cluster(obj)) == ()


@few
@given(built())
def test_statefulsets_are_of_the_official_schema(pair: tuple[Json, Json]) -> None:
    """Strictly: no member that Kubernetes does not know."""
    kubernetes_validate.validate(pair[1], "1.34", strict=True)


@few
@given(strategies.clusters, st.sampled_from([0, 1]))
def test_shared_objects_are_of_the_official_schema(obj: Json, revision: int) -> None:
    """Strictly."""
    cluster = decode_cluster(obj)
    for made in (
        *build_services(cluster, revision=revision),
        build_pdb(cluster, revision=revision),
        build_ring_configmap(cluster, ["a"]),
        build_network_policy(cluster, operator="elsewhere"),
    ):
        kubernetes_validate.validate(made, "1.34", strict=True)


@given(built())
def test_pods_are_sound(pair: tuple[Json, Json]) -> None:
    """What a StatefulSet takes and a pod refuses: unknown volumes, one path twice, one name twice."""
    statefulset = pair[1]
    claims = {claim["metadata"]["name"] for claim in statefulset["spec"].get("volumeClaimTemplates", [])}
    volumes = [volume["name"] for volume in statefulset["spec"]["template"]["spec"]["volumes"]]
    names = [container["name"] for container in containers(statefulset)]

    assert len(volumes) == len(set(volumes))
    assert not claims & set(volumes)
    assert len(names) == len(set(names))
    for container in containers(statefulset):
        mounts = container.get("volumeMounts", [])
        assert {mount["name"] for mount in mounts} <= claims | set(volumes)
        assert len({mount["mountPath"] for mount in mounts}) == len(mounts)


@given(built(revisions=(1,)))
def test_new_pods_are_restricted(pair: tuple[Json, Json]) -> None:
    """The Pod Security Standard "restricted" is met by each container, the user's sidecars too."""
    pod = pair[1]["spec"]["template"]["spec"]

    assert not any(pod.get(name) for name in ("hostNetwork", "hostPID", "hostIPC"))
    assert {kind for volume in pod["volumes"] for kind in volume} <= {
        "name",
        "emptyDir",
        "configMap",
        "projected",
    }
    assert pod["securityContext"]["runAsUser"] > 0
    for container in containers(pair[1]):
        context = container["securityContext"]
        assert context["allowPrivilegeEscalation"] is False
        assert context["runAsNonRoot"] is True
        assert context["seccompProfile"] == {"type": "RuntimeDefault"}
        assert context["capabilities"]["drop"] == ["ALL"]
        assert set(context["capabilities"].get("add", [])) <= {"NET_BIND_SERVICE"}
        variables = [variable["name"] for variable in container.get("env", [])]
        assert len(variables) == len(set(variables))


@given(strategies.clusters, st.sampled_from([0, 1]), st.data())
def test_building_is_deterministic_and_stable(obj: Json, revision: int, data: st.DataObject) -> None:
    """Equal input gives equal objects, the input stays as it was, and so does what is kept."""
    before = copy.deepcopy(obj)
    cluster = decode_cluster(obj)
    dc, rack = data.draw(st.sampled_from(list(effective.racks(with_defaults(cluster, revision=revision)))))

    def build(kept: Kept) -> Json:
        return build_statefulset(
            decode_cluster(obj),
            dc.name,
            rack.name,
            replicas=1,
            seeds=["a"],
            revision=revision,
            images=OWN,
            kept=kept,
        )

    made = build(Kept())

    assert build(Kept()) == made
    assert build(Kept.of(made)) == made
    assert obj == before


@few
@given(strategies.mangled_clusters())
def test_what_is_accepted_can_be_built(obj: Json) -> None:
    """Admission lets nothing through that the builders or Kubernetes' schemas stumble over."""
    try:
        cluster = decode_cluster(obj)
    except InvalidClusterError:
        return
    assume(validate(cluster) == ())
    for revision in (0, 1):
        dc, rack = next(effective.racks(with_defaults(cluster, revision=revision)))
        made = build_statefulset(
            cluster, dc.name, rack.name, replicas=1, seeds=["a"], revision=revision, images=OWN
        )
        kubernetes_validate.validate(made, "1.34")
