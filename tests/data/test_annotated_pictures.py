"""Readers of COCO, YOLO, Pascal VOC and masks: one truth in four forms, and bad input."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from zoo.common.errors import BadData, UsageError, ZooError
from zoo.data.opening import dataset_fingerprint, judged_dataset, tasks_of
from zoo.registry import PluginSettings, load_registry

REGISTRY = load_registry(PluginSettings(installed=False))
CLASSES = ("cat", "dog", "owl")
HEIGHT, WIDTH = 20, 30
COUNT = 24


@pytest.fixture(autouse=True)
def _home(own_home):
    """No check of a picture is remembered."""


def things(number: int) -> list[tuple[int, int, int, int, int]]:
    """Class, top, left, bottom, right in pixels; every sixth picture is empty."""
    if number % 6 == 5:
        return []
    random = np.random.default_rng(number)
    found = []
    for row in range(1 + number % 2):
        top, left = 10 * row + int(random.integers(0, 4)), int(random.integers(0, 12))
        down, across = int(random.integers(2, 6)), int(random.integers(3, 15))
        found.append(((number + row) % 3, top, left, top + down, left + across))
    return found


def mask_of(number: int) -> np.ndarray:
    mask = np.zeros((HEIGHT, WIDTH), np.uint8)
    for label, top, left, bottom, right in things(number):
        mask[top:bottom, left:right] = label + 1
    return mask


def picture(number: int) -> Image.Image:
    values = np.random.default_rng(100 + number).integers(0, 255, (HEIGHT, WIDTH, 3))
    return Image.fromarray(values.astype(np.uint8))


def pictures_in(folder: Path, numbers=range(COUNT)) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for number in numbers:
        picture(number).save(folder / f"{number:02d}.png")


def coco_of(numbers, outlines: str = "polygons") -> dict:
    images, annotations = [], []
    for number in numbers:
        images.append(
            {"id": number, "file_name": f"{number:02d}.png", "height": HEIGHT, "width": WIDTH}
        )
        for label, top, left, bottom, right in things(number):
            shape = [[left, top, right, top, right, bottom, left, bottom]]
            if outlines == "runs":
                inside = np.zeros((HEIGHT, WIDTH), np.uint8)
                inside[top:bottom, left:right] = 1
                flat = np.concatenate([[0], inside.T.reshape(-1)])
                ends = [*np.flatnonzero(np.diff(flat)), HEIGHT * WIDTH]
                counts = np.diff([0, *ends]).tolist()
                shape = {"counts": counts, "size": [HEIGHT, WIDTH]}
            annotations.append(
                {
                    "id": len(annotations) + 1,
                    "image_id": number,
                    "category_id": 10 * (label + 1),
                    "bbox": [left, top, right - left, bottom - top],
                    "segmentation": shape,
                    "iscrowd": 0,
                }
            )
    names = [{"id": 10 * (label + 1), "name": name} for label, name in enumerate(CLASSES)]
    return {"images": images, "annotations": annotations, "categories": names}


def as_coco(root: Path, outlines: str = "polygons") -> str:
    pictures_in(root / "images")
    (root / "all.json").write_text(json.dumps(coco_of(range(COUNT), outlines)))
    return f"coco:{root}"


def yolo_rows(number: int, polygons: bool = False) -> str:
    lines = []
    for label, top, left, bottom, right in things(number):
        if polygons:
            corners = [(left, top), (right, top), (right, bottom), (left, bottom)]
            numbers = [v for x, y in corners for v in (x / WIDTH, y / HEIGHT)]
        else:
            numbers = [
                (left + right) / 2 / WIDTH,
                (top + bottom) / 2 / HEIGHT,
                (right - left) / WIDTH,
                (bottom - top) / HEIGHT,
            ]
        lines.append(" ".join(map(str, (label, *numbers))))
    return "\n".join(lines)


def as_yolo(root: Path, polygons: bool = False) -> str:
    pictures_in(root / "images")
    (root / "labels").mkdir()
    (root / "data.yaml").write_text(f"names: [{', '.join(CLASSES)}]\n")
    for number in range(COUNT):
        (root / "labels" / f"{number:02d}.txt").write_text(yolo_rows(number, polygons))
    return f"yolo:{root}"


def voc_of(number: int) -> str:
    found = "".join(
        f"<object><name>{CLASSES[label]}</name><bndbox><xmin>{left + 1}</xmin><ymin>{top + 1}"
        f"</ymin><xmax>{right}</xmax><ymax>{bottom}</ymax></bndbox></object>"
        for label, top, left, bottom, right in things(number)
    )
    return (
        f"<annotation><filename>{number:02d}.png</filename><size><width>{WIDTH}</width>"
        f"<height>{HEIGHT}</height><depth>3</depth></size>{found}</annotation>"
    )


def as_voc(root: Path) -> str:
    pictures_in(root / "JPEGImages")
    (root / "Annotations").mkdir()
    for number in range(COUNT):
        (root / "Annotations" / f"{number:02d}.xml").write_text(voc_of(number))
    return f"voc:{root}"


def as_masks(root: Path, colours: bool = False) -> str:
    pictures_in(root / "images")
    (root / "masks").mkdir()
    for number in range(COUNT):
        mask = Image.fromarray(mask_of(number))
        if colours:
            table = np.array([[0, 0, 0], [200, 0, 0], [0, 200, 0], [9, 9, 200]], np.uint8)
            mask = Image.fromarray(table[mask_of(number)])
        mask.save(root / "masks" / f"{number:02d}_mask.png")
    lines = ["background", *CLASSES]
    if colours:
        lines = ["0 0 0 background", "200 0 0 cat", "0 200 0 dog", "9 9 200 owl"]
    (root / "classes.txt").write_text("\n".join(lines))
    return f"masks:{root}"


def opened(name: str):
    return judged_dataset(REGISTRY, name)


def labels_by_picture(dataset) -> dict[str, np.ndarray]:
    return {
        Path(path).stem: labels
        for split in dataset.splits.values()
        for path, labels in zip(split.names, split.labels, strict=True)
    }


def message(caught) -> str:
    return f"{caught.value} {caught.value.why} {caught.value.fix}"


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
