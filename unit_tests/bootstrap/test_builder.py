"""`casskop config-builder` as a program: what it reads, what it writes, and how it ends when it cannot."""

from __future__ import annotations

import json
import os
from pathlib import Path
import subprocess
import sys
from typing import Any

import attrs
import pytest
import yaml

from controller.api.v2 import effective
from controller.api.v2.codec import decode_cluster
from controller.api.v2.defaults import with_defaults
from controller.api.v2.revision import Revision
from controller.bootstrap.config import run
from controller.bootstrap.render import MARK
from controller.builders import config
from unit_tests.bootstrap.imagefiles import IMAGES, INFO, flags

ORIGINALS = ".casskop/originals"


@attrs.define
class Builder:
    """The init container `config-builder`, after `base-config-builder` has copied the image's files."""

    root: Path
    image: str = "5.0"
    said: list[str] = attrs.field(factory=list)

    def __attrs_post_init__(self) -> None:
        self.folder.mkdir(parents=True)
        self.termination_log.touch()
        self.copy_base()

    @property
    def folder(self) -> Path:
        """What is /bootstrap to it and /etc/cassandra to Cassandra."""
        return self.root / "bootstrap"

    @property
    def termination_log(self) -> Path:
        """The file that the kubelet puts there."""
        return self.root / "termination-log"

    def copy_base(self) -> None:
        """Do as base-config-builder does."""
        for name, text in IMAGES[self.image].items():
            (self.folder / name).write_text(text)
        (self.folder / "cassandra-topology.properties").write_text("default=DC1:r1\n")

    def environment(self, sections: dict[str, Any], **changes: str) -> dict[str, str]:
        """Return the container's variables."""
        return {
            "CONFIG_FILE_DATA": json.dumps(INFO | sections),
            "CONFIG_OUTPUT_DIRECTORY": str(self.folder),
            "RACK_NAME": "rack1",
            "PRODUCT_NAME": "cassandra",
            "PRODUCT_VERSION": self.image,
            "POD_IP": "10.0.0.7",
        } | changes

    def run(self, sections: dict[str, Any], **changes: str) -> int:
        """Run it; return the exit code."""
        return run(self.environment(sections, **changes), self.said.append, self.termination_log)

    def texts(self) -> dict[str, str]:
        """Return all files of the folder."""
        files = (file for file in sorted(self.folder.rglob("*")) if file.is_file())
        return {str(file.relative_to(self.folder)): file.read_text() for file in files}


@pytest.fixture
def builder(tmp_path: Path) -> Builder:
    """Return the container of a pod with Cassandra 5.0."""
    return Builder(tmp_path / "pod")


def test_it_writes_over_the_images_files_and_keeps_them(builder: Builder) -> None:
    """What it has nothing to say of stays untouched."""
    assert builder.run({"cassandra-yaml": {"num_tokens": 4}}) == 0

    texts = builder.texts()
    assert yaml.safe_load(texts["cassandra.yaml"])["num_tokens"] == 4
    assert texts[f"{ORIGINALS}/cassandra.yaml"] == IMAGES["5.0"]["cassandra.yaml"]
    assert texts["cassandra-topology.properties"] == "default=DC1:r1\n"
    assert texts["jvm-server.options"] == IMAGES["5.0"]["jvm-server.options"]
    assert builder.said == [
        "config-builder: Cassandra 5.0: wrote cassandra-rackdc.properties, cassandra.yaml\n"
    ]
    assert builder.termination_log.read_text() == ""


@pytest.mark.parametrize("image", IMAGES)
@pytest.mark.parametrize("copied_anew", [True, False])
def test_running_again_gives_the_same(tmp_path: Path, image: str, copied_anew: bool) -> None:  # noqa: FBT001 -- a column
    """Also where nobody has copied the image's files anew: nothing is merged twice."""
    builder = Builder(tmp_path / "pod", image=image)
    wish = {"jvm-options": {"max_heap_size": "1G", "additional-jvm-opts": ["-Da=b"]}}
    builder.run(wish)
    first = builder.texts()
    if copied_anew:
        builder.copy_base()
    assert builder.run(wish) == 0

    assert builder.texts() == first


def test_a_withdrawn_wish_leaves_no_trace(builder: Builder) -> None:
    """Each run starts from the image's own files."""
    builder.run({"cassandra-yaml": {"num_tokens": 4, "brand_new": 1}})
    builder.run({})

    read = yaml.safe_load(builder.texts()["cassandra.yaml"])
    assert read["num_tokens"] == 16
    assert "brand_new" not in read


def test_another_image_brings_its_own_files(builder: Builder) -> None:
    """The kept ones are those of the image that was copied last."""
    builder.run({})
    builder.image = "4.1"
    (builder.folder / "cassandra_latest.yaml").unlink()
    (builder.folder / "jvm17-server.options").unlink()
    builder.copy_base()
    builder.run({})

    assert builder.texts()[f"{ORIGINALS}/cassandra.yaml"] == IMAGES["4.1"]["cassandra.yaml"]


