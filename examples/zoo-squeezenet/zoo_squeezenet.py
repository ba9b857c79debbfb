"""SqueezeNet: Iandola et al., "AlexNet-level accuracy with 50x fewer parameters", 2016.

Version 1.1 for images of 28x28: the first convolution keeps the size, the rest is as published.
"""

import zoo

#: Filters of the squeeze layers; each expand layer has four times as many (table 1).
SQUEEZE = (16, 16, 32, 32, 48, 48, 64, 64)
#: Fire modules, counted from 0, in front of which the image is halved.
POOL_BEFORE = (0, 2, 4)


def build(inputs, classes, *, dropout=0.0):
    """Builds the logits.

    The paper ends in a 1x1 convolution and an average over positions. The two can change places,
    and then the convolution is a dense layer: the head.

    Args:
        inputs: float32, (batch, 28, 28, 1), normalized.
        classes: Number of classes.
        dropout: Share of the pooled features that is dropped while training; 0.5 in the paper.
    """
    from keras import layers  # in here, so that lists need not wait for it

    def convolution(x, filters, size, name):
        return layers.Conv2D(
            filters,
            size,
            padding="same",
            activation="relu",
            kernel_initializer="he_uniform",
            name=name,
        )(x)

    x = convolution(inputs, 64, 3, "stem")
    for index, filters in enumerate(SQUEEZE):
        name = f"fire{index + 2}"  # as in the paper, whose first layer is conv1
        if index in POOL_BEFORE:
            x = layers.MaxPooling2D(3, strides=2, padding="same", name=f"{name}_pool")(x)
        x = convolution(x, filters, 1, f"{name}_squeeze")
        x = layers.Concatenate(name=name)(
            [
                convolution(x, 4 * filters, 1, f"{name}_expand1x1"),
                convolution(x, 4 * filters, 3, f"{name}_expand3x3"),
            ]
        )
    x = layers.GlobalAveragePooling2D(name="pool")(x)
    if dropout:
        x = layers.Dropout(dropout, name="dropout")(x)
    return layers.Dense(classes, name="head")(x)


@zoo.hookimpl
def zoo_architectures():
    """Yields the family."""
    yield zoo.Architecture(
        name="squeezenet",
        summary="Fire modules: squeeze with 1x1, expand with 1x1 and 3x3 convolutions",
        source="Iandola et al. 2016, arXiv:1602.07360; version 1.1",
        build=build,
        variants=(
            zoo.Variant(
                name="squeezenet28",
                preprocessing=zoo.ImagePreprocessing(height=28, width=28, channels=1),
                classes=10,
                parameters=726_474,
                multiply_adds=19_290_112,
            ),
        ),
    )
