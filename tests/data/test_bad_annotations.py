"""Annotations that cannot be used are named by file and entry."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from annotated import (
    HEIGHT,
    WIDTH,
    as_coco,
    as_masks,
    as_voc,
    as_yolo,
    labels_by_picture,
    picture,
    things,
)
from PIL import Image

from zoo.common.errors import BadData, UsageError, ZooError
from zoo.data.opening import judged_dataset
from zoo.registry import PluginSettings, load_registry

REGISTRY = load_registry(PluginSettings(installed=False))


@pytest.fixture(autouse=True)
def _home(own_home):
    """No check of a picture is remembered."""


def opened(name: str):
    return judged_dataset(REGISTRY, name)


def message(caught) -> str:
    return f"{caught.value} {caught.value.why} {caught.value.fix}"


def changed(change):
    """A COCO dataset whose JSON was changed by a function."""

    def make(root: Path) -> str:
        name = as_coco(root)
        data = json.loads((root / "all.json").read_text())
        change(data)
        (root / "all.json").write_text(json.dumps(data))
        return name

    return make


def first(**fields):
    return changed(lambda data: data["annotations"][0].update(fields))


def lossy(root: Path) -> None:
    """No mask can be read, and no file says what the classes are."""
    (root / "classes.txt").unlink()
    for path in (root / "masks").iterdir():
        with Image.open(path) as mask:
            mask.save(path.with_suffix(".jpg"))
        path.unlink()


def yolo_line(line: str):
    def make(root: Path) -> str:
        name = as_yolo(root)
        (root / "labels" / "00.txt").write_text(line)
        return name

    return make


def voc_text(old: str, new: str):
    def make(root: Path) -> str:
        name = as_voc(root)
        path = root / "Annotations" / "00.xml"
        assert old in path.read_text()
        path.write_text(path.read_text().replace(old, new, 1))
        return name

    return make


def also(make, act):
    """A dataset whose folder was changed by a function."""

    def both(root: Path) -> str:
        name = make(root)
        act(root)
        return name

    return both


BAD = {
    "box outside": (first(bbox=[40, 1, 5, 5]), "annotation 1 of all.json: its box"),
    "box reaches out": (first(bbox=[20, 1, 25, 5]), "reaches out of the picture"),
    "no area": (first(bbox=[1, 1, 0, 5]), "has no area"),
    "three numbers": (first(bbox=[1, 1, 5]), "no four numbers"),
    "huge numbers": (first(bbox=[1, 1, 10**400, 3]), "no four numbers"),
    "unnamed category": (first(category_id=7), "has category 7, not named"),
    "no such picture": (first(image_id="x"), "is of image 'x': no such picture"),
    "two points": (first(segmentation=[[1, 1, 2, 2]]), "a polygon has 2 points"),
    "odd polygon": (first(segmentation=[[1, 1, 2]]), "which are no pairs"),
    "short runs": (
        first(segmentation={"counts": [3, 4], "size": [HEIGHT, WIDTH]}),
        "add up to 7 pixels",
    ),
    "listed twice": (
        changed(lambda data: data["images"].append({**data["images"][1], "id": 99})),
        "image 99 of all.json is listed twice: 01.png",
    ),
    "another size": (
        changed(lambda data: data["images"][2].update(height=WIDTH, width=HEIGHT)),
        "images/02.png is said to have 30 x 20 pixels, and has 20 x 30, turned",
    ),
    "no file": (
        also(as_coco, lambda root: (root / "images" / "04.png").unlink()),
        "there is no file 04.png",
    ),
    "broken picture": (
        also(as_coco, lambda root: (root / "images" / "04.png").write_bytes(b"\x89PNG rest")),
        "images/04.png: ",
    ),
    "no categories": (changed(lambda data: data["categories"].clear()), "lists no categories"),
    "category twice": (
        changed(lambda data: data["categories"].append({"id": 10, "name": "elk"})),
        "twice",
    ),
    "no coco": (
        also(as_coco, lambda root: (root / "all.json").write_text("[]")),
        "is not of COCO's form",
    ),
    "no json": (also(as_coco, lambda root: (root / "all.json").write_text("{")), "is no JSON"),
    "deep json": (
        also(as_coco, lambda root: (root / "all.json").write_text("[" * 10**6)),
        "is no JSON",
    ),
    "two jsons": (
        also(as_coco, lambda root: (root / "more.json").write_text("{}")),
        "holds 2 JSON files",
    ),
    "class number": (yolo_line("3 .5 .5 .1 .1"), "line 1 of labels/00.txt: class 3 has no name"),
    "class no number": (yolo_line("cat .5 .5 .1 .1"), "is no class with four numbers"),
    "pixels": (yolo_line("0 100 80 20 20"), "line 1 of labels/00.txt: its box"),
    "yolo area": (yolo_line("0 .5 .5 0 .1"), "has no area"),
    "yolo two points": (yolo_line("0 .5 .5 .6 .6 .7"), "which are no pairs"),
    "yolo nan": (yolo_line("0 nan .5 .6 .6"), "is no class with four numbers"),
    "rows of no picture": (
        also(as_yolo, lambda root: (root / "images" / "03.png").unlink()),
        "labels/03.txt is of no picture",
    ),
    "yaml alias": (
        also(as_yolo, lambda root: (root / "data.yaml").write_text("names: &a [x, y]\nb: *a")),
        "anchors or aliases",
    ),
    "yaml object": (
        also(
            as_yolo,
            lambda root: (root / "data.yaml").write_text("names: !!python/name:os.system ''"),
        ),
        "is no YAML",
    ),
    "yaml folder": (
        also(
            as_yolo,
            lambda root: (root / "data.yaml").write_text("names: [a, b, c]\ntrain: elsewhere"),
        ),
        "names train: elsewhere, and no pictures are there",
    ),
    "no train": (
        also(as_coco, lambda root: (root / "all.json").rename(root / "instances_val2017.json")),
        "no pictures are for train; all are for validation",
    ),
    "voc entities": (
        voc_text("<annotation>", '<!DOCTYPE a [<!ENTITY b "c">]><annotation>'),
        "Annotations/00.xml: it declares a document type or entities",
    ),
    "voc damaged": (voc_text("</annotation>", ""), "Annotations/00.xml: "),
    "voc no name": (voc_text("<name>cat</name>", ""), "object 1 of Annotations/00.xml has no name"),
    "voc no box": (voc_text("<ymax>", "<y>"), "Annotations/00.xml: "),
    "voc edges": (voc_text("<xmin>", "<xmin>9"), "object 1 of Annotations/00.xml: its box"),
    "voc no picture": (
        also(as_voc, lambda root: (root / "JPEGImages" / "03.png").unlink()),
        "Annotations/03.xml: there is no picture 03.png",
    ),
    "mask size": (
        also(
            as_masks,
            lambda root: Image.new("L", (9, 8)).save(root / "masks" / "02_mask.png"),
        ),
        "masks/02_mask.png has 8 x 9 pixels, and images/02.png 20 x 30",
    ),
    "mask value": (
        also(
            as_masks,
            lambda root: Image.new("L", (WIDTH, HEIGHT), 77).save(root / "masks" / "02_mask.png"),
        ),
        "masks/02_mask.png has values without a class: 77",
    ),
    "mask of no picture": (
        also(as_masks, lambda root: (root / "images" / "02.png").unlink()),
        "masks/02_mask.png is the mask of no picture",
    ),
    "broken mask": (
        also(as_masks, lambda root: (root / "masks" / "02_mask.png").write_bytes(b"\x89PNG")),
        "masks/02_mask.png: ",
    ),
    "masks without names in a lossy form": (also(as_masks, lossy), "_mask.jpg: it is a JPEG"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_named(case, tmp_path):
    make, says = BAD[case]
    with pytest.raises(ZooError) as caught:
        opened(make(tmp_path / "data"))
    assert says in message(caught)


def test_few_broken_ones_are_told(tmp_path, monkeypatch):
    monkeypatch.setattr("zoo.data.readers.class_folders.MAX_BROKEN", 0.1)
    dataset = opened(first(bbox=[1, 1, 0, 5])(tmp_path / "data"))
    told = [note for note in dataset.notes if note.startswith("1 annotations left out")]
    assert told
    assert "annotation 1 of all.json" in told[0]
    assert labels_by_picture(dataset)["00"][0][0] == -1


def test_pictures_without_annotations_are_no_empty_scenes(tmp_path):
    root = tmp_path / "data"
    name = as_yolo(root)
    (root / "labels" / "03.txt").unlink()
    dataset = opened(name)
    assert "03" not in labels_by_picture(dataset)
    assert any("without a .txt" in n and "images/03.png" in n for n in dataset.notes)
    assert (labels_by_picture(dataset)["05"][:, 0] == -1).all()


def test_nothing_leaves_the_folder(tmp_path):
    picture(1).save(tmp_path / "secret.png")
    make = changed(lambda data: data["images"][1].update(file_name="../secret.png"))
    with pytest.raises(BadData, match=r"no file \.\./secret.png"):
        opened(make(tmp_path / "data"))


def test_boxes_alone_are_no_masks(tmp_path):
    with pytest.raises(BadData, match="has a box alone, and no outline"):
        opened(f"{as_yolo(tmp_path / 'data')}?kind=masks")


def test_crowds_are_no_boxes_and_ignored_in_masks(tmp_path):
    name = first(iscrowd=1)(tmp_path / "data")
    assert labels_by_picture(opened(name))["00"][0][0] == -1
    _, top, left, bottom, right = things(0)[0]
    mask = labels_by_picture(opened(f"{name}?kind=masks"))["00"]
    assert (mask[top:bottom, left:right] == -1).all()


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("coco:nowhere", "there is no file or folder nowhere"),
        ("coco:.?kind=box", "boxes"),
        ("masks:.?ignore=a", "ignore=a is no value"),
        ("voc:.", "there are no"),
        ("yolo:.?size=9", "there is no data.yaml"),
    ],
)
def test_other_names_are_refused(name, says, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.txt").write_text("")
    with pytest.raises(UsageError) as caught:
        opened(name)
    assert says in message(caught)


def test_names_of_thousands_of_digits_are_no_numbers(tmp_path):
    """Python refuses to convert them, with an error that is no sentence of ours."""
    many = "9" * 5000
    (tmp_path / "coco").mkdir()
    renamed = changed(lambda data: data["categories"][0].update(name=many))
    assert many in opened(renamed(tmp_path / "coco")).classes
    (tmp_path / "masks").mkdir()
    name = as_masks(tmp_path / "masks")
    (tmp_path / "masks" / "classes.txt").write_text(f"{many} 1 2 cat\nground\n")
    with pytest.raises(BadData, match="masks"):
        opened(name)
