"""Latent vectors: the noise inputs of a generator."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from zoo.common.errors import UsageError
from zoo.contracts.dataset import Split
from zoo.contracts.preprocessing import InputKind, LatentPreprocessing, SampleList


def latent(preprocessing: LatentPreprocessing, index: int) -> NDArray[np.float32]:
    """The latent vector of an example's number, float32, shape (size,)."""
    random = np.random.default_rng((preprocessing.seed, index))
    return random.standard_normal(preprocessing.size, dtype=np.float32)


class Latents(InputKind[LatentPreprocessing]):
    """Noise by the number of the example."""

    def read(self, split: Split, index: int) -> NDArray[Any]:
        """As `latent`; the example itself is not read."""
        return latent(self.own, index)

    def samples(self, given: str, data: str = "") -> SampleList:
        """None: a generator takes noise.

        Raises:
            UsageError: Always.
        """
        raise UsageError(
            "a generator takes no examples: it makes them from noise",
            why=f"its input is {self.own.describe()['input']}",
            fix="the report of `zoo ship` shows what it makes",
        )
