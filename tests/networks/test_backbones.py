"""Backbones that begin with the weights of another variant, and what they compute with them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from zoo.common.errors import BadFile, UnknownName, UsageError
from zoo.contracts import Architecture, Backbone, ImagePreprocessing, Variant
from zoo.contracts.checks import InvalidRecord
from zoo.contracts.training import Training
from zoo.data.preprocessing.inputs import normalize
from zoo.networks.backbone_weights import (
    backbone_checkpoint,
    named_weights,
    no_weights_fit,
    weights_of_backbone,
)
from zoo.networks.backbones import backbone_layers, begin_on_backbone
from zoo.networks.building import HEAD, build_network, variable_names
from zoo.networks.card import Card, read_card, write_card
from zoo.networks.checkpoints import Checkpoint, resolve
from zoo.networks.weights import load_into, read_tensors, save_weights
from zoo.registry import PluginSettings, load_registry
from zoo.training.layer_groups import freeze, layer_groups

keras = pytest.importorskip("keras")

REGISTRY = load_registry(PluginSettings(installed=False))
#: No network's own: what is left behind is noticed.
NORMALIZED = {"mean": (0.4, 0.5, 0.55), "std": (0.2, 0.25, 0.3)}
SIDE = 64
#: Networks with a backbone, and a layer that others are put behind.
NETWORKS = {
    "ssd_mobilenet_small": "block_16_project_BN",
    "lraspp_mobilenet96": "expanded_conv_7_project_bn",
}
LARGE = {"ssd_mobilenet": "block_16_project_BN", "lraspp_mobilenet": "conv_1_bn"}


def trained(folder: Path, name: str, **hyperparameters: Any) -> Checkpoint:
    """Weights of a classification network, every one of which decides something, with a card."""
    architecture, variant = REGISTRY.variant(name)
    own = variant.preprocessing
    assert isinstance(own, ImagePreprocessing)
    preprocessing = replace(own, height=SIDE, width=SIDE, **NORMALIZED)
    network = build_network(architecture, variant, 2, hyperparameters, preprocessing)
    random = np.random.default_rng(0)
    for name_of, variable in variable_names(network).items():
        shape = variable.shape
        if len(shape) > 1:
            fan = shape[0] * shape[1] if "depthwise" in name_of else np.prod(shape[:-1])
            variable.assign(random.normal(0, np.sqrt(2 / fan), shape))
        elif name_of.endswith(("gamma", "variance")):
            variable.assign(random.uniform(0.5, 1.5, shape))
        else:
            variable.assign(random.normal(0, 0.2, shape))
    path = folder / f"{name}.made.safetensors"
    card = Card(
        variant=name,
        tag="made",
        dataset="photographs",
        dataset_hash="unknown",
        classes=("a", "b"),
        licence="CC0-1.0",
        sha256=save_weights(network, path),
        hyperparameters=hyperparameters,
        preprocessing=preprocessing,
    )
    write_card(path.with_suffix(".toml"), card)
    found = resolve(REGISTRY, str(path))[2]
    assert found is not None
    return found


def weights_for(folder: Path, name: str) -> Checkpoint:
    """Weights for the backbone of a network, of its width."""
    architecture, variant = REGISTRY.variant(name)
    assert variant.backbone is not None
    own = {**architecture.defaults(), **variant.hyperparameters}
    return trained(folder, variant.backbone.variant, width=own["width"])


def begun_on(checkpoint: Checkpoint, name: str, **options: Any) -> Any:
    architecture, variant = REGISTRY.variant(name)
    training = Training(input_size=SIDE, **options)
    return begin_on_backbone(checkpoint, architecture, variant, 5, {}, training)


def features(network: Any, layer: str, pixels: Any, preprocessing: Any) -> np.ndarray:
    """What a layer gives of raw pixels."""
    part = keras.Model(network.input, network.get_layer(layer).output)
    return np.asarray(part(normalize(pixels, preprocessing), training=False))


def pixels(channels: int = 3) -> np.ndarray:
    random = np.random.default_rng(1)
    return random.integers(0, 256, (2, SIDE, SIDE, channels)).astype(np.float32)


def classified(checkpoint: Checkpoint) -> Any:
    card = checkpoint.card()
    about = (checkpoint.architecture, checkpoint.variant, 2, card.hyperparameters)
    network = build_network(*about, card.preprocessing)
    load_into(network, read_tensors(checkpoint.path), "the weights", skip_head=False)
    return network


@pytest.mark.parametrize(
    "name", [*NETWORKS, *(pytest.param(name, marks=pytest.mark.slow) for name in LARGE)]
)
def test_features_are_those_of_the_classification_network(name: str, tmp_path: Path) -> None:
    checkpoint = weights_for(tmp_path, name)
    layer = {**NETWORKS, **LARGE}[name]
    expected = features(classified(checkpoint), layer, pixels(), checkpoint.preprocessing)
    begun = begun_on(checkpoint, name)
    there = features(begun.network, layer, pixels(), begun.preprocessing)
    scale = expected.std()
    print(f"{name}: max |Δ| {np.abs(there - expected).max():.2g} of {scale:.3g}")
    assert np.abs(there - expected).max() <= 1e-4 * scale

    def changed(network: Any = begun.network, preprocessing: Any = begun.preprocessing) -> Any:
        return np.abs(features(network, layer, pixels(), preprocessing) - expected).max() / scale

    # Each mistake of such a transfer is seen.
    own = REGISTRY.variant(name)[1].preprocessing
    assert changed(preprocessing=replace(begun.preprocessing, mean=own.mean, std=own.std)) > 0.01
    variables = variable_names(begun.network)
    moved = next(v for n, v in variables.items() if n.endswith("/moving_variance"))
    kept = moved.numpy()
    moved.assign(np.ones_like(kept))
    assert changed() > 0.01, "statistics of a normalization"
    moved.assign(kept)
    kernel = next(v for n, v in variables.items() if n.endswith("/kernel"))
    kept = kernel.numpy()
    kernel.assign(kept[:, :, ::-1])
    assert changed() > 0.01, "red and blue"
    kernel.assign(kept)
    assert changed() <= 1e-4


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Checkpoint:
    return weights_for(tmp_path_factory.mktemp("weights"), "lraspp_mobilenet96")


def test_what_began_where_is_said_and_on_record(checkpoint: Checkpoint, tmp_path: Path) -> None:
    begun = begun_on(checkpoint, "lraspp_mobilenet96")
    own, there = variable_names(begun.network), variable_names(classified(checkpoint))
    taken = [name for name in own if name in there and not name.startswith(f"{HEAD}/")]
    assert begun.summary == (
        f"{len(taken)} of {len(own)} tensors are of mobilenet_v3_small.made, trained on "
        "photographs (licence CC0-1.0); at random begin features, features_bn, weights, head"
    )
    assert {name.split("/")[0] for name in own} - {name.split("/")[0] for name in taken} == {
        *("weights", "features", "features_bn", HEAD)
    }
    origin = begun.origin
    assert (origin.model_id, origin.licence) == ("mobilenet_v3_small.made", "CC0-1.0")
    assert origin.sha256 == checkpoint.card().sha256
    path = tmp_path / "card.toml"
    write_card(path, replace(checkpoint.card(), backbone=origin))
    assert read_card(path).backbone == origin


def test_grey_images_are_taken_as_the_weights_took_them(checkpoint: Checkpoint) -> None:
    """A network for one channel computes of grey what that for three does of it repeated."""
    begun = begun_on(checkpoint, "lraspp_mobilenet96", channels=1)
    assert begun.preprocessing.channels == 1
    grey, layer = pixels(1), NETWORKS["lraspp_mobilenet96"]
    expected = features(
        classified(checkpoint), layer, grey.repeat(3, axis=3), checkpoint.preprocessing
    )
    there = features(begun.network, layer, grey, begun.preprocessing)
    assert np.abs(there - expected).max() <= 1e-3 * expected.std()


def test_freezing_and_groups_leave_all_behind_the_backbone_to_learn() -> None:
    architecture, variant = REGISTRY.variant("lraspp_mobilenet96")
    network = build_network(architecture, variant, 5)
    backbone = backbone_layers(REGISTRY, variant, network, {})
    freeze(network, "backbone", backbone)
    learning = {layer.name for layer in network.layers if layer.trainable_weights}
    assert learning == {"weights", "features", "features_bn", HEAD}
    freeze(network, "none", backbone)
    first, *others = layer_groups(network, 4, backbone)
    assert {layer.name for layer in first} == learning
    assert {layer.name for group in others for layer in group} == {
        layer.name for layer in network.layers if layer.weights
    } - learning
    # Without a backbone on record the head alone is new, as before.
    assert [layer.name for layer in layer_groups(network, 4)[0]] == [HEAD]
    assert backbone_layers(REGISTRY, REGISTRY.variant("lenet5")[1], network, {}) == frozenset()


def test_weights_that_fit_are_found_published_ones_first() -> None:
    def fitting(name: str, **given: Any) -> list[str]:
        return [*weights_of_backbone(REGISTRY, *REGISTRY.variant(name), given)]

    assert fitting("ssd_mobilenet") == ["mobilenet_v2.keras_in1k"]
    assert fitting("ssd_mobilenet_small") == ["mobilenet_v2.keras_in1k_035_96"]
    assert fitting("lraspp_mobilenet") == ["mobilenet_v3_small.keras_in1k"]
    assert fitting("ssd_mobilenet", width=0.35) == ["mobilenet_v2.keras_in1k_035_96"]
    assert fitting("ssd_mobilenet", width=0.5) == []
    assert fitting("lenet5") == []
    about = (REGISTRY, *REGISTRY.variant("ssd_mobilenet"))
    assert named_weights(*about, {}, "imagenet") == "mobilenet_v2.keras_in1k"
    assert named_weights(*about, {}, "my.safetensors") == "my.safetensors"
    assert named_weights(*about, {}, "mobilenet_v2") == "mobilenet_v2"
    with pytest.raises(UnknownName, match="'imagenett'") as typo:
        named_weights(*about, {}, "imagenett")
    assert "'imagenet'" in str(typo.value.fix)
    with pytest.raises(UsageError, match=r"fit 'ssd_mobilenet' with width=0\.5") as caught:
        named_weights(*about, {"width": 0.5}, "imagenet")
    assert "mobilenet_v2.keras_in1k has width=1.0" in (caught.value.why or "")
    with pytest.raises(UsageError, match="'lenet5' has no backbone") as caught:
        named_weights(REGISTRY, *REGISTRY.variant("lenet5"), {}, "imagenet")
    assert "ssd_mobilenet_small" in (caught.value.fix or "")


def test_weights_that_do_not_fit_are_refused_with_those_that_do(tmp_path: Path) -> None:
    about = (REGISTRY, *REGISTRY.variant("ssd_mobilenet"))
    narrow = weights_for(tmp_path, "ssd_mobilenet_small")
    with pytest.raises(UsageError, match=r"'ssd_mobilenet': it has width=0\.35") as caught:
        backbone_checkpoint(*about, {}, str(narrow.path))
    assert caught.value.why == "the backbone has width=1.0"
    assert caught.value.fix == "weights that fit: --backbone mobilenet_v2.keras_in1k"
    assert backbone_checkpoint(*about, {"width": 0.35}, str(narrow.path)) == narrow
    with pytest.raises(UsageError, match=r"resnet8.fashion_mnist does not fit") as caught:
        backbone_checkpoint(*about, {}, "resnet8.fashion_mnist")
    assert "its layers are those of mobilenet_v2" in (caught.value.why or "")
    # A card that says another width than its weights have.
    write_card(narrow.card_path, replace(narrow.card(), hyperparameters={"width": 1.0}))
    with pytest.raises(BadFile, match=r"does not fit"):
        begun_on(backbone_checkpoint(*about, {}, str(narrow.path)), "ssd_mobilenet")


STRANGE = """
import zoo
from zoo.contracts import Backbone

