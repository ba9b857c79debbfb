"""The network that a file in half precision is judged beside, and wrong files that it finds."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from makers import contents
from tiny_networks import FORMATS, REGISTRY, Deployed, answers_of, write

from zoo.artifacts import closeness, gate
from zoo.contracts.rounding import RoundingRequest
from zoo.exporters.shared.half_weights import halve_weights
from zoo.networks.reduced_numbers import rounded_to, with_reduced_numbers
from zoo.pipeline.steps.rounded_network import (
    ROUNDED,
    check_rounding,
    noise_limits,
    unrounded,
)

TASK, HALF = REGISTRY.tasks.get("tensors"), REGISTRY.precision("float16")
IMAGES = np.random.default_rng(0).normal(size=(32, 12, 12, 3)).astype(np.float32)


def network() -> Any:
    """Convolutions with and without a normalization behind them, a constant, several seeds."""
    import keras

    keras.utils.set_random_seed(7)
    layers, pixels = keras.layers, keras.Input((12, 12, 3))
    x = layers.Conv2D(16, 3, padding="same", use_bias=False, name="first")(pixels)
    x = first = layers.ReLU()(layers.BatchNormalization(name="first_normal")(x))
    for number in range(3):
        x = layers.DepthwiseConv2D(3, padding="same", name=f"apart{number}")(x)
        x = layers.BatchNormalization(name=f"normal{number}")(x)
        x = layers.Conv2D(16, 1, activation="relu", name=f"wide{number}")(x)
        x = layers.BatchNormalization(name=f"scaled{number}")(x)
        x = layers.PReLU(shared_axes=[1, 2], alpha_initializer="uniform")(layers.Add()([x, first]))
    x = keras.ops.multiply(x, np.linspace(0.7, 1.3, 16, dtype=np.float32))
    x = layers.Conv2D(4, 3, name="last", bias_initializer="normal")(x)
    model = keras.Model(pixels, x)
    random = np.random.default_rng(1)
    for layer in model.layers:
        if isinstance(layer, layers.BatchNormalization):
            gamma, beta, mean, variance = (w.shape for w in layer.weights)
            low, high = random.uniform(0.5, 1.5, gamma), random.uniform(0.3, 2.0, variance)
            layer.set_weights([low, random.normal(size=beta), random.normal(size=mean), high])
        elif getattr(layer, "bias", None) is not None:
            layer.bias.assign(random.normal(size=layer.bias.shape) * 0.3)
    return model


def swapped(model: Any) -> None:
    kernel = model.get_layer("wide1").kernel
    order = [1, 0, *range(2, 16)]
    kernel.assign(kernel.numpy()[..., order])


def of_another_seed(model: Any) -> None:
    kernel = model.get_layer("apart2").kernel
    kernel.assign(np.random.default_rng(9).permutation(kernel.numpy().ravel()).reshape(3, 3, 16, 1))


def scaled(model: Any) -> None:
    layer = model.get_layer("last")
    for weight in layer.weights:
        weight.assign(weight.numpy() * 1.01)


def without_bias(model: Any) -> None:
    bias = model.get_layer("wide0").bias
    bias.assign(np.zeros(bias.shape))


@pytest.mark.parametrize(
    ("format", "sabotages"),
    [("tflite", (swapped, scaled)), ("onnx", (of_another_seed, without_bias))],
    ids=["tflite", "onnx"],
)
def test_honest_files_pass_and_sabotaged_ones_are_refused(
    tmp_path: Path, format: str, sabotages: tuple[Callable[[Any], None], ...]
) -> None:
    exporter = FORMATS[format]
    judge(exporter, tmp_path)
    trained = network()(IMAGES).numpy()

    def found(sabotage: Callable[[Any], None] | None) -> np.ndarray:
        model = network()
        if sabotage is not None:
            sabotage(model)
        subject = Deployed(with_batch_of_one(model), IMAGES, IMAGES, IMAGES)
        path, _ = write(exporter, subject, tmp_path, "float16")
        return np.asarray(answers_of(path, IMAGES))

    labels = np.zeros(len(IMAGES), np.int64)
    honest = found(None)
    check = check_rounding(tmp_path, TASK, HALF, honest, labels)
    assert (check.name, check.passed, check.reason) == ("rounding", True, "")
    assert closeness.parity(TASK, gate.compare_outputs(TASK, trained, honest, labels), HALF).passed
    for sabotage in sabotages:
        wrong = check_rounding(tmp_path, TASK, HALF, found(sabotage), labels)
        assert not wrong.passed, sabotage.__name__
        assert "does not answer as the network" in wrong.reason
    broken = honest.copy()
    broken[3, 2, 1, 0] = np.nan
    assert not check_rounding(tmp_path, TASK, HALF, broken, labels).passed


def judge(exporter: Any, folder: Path) -> None:
    """Writes what the gate's worker writes."""
    model = network()
    request = RoundingRequest(model=model, precision="float16", kept=(), contents=contents())
    assert exporter.round_weights(request) == ""
    asked = {"outputs": False}
    if "float16" in exporter.rounds_results:
        asked["results"] = True
    outputs = {
        name: with_reduced_numbers(model, "float16", results=results)(IMAGES).numpy()
        for name, results in asked.items()
    }
    np.savez(folder / ROUNDED, **outputs)


