"""Which field is to be looked at when a container ends again and again."""

from __future__ import annotations

import pytest

from controller.domain.observed import Container, Pod
from controller.domain.trouble import diagnose
from unit_tests.domain.obedient import LONG_AGO, NOW, desired


@pytest.mark.parametrize(
    ("container", "out_of_memory", "path", "words"),
    [
        ("cassandra", True, "spec.resources.limits.memory", "more memory than its limit"),
        ("cassandra", False, "spec.config", "Invalid yaml"),
        ("backrest-sidecar", True, "spec.resources.limits.memory", "more memory than its limit"),
        ("mine", True, "spec.sidecarConfigs", "more memory than its limit"),
        ("mine", False, "spec.sidecarConfigs", "Invalid yaml"),
    ],
)
def test_the_field_to_look_at(container: str, path: str, words: str, *, out_of_memory: bool) -> None:
    """Who is killed for its memory has written nothing of it: its limit is named, not the configuration."""
    ended = Container(
        name=container,
        reason="CrashLoopBackOff",
        exit_code=137,
        restarts=2,
        last_words="Invalid yaml",
        out_of_memory=out_of_memory,
    )
    (rack,) = desired((1,)).racks
    pod = Pod(
        name="demo-dc1-rack0-0",
        uid="u",
        ordinal=0,
        phase="Running",
        ip=None,
        node="n",
        revision="t1",
        created=LONG_AGO,
        containers=(ended,),
    )

    found = diagnose(pod, rack, NOW)

    assert found is not None
    assert (found.reason, found.path) == ("ContainerCrashes", path)
    assert words in found.why
    assert path in found.why