def test_problems_stop_it_before_it_writes(builder: Builder) -> None:
    """All of them in the log and in the pod's status; Cassandra's files are as they were."""
    before = {name: text for name, text in builder.texts().items() if not name.startswith(ORIGINALS)}
    code = builder.run({"cassandra_yaml": {}, "jvm-options": {"max_heap_size": "much"}})

    lines = builder.termination_log.read_text().splitlines()
    assert code == 1
    assert [line.split(":")[0] for line in lines] == ["cassandra_yaml", "jvm-options.max_heap_size"]
    assert builder.said == [f"config-builder: {line}\n" for line in lines]
    assert {name: text for name, text in builder.texts().items() if not name.startswith(ORIGINALS)} == before


def test_warnings_are_told_and_stop_nothing(builder: Builder) -> None:
    """In the container's log, with the path in CONFIG_FILE_DATA."""
    code = builder.run({"cassandra-yaml": {"enable_sasi_indexes": True}})

    assert code == 0
    assert builder.said[0] == (
        "config-builder: warning: cassandra-yaml.enable_sasi_indexes:"
        " Cassandra 5.0 says sasi_indexes_enabled: True\n"
    )


def test_a_folder_without_an_images_files_is_told(tmp_path: Path) -> None:
    """As with a Cassandra image that keeps its configuration elsewhere."""
    builder = Builder(tmp_path / "pod")
    (builder.folder / "cassandra.yaml").unlink()

    assert builder.run({}) == 1
    assert builder.termination_log.read_text().startswith(
        "cassandra.yaml: the Cassandra image has none in /etc/cassandra"
    )


def test_a_file_that_is_no_text_is_told(builder: Builder) -> None:
    """With its folder; never a traceback."""
    (builder.folder / "logback.xml").write_bytes(b"\xff\xfe")

    assert builder.run({}) == 1
    assert builder.termination_log.read_text().startswith(f"{builder.folder}: ")


def cluster_data(revision: int, spec: dict[str, Any]) -> str:
    """Return CONFIG_FILE_DATA as the operator writes it for the first rack."""
    cluster = with_defaults(
        decode_cluster({"metadata": {"name": "demo", "namespace": "ns"}, "spec": spec}), revision=revision
    )
    dc, rack = next(effective.racks(cluster))
    return config.config_file_data(cluster, dc, rack, seeds=["a", "b"], revision=Revision(revision))


@pytest.mark.parametrize("image", IMAGES)
@pytest.mark.parametrize("revision", [0, 1])
def test_what_the_operator_writes_can_be_read(tmp_path: Path, image: str, revision: int) -> None:
    """For every version, whether the template is CassKop's or ours."""
    spec = {
        "cassandraImage": f"cassandra:{image}",
        "resources": {"limits": {"memory": "2Gi"}},
        "config": {"cassandra-yaml": {"num_tokens": 8}, "jvm-options": {"garbage_collector": "G1GC"}},
    }
    builder = Builder(tmp_path / "pod", image=image)

    assert builder.run({}, CONFIG_FILE_DATA=cluster_data(revision, spec)) == 0
    texts = builder.texts()
    read = yaml.safe_load(texts["cassandra.yaml"])
    assert read["num_tokens"] == 8
    assert read["seed_provider"][0]["parameters"] == [{"seeds": "a,b"}]
    main = "jvm.options" if image == "3.11" else "jvm-server.options"
    assert {"-Xms128M", "-Xmx512M"} <= set(flags(texts[main]))


# The command line.


def command(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the program as the image's entry point does."""
    return subprocess.run(  # noqa: S603 -- our own
        [sys.executable, "-m", "controller", *words],
        env={"PATH": os.environ["PATH"], **environment},
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )


def test_the_program_renders(builder: Builder) -> None:
    """With nothing but the environment of its container."""
    done = command("config-builder", **builder.environment({}))

    assert (done.returncode, done.stderr) == (0, "")
    wrote = "wrote cassandra-rackdc.properties, cassandra.yaml\n"
    assert done.stdout == f"config-builder: Cassandra 5.0: {wrote}"
    assert MARK in builder.texts()["cassandra.yaml"]


def test_the_program_ends_with_1_when_it_refuses(builder: Builder) -> None:
    """And with one line for each reason, no traceback."""
    done = command("config-builder", **builder.environment({"what": {}}))

    assert (done.returncode, done.stderr) == (1, "")
    assert done.stdout.startswith("config-builder: what: no such section; known are ")


def test_bootstrap_ends_with_1_without_its_environment() -> None:
    """Before it writes anything."""
    done = command("bootstrap")

    assert (done.returncode, done.stderr) == (1, "")
    assert done.stdout == "bootstrap: POD_IP and POD_NAME have to be set\n"
