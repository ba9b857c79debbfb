"""Preprocessing and published weights that networks trained on ImageNet share."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import cache
from importlib.resources import files
from typing import Any

from zoo.contracts import ImagePreprocessing, SourceLayer, WeightsSource

#: Mean and deviation of the training images, as torchvision and timm use them.
MEAN = (0.485, 0.456, 0.406)
STD = (0.229, 0.224, 0.225)


def photographs(side: int = 224) -> ImagePreprocessing:
    """Square photographs in colour, cut out of the middle."""
    return ImagePreprocessing(
        height=side, width=side, channels=3, resize="crop", mean=MEAN, std=STD
    )


def less_mean_colours(preprocessing: ImagePreprocessing) -> ImagePreprocessing:
    """As the oldest networks of keras.applications: mean colours subtracted, nothing divides."""
    return replace(preprocessing, scale=1.0, mean=(123.68, 116.779, 103.939), std=(1.0,) * 3)


@cache
def imagenet_classes() -> tuple[str, ...]:
    """The class names, from ``tench`` to ``toilet tissue``."""
    text = files("zoo.plugins").joinpath("imagenet_classes.txt").read_text(encoding="utf-8")
    return tuple(line for line in text.splitlines() if line and not line.startswith("#"))


def published(**fields: Any) -> WeightsSource:
    """A source of weights trained on ImageNet; PyTorch's unless `fields` say other."""
    shared = {"classes": imagenet_classes, "dataset": "imagenet", "framework": "torch"}
    return WeightsSource(**{**shared, **fields})


def torchvision(
    file: str,
    layers: Callable[[], Iterable[SourceLayer]],
    *,
    page: str,
    crop_share: float = 0.875,
    tag: str = "tv_in1k",
    **fields: Any,
) -> WeightsSource:
    """Weights published by torchvision; `page` is the model's page in its documentation."""
    return published(
        tag=tag,
        url=f"https://download.pytorch.org/models/{file}",
        layers=layers,
        licence="BSD-3-Clause",
        preprocessing=replace(photographs(), crop_share=crop_share),
        page=f"https://docs.pytorch.org/vision/stable/models/{page}.html",
        **fields,
    )


def keras_applications(
    path: str,
    layers: Callable[[], Iterable[SourceLayer]],
    *,
    page: str,
    tag: str = "keras_in1k",
    **fields: Any,
) -> WeightsSource:
    """Weights published by keras.applications.

    Args:
        path: Of the file below the folder of all, up to what every name ends with.
        layers: The converter table.
        page: The family's page in its documentation.
        tag: Names them.
        **fields: Further fields of the record.
    """
    folder = "https://storage.googleapis.com/tensorflow/keras-applications"
    return published(
        tag=tag,
        url=f"{folder}/{path}.h5",
        layers=layers,
        framework="keras",
        page=f"https://keras.io/api/applications/{page}/",
        **fields,
    )
