"""Scenes of clothes: the same on every machine, with boxes and masks of what is visible."""

from __future__ import annotations

import functools
import itertools
from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from makers import fuzz

from zoo.common.errors import UnknownName, UsageError
from zoo.data.fashion_mnist import open_fashion_mnist
from zoo.data.fashion_scenes import open_scenes
from zoo.data.naming import dataset_name, tag_of
from zoo.data.opening import data_for_task, judged_dataset, open_dataset, tasks_of
from zoo.data.readers import fashion_files as files
from zoo.data.readers import scene_files
from zoo.data.readers.integer_images import Draws, block_means, resized
from zoo.data.readers.photographs import photographs
from zoo.data.readers.scenes import MOST_ITEMS, compose
from zoo.registry import PluginSettings, load_registry

REGISTRY = load_registry(PluginSettings(installed=False))
GOLDEN_BOXES = "b2e8c58ae6f076ca788b5d8ac06e2d926739602739fe24c1327b5405bcf31e1f"
GOLDEN_MASKS = "a024a8b6d03adf34a79d507b863225a3d0ad152cd8b3260ae2d9241a42ceb3d8"

pytestmark = pytest.mark.skipif(
    not all((files.DEBIAN_FOLDER / file.name).is_file() for file in files.FILES),
    reason="the Debian package dataset-fashion-mnist is not installed",
)


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ZOO_HOME", str(tmp_path_factory.mktemp("home")))
        patch.setattr(scene_files, "open_fashion_mnist", functools.cache(open_fashion_mnist))
        yield


@pytest.fixture(scope="module")
def boxes(home):
    return judged_dataset(REGISTRY, "fashion_scenes?size=48&count=40")


@pytest.fixture(scope="module")
def masks(boxes):
    return judged_dataset(REGISTRY, "fashion_scenes?count=40&kind=masks&size=48")


def test_content_is_pinned(boxes, masks):
    assert boxes.content_hash == GOLDEN_BOXES
    assert masks.content_hash == GOLDEN_MASKS


def test_boxes_are_the_edges_of_what_masks_show(boxes, masks):
    seen = 0
    for name, split in boxes.splits.items():
        shown = masks.splits[name]
        assert split.labels.shape[1:] == (MOST_ITEMS, 5)
        assert shown.labels.dtype == np.int8
        for rows, mask in zip(split.labels, shown.labels, strict=True):
            real = rows[rows[:, 0] >= 0]
            assert (rows[len(real) :] == [-1, 0, 0, 0, 0]).all()
            assert {int(c) + 1 for c in real[:, 0]} == {*np.unique(mask).tolist()} - {0}
            covered = np.zeros(mask.shape, bool)
            for label, *edges in real:
                top, left, bottom, right = (round(48 * float(edge)) for edge in edges)
                inside = mask[top:bottom, left:right] == label + 1
                # An edge that shows nothing of the class would be too far out.
                assert all(edge.any() for edge in (*inside[[0, -1]], *inside[:, [0, -1]].T))
                covered[top:bottom, left:right] = True
                seen += 1
            assert (mask[~covered] == 0).all()
    assert seen > 60


def test_some_scenes_are_empty_and_most_hold_several(boxes):
    counts = (boxes.splits["train"].labels[:, :, 0] >= 0).sum(axis=1)
    assert {0, 1, MOST_ITEMS} <= {*counts.tolist()}


def test_no_photograph_and_no_item_is_in_two_splits():
    names = [[one.name for one in photographs(split)] for split in ("train", "validation", "test")]
    assert all(names)
    assert max(Counter(itertools.chain(*names)).values()) == 1
    # Scenes of a split draw from the same split of fashion_mnist, which shares no item either.
    drawn: list[int] = []

    def item(index):
        drawn.append(index)
        return np.full((9, 7), 200, np.uint8), 0

    ground = np.zeros((64, 64, 3), np.uint8)
    for number in range(30):
        compose((1, number), 32, [ground], item, 50)
    assert len({*drawn}) > 20
    assert {*drawn} <= {*range(50)}


def test_a_smaller_count_is_the_beginning_of_a_larger_one(boxes):
    fewer = open_scenes("?size=48&count=5").splits["train"]
    assert (fewer.read(4) == boxes.splits["train"].read(4)).all()
    assert (fewer.labels == boxes.splits["train"].labels[:5]).all()


