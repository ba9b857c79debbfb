"""A small autoencoder that compresses pictures: an analysis and a synthesis by convolutions.

Ballé et al., "End-to-end optimized image compression", 2017 (arXiv:1611.01704), made small: three
halvings of 5 pixels each way, and ReLU where the paper has generalized divisive normalization,
which few runtimes on devices have. Its variants differ in what a bit is worth in training.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from zoo.contracts import Architecture, ImagePreprocessing, Variant
from zoo.hookspecs import hookimpl

_SIDE, _FACTOR = 64, 8
#: The spread of a new network's code, in steps of rounding: with less, all of it becomes zero
#: before anything is learnt.
_SPREAD = 64.0
#: By variant, the mean squared error, in pixel values of 0 to 255, that is worth one bit per pixel.
_RATES = {
    "autoencoder_small_low": 0.0032,
    "autoencoder_small": 0.01,
    "autoencoder_small_high": 0.032,
}


def build(
    inputs: Any, classes: int, *, filters: int = 48, code: int = 32, error_weight: float = 0.01
) -> Any:
    """Builds the code, and the picture made of the rounded code.

    Args:
        inputs: float32, (batch, height, width, channels), 0 to 1; sides are multiples of 8.
        classes: Not used: the output is a picture.
        filters: Maps of each convolution but the last.
        code: Channels of the code.
        error_weight: Bits per pixel that a mean squared error of 1, in pixel values of 0 to 255, is
            worth in training: the more, the better and larger the pictures.

    Returns:
        By name: ``code``, (batch, height / 8, width / 8, code), and ``picture``, of the shape of
        the inputs, about 0 to 1.
    """
    from keras import initializers, layers

    from zoo.networks.rounding import rounded

    x = inputs
    for number in (1, 2):
        x = layers.Conv2D(
            filters, 5, strides=2, padding="same", activation="relu", name=f"analysis{number}"
        )(x)
    wide = initializers.VarianceScaling(_SPREAD, "fan_in", "untruncated_normal")
    made = layers.Conv2D(
        code, 5, strides=2, padding="same", kernel_initializer=wide, name="analysis3"
    )(x)
    x = rounded(made, error_weight=error_weight)
    for number in (1, 2):
        x = layers.Conv2DTranspose(
            filters, 5, strides=2, padding="same", activation="relu", name=f"synthesis{number}"
        )(x)
    picture = layers.Conv2DTranspose(
        inputs.shape[-1], 5, strides=2, padding="same", bias_initializer=_grey(), name="synthesis3"
    )(x)
    return {"code": made, "picture": picture}


def _grey() -> Any:
    from keras import initializers

    return initializers.Constant(0.5)


@hookimpl
def zoo_architectures() -> Any:
    """Yields the family."""
    yield Architecture(
        name="compression_autoencoder",
        summary="Pictures as few whole numbers, and back, by convolutions",
        source="Ballé et al. 2017, arXiv:1611.01704",
        build=build,
        weights=Path(__file__).with_name("weights"),
        variants=tuple(
            Variant(
                name=name,
                task="image-compression",
                preprocessing=ImagePreprocessing(
                    height=_SIDE, width=_SIDE, channels=3, mean=(0.0,) * 3, std=(1.0,) * 3
                ),
                output_shape={
                    "code": (_SIDE // _FACTOR, _SIDE // _FACTOR, 32),
                    "picture": (_SIDE, _SIDE, 3),
                },
                classes=1,
                parameters=199_427,
                multiply_adds=41_779_200,
                hyperparameters={"filters": 48, "code": 32, "error_weight": weight},
            )
            for name, weight in _RATES.items()
        ),
    )
