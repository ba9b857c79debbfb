"""A small autoencoder that compresses pictures, initialized as the discrete cosine transform.

Ballé et al., "End-to-end optimized image compression", 2017 (arXiv:1611.01704): analysis, rounding
and synthesis are trained together for rate and error. Networks of convolutions alone take days for
that. This one begins as what JPEG does: the discrete cosine transform of blocks of 8×8 pixels
(Ahmed et al. 1974) in luma and chroma, as a convolution and its transpose of stride 8. Beside
them are convolutions that see more than one block; they begin at zero, and so training only
improves on the cosine transform. ReLU is used in the place of generalized divisive normalization,
which few runtimes on devices have. The variants differ in what a bit is worth in training.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from zoo.contracts import Architecture, ImagePreprocessing, Variant
from zoo.hookspecs import hookimpl

_SIDE, _FACTOR = 64, 8
_WHITE = 255.0
#: Inputs and codes are made small, and the weights of both transforms large. One step of training
#: then changes these little: they begin well, and what is around them at nothing.
_WIDE, _LARGE = 4.0, 16.0
#: What inputs are beside: a byte, so that bytes are whole steps of integer files as they are.
_GREY = 128 / 255
#: Of luma, and of each of two chromas: the lowest frequencies are kept.
_LUMA, _CHROMA = 52, 6
_CODE = _LUMA + 2 * _CHROMA
#: By variant, what a mean squared error of 1, in pixel values of 0 to 255, is worth in bits per
#: pixel.
_RATES = {
    "autoencoder_small_low": 0.0032,
    "autoencoder_small": 0.01,
    "autoencoder_small_high": 0.032,
}
#: Rows turn red, green and blue into luma and two chromas, orthonormal.
_COLOURS = ((3**-0.5,) * 3, (2**-0.5, 0.0, -(2**-0.5)), (6**-0.5, -2 * 6**-0.5, 6**-0.5))


def build(inputs: Any, classes: int, *, filters: int = 96, error_weight: float = 0.01) -> Any:
    """Builds the code, and the picture made of the rounded code.

    Args:
        inputs: float32, (batch, height, width, 3), -1/8 to 1/8; sides are multiples of 8.
        classes: Not used: the output is a picture.
        filters: Maps of the convolution beside the transform; a sixth of it in pixels.
        error_weight: Bits per pixel that a mean squared error of 1, in pixel values of 0 to 255, is
            worth in training: the more, the better and larger the pictures.

    Returns:
        By name: ``code``, (batch, height / 8, width / 8, 64), and ``picture``, of the shape of
        the inputs, about 0 to 1.
    """
    from keras import initializers, layers

    from zoo.networks.rounding import rounded

    basis = _basis()
    step = _step(error_weight)
    made = layers.Conv2D(
        _CODE,
        _FACTOR,
        strides=_FACTOR,
        # Pads nothing where blocks are whole, and keeps what is before it out of integer weights.
        padding="same",
        kernel_initializer=initializers.Constant(_WHITE * _WIDE / step * basis),
        name="analysis",
    )(inputs)
    whole = rounded(made, error_weight=error_weight)
    # In steps of rounding from here on, so that all weights are of a size and learn at one rate.
    blocks = layers.Conv2DTranspose(
        3,
        _FACTOR,
        strides=_FACTOR,
        kernel_initializer=initializers.Constant(_LARGE * basis),
        bias_initializer=initializers.Constant(_LARGE * _GREY * _WHITE / step),
        name="synthesis",
    )(whole)
    drawn = layers.Rescaling(1 / _LARGE, name="drawn")(blocks)
    options: dict[str, Any] = {"padding": "same", "activation": "relu"}
    # Blocks are mended as codes, where a convolution of 3×3 sees 24×24 pixels, and as pixels.
    x = layers.Rescaling(1 / _LARGE, name="small")(whole)
    x = layers.Conv2D(filters, 3, name="mending1", **options)(x)
    mended = layers.Conv2DTranspose(
        3, _FACTOR, strides=_FACTOR, kernel_initializer="zeros", name="mending2"
    )(x)
    x = layers.Conv2D(filters // 6, 3, name="smoothing1", **options)(drawn)
    smoothed = layers.Conv2D(3, 3, padding="same", kernel_initializer="zeros", name="smoothing2")(x)
    x = layers.Add(name="corrections")([mended, smoothed])
    x = layers.Add(name="corrected")([drawn, x])
    return {"code": made, "picture": layers.Rescaling(step / _WHITE, name="brightness")(x)}


def _step(error_weight: float) -> float:
    """The step of rounding that the cosine transform is best with, in pixel values."""
    return float(2.2 * error_weight**-0.5)


def _basis() -> Any:
    """The cosine transform of luma and chromas, orthonormal: float32 (8, 8, 3, code)."""
    import numpy as np

    place = np.arange(_FACTOR)
    waves = np.cos(np.pi * (place[:, None] + 0.5) * place / _FACTOR) * (2 / _FACTOR) ** 0.5
    waves[:, 0] *= 0.5**0.5
    ordered = sorted(np.ndindex(_FACTOR, _FACTOR), key=lambda one: (sum(one), one))
    kept = [
        waves[:, None, None, row] * waves[None, :, None, column] * np.array(colour)
        for colour, count in zip(_COLOURS, (_LUMA, _CHROMA, _CHROMA), strict=True)
        for row, column in ordered[:count]
    ]
    return np.stack(kept, axis=-1).astype(np.float32)


@hookimpl
def zoo_architectures() -> Any:
    """Yields the family."""
    yield Architecture(
        name="compression",
        summary="Pictures as few whole numbers, and back, by convolutions",
        source="Ballé et al. 2017, arXiv:1611.01704",
        build=build,
        weights=Path(__file__).with_name("weights"),
        # Steps of rounding follow from it.
        tied=("error_weight",),
        variants=tuple(
            Variant(
                name=name,
                task="image-compression",
                preprocessing=ImagePreprocessing(
                    height=_SIDE, width=_SIDE, channels=3, mean=(_GREY,) * 3, std=(_WIDE,) * 3
                ),
                output_shape={
                    "code": (_SIDE // _FACTOR, _SIDE // _FACTOR, _CODE),
                    "picture": "input",
                },
                classes=1,
                parameters=99_353,
                multiply_adds=9_830_400,
                hyperparameters={"filters": 96, "error_weight": weight},
            )
            for name, weight in _RATES.items()
        ),
    )
