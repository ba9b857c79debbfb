"""Building networks, naming their variables, and weights in and out of them."""

from __future__ import annotations

import json
import struct
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from makers import architecture, preprocessing, variant

from zoo.common import plugin_errors
from zoo.common.errors import BadFile, ZooError
from zoo.common.files import sha256_of
from zoo.common.worker import call
from zoo.contracts import Architecture
from zoo.networks.building import (
    build_network,
    count_parameters,
    deployed_model,
    normalization,
    raw_model,
    variable_names,
    wrong_parameters,
)
from zoo.networks.card import Card, write_card
from zoo.networks.checkpoints import Checkpoint
from zoo.networks.multiply_adds import count_multiply_adds
from zoo.networks.weights import load_into, load_network, read_tensors, save_weights, verify
from zoo.registry import PluginSettings, load_registry

keras = pytest.importorskip("keras")
pytest.importorskip("tensorflow")

CLASSES = ("a", "b", "c")


def build(inputs, classes, *, filters=2, dropout=0.0):
    """Two layers without a name of their own, one block of layers, and a head."""
    layers = keras.layers
    x = layers.Conv2D(filters, 3)(inputs)
    x = layers.BatchNormalization()(x)
    x = layers.Conv2D(filters, 3, name="own")(x)
    x = layers.Flatten()(x)
    x = keras.Sequential([layers.Dense(4), layers.Dense(4)])(x)
    x = layers.Dense(5)(x)
    if dropout:
        x = layers.Dropout(dropout)(x)
    return layers.Dense(classes, name="head")(x)


#: The figures for 8 × 8 × 1 inputs, 2 filters and 3 classes, counted by hand.
CONVOLUTIONS = (3 * 3 * 1 * 2 + 2) + 4 * 2 + (3 * 3 * 2 * 2 + 2)
DENSE = (4 * 4 * 2 * 4 + 4) + (4 * 4 + 4) + (4 * 5 + 5) + (5 * 3 + 3)
PRODUCTS = 6 * 6 * 3 * 3 * 2 + 4 * 4 * 3 * 3 * 2 * 2 + 32 * 4 + 4 * 4 + 4 * 5 + 5 * 3

FAMILY = architecture(build=build)


def network(classes: int = 3, family: Architecture = FAMILY, **hyperparameters):
    return build_network(family, family.variants[0], classes, hyperparameters)


def test_a_wrong_number_of_parameters_is_told_whatever_the_classes():
    family, lenet5 = load_registry(PluginSettings(installed=False)).variant("lenet5")
    for classes in (lenet5.classes, 3):
        network = build_network(family, lenet5, classes)
        assert wrong_parameters(network, lenet5, classes) == ""
        told = wrong_parameters(network, replace(lenet5, parameters=1), classes)
        assert told.startswith(
            "the record of 'lenet5' says parameters=1, and the network has 61_706 for 10 classes"
        )


def test_shapes_and_counts():
    model = network()
    assert model.name == "tiny8"
    assert (model.input_shape, model.output_shape) == ((None, 8, 8, 1), (None, 3))
    assert count_parameters(model) == CONVOLUTIONS + DENSE
    assert count_multiply_adds(model) == PRODUCTS


def test_hyperparameters_of_the_user_win():
    family = architecture(build=build, variants=(variant(hyperparameters={"filters": 3}),))
    assert network(family=family).get_layer("own").filters == 3
    assert network(family=family, filters=4).get_layer("own").filters == 4


def test_build_function_that_raises_is_named(monkeypatch):
    def broken(inputs, classes):
        raise KeyError("oh")

    with pytest.raises(ZooError, match="plugin of 'tiny' could not build 'tiny8'") as caught:
        network(family=architecture(build=broken))
    assert caught.value.why == "KeyError: 'oh'"
    monkeypatch.setattr(plugin_errors, "_SOURCES", {})
    plugin_errors.note_source(__file__, "tiny")
    with pytest.raises(ZooError, match="could not build 'tiny8'") as caught:
        network(family=architecture(build=broken))
    line = broken.__code__.co_firstlineno + 1
    assert f"KeyError: 'oh' ({__file__}, line {line}, in {broken.__qualname__})" in caught.value.why


@pytest.mark.parametrize(
    ("wrong", "shape"),
    [
        (lambda inputs, classes: inputs, r"\(8, 8, 1\)"),
        (lambda inputs, classes: keras.layers.Dense(7)(keras.layers.Flatten()(inputs)), r"\(7,\)"),
    ],
)
def test_wrong_output_shape(wrong, shape):
    with pytest.raises(ZooError, match=f"returns shape {shape} for 3 classes"):
        network(family=architecture(build=wrong))


@pytest.mark.parametrize("channels", [1, 3])
def test_normalization_in_the_graph_is_the_formula(channels):
    rgb = preprocessing(
        channels=channels, mean=(0.4, 0.5, 0.6)[:channels], std=(0.1, 0.2, 0.3)[:channels]
    )
    pixels = np.random.default_rng(0).integers(0, 256, (2, 8, 8, channels)).astype(np.float32)
    expected = (pixels / 255 - np.array(rgb.mean)) / np.array(rgb.std)
    np.testing.assert_allclose(np.asarray(normalization(rgb)(pixels)), expected, atol=2e-6)


