"""Official ImageNet weights of AlexNet: torchvision 0.28 (`models/alexnet.py`)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from zoo.contracts import ImagePreprocessing, SourceLayer, WeightsSource


def sources(preprocessing: ImagePreprocessing) -> Iterator[WeightsSource]:
    """The official weights of ``alexnet``, whose preprocessing is given."""
    yield WeightsSource(
        variant="alexnet",
        tag="tv_in1k",
        url="https://download.pytorch.org/models/alexnet-owt-7be5be79.pth",
        layers=torch_layers,
        framework="torch",
        licence="BSD-3-Clause",
        preprocessing=replace(preprocessing, crop_share=0.875),
        page="https://docs.pytorch.org/vision/stable/models/alexnet.html",
    )


def torch_layers() -> Iterator[SourceLayer]:
    """The table for torchvision, which counts activations and poolings among its features."""
    for number, index in enumerate((0, 3, 6, 8, 10), start=1):
        yield SourceLayer(f"features.{index}", f"conv{number}")
    # What the last pooling leaves of 224 pixels: 256 maps of 6 x 6.
    yield SourceLayer("classifier.1", "fc6", "dense", flattened=(256, 6, 6))
    yield SourceLayer("classifier.4", "fc7", "dense")
    yield SourceLayer("classifier.6", "head", "dense")
