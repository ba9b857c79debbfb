"""Foreign Keras networks as one flat graph: what comes back of it computes the same."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from zoo.networks.multiply_adds import count_multiply_adds
from zoo.networks.sources.graph import flattened, graph_text, model_of, rebuilt
from zoo.networks.weights import load_into, read_tensors, save_weights

keras = pytest.importorskip("keras")
pytest.importorskip("tensorflow")
layers = keras.layers

EXAMPLES = np.random.default_rng(0).normal(3, 2, (6, 8)).astype(np.float32)


def test_an_adapted_normalization_keeps_its_moments(tmp_path: Path) -> None:
    """Keras holds them beside the weights, too, which alone travel."""
    own = layers.Normalization()
    own.adapt(EXAMPLES)
    x = keras.Input((8,))
    model = keras.Model(x, layers.Dense(3)(keras.Sequential([own])(x)))
    right = np.asarray(model(EXAMPLES))
    again = rebuilt(flattened(model, (8,), (8,)), "net.keras")
    np.testing.assert_allclose(again(EXAMPLES), right, atol=1e-6)
    save_weights(again, tmp_path / "net.safetensors")
    empty = model_of(graph_text(again), "net")
    load_into(empty, read_tensors(tmp_path / "net.safetensors"), "net", skip_head=False)
    np.testing.assert_allclose(empty(EXAMPLES), right, atol=1e-6)


def test_names_of_any_letters_can_be_traced() -> None:
    """TensorFlow's names are of ASCII letters; the layers are told apart nevertheless."""
    x = keras.Input((8,), name="вход")
    hidden = layers.Dense(4, name="隠れ層")(x)
    both = layers.Dense(4, name="erste Lage: a+b")(layers.ReLU(name="出力層")(hidden))
    model = flattened(keras.Model(x, both, name="Mein Netz №1"), (8,), (8,))
    names = [layer.name for layer in model.layers]
    assert len({*names}) == len(names)
    assert all(name.isascii() for name in names)
    assert count_multiply_adds(rebuilt(model, "net.keras")) == 8 * 4 + 4 * 4


@pytest.mark.parametrize("dtype", ["int32", "uint8"])
def test_numbers_that_are_looked_up_are_whole_before_they_are_reshaped(dtype: str) -> None:
    """Integer files hold what is reshaped in steps, whose cut-off fractions are other numbers."""
    x = keras.Input((6,), dtype=dtype)
    looked_up = layers.Embedding(9, 4)(x) if dtype == "int32" else layers.Rescaling(1 / 255)(x)
    model = keras.Model(x, layers.Dense(3)(layers.Flatten()(looked_up)))
    flat = flattened(model, (6, 1), (6,))
    numbers = np.random.default_rng(0).integers(0, 9, (5, 6, 1))
    right = np.asarray(model(numbers[..., 0].astype(dtype)))
    np.testing.assert_allclose(flat(numbers.astype(np.float32)), right, atol=1e-6)
    first = [type(one).__name__ for one in flat.operations[1:3]]
    assert first[0] == ("Cast" if dtype == "int32" else "Reshape")
    again = rebuilt(flat, "net.keras")
    np.testing.assert_allclose(again(numbers.astype(np.float32)), right, atol=1e-6)
