"""A small test split is topped up with training examples, and too few inputs are no proof."""

from __future__ import annotations

import numpy as np
import pytest

from zoo.artifacts.gate import require_inputs
from zoo.artifacts.reference_outputs import comparison_split
from zoo.contracts import Check, Dataset, Split
from zoo.contracts.dataset import IGNORED


def split_of(values: range) -> Split:
    images = np.array(list(values), dtype=np.uint8)
    return Split(
        labels=(images % 2).astype(np.int64),
        read=lambda index: np.full((2, 2, 1), images[index]),
        content_hash=f"{values}",
    )


def dataset_of(train: int, test: int) -> Dataset:
    return Dataset(
        name="small",
        classes=("even", "odd"),
        content_hash="x",
        splits={
            "train": split_of(range(100, 100 + train)),
            "validation": split_of(range(90, 92)),
            "test": split_of(range(test)),
        },
    )


def test_a_large_test_split_stays_as_it_is() -> None:
    dataset = dataset_of(train=30, test=64)
    assert comparison_split(dataset, 64) is dataset.splits["test"]


def test_training_examples_follow_a_small_test_split() -> None:
    joined = comparison_split(dataset_of(train=100, test=10), 64)
    assert len(joined) == 64
    seen = [int(joined.read(index)[0, 0, 0]) for index in range(64)]
    assert seen == [*range(10), *range(100, 154)]
    assert joined.labels.tolist() == [value % 2 for value in seen]


def test_what_is_not_there_is_not_made_up() -> None:
    assert len(comparison_split(dataset_of(train=20, test=10), 64)) == 30


@pytest.mark.parametrize(("count", "passed"), [(63, False), (64, True)])
def test_too_few_inputs_prove_nothing(count: int, passed: bool) -> None:
    check = Check(name="parity", passed=True, value="100 %", limit="all agree")
    answer = require_inputs(check, count, 64)
    assert answer.passed == passed
    assert ("63 real inputs" in answer.reason) == (not passed)


def test_labels_of_steps_are_as_wide_as_the_longest_sequence_of_both() -> None:
    def tagged(labels: list[list[int]]) -> Split:
        return Split(
            labels=np.array(labels, np.int64),
            read=lambda index: np.array(["word"]),
            content_hash=f"{labels}",
        )

    splits = {
        "train": tagged([[1, 0, 1], [0, 1, IGNORED]]),
        "validation": tagged([[0]]),
        "test": tagged([[1, 1]]),
    }
    dataset = Dataset(name="tags", classes=("a", "b"), content_hash="x", splits=splits)
    joined = comparison_split(dataset, 3)
    assert joined.labels.tolist() == [[1, 1, -1], [1, 0, 1], [0, 1, -1]]
