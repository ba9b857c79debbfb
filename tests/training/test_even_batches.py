"""Networks that oneDNN cannot train with odd batches get even ones."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from makers import run_python

from zoo.training.even_batches import even_batches, needs_even_batches

keras = pytest.importorskip("keras")
tf = pytest.importorskip("tensorflow")


def network(channels: int, size: int, stride: int) -> Any:
    inputs = keras.Input((8, 8, channels))
    inner = keras.Sequential([keras.Input((8, 8, channels)), keras.layers.ReLU()])
    made = keras.layers.Conv2D(4, size, stride, padding="same")(inner(inputs))
    return keras.Model(inputs, made)


@pytest.mark.parametrize(
    ("channels", "size", "stride", "needs"),
    [(8, 1, 2, True), (2, 1, 3, True), (16, 1, 2, False), (8, 3, 2, False), (8, 1, 1, False)],
)
def test_which_networks_need_them(channels: int, size: int, stride: int, needs: bool) -> None:
    model = network(channels, size, stride)
    assert needs_even_batches(model) == needs
    outer = keras.Input((8, 8, channels))
    assert needs_even_batches(keras.Model(outer, model(outer))) == needs


def test_odd_batches_lose_their_last_example() -> None:
    numbers = np.arange(11, dtype=np.float32)
    labels = {"box": -numbers, "class": np.stack([numbers, numbers], axis=-1)}
    stream = tf.data.Dataset.from_tensor_slices((numbers, labels)).batch(5)
    first, second = list(even_batches(stream))
    assert first[0].numpy().tolist() == [0, 1, 2, 3]
    assert second[0].numpy().tolist() == [5, 6, 7, 8]
    assert (-first[1]["box"].numpy()).tolist() == [0, 1, 2, 3]
    assert second[1]["class"].shape == (4, 2)


@pytest.mark.slow
def test_a_narrow_residual_network_is_trained(tmp_path: Path) -> None:
    """1,203 examples: the last batch is odd, also of the training that rounds."""
    command = ["-m", "zoo", "ship", "resnet8", "--data", "digits", "--from-scratch", "--qat"]
    only = ["--format", "tflite", "--precision", "int8", "--epochs", "1", "--no-report"]
    done = run_python(*command, *only, "--set", "width=0.25", folder=tmp_path)
    # It learns too little in an epoch to be worth shipping, but no process dies.
    assert "SIG" not in done.stderr, done.stderr
    assert "int8-qat.tflite" in done.stdout
