"""Made-up examples of every kind are what the records ask for, and can be learnt."""

from __future__ import annotations

import numpy as np
import pytest

from zoo.contracts import ImagePreprocessing, SeriesPreprocessing, TokenPreprocessing
from zoo.contracts.dataset import IGNORED
from zoo.data.preprocessing.inputs import normalize
from zoo.testing.synthetic import synthetic_examples, with_synthetic_statistics

SERIES = with_synthetic_statistics(SeriesPreprocessing(steps=12, channels=3))
TOKENS = with_synthetic_statistics(TokenPreprocessing(length=20, size=50))
PIXELS = ImagePreprocessing(height=6, width=5, channels=1)
KINDS = [SERIES, TOKENS, PIXELS]


@pytest.mark.parametrize("preprocessing", KINDS, ids=lambda p: p.input_name)
def test_examples_fit_the_record_and_follow_from_the_seed(preprocessing) -> None:
    inputs, labels = synthetic_examples(preprocessing, 9, 4, stepwise=False, seed=1)
    assert inputs.shape == (9, *preprocessing.input_shape)
    assert inputs.dtype == preprocessing.graph_dtype
    assert labels.tolist() == [0, 1, 2, 3, 0, 1, 2, 3, 0]
    low, high = preprocessing.value_range
    assert inputs.min() >= low - 3 * (high - low)
    assert len(np.unique(inputs.reshape(9, -1), axis=0)) == 9
    again, _ = synthetic_examples(preprocessing, 9, 4, stepwise=False, seed=1)
    np.testing.assert_array_equal(inputs, again)
    other, _ = synthetic_examples(preprocessing, 9, 4, stepwise=False, seed=2)
    assert not np.array_equal(inputs, other)


def test_made_up_moments_leave_the_network_sensible_values() -> None:
    inputs, _ = synthetic_examples(SERIES, 60, 4, stepwise=False, seed=1)
    assert abs(float(inputs.mean())) > 5
    inside = normalize(inputs, SERIES)
    assert abs(float(inside.mean())) < 1
    assert 0.3 < float(inside.std()) < 3


def test_measured_records_stay_as_they_are() -> None:
    for preprocessing in KINDS:
        assert with_synthetic_statistics(preprocessing) is preprocessing


def test_texts_are_padded_at_the_end_and_known_by_their_words() -> None:
    tokens, labels = synthetic_examples(TOKENS, 40, 4, stepwise=False, seed=1)
    padding = tokens == 0
    assert padding.any()
    assert not padding[:, 0].any()
    assert (np.diff(padding.astype(int), axis=1) >= 0).all()
    assert tokens.max() < TOKENS.size
    own = ((tokens - 1) % 4 == labels[:, None]) & ~padding
    assert 0.45 < own.sum() / (~padding).sum() < 0.8


def test_steps_are_labelled_where_there_is_no_padding() -> None:
    tokens, labels = synthetic_examples(TOKENS, 8, 4, stepwise=True, seed=1)
    assert labels.shape == (8, 20)
    np.testing.assert_array_equal(labels == IGNORED, tokens == 0)
    real = tokens != 0
    np.testing.assert_array_equal((tokens[real] - 1) % 4, labels[real])
    series, labels = synthetic_examples(SERIES, 8, 4, stepwise=True, seed=1)
    assert labels.shape == (8, 12)
    levels = [series[labels == label].mean(axis=0) for label in range(4)]
    assert min(np.abs(a - b).max() for a in levels for b in levels if a is not b) > 1