def test_models_around_the_network():
    """Training sees logits, users see the task's output; both begin with raw pixels."""
    from zoo.tasks.classification import zoo_tasks

    member = variant(preprocessing=preprocessing(mean=(0.5,), std=(0.25,)))
    inner = network()
    pixels = np.random.default_rng(0).integers(0, 256, (1, 8, 8, 1)).astype(np.float32)
    logits = np.asarray(inner((pixels / 255 - 0.5) / 0.25))
    trained = np.asarray(raw_model(inner, member.preprocessing)(pixels))
    np.testing.assert_allclose(trained, logits, atol=1e-5)
    deployed = deployed_model(inner, member.preprocessing, next(iter(zoo_tasks())))
    assert deployed.input_shape == (1, 8, 8, 1)
    expected = np.exp(logits) / np.exp(logits).sum()
    np.testing.assert_allclose(np.asarray(deployed(pixels)), expected, atol=1e-5)


NAMES = [
    *("conv2d/kernel", "conv2d/bias"),
    *(f"batch_normalization/{n}" for n in ("gamma", "beta", "moving_mean", "moving_variance")),
    *("own/kernel", "own/bias"),
    *("sequential/dense/kernel", "sequential/dense/bias"),
    *("sequential/dense/kernel#1", "sequential/dense/bias#1"),
    *("dense/kernel", "dense/bias", "head/kernel", "head/bias"),
]


def test_names_do_not_count_what_was_built_before():
    first, second = variable_names(network()), variable_names(network(dropout=0.5))
    assert list(first) == list(second)
    assert [v.shape for v in first.values()] == [v.shape for v in second.values()]
    assert len(first) == len(network().weights)
    assert {id(v) for v in first.values()}.isdisjoint(id(v) for v in second.values())


def test_names_are_the_same_in_another_process():
    assert call("children:names_of_variables", {}) == list(variable_names(network())) == NAMES


def test_layers_that_the_user_numbered_keep_their_names():
    inputs = keras.Input((4,))
    x = keras.layers.Dense(3, name="fc_1")(inputs)
    x = keras.layers.Dense(3, name="fc_2")(x)
    outputs = keras.layers.Dense(3)(x)
    names = list(variable_names(keras.Model(inputs, outputs)))
    assert names == [f"{n}/{v}" for n in ("fc_1", "fc_2", "dense") for v in ("kernel", "bias")]


@pytest.fixture
def checkpoint(tmp_path: Path) -> Checkpoint:
    path = tmp_path / "tiny8.photos.safetensors"
    keras.utils.set_random_seed(7)
    digest = save_weights(network(), path)
    card = Card(
        variant="tiny8",
        tag="photos",
        dataset="photos",
        dataset_hash="1",
        classes=CLASSES,
        licence="CC0-1.0",
        sha256=digest,
    )
    write_card(tmp_path / "tiny8.photos.toml", card)
    return Checkpoint(architecture=FAMILY, variant=FAMILY.variants[0], path=path)


def rewrite(checkpoint: Checkpoint, **changes) -> None:
    """Another card for the same weights, whose SHA-256 is right."""
    digest = sha256_of(checkpoint.path)
    write_card(checkpoint.card_path, replace(checkpoint.card(), sha256=digest, **changes))


def test_round_trip(checkpoint):
    keras.utils.set_random_seed(7)
    saved = network()
    keras.utils.set_random_seed(8)
    loaded, card, new_head = load_network(checkpoint)
    assert (card.model_id, new_head) == ("tiny8.photos", False)
    for expected, found in zip(saved.weights, loaded.weights, strict=True):
        np.testing.assert_array_equal(np.asarray(expected), np.asarray(found))
    assert set(read_tensors(checkpoint.path)) == set(variable_names(saved))


def test_same_classes_keep_the_head(checkpoint):
    assert load_network(checkpoint, classes=CLASSES)[2] is False


@pytest.mark.parametrize("classes", [("x", "y"), ("b", "a", "c"), ("a", "b", "d")])
def test_other_classes_get_a_new_head(checkpoint, classes):
    """Even as many classes under other names: the old head would answer in the wrong ones."""
    keras.utils.set_random_seed(99)
    loaded, _, new_head = load_network(checkpoint, classes=classes)
    tensors = read_tensors(checkpoint.path)
    variables = variable_names(loaded)
    assert new_head
    assert loaded.output_shape == (None, len(classes))
    np.testing.assert_array_equal(np.asarray(variables["own/kernel"]), tensors["own/kernel"])
    assert not np.array_equal(np.asarray(variables["head/kernel"]), tensors["head/kernel"])


