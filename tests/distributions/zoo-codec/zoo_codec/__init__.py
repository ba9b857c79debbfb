"""Compressed pictures: a network whose encoder and decoder are deployed as two files."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from typing import Any

import zoo

SIDE, CODE = 8, 16


def open_pictures(argument: str | None) -> zoo.Dataset:
    """The scanned digits, each with its own pixels from 0 to 1 as what is to come out."""
    import numpy as np

    digits = zoo.open_dataset("digits")
    splits = {}
    for name, split in digits.splits.items():
        pixels = np.stack([split.read(index) for index in range(len(split))])
        content = hashlib.sha256(pixels.tobytes()).hexdigest()
        labels = (pixels / 255).astype(np.float32)
        splits[name] = zoo.Split(labels=labels, read=split.read, content_hash=content)
    return zoo.Dataset(
        name="pictures",
        classes=("picture",),
        splits=splits,
        content_hash=digits.content_hash,
        licence=digits.licence,
    )


def build(inputs: Any, classes: int, code: int = CODE) -> Mapping[str, Any]:
    """A picture as `code` numbers, and the picture made of them alone."""
    from keras import layers

    x = layers.Conv2D(16, 3, strides=2, padding="same", activation="relu")(inputs)
    x = layers.Flatten()(x)
    numbers = layers.Dense(code, name="numbers")(x)
    y = layers.Dense(SIDE * SIDE * 2, activation="relu")(numbers)
    y = layers.Reshape((SIDE // 2, SIDE // 2, 8))(y)
    y = layers.Conv2DTranspose(16, 3, strides=2, padding="same", activation="relu")(y)
    return {"code": numbers, "picture": layers.Conv2D(1, 3, padding="same", name="head")(y)}


@zoo.hookimpl
def zoo_tasks() -> Iterator[zoo.Task]:
    """Yields ``picture-codec``."""
    from .task import PictureCodec

    yield PictureCodec(
        name="picture-codec",
        summary="Pictures as few numbers, and back",
        outputs=(
            zoo.Output(name="code", meaning="what is stored of a picture", part="encoder"),
            zoo.Output(name="picture", meaning="pixels from 0 to 1", part="decoder"),
        ),
        higher_is_better=False,
        least_classes=1,
        trainee=PictureCodec.whole,
    )


@zoo.hookimpl
def zoo_datasets() -> Iterator[zoo.DatasetProvider]:
    """Yields ``pictures``."""
    yield zoo.DatasetProvider(
        name="pictures",
        summary="Scanned digits, to be compressed",
        tasks=("picture-codec",),
        open=open_pictures,
        fingerprint=lambda argument: "1",
    )


@zoo.hookimpl
def zoo_architectures() -> Iterator[zoo.Architecture]:
    """Yields ``codec``."""
    yield zoo.Architecture(
        name="codec",
        summary="One convolution down and one up",
        source="a test",
        build=build,
        variants=(
            zoo.Variant(
                name="codec8",
                task="picture-codec",
                output_shape={"code": (CODE,), "picture": (SIDE, SIDE, 1)},
                preprocessing=zoo.ImagePreprocessing(height=SIDE, width=SIDE, channels=1),
                classes=1,
                parameters=7761,
                multiply_adds=36096,
            ),
        ),
    )
