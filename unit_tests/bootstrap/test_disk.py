"""What is left on disks: whole files, secret ones, last words, and the traces of a node that has run."""

from __future__ import annotations

import json
from pathlib import Path
import stat

from hypothesis import given
from hypothesis import strategies as st
import pytest

from controller.api.v2.codec import decode_cluster
from controller.bootstrap import disk
from controller.bootstrap.joined import read_joined
from controller.bootstrap.ondisk import look
from controller.bootstrap.refusal import RefusedError, bugs_told
from controller.bootstrap.seeds import Data
from controller.builders.ring import KEY, build_ring_configmap

# Files.


@pytest.mark.parametrize("mode", [disk.PLAIN, disk.PROGRAM, disk.SECRET])
def test_a_file_has_its_mode_whatever_the_umask_and_whatever_was_there(tmp_path: Path, mode: int) -> None:
    """A secret is never readable by others, also where an older file was."""
    path = tmp_path / "folder" / "file"
    disk.write(path, "old", mode=disk.PLAIN)
    disk.write(path, "new", mode=mode)

    assert path.read_text() == "new"
    assert stat.S_IMODE(path.stat().st_mode) == mode
    assert [file.name for file in path.parent.iterdir()] == ["file"]


def test_what_a_stopped_writer_left_is_no_hindrance(tmp_path: Path) -> None:
    """A container may be killed between two lines of ours."""
    (tmp_path / ".file.new").write_text("half")
    disk.write(tmp_path / "file", b"whole")

    assert disk.read(tmp_path / "file") == "whole"
    assert disk.read(tmp_path / "other") is None


# Last words.


@pytest.fixture
def termination_log(tmp_path: Path) -> Path:
    """Return a file as the kubelet puts one there; it may have the words of an earlier run."""
    path = tmp_path / "termination-log"
    path.write_text("an earlier run's much longer words")
    return path


def test_the_last_words_are_left_for_the_kubelet(termination_log: Path) -> None:
    """All lines, and nothing of an earlier run."""
    disk.leave_word(("one", "two"), termination_log)

    assert termination_log.read_text() == "one\ntwo"


def test_outside_of_a_container_nothing_is_left(tmp_path: Path) -> None:
    """The kubelet makes the file; we do not, and miss it silently: the log has the words."""
    disk.leave_word(("one",), tmp_path / "nowhere")

    assert not (tmp_path / "nowhere").exists()


# Neither control signs nor separators but the space: what `str.isprintable` takes.
_PRINTABLE = st.characters(exclude_categories=["C", "Z"]) | st.just(" ")


@given(st.lists(st.text(_PRINTABLE, min_size=1, max_size=900), min_size=1, max_size=40))
def test_the_kubelet_gets_the_first_lines_whole(lines: list[str]) -> None:
    """It would cut off the beginning, where the first problem stands; so the end is left out, and counted."""
    shown = disk._shown(tuple(lines))
    told = shown.decode().split("\n")

    assert len(shown) <= 4096
    assert told[0] == lines[0]
    kept = [line for line, wanted in zip(told, lines, strict=False) if line == wanted]
    assert len(kept) == len(lines) or told[len(kept) :] == [
        f"and {len(lines) - len(kept)} more; the container's log has all"
    ]


def test_lines_that_would_not_be_shown_are_counted() -> None:
    """A hundred problems: the first ones, and how many there are besides."""
    lines = tuple(
        f"cassandra-yaml.name_{number}: it is none of ours, and says so at length" for number in range(100)
    )
    told = disk._shown(lines).decode().split("\n")

    assert 50 < len(told) < 70
    assert told[:-1] == list(lines[: len(told) - 1])
    assert told[-1] == f"and {100 - len(told) + 1} more; the container's log has all"


def test_one_endless_line_is_cut(termination_log: Path) -> None:
    """At a whole letter, in bytes as the kubelet counts them."""
    disk.leave_word(("é" * 5000,), termination_log)

    assert termination_log.read_text() == "é" * 2048


def test_a_bug_is_told_without_its_values(termination_log: Path) -> None:
    """It goes on as a traceback in the log; the pod's status says that there is one."""
    with pytest.raises(ZeroDivisionError), bugs_told(termination_log):
        raise ZeroDivisionError("a secret, perhaps")

    assert termination_log.read_text() == (
        "failed by a bug: ZeroDivisionError; the container's log has its traceback"
    )


# The operator's record.


