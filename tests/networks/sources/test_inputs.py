"""What is stated of an input means for pixels and for series."""

from __future__ import annotations

import numpy as np
import pytest

from zoo.common.errors import Unsupported, UsageError
from zoo.contracts import ForeignTensor, SeriesPreprocessing
from zoo.contracts.dataset import SPLITS, Dataset, Split
from zoo.networks.sources.inputs import IMAGES, SERIES, InputPlan, plan_input
from zoo.networks.sources.opening import _SAME, _distinct
from zoo.networks.sources.sample import TrainingSample
from zoo.networks.sources.statement import parse_statement


def planned(
    words: str,
    task: str,
    shape: tuple[int, ...],
    dtype: str = "float32",
    own: tuple[int, ...] | None = None,
) -> InputPlan:
    split = Split(
        labels=np.zeros(1, np.int64), read=lambda _: np.zeros(shape, "f4"), content_hash=""
    )
    data = Dataset(
        name="d", classes=("a", "b"), splits=dict.fromkeys(SPLITS, split), content_hash=""
    )
    tensor = ForeignTensor(name="x", shape=(None, *(own or shape)), dtype=dtype)
    return plan_input(tensor, parse_statement(words), data, (task,), "my.keras")


@pytest.mark.parametrize(
    ("words", "mean", "std"),
    [
        ("mean=101325,0.5 std=3,0.2", (101325.0, 0.5), (3.0, 0.2)),
        ("mean=0 std=1", (0.0, 0.0), (1.0, 1.0)),
        ("mean=1 std=2 scale=2", (0.5, 0.5), (1.0, 1.0)),
    ],
)
def test_moments_of_series_are_of_their_own_values(words, mean, std):
    (only,) = planned(words, SERIES, (12, 2)).candidates
    assert isinstance(only.preprocessing, SeriesPreprocessing)
    assert (only.preprocessing.mean, only.preprocessing.std) == (mean, std)


def test_a_network_of_rows_takes_series_of_as_many_numbers():
    plan = planned("", SERIES, (1, 10), own=(10,))
    assert (plan.shape, plan.own_shape) == ((1, 10), (10,))
    plan = planned("", SERIES, (5, 2), own=(10,))
    assert (plan.shape, plan.own_shape) == ((5, 2), (10,))
    for own in ((11,), (2, 5)):
        with pytest.raises(Unsupported, match="series of 5 steps with 2 channels"):
            planned("", SERIES, (5, 2), own=own)


def test_moments_of_pixels_are_of_shares_unless_a_scale_is_stated():
    shares, bytes_ = (
        planned(words, IMAGES, (8, 8, 1)).candidates[0].preprocessing
        for words in ("grey mean=0.5 std=0.2", "grey mean=120 std=50 scale=1")
    )
    assert (shares.scale, shares.mean, shares.std) == (1 / 255, (0.5,), (0.2,))
    assert (bytes_.scale, bytes_.mean, bytes_.std) == (1.0, (120.0,), (50.0,))


@pytest.mark.parametrize(
    ("words", "task", "shape", "problem"),
    [
        ("0..1", SERIES, (12, 2), "--input has words for images"),
        ("nchw", SERIES, (12, 2), "--input has words for images"),
        ("mean=0 bicubic", SERIES, (12, 2), "--input has words for images"),
        ("grey mean=123", IMAGES, (8, 8, 1), "of pixels from 0 to 255"),
    ],
)
def test_words_for_the_other_kind_are_refused(words, task, shape, problem):
    with pytest.raises(UsageError, match=problem):
        planned(words, task, shape)


def test_other_tasks_and_texts_are_refused():
    with pytest.raises(Unsupported, match="cannot be judged on d"):
        planned("", "segmentation", (8, 8, 1))
    with pytest.raises(Unsupported, match="takes text, which cannot be brought in"):
        planned("", SERIES, (12,), dtype="string")


@pytest.mark.parametrize(
    ("mean", "std", "ways"),
    [((0.05, -0.05), (1, 1), 1), ((0.05, 3.0), (1, 1), 2), ((0, 0), (1, 1.5), 2)],
)
def test_series_that_are_normalized_already_are_taken_as_they_are(mean, std, ways):
    noise = np.random.default_rng(0).normal(size=(400, 5, 2))
    rows = ((noise - noise.mean((0, 1))) / noise.std((0, 1)) * std + mean).astype("f4")
    split = Split(labels=np.arange(400) % 2, read=lambda n: rows[n], content_hash="")
    data = Dataset(
        name="d", classes=("a", "b"), splits=dict.fromkeys(SPLITS, split), content_hash=""
    )
    tensor = ForeignTensor(name="x", shape=(None, 10), dtype="float32")
    plan = plan_input(tensor, parse_statement(""), data, (SERIES,), "my.keras")
    kept = _distinct(plan.candidates, TrainingSample.of(data, plan, ""), _SAME)
    assert len(kept) == ways
    assert kept[0].name == "as they are"
