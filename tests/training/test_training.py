"""Fine-tuning: repeatable, resumable, and stopped by what cannot go well."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
from makers import compiled_by
from short_training import (
    ARCHITECTURE,
    SHORT,
    TASK,
    VARIANT,
    Interruption,
    assert_equal,
    train,
    values,
)
from short_training import digits as digits

from zoo.common.errors import BadData, ZooError
from zoo.contracts import Dataset, Split
from zoo.contracts.training import Qat, Training
from zoo.networks.building import build_network
from zoo.training.trainer import Trainer


class Unbroken(NamedTuple):
    """A short training from its first epoch to its last, with checkpoints in a folder."""

    network: Any
    trainer: Trainer
    folder: Path


@pytest.fixture(scope="module")
def unbroken(digits: Dataset, tmp_path_factory: pytest.TempPathFactory) -> Unbroken:
    folder = tmp_path_factory.mktemp("unbroken")
    network, trainer, _ = train(digits, folder=folder)
    return Unbroken(network, trainer, folder)


def test_the_same_seed_gives_the_same_weights_and_another_does_not(
    digits: Dataset, unbroken: Unbroken
) -> None:
    again, _, _ = train(digits)
    other, _, _ = train(digits, seed=4)
    assert_equal(unbroken.network, again)
    assert not np.array_equal(values(again)["c1/kernel"], values(other)["c1/kernel"])


def test_a_resumed_training_ends_where_an_unbroken_one_does(
    digits: Dataset, unbroken: Unbroken, tmp_path: Path
) -> None:
    with pytest.raises(Interruption):
        train(digits, folder=tmp_path, stop_after=1)
    resumed, rest, events = train(digits, folder=tmp_path)
    assert events[0] == {"event": "resumed", "epoch": 1}
    assert [e["epoch"] for e in events if e["event"] == "epoch"] == [2, 3]
    assert [e.loss for e in rest.epochs] == [e.loss for e in unbroken.trainer.epochs]
    assert_equal(unbroken.network, resumed)


def test_a_checkpoint_of_other_options_is_refused(digits: Dataset, unbroken: Unbroken) -> None:
    with pytest.raises(ZooError, match="made with other options"):
        train(digits, SHORT.model_copy(update={"epochs": 4}), folder=unbroken.folder)


def test_it_learns_and_reports_figures_that_are_measured(digits: Dataset) -> None:
    options = Training(epochs=8, from_scratch=True, learning_rate=0.005)
    _, trainer, events = train(digits, options)
    assert trainer.metric_name == "accuracy"
    assert trainer.epochs[-1].loss < trainer.epochs[0].loss / 2
    best = max(epoch.validation_metric for epoch in trainer.epochs)
    assert best > 0.8
    assert trainer.epochs[trainer.best_epoch - 1].validation_metric == best
    last = [event for event in events if event["event"] == "batch"][-1]
    assert last["batch"] == last["batches"] == 10
    assert all(epoch.examples_per_second > 0 for epoch in trainer.epochs)


def test_the_weights_kept_are_those_of_the_best_epoch(digits: Dataset, unbroken: Unbroken) -> None:
    from zoo.data.preprocessing.inputs import read_inputs
    from zoo.networks.building import raw_model

    trainer = unbroken.trainer
    split = digits.splits["validation"]
    inputs = read_inputs(split, VARIANT.preprocessing).astype(np.float32)
    logits = np.asarray(raw_model(unbroken.network, VARIANT.preprocessing)(inputs))
    accuracy = float((logits.argmax(-1) == split.labels).mean())
    assert accuracy == pytest.approx(trainer.epochs[trainer.best_epoch - 1].validation_metric)


def test_a_frozen_backbone_keeps_its_weights_and_the_head_learns(digits: Dataset) -> None:
    import keras

    options = Training(epochs=1, from_scratch=True, freeze="backbone")
    network, _, _ = train(digits, options)
    keras.utils.set_random_seed(3)
    before = values(build_network(ARCHITECTURE, VARIANT, 10))
    for name, value in values(network).items():
        changed = not np.array_equal(value, before[name])
        assert changed == name.startswith("head/"), name


def test_it_stops_early_without_progress(digits: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("zoo.training.trainer.LEAST_STEPS", 0)
    stuck = Training(epochs=30, from_scratch=True, learning_rate=1e-9, patience=2)
    _, trainer, events = train(digits, stuck)
    accuracies = [epoch.validation_metric for epoch in trainer.epochs]
    assert len(trainer.epochs) == accuracies.index(max(accuracies)) + 1 + 2 < 30
    first, kept = accuracies.index(max(accuracies)) + 1, trainer.best_epoch
    equal = "" if kept == first else f", which equals epoch {first} with a lower loss"
    assert trainer.ended == (
        f"training ended after epoch {len(accuracies)} of 30: validation accuracy is no better "
        f"than that of epoch {first}; kept epoch {kept}{equal}, "
        f"validation accuracy {100 * max(accuracies):.2f} %"
    )
    assert {"event": "note", "text": trainer.ended} in events


def test_no_training_is_stopped_in_its_first_steps(
    digits: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("zoo.training.trainer.LEAST_STEPS", 35)
    stuck = Training(epochs=30, from_scratch=True, learning_rate=1e-9, patience=1)
    _, trainer, _ = train(digits, stuck)
    assert len(trainer.epochs) == 4, "of 10 steps each"


def test_of_epochs_that_get_as_many_right_the_surest_is_kept(digits: Dataset) -> None:
    dull = dataclasses.replace(digits, splits={**digits.splits, "validation": one_of(digits)})
    _, trainer, _ = train(dull, Training(epochs=8, from_scratch=True, learning_rate=0.005))
    right = [epoch for epoch in trainer.epochs if epoch.validation_metric == 1.0]
    assert len(right) > 1
    assert trainer.best_epoch == min(right, key=lambda epoch: epoch.validation_loss).epoch
    assert trainer.best_epoch > right[0].epoch


def one_of(digits: Dataset) -> Split:
    """A single example, which is soon right."""
    split = digits.splits["validation"]
    return Split(labels=split.labels[:1], read=split.read, content_hash=split.content_hash)


@pytest.mark.parametrize(
    ("examples", "batch", "steps"),
    [(8, 2, 4), (19, 2, 10), (63, 6, 11), (90, 9, 10), (288, 31, 10), (289, 32, 10), (640, 32, 20)],
)
def test_an_epoch_has_ten_steps_where_nobody_says_otherwise(
    examples: int, batch: int, steps: int
) -> None:
    assert Training().with_batch_size_for(examples).batch_size == batch
    assert Training().steps_per_epoch(examples) == steps
    assert Training(batch_size=32).with_batch_size_for(examples).batch_size == 32
    assert Qat().with_batch_size_for(examples).batch_size == max(min((examples - 1) // 9, 64), 2)


def test_fewer_examples_per_step_are_told_and_kept_on_the_record(
    digits: Dataset, unbroken: Unbroken
) -> None:
    few = dataclasses.replace(digits, splits={**digits.splits, "train": few_of(digits, 63)})
    _, trainer, events = train(few, Training(epochs=1, from_scratch=True))
    told = "6 examples per step in place of 32, so that an epoch of 63 has 11 steps"
    assert trainer.notes == [told]
    assert {"event": "note", "text": told} in events
    assert trainer.options.batch_size == 6
    asked = unbroken.trainer
    assert (asked.options.batch_size, asked.notes) == (64, []), "an epoch of 320 has 5 steps"


def few_of(digits: Dataset, count: int) -> Split:
    split = digits.splits["train"]
    return Split(labels=split.labels[:count], read=split.read, content_hash=split.content_hash)


def test_patience_zero_never_stops(digits: Dataset) -> None:
    stuck = Training(epochs=4, from_scratch=True, learning_rate=1e-9, patience=0)
    _, trainer, _ = train(digits, stuck)
    assert len(trainer.epochs) == 4


def test_a_loss_that_is_not_a_number_stops_with_a_cure(digits: Dataset) -> None:
    """The task that makes the loss is given all options."""
    import keras

    smoothing = []

    def compile_broken(model: Any, optimizer: Any, options: Any) -> str:
        smoothing.append(options.label_smoothing)

        def broken(labels: Any, logits: Any) -> Any:
            return keras.ops.sum(logits, axis=-1) * float("nan")

        accuracy = keras.metrics.SparseCategoricalAccuracy(name="accuracy")
        model.compile(optimizer=optimizer, loss=broken, metrics=[accuracy])
        return "accuracy"

    options = SHORT.model_copy(update={"label_smoothing": 0.2})
    with pytest.raises(BadData, match="training loss became nan in epoch 1") as caught:
        train(digits, options, task=compiled_by(TASK, compile_broken))
    assert "--learning-rate 0.0001" in str(caught.value)
    assert smoothing == [0.2]


@pytest.mark.parametrize(
    "failing",
    [
        pytest.param(4, id="best", marks=pytest.mark.slow),
        pytest.param(5, id="latest"),
        pytest.param(6, id="state", marks=pytest.mark.slow),
    ],
)
def test_a_full_disk_loses_nothing(
    digits: Dataset,
    unbroken: Unbroken,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    failing: int,
) -> None:
    """Whichever file of the second epoch's checkpoint does not fit: the first one stays whole."""
    import errno

    import zoo.common.files

    written = 0
    fsync = zoo.common.files.os.fsync

    def full_disk(descriptor: int) -> None:
        nonlocal written
        written += 1
        if written >= failing:
            raise OSError(errno.ENOSPC, "No space left on device")
        fsync(descriptor)

    monkeypatch.setattr(zoo.common.files.os, "fsync", full_disk)
    with pytest.raises(ZooError, match="the disk is full") as caught:
        train(digits, folder=tmp_path)
    assert "type the same command" in str(caught.value)
    monkeypatch.undo()
    assert not [path for path in tmp_path.iterdir() if path.name.endswith(".part")]
    resumed, rest, events = train(digits, folder=tmp_path)
    assert events[0]["event"] == "resumed"
    assert [e.loss for e in rest.epochs] == [e.loss for e in unbroken.trainer.epochs]
    assert rest.best_epoch == unbroken.trainer.best_epoch
    assert_equal(unbroken.network, resumed)


def test_only_the_last_checkpoint_is_kept(unbroken: Unbroken) -> None:
    names = sorted(path.name for path in unbroken.folder.iterdir())
    best = f"best-{unbroken.trainer.best_epoch:06d}.npz"
    assert names == [best, "latest-000003.npz", "state.json"]
