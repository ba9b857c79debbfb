"""Detectors without anchors: a grid of centres, each with the box of its object.

Zhou et al., "Objects as Points", 2019 (arXiv:1904.07850): an object is the peak of a map of
probabilities, and its box is read there; no boxes are suppressed. The layers here are plain ones
for small inputs: strided convolutions down to a sixteenth of the picture, then doubled cells, each
added to the convolution of the same size on the way down. `fomo_small` answers on a grid of an
eighth of the picture, as FOMO does for microcontrollers (Edge Impulse 2022, which has no boxes);
`centernet_small` on one of a quarter.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from zoo.contracts import Architecture, ImagePreprocessing, Variant
from zoo.hookspecs import hookimpl

#: Values of a cell beside one for each class.
_BOX = 4
#: How probable an object is at first in each cell: most hold none (Lin et al., arXiv:1708.02002).
_PRIOR_LOGIT = -4.0


def build(
    inputs: Any, classes: int, *, filters: Sequence[int], repeats: int, finest: int, head: int
) -> Any:
    """Builds the grid of logits.

    Args:
        inputs: float32, (batch, height, width, channels), normalized; both sides divisible by two
            to the number of filters.
        classes: Number of classes.
        filters: Of each convolution that halves the sides.
        repeats: Further convolutions behind each of these but the first.
        finest: The answer has this share of the input's sides: 4 for a quarter.
        head: Filters of the convolution before the answer.

    Returns:
        (batch, height / finest, width / finest, classes + 4).
    """
    import numpy as np
    from keras import initializers, layers

    shrunk, levels = 2 ** len(filters), finest.bit_length() - 1
    if any(side % shrunk for side in inputs.shape[1:3]):
        raise ValueError(f"height and width must be multiples of {shrunk}")
    if finest != 2**levels or not 2 <= levels <= len(filters):
        raise ValueError(f"finest must be a power of two from 4 to {shrunk}, not {finest}")
    x, passed = inputs, []
    for level, count in enumerate(filters, start=1):
        x = _convolution(x, count, f"down{level}", strides=2)
        for number in range(repeats if level > 1 else 0):
            x = _convolution(x, count, f"conv{level}_{number + 1}")
        passed.append(x)
    for level in range(len(filters) - 1, levels - 1, -1):
        count = filters[level - 1]
        x = _convolution(x, count, f"narrow{level}", size=1)
        x = layers.UpSampling2D(2, name=f"double{level}")(x)
        x = layers.Add(name=f"add{level}")([x, passed[level - 1]])
        x = _convolution(x, count, f"up{level}")
    x = _convolution(x, head, "before_head")
    bias = np.array([_PRIOR_LOGIT] * classes + [0.0] * _BOX, np.float32)
    return layers.Conv2D(
        classes + _BOX, 1, bias_initializer=initializers.Constant(bias), name="head"
    )(x)


def _convolution(x: Any, count: int, name: str, *, size: int = 3, strides: int = 1) -> Any:
    from keras import layers

    x = layers.Conv2D(
        count,
        size,
        strides,
        padding="same",
        use_bias=False,
        kernel_initializer="he_normal",
        name=name,
    )(x)
    x = layers.BatchNormalization(name=f"bn_{name}")(x)
    return layers.ReLU(name=f"relu_{name}")(x)


def _variant(name: str, parameters: int, multiply_adds: int, **hyperparameters: Any) -> Variant:
    side = 96 // hyperparameters["finest"]
    return Variant(
        name=name,
        task="object-detection",
        preprocessing=ImagePreprocessing(
            height=96, width=96, channels=3, mean=(0.5,) * 3, std=(0.25,) * 3
        ),
        output_shape=(side, side, None),
        beside_classes=_BOX,
        classes=10,
        parameters=parameters,
        multiply_adds=multiply_adds,
        hyperparameters=hyperparameters,
    )


@hookimpl
def zoo_architectures() -> Any:
    """Yields the family."""
    yield Architecture(
        name="centernet",
        summary="Detectors without anchors or suppression: objects are peaks of a map",
        source="Zhou et al. 2019, arXiv:1904.07850; Edge Impulse 2022, FOMO",
        build=build,
        weights=Path(__file__).with_name("weights"),
        widths=("filters", "head"),
        variants=(
            _variant(
                "fomo_small",
                68_350,
                9_695_232,
                filters=(16, 24, 40, 56),
                repeats=0,
                finest=8,
                head=48,
            ),
            _variant(
                "centernet_small",
                279_134,
                41_379_840,
                filters=(16, 32, 64, 96),
                repeats=1,
                finest=4,
                head=48,
            ),
        ),
    )
