"""The loss of a grid of centres."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("tensorflow")

from zoo.tasks.object_detection.loss import detection_loss

SIDE, CLASSES = 6, 2


def labels_of(*boxes: tuple[float, ...]) -> np.ndarray:
    labels = np.zeros((1, 4, 5), np.float32)
    labels[..., 0] = -1
    labels[0, : len(boxes)] = np.reshape(boxes, (-1, 5))
    return labels


def logits(shift: float = -6.0) -> np.ndarray:
    made = np.full((1, SIDE, SIDE, CLASSES + 4), 0.0, np.float32)
    made[..., :CLASSES] = shift
    return made


def loss(labels: np.ndarray, given: np.ndarray) -> float:
    return float(np.asarray(detection_loss(labels, given))[0])


def logit(value: float) -> float:
    return float(np.log(value / (1 - value)))


def perfect() -> np.ndarray:
    """Of a box from (0.25, 0.5) to (0.75, 0.75): its centre is in row 3, column 3."""
    made = logits(-9.0)
    made[0, 3, 3, 1] = 9.0
    # Centres at 3.0 and 3.75 cells: (centre - cell + 0.5) / 2.
    made[0, 3, 3, CLASSES:] = [logit(v) for v in (0.25, 0.625, 0.5**0.5, 0.5)]
    return made


BOX = labels_of((1, 0.25, 0.5, 0.75, 0.75))


def test_the_right_grid_loses_next_to_nothing() -> None:
    assert loss(BOX, perfect()) < 0.01


@pytest.mark.parametrize("fault", ["class", "place", "offset", "size", "missing", "twice"])
def test_each_fault_costs(fault: str) -> None:
    given = perfect()
    if fault == "class":
        given[0, 3, 3, :CLASSES] = given[0, 3, 3, 1::-1]
    elif fault == "place":
        given = np.roll(given, 2, axis=1)
    elif fault == "offset":
        given[0, 3, 3, CLASSES] += 2.0
    elif fault == "size":
        given[0, 3, 3, CLASSES + 3] += 1.0
    elif fault == "missing":
        given[0, 3, 3, 1] = -9.0
    else:
        given[0, 0, 0, 0] = 9.0
    assert loss(BOX, given) > 0.2


def test_cells_beside_a_centre_may_be_unsure() -> None:
    near, far = perfect(), perfect()
    near[0, 3, 4, 1] = far[0, 0, 0, 1] = 0.0
    assert loss(BOX, near) < loss(BOX, far)


def test_pictures_without_objects_learn_that() -> None:
    assert loss(labels_of(), logits(-9.0)) < 1e-4
    assert loss(labels_of(), logits(0.0)) > 1.0


def test_padding_and_the_order_of_boxes_say_nothing() -> None:
    random = np.random.default_rng(0)
    given = random.normal(size=(1, SIDE, SIDE, CLASSES + 4)).astype(np.float32)
    one, other = (0, 0.1, 0.1, 0.4, 0.5), (1, 0.5, 0.5, 1.0, 0.9)
    expected = loss(labels_of(one, other), given)
    assert loss(labels_of(other, one), given) == pytest.approx(expected, rel=1e-5)
    assert loss(labels_of(one, other)[:, :2], given) == pytest.approx(expected, rel=1e-5)


def test_a_box_at_the_edge_has_a_cell() -> None:
    assert np.isfinite(loss(labels_of((0, 0.9, 0.9, 1.0, 1.0), (0, 1.0, 1.0, 1.0, 1.0)), logits()))
