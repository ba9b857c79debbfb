"""ESPCN: super-resolution by convolutions at the small size, and pixels shuffled into place.

Shi et al., "Real-time single image and video super-resolution using an efficient sub-pixel
convolutional neural network", 2016 (arXiv:1609.05158): convolutions of 5, 3 and 3 pixels with 64,
32 and colours × factor² maps, then depth to space. Three things are others than in the paper: all
colours go through the network, since then an app needs no code for colour spaces; ReLU in the place
of tanh, which integer runtimes compute fast; and the input, repeated, is added before the shuffle,
as in ABPN (Du et al. 2021, arXiv:2105.09750), so that the network learns what nearest-neighbour
interpolation lacks.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from zoo.contracts import Architecture, Choices, ImagePreprocessing, Variant
from zoo.hookspecs import hookimpl


def build(
    inputs: Any,
    classes: int,
    *,
    factor: int = 2,
    filters: Sequence[int] = (64, 32),
    activation: str = "relu",
) -> Any:
    """Builds the enlarged picture.

    Args:
        inputs: float32, (batch, height, width, channels), 0 to 1.
        classes: Not used: the output is a picture.
        factor: By which height and width grow.
        filters: Of the two convolutions before the last.
        activation: Of these; ``tanh`` in the paper.

    Returns:
        (batch, height × factor, width × factor, channels), about 0 to 1.
    """
    import keras
    from keras import layers

    if len(filters) != 2:
        raise ValueError(f"filters are those of two convolutions, not of {len(filters)}")
    channels = inputs.shape[-1]
    options = {"padding": "same", "activation": activation}
    x = layers.Conv2D(filters[0], 5, name="features", **options)(inputs)
    x = layers.Conv2D(filters[1], 3, name="mapping", **options)(x)
    x = layers.Conv2D(channels * factor**2, 3, padding="same", name="subpixels")(x)
    repeated = layers.Concatenate(name="repeated")([inputs] * factor**2)
    x = layers.Add(name="added")([x, repeated])
    return keras.ops.depth_to_space(x, factor)


def _variant(factor: int, parameters: int, multiply_adds: int) -> Variant:
    return Variant(
        name=f"espcn_x{factor}",
        task="image-enhancement",
        preprocessing=ImagePreprocessing(
            height=32, width=32, channels=3, mean=(0.0,) * 3, std=(1.0,) * 3
        ),
        output_shape="input",
        output_scale=factor,
        classes=1,
        parameters=parameters,
        multiply_adds=multiply_adds,
        hyperparameters={"factor": factor},
    )


@hookimpl
def zoo_architectures() -> Any:
    """Yields the family."""
    yield Architecture(
        name="espcn",
        summary="Pictures two or three times as large, by convolutions at the small size",
        source="Shi et al. 2016, arXiv:1609.05158; Du et al. 2021, arXiv:2105.09750",
        build=build,
        weights=Path(__file__).with_name("weights"),
        widths=("filters",),
        searched={"activation": Choices(("relu", "tanh"))},
        variants=(_variant(2, 26_796, 27_328_512), _variant(3, 31_131, 31_752_192)),
    )