def test_altered_byte(checkpoint):
    told = checkpoint.card().sha256
    data = bytearray(checkpoint.path.read_bytes())
    data[-1] ^= 1
    checkpoint.path.write_bytes(data)
    with pytest.raises(BadFile, match="truncated or altered") as caught:
        load_network(checkpoint)
    assert told in caught.value.why
    assert sha256_of(checkpoint.path) in caught.value.why
    # Own weights come with no installation; those of a package do.
    assert f"restore it and {checkpoint.card_path.name}" in caught.value.fix
    family = replace(checkpoint.architecture, weights=checkpoint.path.parent)
    with pytest.raises(BadFile) as caught:
        load_network(replace(checkpoint, architecture=family))
    assert "install edgezoo again" in caught.value.fix
    assert told != sha256_of(checkpoint.path)


def test_a_card_of_another_variant_is_named(checkpoint):
    """The weights are whole; what does not fit is what their card calls them."""
    larger = replace(checkpoint.variant, name="larger", hyperparameters={"filters": 9})
    rewrite(checkpoint, variant="larger", hyperparameters={"filters": 9})
    with pytest.raises(BadFile, match="does not fit the network") as caught:
        load_network(replace(checkpoint, variant=larger))
    assert f"the card {checkpoint.card_path} names" in caught.value.fix


def test_truncated_weights(checkpoint):
    checkpoint.path.write_bytes(checkpoint.path.read_bytes()[:-100])
    with pytest.raises(BadFile, match="truncated or altered"):
        load_network(checkpoint)
    rewrite(checkpoint)
    with pytest.raises(BadFile, match="is not a safetensors file"):
        load_network(checkpoint)


def test_missing_weights(checkpoint):
    card = checkpoint.card()
    checkpoint.path.unlink()
    with pytest.raises(BadFile, match="there is no file"):
        load_network(checkpoint)
    with pytest.raises(BadFile):
        verify(checkpoint, card.sha256)


def test_card_of_another_variant(checkpoint):
    rewrite(checkpoint, variant="tiny9")
    with pytest.raises(BadFile, match="belongs to 'tiny9', not to 'tiny8'"):
        load_network(checkpoint)


def test_hyperparameters_on_the_card_are_used(checkpoint):
    save_weights(network(filters=4), checkpoint.path)
    rewrite(checkpoint, hyperparameters={"filters": 4})
    assert load_network(checkpoint)[0].get_layer("own").filters == 4
    with pytest.raises(BadFile, match=r"misshaped: own/kernel is \(3, 3, 4, 4\)"):
        load_network(checkpoint, hyperparameters={"filters": 2})


def test_checkpoint_of_another_architecture(checkpoint):
    def other(inputs, classes):
        x = keras.layers.Conv2D(2, 5, name="own")(inputs)
        x = keras.layers.Flatten()(x)
        return keras.layers.Dense(classes, name="head")(x)

    alien = replace(checkpoint, architecture=architecture(build=other))
    with pytest.raises(BadFile, match=r"tiny8\.photos does not fit the network 'tiny8'") as caught:
        load_network(alien)
    told = caught.value.why.split("; ")
    assert "unexpected: conv2d/kernel" in told
    assert told[-1] == "and 2 more"
    assert len(told) == 13


@pytest.mark.parametrize("skip_head", [False, True])
def test_every_misfit_is_told(skip_head):
    model = network()
    tensors = {name: np.asarray(v) for name, v in variable_names(model).items()}
    tensors["own/kernel"] = tensors["own/kernel"][..., :1]
    tensors["stray"] = tensors.pop("own/bias")
    del tensors["head/bias"]
    before = [np.asarray(w) for w in model.weights]
    with pytest.raises(BadFile) as caught:
        load_into(model, tensors, "weights.safetensors", skip_head=skip_head)
    told = caught.value.why.split("; ")
    expected = {
        "missing: own/bias",
        "unexpected: stray",
        "misshaped: own/kernel is (3, 3, 2, 1), expected (3, 3, 2, 2)",
    }
    assert set(told) == expected | (set() if skip_head else {"missing: head/bias"})
    for old, now in zip(before, model.weights, strict=True):
        np.testing.assert_array_equal(old, np.asarray(now))


def raw_safetensors(header: dict[str, object], data: bytes) -> bytes:
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + data


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\0" * 8,
        struct.pack("<Q", 2**60) + b"{}",
        b"PK\x03\x04 a pickle in a zip file",
        raw_safetensors({"a": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}}, b"1234"),
        raw_safetensors({"a": {"dtype": "F8_E4M3", "shape": [4], "data_offsets": [0, 4]}}, b"1234"),
        raw_safetensors({"a": {"dtype": "Q4", "shape": [4], "data_offsets": [0, 4]}}, b"1234"),
    ],
    ids=["empty", "zeros", "header", "zip", "truncated", "float8", "unknown type"],
)
def test_what_is_no_safetensors_file(tmp_path, data):
    path = tmp_path / "a.safetensors"
    path.write_bytes(data)
    with pytest.raises(BadFile, match=r"a\.safetensors"):
        read_tensors(path)
