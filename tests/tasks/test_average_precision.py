"""Mean average precision beside pycocotools, on random and hand-made boxes."""

from __future__ import annotations

import contextlib
import io

import numpy as np
import pytest

from zoo.tasks.object_detection.average_precision import (
    LIMITS,
    RESAMPLES,
    Matches,
    detection_records,
    truth_records,
)
from zoo.tasks.object_detection.decoding import MOST

pytest.importorskip("faster_coco_eval")
SIZE = (96, 128)


def padded(rows: list[list[list[float]]], columns: int, most: int) -> np.ndarray:
    found = np.zeros((len(rows), most, columns), np.float32)
    found[..., 0] = -1
    for picture, boxes in enumerate(rows):
        for place, box in enumerate(boxes):
            found[picture, place] = box
    return found


def second_opinion(found: np.ndarray, labels: np.ndarray, classes: int) -> np.ndarray:
    """mAP 50:95 and 50 of all boxes, then 50:95 of small, medium and large ones."""
    coco = pytest.importorskip("pycocotools.coco")
    evaluation = pytest.importorskip("pycocotools.cocoeval")
    with contextlib.redirect_stdout(io.StringIO()):
        true = coco.COCO()
        true.dataset = truth_records(labels, classes, SIZE)
        true.createIndex()
        answers = true.loadRes(detection_records(found, SIZE))
        made = evaluation.COCOeval(true, answers, "bbox")
        made.params.areaRng = [[0, 1e10], [0, LIMITS[0]], [*LIMITS], [LIMITS[1], 1e10]]
        made.evaluate()
        made.accumulate()
        made.summarize()
    return np.asarray([made.stats[n] for n in (0, 1, 3, 4, 5)])


def ours(found: np.ndarray, labels: np.ndarray, classes: int) -> np.ndarray:
    own = Matches(found, labels, classes, SIZE).own
    areas = ("small", "medium", "large")
    sizes = [own.mean(area) if own.has(area) else -1.0 for area in areas]
    return np.asarray([own.mean(), own.mean(half=True), *sizes])


def random_case(
    seed: int, pictures: int = 40, classes: int = 4, ties: bool = False
) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    true: list[list[list[float]]] = []
    found: list[list[list[float]]] = []
    for _ in range(pictures):
        low = random.uniform(0, 0.7, (random.integers(0, 5), 2))
        high = np.minimum(low + random.uniform(0.05, 0.9, low.shape), 1)
        labels = random.integers(0, classes, len(low))
        boxes = np.concatenate([low, high], axis=1)
        true.append([[float(n), *box] for n, box in zip(labels, boxes, strict=True)])
        own: list[list[float]] = []
        for label, box in zip(labels, boxes, strict=True):
            for _ in range(random.integers(0, 4)):
                moved = np.clip(box + random.normal(0, 0.05, 4), 0, 1)
                other = int(label) if random.random() < 0.8 else int(random.integers(classes))
                score = random.random() if not ties else random.integers(1, 5) / 5
                own.append([float(other), float(score), *moved])
        found.append(sorted(own, key=lambda row: -row[1]))
    return padded(found, 6, MOST), padded(true, 5, 6)


@pytest.mark.parametrize("ties", [False, True])
@pytest.mark.parametrize("seed", range(4))
def test_random_boxes(seed: int, ties: bool) -> None:
    found, labels = random_case(seed, ties=ties)
    own = ours(found, labels, 4)
    assert 0.05 < own[0] < 0.95
    np.testing.assert_allclose(own, second_opinion(found, labels, 4), atol=1e-6)


BOX = [0.25, 0.25, 0.75, 0.75]
CASES: dict[str, tuple[list[list[list[float]]], list[list[list[float]]], float]] = {
    "exact": ([[[0, 0.9, *BOX]]], [[[0, *BOX]]], 1.0),
    "of another class": ([[[1, 0.9, *BOX]]], [[[0, *BOX]]], 0.0),
    "twice": ([[[0, 0.9, *BOX], [0, 0.8, *BOX]]], [[[0, *BOX]]], 1.0),
    "a wrong one first": (
        [[[0, 0.9, 0, 0, 0.1, 0.1], [0, 0.8, *BOX]]],
        [[[0, *BOX]]],
        0.5,
    ),
    "one of two": ([[[0, 0.9, *BOX]], []], [[[0, *BOX]], [[0, *BOX]]], 51 / 101),
    # The overlap is 0.45 / 0.55 = 0.82, so 7 of 10 limits are met.
    "shifted": (
        [[[0, 0.9, 0.3, 0.25, 0.8, 0.75]]],
        [[[0, *BOX]]],
        0.7,
    ),
    "nothing is found": ([[], []], [[[0, *BOX]], [[1, *BOX]]], 0.0),
}


@pytest.mark.parametrize("name", CASES)
def test_boxes_made_by_hand(name: str) -> None:
    rows, true, expected = CASES[name]
    found, labels = padded(rows, 6, MOST), padded(true, 5, 3)
    own = ours(found, labels, 2)
    assert own[0] == pytest.approx(expected, abs=1e-6)
    if any(rows):
        np.testing.assert_allclose(own, second_opinion(found, labels, 2), atol=1e-6)


def test_drawn_pictures_are_measured_as_if_they_were_the_data() -> None:
    found, labels = random_case(7)
    matches = Matches(found, labels, 4, SIZE)
    drawn = np.random.default_rng(1).integers(0, len(labels), len(labels))
    again = Matches(found[drawn], labels[drawn], 4, SIZE).own
    np.testing.assert_allclose(matches.drawn(drawn).whole[:, 0], again.whole[:, 0], atol=1e-9)
    assert len(matches.resampled) == RESAMPLES
    spread = np.std([one.mean() for one in matches.resampled])
    assert 0.005 < spread < 0.1


def test_a_class_without_boxes_is_left_out() -> None:
    found, labels = random_case(2)
    own = Matches(found, labels, 6, SIZE).own
    assert not own.has("all", 5)
    assert own.mean() == pytest.approx(Matches(found, labels, 4, SIZE).own.mean(), abs=1e-9)
