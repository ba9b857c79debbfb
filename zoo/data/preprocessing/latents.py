"""Latent vectors: the noise inputs of a generator."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from zoo.contracts.dataset import Split
from zoo.contracts.preprocessing import InputKind, LatentPreprocessing


def latent(preprocessing: LatentPreprocessing, index: int) -> NDArray[np.float32]:
    """The latent vector of an example's number, float32, shape (size,)."""
    random = np.random.default_rng((preprocessing.seed, index))
    return random.standard_normal(preprocessing.size, dtype=np.float32)


class Latents(InputKind[LatentPreprocessing]):
    """Noise by the number of the example."""

    def read(self, split: Split, index: int) -> NDArray[Any]:
        """As `latent`; the example itself is not read."""
        return latent(self.own, index)
