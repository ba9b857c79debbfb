"""Small networks with everything that a range must pass through, and the records around them."""

from __future__ import annotations

from typing import Any

from zoo.contracts import ImagePreprocessing, Target, Task
from zoo.registry import load_registry

PIXELS = ImagePreprocessing(height=16, width=16, channels=1, mean=(0.3,), std=(0.4,))


def task() -> Task:
    """The built-in task of image classifiers."""
    return load_registry().tasks.get("image-classification")


def target(**changes: Any) -> Target:
    """A processor without special wishes."""
    values = {"name": "plain", "summary": "s", "source": "s", "precisions": ("int8",), **changes}
    return Target(**values)


def tangled(classes: int = 5) -> Any:
    """A network with a residual sum, a depthwise and a separable convolution, a concatenation, two
    kinds of pooling, a model inside, a layer that is used twice and a normalization by itself."""
    import keras
    from keras import layers

    keras.utils.set_random_seed(7)
    inner_in = keras.Input((8, 8, 8))
    inner = layers.DepthwiseConv2D(3, padding="same", use_bias=False, name="depthwise")(inner_in)
    inner = layers.BatchNormalization(name="inner_bn")(inner)
    inner = layers.ReLU(6.0, name="inner_relu6")(inner)
    block = keras.Model(inner_in, inner, name="block")

    inputs = keras.Input((16, 16, 1), name="normalized")
    x = layers.Conv2D(8, 3, padding="same", name="stem")(inputs)
    x = layers.BatchNormalization(name="stem_bn")(x)
    x = layers.ReLU(name="stem_relu")(x)
    x = layers.MaxPooling2D(2, name="halved")(x)
    left = block(x)
    right = layers.Conv2D(8, 1, name="right")(x)
    y = layers.Add(name="sum")([left, right])
    y = layers.ReLU(name="sum_relu")(y)
    shared = layers.Conv2D(8, 1, activation="relu", name="shared")
    y = layers.Concatenate(name="joined")([shared(y), shared(left)])
    y = layers.AveragePooling2D(2, name="quartered")(y)
    y = layers.SeparableConv2D(12, 3, padding="same", activation="relu", name="separable")(y)
    y = layers.BatchNormalization(name="late_bn")(y)
    y = layers.GlobalAveragePooling2D(name="pool")(y)
    y = layers.Dropout(0.5, name="dropout")(y)
    network = keras.Model(inputs, layers.Dense(classes, name="head")(y), name="tangled")
    disturb(network)
    head = network.get_layer("head")
    head.kernel.assign(head.kernel * 8)  # so that it is sure of itself
    return network


def disturb(network: Any) -> None:
    """Gives normalizations the statistics that training would have given them."""
    import keras
    import numpy as np

    random = np.random.default_rng(3)
    for layer in network._flatten_layers():
        if isinstance(layer, keras.layers.BatchNormalization):
            for variable, low, high in (
                *((layer.gamma, 0.5, 1.5), (layer.beta, -0.3, 0.3)),
                *((layer.moving_mean, -0.3, 0.3), (layer.moving_variance, 0.2, 1.0)),
            ):
                variable.assign(random.uniform(low, high, variable.shape))


def pictures(count: int) -> Any:
    """Smooth random images, float32 of 0-255, (count, 16, 16, 1)."""
    import numpy as np

    random = np.random.default_rng(11)
    coarse = random.uniform(0, 255, (count, 4, 4, 1))
    fine = coarse.repeat(4, axis=1).repeat(4, axis=2) + random.normal(0, 20, (count, 16, 16, 1))
    return np.clip(np.rint(fine), 0, 255).astype("float32")
