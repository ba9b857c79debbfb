"""Logits, probabilities and their logarithms are told apart by the graph, and not by chance."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from keras_makers import SURE, class_means, nearest_mean, opened, save

from zoo.common.errors import Unsupported, UsageError
from zoo.contracts.outputs import LABELS
from zoo.networks.loading import LoadedModel, Subject, load_model
from zoo.networks.sources.endings import LOG_SOFTMAX, LOGITS, SHARES, SIGMOID, SOFTMAX, kind_of
from zoo.networks.sources.heads import with_logits
from zoo.registry import PluginSettings

keras = pytest.importorskip("keras")
pytest.importorskip("tensorflow")
layers, ops = keras.layers, keras.ops

X = np.random.default_rng(0).normal(size=(20, 4)).astype(np.float32)
End = Callable[[Any], Any]


def network(end: End, units: int = 3, kernel: float = 0.01, bias: float = 0.3) -> Any:
    """A dense layer whose own answers are between 0 and 1, each near `bias`, and what follows."""
    inputs = keras.Input((4,))
    values = np.linspace(-1, 1, 4 * units, dtype=np.float32).reshape(4, units) * kernel
    dense = layers.Dense(units)
    outputs = end(dense(inputs))
    dense.set_weights([values, np.full(units, bias, np.float32)])
    return keras.Model(inputs, outputs)


ENDS: dict[str, tuple[Any, str]] = {
    "linear": (network(lambda x: x), LOGITS),
    "adding up to one": (network(lambda x: x, bias=1 / 3, kernel=1e-4), LOGITS),
    "relu": (network(ops.relu), LOGITS),
    "relu, dead": (network(ops.relu, bias=-1.0), LOGITS),
    "untrained": (network(lambda x: x, kernel=0.0, bias=0.0), LOGITS),
    "temperature": (network(lambda x: x / 50.0), LOGITS),
    "one logit": (network(lambda x: x, units=1), LOGITS),
    "one, relu": (network(ops.relu, units=1), LOGITS),
    "softmax": (network(ops.softmax), SOFTMAX),
    "softmax of two": (network(layers.Softmax(), units=2), SOFTMAX),
    "softmax at a temperature": (network(lambda x: ops.softmax(x / 5.0)), SOFTMAX),
    "one and the rest": (
        network(lambda x: ops.concatenate([1 - ops.sigmoid(x), ops.sigmoid(x)], -1), units=1),
        SOFTMAX,
    ),
    "smoothed": (network(lambda x: 0.9 * ops.softmax(x) + 0.1 / 3), SOFTMAX),
    "shares": (network(lambda x: (y := ops.sigmoid(x)) / ops.sum(y, -1, keepdims=True)), SOFTMAX),
    "sigmoid": (network(ops.sigmoid), SIGMOID),
    # Opposite logits: two sigmoids that add up to one by their weights alone.
    "two sigmoids": (network(ops.sigmoid, units=2, kernel=1.0, bias=0.0), SIGMOID),
    "mean of two sigmoids": (network(lambda x: (ops.sigmoid(x) + ops.sigmoid(2 * x)) / 2), SIGMOID),
    "hard sigmoid": (network(lambda x: ops.relu6(x + 3) / 6), SIGMOID),
    "per cent": (network(lambda x: 100 * ops.softmax(x)), SHARES),
    "log-softmax": (network(ops.log_softmax), LOG_SOFTMAX),
}


@pytest.mark.parametrize("name", ENDS)
def test_the_kind_of_an_ending(name: str) -> None:
    model, kind = ENDS[name]
    before = np.asarray(model(X))
    if kind in (LOGITS, SIGMOID):  # which their range alone does not tell apart
        assert before.min() >= 0
        assert before.max() <= 1
    assert kind_of(model, X, before) == kind
    np.testing.assert_array_equal(np.asarray(model(X)), before)  # its weights are its own again


def test_logits_between_0_and_1_stay() -> None:
    model, _ = ENDS["relu"]
    before = np.asarray(model(X))
    made, kind, notes = with_logits(model, X, before, "net")
    np.testing.assert_array_equal(np.asarray(made(X)), before)
    assert (kind, notes) == (LOGITS, ())


@pytest.mark.parametrize(
    ("end", "units", "kind"),
    [
        (lambda x: ops.squeeze(ops.sigmoid(x), -1), 1, SIGMOID),
        (lambda x: ops.sigmoid(x)[:, 0], 1, SIGMOID),
        (lambda x: ops.reshape(ops.softmax(x), (-1, 1, 1, 3)), 3, SOFTMAX),
        (lambda x: ops.softmax(ops.reshape(x, (-1, 1, 1, 3))), 3, SOFTMAX),
        (lambda x: ops.reshape(x, (-1, 1, 3)), 3, LOGITS),
    ],
)
def test_outputs_are_brought_to_a_row(end: End, units: int, kind: str) -> None:
    model = network(end, units)
    before = np.asarray(model(X)).reshape(len(X), -1)
    made, found, _ = with_logits(model, X, before, "net")
    own = np.asarray(made(X))
    assert found == kind
    assert own.shape == (len(X), max(units, 2))
    shares = np.exp(own) / np.exp(own).sum(-1, keepdims=True)
    given = own if kind == LOGITS else shares[:, 1:] if units == 1 else shares
    np.testing.assert_allclose(given, before, atol=1e-5)


def test_a_logit_of_two_classes() -> None:
    model = network(lambda x: x, 1)
    before = np.asarray(model(X))
    with pytest.raises(Unsupported, match="gives one number for each example"):
        with_logits(model, X, before, "net", "", 3)
    made, kind, notes = with_logits(model, X, before, "net", "", 2)
    own = np.asarray(made(X))
    np.testing.assert_allclose(own[:, 1:] - own[:, :1], before, atol=1e-5)
    assert kind == LOGITS
    assert "logit of the second class" in notes[0]


@pytest.mark.parametrize(
    ("end", "units", "reading", "problem"),
    [
        (lambda x: x, 1, "", "gives one number for each example"),
        (ops.softmax, 1, "", r"the same answer to every example.*\n?.*over one output"),
        (ops.log_softmax, 3, LABELS, "gives probabilities that add up to one"),
        (lambda x: 100 * ops.softmax(x), 3, "", "gives shares that add up to 100"),
        (ops.sigmoid, 3, "", "gives 3 probabilities that do not add up to one"),
    ],
)
def test_what_is_no_choice_among_classes_is_refused(
    end: End, units: int, reading: str, problem: str
) -> None:
    model = network(end, units)
    with pytest.raises(Unsupported, match="(?s)" + problem):
        with_logits(model, X, np.asarray(model(X)), "net", reading)


def _loaded(weights: Path) -> LoadedModel:
    return load_model(Subject(model=str(weights), plugins=PluginSettings()))


@pytest.mark.parametrize("activation", ["softmax", "linear"])
def test_outputs_that_the_data_lack_are_left_out(tmp_path: Path, activation: str) -> None:
    """As that of the background, the first of 1,001 classes."""

    def outputs(inputs: Any) -> Any:
        dense = layers.Dense(12, activation=activation)
        made = dense(layers.Flatten()(inputs))
        means = class_means()
        kernel, bias = 2 * SURE * means.T, -SURE * (means**2).sum(1)
        # Both are often the largest output by far.
        others = np.random.default_rng(0).normal(size=(64, 2))
        dense.set_weights([np.c_[others, kernel[:, ::-1]], np.r_[[9.0, 9.0], bias[::-1]]])
        return made

    names = tmp_path / "names.txt"
    names.write_text("\n".join(["background", "letter", *"9876543210"]), encoding="utf-8")
    file = save(tmp_path / "net.keras", outputs)
    made = _loaded(opened(file, tmp_path / "made", classes=str(names)))
    assert made.card.classes == tuple("0123456789")
    came = made.card.network
    assert came is not None
    assert any("left out: background, letter; it chooses among" in note for note in came.notes)
    usual = _loaded(opened(save(tmp_path / "usual.keras", nearest_mean), tmp_path / "usual"))
    given = np.random.default_rng(0).uniform(size=(20, 8, 8, 1)).astype(np.float32)
    ours, theirs = (np.asarray(one.network(given)) for one in (made, usual))
    np.testing.assert_allclose(ours - ours[:, :1], theirs - theirs[:, :1], atol=1e-4)
    with pytest.raises(UsageError, match="has 12 outputs") as caught:
        opened(file, tmp_path / "none")
    assert "--classes FILE" in str(caught.value.fix)