def build(inputs, classes):
    from keras import layers
    x = layers.Conv2D(2, 3, name="unlike")(inputs)
    return layers.Dense(classes, name="head")(layers.GlobalAveragePooling2D()(x))

@zoo.hookimpl
def zoo_architectures():
    seen = zoo.ImagePreprocessing(height=28, width=28, channels=1, mean=(0.5,), std=(0.5,))
    yield zoo.Architecture(
        name="strange", summary="one convolution", source="here", build=build,
        variants=tuple(
            zoo.Variant(name=name, classes=2, parameters=26, multiply_adds=1, preprocessing=seen,
                        backbone=Backbone(variant=of))
            for name, of in (("lost", "nowhere"), ("unlike", "resnet8"))))
"""


def test_wrong_records_are_told_of_with_their_plugin(tmp_path: Path) -> None:
    path = tmp_path / "strange_plugin.py"
    path.write_text(STRANGE, encoding="utf-8")
    registry = load_registry(PluginSettings(installed=False, paths=(str(path),)))
    architecture, lost = registry.variant("lost")
    about = (registry, architecture, lost, {})
    assert named_weights(*about, "imagenet") == "imagenet"
    with pytest.raises(UsageError, match="network 'nowhere', which no plugin provides") as caught:
        backbone_checkpoint(*about, "resnet8.fashion_mnist")
    assert "the plugin 'strange_plugin'" in (caught.value.fix or "")
    # It is trained from scratch as any other.
    network = build_network(architecture, lost, 2)
    assert backbone_layers(registry, lost, network, {}) == frozenset()
    assert "'nowhere'" in no_weights_fit(*about)

    unlike = registry.variant("unlike")[1]
    whose = backbone_checkpoint(registry, architecture, unlike, {}, "resnet8.fashion_mnist")
    with pytest.raises(BadFile, match="does not fit the backbone of 'unlike'") as raised:
        begin_on_backbone(whose, architecture, unlike, 2, {}, Training())
    assert "have no layer of the same name" in (raised.value.why or "")
    assert "the plugin of 'strange'" in (raised.value.fix or "")


def test_a_record_names_hyperparameters_that_the_network_has() -> None:
    variant = Variant(
        name="some",
        classes=2,
        parameters=1,
        multiply_adds=1,
        preprocessing=ImagePreprocessing(height=8, width=8, channels=1),
        backbone=Backbone(variant="mobilenet_v2", shared=("depth",)),
    )
    with pytest.raises(InvalidRecord, match="build has no hyper-parameter depth"):
        Architecture(
            name="some", summary="", source="", build=lambda inputs, classes: 0, variants=(variant,)
        )
    with pytest.raises(InvalidRecord):
        Backbone(variant="MobileNet V2")
