"""What is computed once is computed again as soon as something of it changed."""

from __future__ import annotations

from controller.reconcile.memo import Memo, digest
from controller.runtime.store import Key

ONE, OTHER = Key("ns", "one"), Key("ns", "other")


class Counting:
    """A computation that tells how often it was made."""

    def __init__(self) -> None:
        self.times = 0

    def __call__(self) -> int:
        """Compute."""
        self.times += 1
        return self.times


def test_the_same_inputs_give_the_same_result_without_computing() -> None:
    """Equal by value is enough: objects are decoded anew each time."""
    memo, make = Memo[int](), Counting()

    assert [memo.get(ONE, ("spec", {"a": 1}), make) for _ in range(3)] == [1, 1, 1]
    assert make.times == 1


def test_a_changed_input_computes_again_even_if_it_changes_back() -> None:
    """Only the last result is kept, so memory is bounded by the number of clusters."""
    memo, make = Memo[int](), Counting()

    assert [memo.get(ONE, version, make) for version in (1, 2, 1)] == [1, 2, 3]


def test_clusters_do_not_share_results() -> None:
    """Two clusters with equal specs have a result each."""
    memo, make = Memo[int](), Counting()

    assert (memo.get(ONE, 1, make), memo.get(OTHER, 1, make)) == (1, 2)


def test_a_forgotten_cluster_is_computed_again() -> None:
    """What is gone leaves nothing behind."""
    memo, make = Memo[int](), Counting()
    memo.get(ONE, 1, make)
    memo.forget(ONE)
    memo.forget(OTHER)

    assert memo.get(ONE, 1, make) == 2


def test_equal_values_have_one_digest_and_others_another() -> None:
    """A digest stands for what went into it, frozen classes included."""
    key = Key("ns", "one")

    assert digest((key, ["a"])) == digest((ONE, ["a"]))
    assert digest((key, ["a"])) != digest((key, ["b"]))
    assert digest((key, None)) != digest((OTHER, None))
