"""Foreign networks that answer with real targets, or with a probability for each of some labels."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.support.keras_makers import opened, save
from zoo.common.errors import Unsupported, UsageError
from zoo.contracts.outputs import LABELS, TARGETS
from zoo.networks.loading import Subject, load_model
from zoo.networks.sources.heads import with_logits
from zoo.networks.sources.judging import InputTrial
from zoo.networks.sources.judging_numbers import choose_by_error, errors_of, uphold_by_error
from zoo.registry import PluginSettings

pytest.importorskip("tensorflow")
RANDOM = np.random.default_rng(0)
X = RANDOM.integers(0, 256, (300, 4, 4, 1)).astype(np.uint8)
SUMS = X.reshape(300, 16).astype(np.float64) / 255
KERNEL = RANDOM.normal(size=(16, 2)) * [100.0, 0.01]
REAL = SUMS @ KERNEL + [1000.0, -0.5]
MARKS = ((SUMS @ KERNEL).mean(axis=0) < SUMS @ KERNEL).astype(np.uint8)


def network(activation: str | None = None, scale: Any = 1.0) -> Any:
    """What answers rightly for pixels from 0 to 1: targets, or log-odds of labels."""

    def make(inputs: Any) -> Any:
        from keras import layers

        dense = layers.Dense(2, activation=activation, name="answers")
        outputs = dense(layers.Flatten()(inputs))
        bias = np.array([1000.0, -0.5])
        kernel = KERNEL
        if activation:
            centre = (SUMS @ KERNEL).mean(axis=0)
            kernel, bias = KERNEL * [0.1, 1000.0], -centre * [0.1, 1000.0]
        dense.set_weights([kernel, bias])
        return outputs

    return make


@pytest.fixture
def data(tmp_path: Path):
    np.savez(tmp_path / "real.npz", x=X, y=REAL, targets=np.array(["mass", "tilt"]))
    np.savez(tmp_path / "marks.npz", x=X, y=MARKS, labels=np.array(["heavy", "tilted"]))
    return lambda name: f"npz:{tmp_path / name}.npz"


@pytest.mark.parametrize(
    ("activation", "name", "task"),
    [(None, "real", "regression"), ("sigmoid", "marks", "multi-label")],
)
def test_a_network_comes_in_with_its_inputs_measured(tmp_path, data, activation, name, task):
    path = save(tmp_path / "net.keras", network(activation), (4, 4, 1))
    weights = opened(path, tmp_path, data=data(name))
    loaded = load_model(Subject(model=str(weights), plugins=PluginSettings(installed=False)))
    assert loaded.task.name == task
    assert loaded.card.classes == (("mass", "tilt") if name == "real" else ("heavy", "tilted"))
    came = loaded.card.network
    assert came is not None
    assert came.input.startswith("measured: 0..1" if "0..1" in came.input else "measured: ")
    answers = np.asarray(loaded.network(SUMS.reshape(300, 4, 4, 1).astype("float32")))
    if name == "real":
        np.testing.assert_allclose(answers, REAL, rtol=1e-4, atol=1e-4)
    else:
        assert ((answers > 0) == MARKS).mean() > 0.99
        assert any("sigmoid at its end was taken off" in note for note in came.notes)
    with pytest.raises(UsageError, match="takes other inputs than"):
        opened(path, tmp_path, data=data(name), input="grey mean=0.5 std=0.1")


def test_what_does_not_fit_is_refused(tmp_path, data):
    softmax = save(tmp_path / "soft.keras", network("softmax"), (4, 4, 1))
    with pytest.raises(Unsupported, match="probabilities that add up to one"):
        opened(softmax, tmp_path, data=data("marks"))
    sigmoid = save(tmp_path / "sig.keras", network("sigmoid"), (4, 4, 1))
    with pytest.raises(UsageError, match="no usual normalization"):
        opened(sigmoid, tmp_path, data=data("real"))
    two = save(tmp_path / "lin.keras", network(), (4, 4, 1))
    np.savez(tmp_path / "one.npz", x=X, y=REAL[:, 0])
    with pytest.raises(UsageError, match=r"2 outputs, and .* has 1 target"):
        opened(two, tmp_path, data=f"npz:{tmp_path / 'one.npz'}")


def test_a_sigmoid_that_cannot_be_taken_off_is_undone():
    import keras

    inputs = keras.Input((4,))
    outputs = keras.ops.sigmoid(keras.layers.Dense(2)(inputs)) * 1.0
    model = keras.Model(inputs, outputs, name="net")
    x = RANDOM.normal(size=(20, 4)).astype("float32")
    before = np.asarray(model(x))
    made, _, notes = with_logits(model, x, before, "net", LABELS)
    np.testing.assert_allclose(1 / (1 + np.exp(-np.asarray(made(x)))), before, atol=1e-5)
    assert "could not be taken off" in notes[0]
    kept, _, notes = with_logits(model, x, before, "net", TARGETS)
    np.testing.assert_array_equal(np.asarray(kept(x)), before)
    assert notes == ()


def test_ways_are_judged_by_their_error():
    labels = RANDOM.normal(size=(256, 2)).astype(np.float32) * [1.0, 1000.0]
    good = InputTrial(name="good", logits=(labels * 0.9).astype(np.float32))
    bad = InputTrial(name="bad", logits=np.zeros_like(labels))
    place, told = choose_by_error([bad, good], labels, TARGETS, "net")
    assert place == 1
    assert "good 10" in told
    assert errors_of(bad.logits, labels, TARGETS).mean() == pytest.approx(1.0, abs=0.02)
    with pytest.raises(UsageError, match="as good as one another"):
        choose_by_error([good, InputTrial(name="same", logits=good.logits)], labels, TARGETS, "n")
    with pytest.raises(UsageError, match="no usual normalization") as caught:
        choose_by_error([replace(bad, name="as they are")], labels, TARGETS, "net")
    assert '--input "mean=0 std=1"' in str(caught.value.fix)
    with pytest.raises(UsageError, match="good is clearly better"):
        uphold_by_error(bad, [good], labels, TARGETS, "net")
    assert uphold_by_error(good, [bad], labels, TARGETS, "net").startswith("10.")
    broken = InputTrial(name="nan", logits=np.full_like(labels, np.nan))
    assert choose_by_error([broken, good], labels, TARGETS, "net")[0] == 1
