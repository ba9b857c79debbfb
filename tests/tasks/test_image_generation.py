"""What the gate asks of a generator's file, and the wrong files that it must catch."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from zoo.common.errors import ZooError
from zoo.contracts import Comparison, LatentPreprocessing, Truth
from zoo.contracts.precision import PRECISIONS, Precision, precision_named
from zoo.data.opening import open_dataset
from zoo.data.preprocessing.inputs import read_inputs, truth_of
from zoo.registry import PluginSettings, load_registry
from zoo.tasks.image_generation import (
    FRECHET,
    accuracy,
    details,
    evaluate,
    gallery,
    pixels_of,
    zoo_tasks,
)
from zoo.tasks.picture_checks import compare

REGISTRY = load_registry(PluginSettings(installed=False))
TASK = REGISTRY.tasks.get("image-generation")
PREPROCESSING = REGISTRY.variant("dcgan28")[1].preprocessing
assert isinstance(PREPROCESSING, LatentPreprocessing)
JUDGE, EXAMPLES = PREPROCESSING.judge, PREPROCESSING.examples
RANDOM = np.random.default_rng(0)


@pytest.fixture(scope="module")
def truth() -> Truth:
    return truth_of(open_dataset(REGISTRY, "digits"), "test", PREPROCESSING)


@pytest.fixture(scope="module")
def real(truth: Truth) -> np.ndarray:
    """Training digits, standing for what a perfect generator would make."""
    split = open_dataset(REGISTRY, "digits").splits["train"]
    chosen = range(len(truth.labels))
    return read_inputs(split, EXAMPLES, chosen) / np.float32(255)


def images(count: int = 80) -> np.ndarray:
    return RANDOM.random((count, 28, 28, 1), dtype=np.float32)


def comparison(sqnr_db: float = 150.0, ssim: float = 1.0) -> Comparison:
    return Comparison(
        count=100, max_abs=1e-7, mean_abs=1e-8, agreement=1.0, sqnr_db=sqnr_db, ssim=ssim
    )


def test_a_perfect_generator_is_at_the_floor_and_a_poor_one_is_not(
    truth: Truth, real: np.ndarray
) -> None:
    good = {m.name: m for m in evaluate(real, truth)}
    noisy = np.clip(real + RANDOM.normal(0, 0.2, real.shape), 0, 1).astype(np.float32)
    poor = {m.name: m for m in evaluate(noisy, truth)}
    floor = "Fréchet distance of real data"
    assert next(iter(good)) == FRECHET
    assert good[FRECHET].low <= good[floor].high
    assert good["times the distance of real data"].value < 3
    assert poor["times the distance of real data"].low > 3
    assert poor[FRECHET].low > good[FRECHET].high
    assert poor["kernel distance"].low > good["kernel distance"].high
    assert good[floor] == poor[floor]
    # As many held-out images as generated ones, or the two would not compare.
    assert {m.count for m in good.values()} == {min(len(truth.examples), len(truth.held_out))}
    assert all(not m.higher_is_better for m in good.values())


def test_a_generator_of_one_image_is_far_from_real(truth: Truth, real: np.ndarray) -> None:
    stuck = np.repeat(real[:1], len(real), axis=0)
    ratio = {m.name: m for m in evaluate(stuck, truth)}["times the distance of real data"]
    assert ratio.low > 10


def test_a_file_whose_images_are_worse_is_caught_and_chance_is_not(
    truth: Truth, real: np.ndarray
) -> None:
    dim = real * np.float32(0.8)
    assert not accuracy(truth, real, dim, 5.0).passed
    assert "farther from real ones" in accuracy(truth, real, dim, 5.0).reason
    assert accuracy(truth, dim, real, 5.0).passed, "better is never a reason to reject"
    assert accuracy(truth, real, real, 0.0).passed
    slight = np.clip(real + RANDOM.normal(0, 1e-4, real.shape), 0, 1).astype(np.float32)
    assert accuracy(truth, real, slight, 5.0).passed


def test_nan_is_no_image(truth: Truth, real: np.ndarray) -> None:
    assert not accuracy(truth, real, real * np.nan, 5.0).passed
    assert not TASK.parity(compare(real, real * np.nan), precision_named("int8")).passed


def test_compare_tells_noise_and_structure() -> None:
    first = images()
    same = compare(first, first)
    assert (same.count, same.max_abs, same.agreement, same.ssim) == (80, 0.0, 1.0, 1.0)
    other = compare(first, first[::-1])
    assert other.sqnr_db is not None
    assert other.sqnr_db < 6
    assert other.agreement == 0.0
    with pytest.raises(ZooError, match="outputs have shape"):
        compare(first, first[..., 0])


@pytest.mark.parametrize("precision", PRECISIONS, ids=lambda p: p.name)
def test_parity_asks_for_decibels_and_structure(precision: Precision) -> None:
    least, similar = precision.tolerances.sqnr_db, precision.tolerances.ssim
    assert TASK.parity(comparison(sqnr_db=least, ssim=similar), precision).passed
    assert TASK.parity(comparison(sqnr_db=least, ssim=similar), precision).value.endswith("latents")
    noisy = TASK.parity(comparison(sqnr_db=least - 0.1), precision)
    assert not noisy.passed
    assert "dB above their noise" in noisy.reason
    assert not TASK.parity(comparison(ssim=similar - 0.001), precision).passed
    assert not TASK.parity(comparison(sqnr_db=float("nan")), precision).passed
    assert not TASK.parity(dataclasses.replace(comparison(), ssim=None), precision).passed


def test_pixels_and_gallery_keep_every_image_in_its_place() -> None:
    made = images(30)
    picture = gallery(made)
    assert picture.shape == (2 * 30 - 2, 12 * 30 - 2, 1), "two pixels between images"
    np.testing.assert_array_equal(picture[30:, 30:58], pixels_of(made[13]))
    assert np.unique(picture[28:30]).tolist() == np.unique(picture[:, 28:30]).tolist() == [128]
    assert gallery(made[:5]).shape == (28, 5 * 30 - 2, 1)
    assert pixels_of(np.array([-1.0, 0.0, 0.5, 2.0, np.nan])).tolist() == [0, 0, 128, 255, 0]


def test_details_name_the_judge(truth: Truth, real: np.ndarray) -> None:
    assert details(real, truth)["judge"] == JUDGE


def test_a_generator_is_held_against_what_anyone_can_make(truth: Truth, real: np.ndarray) -> None:
    """Shuffled pixels and always one image; real images are better than both, noise is not."""
    (task,) = zoo_tasks()
    good = task.baseline(real, truth)
    assert good is not None
    assert good.better
    assert good.low is not None
    assert good.high is not None
    assert 0 < good.low < good.gain < good.high < 100
    order = np.random.default_rng(3)
    shuffled = np.stack(
        [order.permuted(column) for column in real.reshape(len(real), -1).T], axis=1
    ).reshape(real.shape)
    for poor in (images(len(real)), np.repeat(real[:1], len(real), axis=0), shuffled):
        found = task.baseline(poor, truth)
        assert found is not None
        assert not found.better
        assert found.metric == good.metric, "the baseline is that of the data"
