"""SSDLite: detectors with anchors on the features of MobileNetV2.

Liu et al., "SSD: Single Shot MultiBox Detector", 2016 (arXiv:1512.02325); Sandler et al. 2018
(arXiv:1801.04381) for SSDLite, whose predictors are depthwise separable. Up to the last block the
layers are those of `mobilenet_v2`. Each map of features has a vector for each of its anchors, and
one layer, shared by all, makes probabilities and boxes of these vectors, as in RetinaNet (Lin et
al. 2018, arXiv:1708.02002).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from zoo.contracts import Architecture, Backbone, ImagePreprocessing, Preprocessing, Variant
from zoo.contracts.anchors import Anchors
from zoo.hookspecs import hookimpl

#: Values of an anchor beside one for each class.
_BOX = 4
#: Anchors of each cell.
_SHAPES = 6
#: How probable an object is at first at each anchor: most hold none.
_PRIOR_LOGIT = -4.0
#: Layers of MobileNetV2 by the share of the input's sides that their output has.
_FEATURES = {8: "block_6_expand_relu", 16: "block_13_expand_relu", 32: "block_16_project_BN"}
#: The coarsest of these; further maps halve it.
_LAST = 32
#: Filters of the further maps.
_FURTHER = (256, 256, 128, 128)


def build(
    inputs: Any,
    classes: int,
    *,
    width: float,
    finest: int,
    further: int,
    features: int,
) -> Any:
    """Builds the logits of all anchors.

    Args:
        inputs: float32, (batch, height, width, channels), normalized; sides of 64 or more.
        classes: Number of classes.
        width: Multiplies the filters of every layer.
        finest: The first map of features has this share of the input's sides: 8, or 16 for a
            sixteenth.
        further: Maps behind the last of MobileNetV2, each of half the sides.
        features: Length of the vector of each anchor.

    Returns:
        (batch, anchors, classes + 4), in the order of
        `zoo.contracts.anchors.Anchors`.
    """
    import numpy as np
    from keras import applications, initializers, layers

    if finest not in (8, 16):
        raise ValueError(f"finest must be 8 or 16, not {finest}")
    if further < 0:
        raise ValueError(f"further must be 0 or more, not {further}")
    backbone = applications.MobileNetV2(
        alpha=width, include_top=False, weights=None, input_tensor=inputs
    )
    maps = [backbone.get_layer(name).output for share, name in _FEATURES.items() if share >= finest]
    x = maps[-1]
    for number in range(further):
        count = max(int(_FURTHER[min(number, len(_FURTHER) - 1)] * width), 16)
        x = _convolution(x, count // 2, f"narrow{number + 1}")
        x = _depthwise(x, f"halve{number + 1}", strides=2)
        x = _convolution(x, count, f"widen{number + 1}")
        maps.append(x)
    vectors = []
    for number, own in enumerate(maps, start=1):
        own = _depthwise(own, f"predict{number}")
        own = _convolution(own, _SHAPES * features, f"vectors{number}")
        vectors.append(layers.Reshape((-1, features), name=f"anchors{number}")(own))
    x = layers.Concatenate(axis=1, name="anchors")(vectors)
    bias = np.array([_PRIOR_LOGIT] * classes + [0.0] * _BOX, np.float32)
    return layers.Dense(
        classes + _BOX,
        kernel_initializer=initializers.RandomNormal(stddev=0.03),
        bias_initializer=initializers.Constant(bias),
        name="head",
    )(x)


def _convolution(x: Any, count: int, name: str) -> Any:
    from keras import layers

    x = layers.Conv2D(count, 1, use_bias=False, kernel_initializer="he_normal", name=name)(x)
    return _normalized(x, name)


def _depthwise(x: Any, name: str, strides: int = 1) -> Any:
    from keras import layers

    x = layers.DepthwiseConv2D(3, strides, padding="same", use_bias=False, name=name)(x)
    return _normalized(x, name)


def _normalized(x: Any, name: str) -> Any:
    from keras import layers

    x = layers.BatchNormalization(name=f"bn_{name}")(x)
    return layers.ReLU(6.0, name=f"relu_{name}")(x)


def anchors_of(
    preprocessing: Preprocessing, hyperparameters: Mapping[str, Any]
) -> Mapping[str, float | str]:
    """What the outputs are decoded with: the anchors for the size of the input and the maps."""
    height, width = preprocessing.network_shape[:2]
    finest, further = (hyperparameters[name] for name in ("finest", "further"))
    return Anchors.of_sizes([*_sizes(height, width, finest, further)]).recorded()


def _sizes(height: int, width: int, finest: int, further: int) -> Iterator[tuple[int, int]]:
    """Rows and columns of the maps: each stride of two rounds up."""
    share = 1
    while share < _LAST * 2**further:
        share *= 2
        height, width = -(-height // 2), -(-width // 2)
        if share >= finest:
            yield height, width


def _variant(
    name: str, side: int, anchors: int, parameters: int, multiply_adds: int, **hyperparameters: Any
) -> Variant:
    return Variant(
        name=name,
        task="object-detection",
        preprocessing=ImagePreprocessing(
            height=side, width=side, channels=3, mean=(0.5,) * 3, std=(0.5,) * 3
        ),
        output_shape=(anchors, None),
        beside_classes=_BOX,
        decoding=anchors_of,
        backbone=Backbone(variant="mobilenet_v2", shared=("width",)),
        classes=10,
        parameters=parameters,
        multiply_adds=multiply_adds,
        hyperparameters=hyperparameters,
    )


@hookimpl
def zoo_architectures() -> Any:
    """Yields the family."""
    yield Architecture(
        name="ssd",
        summary="Detectors with anchors on MobileNetV2 (SSDLite)",
        source="Liu et al. 2016, arXiv:1512.02325; Sandler et al. 2018, arXiv:1801.04381",
        build=build,
        weights=Path(__file__).with_name("weights"),
        widths=("width", "features"),
        variants=(
            _variant(
                "ssd_mobilenet_small",
                96,
                1_158,
                351_103,
                13_195_876,
                width=0.35,
                finest=8,
                further=1,
                features=24,
            ),
            _variant(
                "ssd_mobilenet",
                320,
                3_234,
                2_379_278,
                632_614_720,
                width=1.0,
                finest=16,
                further=4,
                features=32,
            ),
        ),
    )
