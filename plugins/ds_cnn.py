"""DS-CNN: a convolution and depthwise separable ones, for words in short sounds.

Zhang et al., "Hello Edge: Keyword Spotting on Microcontrollers", arXiv:1711.07128, in the form that
MLPerf Tiny takes (Banbury et al., arXiv:2106.07597): one convolution of 10 frames by 4 values in
steps of two, four depthwise separable ones of 3 by 3, the mean over all places, a dense layer.
`ds_cnn` takes what it takes there: 49 frames of 10 cepstral coefficients. `ds_cnn_mel` reads all 40
bands, for four times the work.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from zoo.contracts import Architecture, Interval, SoundPreprocessing, Variant
from zoo.hookspecs import hookimpl


def build(
    inputs: Any, classes: int, *, filters: int = 64, blocks: int = 4, dropout: float = 0.2
) -> Any:
    """Builds the logits.

    Args:
        inputs: float32, (batch, frames, values, 1), normalized.
        classes: Number of classes.
        filters: Of every convolution.
        blocks: Depthwise separable convolutions.
        dropout: Share of the first convolution's outputs that is dropped while training; twice as
            much before the mean.
    """
    from keras import layers

    x = layers.Conv2D(filters, (10, 4), 2, padding="same", name="conv")(inputs)
    x = _activated(x, "conv")
    if dropout:
        x = layers.Dropout(dropout, name="dropout")(x)
    for block in range(1, blocks + 1):
        x = layers.DepthwiseConv2D(3, padding="same", name=f"depthwise{block}")(x)
        x = _activated(x, f"depthwise{block}")
        x = layers.Conv2D(filters, 1, name=f"pointwise{block}")(x)
        x = _activated(x, f"pointwise{block}")
    if dropout:
        x = layers.Dropout(min(2 * dropout, 0.9), name="dropout_pool")(x)
    x = layers.GlobalAveragePooling2D(name="pool")(x)
    return layers.Dense(classes, name="head")(x)


def _activated(x: Any, name: str) -> Any:
    from keras import layers

    return layers.ReLU(name=f"{name}_relu")(layers.BatchNormalization(name=f"{name}_bn")(x))


@hookimpl
def zoo_architectures() -> Any:
    """Yields the family."""
    yield Architecture(
        name="ds_cnn",
        summary="Depthwise separable convolutions for keyword spotting, as in MLPerf Tiny",
        source="Zhang et al. 2017, arXiv:1711.07128; Banbury et al. 2021, arXiv:2106.07597",
        build=build,
        weights=Path(__file__).with_name("weights"),
        widths=("filters",),
        searched={"blocks": Interval(2, 6)},
        variants=(
            Variant(
                name="ds_cnn",
                task="audio-classification",
                preprocessing=SoundPreprocessing(coefficients=10),
                classes=12,
                parameters=24_908,
                multiply_adds=2_656_768,
            ),
            Variant(
                name="ds_cnn_mel",
                task="audio-classification",
                preprocessing=SoundPreprocessing(),
                classes=12,
                parameters=24_908,
                multiply_adds=10_624_768,
            ),
        ),
    )
