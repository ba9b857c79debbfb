"""The plain convolutional networks that tutorials start from: nothing but what the name says.

`convnet28` is one convolution, one pooling and a hidden dense layer before the head, the form in
which tutorials introduce images; `convnet224` is five strided blocks of convolution, batch
normalization (Ioffe & Szegedy, arXiv:1502.03167, sec. 3.2) and ReLU under a global average
(Lin et al., arXiv:1312.4400, sec. 3.2).
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from zoo.contracts import Architecture, Choices, ImagePreprocessing, Variant
from zoo.hookspecs import hookimpl

from .imagenet import photographs


def build(
    inputs: Any,
    classes: int,
    *,
    filters: Sequence[int],
    kernel: int = 3,
    hidden: int = 0,
    downsampling: str = "max",
    batch_norm: bool = False,
    dropout: float = 0.0,
) -> Any:
    """Builds the logits.

    Args:
        inputs: float32, (batch, height, width, channels), normalized.
        classes: Number of classes.
        filters: Filters of each convolution.
        kernel: Sides of each convolution.
        hidden: Units of a dense layer before the head; 0 for none.
        downsampling: ``max`` pools behind each convolution and flattens at the end; ``stride``
            takes two steps at a time in each convolution but the first, and averages at the end.
        batch_norm: Normalize each convolution.
        dropout: Share of the features before the head that is dropped while training.
    """
    from keras import layers

    if downsampling not in ("max", "stride"):
        raise ValueError(f"downsampling must be 'max' or 'stride', not {downsampling!r}")
    pooled = downsampling == "max"

    x = inputs
    for number, count in enumerate(filters, start=1):
        x = layers.Conv2D(
            count,
            kernel,
            1 if pooled or number == 1 else 2,
            padding="same",
            use_bias=not batch_norm,
            kernel_initializer="he_normal",
            name=f"conv{number}",
        )(x)
        if batch_norm:
            x = layers.BatchNormalization(name=f"bn{number}")(x)
        x = layers.ReLU(name=f"relu{number}")(x)
        if pooled:
            x = layers.MaxPooling2D(2, name=f"pool{number}")(x)
    if pooled:
        x = layers.Flatten(name="flatten")(x)
    else:
        x = layers.GlobalAveragePooling2D(name="pool")(x)
    if hidden:
        x = layers.Dense(hidden, kernel_initializer="he_normal", name="hidden")(x)
        x = layers.ReLU(name="relu_hidden")(x)
    if dropout:
        x = layers.Dropout(dropout, name="dropout")(x)
    return layers.Dense(classes, name="head")(x)


@hookimpl
def zoo_architectures() -> Any:
    """Yields the family."""
    yield Architecture(
        name="convnet",
        summary="The plain convolutional networks that tutorials start from",
        source="Ioffe & Szegedy 2015, arXiv:1502.03167; Lin et al. 2013, arXiv:1312.4400",
        build=build,
        weights=Path(__file__).with_name("weights"),
        widths=("filters", "hidden"),
        searched={
            "kernel": Choices((3, 5)),
            "downsampling": Choices(("max", "stride")),
            "batch_norm": Choices((False, True)),
        },
        variants=(
            Variant(
                name="convnet28",
                preprocessing=ImagePreprocessing(
                    height=28, width=28, channels=1, mean=(0.2860,), std=(0.3530,)
                ),
                classes=10,
                parameters=804_554,
                multiply_adds=1_029_888,
                hyperparameters={"filters": (32,), "hidden": 128},
            ),
            Variant(
                name="convnet224",
                preprocessing=photographs(),
                classes=1000,
                parameters=2_084_552,
                multiply_adds=968_708_096,
                hyperparameters={
                    "filters": (32, 64, 128, 256, 512),
                    "downsampling": "stride",
                    "batch_norm": True,
                },
            ),
        ),
    )
