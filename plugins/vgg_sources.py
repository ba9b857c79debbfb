"""Official ImageNet weights of VGG: torchvision and keras.applications.

Addresses, hashes and preprocessing as in torchvision 0.28 (`models/vgg.py`) and Keras 3
(`applications/vgg16.py`, `vgg19.py`), whose weights are the authors' own of 2014.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial

from zoo.contracts import ImagePreprocessing, SourceLayer, WeightsSource

from .imagenet import less_mean_colours

_TORCHVISION = "https://download.pytorch.org/models/"
_KERAS = "https://storage.googleapis.com/tensorflow/keras-applications/"
_FILES = {
    "vgg11": "vgg11-8a719046.pth",
    "vgg13": "vgg13-19584684.pth",
    "vgg16": "vgg16-397923af.pth",
    "vgg19": "vgg19-dcbb9e9d.pth",
    "vgg11_bn": "vgg11_bn-6002323d.pth",
    "vgg13_bn": "vgg13_bn-abd245e5.pth",
    "vgg16_bn": "vgg16_bn-6c64b313.pth",
    "vgg19_bn": "vgg19_bn-c79401a0.pth",
}
#: MD5 sums that `keras.applications` itself checks.
_KERAS_FILES = {
    "vgg16": ("VGG16", "64373286793e3c8b2b4e3219cbf3544b"),
    "vgg19": ("VGG19", "cbe5617147190e668d6c5d5026f83318"),
}
#: What the last pooling leaves of 224 pixels: channels, height, width.
_FLATTENED = (512, 7, 7)


def sources(
    members: Mapping[str, tuple[Sequence[int], bool]], preprocessing: ImagePreprocessing
) -> Iterator[WeightsSource]:
    """The official weights of each variant.

    Args:
        members: Convolutions per stage, and whether each is normalized, by variant.
        preprocessing: Of the variants.
    """
    standard = replace(preprocessing, crop_share=0.875)
    for variant, (convolutions, batch_norm) in members.items():
        yield WeightsSource(
            variant=variant,
            tag="tv_in1k",
            url=_TORCHVISION + _FILES[variant],
            layers=partial(torch_layers, convolutions, batch_norm),
            framework="torch",
            licence="BSD-3-Clause",
            preprocessing=standard,
            page="https://docs.pytorch.org/vision/stable/models/vgg.html",
        )
        if variant in _KERAS_FILES:
            application, md5 = _KERAS_FILES[variant]
            yield WeightsSource(
                variant=variant,
                tag="keras_in1k",
                url=f"{_KERAS}{variant}/{variant}_weights_tf_dim_ordering_tf_kernels.h5",
                hash=f"md5:{md5}",
                layers=partial(keras_layers, convolutions),
                framework="keras",
                application=application,
                licence="CC-BY-4.0",
                preprocessing=less_mean_colours(standard),
                page="https://keras.io/api/applications/vgg/",
            )


def torch_layers(convolutions: Sequence[int], batch_norm: bool) -> Iterator[SourceLayer]:
    """The table for torchvision, which counts activations and poolings among its features."""
    index = 0
    for stage, count in enumerate(convolutions, start=1):
        for number in range(1, count + 1):
            ours = f"conv{stage}_{number}"
            yield SourceLayer(f"features.{index}", ours)
            if batch_norm:
                yield SourceLayer(f"features.{index + 1}", f"{ours}_bn", "normalization")
            index += 3 if batch_norm else 2
        index += 1
    yield SourceLayer("classifier.0", "fc6", "dense", flattened=_FLATTENED)
    yield SourceLayer("classifier.3", "fc7", "dense")
    yield SourceLayer("classifier.6", "head", "dense")


def keras_layers(convolutions: Sequence[int]) -> Iterator[SourceLayer]:
    """The table for keras.applications."""
    for stage, count in enumerate(convolutions, start=1):
        for number in range(1, count + 1):
            first = (stage, number) == (1, 1)
            yield SourceLayer(f"block{stage}_conv{number}", f"conv{stage}_{number}", bgr=first)
    for theirs, ours in (("fc1", "fc6"), ("fc2", "fc7"), ("predictions", "head")):
        yield SourceLayer(theirs, ours, "dense")
