"""Image archives: what is in one, when a node needs it, and what a build is lent."""

from __future__ import annotations

import io
import json
from pathlib import Path
import tarfile

import pytest

from e2e.cluster import loader
from e2e.cluster.nodes import PAUSE_IMAGE
from e2e.cluster.shell import Trouble
from e2e.images import operator, pause

IMAGE = loader.Image(config="sha256:c0", tags=("docker.io/library/a:1",))


def test_an_archive_says_which_images_it_holds(tmp_path: Path) -> None:
    """The pause image is written without a builder, and is read like any other."""
    archive = tmp_path / "pause.tar"
    archive.write_bytes(pause.archive(b"program", ["sh", "busybox"]))

    (image,) = loader.images_in(archive)

    assert image.tags == (PAUSE_IMAGE,)
    assert image.config.startswith("sha256:")
    assert len(image.config) == len("sha256:") + 64


def test_the_pause_image_holds_its_program_once(tmp_path: Path) -> None:
    """Every other name of busybox is a link, and none hides the program itself."""
    archive = tmp_path / "pause.tar"
    archive.write_bytes(pause.archive(b"program", ["sh", "busybox"]))
    with tarfile.open(archive) as tar:
        layer = tar.extractfile("layer.tar")
        assert layer is not None
        with tarfile.open(fileobj=io.BytesIO(layer.read())) as inner:
            members = {member.name: member for member in inner}

    assert members["bin/sh"].linkname == "busybox"
    assert members["bin/busybox"].isreg()
    assert members["tmp"].mode == 0o1777


def test_what_is_no_archive_is_called_so(tmp_path: Path) -> None:
    """A wrong file is one clear line, not a traceback."""
    wrong = tmp_path / "wrong.tar"
    wrong.write_text("no tar")

    with pytest.raises(Trouble, match="not an image archive"):
        loader.images_in(wrong)


@pytest.mark.parametrize(
    ("rows", "present"),
    [
        ([], False),
        ([("docker.io/library/a:1", "sha256:m1")], False),
        ([("sha256:c0", "sha256:m1")], False),
        ([("docker.io/library/a:1", "sha256:m1"), ("sha256:c0", "sha256:m1")], True),
        ([("docker.io/library/a:1", "sha256:m2"), ("sha256:c0", "sha256:m1")], False),
    ],
    ids=["nothing", "other image", "no tag", "there", "tag of another image"],
)
def test_a_load_is_skipped_only_when_tag_and_content_are_there(
    rows: list[tuple[str, str]], *, present: bool
) -> None:
    """A tag that was moved to another image counts as missing."""
    header = "REF TYPE DIGEST SIZE PLATFORMS LABELS\n"
    listing = header + "".join(
        f"{name} application/vnd.docker {digest} 1.0 MiB linux/amd64 x\n" for name, digest in rows
    )

    assert loader.present([IMAGE], listing) is present


def test_pip_is_told_in_a_build_what_it_is_told_here() -> None:
    """The environment wins over files, and what the settings speak of is lent as well."""
    told = (
        ":env:.cert='/env/ca.crt'\n"
        "global.cert='/file/ca.crt'\n"
        "install.no-binary='one\\ntwo'\n"
        "freeze.timeout='10'\n"
    )

    settings = operator.parse_settings(told)

    assert settings == {"cert": "/env/ca.crt", "no-binary": "one\ntwo"}
    assert operator.pip_config(settings) == "[global]\ncert = /env/ca.crt\nno-binary = one two\n"


def test_only_what_exists_is_lent_and_nothing_twice(tmp_path: Path) -> None:
    """A file inside a folder that is lent already is not lent again."""
    (tmp_path / "wheels").mkdir()
    (tmp_path / "wheels" / "ca.crt").touch()
    settings = {
        "find-links": f"{tmp_path}/wheels {tmp_path}/missing",
        "cert": f"{tmp_path}/wheels/ca.crt",
        "timeout": "60",
    }

    assert [path for path in operator.lent(settings) if path.is_relative_to(tmp_path)] == [
        tmp_path / "wheels"
    ]


def test_every_layer_of_the_pause_archive_is_named(tmp_path: Path) -> None:
    """A runtime finds each part that the manifest speaks of."""
    archive = tmp_path / "pause.tar"
    archive.write_bytes(pause.archive(b"program", []))
    with tarfile.open(archive) as tar:
        manifest_file = tar.extractfile("manifest.json")
        assert manifest_file is not None
        (manifest,) = json.load(manifest_file)

        assert {manifest["Config"], *manifest["Layers"]} < set(tar.getnames())
