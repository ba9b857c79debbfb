"""Boxes and masks move along with the pictures that an augmentation moves."""

from __future__ import annotations

import numpy as np
import pytest

from zoo.data.preprocessing.augment import MOVING, augment

SIDE, MOST = 64, 3
NAMES = [["flip"], ["shift"], ["zoom"], ["rotate"], sorted(MOVING)]


def rectangles(seed: int, count: int = 32) -> tuple[np.ndarray, np.ndarray]:
    """Boxes that do not overlap, one in each third of the height, and masks that show them.

    Returns:
        float32, (count, MOST, 5), the last row padding in every other example; int8, (count, SIDE,
        SIDE), 1 + the box's row.
    """
    random = np.random.default_rng(seed)
    boxes = np.tile(np.array([-1, 0, 0, 0, 0], np.float32), (count, MOST, 1))
    masks = np.zeros((count, SIDE, SIDE), np.int8)
    for number in range(count):
        for row in range(MOST - number % 2):
            top, left = 21 * row + random.integers(0, 8), random.integers(0, 40)
            bottom, right = top + random.integers(4, 13), left + random.integers(4, 24)
            boxes[number, row] = [row, *(np.array([top, left, bottom, right]) / SIDE)]
            masks[number, top:bottom, left:right] = 1 + row
    return boxes, masks


def moved(names: list[str], seed: int, boxes: np.ndarray, masks: np.ndarray):
    """Boxes, masks and pixels after the same augmentation."""

    def follow(labels, transform):
        return (
            transform.apply_to_boxes(labels[0]),
            transform.apply_to_map(labels[1], outside=-1),
            transform.apply_to_boxes(labels[0], least_visible=0.0),
        )

    pixels = np.repeat(masks[..., None] * 80, 3, axis=3).astype(np.uint8)
    values, (rows, marks, every) = augment(names, seed, follow)(pixels, (boxes, masks))
    return values.numpy(), rows.numpy(), marks.numpy(), every.numpy()


def edges_of(shown: np.ndarray) -> np.ndarray:
    """y_min, x_min, y_max, x_max in pixels of what a mask shows."""
    down, right = np.flatnonzero(shown.any(axis=1)), np.flatnonzero(shown.any(axis=0))
    return np.array([down[0], right[0], down[-1] + 1, right[-1] + 1])


@pytest.mark.parametrize("names", NAMES, ids="-".join)
@pytest.mark.parametrize("seed", [1, 2])
def test_a_box_stays_the_bounding_box_of_its_mask(names, seed):
    boxes, masks = rectangles(seed)
    _, _, marks, every = moved(names, seed, boxes, masks)
    turned = "rotate" in names
    for rows, mask in zip(every, marks, strict=True):
        for row in range(MOST):
            shown = mask == 1 + row
            if rows[row, 0] < 0:
                assert not shown.any()
                continue
            assert rows[row, 0] == row
            edges = rows[row, 1:] * SIDE
            assert edges.min() >= 0
            assert edges.max() <= SIDE
            if not shown.any():
                assert min(edges[2] - edges[0], edges[3] - edges[1]) < 1.5
                continue
            found = edges_of(shown)
            outside = np.concatenate([edges[:2] - found[:2], found[2:] - edges[2:]])
            assert outside.max() <= 1.01  # the mask lies within its box
            cut = edges.min() < 0.01 or edges.max() > SIDE - 0.01
            if not (turned and cut):
                # A turned rectangle touches its box with its corners, which are thin.
                assert outside.min() >= (-3.5 if turned else -1.01)


@pytest.mark.parametrize("seed", [1, 2])
def test_what_is_nearly_out_of_the_picture_is_dropped(seed):
    boxes, masks = rectangles(seed)
    boxes[:, 0, 1:] = np.array([0, 0, 0.2, 0.2])
    _, kept, _, every = moved(["zoom", "shift"], seed, boxes, masks)
    dropped = (kept[..., 0] < 0) & (every[..., 0] >= 0)
    assert (kept[dropped] == [-1, 0, 0, 0, 0]).all()
    same = kept[..., 0] >= 0
    assert np.array_equal(kept[same], every[same])


def test_padding_stays_padding_and_something_is_dropped():
    boxes, masks = rectangles(3, 256)
    _, kept, _, _ = moved(["zoom"], 5, boxes, masks)
    assert (kept[1::2, MOST - 1] == [-1, 0, 0, 0, 0]).all()
    real = boxes[..., 0] >= 0
    share = (kept[..., 0] >= 0)[real].mean()
    assert 0.6 < share < 0.98
    assert not np.array_equal(kept, boxes)


@pytest.mark.parametrize("names", NAMES, ids="-".join)
def test_masks_follow_pixels_in_every_type(names):
    boxes, masks = rectangles(1)
    values, _, marks, _ = moved(names, 4, boxes, masks)
    assert marks.dtype == np.int8
    bright = values[..., 0] > 40 * np.maximum(marks, 1)
    # Interpolated pixels differ from nearest labels at borders alone.
    differing = (bright != (marks > 0)).mean()
    assert differing < (0.01 if {"rotate", "zoom"} & {*names} else 1e-9)
    # As they stood they would be wrong: this is what the test must be able to see.
    assert ((values[..., 0] > 40) != (masks > 0)).mean() > 2 * differing + 0.01


def test_zoom_reaches_its_limits_and_keeps_some_place():
    pixels = np.full((512, SIDE, SIDE, 1), 200, np.uint8)
    whole = np.tile(np.array([0, 0.25, 0.25, 0.75, 0.75], np.float32), (512, 1, 1))
    values, rows = augment(["zoom"], 1, lambda labels, t: t.apply_to_boxes(labels, 0.0))(
        pixels, whole
    )
    black = (values.numpy() == 0).mean(axis=(1, 2, 3))
    assert (black == 0).mean() > 0.4  # enlarged
    assert 0.4 < black.max() < 1 - 1 / 1.5**2 + 0.03
    sides = (rows[:, 0, 3] - rows[:, 0, 1]).numpy()
    assert 1 / 3 - 0.01 < sides.min() < 0.36
    assert 0.7 < sides.max() <= 0.75 + 1e-5


def test_other_augmentations_are_what_they_were():
    pixels = rectangles(2)[1][..., None].astype(np.uint8) * 80
    none = np.zeros(32, np.int64)
    before = augment(["flip", "shift"], 7)(pixels, none)[0].numpy()
    after = augment(["flip", "shift", "zoom"], 7)(pixels, none)[0].numpy()
    assert not np.array_equal(before, after)
    assert np.array_equal(before, augment(["shift", "flip"], 7)(pixels, none)[0].numpy())
