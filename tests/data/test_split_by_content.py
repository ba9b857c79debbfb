"""The splitter: nothing lost, nothing twice, every class everywhere, and stable under growth."""

from __future__ import annotations

import hashlib
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from zoo.common.errors import BadData
from zoo.data.splits import (
    SHARES,
    SHARES_WITHOUT_TEST,
    hold_out,
    minimum_examples,
    preferred_split,
    quotas,
    split_by_content,
)

NAMES = ("a", "b", "c")


def content(number: int) -> bytes:
    return hashlib.sha256(str(number).encode()).digest()


@st.composite
def datasets(draw: st.DrawFn) -> tuple[list[bytes], np.ndarray]:
    """Three classes of 3 to 60 distinct examples, some of them repeated, in any order."""
    rows = []
    offset = draw(st.integers(0, 10**6))
    for label in range(len(NAMES)):
        distinct = draw(st.integers(3, 60))
        own = [content(offset + 1000 * label + i) for i in range(distinct)]
        repeats = draw(st.lists(st.sampled_from(own), max_size=5))
        rows += [(c, label) for c in own + repeats]
    rows = draw(st.permutations(rows))
    return [c for c, _ in rows], np.array([label for _, label in rows], np.int64)


def where(hashes: list[bytes], splits: dict[str, np.ndarray]) -> dict[bytes, str]:
    return {hashes[i]: name for name, own in splits.items() for i in own}


@settings(max_examples=60, deadline=None)
@given(datasets(), st.sampled_from([SHARES, SHARES_WITHOUT_TEST]))
def test_each_example_is_in_one_split_and_each_class_in_all(data, shares):
    hashes, labels = data
    splits = split_by_content(hashes, labels, NAMES, shares)
    assert list(splits) == list(shares)
    assert sorted(np.concatenate(list(splits.values())).tolist()) == list(range(len(hashes)))
    contents = [{hashes[i] for i in own} for own in splits.values()]
    for i, first in enumerate(contents):
        assert all(first.isdisjoint(second) for second in contents[i + 1 :])
    for label in range(len(NAMES)):
        distinct = len({h for h, own in zip(hashes, labels, strict=True) if own == label})
        for name, own in splits.items():
            held = len({hashes[i] for i in own if labels[i] == label})
            assert held >= minimum_examples(distinct, shares[name]) >= 1
    for own in splits.values():
        assert own.dtype == np.int64
        assert (np.diff(own) > 0).all()


@settings(max_examples=60, deadline=None)
@given(datasets())
def test_each_class_has_its_share_of_each_split(data):
    hashes, labels = data
    placed = where(hashes, split_by_content(hashes, labels, NAMES))
    for label in range(len(NAMES)):
        own = {h for h, mine in zip(hashes, labels, strict=True) if mine == label}
        wish = Counter(preferred_split(h) for h in own)
        counts = Counter(placed[h] for h in own)
        wanted = quotas(len(own))
        for name, count in wanted.items():
            assert abs(counts[name] - count) <= count // 20
        # Borders move no farther than they must.
        moved = sum(placed[h] != preferred_split(h) for h in own)
        assert moved <= sum(abs(wish[name] - count) for name, count in wanted.items())


def test_a_rare_class_has_enough_for_a_test():
    # By content alone its 50 of 1,000 got 41, 6 and 3.
    hashes = [content(i) for i in range(1000)]
    labels = np.array([0] * 50 + [1] * 950, np.int64)
    splits = split_by_content(hashes, labels, ("rare", "common"))
    assert [int((labels[splits[name]] == 0).sum()) for name in SHARES] == [35, 7, 8]


@pytest.mark.parametrize(
    ("count", "wanted"),
    [(3, [1, 1, 1]), (4, [2, 1, 1]), (10, [7, 1, 2]), (50, [35, 7, 8]), (1000, [700, 150, 150])],
)
def test_quotas(count, wanted):
    assert list(quotas(count).values()) == wanted


@settings(max_examples=30, deadline=None)
@given(datasets(), st.randoms())
def test_order_does_not_matter(data, random):
    hashes, labels = data
    order = list(range(len(hashes)))
    random.shuffle(order)
    shuffled = [hashes[i] for i in order]
    assert where(hashes, split_by_content(hashes, labels, NAMES)) == where(
        shuffled, split_by_content(shuffled, labels[order], NAMES)
    )


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 200))
def test_adding_examples_moves_few(offset, added):
    hashes = [content(offset + i) for i in range(3000)]
    labels = np.arange(3000, dtype=np.int64) % 3
    more = hashes + [content(offset + 10**7 + i) for i in range(added)]
    more_labels = np.concatenate([labels, np.zeros(added, np.int64)])
    before = where(hashes, split_by_content(hashes, labels, NAMES))
    after = where(more, split_by_content(more, more_labels, NAMES))
    assert sum(after[h] != before[h] for h in hashes) <= max(8, added // 2)


def test_shares_are_met_on_average():
    hashes = [content(i) for i in range(30_000)]
    labels = np.arange(30_000, dtype=np.int64) % 3
    splits = split_by_content(hashes, labels, NAMES)
    for name, share in SHARES.items():
        per_class = np.bincount(labels[splits[name]])
        assert np.allclose(per_class / 10_000, share, atol=0.012)


def test_three_distinct_examples_are_the_least():
    hashes = [content(i) for i in (1, 2, 3, 4, 5, 5)]
    labels = np.array([0, 0, 0, 1, 1, 1], np.int64)
    with pytest.raises(BadData, match="class 'dog' has 2 distinct examples, but needs 3"):
        split_by_content(hashes, labels, ("cat", "dog"))


def test_half_a_share_is_the_least():
    assert [minimum_examples(n, 0.15) for n in (3, 20, 100, 1000)] == [1, 1, 7, 75]


def test_borders_move_in_order_of_hashes():
    train = [c for c in map(content, range(100)) if preferred_split(c) == "train"][:6]
    hashes = [*train, *map(content, range(200, 300))]
    labels = np.array([0] * 6 + [1] * 100, np.int64)
    placed = where(hashes, split_by_content(hashes, labels, ("cat", "dog")))
    lowest_first = [placed[c] for c in sorted(train)]
    assert lowest_first == ["train"] * 4 + ["validation", "test"]


def test_content_in_two_classes_stays_in_one_split():
    hashes = [content(i) for i in [*range(20), *range(5), *range(100, 120)]]
    labels = np.array([0] * 20 + [1] * 25, np.int64)
    splits = split_by_content(hashes, labels, ("cat", "dog"))
    places = {name: {hashes[i] for i in own} for name, own in splits.items()}
    assert sum(len(own) for own in places.values()) == 40


def test_classes_of_the_same_few_examples_are_refused():
    train = [c for c in map(content, range(100)) if preferred_split(c) == "train"][:3]
    labels = np.array([0, 0, 0, 1, 1, 1], np.int64)
    with pytest.raises(BadData, match="cannot be divided"):
        split_by_content(train * 2, labels, ("cat", "dog"))


def test_hold_out_takes_as_many_of_each_class():
    hashes = [content(i) for i in range(90)]
    labels = np.arange(90, dtype=np.int64) % 3
    kept, aside = hold_out(hashes, labels, 7)
    assert np.bincount(labels[aside]).tolist() == [7, 7, 7]
    assert sorted([*kept, *aside]) == list(range(90))
    lowest = sorted(h for h, label in zip(hashes, labels, strict=True) if label == 1)[:7]
    assert {hashes[i] for i in aside if labels[i] == 1} == set(lowest)
