"""LR-ASPP on MobileNetV3-small: Howard et al., "Searching for MobileNetV3", 2019, arXiv:1905.02244.

The deepest features go through one convolution and are weighted by what the whole picture has, as
in squeeze-and-excitation. They grow to the size of features of four times as many rows and columns;
both are classified, and the classes grow to the picture's size. The paper adds the classes of the
two; one classifier of both beside each other is the same sum. Unlike the paper, the weights are of
one mean over the whole picture, as in torchvision, and no layer is dilated: the backbone is that of
`mobilenet_v3_small`, layer by layer, or its first eight blocks.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from zoo.contracts import Architecture, Backbone, ImagePreprocessing, Variant
from zoo.hookspecs import hookimpl

#: Pixels of a side to one of the deepest features → the layers that give these features and those
#: of a quarter of that.
_FEATURES: dict[int, tuple[str | None, str]] = {
    16: ("expanded_conv_7_add", "expanded_conv_project_bn"),
    32: (None, "expanded_conv_2_add"),
}
#: How much finer the features are that the deepest ones are put beside.
_GROWTH = 4
_BACKBONE = Backbone(variant="mobilenet_v3_small", shared=("width",))


def build(
    inputs: Any,
    classes: int,
    *,
    stride: int = 32,
    width: float = 1.0,
    filters: int = 128,
    dropout: float = 0.0,
) -> Any:
    """Builds the logits of every pixel.

    Args:
        inputs: float32, (batch, height, width, channels), normalized; both sides divisible by
            `stride`.
        classes: Number of classes.
        stride: Pixels of a side to one of the deepest features: 32 takes the whole backbone, 16 its
            first eight blocks.
        width: Multiplies the filters of the backbone.
        filters: Of the head.
        dropout: Share of the head's features that is dropped while training.

    Returns:
        (batch, height, width, classes).
    """
    from keras import applications, layers

    if stride not in _FEATURES:
        raise ValueError(f"stride must be 16 or 32, not {stride!r}")
    if any(side is not None and side % stride for side in inputs.shape[1:3]):
        raise ValueError(
            f"height and width must be multiples of {stride}, not {list(inputs.shape[1:3])}"
        )
    # Left in, its preprocessing would scale a second time.
    backbone = applications.MobileNetV3Small(
        alpha=width,
        include_top=False,
        weights=None,
        include_preprocessing=False,
        input_tensor=inputs,
    )
    deep, shallow = _FEATURES[stride]
    x = backbone.output if deep is None else backbone.get_layer(deep).output
    beside = backbone.get_layer(shallow).output
    weights = layers.GlobalAveragePooling2D(keepdims=True, name="whole")(x)
    weights = layers.Conv2D(filters, 1, use_bias=False, activation="sigmoid", name="weights")(
        weights
    )
    x = layers.Conv2D(filters, 1, use_bias=False, name="features")(x)
    x = layers.BatchNormalization(name="features_bn")(x)
    x = layers.ReLU(name="features_relu")(x)
    x = layers.Multiply(name="weighted")([x, weights])
    if dropout:
        x = layers.Dropout(dropout, name="dropout")(x)
    x = layers.UpSampling2D(_GROWTH, interpolation="bilinear", name="grown")(x)
    x = layers.Concatenate(name="both")([x, beside])
    x = layers.Conv2D(classes, 1, name="head")(x)
    return layers.UpSampling2D(stride // _GROWTH, interpolation="bilinear", name="pixels")(x)


def _preprocessing(side: int) -> ImagePreprocessing:
    """Pixels from -1 to 1, as the backbone's paper takes them."""
    return ImagePreprocessing(height=side, width=side, channels=3, mean=(0.5,) * 3, std=(0.5,) * 3)


@hookimpl
def zoo_architectures() -> Any:
    """Yields the family."""
    yield Architecture(
        name="lraspp",
        summary="LR-ASPP on MobileNetV3-small: one class for each pixel, quick on phones",
        source="Howard et al. 2019, arXiv:1905.02244",
        build=build,
        weights=Path(__file__).with_name("weights"),
        widths=("width",),
        variants=(
            Variant(
                name="lraspp_mobilenet",
                task="semantic-segmentation",
                preprocessing=_preprocessing(320),
                output_shape="pixels",
                classes=21,
                parameters=1_090_301,
                multiply_adds=124_110_080,
                hyperparameters={"stride": 32},
                backbone=_BACKBONE,
            ),
            Variant(
                name="lraspp_mobilenet96",
                task="semantic-segmentation",
                preprocessing=_preprocessing(96),
                output_shape="pixels",
                classes=11,
                parameters=209_539,
                multiply_adds=7_665_184,
                hyperparameters={"stride": 16},
                backbone=_BACKBONE,
            ),
        ),
    )
