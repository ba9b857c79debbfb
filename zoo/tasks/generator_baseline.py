"""What a generator is judged beside: images that anyone can make from the data's own."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from zoo.contracts import LatentPreprocessing, Metric, Split
from zoo.contracts.baseline import AgainstBaseline
from zoo.data.preprocessing.inputs import read_inputs
from zoo.tasks.distances import Moments, frechet, real_distances
from zoo.tasks.features import features_of, real_features

if TYPE_CHECKING:
    from zoo.contracts.task import Array

_SEED = 80_211
SHUFFLED = "real images whose pixels are shuffled among them"
CONSTANT = "always one image, in the middle of the real ones"


def against_trivial(
    name: str, generated: Array, real: Split, held_out: Split, preprocessing: LatentPreprocessing
) -> AgainstBaseline:
    """How much closer generated images are to real ones than the nearer of two trivial samples.

    Shuffled pixels keep the distribution of each pixel and lose every shape: what noise can reach.
    One image at the mean of the real features is what a generator that always draws the same can
    reach. The generator is better when the interval of the ratio of distances stays below 1.

    Args:
        name: Of the distance.
        generated: Features of what was generated.
        real: What it is compared with.
        held_out: Real examples that the trivial samples are made of, as many as were generated.
        preprocessing: How examples are read, and who judges.
    """
    import numpy as np

    count = len(generated)
    target = real_features(real, len(real), preprocessing)
    others = real_features(held_out, count, preprocessing)
    trivial = {
        SHUFFLED: features_of(_shuffled(held_out, count, preprocessing), preprocessing.judge),
        CONSTANT: np.repeat(others.mean(axis=0, keepdims=True), count, axis=0),
    }
    moments = Moments.of(target)
    answer = min(trivial, key=lambda made: frechet(moments, Moments.of(trivial[made])))
    found = real_distances(target, generated, trivial[answer])
    return AgainstBaseline(
        answer=answer,
        metric=Metric(
            name=name,
            value=found.held_out.value,
            low=found.held_out.low,
            high=found.held_out.high,
            count=count,
            higher_is_better=False,
        ),
        gain=100.0 * (1.0 - found.ratio.value),
        low=100.0 * (1.0 - found.ratio.high),
        high=100.0 * (1.0 - found.ratio.low),
        better=found.ratio.high < 1.0,
    )


@lru_cache(maxsize=2)
def _shuffled(split: Split, count: int, preprocessing: LatentPreprocessing) -> Array:
    """Images whose every pixel is that of another image, uint8 (count, height, width, channels)."""
    import numpy as np

    images = read_inputs(split, preprocessing.examples, range(count))
    random = np.random.default_rng(_SEED)
    pixels = images.reshape(count, -1, images.shape[-1])
    for place in range(pixels.shape[1]):
        pixels[:, place] = pixels[random.permutation(count), place]
    shuffled: Array = pixels.reshape(images.shape)
    return shuffled
