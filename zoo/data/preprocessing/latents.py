"""Latents: the noise that a generator starts from."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from zoo.contracts.dataset import Split
from zoo.contracts.preprocessing import LatentPreprocessing


def read_latent(
    split: Split, index: int, preprocessing: LatentPreprocessing
) -> NDArray[np.float32]:
    """The noise that belongs to an example's number; the example itself is not read.

    Returns:
        float32, shape (size,), normally distributed; the same for the same number on any machine.
    """
    return latent(preprocessing, index)


def latent(preprocessing: LatentPreprocessing, index: int) -> NDArray[np.float32]:
    """The noise of a number, float32, shape (size,)."""
    random = np.random.default_rng((preprocessing.seed, index))
    return random.standard_normal(preprocessing.size, dtype=np.float32)
