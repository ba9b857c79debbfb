"""LeNet-5: LeCun et al., "Gradient-based learning applied to document recognition", 1998, fig. 2.

In the form in use today: C3 is connected to all maps of S2, sub-sampling has no weights of its
own, and a softmax replaces the radial basis functions. The 28-pixel input is padded by the first
convolution as the paper pads it to 32.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from zoo.contracts import Architecture, Choices, ImagePreprocessing, Variant
from zoo.hookspecs import hookimpl


def build(
    inputs: Any,
    classes: int,
    *,
    activation: str = "tanh",
    subsampling: str = "average",
    dropout: float = 0.0,
) -> Any:
    """Builds the logits.

    Args:
        inputs: float32, (batch, 28, 28, 1), normalized.
        classes: Number of classes.
        activation: Any Keras activation; ``tanh`` in the paper, ``relu`` quantizes better.
        subsampling: ``average`` as in the paper, or ``max``.
        dropout: Share of the last hidden layer that is dropped while training.
    """
    from keras import layers

    pools = {"average": layers.AveragePooling2D, "max": layers.MaxPooling2D}
    if subsampling not in pools:
        raise ValueError(f"subsampling must be 'average' or 'max', not {subsampling!r}")
    pool = pools[subsampling]

    x = layers.Conv2D(6, 5, padding="same", activation=activation, name="c1")(inputs)
    x = pool(2, name="s2")(x)
    x = layers.Conv2D(16, 5, activation=activation, name="c3")(x)
    x = pool(2, name="s4")(x)
    x = layers.Flatten(name="flatten")(x)
    x = layers.Dense(120, activation=activation, name="c5")(x)
    x = layers.Dense(84, activation=activation, name="f6")(x)
    if dropout:
        x = layers.Dropout(dropout, name="dropout")(x)
    return layers.Dense(classes, name="head")(x)


@hookimpl
def zoo_architectures() -> Any:
    """Yields the family."""
    yield Architecture(
        name="lenet",
        summary="The convolutional network that read cheques; 62 thousand weights",
        source="LeCun et al. 1998, Proceedings of the IEEE 86(11)",
        build=build,
        weights=Path(__file__).with_name("weights"),
        searched={
            "activation": Choices(("relu", "tanh", "silu")),
            "subsampling": Choices(("max", "average")),
        },
        variants=(
            Variant(
                name="lenet5",
                preprocessing=ImagePreprocessing(
                    height=28, width=28, channels=1, mean=(0.2860,), std=(0.3530,)
                ),
                classes=10,
                parameters=61_706,
                multiply_adds=416_520,
                # Today's choice: more accurate, and integer runtimes have fast kernels for it.
                # The paper's network is --set activation=tanh --set subsampling=average.
                hyperparameters={"activation": "relu", "subsampling": "max"},
            ),
        ),
    )
