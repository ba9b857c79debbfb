"""DnCNN: a network that finds the noise of a picture, which is then subtracted.

Zhang et al., "Beyond a Gaussian denoiser: residual learning of deep CNN for image denoising", 2017
(arXiv:1608.03981): convolutions of 3 pixels, batch normalization and ReLU between the first and the
last. The paper's has 17 to 20 layers of 64 maps; `dncnn_small` has 7 of 32.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from zoo.contracts import Architecture, ImagePreprocessing, Interval, Variant
from zoo.hookspecs import hookimpl


def build(inputs: Any, classes: int, *, depth: int = 7, filters: int = 32) -> Any:
    """Builds the picture without its noise.

    Args:
        inputs: float32, (batch, height, width, channels), 0 to 1.
        classes: Not used: the output is a picture.
        depth: Number of convolutions, from 3.
        filters: Maps of each but the last.

    Returns:
        Of the shape of the inputs, about 0 to 1.
    """
    from keras import layers

    if depth < 3:
        raise ValueError(f"depth is 3 or more, not {depth}")
    x = layers.Conv2D(filters, 3, padding="same", activation="relu", name="conv1")(inputs)
    for number in range(2, depth):
        x = layers.Conv2D(filters, 3, padding="same", use_bias=False, name=f"conv{number}")(x)
        x = layers.BatchNormalization(name=f"bn{number}")(x)
        x = layers.ReLU(name=f"relu{number}")(x)
    noise = layers.Conv2D(
        # A new network leaves pictures as they are.
        inputs.shape[-1],
        3,
        padding="same",
        kernel_initializer="zeros",
        name=f"conv{depth}",
    )(x)
    return layers.Subtract(name="subtracted")([inputs, noise])


@hookimpl
def zoo_architectures() -> Any:
    """Yields the family."""
    yield Architecture(
        name="dncnn",
        summary="Pictures without their noise or the traces of JPEG, by residual convolutions",
        source="Zhang et al. 2017, arXiv:1608.03981",
        build=build,
        weights=Path(__file__).with_name("weights"),
        widths=("filters",),
        searched={"depth": Interval(4, 10)},
        variants=(
            Variant(
                name="dncnn_small",
                task="image-enhancement",
                preprocessing=ImagePreprocessing(
                    height=64, width=64, channels=3, mean=(0.0,) * 3, std=(1.0,) * 3
                ),
                output_shape="input",
                classes=1,
                parameters=48_483,
                multiply_adds=195_821_568,
                hyperparameters={"depth": 7, "filters": 32},
            ),
        ),
    )
