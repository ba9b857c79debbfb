"""Official ImageNet weights of ResNet: torchvision, timm and keras.applications.

Addresses, hashes and preprocessing as in torchvision 0.28 (`models/resnet.py`), timm 1.0
(`models/resnet.py`) and Keras 3 (`applications/resnet.py`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial

from zoo.contracts import ImagePreprocessing, SourceLayer, WeightsSource

from .imagenet import less_mean_colours

_TORCHVISION = "https://download.pytorch.org/models/"
_KERAS = "https://storage.googleapis.com/tensorflow/keras-applications/resnet/"
#: Second recipe of torchvision, of which the two small networks have none.
_FILES = {
    "resnet18": ("resnet18-f37072fd.pth", None),
    "resnet34": ("resnet34-b627a593.pth", None),
    "resnet50": ("resnet50-0676ba61.pth", "resnet50-11ad3fa6.pth"),
    "resnet101": ("resnet101-63fe2227.pth", "resnet101-cd907fc2.pth"),
    "resnet152": ("resnet152-394f9c45.pth", "resnet152-f82ba261.pth"),
}
#: MD5 sums that `keras.applications` itself checks.
_KERAS_FILES = {
    "resnet50": ("ResNet50", "2cb95161c43110f7111970584f804107"),
    "resnet101": ("ResNet101", "f1aeb4b969a6efcfb50fad2f0c20cfc5"),
    "resnet152": ("ResNet152", "100835be76be38e30d865e96f2aaae62"),
}


def sources(
    members: Mapping[str, tuple[Sequence[int], bool]], preprocessing: ImagePreprocessing
) -> Iterator[WeightsSource]:
    """The official weights of each variant.

    Args:
        members: Blocks per stage, and whether they are bottlenecks, by variant.
        preprocessing: Of the variants.
    """
    standard = replace(preprocessing, crop_share=0.875)
    for variant, (blocks, bottleneck) in members.items():
        torch = partial(torch_layers, blocks, bottleneck)
        yield WeightsSource(
            variant=variant,
            tag="a1_in1k",
            url=f"hf://timm/{variant}.a1_in1k",
            layers=torch,
            framework="torch",
            licence="Apache-2.0",
            preprocessing=replace(preprocessing, crop_share=0.95, interpolation="bicubic"),
            page="Wightman et al. 2021, arXiv:2110.00476, table 2",
        )
        for tag, file, share in zip(
            ("tv_in1k", "tv2_in1k"), _FILES[variant], (0.875, 224 / 232), strict=True
        ):
            if file is not None:
                yield WeightsSource(
                    variant=variant,
                    tag=tag,
                    url=_TORCHVISION + file,
                    layers=torch,
                    framework="torch",
                    licence="BSD-3-Clause",
                    preprocessing=replace(preprocessing, crop_share=share),
                    page="https://docs.pytorch.org/vision/stable/models/resnet.html",
                )
        if variant in _KERAS_FILES:
            application, md5 = _KERAS_FILES[variant]
            yield WeightsSource(
                variant=variant,
                tag="keras_in1k",
                url=f"{_KERAS}{variant}_weights_tf_dim_ordering_tf_kernels.h5",
                hash=f"md5:{md5}",
                layers=partial(keras_layers, blocks),
                framework="keras",
                application=application,
                licence="Apache-2.0",
                preprocessing=less_mean_colours(standard),
                hyperparameters={"version": "v1", "bias": True, "epsilon": 1.001e-5},
                page="https://keras.io/api/applications/resnet/",
            )


def torch_layers(blocks: Sequence[int], bottleneck: bool) -> Iterator[SourceLayer]:
    """The table for torchvision and timm, which use the same names."""
    yield from _both("conv1", "bn1", "stem")
    for stage, count in enumerate(blocks, start=1):
        for block in range(1, count + 1):
            theirs, ours = f"layer{stage}.{block - 1}", f"stage{stage}_block{block}"
            parts = ("a", "b", "last") if bottleneck else ("a", "last")
            for number, part in enumerate(parts, start=1):
                yield from _both(f"{theirs}.conv{number}", f"{theirs}.bn{number}", f"{ours}_{part}")
            if block == 1 and (bottleneck or stage > 1):
                shortcut = f"{theirs}.downsample"
                yield from _both(f"{shortcut}.0", f"{shortcut}.1", f"{ours}_shortcut")
    yield SourceLayer("fc", "head", "dense")


def keras_layers(blocks: Sequence[int]) -> Iterator[SourceLayer]:
    """The table for keras.applications, whose stages begin with 2 and shortcuts with 0."""
    yield from _both("conv1_conv", "conv1_bn", "stem", bgr=True)
    for stage, count in enumerate(blocks, start=1):
        for block in range(1, count + 1):
            theirs, ours = f"conv{stage + 1}_block{block}", f"stage{stage}_block{block}"
            parts = {1: "a", 2: "b", 3: "last", **({0: "shortcut"} if block == 1 else {})}
            for number, part in parts.items():
                names = (f"{theirs}_{number}_conv", f"{theirs}_{number}_bn")
                yield from _both(*names, f"{ours}_{part}")
    yield SourceLayer("predictions", "head", "dense")


def _both(convolution: str, normalization: str, ours: str, bgr: bool = False) -> list[SourceLayer]:
    return [
        SourceLayer(convolution, f"{ours}_conv", bgr=bgr),
        SourceLayer(normalization, f"{ours}_bn", "normalization"),
    ]
