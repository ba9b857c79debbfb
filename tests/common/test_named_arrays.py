"""Several arrays as one: nothing is lost, and what chooses examples needs not know how many."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from zoo.artifacts.golden_choice import candidates
from zoo.common.named_arrays import differences, fields_of, joined, with_names
from zoo.contracts import Dataset, Split
from zoo.contracts.checks import InvalidRecord
from zoo.data.preprocessing.calibration import strata

SHAPES = st.lists(st.lists(st.integers(1, 3), max_size=2), min_size=2, max_size=4)


@given(st.integers(0, 5), SHAPES)
def test_joined_and_apart_again(count: int, shapes: list[list[int]]) -> None:
    random = np.random.default_rng(count)
    fields = {
        f"output{n}": random.random((count, *shape)).astype(np.float32 if n % 2 else np.int64)
        for n, shape in enumerate(shapes)
    }
    together = joined(fields)
    assert together.shape == (count,)
    found = fields_of(together)
    assert [*found] == [*fields]
    for name, values in fields.items():
        assert found[name].dtype == values.dtype
        np.testing.assert_array_equal(found[name], values)
        np.testing.assert_array_equal(fields_of(together[::-1])[name], values[::-1])


def test_one_array_stays_what_it_is() -> None:
    alone = np.zeros((4, 2))
    assert joined({"probabilities": alone}) is alone
    assert fields_of(alone) == {"": alone}
    assert with_names([alone], ["probabilities"]) is alone


def test_arrays_of_other_examples_are_refused() -> None:
    with pytest.raises(ValueError, match="a: 3, b: 2"):
        joined({"a": np.zeros(3), "b": np.zeros(2)})


def test_differences_by_name() -> None:
    one = joined({"a": np.zeros((2, 3)), "b": np.array([1.0, 2.0])})
    other = joined({"b": np.array([1.5, 2.0]), "a": np.zeros((2, 3))})
    assert {n: d.max() for n, d in differences(one, other).items()} == {"a": 0.0, "b": 0.5}
    with pytest.raises(ValueError, match=r"a \(2, 3\), b \(2,\)"):
        differences(one, np.zeros((2, 3)))


@pytest.mark.parametrize(
    "labels",
    [
        np.zeros((6, 4, 5), np.int64),
        np.ones((6, 4), np.float32),
        joined({"class": np.arange(6) % 2, "box": np.zeros((6, 4), np.float32)}),
    ],
    ids=["places", "numbers", "several"],
)
def test_labels_of_any_shape(labels: np.ndarray) -> None:
    split = Split(labels=labels, read=lambda index: labels[index], content_hash="0")
    splits = {"train": split, "validation": split, "test": split}
    dataset = Dataset(name="any", classes=("a", "b"), splits=splits, content_hash="0")
    assert len(dataset.splits["train"]) == 6
    assert strata(labels).shape == (6,)
    found = [number for offered in candidates(labels) for number in offered]
    assert sorted(found) == sorted(set(found))


def test_several_labels_are_balanced_by_the_one_that_holds_classes() -> None:
    box, kind = np.zeros((6, 4), np.float32), np.arange(6) % 2
    np.testing.assert_array_equal(strata(joined({"box": box, "class": kind})), kind)


def test_a_number_that_is_none_is_refused() -> None:
    labels = np.array([0.0, np.nan], np.float32)
    with pytest.raises(InvalidRecord, match="labels must be finite"):
        Split(labels=labels, read=lambda index: labels, content_hash="0")
