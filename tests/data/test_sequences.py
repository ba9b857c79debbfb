"""Series, tokens and latents: how they become inputs, and what is measured on the way."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from zoo.common.errors import BadData, UsageError
from zoo.contracts import (
    Dataset,
    ImagePreprocessing,
    LatentPreprocessing,
    SeriesPreprocessing,
    Split,
    TokenPreprocessing,
)
from zoo.contracts.dataset import IGNORED
from zoo.data.preprocessing.inputs import fitted, labels_for, normalize, read_inputs

SERIES = SeriesPreprocessing(steps=4, channels=2)
TOKENS = TokenPreprocessing(length=5, size=6)


def split_of(examples: list[Any], labels: Any = None) -> Split:
    arrays = [np.asarray(example) for example in examples]
    given = np.arange(len(arrays)) % 2 if labels is None else labels
    return Split(labels=np.asarray(given, np.int64), read=arrays.__getitem__, content_hash="0" * 64)


def dataset_of(train: list[Any], other: list[Any] | None = None) -> Dataset:
    others = split_of(other or train)
    splits = {"train": split_of(train), "validation": others, "test": others}
    return Dataset(name="some", classes=("a", "b"), splits=splits, content_hash="0" * 64)


def windows(count: int, seed: int, scale: float = 1.0) -> list[np.ndarray]:
    random = np.random.default_rng(seed)
    return [(random.normal(3, 2, (6, 3)) * scale).astype(np.float32) for _ in range(count)]


def test_a_series_is_measured_on_the_training_split_alone() -> None:
    train = windows(20, 1)
    found = fitted(SERIES, dataset_of(train, windows(20, 2, scale=100)))
    assert isinstance(found, SeriesPreprocessing)
    assert found.input_shape == (6, 3)
    together = np.concatenate(train)
    np.testing.assert_allclose(found.mean, together.mean(axis=0), rtol=1e-5)
    np.testing.assert_allclose(found.std, together.std(axis=0), rtol=1e-4)
    inside = normalize(read_inputs(split_of(train), found), found)
    assert abs(float(inside.mean())) < 1e-5
    assert abs(float(inside.std()) - 1) < 1e-3


def test_a_channel_that_never_changes_is_not_blown_up() -> None:
    flat = [np.full((4, 1), 1000.1, np.float32)] * 3
    found = fitted(SERIES, dataset_of(flat))
    assert isinstance(found, SeriesPreprocessing)
    assert found.std == (1.0,)


def test_windows_that_do_not_fit_are_named() -> None:
    with pytest.raises(UsageError, match="takes 4 steps of 2 channels, the dataset has 6 steps"):
        read_inputs(split_of(windows(1, 1)), SERIES)
    holed = windows(1, 1)[0].copy()
    holed[2, 1] = np.nan
    with pytest.raises(BadData, match="example 1 holds NaN"):
        fitted(SERIES, dataset_of([windows(1, 1)[0], holed]))
    with pytest.raises(BadData, match="example 0 cannot be used: it is float64"):
        read_inputs(split_of([np.zeros((4, 2))]), SERIES)


def test_words_are_numbered_by_how_often_they_come() -> None:
    texts = ["The cat sat.", "the dog; the cat's cat"]
    found = fitted(TOKENS, dataset_of(texts, ["zebra zebra zebra"]))
    assert isinstance(found, TokenPreprocessing)
    assert found.vocabulary == ("the", "cat", ".", ";")
    numbers = read_inputs(split_of(["Cat zebra the", "the . ; cat the dog"]), found)
    assert numbers.dtype == np.int32
    assert numbers.tolist() == [[3, 1, 2, 0, 0], [2, 4, 5, 3, 2]]
    np.testing.assert_array_equal(normalize(numbers, found), numbers)


def test_rows_of_tokens_are_not_split_again() -> None:
    rows = [np.array(["New York", "is", "big"])]
    found = fitted(TOKENS, dataset_of(rows))
    assert isinstance(found, TokenPreprocessing)
    assert set(found.vocabulary) == {"new york", "is", "big"}


@pytest.mark.parametrize(
    ("example", "what"), [("  \n", "an empty text"), (3, "it is int64"), ([["a"]], "of shape")]
)
def test_what_is_no_text_is_named(example: Any, what: str) -> None:
    with pytest.raises(BadData, match=f"example 0 .*{what}"):
        fitted(TOKENS, dataset_of([example]))


def test_labels_of_steps_follow_the_length() -> None:
    labels = [[0, 1, IGNORED], [1, 1, 0]]
    rows = [np.array(["a", "b"]), np.array(["a", "b", "c"])]
    longer = labels_for(split_of(rows, labels), TOKENS)
    assert longer.tolist() == [[0, 1, -1, -1, -1], [1, 1, 0, -1, -1]]
    shorter = labels_for(split_of(rows, labels), TokenPreprocessing(length=2, size=6))
    assert shorter.tolist() == [[0, 1], [1, 1]]
    assert labels_for(split_of(rows), TOKENS).tolist() == [0, 1]


def test_noise_follows_from_the_number() -> None:
    images = ImagePreprocessing(height=4, width=4, channels=1)
    latent = LatentPreprocessing(size=8, examples=images, judge="lenet5.digits")
    split = split_of([None] * 6)
    found = read_inputs(split, latent)
    assert found.shape == (6, 8)
    assert found.dtype == np.float32
    np.testing.assert_array_equal(read_inputs(split, latent, [4, 1]), found[[4, 1]])
    assert len(np.unique(found)) == found.size
    other = LatentPreprocessing(size=8, examples=images, judge="lenet5.digits", seed=1)
    assert not np.array_equal(read_inputs(split, other), found)
    assert latent.training is images