def test_a_pod_reads_what_the_operator_writes() -> None:
    """The two sides agree on the format."""
    cluster = decode_cluster({"metadata": {"name": "demo", "namespace": "ns"}, "spec": {}})
    data = build_ring_configmap(cluster, ["demo-dc1-rack2-0", "demo-dc1-rack1-0"])["data"]

    assert read_joined(data[KEY]) == ("demo-dc1-rack1-0", "demo-dc1-rack2-0")


def test_no_record_is_not_an_empty_one() -> None:
    """Nothing is known; which is not the same as: nobody has joined."""
    assert read_joined(None) is None
    assert read_joined("[]") == ()


@pytest.mark.parametrize("text", ["", "{", "{}", '"demo-dc1-rack1-0"', "[1]", "null"])
def test_an_unreadable_record_is_refused(text: str) -> None:
    """A node that cannot know whether it has joined must not begin a ring."""
    with pytest.raises(RefusedError, match="record of joined pods"):
        read_joined(text)


# Traces of a node.

_SSTABLE = "system/local-7ad54392bcdd35a684174e047860b377/nb-1-big-Data.db"


def put(folder: Path, name: str) -> Path:
    """Make a file below *folder*."""
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()
    return folder


def test_a_fresh_volume_is_empty(tmp_path: Path) -> None:
    """Also one that a file system or an interrupted first start has left something in."""
    assert look({}, tmp_path) is Data.NONE
    (tmp_path / "lost+found").mkdir()
    put(tmp_path, "commitlog/CommitLog-7-1.log")
    (tmp_path / "data/system/local-7ad54392bcdd35a684174e047860b377").mkdir(parents=True)

    assert look({}, tmp_path) is Data.NONE


@pytest.mark.parametrize(
    "name", [_SSTABLE, _SSTABLE.replace("nb-1", "da-3gdn_15fc_1eq2-bti"), _SSTABLE.replace("nb", "mc")]
)
def test_a_node_that_has_run_has_left_its_local_table(tmp_path: Path, name: str) -> None:
    """Whatever the format of its sstables."""
    put(tmp_path / "data", name)

    assert look({}, tmp_path) is Data.PRESENT
    assert look({"data_file_directories": [str(tmp_path / "data")]}, tmp_path) is Data.PRESENT


def test_other_tables_prove_nothing(tmp_path: Path) -> None:
    """Restored user data, or a table of a like name, does not make a member."""
    put(tmp_path / "data", "app/local-1/nb-1-big-Data.db")
    put(tmp_path / "data", "system/local_metadata_log-1/nb-1-big-Data.db")
    put(tmp_path / "data", "system/local-1/nb-1-big-Index.db")
    put(tmp_path / "data", "system/local-1/snapshots/s/nb-1-big-Data.db")

    assert look({}, tmp_path) is Data.NONE


def test_one_of_several_folders_is_enough(tmp_path: Path) -> None:
    """Cassandra spreads its tables; a node with some folders lost is still one that has run."""
    folders = [str(tmp_path / name) for name in ("d1", "d2", "d3")]
    put(tmp_path / "d2", _SSTABLE)

    assert look({"data_file_directories": folders}, tmp_path) is Data.PRESENT


def test_the_systems_own_folder_is_looked_into(tmp_path: Path) -> None:
    """`local_system_data_file_directory` takes the table elsewhere."""
    put(tmp_path / "own", _SSTABLE)
    parameters = {
        "data_file_directories": [str(tmp_path / "d1")],
        "local_system_data_file_directory": str(tmp_path / "own"),
    }

    assert look(parameters, tmp_path) is Data.PRESENT


def test_what_cannot_be_seen_is_not_taken_for_empty(tmp_path: Path) -> None:
    """Of CassKop's template the container sees no data; of a further disk, perhaps not the folder."""
    volume = tmp_path / "unmounted"

    assert look({}, volume) is Data.UNKNOWN
    assert look({"data_file_directories": ["/nowhere/data"]}, tmp_path) is Data.UNKNOWN
    # What is seen is enough.
    put(tmp_path / "d1", _SSTABLE)
    folders = ["/nowhere/data", str(tmp_path / "d1")]
    assert look({"data_file_directories": folders}, tmp_path) is Data.PRESENT


@given(st.text() | st.recursive(st.none() | st.integers() | st.text(), st.lists).map(json.dumps))
def test_any_record_at_all_is_read_or_refused(text: str) -> None:
    """Never another error, and never names that are none."""
    try:
        names = read_joined(text)
    except RefusedError:
        return

    assert names is not None
    assert json.loads(text) == list(names)
