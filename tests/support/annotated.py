"""Small annotated datasets of the same pictures in every form."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from PIL import Image

CLASSES = ("cat", "dog", "owl")
HEIGHT, WIDTH = 20, 30
COUNT = 24


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


def labels_by_picture(dataset) -> dict[str, np.ndarray]:
    return {
        Path(path).stem: labels
        for split in dataset.splits.values()
        for path, labels in zip(split.names, split.labels, strict=True)
    }
