"""A network that ends in softmax is found before it is trained, however it is written."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import pytest
from keras import layers, ops

from zoo.common.errors import ZooError
from zoo.networks.building import build_network
from zoo.networks.logits import check_logits
from zoo.registry import PluginSettings, load_registry

REGISTRY = load_registry(PluginSettings(installed=False))
CLASSIFICATION = REGISTRY.tasks.get("image-classification")


class Net(keras.Model):
    """A model of one's own, whose head is made first."""

    def __init__(self, activation: str | None) -> None:
        super().__init__()
        self.flatten = layers.Flatten()
        self.hidden = layers.Dense(6, activation="relu")
        self.head = layers.Dense(4, activation=activation, name="head")

    def call(self, inputs: Any) -> Any:
        return self.head(self.hidden(self.flatten(inputs)))


def dense(activation: str | None) -> Callable[[Any], Any]:
    return lambda x: layers.Dense(4, activation=activation, name="head")(layers.Flatten()(x))


def inner(activation: str | None) -> Callable[[Any], Any]:
    inside = keras.Input((5, 5, 1))
    return keras.Model(inside, dense(activation)(inside))


def convolved(x: Any) -> Any:
    """MobileNet's own head: a convolution and a reshape."""
    x = layers.Conv2D(4, 1, name="head")(layers.GlobalAveragePooling2D(keepdims=True)(x))
    return layers.Softmax()(layers.Reshape((4,))(x))


ENDINGS: dict[str, tuple[Callable[[Any], Any], str]] = {
    "activation": (dense("softmax"), "softmax"),
    "layer": (lambda x: layers.Softmax()(dense(None)(x)), "softmax"),
    "operation": (lambda x: ops.softmax(dense(None)(x)), "softmax"),
    "written out": (
        lambda x: (lambda e: e / ops.sum(e, -1, keepdims=True))(ops.exp(dense("tanh")(x))),
        "softmax",
    ),
    "reshaped": (convolved, "softmax"),
    "model inside": (lambda x: inner("softmax")(x), "softmax"),
    "own model": (lambda x: Net("softmax")(x), "softmax"),
    "sigmoid": (dense("sigmoid"), "sigmoid"),
    "tanh": (dense("tanh"), "tanh"),
}


def ending(build: Callable[[Any], Any]) -> Any:
    keras.utils.set_random_seed(0)
    inputs = keras.Input((5, 5, 1))
    return keras.Model(inputs, build(inputs), name="net")


@pytest.mark.parametrize("name", ENDINGS)
def test_probabilities_in_place_of_logits_are_refused(name: str) -> None:
    build, function = ENDINGS[name]
    network = ending(build)
    before = [value.copy() for value in network.get_weights()]
    with pytest.raises(ZooError, match=f"ends in {function}, where logits are needed") as caught:
        check_logits(network, CLASSIFICATION)
    assert "of 4 classes none ever gets more than 0." in str(caught.value)
    for old, new in zip(before, network.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


PLAIN: dict[str, Callable[[Any], Any]] = {
    "dense": dense(None),
    "zeros": lambda x: layers.Dense(4, kernel_initializer="zeros")(layers.Flatten()(x)),
    "rectified": dense("relu"),
    "own model": lambda x: Net(None)(x),
    "model inside": lambda x: inner(None)(x),
    "attention within": lambda x: dense(None)(layers.Softmax(axis=1)(x)),
    "normalized": lambda x: layers.BatchNormalization(name="last")(dense(None)(x)),
}


@pytest.mark.parametrize("name", PLAIN)
def test_logits_pass(name: str) -> None:
    network = ending(PLAIN[name])
    before = [value.copy() for value in network.get_weights()]
    check_logits(network, CLASSIFICATION)
    for old, new in zip(before, network.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


def test_the_largest_probability_is_what_two_softmaxes_give() -> None:
    with pytest.raises(ZooError) as caught:
        check_logits(ending(dense("softmax")), CLASSIFICATION)
    sure = np.asarray(ops.softmax(np.float32([[1, 0, 0, 0]])))
    assert f"more than {sure.max():.2g}" in str(caught.value)


@pytest.mark.parametrize("variant", ["lenet5", "lstm_text", "lstm_tagger", "dcgan28"])
def test_packaged_networks_pass_whatever_their_task(variant: str) -> None:
    """A generator ends in tanh, and means pixels by it."""
    architecture, record = REGISTRY.variant(variant)
    network = build_network(architecture, record, 10)
    check_logits(network, REGISTRY.tasks.get(record.task))


def test_each_of_several_outputs_is_looked_at() -> None:
    from shapes_plugin import ShapeAndRadius, build, zoo_tasks

    (task,) = zoo_tasks()
    assert isinstance(task, ShapeAndRadius)
    inputs = keras.Input((16, 16, 1))
    outputs = build(inputs, 3, filters=4)
    check_logits(keras.Model(inputs, outputs, name="net"), task)
    twice = {**outputs, "radius": ops.sigmoid(outputs["radius"])}
    with pytest.raises(ZooError, match="ends in sigmoid of its output 'radius'"):
        check_logits(keras.Model(inputs, twice, name="net"), task)
