"""Pictures in another light: what changes, by how much, and what does not."""

from __future__ import annotations

import numpy as np
import pytest

from zoo.data.preprocessing.augment import augment, augmentation_names

tf = pytest.importorskip("tensorflow")

COUNT, SIDE = 256, 8


def in_other_light(pixels: np.ndarray, seed: int = 3) -> np.ndarray:
    return np.asarray(augment(["colour"], seed)(pixels, ())[0])


def halves(first: tuple[int, ...], second: tuple[int, ...]) -> np.ndarray:
    """The same picture many times: its left half in one colour, its right half in another."""
    pixels = np.empty((COUNT, SIDE, SIDE, len(first)), np.uint8)
    pixels[:, :, : SIDE // 2], pixels[:, :, SIDE // 2 :] = first, second
    return pixels


@pytest.mark.parametrize("channels", [1, 3])
def test_brightness_and_contrast_stay_within_their_limits(channels: int) -> None:
    # No value reaches 0 or 255, where it would be cut.
    found = in_other_light(halves((118,) * channels, (138,) * channels))
    np.testing.assert_allclose(np.ptp(found, axis=-1), 0, atol=1e-3)  # greys stay grey
    left, right = found[:, 0, 0, 0], found[:, 0, -1, 0]
    brightness, contrast = (left + right) / 2 - 128, (right - left) / 20
    assert np.abs(brightness).max() < 63.76
    assert brightness.min() < -55
    assert brightness.max() > 55
    assert 0.5 <= contrast.min() + 1e-4 < 0.55
    assert 1.9 < contrast.max() - 1e-4 <= 2.0


def test_colours_are_turned_and_are_from_grey_to_twice_as_strong() -> None:
    colour = np.array([160, 140, 144])
    found = in_other_light(halves(tuple(colour), (128,) * 3))
    contrast = (found[:, 0, 0].mean(1) - found[:, 0, -1].mean(1)) / (colour.mean() - 128)
    # What is left of red, green and blue when their mean is taken away: a vector of the colour.
    before = colour - colour.mean()
    after = found[:, 0, 0] - found[:, 0, 0].mean(axis=1, keepdims=True)
    strength = np.linalg.norm(after, axis=1) / np.linalg.norm(before) / np.abs(contrast)
    angles = np.degrees(
        np.arccos(after @ before / np.linalg.norm(after, axis=1) / np.linalg.norm(before))
    )
    assert strength.min() < 0.1
    assert 1.9 < strength.max() < 2.001
    assert 33 < angles.max() < 36.1
    # Either way round the axis of greys.
    sides = np.cross(np.broadcast_to(before, after.shape), after).sum(axis=1)
    assert 100 < (sides > 0).sum() < 156


def test_values_that_leave_the_range_are_cut() -> None:
    found = in_other_light(halves((0,) * 3, (255,) * 3))
    assert found.dtype == np.float32
    assert found.min() == 0
    assert found.max() == 255


def test_labels_stay_and_calls_follow_the_seed() -> None:
    def refuse(given: object, transform: object) -> None:
        raise AssertionError("nothing has moved")

    pixels, labels = halves((10, 90, 200), (30, 60, 7)), np.arange(COUNT)
    values, kept = augment(["colour"], 5, refuse)(pixels, labels)
    np.testing.assert_array_equal(kept, labels)
    np.testing.assert_array_equal(values, in_other_light(pixels, 5))
    assert not np.array_equal(values, in_other_light(pixels, 6))


def test_the_american_spelling_means_the_same() -> None:
    assert augmentation_names(["color", "flip", "colour"]) == ("flip", "colour")
