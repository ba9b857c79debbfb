"""Losses of a detector that mAP hardly tells: one class of many, and how probable boxes are."""

from __future__ import annotations

import numpy as np
import pytest

from zoo.registry import load_registry
from zoo.tasks.object_detection.box_checks import class_loss, probability_shift
from zoo.tasks.object_detection.decoding import no_detections

THRESHOLD, MOST_SHIFT = 0.3, 4.0
CLASSES = tuple(f"class {number}" for number in range(60))
#: In one picture of 25; all others are in every third.
RARE = 59
PICTURES = 600


def truth_and_answers() -> tuple[np.ndarray, np.ndarray]:
    """True boxes, and what a network that misses one of six says of them."""
    random = np.random.default_rng(0)
    labels = np.full((PICTURES, 3, 5), -1.0, np.float32)
    found = no_detections(PICTURES)
    for number in range(PICTURES):
        rare = [RARE] if number % 25 == 0 else []
        for place, label in enumerate([*random.integers(0, RARE, 2), *rare]):
            edges = np.array([0.1 + 0.3 * place, 0.2, 0.3 + 0.3 * place, 0.6])
            labels[number, place] = (label, *edges)
            if random.random() > 1 / 6:
                found[number, place] = (label, random.uniform(0.2, 0.9), *edges)
    return labels, found


LABELS, OWN = truth_and_answers()


def rounded(seed: int, size: float = 0.02) -> np.ndarray:
    """As an honest integer file answers: probabilities and edges a little off."""
    random = np.random.default_rng(seed)
    made = OWN.copy()
    real = made[..., 0] >= 0
    made[real, 1] = np.clip(
        np.rint((made[real, 1] + random.normal(0, size, real.sum())) * 255) / 255, 0, 1
    )
    made[real, 2:] += random.normal(0, 0.005, (real.sum(), 4)).astype(np.float32)
    return made


def test_honest_files_raise_no_alarm() -> None:
    for seed in range(40):
        file = rounded(seed)
        assert class_loss(LABELS, OWN, file, CLASSES, THRESHOLD).passed
        assert probability_shift(OWN, file, THRESHOLD, MOST_SHIFT).passed


def test_a_rare_class_that_is_lost_is_named() -> None:
    file = rounded(0)
    file[file[..., 0] == RARE, 1] = 0.01
    check = class_loss(LABELS, OWN, file, CLASSES, THRESHOLD)
    assert not check.passed
    assert "'class 59': it answers it on 0 of " in check.reason
    # Another class in its place is no answer either.
    file = rounded(0)
    file[file[..., 0] == RARE, 0] = 3
    assert "'class 59'" in class_loss(LABELS, OWN, file, CLASSES, THRESHOLD).reason


@pytest.mark.parametrize("factor", [0.9, 1.1])
def test_probabilities_off_by_a_tenth_are_refused(factor: float) -> None:
    file = rounded(1)
    file[..., 1] *= factor
    check = probability_shift(OWN, file, THRESHOLD, MOST_SHIFT)
    assert not check.passed
    assert f"{'less' if factor < 1 else 'more'} probable than the network's by" in check.reason


def test_too_few_boxes_tell_nothing() -> None:
    check = probability_shift(OWN[:3], OWN[:3] * 0.5, THRESHOLD, MOST_SHIFT)
    assert check.passed
    assert "too few to tell" in check.value
    nothing = np.full((3, 0, 5), -1.0, np.float32)
    assert class_loss(nothing, OWN[:3], OWN[:3], CLASSES, THRESHOLD).passed


def test_the_gate_asks_both() -> None:
    from tests.tasks.test_object_detection import INT8, Case

    case = Case()
    task = load_registry().tasks.get("object-detection").with_decoding({"threshold": THRESHOLD})
    weaker = case.grid.copy()
    weaker[..., :3] *= 0.9
    (shift,) = task.probability_checks(case.truth, case.grid, weaker, INT8)
    assert not shift.passed
    lost = case.grid.copy()
    lost[..., 1] = 0.02
    check = task.class_loss(case.truth, task.decode(case.grid), task.decode(lost))
    assert check is not None
    assert "'dog'" in check.reason
