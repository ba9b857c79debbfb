"""The task of boxes: measures, comparisons, and what each check refuses."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from zoo.artifacts import closeness
from zoo.contracts import ImagePreprocessing, Split, Task, Truth
from zoo.contracts.precision import PRECISIONS
from zoo.contracts.prediction import SHOWN_FROM
from zoo.registry import load_registry
from zoo.results.records import NO_BETTER
from zoo.tasks.object_detection.drawing import draw, with_boxes
from zoo.tasks.quality import quality_of

pytest.importorskip("faster_coco_eval")

FLOAT32, INT8 = (next(p for p in PRECISIONS if p.name == name) for name in ("float32", "int8"))
CLASSES = ("cat", "dog", "bird")
SIDE = 12
OWN = ImagePreprocessing(height=96, width=96, channels=3, mean=(0.0,) * 3, std=(1.0,) * 3)


def grids_of(labels: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """What a network that knows the boxes returns: probabilities of 0.6 to 0.95 at their centres,
    half of that in the next cell, and 0.02 elsewhere."""
    grid = np.full((len(labels), SIDE, SIDE, len(CLASSES) + 4), 0.02, np.float32)
    grid[..., len(CLASSES) :] = random.uniform(0.3, 0.7, (*grid.shape[:3], 4))
    for picture, boxes in enumerate(labels):
        for label, y_min, x_min, y_max, x_max in boxes[boxes[:, 0] >= 0]:
            centre = np.array([y_min + y_max, x_min + x_max]) / 2 * SIDE
            row, column = np.minimum(centre.astype(int), SIDE - 1)
            score = random.uniform(0.6, 0.95)
            cells = grid[picture, row, max(column - 1, 0) : column + 2, int(label)]
            cells[:] = np.maximum(cells, score / 2)
            grid[picture, row, column, int(label)] = score
            offset = (centre - (row, column) + 0.5) / 2
            sides = np.sqrt([y_max - y_min, x_max - x_min])
            grid[picture, row, column, len(CLASSES) :] = [*offset, *sides]
    return grid


class Case:
    """Pictures with up to three boxes that do not touch, and outputs that know them."""

    def __init__(self, count: int = 96) -> None:
        random = np.random.default_rng(0)
        labels = np.zeros((count, 3, 5), np.float32)
        labels[..., 0] = -1
        for picture in labels:
            places = random.permutation(9)[: random.integers(0, 4)]
            for number, place in enumerate(places):
                corner = np.array([place // 3, place % 3]) / 3 + random.uniform(0.01, 0.08, 2)
                sides = random.uniform(0.12, 0.24, 2)
                picture[number] = (random.integers(3), *corner, *(corner + sides))
        self.labels, self.grid = labels, grids_of(labels, random)
        pixels = random.integers(0, 256, (count, 96, 96, 3), np.uint8)
        split = Split(labels=labels, read=pixels.__getitem__, content_hash="test")
        self.truth = Truth(
            labels=labels,
            classes=CLASSES,
            examples=split,
            held_out=split,
            preprocessing=OWN,
            training=split,
        )


@pytest.fixture(scope="module")
def task() -> Task:
    found = load_registry().tasks.get("object-detection")
    return found.with_decoding({"threshold": 0.5, "rule": "test"})


@pytest.fixture(scope="module")
def case() -> Case:
    return Case()


def test_a_network_that_knows_the_boxes_is_right(task: Task, case: Case) -> None:
    found = quality_of(task, task.answers(case.grid, case.truth), case.truth)
    metrics = {metric.name: metric for metric in found["metrics"]}
    assert next(iter(metrics)) == "mAP 50:95"
    assert metrics["mAP 50:95"].value > 0.99
    assert metrics["mAP 50"].value > 0.99
    assert {"mAP 50:95 of small boxes", "AP 50:95 of cat"} <= {*metrics}
    assert "mAP 50:95 of large boxes" not in metrics
    assert found["baseline"].better
    assert found["baseline"].gain > 80
    assert not found["findings"]
    assert found["details"]["missed"] == found["details"]["wrong"] == 0
    assert found["details"]["by_class"]["dog"]["boxes"] == (case.labels[..., 0] == 1).sum()


def test_the_interval_is_that_of_pictures(task: Task, case: Case) -> None:
    moved = case.grid.copy()
    moved[::2, ..., 3] += 0.1
    metric = task.evaluate(task.decode(moved), case.truth)[0]
    assert metric.low < metric.value < metric.high
    assert 0.02 < metric.high - metric.low < 0.3
    assert metric.count == len(case.labels)


def test_a_detector_that_finds_nothing_is_weak(task: Task, case: Case) -> None:
    found = quality_of(task, task.decode(case.grid * 0.3), case.truth)
    codes = [finding.code for finding in found["findings"] if finding.weak]
    assert "finds-nothing" in codes
    nothing = quality_of(task, task.decode(case.grid * 0.0), case.truth)
    assert {"finds-nothing", NO_BETTER} <= {f.code for f in nothing["findings"]}
    assert nothing["metrics"][0].value == 0.0
    (text,) = (f.text for f in nothing["findings"] if f.code == "finds-nothing")
    assert text.startswith("the detector finds nothing in 96 pictures with ")
    alone = next(n for n in range(96) if (case.labels[n, :, 0] >= 0).sum() == 1)
    one = replace(case.truth, labels=case.labels[alone : alone + 1])
    (weak,) = task.weaknesses(task.decode(case.grid[:1] * 0.0), one)
    assert weak.text == "the detector finds nothing in 1 picture with 1 object"
    wrong = case.grid.copy()
    wrong[..., 3:] = 0.9
    (text,) = (w.text for w in task.weaknesses(task.decode(wrong), case.truth))
    assert "none of them right" in text


def noisy(case: Case, size: float = 0.002) -> np.ndarray:
    random = np.random.default_rng(1)
    return (case.grid + random.normal(0, size, case.grid.shape)).astype(np.float32)


def checks_of(task: Task, case: Case, grid: np.ndarray, precision: object = INT8) -> set[str]:
    """Names of the checks that refuse a file."""
    assert precision in (INT8, FLOAT32)
    own = INT8 if precision is INT8 else FLOAT32
    compared = closeness.compare(task, case.grid, grid)
    found = [closeness.parity(task, compared, own)]
    before, after = (task.answers(outputs, case.truth) for outputs in (case.grid, grid))
    paired = task.accuracy(case.truth, before, after, task.allowed_loss(own))
    assert paired is not None
    return {check.name for check in (*found, paired) if not check.passed}


def test_an_honest_file_passes(task: Task, case: Case) -> None:
    assert checks_of(task, case, noisy(case)) == set()
    assert checks_of(task, case, case.grid, FLOAT32) == set()
    assert checks_of(task, case, noisy(case), FLOAT32) == {"parity"}


def test_what_a_file_gets_wrong_is_refused(task: Task, case: Case) -> None:
    classes = case.grid[..., [1, 2, 0, 3, 4, 5, 6]]
    assert checks_of(task, case, classes) == {"parity", "mAP"}
    swapped = case.grid[..., [0, 1, 2, 4, 3, 6, 5]]
    assert checks_of(task, case, swapped) == {"parity", "mAP"}
    transposed = case.grid.transpose(0, 2, 1, 3)
    assert checks_of(task, case, transposed) == {"parity", "mAP"}
    shifted = np.roll(case.grid, 1, axis=2)
    assert checks_of(task, case, shifted) == {"parity", "mAP"}
    small = case.grid.copy()
    small[..., 5:] *= 0.9
    assert "mAP" in checks_of(task, case, small)
    silent = case.grid.copy()
    silent[..., :3] *= 0.5
    assert "parity" in checks_of(task, case, silent)
    broken = case.grid.copy()
    broken[0, 0, 0, 0] = np.nan
    assert "parity" in checks_of(task, case, broken)


def test_a_class_that_is_nowhere_is_rounded_to_nothing(task: Task, case: Case) -> None:
    random = np.random.default_rng(4)
    rare = case.grid.copy()
    rare[..., 2] = random.uniform(0, 2e-3, rare.shape[:3])
    rounded = np.rint(rare * 256) / 256
    compared = closeness.compare(task, rare, rounded.astype(np.float32))
    assert closeness.parity(task, compared, INT8).passed
    coarse = rare.copy()
    coarse[..., 3:] = np.rint(coarse[..., 3:] * 8) / 8
    found = closeness.parity(task, closeness.compare(task, rare, coarse), INT8)
    assert not found.passed
    assert "spread" in found.reason


def test_the_threshold_comes_of_the_validation_split(task: Task, case: Case) -> None:
    chosen = task.choose_decoding(case.grid, case.truth)
    assert 0.3 < float(chosen["threshold"]) < 0.65
    assert task.with_decoding(chosen).decoding == chosen
    assert "largest F1" in str(chosen["rule"])
    default = task.choose_decoding(case.grid * 0.0, case.truth)
    assert default == {
        "threshold": SHOWN_FROM,
        "rule": "a default: no box is right on the validation split",
    }


def test_answers_in_words_and_pixels(task: Task, case: Case) -> None:
    picture = int((case.labels[..., 0] >= 0).sum(axis=1).argmax())
    decoded = task.decoded(case.grid[picture], CLASSES, 5)
    assert decoded.boxes is not None
    assert len(decoded.boxes) == 3
    first = decoded.boxes[0]
    assert decoded.answer.startswith(f"{first.name} {first.score:.2f}, ")
    true = {CLASSES[int(b[0])]: b[1:] for b in case.labels[picture]}
    told = decoded.in_picture(200, 400, (0.0, 0.0, 200.0, 400.0))
    assert told.boxes is not None
    for box in told.boxes:
        assert box.name in true
        y_min, x_min, y_max, x_max = box.edges
        ends = (y_min * 200, x_min * 400, y_max * 200, x_max * 400)
        assert box.pixels == tuple(round(end) for end in ends)
    # Of a wide picture the network sees the middle; of a padded one more than there is.
    for part in ((0.0, 100.0, 200.0, 300.0), (-100.0, 0.0, 300.0, 400.0)):
        seen = decoded.in_picture(200, 400, part).boxes
        assert seen is not None
        for box in seen:
            y_min, x_min, y_max, x_max = box.edges
            down = (part[0] + y * (part[2] - part[0]) for y in (y_min, y_max))
            across = (part[1] + x * (part[3] - part[1]) for x in (x_min, x_max))
            (top, bottom), (left, right) = np.clip([*down], 0, 200), np.clip([*across], 0, 400)
            assert box.pixels == (round(top), round(left), round(bottom), round(right))
            shares = (round(top) / 200, round(left) / 400, round(bottom) / 200, round(right) / 400)
            beside = replace(box, edges=shares, pixels=None)
            blank = np.zeros((200, 400, 3), np.uint8)
            np.testing.assert_array_equal(with_boxes(blank, (box,)), with_boxes(blank, (beside,)))
    empty = int((case.labels[..., 0] >= 0).sum(axis=1).argmin())
    assert task.decoded(case.grid[empty], CLASSES, 5).answer == "nothing"
    assert task.describe_label(case.labels[empty], CLASSES) == "nothing"
    label = np.array([[1, 0, 0, 1, 1], [0, 0, 0, 1, 1], [1, 0, 0, 1, 1]])
    assert task.describe_label(label, CLASSES) == "2 dog, cat"


def test_wrong_pictures_are_the_worst_first(task: Task, case: Case) -> None:
    answers = task.decode(case.grid)
    wrong = task.wrong(answers, case.labels)
    assert wrong is not None
    assert not wrong.any()
    most = int((case.labels[..., 0] >= 0).sum(axis=1).argmax())
    answers[most, :, 0] = -1
    wrong, severity = task.wrong(answers, case.labels), task.severity(answers, case.labels)
    assert wrong is not None
    assert severity is not None
    assert wrong.sum() == 1
    assert severity[most] == 3


def test_what_changed_is_drawn_red() -> None:
    pixels = np.zeros((40, 60, 1), np.uint8)
    boxes = np.array([[0, 0.1, 0.1, 0.9, 0.4], [1, 0.1, 0.6, 0.9, 0.9]])
    plain = draw(pixels, boxes, CLASSES)
    same = draw(pixels, boxes, CLASSES, boxes)
    lost, found = draw(pixels, boxes[:1], CLASSES, boxes), draw(pixels, boxes, CLASSES, boxes[:1])

    def red(picture: np.ndarray) -> int:
        return int(((picture[..., 0] == 230) & (picture[..., 1] == 20)).sum())

    assert plain.shape == (120, 180, 3)
    assert red(plain) == red(same) == 0
    assert 0 < red(lost) < red(found)


def test_labels_that_are_smoothed_are_refused(task: Task) -> None:
    from zoo.common.errors import UsageError
    from zoo.contracts.training import Training

    with pytest.raises(UsageError, match="smooth"):
        task.compile(None, None, Training(label_smoothing=0.1))


def test_without_boxes_nothing_is_measured(task: Task, case: Case) -> None:
    empty = case.labels.copy()
    empty[..., 0] = -1
    truth = replace(case.truth, labels=empty)
    assert task.evaluate(task.decode(case.grid), truth) == ()
    assert task.accuracy(truth, task.decode(case.grid), task.decode(case.grid), 1.0) is None


def test_drawings_without_a_box_hide_no_loss(task: Task, case: Case) -> None:
    labels = case.labels.copy()
    last = int(np.flatnonzero((labels[..., 0] >= 0).any(axis=1))[-1])
    labels[:last, :, 0] = -1
    truth = replace(case.truth, labels=labels)
    found = task.decode(case.grid)
    found[:last, :, 0] = -1
    assert task.evaluate(found, truth)[0].low > 0.9
    check = task.accuracy(truth, found, task.decode(case.grid * 0.0), 1.0)
    assert check is not None
    assert not check.passed
