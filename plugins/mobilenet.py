"""MobileNet: networks of depthwise separable convolutions for phones.

V2: Sandler et al., "Inverted Residuals and Linear Bottlenecks", 2018 (arXiv:1801.04381), table 2.
V3 small: Howard et al., "Searching for MobileNetV3", 2019 (arXiv:1905.02244), table 2. The layers
up to the pooling are those of `keras.applications`, so weights published for it fit.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from zoo.contracts import Architecture, ImagePreprocessing, SourceLayer, Variant
from zoo.hookspecs import hookimpl

from .imagenet import keras_applications

_BLOCKS = 16
_V3_BLOCKS = 11
#: Blocks without squeeze-and-excitation.
_V3_PLAIN = (1, 2)


#: Both papers' checkpoints take pixels from -1 to 1.
_PREPROCESSING = ImagePreprocessing(
    height=224, width=224, channels=3, resize="crop", mean=(0.5,) * 3, std=(0.5,) * 3
)


def build(
    inputs: Any, classes: int, *, version: str, width: float = 1.0, dropout: float = 0.2
) -> Any:
    """Builds the logits.

    Args:
        inputs: float32, (batch, height, width, channels), normalized; 32 pixels or more.
        classes: Number of classes.
        version: ``v2`` or ``v3-small``.
        width: Multiplies the filters of every layer, except the last when it is below 1.
        dropout: Share of the features before the head that is dropped while training.
    """
    from keras import applications, layers

    if version not in ("v2", "v3-small"):
        raise ValueError(f"version must be 'v2' or 'v3-small', not {version!r}")
    options = {"alpha": width, "include_top": False, "weights": None, "input_tensor": inputs}
    if version == "v2":
        x = applications.MobileNetV2(**options).output
        x = layers.GlobalAveragePooling2D(name="pool")(x)
    else:
        # Left in, its preprocessing would scale a second time.
        x = applications.MobileNetV3Small(include_preprocessing=False, **options).output
        x = layers.GlobalAveragePooling2D(keepdims=True, name="pool")(x)
        x = layers.Conv2D(_divisible(1024 * max(width, 1.0)), 1, name="conv_2")(x)
        x = layers.Activation("hard_swish", name="conv_2_swish")(x)
        x = layers.Flatten(name="flatten")(x)
    if dropout:
        x = layers.Dropout(dropout, name="dropout")(x)
    return layers.Dense(classes, name="head")(x)


def _divisible(filters: float) -> int:
    """The nearest multiple of 8, as for all other layers; widening rounds by less than 10 %."""
    return int(filters + 4) // 8 * 8


def _variant(name: str, version: str, parameters: int, multiply_adds: int) -> Variant:
    return Variant(
        name=name,
        preprocessing=_PREPROCESSING,
        classes=1000,
        parameters=parameters,
        multiply_adds=multiply_adds,
        hyperparameters={"version": version},
    )


@hookimpl
def zoo_architectures() -> Any:
    """Yields the family."""
    yield Architecture(
        name="mobilenet",
        summary="Depthwise separable convolutions: small, quick networks for phones",
        source="Sandler et al. 2018, arXiv:1801.04381; Howard et al. 2019, arXiv:1905.02244",
        build=build,
        weights=Path(__file__).with_name("weights"),
        widths=("width",),
        variants=(
            _variant("mobilenet_v2", "v2", 3_538_984, 300_774_272),
            _variant("mobilenet_v3_small", "v3-small", 2_554_968, 56_510_400),
        ),
        sources=(
            keras_applications(
                "mobilenet_v2/mobilenet_v2_weights_tf_dim_ordering_tf_kernels_1.0_224",
                keras_layers,
                page="mobilenet",
                variant="mobilenet_v2",
                application="MobileNetV2",
                licence="Apache-2.0",
                preprocessing=replace(_PREPROCESSING, crop_share=0.875),
            ),
            keras_applications(
                "mobilenet_v2/mobilenet_v2_weights_tf_dim_ordering_tf_kernels_0.35_96",
                keras_layers,
                page="mobilenet",
                tag="keras_in1k_035_96",
                variant="mobilenet_v2",
                application="MobileNetV2",
                application_options={"alpha": 0.35},
                hyperparameters={"width": 0.35},
                licence="Apache-2.0",
                preprocessing=replace(_PREPROCESSING, height=96, width=96, crop_share=0.875),
            ),
            keras_applications(
                "mobilenet_v3/weights_mobilenet_v3_small_224_1.0_float",
                keras_v3_layers,
                page="mobilenet",
                variant="mobilenet_v3_small",
                application="MobileNetV3Small",
                licence="Apache-2.0",
                # The sum that `keras.applications` itself checks.
                hash="md5:8768d4c2e7dee89b9d02b2d03d65d862",
                preprocessing=replace(_PREPROCESSING, crop_share=0.875),
            ),
        ),
    )


def keras_layers() -> Iterator[SourceLayer]:
    """The table for keras.applications: up to the pooling, our names are its own."""
    yield from _same("Conv1", "bn_Conv1")
    for block in range(_BLOCKS + 1):
        name = f"block_{block}" if block else "expanded_conv"
        if block:
            yield from _same(f"{name}_expand", f"{name}_expand_BN")
        depthwise = f"{name}_depthwise"
        yield SourceLayer(depthwise, depthwise, "depthwise")
        yield SourceLayer(f"{depthwise}_BN", f"{depthwise}_BN", "normalization")
        yield from _same(f"{name}_project", f"{name}_project_BN")
    yield from _same("Conv_1", "Conv_1_bn")
    yield SourceLayer("predictions", "head", "dense")


def keras_v3_layers() -> Iterator[SourceLayer]:
    """The table for its third version, which classifies by a convolution of 1×1."""
    yield from _same("conv", "conv_bn")
    for block in range(_V3_BLOCKS):
        name = f"expanded_conv_{block}" if block else "expanded_conv"
        if block:
            yield from _same(f"{name}_expand", f"{name}_expand_bn")
        depthwise = f"{name}_depthwise"
        yield SourceLayer(depthwise, depthwise, "depthwise")
        yield SourceLayer(f"{depthwise}_bn", f"{depthwise}_bn", "normalization")
        if block not in _V3_PLAIN:
            for part in ("conv", "conv_1"):
                squeeze = f"{name}_squeeze_excite_{part}"
                yield SourceLayer(squeeze, squeeze)
        yield from _same(f"{name}_project", f"{name}_project_bn")
    yield from _same("conv_1", "conv_1_bn")
    yield SourceLayer("conv_2", "conv_2")
    yield SourceLayer("logits", "head", "pointwise")


def _same(convolution: str, normalization: str) -> list[SourceLayer]:
    return [
        SourceLayer(convolution, convolution),
        SourceLayer(normalization, normalization, "normalization"),
    ]