def test_damaged_files_of_the_cache_are_made_anew(boxes):
    whole = open_scenes("?size=48&count=5").content_hash
    for path in (scene_files.cache_folder() / "scenes").glob("*/train/pixels.npy"):
        if path.stat().st_size < 6 * 48 * 48 * 3:
            path.write_bytes(path.read_bytes()[:500])
    found = open_scenes("?size=48&count=5")
    assert found.content_hash == whole
    assert found.splits["train"].read(4).any()


def test_the_task_decides_which_labels_are_read():
    def named(name, task):
        return data_for_task(REGISTRY, name, task)

    assert named("fashion_scenes", "object-detection") == "fashion_scenes"
    assert named("fashion_scenes", "semantic-segmentation") == "fashion_scenes?kind=masks"
    sized = named("fashion_scenes?size=64", "semantic-segmentation")
    assert sized == "fashion_scenes?size=64&kind=masks"
    assert named(sized, "object-detection") == sized
    assert tasks_of(REGISTRY, sized) == ("semantic-segmentation",)
    assert tasks_of(REGISTRY, "fashion_scenes?kind=boxes") == ("object-detection",)
    assert len(tasks_of(REGISTRY, "fashion_scenes")) == 2


def test_names_of_weights_leave_out_what_the_task_says():
    tags = [
        tag_of(REGISTRY, f"fashion_scenes{options}")
        for options in ("", "?kind=masks", "?size=96", "?count=20&kind=masks")
    ]
    assert tags == ["fashion_scenes", "fashion_scenes", "fashion_scenes", "fashion_scenes-count_20"]
    assert str(dataset_name(REGISTRY, "fashion_scenes?size=64")) == "fashion_scenes?size=64"


@pytest.mark.parametrize(
    ("name", "error", "says"),
    [
        ("fashion_scenes?size=9", UsageError, "size=9 is not from 32 to 512"),
        ("fashion_scenes?count=0", UsageError, "count=0 is not a whole number"),
        ("fashion_scenes?count=9999999", UsageError, "more than 100,000"),
        ("fashion_scenes?kind=mask", UnknownName, "masks"),
        ("fashion_scenes?sise=64", UnknownName, "size"),
        ("fashion_scenes:64", UsageError, "takes no argument after a colon"),
        ("digits?size=64", UsageError, "takes no argument"),
        ("folder?group=1", UsageError, "folder:PATH"),
        ("fashion_scene", UnknownName, "fashion_scenes"),
    ],
)
def test_other_names_are_refused(name, error, says):
    with pytest.raises(error) as caught:
        open_dataset(REGISTRY, name)
    assert says in f"{caught.value} {caught.value.why} {caught.value.fix}"


@fuzz
@given(st.integers(1, 40), st.integers(1, 40), st.integers(1, 60), st.integers(1, 60), st.data())
def test_resizing_in_whole_numbers_is_bilinear(height, width, to_height, to_width, data):
    seed = data.draw(st.integers(0, 1000))
    values = np.random.default_rng(seed).integers(0, 256, (height, width), dtype=np.uint8)
    found = resized(values, to_height, to_width)
    assert found.shape == (to_height, to_width)
    assert values.min() <= found.min() <= found.max() <= values.max()
    down = np.clip((np.arange(to_height) + 0.5) * height / to_height - 0.5, 0, height - 1)
    right = np.clip((np.arange(to_width) + 0.5) * width / to_width - 0.5, 0, width - 1)
    columns = np.stack([np.interp(right, np.arange(width), row) for row in values])
    exact = np.stack([np.interp(down, np.arange(height), row) for row in columns.T]).T
    assert np.abs(found - exact).max() <= 3


def test_block_means_are_rounded():
    values = np.array([[[0], [1]], [[1], [0]], [[255], [254]], [[255], [255]]], np.uint8)
    assert block_means(values, 2).reshape(-1).tolist() == [1, 255]


def test_draws_keep_their_limits_and_seeds():
    draws = Draws(1, 2)
    values = [draws.between(-3, 4) for _ in range(500)]
    assert {*values} == {*range(-3, 5)}
    again, other = Draws(1, 2), Draws(1, 3)
    assert [again.between(-3, 4) for _ in range(50)] == values[:50]
    assert [other.between(-3, 4) for _ in range(50)] != values[:50]
