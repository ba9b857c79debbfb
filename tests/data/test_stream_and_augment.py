"""Training batches and augmentation: the tests that need TensorFlow."""

from __future__ import annotations

import numpy as np
import pytest

from zoo.common.errors import UnknownName
from zoo.contracts.dataset import IGNORED, Split
from zoo.contracts.preprocessing import ImagePreprocessing
from zoo.data.preprocessing.affine_transform import AffineTransform
from zoo.data.preprocessing.augment import OPTIONS, augment, augmentation_names
from zoo.data.preprocessing.inputs import read_inputs
from zoo.data.preprocessing.stream import Examples, epoch_order, stream

tf = pytest.importorskip("tensorflow")

RULE = ImagePreprocessing(height=6, width=5, channels=1)
COUNT = 23


def numbered_split(count: int = COUNT) -> Split:
    """Images that show their own index, which is also their label."""

    def read(index: int) -> np.ndarray:
        return np.full((6, 5, 1), index, np.uint8)

    return Split(labels=np.arange(count, dtype=np.int64), read=read, content_hash="")


def seen(dataset) -> list[list[int]]:
    """Labels of each batch, after checking that pixels belong to them."""
    batches = []
    for values, labels in dataset:
        assert labels.dtype == tf.int64
        assert np.array_equal(values.numpy()[:, 0, 0, 0], labels.numpy())
        batches.append(labels.numpy().tolist())
    return batches


def flat(dataset) -> list[int]:
    return [label for batch in seen(dataset) for label in batch]


@pytest.mark.parametrize("limit", [1 << 30, 0], ids=["memory", "disk"])
def test_order_without_shuffling(limit):
    batches = stream(numbered_split(), RULE, batch=10, shuffle_seed=None, memory_limit_bytes=limit)
    assert batches.element_spec[0].shape.as_list() == [None, 6, 5, 1]
    assert batches.element_spec[0].dtype == tf.uint8
    assert int(batches.cardinality()) == 3
    assert seen(batches) == [[*range(10)], [*range(10, 20)], [20, 21, 22]]


@pytest.mark.parametrize("limit", [1 << 30, 0], ids=["memory", "disk"])
def test_shuffling_is_new_each_epoch_and_follows_the_seed(limit):
    examples = Examples(numbered_split(), RULE, memory_limit_bytes=limit)
    assert examples.in_memory == (limit > 0)
    batches = examples.batches(batch=10, shuffle_seed=5)
    epochs = [flat(batches) for _ in range(3)]
    assert all(sorted(epoch) == list(range(COUNT)) for epoch in epochs)
    assert len(set(map(tuple, epochs))) == 3
    assert epochs == [epoch_order(COUNT, 5, i).tolist() for i in range(3)]
    again = examples.batches(batch=10, shuffle_seed=5)
    tf.random.set_seed(99)
    assert [flat(again) for _ in range(3)] == epochs
    resumed = examples.batches(batch=10, shuffle_seed=5, first_epoch=2)
    assert flat(resumed) == epochs[2]


def test_memory_and_disk_give_the_same_as_evaluation():
    def read(index: int) -> np.ndarray:
        shape = (9 + index % 4, 8, 3)
        return np.random.default_rng(index).integers(0, 256, shape, dtype=np.uint8)

    split = Split(labels=np.zeros(30, np.int64), read=read, content_hash="")
    expected = read_inputs(split, RULE)
    for limit in (1 << 30, 0):
        batches = stream(split, RULE, batch=7, shuffle_seed=None, memory_limit_bytes=limit)
        assert np.array_equal(np.concatenate([v.numpy() for v, _ in batches]), expected)


