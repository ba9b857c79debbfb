"""Noise and structural similarity of images, against figures made by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest

from zoo.tasks.image_similarity import MOST_DB, sqnr_db, ssim


def images(count: int = 3, side: int = 28, channels: int = 1) -> np.ndarray:
    y, x = np.mgrid[0:side, 0:side] / side
    waves = [0.5 + 0.5 * np.sin(9 * x * (i + 1) + 5 * y) for i in range(count)]
    return np.repeat(np.stack(waves)[..., None], channels, axis=-1).astype(np.float32)


def test_twenty_decibels_are_a_tenth_of_the_amplitude() -> None:
    signal = np.ones((4, 4))
    assert sqnr_db(signal, signal * 1.1) == pytest.approx(20.0)
    assert sqnr_db(signal, signal * 1.01) == pytest.approx(40.0)
    assert sqnr_db(signal, signal) == MOST_DB


def test_nan_and_infinity_are_never_good() -> None:
    signal = np.ones((2, 2))
    assert math.isnan(sqnr_db(signal, signal * np.nan))
    assert sqnr_db(signal, signal * np.inf) == -MOST_DB
    assert np.isnan(ssim(images(1), images(1) * np.nan)).all()


def test_ssim_is_one_for_equal_images_and_symmetric() -> None:
    one, other = images(), images()[::-1]
    np.testing.assert_allclose(ssim(one, one), 1.0)
    np.testing.assert_allclose(ssim(one, other), ssim(other, one))
    assert (ssim(one, other)[[0, 2]] < 0.7).all()


def test_ssim_of_two_grey_planes_is_the_closed_form() -> None:
    """Without structure only the luminance term is left."""
    dark, bright = np.full((1, 16, 16, 1), 0.2), np.full((1, 16, 16, 1), 0.6)
    expected = (2 * 0.2 * 0.6 + 1e-4) / (0.2**2 + 0.6**2 + 1e-4)
    np.testing.assert_allclose(ssim(dark, bright), expected)


def test_ssim_falls_with_noise_and_more_with_lost_structure() -> None:
    one = images()
    noise = np.random.default_rng(0).normal(0, 0.02, one.shape)
    slight, strong = ssim(one, one + noise).mean(), ssim(one, one + 10 * noise).mean()
    assert 0.9 < slight < 1.0
    assert strong < 0.8
    # As much squared difference as a shift of brightness makes, which structure survives.
    assert ssim(one, one + 0.02).mean() > slight


def test_images_smaller_than_the_window_have_a_smaller_window() -> None:
    assert ssim(images(2, side=8), images(2, side=8)).shape == (2,)


def test_a_large_sample_is_looked_at_in_chunks() -> None:
    many = np.tile(images(3), (100, 1, 1, 1))
    np.testing.assert_allclose(ssim(many, many[::-1].copy())[:3], ssim(images(3), images(3)[::-1]))
