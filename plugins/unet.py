"""U-Net, small: Ronneberger, Fischer and Brox, "U-Net", MICCAI 2015, arXiv:1505.04597.

Convolutions halve the picture level by level, and behind the lowest one it grows again, each time
beside what the encoder had at that size. Unlike the paper, convolutions keep the size and have
batch normalization, the decoder has one convolution at each level, and there are few filters. It
grows by bilinear resizing: runtimes have integer kernels for that, and not all of them for a
transposed convolution.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from zoo.contracts import Architecture, ImagePreprocessing, Variant
from zoo.hookspecs import hookimpl


def build(
    inputs: Any,
    classes: int,
    *,
    filters: Sequence[int] = (8, 16, 32, 64),
    dropout: float = 0.0,
) -> Any:
    """Builds the logits of every pixel.

    Args:
        inputs: float32, (batch, height, width, channels), normalized; both sides divisible by two
            to the number of filters less one.
        classes: Number of classes.
        filters: Of the levels, from the full size down.
        dropout: Share of the values at the lowest level that is dropped while training.

    Returns:
        (batch, height, width, classes).
    """
    from keras import layers

    shrunk = 2 ** (len(filters) - 1)
    if any(side is not None and side % shrunk for side in inputs.shape[1:3]):
        raise ValueError(
            f"height and width must be multiples of {shrunk}, not {list(inputs.shape[1:3])}"
        )
    x, kept = inputs, []
    for level, count in enumerate(filters, start=1):
        if level > 1:
            kept.append(x)
            x = layers.MaxPooling2D(2, name=f"pool{level}")(x)
        x = _convolution(x, count, f"down{level}_a")
        x = _convolution(x, count, f"down{level}_b")
    if dropout:
        x = layers.Dropout(dropout, name="dropout")(x)
    for level in range(len(filters) - 1, 0, -1):
        x = layers.UpSampling2D(2, interpolation="bilinear", name=f"double{level}")(x)
        x = layers.Concatenate(name=f"beside{level}")([kept.pop(), x])
        x = _convolution(x, filters[level - 1], f"up{level}")
    return layers.Conv2D(classes, 1, name="head")(x)


def _convolution(x: Any, filters: int, name: str) -> Any:
    from keras import layers

    x = layers.Conv2D(
        filters, 3, padding="same", use_bias=False, kernel_initializer="he_normal", name=name
    )(x)
    x = layers.BatchNormalization(name=f"{name}_bn")(x)
    return layers.ReLU(name=f"{name}_relu")(x)


@hookimpl
def zoo_architectures() -> Any:
    """Yields the family."""
    side, classes = 64, 11
    yield Architecture(
        name="unet",
        summary="U-Net with few filters: one class for each pixel",
        source="Ronneberger et al. 2015, arXiv:1505.04597",
        build=build,
        weights=Path(__file__).with_name("weights"),
        widths=("filters",),
        variants=(
            Variant(
                name="unet_small",
                task="semantic-segmentation",
                preprocessing=ImagePreprocessing(
                    height=side, width=side, channels=3, mean=(0.5,) * 3, std=(0.25,) * 3
                ),
                output_shape="pixels",
                classes=classes,
                parameters=110_939,
                multiply_adds=35_454_976,
                hyperparameters={"filters": (8, 16, 32, 64)},
            ),
        ),
    )
