"""Whether XLA compiles the step is measured, told, and leaves no trace in the training."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from makers import compiled_by
from short_training import SHORT, Interruption, assert_equal, digits, train

import zoo.training.xla
from zoo.contracts import Dataset
from zoo.training.xla import XlaTrial

__all__ = ["digits"]


@pytest.fixture
def worth(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every training is long enough."""
    monkeypatch.setattr(zoo.training.xla, "WORTH_STEPS", 0)
    monkeypatch.setattr(zoo.training.xla, "WORTH_SECONDS", 0.0)


def clocked(monkeypatch: pytest.MonkeyPatch, plain: float, compiled: float) -> None:
    """The contestants take their steps, but a clock that we set tells how long they took."""
    run = zoo.training.xla._CompiledStep.run

    def told(self: Any) -> float:
        assert run(self) > 0
        return compiled if self._jit else plain

    monkeypatch.setattr(zoo.training.xla._CompiledStep, "run", told)


@pytest.fixture(scope="module")
def plain(digits: Dataset) -> Any:
    """The network that is trained without XLA."""
    return train(digits, SHORT.model_copy(update={"jit": "off"}))[0]


def test_short_trainings_try_nothing(digits: Dataset) -> None:
    _, trainer, events = train(digits)
    assert trainer.notes == []
    notes = [event["text"] for event in events if event["event"] == "note"]
    assert notes == [trainer.ended]


@pytest.mark.slow
def test_fast_trainings_of_many_steps_try_nothing(
    digits: Dataset, plain: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(zoo.training.xla, "WORTH_STEPS", 0)
    found, trainer, _ = train(digits)
    assert trainer.notes == []
    assert_equal(found, plain)


@pytest.mark.slow
@pytest.mark.usefixtures("worth")
def test_a_lost_trial_changes_no_bit_and_is_told(
    digits: Dataset, plain: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    clocked(monkeypatch, plain=1.0, compiled=2.0)
    found, trainer, events = train(digits)
    (note,) = trainer.notes
    assert note.startswith("jit: tried, lost: 0.50 × the speed")
    first, end = [event["text"] for event in events if event["event"] == "note"]
    assert first == note
    assert end.startswith("training ended after epoch 3 of 3")
    assert_equal(found, plain)


@pytest.mark.slow
@pytest.mark.usefixtures("worth")
def test_a_won_trial_is_used_told_and_kept_for_a_resumed_run(
    digits: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clocked(monkeypatch, plain=2.0, compiled=1.0)
    compiled, whole, _ = train(digits, SHORT.model_copy(update={"jit": "on"}))
    with pytest.raises(Interruption):
        train(digits, folder=tmp_path, stop_after=1)
    assert json.loads((tmp_path / "state.json").read_text())["trial"]["jit"]
    clocked(monkeypatch, plain=1.0, compiled=2.0)  # would decide otherwise, and is not asked
    resumed, rest, _ = train(digits, folder=tmp_path)
    assert rest.notes[0].startswith("jit: tried, won: 2.00 × the speed")
    assert_equal(compiled, resumed)
    assert [e.loss for e in rest.epochs] == [e.loss for e in whole.epochs]


@pytest.mark.slow
@pytest.mark.usefixtures("worth")
def test_what_xla_cannot_compile_is_trained_without(digits: Dataset) -> None:
    import keras
    import tensorflow as tf
    from short_training import TASK

    def compile_uncompilable(model: Any, optimizer: Any, options: Any) -> str:
        def loss(labels: Any, logits: Any) -> Any:
            zero = tf.numpy_function(lambda: np.float32(0), [], tf.float32)
            zero = tf.ensure_shape(zero, ())
            one_hot = keras.ops.one_hot(labels, 10)
            return keras.losses.categorical_crossentropy(one_hot, logits, from_logits=True) + zero

        accuracy = keras.metrics.SparseCategoricalAccuracy(name="accuracy")
        model.compile(optimizer=optimizer, loss=loss, metrics=[accuracy], jit_compile=False)
        return "accuracy"

    _, trainer, _ = train(digits, task=compiled_by(TASK, compile_uncompilable))
    assert trainer.notes[0].startswith("jit: XLA cannot compile this training")
    assert len(trainer.epochs) == SHORT.epochs


def test_a_trial_is_stored_as_plain_data() -> None:
    trial = XlaTrial(jit=True, note="x")
    assert XlaTrial(**json.loads(json.dumps(dataclasses.asdict(trial)))) == trial
