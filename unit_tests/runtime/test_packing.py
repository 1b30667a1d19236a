"""What a reader may rely on: what was packed comes out as it was, and takes little room."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from controller.runtime.packing import Packer
from controller.runtime.store import Change, Key, Store

KEY = Key("ns", "a")

scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=9)
values = st.recursive(
    scalars, lambda inner: st.lists(inner) | st.dictionaries(st.text(max_size=5), inner), max_leaves=20
)


def pod(number: int) -> dict[str, Any]:
    """Return an object that differs from its like in a few places."""
    return {
        "metadata": {
            "name": f"cc-{number}",
            "uid": f"{number * 7919:032x}",
            "labels": {"rack": f"r{number % 3}"},
        },
        "status": {
            "podIP": f"10.0.{number // 256}.{number % 256}",
            "conditions": [
                {"type": kind, "status": "True", "lastTransitionTime": f"2026-01-01T00:{number % 60:02}:00Z"}
                for kind in ("PodScheduled", "Initialized", "ContainersReady", "Ready", "DisruptionTarget")
            ],
        },
    }


@given(st.lists(values, max_size=8))
def test_what_was_packed_comes_out(objects: list[Any]) -> None:
    """Each equals what was put in, whatever was packed before and after it."""
    packer = Packer()

    packed = [packer(KEY, str(number), value) for number, value in enumerate(objects)]

    assert [(one.key, one.version, one.value) for one in packed] == [
        (KEY, str(number), value) for number, value in enumerate(objects)
    ]


def test_every_reader_has_its_own() -> None:
    """Who changes what it read changes nobody else's."""
    packed = Packer()(KEY, "1", {"a": [1]})

    packed.value["a"].append(2)

    assert packed.value == {"a": [1]}


def test_objects_that_are_alike_take_little_room() -> None:
    """After the first one, about what tells them apart."""
    packer = Packer()

    packed = [packer(KEY, "1", pod(number)) for number in range(300)]

    sizes = [size_of(one) for one in packed[1:]]
    assert sum(sizes) < 0.4 * sum(len(json.dumps(pod(number))) for number in range(1, 300))


def test_another_sort_of_objects_is_learned_too() -> None:
    """The first object may be unlike all others; and what nothing is like is kept all the same."""
    packer = Packer()
    packer(KEY, "1", {"odd": "x" * 40})
    noise = ["".join(chr(33 + (n * n * 31 + i * 7 + n * i) % 90) for i in range(900)) for n in range(50)]

    odd = [packer(KEY, "1", {"noise": text}) for text in noise]
    alike = [packer(KEY, "1", pod(number)) for number in range(100)]

    assert [one.value["noise"] for one in odd] == noise
    assert size_of(alike[-1]) < 0.5 * len(json.dumps(pod(99)))


def test_a_store_of_packed_objects_is_a_store() -> None:
    """Reading, indexes and changes are as with objects that are kept as they are."""
    store: Store[Any] = Store(
        indexers={"rack": lambda obj: (obj["metadata"]["labels"]["rack"],)}, entry=Packer()
    )
    changes: list[Change[Any]] = []
    store.listen(changes.append)

    store.replace(store.entry(Key("ns", f"cc-{n}"), "1", pod(n)) for n in range(3))
    store.upsert(store.entry(Key("ns", "cc-1"), "2", pod(5)))
    store.delete(Key("ns", "cc-0"))

    assert store.list() == (pod(5), pod(2))
    assert store.find("rack", "r2") == (pod(5), pod(2))
    assert store.find("rack", "r0") == ()
    assert [(change.old, change.new) for change in changes[3:]] == [(pod(1), pod(5)), (pod(0), None)]


def size_of(packed: Any) -> int:
    """Return how many bytes are kept of an object."""
    return len(packed._data)
