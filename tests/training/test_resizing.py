"""Pretrained networks for images of another size or with other channels, exactly."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from keras import layers

from zoo.common.errors import UsageError
from zoo.contracts import Architecture, ImagePreprocessing, SeriesPreprocessing, Variant
from zoo.contracts.training import Training
from zoo.networks.building import build_network, output_shapes, raw_model
from zoo.networks.card import Card, write_card
from zoo.networks.checkpoints import Checkpoint, resolve
from zoo.networks.resizing import build_resized, check_resizing, load_resized, resized_preprocessing
from zoo.networks.weights import load_network, save_weights
from zoo.registry import PluginSettings, load_registry

REGISTRY = load_registry(PluginSettings(installed=False))
CLASSES = ("a", "b", "c", "d")
IMAGENET = {"mean": (0.485, 0.456, 0.406), "std": (0.229, 0.224, 0.225)}
EQUAL_MEANS = {"mean": (0.5, 0.5, 0.5), "std": (0.2, 0.25, 0.4)}


def convolution_then_average(inputs: Any, classes: int, *, padding: str = "same") -> Any:
    x = inputs
    if padding == "zeros":
        x = layers.ZeroPadding2D(1, name="zeros")(x)
    x = layers.Conv2D(
        6, 3, 2, padding="same" if padding == "same" else "valid", name="first", activation="relu"
    )(x)
    x = layers.Conv2D(8, 3, padding="same", name="second", activation="relu")(x)
    return layers.Dense(classes, name="head")(layers.GlobalAveragePooling2D()(x))


def dense_from_pixels(inputs: Any, classes: int) -> Any:
    x = layers.Dense(5, activation="relu", name="pixels")(layers.Flatten()(inputs))
    return layers.Dense(classes, name="head")(x)


def normalized_again(inputs: Any, classes: int) -> Any:
    x = layers.BatchNormalization(name="bn")(inputs)
    x = layers.Conv2D(4, 3, name="conv")(x)
    return layers.Dense(classes, name="head")(layers.GlobalAveragePooling2D()(x))


def checkpoint_of(
    folder: Path, build: Any, preprocessing: ImagePreprocessing, **hyperparameters: Any
) -> Checkpoint:
    """A network with random weights, biases included, written as weights and card."""
    variant = Variant(
        name="tiny",
        classes=len(CLASSES),
        parameters=1,
        multiply_adds=1,
        preprocessing=preprocessing,
        hyperparameters=hyperparameters,
    )
    architecture = Architecture(
        name="tinies", summary="small", source="here", build=build, variants=(variant,)
    )
    network = build_network(architecture, variant, len(CLASSES))
    rng = np.random.default_rng(3)
    for variable in network.variables:
        if variable.name != "moving_variance":
            variable.assign(rng.normal(size=variable.shape, scale=0.4))
    path = folder / "tiny.here.safetensors"
    sha256 = save_weights(network, path)
    card = Card(
        variant="tiny",
        tag="here",
        dataset="none",
        dataset_hash="0",
        classes=CLASSES,
        licence="CC0-1.0",
        sha256=sha256,
    )
    write_card(path.with_suffix(".toml"), card)
    return Checkpoint(architecture=architecture, variant=variant, path=path)


def preprocessing(channels: int = 3, **moments: Any) -> ImagePreprocessing:
    return ImagePreprocessing(height=12, width=10, channels=channels, **moments)


def load(checkpoint: Checkpoint, **options: Any) -> tuple[Any, Any]:
    """Network and preprocessing."""
    network, _, new_head, after = load_resized(
        checkpoint, classes=CLASSES, hyperparameters={}, training=Training(**options)
    )
    assert not new_head
    return network, after


def logits(network: Any, own: Any, pixels: np.ndarray) -> np.ndarray:
    return np.asarray(raw_model(network, own)(pixels.astype(np.float32), training=False))


def grey_images() -> np.ndarray:
    """Bright up to the border, where padding would tell."""
    return np.random.default_rng(0).integers(0, 256, (5, 12, 10, 1), dtype=np.uint8)


@pytest.mark.parametrize("moments", [IMAGENET, EQUAL_MEANS], ids=["imagenet", "equal means"])
@pytest.mark.parametrize("padding", ["same", "valid", "zeros"])
def test_grey_is_answered_as_the_same_image_in_three_channels(
    tmp_path: Path, padding: str, moments: dict[str, Any]
) -> None:
    before = preprocessing(**moments)
    checkpoint = checkpoint_of(tmp_path, convolution_then_average, before, padding=padding)
    network, after = load(checkpoint, channels=1)
    grey = grey_images()
    expected = logits(load_network(checkpoint)[0], before, np.repeat(grey, 3, axis=3))
    np.testing.assert_allclose(logits(network, after, grey), expected, rtol=0, atol=3e-6)
    assert after.input_shape == (12, 10, 1)
    # The kernel is folded where that is exact; else the graph repeats the channel.
    exact = moments is EQUAL_MEANS or padding == "valid"
    assert network.get_layer("first").kernel.shape[2] == (1 if exact else 3)
    assert len(after.mean) == (1 if exact else 3)


def test_folding_with_one_mean_for_all_would_be_wrong_at_the_border(tmp_path: Path) -> None:
    """What the test above would catch: the obvious way, a summed kernel and averaged moments."""
    before = preprocessing(**IMAGENET)
    checkpoint = checkpoint_of(tmp_path, convolution_then_average, before, padding="same")
    original = load_network(checkpoint)[0]
    naive = build_network(checkpoint.architecture, checkpoint.variant, 4, None, preprocessing(1))
    for ours, theirs in zip(naive.variables, original.variables, strict=True):
        value = theirs.numpy()
        ours.assign(value.sum(axis=2, keepdims=True) if ours.shape != theirs.shape else value)
    own = preprocessing(1, mean=(0.449,), std=(0.226,))
    grey = grey_images()
    expected = logits(original, before, np.repeat(grey, 3, axis=3))
    assert np.abs(logits(naive, own, grey) - expected).max() > 1e-3


def test_other_first_layers_take_grey_too(tmp_path: Path) -> None:
    for number, build in enumerate((dense_from_pixels, normalized_again)):
        folder = tmp_path / str(number)
        folder.mkdir()
        before = preprocessing(**EQUAL_MEANS)
        checkpoint = checkpoint_of(folder, build, before)
        network, after = load(checkpoint, channels=1)
        grey = grey_images()
        expected = logits(load_network(checkpoint)[0], before, np.repeat(grey, 3, axis=3))
        np.testing.assert_allclose(logits(network, after, grey), expected, rtol=0, atol=3e-5)


def test_a_network_for_grey_takes_colour(tmp_path: Path) -> None:
    before = preprocessing(1, mean=(0.3,), std=(0.35,))
    checkpoint = checkpoint_of(tmp_path, convolution_then_average, before)
    network, after = load(checkpoint, channels=3)
    assert (after.channels, after.mean, after.std) == (3, (0.3,) * 3, (0.35,) * 3)
    grey = grey_images()
    expected = logits(load_network(checkpoint)[0], before, grey)
    repeated = np.repeat(grey, 3, axis=3)
    np.testing.assert_allclose(logits(network, after, repeated), expected, rtol=0, atol=3e-6)


def test_a_packaged_network_takes_colour_and_another_size() -> None:
    _, _, checkpoint = resolve(REGISTRY, "resnet8")
    assert checkpoint is not None
    classes = checkpoint.card().classes
    network, _, new_head, after = load_resized(
        checkpoint,
        classes=classes,
        hyperparameters={},
        training=Training(channels=3, input_size="40x32"),
    )
    assert not new_head
    assert after.input_shape == network.input_shape[1:] == (40, 32, 3)


def test_what_repeats_grey_goes_back_to_colour_as_it_was(tmp_path: Path) -> None:
    before = preprocessing(1, **IMAGENET)
    checkpoint = checkpoint_of(tmp_path, convolution_then_average, before)
    network, after = load(checkpoint, channels=3)
    assert after == preprocessing(3, **IMAGENET)
    for ours, theirs in zip(
        network.get_weights(), load_network(checkpoint)[0].get_weights(), strict=True
    ):
        np.testing.assert_array_equal(ours, theirs)


def test_colour_needs_a_plain_convolution_at_the_beginning(tmp_path: Path) -> None:
    checkpoint = checkpoint_of(tmp_path, dense_from_pixels, preprocessing(1))
    with pytest.raises(UsageError, match="cannot take three channels"):
        load(checkpoint, channels=3)


def test_another_size_keeps_the_weights_of_a_network_that_averages(tmp_path: Path) -> None:
    checkpoint = checkpoint_of(tmp_path, convolution_then_average, preprocessing(**IMAGENET))
    network, after = load(checkpoint, input_size="20x31")
    assert after.input_shape == network.input_shape[1:] == (20, 31, 3)
    assert (after.mean, after.std) == (IMAGENET["mean"], IMAGENET["std"])
    for ours, theirs in zip(
        network.get_weights(), load_network(checkpoint)[0].get_weights(), strict=True
    ):
        np.testing.assert_array_equal(ours, theirs)


def test_a_dense_layer_behind_all_positions_is_named_with_its_shapes(tmp_path: Path) -> None:
    _, _, checkpoint = resolve(REGISTRY, "lenet5")
    assert checkpoint is not None
    with pytest.raises(UsageError) as caught:
        load_resized(
            checkpoint,
            classes=CLASSES,
            hyperparameters={},
            training=Training(input_size=48),
        )
    message = str(caught.value)
    for part in ("lenet5.fashion_mnist", "48×48×1", "'c5'", "(400, 120)", "(1600, 120)"):
        assert part in message
    assert "--from-scratch" in message


def convolution_then_head(inputs: Any, classes: int) -> Any:
    x = layers.Conv2D(3, 3, padding="same", name="conv")(inputs)
    return layers.Dense(classes, name="head")(layers.Flatten()(x))


def test_a_new_head_behind_all_positions_fits_any_size(tmp_path: Path) -> None:
    checkpoint = checkpoint_of(tmp_path, convolution_then_head, preprocessing(**IMAGENET))
    other = tuple(f"new {name}" for name in CLASSES)
    sized = Training(input_size=24)
    network, _, new_head, _ = load_resized(
        checkpoint, classes=other, hyperparameters={}, training=sized
    )
    assert new_head
    assert network.get_layer("head").kernel.shape == (24 * 24 * 3, len(CLASSES))
    with pytest.raises(UsageError, match="'head' is made for another size"):
        load_resized(checkpoint, classes=CLASSES, hyperparameters={}, training=sized)


@pytest.mark.parametrize("name", ["lenet5", "alexnet_small", "vgg8_small"])
def test_images_that_are_too_small_are_an_error_not_a_network(name: str) -> None:
    architecture, variant = REGISTRY.variant(name)
    own = resized_preprocessing(variant.preprocessing, Training(input_size=3, from_scratch=True))
    with pytest.raises(UsageError, match="images of 3×3×1"):
        build_resized(architecture, variant, 10, {}, own)


def test_random_weights_take_any_size_and_channels() -> None:
    _, variant = REGISTRY.variant("convnet224")
    scratch = Training(input_size="48x64", channels=1, from_scratch=True)
    own = resized_preprocessing(variant.preprocessing, scratch)
    assert own.input_shape == own.network_shape == (48, 64, 1)
    assert own.mean == (pytest.approx(0.299 * 0.485 + 0.587 * 0.456 + 0.114 * 0.406),)
    grey = REGISTRY.variant("lenet5")[1].preprocessing
    assert resized_preprocessing(grey, Training(channels=3)).mean == grey.mean * 3
    assert resized_preprocessing(grey, Training()) == grey


@pytest.mark.parametrize("option", [{"input_size": 48}, {"channels": 3}])
def test_size_and_channels_are_of_images(option: dict[str, Any]) -> None:
    variant = Variant(
        name="waves",
        classes=3,
        parameters=1,
        multiply_adds=1,
        preprocessing=SeriesPreprocessing(steps=10, channels=2),
    )
    check_resizing(variant, Training())
    with pytest.raises(UsageError, match="is of images, and 'waves' takes none") as caught:
        check_resizing(variant, Training(**option))
    assert "10 steps of 2 channels" in str(caught.value)


def test_the_repeated_channel_is_what_the_formula_says() -> None:
    from zoo.pipeline.steps.evaluate import compare_preprocessing

    difference = compare_preprocessing(preprocessing(1, **IMAGENET), grey_images())
    assert difference.max_abs < 1e-5


@pytest.mark.parametrize("name", ["dcgan28", "lstm_small", "lenet5"])
def test_without_these_options_any_checkpoint_is_loaded_as_it_is(name: str) -> None:
    _, variant, checkpoint = resolve(REGISTRY, name)
    assert checkpoint is not None
    network, card, new_head, after = load_resized(
        checkpoint, classes=checkpoint.card().classes, hyperparameters={}, training=Training()
    )
    assert not new_head
    assert after == checkpoint.preprocessing
    assert output_shapes(network) == variant.outputs_for(len(card.classes))
