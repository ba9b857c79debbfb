"""What is kept of the probabilities of all pixels of a whole split.

A picture of 96×96 pixels and eleven classes has 400 kB of probabilities; a thousand of them, of a
network and of three files, would take gigabytes. Decisions are kept for every pixel, in one or two
bytes, and probabilities for `SAMPLED` pixels, the same ones in all pictures of one size.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from zoo.common.named_arrays import joined

if TYPE_CHECKING:
    from zoo.contracts.task import Array

#: Pixels of each picture whose probabilities are kept; of smaller pictures all.
SAMPLED = 1024
_SEED = 0
#: Fields of what is kept.
CHOSEN, PROBABILITIES = "chosen", "probabilities"


@lru_cache(maxsize=16)
def sampled_pixels(count: int) -> Array:
    """Numbers of the pixels whose probabilities are kept, of so many: int64, ascending."""
    import numpy as np

    if count <= SAMPLED:
        return np.arange(count)
    # Drawn at random: a grid could fall on that of strides and of doubled pixels.
    drawn: Array = np.sort(np.random.default_rng(_SEED).permutation(count)[:SAMPLED])
    return drawn


def condensed(outputs: Array) -> Array:
    """Class and sampled probabilities of each picture; what is so already, unchanged.

    Args:
        outputs: float32, (pictures, height, width, classes).

    Returns:
        Structured, (pictures,): `CHOSEN`, uint8 or uint16 (height, width), and `PROBABILITIES`,
        float32 (pixels, classes). A picture with any probability that is no number has none in all
        of its sample.
    """
    import numpy as np

    if outputs.dtype.names is not None:
        return outputs
    pictures, height, width, classes = outputs.shape
    flat = outputs.reshape(pictures, height * width, classes)
    chosen = chosen_classes(outputs)
    sample = flat[:, sampled_pixels(height * width)].astype(np.float32)
    sample[~np.isfinite(flat).all(axis=(1, 2))] = np.nan
    return joined({CHOSEN: chosen, PROBABILITIES: sample})


def chosen_classes(outputs: Array) -> Array:
    """The likeliest class of each pixel, uint8 or uint16 (pictures, height, width)."""
    import numpy as np

    if outputs.dtype.names is not None:
        kept: Array = outputs[CHOSEN]
        return kept
    found: Array = outputs.argmax(axis=-1)
    return found.astype(np.uint8 if outputs.shape[-1] <= 256 else np.uint16)


def sampled_probabilities(outputs: Array) -> Array:
    """Probabilities of the sampled pixels, float32 (pictures, pixels, classes)."""
    kept: Array = condensed(outputs)[PROBABILITIES]
    return kept


def sampled_labels(labels: Array) -> Array:
    """Classes of the same pixels, int64 (pictures, pixels)."""
    flat = labels.reshape(len(labels), -1)
    found: Array = flat[:, sampled_pixels(flat.shape[1])].astype("int64")
    return found


def mask_of(output: Array) -> Array:
    """The class of each pixel of one picture, (height, width); its output whole or condensed."""
    if output.dtype.names is not None:
        kept: Array = output[CHOSEN]
        return kept
    found: Array = chosen_classes(output[None])[0]
    return found


def classes_of(output: Array) -> int:
    """How many classes the output of one picture tells apart, whole or condensed."""
    own = output[PROBABILITIES] if output.dtype.names is not None else output
    return int(own.shape[-1])
