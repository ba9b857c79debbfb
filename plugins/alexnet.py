"""AlexNet: Krizhevsky et al., "ImageNet Classification with Deep Neural Networks", 2012, sec. 3.

The paper splits the network over two graphics cards; here it is one tower. `alexnet` is the
narrower one-tower form of Krizhevsky, "One weird trick", 2014 (arXiv:1404.5997), on 224 pixels and
without response normalization, as torchvision has it. `alexnet_2012` has the filters of the 2012
paper, on the 227 pixels that its arithmetic needs. `alexnet_small` is the same sequence of layers
for images of 28 pixels.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from zoo.contracts import Architecture, ImagePreprocessing, SourceLayer, Variant
from zoo.hookspecs import hookimpl

from .imagenet import photographs, torchvision


def build(
    inputs: Any,
    classes: int,
    *,
    filters: Sequence[int] = (64, 192, 384, 256, 256),
    hidden: int = 4096,
    stem_size: int = 11,
    stem_stride: int = 4,
    stem_padding: int = 2,
    normalization: str = "none",
    dropout: float = 0.5,
) -> Any:
    """Builds the logits.

    Args:
        inputs: float32, (batch, height, width, channels), normalized.
        classes: Number of classes.
        filters: Of the five convolutions.
        hidden: Width of both hidden dense layers.
        stem_size: Kernel of the first convolution.
        stem_stride: Step of the first convolution.
        stem_padding: Zeros around the input.
        normalization: ``lrn`` normalizes over neighbouring maps behind the first two activations
            (sec. 3.3); ``batch`` normalizes each convolution; or ``none``.
        dropout: Share of both hidden layers that is dropped while training (sec. 4.2).
    """
    from keras import layers

    if normalization not in ("lrn", "batch", "none"):
        raise ValueError(f"normalization must be 'lrn', 'batch' or 'none', not {normalization!r}")
    x = layers.ZeroPadding2D(stem_padding, name="padding")(inputs) if stem_padding else inputs
    for number, count in enumerate(filters, start=1):
        first = number == 1
        x = layers.Conv2D(
            count,
            stem_size if first else 5 if number == 2 else 3,
            stem_stride if first else 1,
            padding="valid" if first else "same",
            use_bias=normalization != "batch",
            kernel_initializer="he_normal",
            name=f"conv{number}",
        )(x)
        if normalization == "batch":
            x = layers.BatchNormalization(name=f"bn{number}")(x)
        x = layers.ReLU(name=f"relu{number}")(x)
        if normalization == "lrn" and number <= 2:
            x = layers.Lambda(_respond, name=f"lrn{number}")(x)
        if number in (1, 2, 5):
            x = layers.MaxPooling2D(3, 2, name=f"pool{number}")(x)
    x = layers.Flatten(name="flatten")(x)
    for number in (6, 7):
        x = layers.Dense(
            hidden, activation="relu", kernel_initializer="he_normal", name=f"fc{number}"
        )(x)
        if dropout:
            x = layers.Dropout(dropout, name=f"dropout{number}")(x)
    return layers.Dense(classes, name="head")(x)


def _respond(x: Any) -> Any:
    """Local response normalization with the constants of sec. 3.3: k = 2, n = 5."""
    import tensorflow as tf

    return tf.nn.local_response_normalization(x, depth_radius=2, bias=2.0, alpha=1e-4, beta=0.75)


def _variant(
    name: str, pixels: int, parameters: int, multiply_adds: int, **hyperparameters: Any
) -> Variant:
    return Variant(
        name=name,
        preprocessing=photographs(pixels),
        classes=1000,
        parameters=parameters,
        multiply_adds=multiply_adds,
        hyperparameters=hyperparameters,
    )


@hookimpl
def zoo_architectures() -> Any:
    """Yields the family."""
    yield Architecture(
        name="alexnet",
        summary="The network that won ImageNet in 2012, as one tower",
        source="Krizhevsky et al. 2012, NIPS 25; Krizhevsky 2014, arXiv:1404.5997",
        build=build,
        weights=Path(__file__).with_name("weights"),
        widths=("filters", "hidden"),
        variants=(
            _variant("alexnet", 224, 61_100_840, 714_188_480),
            _variant(
                "alexnet_2012",
                227,
                62_378_344,
                1_135_256_096,
                filters=(96, 256, 384, 384, 256),
                stem_padding=0,
                normalization="lrn",
            ),
            Variant(
                name="alexnet_small",
                preprocessing=ImagePreprocessing(
                    height=28, width=28, channels=1, mean=(0.2860,), std=(0.3530,)
                ),
                classes=10,
                parameters=381_098,
                multiply_adds=16_380_928,
                # It folds into the convolutions; the paper's stays real in integer files.
                hyperparameters={
                    "filters": (32, 64, 96, 96, 64),
                    "hidden": 256,
                    "stem_size": 5,
                    "stem_stride": 1,
                    "normalization": "batch",
                },
            ),
        ),
        sources=(
            torchvision(
                "alexnet-owt-7be5be79.pth", torch_layers, variant="alexnet", page="alexnet"
            ),
        ),
    )


def torch_layers() -> Iterator[SourceLayer]:
    """The table for torchvision, which counts activations and poolings among its features."""
    for number, index in enumerate((0, 3, 6, 8, 10), start=1):
        yield SourceLayer(f"features.{index}", f"conv{number}")
    # What the last pooling leaves of 224 pixels: 256 maps of 6 x 6.
    yield SourceLayer("classifier.1", "fc6", "dense", flattened=(256, 6, 6))
    yield SourceLayer("classifier.4", "fc7", "dense")
    yield SourceLayer("classifier.6", "head", "dense")
