"""COCO's JSON: boxes, polygons and run lengths."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from zoo.common.errors import BadData, UsageError
from zoo.common.shown_text import printable
from zoo.contracts.dataset import IGNORED
from zoo.data.annotations.files import Files
from zoo.data.annotations.records import (
    AnnotatedPicture,
    Annotations,
    Polygons,
    RunLengths,
    Thing,
    polygon_of,
    real_numbers,
)
from zoo.data.annotations.shapes import run_lengths
from zoo.data.readers.folder_names import split_of_any
from zoo.data.readers.listing import class_order

#: Beginnings of names of COCO's files that hold no boxes of things.
_OTHERS = ("captions_", "person_keypoints_", "image_info_", "panoptic_", "stuff_")
_FORM = "COCO's JSON is an object with images, annotations and categories"


def read_coco(files: Files) -> Annotations:
    """Reads one JSON file, or one for each split.

    Raises:
        UsageError: There is no such file.
        BadData: A file is no JSON of COCO's form, or two are of one split.
    """
    found = Annotations(root=files.root)
    read = [(name, split, _load(files.root, name)) for name, split in _named(files)]
    names = sorted(
        {one for name, _, data in read for one in _categories(data, name).values()}, key=class_order
    )
    if len(read) == 1:  # one file says in which order
        names = list(dict.fromkeys(_categories(read[0][2], read[0][0]).values()))
    found.classes = tuple(names)
    for name, split, data in read:
        _read(found, files, name, split, data)
    found.notes += files.unused_note([picture.path for picture in found.pictures])
    return found


def _named(files: Files) -> list[tuple[str, str | None]]:
    """The JSON files below the root, and the split that each is for."""
    if files.named:
        return [(files.named, None)]
    names = [
        name
        for name in files.paths
        if name.lower().endswith(".json") and not Path(name).name.startswith(_OTHERS)
    ]
    if not names:
        raise UsageError(
            f"there is no JSON file in {files.root}", why=_FORM, fix="--data coco:FILE.json"
        )
    given = {name: _split(name) for name in names}
    if len(names) == 1:
        return [(names[0], given[names[0]])]
    if None in given.values() or len({*given.values()}) < len(names):
        raise BadData(
            f"{files.root} holds {len(names)} JSON files: {', '.join(map(printable, names[:6]))}",
            why="which is for train, validation and test does not follow from their names",
            fix=f"name one: coco:{files.root.name}/{names[0]}; or call them train.json, val.json",
        )
    return [*given.items()]


def _split(name: str) -> str | None:
    path = Path(name)
    stem = path.stem.removeprefix("instances_").removesuffix(".coco")
    return split_of_any([stem, *reversed(path.parent.parts)])


def _load(root: Path, name: str) -> Mapping[str, Any]:
    try:
        data = json.loads((root / name).read_bytes())
    except (ValueError, RecursionError) as error:
        raise BadData(f"{printable(name)} is no JSON: {error}", fix="export it anew") from error
    except OSError as error:
        raise BadData(f"{printable(name)} cannot be read", why=str(error)) from error
    parts = ("images", "annotations", "categories")
    if not isinstance(data, dict) or not all(isinstance(data.get(key), list) for key in parts):
        raise BadData(
            f"{printable(name)} is not of COCO's form", why=_FORM, fix="export it as COCO JSON"
        )
    return data


def _categories(data: Mapping[str, Any], name: str) -> dict[Any, str]:
    """Names by id, in order of their ids."""
    found: dict[Any, str] = {}
    for number, entry in enumerate(data["categories"]):
        own = entry if isinstance(entry, dict) else {}
        key, title = own.get("id"), own.get("name")
        if not isinstance(key, int | str) or not isinstance(title, str) or not title.strip():
            raise BadData(
                f"category {number} of {printable(name)} has no id and name",
                fix='write {"id": 1, "name": "cat"}',
            )
        if key in found or title in found.values():
            raise BadData(
                f"{printable(name)} lists the category {title!r} or its id {key!r} twice",
                fix="keep one",
            )
        found[key] = title
    if not found:
        raise BadData(f"{printable(name)} lists no categories", why=_FORM)
    return dict(sorted(found.items(), key=lambda pair: class_order(str(pair[0]))))


def _read(
    found: Annotations, files: Files, name: str, split: str | None, data: Mapping[str, Any]
) -> None:
    ids = {key: found.classes.index(one) for key, one in _categories(data, name).items()}
    pictures = _pictures(found, files, name, split, data)
    crowds = 0
    for number, entry in enumerate(data["annotations"]):
        own = entry if isinstance(entry, dict) else {}
        shown = f"annotation {own.get('id', f'number {number}')!r:.40} of {printable(name)}"
        picture = _known(pictures, own.get("image_id"))
        if picture is None:
            found.broken.append(f"{shown} is of image {own.get('image_id')!r:.40}: no such picture")
            continue
        label = _known(ids, own.get("category_id"))
        if label is None:
            found.broken.append(f"{shown} has category {own.get('category_id')!r:.40}, not named")
            continue
        crowd = own.get("iscrowd") in (1, True)
        crowds += crowd
        shape = _shape(own.get("segmentation"))
        if isinstance(shape, str):
            found.broken.append(f"{shown}: {shape}")
            continue
        box = None
        if own.get("bbox") not in (None, []) and not crowd:
            numbers = real_numbers(own["bbox"], 4)
            if numbers is None:
                found.broken.append(f"{shown}: its bbox is {own['bbox']!r:.60}, no four numbers")
                continue
            x, y, width, height = numbers
            box = (y, x, y + height, x + width)
        label = IGNORED if crowd else label
        picture.things.append(Thing(name=shown, label=label, box=box, shape=shape))
    found.entries += len(data["annotations"])
    if crowds:
        found.notes.append(
            f"{crowds} crowds of {printable(name)} are no boxes, and ignored in masks"
        )


def _known(table: Mapping[Any, Any], key: Any) -> Any:
    return table.get(key) if isinstance(key, int | str) else None


def _pictures(
    found: Annotations, files: Files, name: str, split: str | None, data: Mapping[str, Any]
) -> dict[Any, AnnotatedPicture]:
    """The pictures that are there, by id."""
    pictures: dict[Any, AnnotatedPicture] = {}
    listed = {picture.path for picture in found.pictures}
    for number, own in _entries(data["images"]):
        key, title = own.get("id"), own.get("file_name")
        shown = f"image {own.get('id', f'number {number}')!r:.40} of {printable(name)}"
        if not isinstance(key, int | str) or not isinstance(title, str):
            found.lost.append(f"{shown} has no id and file_name")
            continue
        path = files.picture(title, name)
        if path is None:
            found.lost.append(f"{shown}: there is no file {printable(title)}")
        elif key in pictures or path in listed:
            found.lost.append(f"{shown} is listed twice: {printable(title)}")
        else:
            height, width = own.get("height"), own.get("width")
            pictures[key] = AnnotatedPicture(
                path=path,
                split=split,
                size=(height, width) if type(height) is int and type(width) is int else None,
            )
            listed.add(path)
    found.pictures += pictures.values()
    return pictures


def _entries(values: list[Any]) -> Iterator[tuple[int, Mapping[str, Any]]]:
    for number, entry in enumerate(values):
        yield number, entry if isinstance(entry, dict) else {}


def _shape(given: Any) -> Polygons | RunLengths | str | None:
    """The segmentation of an annotation, or what is wrong with it."""
    if given in (None, [], {}):
        return None
    if isinstance(given, dict):
        return run_lengths(given.get("counts"), given.get("size"))
    if not isinstance(given, list):
        return "its segmentation is neither polygons nor run lengths"
    polygons = []
    for one in given:
        numbers = real_numbers(one)
        polygon = "a polygon is no row of numbers" if numbers is None else polygon_of(numbers)
        if isinstance(polygon, str):
            return polygon
        polygons.append(polygon)
    return tuple(polygons)
