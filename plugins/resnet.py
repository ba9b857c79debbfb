"""ResNet in its CIFAR form: He et al., "Deep Residual Learning for Image Recognition", 2015, 4.2.

Three stages of n blocks with 16, 32 and 64 filters make 6n+2 layers. As in MLPerf Tiny, 1x1
convolutions match shapes between stages and convolutions keep their biases.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from zoo.contracts import Architecture, Choices, ImagePreprocessing, Interval, Variant
from zoo.hookspecs import hookimpl


def build(
    inputs: Any,
    classes: int,
    *,
    blocks: int,
    width: float = 1.0,
    kernel: int = 3,
    dropout: float = 0.0,
) -> Any:
    """Builds the logits.

    Args:
        inputs: float32, (batch, height, width, channels), normalized.
        classes: Number of classes.
        blocks: Residual blocks per stage, n in the paper.
        width: Multiplies the filters of every stage.
        kernel: Sides of the convolutions, 3 in the paper.
        dropout: Share of the pooled features that is dropped while training.
    """
    from keras import layers

    stages = [max(round(width * filters), 1) for filters in (16, 32, 64)]
    x = _convolution(inputs, stages[0], kernel, name="stem")
    for stage, filters in enumerate(stages, start=1):
        for block in range(1, blocks + 1):
            stride = 2 if stage > 1 and block == 1 else 1
            name = f"stage{stage}_block{block}"
            y = _convolution(x, filters, kernel, stride, name=f"{name}_a")
            y = _convolution(y, filters, kernel, activate=False, name=f"{name}_b")
            if stride == 2:
                x = layers.Conv2D(filters, 1, stride, padding="same", name=f"{name}_shortcut")(x)
            x = layers.Add(name=f"{name}_add")([x, y])
            x = layers.ReLU(name=f"{name}_relu")(x)
    x = layers.GlobalAveragePooling2D(name="pool")(x)
    if dropout:
        x = layers.Dropout(dropout, name="dropout")(x)
    return layers.Dense(classes, name="head")(x)


def _convolution(
    x: Any, filters: int, size: int, stride: int = 1, activate: bool = True, *, name: str
) -> Any:
    from keras import layers

    x = layers.Conv2D(
        filters,
        size,
        stride,
        padding="same",
        kernel_initializer="he_normal",
        name=f"{name}_conv",
    )(x)
    x = layers.BatchNormalization(name=f"{name}_bn")(x)
    return layers.ReLU(name=f"{name}_relu")(x) if activate else x


def _variant(name: str, blocks: int, parameters: int, multiply_adds: int) -> Variant:
    return Variant(
        name=name,
        preprocessing=ImagePreprocessing(
            height=28, width=28, channels=1, mean=(0.2860,), std=(0.3530,)
        ),
        classes=10,
        parameters=parameters,
        multiply_adds=multiply_adds,
        hyperparameters={"blocks": blocks},
    )


@hookimpl
def zoo_architectures() -> Any:
    """Yields the family."""
    yield Architecture(
        name="resnet",
        summary="Residual networks for small images, as in He 2015 (4.2) and MLPerf Tiny",
        source="He et al. 2015, arXiv:1512.03385; Banbury et al. 2021, arXiv:2106.07597",
        build=build,
        weights=Path(__file__).with_name("weights"),
        widths=("width",),
        searched={"blocks": Interval(1, 3), "kernel": Choices((3, 5))},
        variants=(
            _variant("resnet8", 1, 78_378, 9_345_920),
            _variant("resnet20", 3, 274_154, 31_021_952),
            _variant("resnet32", 5, 469_930, 52_697_984),
        ),
    )
