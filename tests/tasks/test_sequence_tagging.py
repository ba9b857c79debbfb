"""The task sequence-tagging: what is padding counts nowhere."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from zoo.artifacts import closeness
from zoo.artifacts.gate import compare_outputs
from zoo.common.errors import ZooError
from zoo.contracts import Split, TokenPreprocessing, Truth
from zoo.contracts.dataset import IGNORED
from zoo.contracts.precision import precision_named
from zoo.contracts.training import Training
from zoo.tasks.sequence_tagging import accuracy, compare, details, evaluate, parity, zoo_tasks

TASK = next(iter(zoo_tasks()))
CLASSES = ("noun", "verb", "other")
LABELS = np.array([[0, 1, 2, IGNORED], [1, 1, IGNORED, IGNORED], [2, 0, 1, 0]])


def truth(labels: np.ndarray = LABELS) -> Truth:
    split = Split(labels=labels, read=lambda index: np.array(["a"]), content_hash="0")
    return Truth(
        labels=labels,
        classes=CLASSES,
        examples=split,
        held_out=split,
        preprocessing=TokenPreprocessing(length=4, size=9),
    )


def outputs(labels: np.ndarray, padding: int = 0) -> np.ndarray:
    """Probabilities that choose `labels`, and class `padding` at padded steps."""
    chosen = np.where(labels == IGNORED, padding, labels)
    return (np.eye(3)[chosen] * 0.8 + 0.0666).astype(np.float32)


def test_padding_is_neither_right_nor_wrong() -> None:
    for padding in range(3):
        metric = evaluate(outputs(LABELS, padding), truth())[0]
        assert (metric.value, metric.count, metric.counted) == (1.0, 9, "step")
        assert metric.low < 0.5, "three sequences prove little, whatever their length"
    wrong = LABELS.copy()
    wrong[0, 1] = 0
    metric = evaluate(outputs(wrong), truth())[0]
    assert metric.value == pytest.approx(8 / 9)
    assert metric.low < metric.value < metric.high


def test_the_confusion_matrix_counts_real_steps() -> None:
    wrong = LABELS.copy()
    wrong[2, 0] = 1
    found = details(outputs(wrong, padding=2), truth())
    assert found == {
        "confusion": [[3, 0, 0], [0, 4, 0], [0, 1, 1]],
        "classes": ["noun", "verb", "other"],
        "sequences": 3,
    }


def test_agreement_is_a_share_of_real_steps() -> None:
    reference = outputs(LABELS, padding=0)
    other_padding = outputs(LABELS, padding=1)
    compared = compare_outputs(TASK, reference, other_padding, LABELS)
    assert (compared.count, compared.agreement, compared.max_abs) == (3, 1.0, 0.0)
    assert compare(reference, other_padding).agreement == pytest.approx(9 / 12)
    wrong = LABELS.copy()
    wrong[1, 0] = 2
    compared = compare_outputs(TASK, reference, outputs(wrong), LABELS)
    assert compared.agreement == pytest.approx(8 / 9)
    told = closeness.parity(TASK, compared, precision_named("int8"))
    assert not told.passed
    assert "11.1% of its decisions are others" in told.reason
    many = replace(compared, count=300)
    assert "11.1% of steps of 300 real inputs" in parity(many, precision_named("int8")).reason


def test_outputs_of_another_length_are_refused() -> None:
    reference = outputs(LABELS)
    for candidate in (reference[:, :3], reference[:, :1], reference[..., :2]):
        with pytest.raises(ZooError, match="outputs have shape"):
            compare_outputs(TASK, reference, candidate, LABELS)


def many(seed: int) -> np.ndarray:
    random = np.random.default_rng(seed)
    labels = random.integers(0, 3, (50, 12))
    labels[np.arange(12) >= random.integers(3, 13, 50)[:, None]] = IGNORED
    return labels


def test_a_loss_that_many_sequences_share_is_no_chance() -> None:
    labels = many(1)
    worse = np.where(labels[:, :1] >= 0, (labels + 1) % 3, labels)
    worse[20:] = labels[20:]
    found = accuracy(truth(labels), outputs(labels), outputs(worse), 1.0)
    assert not found.passed
    assert "20 sequences worse, 0 better" in found.value
    assert "chance does not explain" in found.reason


def test_steps_lost_in_one_sequence_may_be_chance() -> None:
    labels = many(2)
    worse = labels.copy()
    worse[7] = np.where(labels[7] == IGNORED, IGNORED, (labels[7] + 1) % 3)
    found = accuracy(truth(labels), outputs(labels), outputs(worse), 0.1)
    assert found.passed, "one sequence is one observation"
    assert "1 sequences worse" in found.value


def test_padding_that_changes_is_no_loss() -> None:
    labels = many(3)
    found = accuracy(truth(labels), outputs(labels, 0), outputs(labels, 2), 0.0)
    assert found.passed
    assert found.value.startswith("+0.00 points (0 sequences worse, 0 better")


@pytest.fixture(scope="module")
def compiled():
    import keras

    model = keras.Sequential([keras.Input((4, 3)), keras.layers.Activation("linear")])
    assert TASK.compile(model, keras.optimizers.SGD(0.1), Training()) == "accuracy"
    return model


def test_loss_and_training_metric_leave_padding_out(compiled) -> None:
    logits = np.log(outputs(LABELS))
    other = np.log(outputs(LABELS, padding=2)) * 3
    other[LABELS != IGNORED] = logits[LABELS != IGNORED]
    expected = -np.log(0.8666 / (0.8666 + 2 * 0.0666))
    for given in (logits, other):
        found = compiled.evaluate(given, LABELS, verbose=0, return_dict=True)
        assert found["loss"] == pytest.approx(expected, abs=1e-3)
        assert found["accuracy"] == 1.0
    wrong = LABELS.copy()
    wrong[0, 0] = 2
    found = compiled.evaluate(np.log(outputs(wrong)), LABELS, verbose=0, return_dict=True)
    assert found["accuracy"] == pytest.approx(8 / 9)
    assert found["loss"] > 2 * expected


def test_no_gradient_comes_from_padding(compiled) -> None:
    import tensorflow as tf

    logits = tf.Variable(np.log(outputs(LABELS)))
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean(compiled.loss(tf.constant(LABELS), logits))
    gradient = tape.gradient(loss, logits).numpy()
    assert (gradient[LABELS == IGNORED] == 0).all()
    assert (np.abs(gradient[LABELS != IGNORED]).sum(axis=-1) > 0).all()


def test_the_record_tells_what_it_is() -> None:
    assert TASK.stepwise
    assert TASK.wrong(outputs(LABELS), LABELS) is None  # its examples are shown step by step
    assert TASK.allowed_loss(precision_named("float32")) == 0.1