def test_keras_trains_on_it():
    import keras

    model = keras.Sequential([keras.Input((6, 5, 1)), keras.layers.Flatten()])
    model.add(keras.layers.Dense(COUNT))
    model.compile("sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    batches = stream(numbered_split(), RULE, batch=10, shuffle_seed=1, augment=augment(["flip"], 1))
    history = model.fit(batches, epochs=2, shuffle=False, verbose=0)
    assert len(history.history["loss"]) == 2


def test_augmented_batches_are_reproducible():
    def epochs() -> np.ndarray:
        split = numbered_split(200)
        change = augment(tuple(OPTIONS), 4)
        batches = stream(split, RULE, batch=16, shuffle_seed=2, augment=change)
        assert batches.element_spec[0].dtype == tf.float32
        return np.stack([np.concatenate([v.numpy() for v, _ in batches]) for _ in range(2)])

    first = epochs()
    assert np.array_equal(first, epochs())
    assert not np.array_equal(first[0], first[1])


# --- augmentation ------------------------------------------------------------------------------

SIDE = 28


def changed(change, pixels):
    """The pixels alone; there are no labels."""
    return change(pixels, ())[0]


def batch(count: int = 256, channels: int = 1) -> np.ndarray:
    shape = (count, SIDE, SIDE, channels)
    return np.random.default_rng(0).integers(1, 256, shape, dtype=np.uint8)


@pytest.mark.parametrize("names", [[], ["rotate"], ["shift"], ["flip"], ["erase"], [*OPTIONS]])
@pytest.mark.parametrize("channels", [1, 3])
def test_type_shape_and_range(names, channels):
    result = changed(augment(names, 3), batch(64, channels)).numpy()
    assert result.dtype == np.float32
    assert result.shape == (64, SIDE, SIDE, channels)
    assert result.min() >= 0
    assert result.max() <= 255
    assert result.max() > 200


def test_no_option_changes_nothing():
    assert np.array_equal(changed(augment([], 3), batch()).numpy(), batch())


def test_flip_mirrors_half():
    result = changed(augment(["flip"], 3), batch()).numpy()
    mirrored = batch()[:, :, ::-1]
    flipped = (result == mirrored).all(axis=(1, 2, 3))
    kept = (result == batch()).all(axis=(1, 2, 3))
    assert (flipped ^ kept).all()
    assert 90 < flipped.sum() < 166


def shifted(image: np.ndarray, down: int, right: int) -> np.ndarray:
    wide = np.pad(image, ((2, 2), (2, 2), (0, 0)))
    return wide[2 - down : 2 - down + SIDE, 2 - right : 2 - right + SIDE]


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("outside", [0.0, 7.0])
def test_whole_pixels_are_moved_where_a_resampling_would_bring_them(channels, outside):
    draws = tf.random.stateless_uniform((4, 64), [1, 2])
    pixels = batch(64, channels)
    transform = AffineTransform(draws, None, ("shift", "flip"), SIDE, SIDE)
    assert transform.lands_on_pixels(SIDE, SIDE)
    moved = transform.resampled(pixels, "NEAREST", outside)
    assert moved.dtype == tf.uint8
    assert not transform.lands_on_pixels(SIDE // 2, SIDE)
    assert not AffineTransform(draws, None, ("rotate",), SIDE, SIDE).lands_on_pixels(SIDE, SIDE)
    transform._whole = None
    assert np.array_equal(moved, transform.resampled(pixels.astype(np.float32), "NEAREST", outside))


@pytest.mark.parametrize("name", ["shift", "crop"])
def test_shift_moves_whole_pixels_and_fills_with_zero(name):
    result = changed(augment([name], 3), batch()).numpy()
    moves = [(down, right) for down in range(-2, 3) for right in range(-2, 3)]
    found = []
    for image, original in zip(result, batch(), strict=True):
        matching = [move for move in moves if np.array_equal(image, shifted(original, *move))]
        assert len(matching) == 1
        found += matching
    assert set(found) == set(moves)


def test_rotation_stays_within_ten_degrees_about_the_centre():
    # A bright dot at the right end of a wide image tells the angle.
    image = np.zeros((200, 101, 101, 1), np.uint8)
    image[:, 50, 90] = 255
    result = changed(augment(["rotate"], 3), image).numpy()[..., 0]
    weight = result.sum(axis=(1, 2))
    rows, columns = np.mgrid[:101, :101] - 50.0
    y, x = ((result * axis).sum(axis=(1, 2)) / weight for axis in (rows, columns))
    angles = np.degrees(np.arctan2(y, x))
    assert np.abs(np.hypot(x, y) - 40).max() < 1
    assert 8 < angles.max() < 11
    assert -11 < angles.min() < -8


def test_flip_rotation_and_shift_combine():
    image = np.zeros((400, SIDE, SIDE, 1), np.uint8)
    image[:, 13:15, 20:22] = 255
    result = changed(augment(["flip", "rotate", "shift"], 3), image).numpy()[..., 0]
    rows, columns = np.mgrid[:SIDE, :SIDE] - (SIDE - 1) / 2
    weight = result.sum(axis=(1, 2))
    assert (weight > 900).all()
    y, x = ((result * axis).sum(axis=(1, 2)) / weight for axis in (rows, columns))
    # 7 right of the centre, or mirrored; turned by up to 10 degrees; moved by up to 2 each way.
    assert ((np.abs(x) > 4.5) & (np.abs(x) < 9.5)).all()
    assert (np.abs(y) < 3.8).all()
    assert 150 < (x > 0).sum() < 250


def test_erase_fills_a_rectangle_of_some_images():
    original = np.full((400, SIDE, SIDE, 1), 100, np.uint8)
    result = changed(augment(["erase"], 3), original).numpy()[..., 0]
    erased = result != 100
    share = erased.mean(axis=(1, 2))
    assert 150 < (share > 0).sum() < 250
    assert share.max() < 0.40
    for mask in erased[share > 0]:
        rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
        area = (np.ptp(rows) + 1) * (np.ptp(columns) + 1)
        assert mask.sum() > 0.9 * area - 2
    assert result[erased].std() > 50


def test_calls_differ_and_follow_the_seed():
    def calls(seed: int) -> list[np.ndarray]:
        change = augment(["rotate", "erase"], seed)
        return [changed(change, batch(8)).numpy() for _ in range(3)]

    first = calls(3)
    assert not np.array_equal(first[0], first[1])
    assert all(np.array_equal(a, b) for a, b in zip(first, calls(3), strict=True))
    assert not np.array_equal(first[0], calls(4)[0])


# --- labels that follow pixels -----------------------------------------------------------------


def masks(count: int = 64, height: int = SIDE, width: int = SIDE) -> np.ndarray:
    """Bright rectangles off the middle, as classes 0 and 1."""
    random = np.random.default_rng(1)
    made = np.zeros((count, height, width), np.int64)
    for mask in made:
        top, left = random.integers(2, height // 2), random.integers(2, width // 3)
        mask[top : top + height // 3, left : left + width // 4] = 1
    return made


def as_masks(given, transform):
    return transform.apply_to_map(given, outside=0)


def with_unmarked_outside(given, transform):
    return transform.apply_to_map(given)


def as_points(given, transform):
    return transform.apply_to_points(given)


@pytest.mark.parametrize("names", [["flip"], ["shift"], ["rotate"], ["flip", "shift", "rotate"]])
def test_masks_stay_on_what_they_mark(names):
    labels = masks()
    pixels = (labels[..., None] * 255).astype(np.uint8)
    values, moved = (part.numpy() for part in augment(names, 3, as_masks)(pixels, labels))
    assert moved.dtype == np.int64
    assert moved.shape == labels.shape
    assert not np.array_equal(moved, labels)
    differing = ((values[..., 0] > 127) != (moved == 1)).mean()
    # Turned pixels are interpolated and turned labels are not: they differ at borders alone.
    assert differing < (0.01 if "rotate" in names else 1e-9)
    # As they stood they would be wrong: this is what the test must be able to see.
    assert ((values[..., 0] > 127) != (labels == 1)).mean() > 5 * max(differing, 1e-3)


def test_masks_of_another_resolution_follow_too():
    fine = masks(height=28, width=28)
    coarse = fine[:, ::2, ::2]
    pixels = (np.repeat(np.repeat(coarse, 2, 1), 2, 2)[..., None] * 255).astype(np.uint8)
    values, moved = (part.numpy() for part in augment(["flip"], 3, as_masks)(pixels, coarse))
    assert np.array_equal(values[:, ::2, ::2, 0] > 127, moved == 1)


def test_what_comes_in_from_outside_has_the_label_of_nothing():
    pixels, labels = batch(64), np.ones((64, SIDE, SIDE), np.int64)
    values, moved = (
        part.numpy() for part in augment(["shift"], 3, with_unmarked_outside)(pixels, labels)
    )
    assert np.array_equal(moved == IGNORED, values[..., 0] == 0)
    assert (moved == IGNORED).any()


@pytest.mark.parametrize("names", [["flip"], ["shift"], ["rotate"], ["flip", "shift", "rotate"]])
def test_points_stay_on_what_they_mark(names):
    places = np.random.default_rng(2).integers(8, 20, (64, 2))
    pixels = np.zeros((64, SIDE, SIDE, 1), np.uint8)
    pixels[np.arange(64), places[:, 1], places[:, 0]] = 255
    points = places.astype(np.float32)[:, None]
    values, moved = (part.numpy() for part in augment(names, 3, as_points)(pixels, points))
    assert moved.shape == (64, 1, 2)
    weights = values[..., 0] / values.sum((1, 2, 3))[:, None, None]
    y, x = np.mgrid[:SIDE, :SIDE]
    found = np.stack([(weights * x).sum((1, 2)), (weights * y).sum((1, 2))], -1)
    np.testing.assert_allclose(moved[:, 0], found, atol=0.4 if "rotate" in names else 1e-3)
    assert np.abs(points[:, 0] - found).max() > 1


def test_erased_pictures_keep_their_labels():
    def refuse(given, transform):
        raise AssertionError("nothing has moved")

    _, kept = augment(["erase"], 3, refuse)(batch(8), masks(8))
    assert np.array_equal(kept, masks(8))


def test_weights_stay_with_their_examples():
    weights = np.arange(COUNT, dtype=np.float32) / 7
    examples = Examples(numbered_split(), RULE, weights=weights)
    for change in (None, augment(["flip"], 1)):
        for _, labels, found in examples.batches(batch=10, shuffle_seed=1, augment=change):
            np.testing.assert_array_equal(found.numpy(), weights[labels.numpy()])


def test_unknown_options_offer_the_nearest():
    with pytest.raises(UnknownName, match="did you mean 'rotate'"):
        augment(["rotat"], 1)
    assert augmentation_names(["crop", "flip", "shift"]) == ("shift", "flip")
