"""From a grid to boxes, and what boxes have in common."""

from __future__ import annotations

import numpy as np
import pytest

from zoo.tasks.object_detection.comparison import kept_share
from zoo.tasks.object_detection.decoding import MOST, decode, objects, overlaps, pairs
from zoo.tasks.object_detection.threshold import best_threshold, mistakes

CLASSES = 3


def grid_of(*objects: tuple[int, int, int, float], side: int = 12) -> np.ndarray:
    """One picture: row, column, class and probability of each cell; boxes of a quarter's side."""
    grid = np.full((1, side, side, CLASSES + 4), 0.01, np.float32)
    grid[..., CLASSES:] = 0.5
    for row, column, label, score in objects:
        grid[0, row, column, label] = score
    return grid


def test_a_cell_becomes_a_box_by_the_formula() -> None:
    grid = grid_of((3, 5, 2, 0.875))
    grid[0, 3, 5, CLASSES:] = (0.75, 0.25, 0.5, 0.6)
    found = objects(decode(grid)[0])
    y, x = (3 - 0.5 + 1.5) / 12, (5 - 0.5 + 0.5) / 12
    expected = [2, 0.875, y - 0.125, x - 0.18, y + 0.125, x + 0.18]
    np.testing.assert_allclose(found, [expected], atol=1e-6)
    assert decode(grid).shape == (1, MOST, 6)


def test_boxes_end_at_the_picture() -> None:
    grid = grid_of((0, 0, 1, 0.9))
    grid[0, 0, 0, CLASSES:] = (0.0, 0.0, 1.0, 1.0)
    np.testing.assert_allclose(objects(decode(grid)[0])[0, 2:], (0, 0, 11 / 24, 11 / 24))


def test_of_neighbours_the_largest_is_an_object() -> None:
    near = grid_of((4, 4, 0, 0.6), (4, 5, 0, 0.8), (5, 6, 0, 0.7), (4, 5, 1, 0.5), (9, 9, 0, 0.3))
    found = [(int(box[0]), round(float(box[1]), 2)) for box in objects(decode(near)[0])]
    assert found == [(0, 0.8), (1, 0.5), (0, 0.3)]


def test_of_equal_neighbours_the_first_is_an_object() -> None:
    found = objects(decode(grid_of((4, 4, 0, 0.9), (4, 5, 0, 0.9), (5, 4, 0, 0.9)))[0])
    assert len(found) == 1
    assert found[0, 2:].mean() == pytest.approx((4 + 0.5) / 12)


def test_no_number_is_no_object_and_no_more_than_a_hundred_are_kept() -> None:
    grid = grid_of((4, 4, 0, np.nan), side=40)
    assert not len(objects(decode(grid)[0]))
    grid[0, ::2, ::2, 0] = np.linspace(0.1, 0.9, 400).reshape(20, 20)
    found = objects(decode(grid)[0])
    assert len(found) == MOST
    assert found[0, 1] == pytest.approx(0.9)
    assert (np.diff(found[:, 1]) <= 0).all()


def test_pictures_of_a_batch_are_decoded_as_each_by_itself() -> None:
    random = np.random.default_rng(0)
    grid = random.random((5, 8, 8, CLASSES + 4), np.float32) ** 4
    whole = decode(grid)
    for number in range(5):
        np.testing.assert_array_equal(whole[number], decode(grid[number : number + 1])[0])


def test_overlap() -> None:
    one = np.array([[0, 0, 0.5, 0.5], [0, 0, 1, 1]])
    other = np.array([[0.25, 0, 0.75, 0.5], [0.6, 0.6, 0.6, 0.9]])
    np.testing.assert_allclose(overlaps(one, other), [[1 / 3, 0], [0.25, 0]])


def test_a_box_has_one_partner_of_its_own_class() -> None:
    one = np.array([[0, 0, 0, 0.5, 0.5], [0, 0, 0, 0.5, 0.52], [1, 0, 0, 0.5, 0.5]])
    other = np.array([[0, 0, 0, 0.5, 0.5], [2, 0, 0, 0.5, 0.5]])
    assert pairs(one, other, 0.5) == [(0, 0)]


def detections(*rows: list[float]) -> np.ndarray:
    found = np.zeros((1, MOST, 6), np.float32)
    found[..., 0] = -1
    found[0, : len(rows)] = np.reshape(rows, (-1, 6)) if rows else found[0, :0]
    return found


A, B = [0.1, 0.1, 0.4, 0.4], [0.6, 0.6, 0.9, 0.9]


def test_boxes_are_the_same_where_place_class_and_probability_are() -> None:
    one = detections([0, 0.9, *A], [1, 0.5, *B])
    assert kept_share(one, one, 0.3) == (4, 4)
    near = detections([0, 0.85, *A], [1, 0.28, *B])
    assert kept_share(one, near, 0.3) == (2, 3)  # the second fell by 0.22
    assert kept_share(one, detections([0, 0.9, *A], [1, 0.45, *B]), 0.47) == (3, 3)
    assert kept_share(one, detections([2, 0.9, *A], [1, 0.5, *A]), 0.3) == (0, 4)


def test_the_threshold_is_where_most_is_right() -> None:
    found = np.concatenate(
        [
            detections([0, 0.9, *A], [0, 0.2, *B]),
            detections([1, 0.8, *A], [1, 0.1, *B]),
            detections([1, 0.4, *B]),
        ]
    )
    labels = np.array([[[0, *A]], [[1, *A]], [[1, *B]]], np.float32)
    threshold = best_threshold(found, labels)
    assert threshold is not None
    assert 0.2 < threshold < 0.4
    np.testing.assert_array_equal(mistakes(found, labels, threshold), np.zeros((3, 2)))
    np.testing.assert_array_equal(mistakes(found, labels, 0.05), [(0, 1), (0, 1), (0, 0)])
    np.testing.assert_array_equal(mistakes(found, labels, 0.85), [(0, 0), (1, 0), (1, 0)])
    assert best_threshold(detections(), labels[:1]) is None
