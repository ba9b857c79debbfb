"""Keras files with stateful layers: their states become inputs and outputs, reset each time."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from zoo.common.errors import Unsupported
from zoo.plugins.keras_files.opening import open_network

keras = pytest.importorskip("keras")
pytest.importorskip("tensorflow")

SEQUENCES = np.random.default_rng(0).normal(size=(5, 4, 3, 4)).astype(np.float32)


def saved(folder: Path, model: Any) -> Any:
    model.save(folder / "net.keras")
    return open_network(folder / "net.keras")


def check(network: Any) -> None:
    """Steps with the states carried are the sequences of the stateful model, in any order."""
    given = network.as_given
    carried = {one.name for one in given.inputs} - {"x"}
    assert carried == {*given.states}
    backwards = given.run_sequences({"x": SEQUENCES[::-1]})
    found = given.run_sequences({"x": SEQUENCES})
    states = {one.name: np.zeros((5, *one.shape[1:])) for one in given.inputs if one.name != "x"}
    for step in range(4):
        made = given.run({"x": SEQUENCES[:, step], **states})
        for name, values in found.items():
            assert made[name] == pytest.approx(values[:, step], abs=1e-5)
            assert backwards[name][::-1] == pytest.approx(values, abs=1e-5)
            # What is carried makes a difference.
            fresh = given.run(
                {"x": SEQUENCES[:, step], **{n: one * 0 for n, one in states.items()}}
            )
            assert bool(np.abs(fresh[name] - made[name]).max() > 1e-3) is bool(step)
        states = {name: made[out] for name, out in given.states.items()}


def test_states_of_layers_become_inputs_and_outputs(tmp_path: Path) -> None:
    """Of layers in a model inside of another, with whole batches as they were trained with."""
    layers = keras.layers
    x = keras.Input(batch_shape=(2, 3, 4), name="x")
    inner = keras.Sequential(
        [keras.Input(batch_shape=(2, 3, 4)), layers.LSTM(6, stateful=True, return_sequences=True)]
    )
    inner.layers[-1].name = "first"
    series, last = layers.GRU(5, stateful=True, return_sequences=True, return_state=True)(inner(x))
    made = layers.SimpleRNN(4, stateful=True, name="third", unroll=True)(series)
    network = saved(tmp_path, keras.Model({"x": x}, {"y": made, "last": last}))
    names = {"first_h": "first_h_next", "first_c": "first_c_next", "third_h": "third_h_next"}
    assert names.items() <= network.states.items()
    assert len(network.states) == 4
    check(network)


def test_a_sequential_file(tmp_path: Path) -> None:
    layer = keras.layers.GRU(5, stateful=True, name="gru")
    model = keras.Sequential([keras.Input(batch_shape=(1, 3, 4), name="x"), layer])
    network = saved(tmp_path, model)
    assert network.states == {"gru_h": "gru_h_next"}
    check(network)


def test_states_that_no_layer_gives_are_named(tmp_path: Path) -> None:
    x = keras.Input(batch_shape=(1, 3, 4), name="x")
    gru = keras.layers.GRU(4, stateful=True, return_sequences=True, name="gru")
    several = keras.layers.TimeDistributed(keras.layers.GRU(4, stateful=True, name="inner"))
    both = keras.layers.Bidirectional(keras.layers.GRU(4, stateful=True))
    for made, why in (
        (several(keras.layers.Reshape((3, 2, 2))(x)), "inside of another layer"),
        (both(x), "only LSTM, GRU and SimpleRNN layers"),
        (gru(gru(x)), "used twice"),
    ):
        network = saved(tmp_path, keras.Model(x, made))
        with pytest.raises(Unsupported, match=r"keeps state .*its layer .* is stateful") as caught:
            _ = network.as_given
        assert why in str(caught.value.why)
        assert "--state INPUT=OUTPUT" in str(caught.value.fix)
