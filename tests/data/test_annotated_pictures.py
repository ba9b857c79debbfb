"""Readers of COCO, YOLO, Pascal VOC and masks: one truth in four forms."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from annotated import (
    CLASSES,
    COUNT,
    HEIGHT,
    WIDTH,
    as_coco,
    as_masks,
    as_voc,
    as_yolo,
    coco_of,
    labels_by_picture,
    mask_of,
    picture,
    pictures_in,
    things,
    yolo_rows,
)
from PIL import Image

from zoo.common.errors import BadData
from zoo.data.opening import dataset_fingerprint, judged_dataset, tasks_of
from zoo.registry import PluginSettings, load_registry

REGISTRY = load_registry(PluginSettings(installed=False))


@pytest.fixture(autouse=True)
def _home(own_home):
    """No check of a picture is remembered."""


def opened(name: str):
    return judged_dataset(REGISTRY, name)


@pytest.mark.parametrize("make", [as_coco, as_yolo, as_voc], ids=["coco", "yolo", "voc"])
def test_boxes_are_the_same_in_every_form(make, tmp_path):
    dataset = opened(make(tmp_path / "data"))
    assert dataset.classes == CLASSES
    found = labels_by_picture(dataset)
    assert len(found) == COUNT
    for number in range(COUNT):
        rows = found[f"{number:02d}"]
        scale = (1, HEIGHT, WIDTH, HEIGHT, WIDTH)
        real = [row * scale for row in rows if row[0] >= 0]
        np.testing.assert_allclose(np.reshape(real, (-1, 5)), np.reshape(things(number), (-1, 5)))
        assert all((row == [-1, 0, 0, 0, 0]).all() for row in rows[len(real) :])
    assert any("4 pictures are annotated as empty" in note for note in dataset.notes)


@pytest.mark.parametrize(
    "make",
    [
        lambda root: f"{as_coco(root)}?kind=masks",
        lambda root: f"{as_coco(root, 'runs')}?kind=masks",
        lambda root: f"{as_yolo(root, polygons=True)}?kind=masks",
        as_masks,
        lambda root: as_masks(root, colours=True),
    ],
    ids=["polygons", "runs", "yolo", "grey", "colours"],
)
def test_masks_are_the_same_in_every_form(make, tmp_path):
    name = make(tmp_path / "data")
    dataset = opened(name)
    assert dataset.classes == ("background", *CLASSES)
    assert tasks_of(REGISTRY, name) == ("semantic-segmentation",)
    for picture_name, mask in labels_by_picture(dataset).items():
        assert mask.dtype == np.int8
        assert np.array_equal(mask, mask_of(int(picture_name))), picture_name
    again = opened(name)  # from the cache
    assert again.content_hash == dataset.content_hash


def test_masks_of_another_size_have_the_nearest_class(tmp_path):
    found = labels_by_picture(opened(f"{as_masks(tmp_path / 'data')}?size=10"))
    rows, columns = (2 * np.arange(10) + 1) * 20 // 20, (2 * np.arange(10) + 1) * 30 // 20
    for name, mask in found.items():
        assert np.array_equal(mask, mask_of(int(name))[rows[:, None], columns])


def test_values_without_names_and_ignored_ones(tmp_path):
    name = as_masks(tmp_path / "data")
    (tmp_path / "data" / "classes.txt").unlink()
    assert opened(name).classes == ("background", "1", "2", "3")
    ignoring = opened(f"{name}?ignore=2")
    assert ignoring.classes == ("background", "1", "3")
    for picture_name, mask in labels_by_picture(ignoring).items():
        assert np.array_equal(mask == -1, mask_of(int(picture_name)) == 2)


def test_greys_are_ignored_in_every_form_and_colours_by_name(tmp_path):
    name = as_masks(tmp_path / "data", colours=True)
    (tmp_path / "data" / "classes.txt").unlink()
    assert opened(name).classes == ("background", "#00c800", "#0909c8", "#c80000")
    blue = opened(f"{name}?ignore=#0000ff, 255,#0909c8")
    assert blue.classes == ("background", "#00c800", "#c80000")
    for picture_name, mask in labels_by_picture(blue).items():
        assert np.array_equal(mask == -1, mask_of(int(picture_name)) == 3)
    for path in (tmp_path / "data" / "masks").iterdir():
        number = int(path.stem[:2])
        grey = np.where(mask_of(number) == 3, 255, mask_of(number)).astype(np.uint8)
        Image.fromarray(grey if number % 2 else np.repeat(grey[..., None], 3, axis=2)).save(path)
    ignoring = opened(f"{name}?ignore=255")
    assert ignoring.classes == ("background", "1", "2")
    for picture_name, mask in labels_by_picture(ignoring).items():
        assert np.array_equal(mask == -1, mask_of(int(picture_name)) == 3)


@pytest.mark.parametrize("ending", ["_L", "_seg", "-label"])
def test_pictures_may_end_as_masks_do(ending, tmp_path):
    name = as_masks(tmp_path / "data")
    for path in (tmp_path / "data").glob("*/*.png"):
        path.rename(path.with_name(f"{path.stem.removesuffix('_mask')}{ending}.png"))
    found = labels_by_picture(opened(name))
    assert len(found) == COUNT
    for picture_name, mask in found.items():
        assert np.array_equal(mask, mask_of(int(picture_name.removesuffix(ending))))


def test_palettes_count_by_index(tmp_path):
    name = as_masks(tmp_path / "data")
    for path in (tmp_path / "data" / "masks").iterdir():
        with Image.open(path) as mask:
            coloured = Image.fromarray(np.asarray(mask), mode="P")
            coloured.putpalette([255, 255, 255, 9, 9, 9, 200, 0, 0, 0, 200, 0])
        coloured.save(path)
    for picture_name, mask in labels_by_picture(opened(name)).items():
        assert np.array_equal(mask, mask_of(int(picture_name)))


def test_given_splits_are_kept(tmp_path):
    coco, yolo, voc = (tmp_path / name for name in ("coco", "yolo", "voc"))
    parts = {"train": range(14), "val": range(14, 19), "test": range(19, COUNT)}
    for name, numbers in parts.items():
        pictures_in(coco / f"{name}2017", numbers)
        (coco / "annotations").mkdir(exist_ok=True)
        (coco / "annotations" / f"instances_{name}2017.json").write_text(
            json.dumps(coco_of(numbers))
        )
        pictures_in(yolo / name / "images", numbers)
        (yolo / name / "labels").mkdir()
        for number in numbers:
            (yolo / name / "labels" / f"{number:02d}.txt").write_text(yolo_rows(number))
    (yolo / "data.yaml").write_text(
        "train: ../train/images\nval: ../val/images\ntest: ../test/images\n"
        "names:\n  0: cat\n  1: dog\n  2: owl\n"
    )
    as_voc(voc)
    (voc / "ImageSets" / "Main").mkdir(parents=True)
    for name, numbers in parts.items():
        text = "".join(f"{number:02d}\n" for number in numbers)
        (voc / "ImageSets" / "Main" / f"{name}.txt").write_text(text)
    for data in (f"coco:{coco}", f"yolo:{yolo}", f"voc:{voc}"):
        sizes = {name: len(split) for name, split in opened(data).splits.items()}
        assert sizes == {"train": 14, "validation": 5, "test": 5}, data
    (coco / "annotations" / "instances_test2017.json").unlink()
    found = opened(f"coco:{coco}")
    assert {Path(path).stem for path in found.splits["test"].names} == {
        f"{number:02d}" for number in parts["val"]
    }


def test_a_copy_in_two_splits_is_refused(tmp_path):
    root = tmp_path / "data"
    for name, numbers in {"train": range(14), "val": range(14, 19), "test": range(19, 24)}.items():
        pictures_in(root / name, numbers)
        (root / name / "_annotations.coco.json").write_text(json.dumps(coco_of(numbers)))
    picture(3).save(root / "test" / "20.png")
    with pytest.raises(BadData, match=r"train/03.png = test/20.png"):
        opened(f"coco:{root}")


def test_fingerprints_follow_files(tmp_path):
    name = as_yolo(tmp_path / "data")
    before = dataset_fingerprint(REGISTRY, name)
    (tmp_path / "data" / "labels" / "03.txt").write_text("")
    assert dataset_fingerprint(REGISTRY, name) != before
