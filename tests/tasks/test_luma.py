"""PSNR and SSIM on luma beside scikit-image's, on random and hand-made pictures."""

import numpy as np
import pytest
from skimage.color import rgb2ycbcr
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from zoo.tasks import luma

RANDOM = np.random.default_rng(0)


def pairs() -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Pictures beside others: noise, nearly the same, flat ones, edges, and odd sizes."""
    noise = RANDOM.integers(0, 256, (3, 24, 31, 3)).astype(np.uint8)
    near = np.clip(noise.astype(int) + RANDOM.integers(-9, 10, noise.shape), 0, 255)
    flat = np.full((1, 16, 16, 3), 77, np.uint8)
    edge = np.zeros((1, 20, 20, 3), np.uint8)
    edge[:, :, 10:] = 255
    return {
        "noise": (noise, np.roll(noise, 1, axis=0)),
        "near": (noise, near.astype(np.uint8)),
        "flat": (flat, flat + np.uint8(3)),
        "edge": (edge, np.roll(edge, 1, axis=2)),
    }


@pytest.mark.parametrize("border", [0, 2])
@pytest.mark.parametrize("name", ["noise", "near", "flat", "edge"])
def test_both_are_those_of_scikit_image(name: str, border: int) -> None:
    mine, true = pairs()[name]
    ratios, similar = luma.psnr(mine, true, border), luma.similarity(mine, true, border)
    for number in range(len(mine)):
        inside = slice(border, -border or None)
        given = [rgb2ycbcr(one[number])[inside, inside, 0] for one in (mine, true)]
        assert ratios[number] == pytest.approx(
            peak_signal_noise_ratio(given[1], given[0], data_range=255), abs=1e-6
        )
        expected = structural_similarity(
            *given, data_range=255, gaussian_weights=True, sigma=1.5, use_sample_covariance=False
        )
        assert similar[number] == pytest.approx(expected, abs=1e-6)


def test_equal_pictures_have_the_most_and_one_step_is_known_by_hand() -> None:
    grey = np.full((1, 16, 16, 1), 100, np.uint8)
    assert luma.psnr(grey, grey, 0)[0] == luma.MOST_DB
    assert luma.similarity(grey, grey, 0)[0] == pytest.approx(1.0)
    # One step of grey is 219/255 of one of luma.
    expected = 20 * np.log10(255 / (219 / 255))
    assert luma.psnr(grey + np.uint8(1), grey, 0)[0] == pytest.approx(expected)


def test_the_border_counts_for_nothing() -> None:
    mine, true = pairs()["near"]
    spoilt = mine.copy()
    spoilt[:, :2], spoilt[:, :, -2:] = 0, 255
    assert np.array_equal(luma.psnr(spoilt, true, 2), luma.psnr(mine, true, 2))
    assert (luma.psnr(spoilt, true, 0) < luma.psnr(mine, true, 0)).all()
