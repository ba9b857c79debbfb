"""Autoencoders: networks that reproduce their input through a narrow code.

`autoencoder_dense` is the anomaly detector of MLPerf Tiny (Banbury et al., arXiv:2106.07597),
which is the baseline of DCASE 2020, task 2 (Koizumi et al., arXiv:2006.05822): four dense layers of
128 units with batch normalization and ReLU, a code of 8, and as many layers back. Its input has as
many values as the data have: there 5 frames of 128 mel bands, 640. `autoencoder_conv` does the same
for pictures, by strided convolutions there and by doubled pixels and convolutions back.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from zoo.contracts import Architecture, ImagePreprocessing, SeriesPreprocessing, Variant
from zoo.hookspecs import hookimpl


def build(
    inputs: Any,
    classes: int,
    *,
    units: Sequence[int] = (),
    filters: Sequence[int] = (),
    code: int,
) -> Any:
    """Builds the reconstruction, by dense layers or by convolutions.

    Args:
        inputs: float32, (batch, …), normalized; with filters (batch, height, width, channels), both
            sides divisible by two to the number of filters.
        classes: Not used: the output has the shape of the input.
        units: Of the dense layers before the code; behind it they stand in reverse.
        filters: Of the convolutions before the code, in their place; likewise.
        code: Values that an example is reduced to.

    Returns:
        Of the shape of the inputs.
    """
    if units and filters:
        raise ValueError(
            "units are of dense layers, filters of convolutions: leave one of them out"
        )
    return _convolutional(inputs, filters, code) if filters else _dense(inputs, units, code)


def _dense(inputs: Any, units: Sequence[int], code: int) -> Any:
    from keras import layers

    shape = tuple(inputs.shape[1:])
    x = layers.Flatten(name="flatten")(inputs)
    sizes = (*units, code, *reversed(units))
    for number, size in enumerate(sizes, start=1):
        x = layers.Dense(size, name=f"dense{number}")(x)
        x = layers.BatchNormalization(name=f"bn{number}")(x)
        x = layers.ReLU(name=f"relu{number}")(x)
    x = layers.Dense(math.prod(shape), name="values")(x)
    return layers.Reshape(shape, name="reconstruction")(x)


def _convolutional(inputs: Any, filters: Sequence[int], code: int) -> Any:
    """Convolutions that halve each side, and behind the code doubled pixels."""
    from keras import layers

    *sides, channels = inputs.shape[1:]
    shrunk = 2 ** len(filters)
    if any(side % shrunk for side in sides):
        raise ValueError(f"height and width must be multiples of {shrunk}, not {sides}")
    x = inputs
    for number, count in enumerate(filters, start=1):
        x = layers.Conv2D(count, 3, 2, padding="same", use_bias=False, name=f"conv{number}")(x)
        x = layers.BatchNormalization(name=f"bn{number}")(x)
        x = layers.ReLU(name=f"relu{number}")(x)
    small = tuple(x.shape[1:])
    x = layers.Flatten(name="flatten")(x)
    x = layers.Dense(code, name="code")(x)
    x = layers.Dense(math.prod(small), name="decode")(x)
    x = layers.ReLU(name="relu_decode")(x)
    x = layers.Reshape(small, name="picture")(x)
    # Runtimes have integer kernels for these two, and not all of them for a transposed convolution.
    for number, count in enumerate([*filters[-2::-1], filters[0]], start=1):
        x = layers.UpSampling2D(2, name=f"double{number}")(x)
        x = layers.Conv2D(count, 3, padding="same", use_bias=False, name=f"up{number}")(x)
        x = layers.BatchNormalization(name=f"bn_up{number}")(x)
        x = layers.ReLU(name=f"relu_up{number}")(x)
    return layers.Conv2D(channels, 3, padding="same", name="reconstruction")(x)


@hookimpl
def zoo_architectures() -> Any:
    """Yields the family."""
    yield Architecture(
        name="autoencoder",
        summary="Networks that reproduce their input through a narrow code: MLPerf Tiny's, and one "
        "for pictures",
        source="Banbury et al. 2021, arXiv:2106.07597; Koizumi et al. 2020, arXiv:2006.05822",
        build=build,
        weights=Path(__file__).with_name("weights"),
        widths=("units", "filters", "code"),
        variants=(
            Variant(
                name="autoencoder_dense",
                task="anomaly-detection",
                preprocessing=SeriesPreprocessing(steps=5, channels=128),
                output_shape="input",
                classes=2,
                parameters=269_992,
                multiply_adds=264_192,
                hyperparameters={"units": (128, 128, 128, 128), "code": 8},
            ),
            Variant(
                name="autoencoder_conv",
                task="anomaly-detection",
                preprocessing=ImagePreprocessing(height=28, width=28, channels=1),
                output_shape="input",
                classes=2,
                parameters=29_073,
                multiply_adds=829_472,
                hyperparameters={"filters": (8, 16), "code": 16},
            ),
        ),
    )