def with_batch_of_one(model: Any) -> Any:
    import keras

    given = keras.Input(batch_shape=(1, 12, 12, 3))
    return keras.Model(given, model(given))


def test_products_with_a_normalization_are_what_is_rounded() -> None:
    """What stands by itself, constants and small numbers are rounded as they are."""
    model = network()
    before = {name: model.get_layer(name).get_weights() for name in ("first", "last")}
    halve_weights(RoundingRequest(model=model, precision="float16", kept=(), contents=contents()))
    gamma, _, _, variance = model.get_layer("first_normal").get_weights()
    factor = gamma / np.sqrt(variance + 1e-3)
    (kernel,) = model.get_layer("first").get_weights()
    assert np.allclose(kernel * factor, rounded_to(kernel * factor, "float16"), rtol=1e-6)
    assert not np.allclose(kernel, rounded_to(kernel, "float16"), rtol=1e-6)
    assert np.allclose(kernel, before["first"][0], rtol=6e-4)
    for now, was in zip(model.get_layer("last").get_weights(), before["last"], strict=True):
        assert (now == rounded_to(was, "float16")).all()
    assert rounded_to([1e6, -1e6, 1e-9], "float16").tolist() == [65504.0, -65504.0, 0.0]


def test_noise_of_results_widens_limits_and_nothing_else_does() -> None:
    random = np.random.default_rng(0)
    own = random.normal(size=(32, 100)).astype(np.float32)

    def beside(decibels: float) -> Any:
        noise = random.normal(size=own.shape).astype(np.float32) * 10 ** (-decibels / 20)
        return gate.compare_outputs(TASK, own, own + noise, np.zeros(32, np.int64))

    allowed = HALF.rounded
    assert allowed is not None
    wide = noise_limits(beside(50.0), allowed)
    assert wide.sqnr_db == pytest.approx(40.5, abs=0.3)
    assert allowed.noise < wide.noise < 0.02
    narrow = noise_limits(beside(120.0), allowed)
    assert (narrow.sqnr_db, narrow.noise) == (allowed.sqnr_db, allowed.noise)
    assert noise_limits(beside(float("nan")), allowed) == allowed
    # Without a rounded network the precision's own limits are asked.
    for decibels, passes in ((50.0, False), (70.0, True)):
        check = unrounded("no such layers", TASK, HALF, beside(decibels))
        assert check.passed is passes
        assert check.value.startswith("not compared: no such layers; ")
        assert closeness.parity(TASK, beside(decibels), HALF).passed
    assert not closeness.parity(TASK, beside(35.0), HALF).passed
