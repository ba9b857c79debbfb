"""Groups of layers, found in the graph of any network, and thawed from the head down."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest
from keras import layers

from zoo.networks.building import build_network
from zoo.registry import PluginSettings, load_registry
from zoo.training.layer_groups import layer_groups, unfreeze_groups

REGISTRY = load_registry(PluginSettings(installed=False))


def names(groups: list[list[Any]]) -> list[list[str]]:
    return [[layer.name for layer in group] for group in groups]


def built(name: str) -> Any:
    architecture, variant = REGISTRY.variant(name)
    return build_network(architecture, variant, 10)


def test_a_plain_network_is_grouped_from_the_head_down() -> None:
    assert names(layer_groups(built("lenet5"), 5)) == [["head"], ["f6"], ["c5"], ["c3"], ["c1"]]
    assert names(layer_groups(built("lenet5"), 3)) == [["head"], ["c5", "f6"], ["c1", "c3"]]


def test_there_are_no_more_groups_than_layers() -> None:
    assert len(layer_groups(built("convnet28"), 100)) == 3
    assert names(layer_groups(built("convnet28"), 2)) == [["head"], ["conv1", "hidden"]]


@pytest.mark.parametrize("name", ["resnet8", "convnet224"])
def test_a_normalization_goes_with_its_convolution(name: str) -> None:
    network = built(name)
    groups = layer_groups(network, 1000)
    norms = [n for group in names(groups) for n in group[1:]]
    assert norms
    for group in groups:
        kinds = [type(layer).__name__ for layer in group]
        assert kinds[0] != "BatchNormalization"
        assert set(kinds[1:]) <= {"BatchNormalization"}
        if len(group) == 2:
            assert group[1].input is group[0].output
    with_weights = [layer for layer in network.layers if layer.weights]
    assert sum(map(len, groups)) == len(with_weights)


def test_parallel_branches_keep_their_normalizations() -> None:
    inputs = keras.Input((8, 8, 3))
    left = layers.Conv2D(4, 3, padding="same", name="left")(inputs)
    right = layers.Conv2D(4, 1, name="right")(inputs)
    right = layers.BatchNormalization(name="right_bn")(right)
    left = layers.BatchNormalization(name="left_bn")(layers.ReLU()(left))
    x = layers.GlobalAveragePooling2D()(layers.Add()([left, right]))
    network = keras.Model(inputs, layers.Dense(2, name="head")(x))
    groups = names(layer_groups(network, 10))
    assert ["left", "left_bn"] in groups
    assert ["right", "right_bn"] in groups


def test_models_inside_models_and_recurrent_layers_are_looked_into() -> None:
    inner = keras.Sequential(
        [keras.Input((4,)), layers.Dense(3, name="a"), layers.Dense(3, name="b")], name="inner"
    )
    inputs = keras.Input((5, 4))
    x = layers.TimeDistributed(inner, name="each")(inputs)
    x = layers.LSTM(2, name="memory")(x)
    network = keras.Model(inputs, layers.Dense(2, name="head")(x))
    assert names(layer_groups(network, 10)) == [["head"], ["memory"], ["each"]]
    flat = keras.Input((4,))
    nested = keras.Model(flat, layers.Dense(2, name="head")(inner(flat)))
    assert names(layer_groups(nested, 10)) == [["head"], ["b"], ["a"]]
    unfreeze_groups(nested, layer_groups(nested, 10), 2)
    assert [v.path.split("/")[-2] for v in nested.trainable_variables] == ["b", "b", "head", "head"]


def test_a_normalization_of_the_input_stands_alone() -> None:
    inputs = keras.Input((8,))
    x = layers.BatchNormalization(name="first")(inputs)
    network = keras.Model(inputs, layers.Dense(2, name="head")(x))
    assert names(layer_groups(network, 4)) == [["head"], ["first"]]


def test_thawing_goes_from_the_head_down() -> None:
    network = built("resnet8")
    groups = layer_groups(network, 4)
    seen = []
    for number in range(1, 5):
        unfreeze_groups(network, groups, number)
        seen.append(len(network.trainable_variables))
        learning = {id(layer) for layer in network.layers if layer.weights and layer.trainable}
        assert learning == {id(layer) for group in groups[:number] for layer in group}
    assert seen[0] == 2
    assert seen == sorted(set(seen))
    everything = built("resnet8").trainable_variables
    assert seen[-1] == len(everything)


def test_a_frozen_normalization_keeps_its_averages() -> None:
    network = built("resnet8")
    unfreeze_groups(network, layer_groups(network, 4), 1)
    before = [v.numpy() for v in network.non_trainable_variables]
    network(np.random.default_rng(0).normal(size=(4, 28, 28, 1)).astype("f4"), training=True)
    for value, variable in zip(before, network.non_trainable_variables, strict=True):
        np.testing.assert_array_equal(value, variable.numpy())
