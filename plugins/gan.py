"""Generative adversarial networks for small images: Goodfellow et al. 2014, Radford et al. 2015.

The generator of a DCGAN: a dense layer, then transposed convolutions, each with batch normalization
and ReLU, tanh at the end. Kernels of 4 with a stride of 2 put the same weight on every pixel; with
other kernels the overlaps draw a chessboard (Odena et al. 2016). The discriminator is its mirror:
strided convolutions and leaky ReLU. It is the companion that training needs; what is counted and
exported is the generator.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from zoo.contracts import Architecture, ImagePreprocessing, LatentPreprocessing, Variant
from zoo.hookspecs import hookimpl

_KERNEL, _STRIDE = 4, 2
_SLOPE = 0.2


def build(
    inputs: Any,
    classes: int,
    *,
    side: int,
    channels: int = 1,
    doublings: int = 2,
    width: int = 64,
) -> Any:
    """Builds the generator: images in [-1, 1].

    Args:
        inputs: float32, (batch, latent size), normally distributed.
        classes: Not used: the network generates all classes alike.
        side: Height and width of the images, a multiple of 2 to the power of `doublings`.
        channels: 1 for grey images, 3 for colour.
        doublings: Transposed convolutions, each of which doubles the side.
        width: Maps before the last of them; each one before has twice as many.
    """
    from keras import layers

    start = side >> doublings
    if start << doublings != side:
        raise ValueError(f"side must be a multiple of {1 << doublings}, not {side}")
    maps = width << (doublings - 1)
    x = layers.Dense(start * start * maps, use_bias=False, name="project")(inputs)
    x = layers.Reshape((start, start, maps), name="reshape")(x)
    for number in range(1, doublings):
        x = layers.BatchNormalization(name=f"bn{number}")(x)
        x = layers.ReLU(name=f"relu{number}")(x)
        maps //= 2
        x = layers.Conv2DTranspose(
            maps, _KERNEL, _STRIDE, padding="same", use_bias=False, name=f"up{number}"
        )(x)
    x = layers.BatchNormalization(name=f"bn{doublings}")(x)
    x = layers.ReLU(name=f"relu{doublings}")(x)
    x = layers.Conv2DTranspose(channels, _KERNEL, _STRIDE, padding="same", name="draw")(x)
    return layers.Activation("tanh", name="tanh")(x)


def companion(
    inputs: Any,
    classes: int,
    *,
    doublings: int = 2,
    discriminator_width: int = 32,
    discriminator_stages: int = 0,
    normalization: str = "batch",
    dropout: float = 0.0,
) -> Any:
    """Builds the discriminator: one logit, high for images classified as real.

    Args:
        inputs: float32, (batch, side, side, channels), in [-1, 1].
        classes: Not used.
        doublings: Convolutions, each of which halves the side, unless `discriminator_stages` says
            otherwise.
        discriminator_width: Maps of the first; each one after has twice as many.
        discriminator_stages: Convolutions, where they are not as many as `doublings`.
        normalization: ``batch`` as in the paper; ``none``, as a gradient penalty requires;
            ``spectral``: every kernel has a largest singular value of 1 (Miyato et al. 2018).
        dropout: Share of the last features that is dropped while training.
    """
    from keras import layers

    if normalization not in ("batch", "none", "spectral"):
        raise ValueError(
            f"normalization must be 'batch', 'spectral' or 'none', not {normalization!r}"
        )

    def normalized(layer: Any) -> Any:
        if normalization != "spectral":
            return layer
        return layers.SpectralNormalization(layer, name=f"{layer.name}_spectral")

    x = inputs
    for number in range(1, (discriminator_stages or doublings) + 1):
        maps = discriminator_width << (number - 1)
        down = layers.Conv2D(maps, _KERNEL, _STRIDE, padding="same", name=f"down{number}")
        x = normalized(down)(x)
        if number > 1 and normalization == "batch":  # the paper leaves it out behind the image
            x = layers.BatchNormalization(name=f"bn{number}")(x)
        x = layers.LeakyReLU(_SLOPE, name=f"leaky{number}")(x)
    x = layers.Flatten(name="flatten")(x)
    if dropout:
        x = layers.Dropout(dropout, name="dropout")(x)
    return normalized(layers.Dense(1, name="real"))(x)


def _variant(
    side: int, channels: int, doublings: int, latent: int, parameters: int, multiply_adds: int
) -> Variant:
    return Variant(
        name=f"dcgan{side}",
        task="image-generation",
        output_shape=(side, side, channels),
        preprocessing=LatentPreprocessing(
            size=latent,
            examples=ImagePreprocessing(
                height=side,
                width=side,
                channels=channels,
                mean=(0.5,) * channels,
                std=(0.5,) * channels,
            ),
            # Small enough to look at ten thousand images in seconds.
            judge="lenet5.fashion_mnist",
        ),
        classes=10,
        parameters=parameters,
        multiply_adds=multiply_adds,
        hyperparameters={"side": side, "channels": channels, "doublings": doublings},
    )


@hookimpl
def zoo_architectures() -> Any:
    """Yields the family."""
    yield Architecture(
        name="gan",
        summary="Generators of small images, trained against a discriminator",
        source="Goodfellow et al. 2014, arXiv:1406.2661; Radford et al. 2015, arXiv:1511.06434",
        build=build,
        companion=companion,
        weights=Path(__file__).with_name("weights"),
        widths=("width",),
        variants=(
            _variant(28, 1, 2, 64, 534_273, 7_024_640),
            _variant(32, 3, 3, 100, 1_069_827, 17_973_248),
            _variant(64, 3, 4, 100, 3_578_627, 104_628_224),
        ),
    )
