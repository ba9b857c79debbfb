"""Masks as answers: quality, comparison of a file with its network, and what is no pass."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from zoo.artifacts.gate import compare_outputs, finite_outputs
from zoo.contracts import ImagePreprocessing, Split, Truth
from zoo.contracts.dataset import IGNORED
from zoo.registry import load_registry
from zoo.results.records import NO_BETTER
from zoo.tasks.quality import quality_of
from zoo.tasks.semantic_segmentation.task import SemanticSegmentation

Floats = NDArray[np.float32]
CLASSES = ("ground", "disc", "bar")
SIDE, PICTURES = 16, 70


@pytest.fixture(scope="module")
def task() -> SemanticSegmentation:
    found = load_registry().tasks.get("semantic-segmentation")
    assert isinstance(found, SemanticSegmentation)
    return found


def masks(seed: int = 0, count: int = PICTURES) -> NDArray[np.int16]:
    """A disc and a bar at random places of each picture, and a corner without a class."""
    random, found = np.random.default_rng(seed), np.zeros((count, SIDE, SIDE), np.int16)
    rows, columns = np.mgrid[:SIDE, :SIDE]
    for mask in found:
        y, x = random.integers(3, SIDE - 3, 2)
        mask[(rows - y) ** 2 + (columns - x) ** 2 <= 9] = 1
        mask[random.integers(0, SIDE - 2) :][:2] = 2
        mask[:2, :2] = IGNORED
    return found


def truth(labels: NDArray[np.int16]) -> Truth:
    def split(own: NDArray[np.int16]) -> Split:
        black = np.zeros((SIDE, SIDE, 1), np.uint8)
        return Split(labels=own, read=lambda index: black, content_hash="")

    return Truth(
        labels=labels,
        classes=CLASSES,
        examples=split(labels),
        held_out=split(labels),
        preprocessing=ImagePreprocessing(height=SIDE, width=SIDE, channels=1),
        training=split(masks(seed=9)),
    )


def sure(labels: NDArray[np.int16], seed: int = 1, wrong: float = 0.05) -> Floats:
    """Probabilities of a network that gets all but a few pixels right."""
    random = np.random.default_rng(seed)
    chosen = np.where(random.uniform(size=labels.shape) < wrong, 0, np.maximum(labels, 0))
    logits = 4.0 * np.eye(len(CLASSES))[chosen] + random.normal(size=(*labels.shape, 3))
    powers = np.exp(logits)
    return (powers / powers.sum(axis=-1, keepdims=True)).astype(np.float32)


def test_quality_of_a_good_network(task: SemanticSegmentation) -> None:
    of = truth(masks())
    found = quality_of(task, task.answers(task.condensed(sure(of.labels)), of), of)
    metrics = {metric.name: metric for metric in found["metrics"]}
    assert [*metrics][:3] == ["mean IoU", "boundary F", "pixel accuracy"]
    assert [*metrics][3:] == [f"{name} IoU" for name in CLASSES]
    assert all(0.7 < m.low < m.value < m.high < 1.0 for m in metrics.values())
    assert metrics["mean IoU"].value == pytest.approx(
        np.mean([metrics[f"{name} IoU"].value for name in CLASSES])
    )
    assert metrics["mean IoU"].count == PICTURES
    assert found["baseline"].better
    assert not found["findings"]
    assert np.sum(found["details"]["confusion"]) == (of.labels != IGNORED).sum()


def test_a_mask_of_one_class_and_one_that_looks_at_no_picture_are_no_pass(
    task: SemanticSegmentation,
) -> None:
    of = truth(masks())
    blank = np.zeros(of.labels.shape, np.uint8)
    codes = {f.code: f for f in quality_of(task, blank, of)["findings"] if f.weak}
    assert {"one-class", NO_BETTER} <= {*codes}
    assert "'ground'" in codes["one-class"].text
    # Of several classes, and the same for every picture.
    constant = np.broadcast_to(np.maximum(masks(seed=3)[0], 0), of.labels.shape)
    codes = {f.code: f for f in quality_of(task, constant, of)["findings"] if f.weak}
    assert NO_BETTER in codes
    assert "one-class" not in codes


def test_the_baseline_may_be_the_commonest_class_of_each_place(task: SemanticSegmentation) -> None:
    labels = masks()
    labels[:, 8:] = 1
    of = truth(labels)
    training = masks(seed=9)
    training[:, 8:] = 1
    of.training.__dict__["labels"] = training
    beside = task.baseline(np.maximum(labels, 0), of)
    assert beside is not None
    assert "place" in beside.answer
    assert beside.better


def test_the_paired_test_tells_what_a_file_loses(task: SemanticSegmentation) -> None:
    of = truth(masks())
    before = task.decode(sure(of.labels))
    same = task.accuracy(of, before, before, 1.0)
    assert same is not None
    assert same.passed
    assert same.value.startswith("+0.00 points")
    worse = task.decode(sure(of.labels, wrong=0.15))
    lost = task.accuracy(of, before, worse, 1.0)
    assert lost is not None
    assert not lost.passed
    assert "chance does not explain it" in lost.reason
    # A class that is answered as another.
    swapped = np.where(before == 2, 0, before)
    by_class = task.class_loss(of, before, swapped)
    assert by_class is not None
    assert not by_class.passed
    assert "'bar'" in by_class.reason


@pytest.mark.parametrize("precision", ["float32", "int8"])
def test_a_file_is_compared_with_its_network(task: SemanticSegmentation, precision: str) -> None:
    record = load_registry().precision(precision)
    labels = masks()
    own = sure(labels)

    def passes(other: Floats) -> bool:
        found = compare_outputs(task, task.condensed(own), task.condensed(other), labels)
        checks = (
            task.parity(found, record),
            finite_outputs(task.condensed(other)),
            *task.probability_checks(truth(labels), task.condensed(own), other, record),
        )
        return all(check.passed for check in checks)

    assert passes(own)
    assert passes(own + 1e-7)
    assert not passes(own[..., ::-1])
    assert not passes(np.roll(own, 2, axis=1))
    broken = own.copy()
    broken[3, 15, 15] = np.nan
    assert not passes(broken)
    squeezed = own**0.2
    squeezed /= squeezed.sum(axis=-1, keepdims=True)
    assert not passes(squeezed)


def test_answers_in_words(task: SemanticSegmentation) -> None:
    output = np.zeros((10, 10, 3), np.float32)
    output[..., 0] = 0.6
    output[:2, :, 1] = 0.9
    found = task.decoded(output, CLASSES, 5)
    assert found.answer == "ground 80.0 %, disc 20.0 %"
    assert found.chosen == ("ground", "disc")
    label = np.full((10, 10), IGNORED)
    assert task.describe_label(label, CLASSES) == "no labelled pixel"
    label[:5] = 2
    assert task.describe_label(label, CLASSES) == "bar 100 %"


def test_the_worst_pictures_are_those_with_the_least_overlap(task: SemanticSegmentation) -> None:
    labels = masks(count=3)
    chosen = np.maximum(labels, 0).astype(np.uint8)
    chosen[1] = 0
    chosen[2, :8] = 0
    severity, wrong = task.severity(chosen, labels), task.wrong(chosen, labels)
    assert severity is not None
    assert wrong is not None
    assert severity[0] == 0.0
    assert severity.argmax() == 1
    assert wrong[1]
    assert not wrong[0]


def test_the_report_draws_masks_and_marks_what_a_file_changed(task: SemanticSegmentation) -> None:
    labels = masks(count=2)
    before = task.condensed(sure(labels, wrong=0.0))
    after = before.copy()
    after["chosen"][0, 4:6, 4:6] = (before["chosen"][0, 4:6, 4:6] + 1) % 3
    given = np.full((SIDE, SIDE, 1), 200, np.uint8)
    found = task.pictures_beside(given, before[0], {"own.tflite": after[0]}, labels[0])
    assert [*found] == ["what is true", "before export", "own.tflite"]
    true, own, file = found.values()
    assert true.shape == (128, 128, 3)
    times = 128 // SIDE
    # Unlabelled pixels are grey in what is true; the first class leaves the picture as it is.
    assert (true[: 2 * times, : 2 * times] == 128).all()
    ground = (labels[0] == 0).repeat(times, axis=0).repeat(times, axis=1)
    assert (true[ground] == 200).all()
    assert not (true[(labels[0] == 1).repeat(times, 0).repeat(times, 1)] == 200).all()
    changed = (own != file).any(axis=2)
    assert changed[4 * times : 6 * times, 4 * times : 6 * times].all()
    assert changed.sum() == (2 * times) ** 2
    assert {*np.unique(file[changed])} == {0, 255}
    said = task.describe_beside(labels[1].clip(0).astype(np.uint8), labels[1], CLASSES)
    assert said == ("mean IoU 100 %", None)
