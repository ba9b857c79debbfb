"""YOLO's form: a .txt file of rows beside each picture, and data.yaml with the names."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Mapping, Sequence
from typing import Any

from zoo.common.errors import BadData, UsageError
from zoo.common.optional_imports import require
from zoo.common.shown_text import printable
from zoo.data.annotations.files import Files
from zoo.data.annotations.records import (
    AnnotatedPicture,
    Annotations,
    Thing,
    polygon_of,
    written_number,
)
from zoo.data.readers.class_folders import note
from zoo.data.readers.folder_names import split_of_any

_NAMES = ("data.yaml", "data.yml", "dataset.yaml", "dataset.yml", "classes.txt")
_FORM = 'names: ["cat", "dog"], train: images/train, val: images/val'
_KEYS = {"train": "train", "val": "validation", "test": "test"}


def read_yolo(files: Files) -> Annotations:
    """Reads the names, and the rows of every picture.

    A picture with an empty .txt has nothing in it; one without is left out.

    Raises:
        UsageError: No file says what the classes are called.
        BadData: It cannot be read, or there are no rows.
    """
    source = _source(files)
    found = Annotations(root=files.root, in_pixels=False)
    given: Mapping[str, str] = {}
    if source.endswith(".txt"):
        found.classes = tuple(filter(None, map(str.strip, files.text(source).splitlines())))
    else:
        settings = _yaml(files, source)
        found.classes = _classes(settings.get("names"), source)
        given = _given(settings, files, source)
    if not found.classes or len({*found.classes}) < len(found.classes):
        raise BadData(f"{source} names no classes, or one twice", fix=f"write {_FORM}")
    bare, used = [], set()
    for path in files.pictures:
        split = given.get(path) if given else split_of_any(path.split("/")[:-1])
        if given and split is None:
            continue
        rows = _rows(files, path)
        if rows is None:
            bare.append(path)
            continue
        used.add(rows)
        picture = AnnotatedPicture(path=path, split=split)
        _read(found, picture, rows, files.text(rows))
        found.pictures.append(picture)
    # Some programs put their list of names beside the rows.
    texts = [p for p in files.paths if p.endswith(".txt") and "labels/" in f"/{p}"]
    texts = [p for p in texts if posixpath.basename(p) != "classes.txt"]
    found.lost += [f"{printable(p)} is of no picture" for p in texts if not given and p not in used]
    found.notes += note(
        "pictures without a .txt, left out (an empty one says that nothing is there)",
        [printable(path) for path in bare],
    )
    return found


def _source(files: Files) -> str:
    if files.named:
        return files.named
    source = next((name for name in _NAMES if name in files.paths), None)
    source = source or next((name for name in files.paths if name.endswith("classes.txt")), None)
    if source is None:
        raise UsageError(
            f"there is no data.yaml in {files.root}",
            why="it says what the classes are called",
            fix=f"write one: {_FORM}",
        )
    return source


def _yaml(files: Files, name: str) -> Mapping[str, Any]:
    yaml, text = require("yaml"), files.text(name)
    try:
        # An alias can make gigabytes of a few lines, and no such file needs one.
        marks = yaml.AnchorToken, yaml.AliasToken
        if any(isinstance(token, marks) for token in yaml.scan(text, Loader=yaml.SafeLoader)):
            raise BadData(f"{printable(name)} has anchors or aliases", fix="write their values out")
        settings = yaml.safe_load(text)
        # Classes may be called yes and no, which would be true and false.
        words = yaml.load(text, Loader=yaml.BaseLoader)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        reason = " ".join(str(error).split())
        raise BadData(f"{printable(name)} is no YAML: {reason}", fix=f"write {_FORM}") from error
    if not isinstance(settings, dict):
        raise BadData(f"{printable(name)} holds no settings", fix=f"write {_FORM}")
    return {**settings, "names": words.get("names")}


def _classes(names: Any, source: str) -> tuple[str, ...]:
    if isinstance(names, dict):
        numbered = {str(number): number for number in range(len(names))}
        if names.keys() != numbered.keys():
            shown = ", ".join(map(str, names))
            raise BadData(
                f"the names of {source} are numbered {shown:.60}, not 0 to {len(names) - 1}",
                fix=f"write {_FORM}",
            )
        names = [names[key] for key in numbered]
    if not isinstance(names, list) or not names:
        raise BadData(f"{source} has no names", fix=f"write {_FORM}")
    return tuple(str(name) for name in names)


def _given(settings: Mapping[str, Any], files: Files, source: str) -> dict[str, str]:
    """The split of each picture that the settings name; nothing where they name no folder."""
    found: dict[str, str] = {}
    base = settings.get("path")
    for key, split in _KEYS.items():
        entries = settings.get(key) or settings.get("valid" if key == "val" else key)
        for entry in entries if isinstance(entries, list) else [entries] if entries else []:
            own = _pictures_of(str(entry), str(base or ""), files, source)
            if not own and key != "test":
                raise BadData(
                    f"{source} names {key}: {entry}, and no pictures are there",
                    why=f"paths are looked for below {files.root}",
                    fix=f"correct {key} in {source}",
                )
            for path in own:
                if found.setdefault(path, split) != split:
                    raise BadData(
                        f"{source} has {printable(path)} in {found[path]} and in {split}",
                        why="a picture in two splits is measured on what was learnt",
                        fix=f"correct {key} in {source}",
                    )
    return found


def _pictures_of(entry: str, base: str, files: Files, source: str) -> list[str]:
    """Pictures in a folder, or of a list, that settings name."""
    for start in (posixpath.dirname(source), base):
        place = posixpath.normpath(posixpath.join(start, entry.replace("\\", "/")))
        # Exports write ../train/images for what lies beside the settings.
        place = re.sub(r"^(\.\./)+", "", place)
        if place in files.paths and place.endswith(".txt"):
            names = files.text(place).splitlines()
            found = (files.picture(name.strip(), place) for name in names if name.strip())
            return [path for path in found if path is not None]
        inside = [p for p in files.pictures if place == "." or p.startswith(f"{place}/")]
        if inside:
            return inside
    return []


def _rows(files: Files, path: str) -> str | None:
    """The .txt of a picture."""
    text = f"{posixpath.splitext(path)[0]}.txt"
    places = [text]
    if "images/" in text:
        head, _, tail = text.rpartition("images/")
        places.insert(0, f"{head}labels/{tail}")
    return next((place for place in places if place in files.paths), None)


def _read(found: Annotations, picture: AnnotatedPicture, name: str, text: str) -> None:
    for number, line in enumerate(text.splitlines(), 1):
        parts = line.split()
        if not parts:
            continue
        found.entries += 1
        shown = f"line {number} of {printable(name)}"
        thing = _thing(shown, parts, len(found.classes))
        if isinstance(thing, str):
            found.broken.append(f"{shown}: {thing}")
        else:
            picture.things.append(thing)


def _thing(shown: str, parts: Sequence[str], classes: int) -> Thing | str:
    values = [written_number(part) for part in parts]
    numbers = [value for value in values if value is not None]
    if len(numbers) < len(values) or len(numbers) < 5:
        return f"{' '.join(parts)[:60]!r} is no class with four numbers or a polygon"
    label, *rest = numbers
    if label != int(label) or not 0 <= label < classes:
        return f"class {parts[0][:20]} has no name; there are 0 to {classes - 1}"
    if len(rest) == 4:
        x, y, width, height = rest
        box = (y - height / 2, x - width / 2, y + height / 2, x + width / 2)
        return Thing(name=shown, label=int(label), box=box)
    polygon = polygon_of(rest)
    if isinstance(polygon, str):
        return polygon
    (left, top), (right, bottom) = polygon.min(axis=0).tolist(), polygon.max(axis=0).tolist()
    return Thing(name=shown, label=int(label), box=(top, left, bottom, right), shape=(polygon,))
