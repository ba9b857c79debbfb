"""ResNet in its ImageNet form: He et al., "Deep Residual Learning", 2015 (arXiv:1512.03385), 4.1.

The five networks of table 1. A bottleneck halves the picture in its 3x3 convolution, which is more
accurate and known as v1.5 (torchvision, NVIDIA), or in its first 1x1 convolution as the paper has
it (`version=v1`, keras.applications). Padding is symmetric in both, as it is there.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from zoo.contracts import Architecture, SourceLayer, Variant, WeightsSource
from zoo.hookspecs import hookimpl

from .imagenet import (
    keras_applications,
    less_mean_colours,
    photographs,
    published,
    torchvision,
)

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


#: Table 1 of the paper: blocks per stage, and whether they are bottlenecks.
_MEMBERS = {
    "resnet18": ((2, 2, 2, 2), False),
    "resnet34": ((3, 4, 6, 3), False),
    "resnet50": ((3, 4, 6, 3), True),
    "resnet101": ((3, 4, 23, 3), True),
    "resnet152": ((3, 8, 36, 3), True),
}


def build(
    inputs: Any,
    classes: int,
    *,
    blocks: Sequence[int],
    bottleneck: bool,
    version: str = "v1.5",
    bias: bool = False,
    epsilon: float = 1e-5,
    dropout: float = 0.0,
) -> Any:
    """Builds the logits.

    Args:
        inputs: float32, (batch, height, width, channels), normalized.
        classes: Number of classes.
        blocks: Residual blocks per stage.
        bottleneck: Blocks of 1x1, 3x3 and 1x1 convolutions in place of two 3x3 ones.
        version: ``v1.5`` or ``v1``: which convolution of a bottleneck takes the stride.
        bias: Convolutions have biases, redundant before a normalization; keras.applications does.
        epsilon: What normalizations add to the variance.
        dropout: Share of the pooled features that is dropped while training.
    """
    from keras import layers

    if version not in ("v1.5", "v1"):
        raise ValueError(f"version must be 'v1.5' or 'v1', not {version!r}")
    convolution = partial(_normalized, bias=bias, epsilon=epsilon)
    x = convolution(inputs, 64, 7, 2, name="stem")
    x = layers.ZeroPadding2D(1, name="stem_pool_padding")(x)
    x = layers.MaxPooling2D(3, 2, name="stem_pool")(x)
    for stage, count in enumerate(blocks, start=1):
        filters = 64 * 2 ** (stage - 1)
        for block in range(1, count + 1):
            stride = 2 if stage > 1 and block == 1 else 1
            name = f"stage{stage}_block{block}"
            if bottleneck:
                first, second = (1, stride) if version == "v1.5" else (stride, 1)
                y = convolution(x, filters, 1, first, name=f"{name}_a")
                y = convolution(y, filters, 3, second, name=f"{name}_b")
                last, size = 4 * filters, 1
            else:
                y = convolution(x, filters, 3, stride, name=f"{name}_a")
                last, size = filters, 3
            y = convolution(y, last, size, activate=False, name=f"{name}_last")
            if stride == 2 or x.shape[-1] != last:
                x = convolution(x, last, 1, stride, activate=False, name=f"{name}_shortcut")
            x = layers.Add(name=f"{name}_add")([x, y])
            x = layers.ReLU(name=f"{name}_relu")(x)
    x = layers.GlobalAveragePooling2D(name="pool")(x)
    if dropout:
        x = layers.Dropout(dropout, name="dropout")(x)
    return layers.Dense(classes, name="head")(x)


def _normalized(
    x: Any,
    filters: int,
    size: int,
    stride: int = 1,
    *,
    bias: bool,
    epsilon: float,
    activate: bool = True,
    name: str,
) -> Any:
    from keras import layers

    # With a stride, "same" would pad one side only, and published weights expect both.
    padded = stride > 1 and size > 1
    if padded:
        x = layers.ZeroPadding2D(size // 2, name=f"{name}_padding")(x)
    x = layers.Conv2D(
        filters,
        size,
        stride,
        padding="valid" if padded else "same",
        use_bias=bias,
        kernel_initializer="he_normal",
        name=f"{name}_conv",
    )(x)
    x = layers.BatchNormalization(epsilon=epsilon, momentum=0.9, name=f"{name}_bn")(x)
    return layers.ReLU(name=f"{name}_relu")(x) if activate else x


def _variant(name: str, parameters: int, multiply_adds: int) -> Variant:
    blocks, bottleneck = _MEMBERS[name]
    return Variant(
        name=name,
        preprocessing=photographs(),
        classes=1000,
        parameters=parameters,
        multiply_adds=multiply_adds,
        hyperparameters={"blocks": blocks, "bottleneck": bottleneck},
    )


@hookimpl
def zoo_architectures() -> Any:
    """Yields the family."""
    yield Architecture(
        name="resnet_imagenet",
        summary="Residual networks for photographs, 18 to 152 layers",
        source="He et al. 2015, arXiv:1512.03385",
        build=build,
        weights=Path(__file__).with_name("weights"),
        variants=(
            _variant("resnet18", 11_699_112, 1_814_073_344),
            _variant("resnet34", 21_814_696, 3_663_761_408),
            _variant("resnet50", 25_610_152, 4_089_184_256),
            _variant("resnet101", 44_654_504, 7_801_405_440),
            _variant("resnet152", 60_344_232, 11_513_626_624),
        ),
        sources=tuple(_sources()),
    )


def _sources() -> Iterator[WeightsSource]:
    for variant, (blocks, bottleneck) in _MEMBERS.items():
        torch = partial(torch_layers, blocks, bottleneck)
        yield published(
            variant=variant,
            tag="a1_in1k",
            url=f"hf://timm/{variant}.a1_in1k",
            layers=torch,
            licence="Apache-2.0",
            preprocessing=replace(photographs(), crop_share=0.95, interpolation="bicubic"),
            page="Wightman et al. 2021, arXiv:2110.00476, table 2",
        )
        for tag, file, share in zip(
            ("tv_in1k", "tv2_in1k"), _FILES[variant], (0.875, 224 / 232), strict=True
        ):
            if file is not None:
                yield torchvision(
                    file, torch, variant=variant, tag=tag, crop_share=share, page="resnet"
                )
        if variant in _KERAS_FILES:
            application, md5 = _KERAS_FILES[variant]
            yield keras_applications(
                f"resnet/{variant}_weights_tf_dim_ordering_tf_kernels",
                partial(keras_layers, blocks),
                page="resnet",
                variant=variant,
                hash=f"md5:{md5}",
                application=application,
                licence="Apache-2.0",
                preprocessing=less_mean_colours(replace(photographs(), crop_share=0.875)),
                hyperparameters={"version": "v1", "bias": True, "epsilon": 1.001e-5},
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
