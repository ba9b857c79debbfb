"""Networks have the sizes that their papers, or the libraries that carry them, publish."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import numpy as np
import pytest

from zoo.networks.building import build_network, count_parameters
from zoo.networks.multiply_adds import count_multiply_adds
from zoo.registry import PluginSettings, load_registry

keras = pytest.importorskip("keras")
pytest.importorskip("tensorflow")

REGISTRY = load_registry(PluginSettings(installed=False))

#: Trainable parameters for 1,000 classes: torchvision's documentation; the builder test of
#: EfficientNet-Lite; Krizhevsky's 2012 network without its two towers, counted by hand.
TRAINABLE = {
    "alexnet": 61_100_840,
    "alexnet_2012": 62_378_344,
    "vgg11": 132_863_336,
    "vgg13": 133_047_848,
    "vgg16": 138_357_544,
    "vgg19": 143_667_240,
    "vgg11_bn": 132_868_840,
    "vgg13_bn": 133_053_736,
    "vgg16_bn": 138_365_992,
    "vgg19_bn": 143_678_248,
    "resnet18": 11_689_512,
    "resnet34": 21_797_672,
    "resnet50": 25_557_032,
    "resnet101": 44_549_160,
    "resnet152": 60_192_808,
    "mobilenet_v2": 3_504_872,
    "mobilenet_v3_small": 2_542_856,
    "efficientnet_lite0": 4_652_008,
}
#: Billions of multiply-adds: torchvision's documentation, and the table of EfficientNet-Lite.
MULTIPLY_ADDS = {
    "alexnet": "0.71",
    "vgg11": "7.61",
    "vgg13": "11.31",
    "vgg16": "15.47",
    "vgg19": "19.63",
    "resnet18": "1.81",
    "resnet34": "3.66",
    "resnet50": "4.09",
    "resnet101": "7.80",
    "resnet152": "11.51",
    "mobilenet_v2": "0.30",
    "mobilenet_v3_small": "0.06",
    "efficientnet_lite0": "0.385",
}
LARGE = 20_000_000


def network(name: str, size: int | None = None, **hyperparameters: Any) -> Any:
    """The network for 1,000 classes, on pictures of another size if one is given."""
    architecture, variant = REGISTRY.variant(name)
    if size is not None:
        smaller = dataclasses.replace(variant.preprocessing, height=size, width=size)
        variant = dataclasses.replace(variant, preprocessing=smaller)
    return build_network(architecture, variant, 1000, hyperparameters)


def trainable(model: Any) -> int:
    return sum(math.prod(variable.shape) for variable in model.trainable_variables)


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=[pytest.mark.slow] if count > LARGE else [])
        for name, count in TRAINABLE.items()
    ],
)
def test_trainable_parameters_are_those_published(name: str) -> None:
    """Of large networks the record, too, which `test_architectures.py` compares for others."""
    built, (_, variant) = network(name), REGISTRY.variant(name)
    assert trainable(built) == TRAINABLE[name]
    assert variant.classes == 1000
    assert count_parameters(built) == variant.parameters
    if variant.parameters > LARGE:
        assert count_multiply_adds(built) == variant.multiply_adds
        assert (built.layers[-1].name == "head") == variant.has_head


def test_every_large_network_is_among_them() -> None:
    assert {v.name for _, v in REGISTRY.variants() if v.parameters > LARGE} <= {*TRAINABLE}


@pytest.mark.parametrize("name", MULTIPLY_ADDS)
def test_multiply_adds_are_those_published(name: str) -> None:
    _, variant = REGISTRY.variant(name)
    digits = len(MULTIPLY_ADDS[name].partition(".")[2])
    assert f"{variant.multiply_adds / 1e9:.{digits}f}" == MULTIPLY_ADDS[name]


@pytest.mark.slow
def test_resnet50_as_in_the_paper_takes_fewer_multiply_adds() -> None:
    """3.8 billion in He et al., table 1, which leaves the shortcuts out; 3.86 with them."""
    assert round(count_multiply_adds(network("resnet50", version="v1")) / 1e9, 2) == 3.86


@pytest.mark.parametrize(
    ("name", "builder", "width"),
    [("mobilenet_v2", "MobileNetV2", 0.35), ("mobilenet_v3_small", "MobileNetV3Small", 1.25)],
)
def test_the_width_of_mobilenets(name: str, builder: str, width: float) -> None:
    whole = getattr(keras.applications, builder)(
        input_shape=(224, 224, 3), alpha=width, weights=None
    )
    assert count_parameters(network(name, width=width)) == whole.count_params()


@pytest.mark.slow
def test_resnet50_v1_computes_what_keras_applications_computes() -> None:
    """Their random weights in our network give their answers."""
    theirs = keras.applications.ResNet50(
        weights=None, input_shape=(96, 96, 3), classifier_activation=None
    )
    ours = network("resnet50", 96, version="v1", bias=True)
    assert count_parameters(ours) == count_parameters(theirs) == 25_636_712
    places = {"0": "shortcut", "1": "a", "2": "b", "3": "last"}
    names = {"conv1_conv": "stem_conv", "conv1_bn": "stem_bn", "predictions": "head"}
    for layer in theirs.layers:
        if not layer.weights:
            continue
        name = names.get(layer.name)
        if name is None:
            stage, block, place, kind = layer.name.split("_")
            number = int(stage.removeprefix("conv")) - 1
            name = f"stage{number}_{block}_{places[place]}_{kind}"
        ours.get_layer(name).set_weights(layer.get_weights())
    pictures = np.random.default_rng(1).normal(size=(2, 96, 96, 3)).astype(np.float32)
    expected = np.asarray(theirs(pictures))
    np.testing.assert_allclose(np.asarray(ours(pictures)), expected, rtol=1e-3, atol=1e-3)


def test_depthwise_and_separable_convolutions_are_counted() -> None:
    inputs = keras.Input((8, 8, 4))
    x = keras.layers.DepthwiseConv2D(3, padding="same")(inputs)
    x = keras.layers.SeparableConv2D(6, 3, strides=2, padding="same")(x)
    x = keras.layers.Conv2D(6, 3, groups=2, padding="same")(x)
    depthwise = 8 * 8 * 3 * 3 * 4
    separable = 4 * 4 * (3 * 3 * 4 + 4 * 6)
    grouped = 4 * 4 * 3 * 3 * 3 * 6
    assert count_multiply_adds(keras.Model(inputs, x)) == depthwise + separable + grouped


@pytest.mark.parametrize(
    ("name", "wrong", "message"),
    [
        ("alexnet_small", {"normalization": "group"}, "'lrn', 'batch' or 'none'"),
        ("convnet28", {"downsampling": "average"}, "'max' or 'stride'"),
        ("mobilenet_v2", {"version": "v3"}, "'v2' or 'v3-small'"),
        ("resnet18", {"version": "v2"}, "'v1.5' or 'v1'"),
        ("vgg8_small", {"convolutions": [1, 1]}, "2 stages of convolutions, but 4 filters"),
    ],
)
def test_a_wrong_hyperparameter_is_named_with_what_it_may_be(
    name: str, wrong: dict[str, Any], message: str
) -> None:
    with pytest.raises(Exception, match="could not build") as caught:
        network(name, **wrong)
    assert message in str(caught.value)
