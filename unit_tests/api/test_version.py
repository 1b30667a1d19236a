"""Reading Cassandra's version and heap out of a spec."""

from __future__ import annotations

import pytest

from controller.api.v2 import heap
from controller.api.v2.version import casskop_product_version, numbers, product_version


@pytest.mark.parametrize(
    ("image", "version"),
    [
        ("cassandra:5.0", "5.0"),
        ("cassandra:4.1.10-jammy", "4.1.10"),
        ("example.org:5000/cassandra", ""),
        ("example.org:5000/cassandra:v4.0-rc1", "4.0"),
        ("example.org/cassandra:3.11.4-8u212-0.3.1@sha256:abc", "3.11.4"),
        ("cassandra@sha256:4abc", ""),
        ("cassandra:latest", ""),
        ("cassandra:5", "5"),
    ],
)
def test_the_version_is_that_of_the_tag_or_unknown(image: str, version: str) -> None:
    """A registry's port and a digest are not taken for a tag."""
    assert product_version(None, image) == version
    assert product_version("4.0.1", image) == "4.0.1"


@pytest.mark.parametrize(
    ("image", "version"),
    [
        ("cassandra:3.11.9", "3.11.9"),
        ("x:4.0-rc1", "4.0.0"),
        ("cassandra:3.11.4-8u212-0.3.1", "3.11.4.0"),
        ("x", "x"),
    ],
)
def test_revision_0_reads_tags_as_casskop_did(image: str, version: str) -> None:
    """Also where it read them wrongly: its pods must not restart."""
    assert casskop_product_version(None, image) == version


def test_versions_compare_as_numbers() -> None:
    """10 is after 4."""
    assert numbers("10.1.2") == (10, 1)
    assert numbers("4") == (4, 0)
    assert numbers("latest") is None


def test_the_heap_is_a_quarter_of_the_memory_limit() -> None:
    """Without a limit it is what CassKop gave."""
    assert heap.default_heap({"limits": {"memory": "4Gi"}}) == heap.Heap(initial=256, maximum=1024)
    assert heap.default_heap({"limits": {"memory": "1500M"}}).maximum_text == "357M"
    assert heap.default_heap({"requests": {"memory": "4Gi"}}).initial_text == "512M"
    assert heap.default_heap({"limits": {"memory": "nonsense"}}).maximum == 2048


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        ("512M", 512 * 1024**2),
        ("1g", 1024**3),
        ("10", 10),
        (10, 10),
        ("1.5G", None),
        ("", None),
        (True, None),
        ([], None),
    ],
)
def test_heap_sizes_are_read_as_the_jvm_reads_them(size: object, expected: int | None) -> None:
    """What the JVM would refuse is None."""
    assert heap.size_in_bytes(size) == expected


def test_an_option_is_found_under_either_spelling() -> None:
    """Config builders take `-` and `_` for the same."""
    assert heap.option({"max-heap-size": "1G"}, "max_heap_size") == "1G"
    assert heap.option({"max_heap_size": "1G", "max-heap-size": "2G"}, "max_heap_size") == "1G"
    assert heap.option({}, "max_heap_size") is None
    assert heap.option("x", "max_heap_size") is None
