"""Calibration of probabilities, and the steps that they come in: files beside their networks."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from zoo.artifacts import closeness
from zoo.contracts import Check
from zoo.contracts.dataset import IGNORED
from zoo.contracts.precision import precision_named
from zoo.registry import PluginSettings, load_registry
from zoo.tasks.confidence import calibration_error, confidence_loss, finer_than, resolution

INT8 = precision_named("int8")
POINTS = INT8.tolerances.confidence
TASK = load_registry(PluginSettings(installed=False)).tasks.get("image-classification")
RANDOM = np.random.default_rng(3)


def answered(count: int, sure: float, right: float, classes: int = 10) -> tuple:
    """Probabilities (count, 1, classes) whose largest is `sure`, and labels that fit so often."""
    labels = np.arange(count) % classes
    chosen = np.where(np.arange(count) < round(right * count), labels, (labels + 1) % classes)
    outputs = np.full((count, 1, classes), (1 - sure) / (classes - 1))
    outputs[np.arange(count), 0, chosen] = sure
    return outputs, labels[:, None]


def squeezed(outputs: np.ndarray) -> np.ndarray:
    """The same first choices, none of them likelier than 0.28."""
    return 0.2 * outputs + 0.8 / outputs.shape[-1]


def loss(labels: np.ndarray, before: np.ndarray, after: np.ndarray) -> Check:
    return confidence_loss(labels, before, after, POINTS)


def test_the_error_is_how_far_confidence_is_from_the_share_of_right_answers() -> None:
    outputs, labels = answered(1000, sure=0.9, right=0.8)
    assert calibration_error(outputs, labels) == pytest.approx(0.1)
    parts = [answered(500, sure=0.6, right=0.8), answered(500, sure=0.9, right=0.5)]
    outputs, labels = (np.concatenate(each) for each in zip(*parts, strict=True))
    assert calibration_error(outputs, labels) == pytest.approx((0.2 + 0.4) / 2, abs=0.01)


def test_squeezed_probabilities_are_refused() -> None:
    outputs, labels = answered(300, sure=0.95, right=0.9)
    check = loss(labels, outputs, squeezed(outputs))
    assert not check.passed
    assert check.value.startswith("calibration error 63.00 % beside 5.00 %, on 300 answers; rise")
    assert "off by 63.0 points from how often it is right" in check.reason
    assert loss(labels, outputs, outputs).passed


def test_steps_of_padding_do_not_count_and_sequences_are_drawn_as_a_whole() -> None:
    outputs, labels = answered(300, sure=0.95, right=0.9)
    outputs, labels = outputs.reshape(30, 10, 10), labels.reshape(30, 10).copy()
    assert not loss(labels, outputs, squeezed(outputs)).passed
    labels[:, 1:] = IGNORED
    check = loss(labels, outputs, squeezed(outputs))
    assert "on 30 answers" in check.value
    labels[1:] = IGNORED
    check = loss(labels, outputs, squeezed(outputs))
    assert check.passed
    assert check.value == "1 labelled answers are too few to measure a calibration error"


def test_a_rise_that_chance_explains_passes_and_says_so() -> None:
    """Confidence fell by 0.1 of answers half of which are right: up or down is a matter of luck."""
    before, labels = answered(24, sure=0.55, right=0.5, classes=2)
    after, _ = answered(24, sure=0.7, right=0.5, classes=2)
    after[::2] = 1 - before[::2] * 0.6
    check = loss(labels, before, after)
    assert check.passed
    assert check.value.endswith("too few answers to tell")


def test_lost_answers_are_for_the_test_of_accuracy() -> None:
    before, labels = answered(1000, sure=0.9, right=0.9)
    after, _ = answered(1000, sure=0.9, right=0.8)
    assert loss(labels, before, after).passed
    assert not loss(labels, before, squeezed(after)).passed


def unsure(classes: int, count: int = 400) -> np.ndarray:
    logits = np.random.default_rng(0).normal(size=(count, classes)) * 0.5
    raised = np.exp(logits)
    return (raised / raised.sum(axis=1, keepdims=True)).astype(np.float32)


@pytest.mark.parametrize(
    ("name", "advice"),
    [
        (
            "int8",
            "keep the last layers in float (--keep-float head,probabilities), or choose float16 "
            "or dynamic-int8",
        ),
        ("int16x8", "choose float16 or dynamic-int8"),
        ("dynamic-int8", "choose float16"),
        ("float16", "choose float32"),
    ],
)
def test_what_helps_against_rounding_is_finer_and_can_be_asked_for(name, advice) -> None:
    assert finer_than(precision_named(name)) == advice


def test_rounding_that_picks_another_class_is_told_with_what_helps() -> None:
    """No tie, and steps of sixteen bits: `resolution` passes, so `parity` has to say it."""
    before = unsure(300)
    after = (before * np.exp(np.random.default_rng(1).normal(0, 0.05, before.shape))).astype("f4")
    int16 = precision_named("int16x8")
    assert resolution(before, after, int16).passed
    found = closeness.compare(TASK, before, after)
    assert found.margin == pytest.approx(0.00062, abs=1e-4)
    reason = closeness.parity(TASK, found, int16).reason
    assert "of 400 real inputs, where its network holds both for about as likely" in reason
    assert "rounding picks one; choose float16 or dynamic-int8" in reason
    sure = np.eye(10, dtype=np.float32)[np.arange(400) % 10]
    other = closeness.parity(TASK, closeness.compare(TASK, sure, sure[::-1]), int16)
    assert "rounding" not in other.reason


def rounded(outputs: np.ndarray, steps: int) -> np.ndarray:
    return np.round(outputs * steps) / np.float32(steps)


def test_probabilities_below_the_step_of_eight_bits_are_refused() -> None:
    outputs = unsure(300)
    check = resolution(outputs, rounded(outputs, 256), INT8)
    assert not check.passed
    assert "largest probability below 4 steps of 0.0039 on" in check.value
    assert "come in steps of 0.0039" in check.reason
    assert "--keep-float head,probabilities" in check.reason
    assert resolution(outputs, rounded(outputs, 32768), INT8).passed
    assert not resolution(outputs, np.zeros_like(outputs), INT8).passed


@pytest.mark.parametrize("classes", [2, 10])
def test_few_classes_have_room_and_a_sure_network_has_no_steps(classes: int) -> None:
    outputs = unsure(classes)
    check = resolution(outputs, rounded(outputs, 256), INT8)
    assert check.passed
    assert "below" not in check.value
    sure = np.eye(classes, dtype=np.float32)[np.arange(400) % classes]
    assert "below" not in resolution(sure, sure * 255 / 256, INT8).value
    tied = np.full_like(outputs, 1 / classes)
    assert resolution(tied, tied, INT8).passed


@pytest.mark.slow
def test_int8_of_a_real_network_of_300_classes_is_refused_until_its_head_is_float(
    tmp_path: Path,
) -> None:
    """Scanned digits, each of 30 shades: the network is unsure among shades."""
    import keras
    from tiny_networks import FORMATS, TRAINING, answers_of, deployed, digits, trained, write

    images, digit = digits()
    keras.utils.set_random_seed(1)
    shade = np.argsort(np.argsort(images.reshape(len(images), -1).sum(1))) * 30 // len(images)
    pixels = keras.Input((8, 8, 1))
    x = keras.layers.Conv2D(8, 3, activation="relu", name="conv")(pixels)
    x = keras.layers.Dense(300, name="head")(keras.layers.Flatten()(x))
    network, scaled = keras.Model(pixels, x), keras.layers.Rescaling(1 / 16, name="normalization")
    inputs = images[..., None]
    trained(network, scaled, inputs, shade + 30 * digit, 6)
    last = keras.layers.Softmax(name="probabilities")
    subject = deployed(network, scaled, inputs[:TRAINING], inputs[TRAINING:], last)
    for format in FORMATS.values():
        for keep, passes in ((), False), (("head", "probabilities"), True):
            path, _ = write(format, subject, tmp_path, "int8", keep=keep)
            answers = answers_of(path, subject.inputs)
            check = resolution(subject.answers, answers, INT8)
            assert check.passed == passes, check.value
            parity = closeness.parity(TASK, closeness.compare(TASK, subject.answers, answers), INT8)
            assert parity.passed == passes, parity.value
            assert ("rounding picks one; keep the last layers" in parity.reason) != passes
