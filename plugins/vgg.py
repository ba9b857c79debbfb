"""VGG: Simonyan & Zisserman, "Very Deep Convolutional Networks", 2014 (arXiv:1409.1556), table 1.

`vgg11`, `vgg13`, `vgg16` and `vgg19` are its columns A, B, D and E, and `_bn` normalizes each
convolution, which the paper, a year older than batch normalization, could not. `vgg8_small` keeps
the pattern for images of 28 pixels, and averages instead of the wide dense layers.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from zoo.contracts import Architecture, ImagePreprocessing, SourceLayer, Variant, WeightsSource
from zoo.hookspecs import hookimpl

from .imagenet import keras_applications, less_mean_colours, photographs, torchvision

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


_COLUMNS = {
    "vgg11": (1, 1, 2, 2, 2),
    "vgg13": (2, 2, 2, 2, 2),
    "vgg16": (2, 2, 3, 3, 3),
    "vgg19": (2, 2, 4, 4, 4),
}
#: Convolutions per stage, and whether each is normalized.
_MEMBERS = {
    **{name: (counts, False) for name, counts in _COLUMNS.items()},
    **{f"{name}_bn": (counts, True) for name, counts in _COLUMNS.items()},
}


def build(
    inputs: Any,
    classes: int,
    *,
    convolutions: Sequence[int],
    filters: Sequence[int] = (64, 128, 256, 512, 512),
    batch_norm: bool = False,
    hidden: int = 4096,
    dropout: float = 0.5,
    epsilon: float = 1e-3,
) -> Any:
    """Builds the logits.

    Args:
        inputs: float32, (batch, height, width, channels), normalized.
        classes: Number of classes.
        convolutions: How many per stage; each stage but a last one under a global average ends
            with a pooling.
        filters: Per stage.
        batch_norm: Normalize each convolution.
        hidden: Width of both hidden dense layers; 0 replaces them by a global average.
        dropout: Share of each hidden layer, or of the averaged features, that is dropped while
            training.
        epsilon: What normalizations add to the variance; published checkpoints have 1e-5.
    """
    from keras import layers

    if len(convolutions) != len(filters):
        raise ValueError(f"{len(convolutions)} stages of convolutions, but {len(filters)} filters")
    x = inputs
    for stage, (repeats, count) in enumerate(zip(convolutions, filters, strict=True), start=1):
        for number in range(1, repeats + 1):
            normalized = epsilon if batch_norm else None
            x = _convolution(x, count, normalized, name=f"conv{stage}_{number}")
        if hidden or stage < len(filters):
            x = layers.MaxPooling2D(2, name=f"pool{stage}")(x)
    if not hidden:
        x = layers.GlobalAveragePooling2D(name="pool")(x)
        if dropout:
            x = layers.Dropout(dropout, name="dropout")(x)
        return layers.Dense(classes, name="head")(x)
    x = layers.Flatten(name="flatten")(x)
    for number in (6, 7):
        x = layers.Dense(
            hidden, activation="relu", kernel_initializer="he_normal", name=f"fc{number}"
        )(x)
        if dropout:
            x = layers.Dropout(dropout, name=f"dropout{number}")(x)
    return layers.Dense(classes, name="head")(x)


def _convolution(x: Any, filters: int, epsilon: float | None, *, name: str) -> Any:
    from keras import layers

    # The bias in front of the normalization is redundant, but published checkpoints have it.
    x = layers.Conv2D(filters, 3, padding="same", kernel_initializer="he_normal", name=name)(x)
    if epsilon is not None:
        x = layers.BatchNormalization(epsilon=epsilon, name=f"{name}_bn")(x)
    return layers.ReLU(name=f"{name}_relu")(x)


def _variant(name: str, multiply_adds: int, parameters: int) -> Variant:
    convolutions, batch_norm = _MEMBERS[name]
    return Variant(
        name=name,
        preprocessing=photographs(),
        classes=1000,
        parameters=parameters,
        multiply_adds=multiply_adds,
        hyperparameters={
            "convolutions": convolutions,
            "batch_norm": batch_norm,
            **({"epsilon": 1e-5} if batch_norm else {}),
        },
    )


@hookimpl
def zoo_architectures() -> Any:
    """Yields the family."""
    yield Architecture(
        name="vgg",
        summary="Stacks of 3x3 convolutions; the largest networks of the zoo",
        source="Simonyan & Zisserman 2014, arXiv:1409.1556",
        build=build,
        weights=Path(__file__).with_name("weights"),
        widths=("filters", "hidden"),
        variants=(
            _variant("vgg11", 7_609_090_048, 132_863_336),
            _variant("vgg13", 11_308_466_176, 133_047_848),
            _variant("vgg16", 15_470_264_320, 138_357_544),
            _variant("vgg19", 19_632_062_464, 143_667_240),
            _variant("vgg11_bn", 7_609_090_048, 132_874_344),
            _variant("vgg13_bn", 11_308_466_176, 133_059_624),
            _variant("vgg16_bn", 15_470_264_320, 138_374_440),
            _variant("vgg19_bn", 19_632_062_464, 143_689_256),
            Variant(
                name="vgg8_small",
                preprocessing=ImagePreprocessing(
                    height=28, width=28, channels=1, mean=(0.2860,), std=(0.3530,)
                ),
                classes=10,
                parameters=1_131_210,
                multiply_adds=22_641_024,
                hyperparameters={
                    "convolutions": (1, 1, 2, 3),
                    "filters": (32, 64, 128, 192),
                    "batch_norm": True,
                    "hidden": 0,
                    "dropout": 0.3,
                },
            ),
        ),
        sources=tuple(_sources()),
    )


def _sources() -> Iterator[WeightsSource]:
    for variant, (convolutions, batch_norm) in _MEMBERS.items():
        layers = partial(torch_layers, convolutions, batch_norm)
        yield torchvision(_FILES[variant], layers, variant=variant, page="vgg")
        if variant in _KERAS_FILES:
            application, md5 = _KERAS_FILES[variant]
            yield keras_applications(
                f"{variant}/{variant}_weights_tf_dim_ordering_tf_kernels",
                partial(keras_layers, convolutions),
                page="vgg",
                variant=variant,
                hash=f"md5:{md5}",
                application=application,
                licence="CC-BY-4.0",
                preprocessing=less_mean_colours(replace(photographs(), crop_share=0.875)),
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
