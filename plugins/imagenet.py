"""What networks of the ImageNet challenge have in common: how they take their photographs."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from importlib.resources import files
from typing import Any

from zoo.contracts import ImagePreprocessing, WeightsSource

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
    """Published weights of a network trained on ImageNet; the fields are those of the record."""
    return WeightsSource(**{"classes": imagenet_classes, "dataset": "imagenet", **fields})
