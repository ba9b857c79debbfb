"""Official ImageNet weights of MobileNetV2: Keras 3 (`applications/mobilenet_v2.py`).

Keras publishes no hash of this file, so its SHA-256 is recorded at first sight.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from zoo.contracts import ImagePreprocessing, SourceLayer, WeightsSource

_KERAS = "https://storage.googleapis.com/tensorflow/keras-applications/mobilenet_v2/"
_BLOCKS = 16


def sources(preprocessing: ImagePreprocessing) -> Iterator[WeightsSource]:
    """The official weights of ``mobilenet_v2``, whose preprocessing is given."""
    yield WeightsSource(
        variant="mobilenet_v2",
        tag="keras_in1k",
        url=f"{_KERAS}mobilenet_v2_weights_tf_dim_ordering_tf_kernels_1.0_224.h5",
        layers=keras_layers,
        framework="keras",
        application="MobileNetV2",
        licence="Apache-2.0",
        preprocessing=replace(preprocessing, crop_share=0.875),
        page="https://keras.io/api/applications/mobilenet/",
    )


def keras_layers() -> Iterator[SourceLayer]:
    """The table for keras.applications: up to the pooling, our names are its own."""
    yield from _same("Conv1", "bn_Conv1")
    for block in range(_BLOCKS + 1):
        name = f"block_{block}" if block else "expanded_conv"
        if block:
            yield from _same(f"{name}_expand", f"{name}_expand_BN")
        depthwise = f"{name}_depthwise"
        yield SourceLayer(depthwise, depthwise, "depthwise")
        yield SourceLayer(f"{depthwise}_BN", f"{depthwise}_BN", "normalization")
        yield from _same(f"{name}_project", f"{name}_project_BN")
    yield from _same("Conv_1", "Conv_1_bn")
    yield SourceLayer("predictions", "head", "dense")


def _same(convolution: str, normalization: str) -> list[SourceLayer]:
    return [
        SourceLayer(convolution, convolution),
        SourceLayer(normalization, normalization, "normalization"),
    ]
