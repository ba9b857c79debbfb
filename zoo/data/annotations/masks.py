"""Folders of pictures and of masks beside them, in grey values, palettes or colours."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zoo.common.errors import BadData, UsageError
from zoo.common.optional_imports import require
from zoo.common.shown_text import printable
from zoo.data.annotations.files import Files
from zoo.data.annotations.records import AnnotatedPicture, Annotations
from zoo.data.readers.class_folders import note
from zoo.data.readers.folder_names import folded, split_of_any
from zoo.data.readers.image_files import MAX_PIXELS, formats

_MASKS = {"mask", "masks", "label", "labels", "annotations", "segmentationclass", "gt"}
_PICTURES = {"image", "images", "img", "imgs", "picture", "pictures", "photos", "jpegimages"}
_ENDINGS = re.compile(r"[_-](mask|masks|gt|seg|label|labels|labelids|l)$", re.IGNORECASE)
_NAMES = ("classes.txt", "labels.txt", "label_colors.txt", "labelmap.txt")
#: Colours are values from here on; greys are their grey value, in whichever form a mask is saved.
_COLOURS = 1 << 24
#: More values than this are no classes.
_MOST_VALUES = 256
_FORM = "one class a line: cat, or 1 cat for its value, or 128 0 0 cat for its colour"


class BadMask(ValueError):
    """A mask that cannot be used; the message gives the reason."""


def read_masks(files: Files) -> Annotations:
    """Pairs pictures with masks; opens none.

    Raises:
        UsageError: There are no masks.
    """
    found = Annotations(root=files.root)
    in_folders = any(_kind(path) == "mask" for path in files.pictures)
    masks: dict[str, str] = {}
    pictures: dict[str, str] = {}

    def add(own: dict[str, str], path: str, key: str) -> None:
        if key in own:
            found.lost.append(f"{printable(path)} and {printable(own[key])} are of one name")
        else:
            own[key] = path

    mask_paths = []
    for path in files.pictures:
        stem = posixpath.splitext(posixpath.basename(path))[0]
        if _kind(path) == "mask" if in_folders else _ENDINGS.search(stem):
            mask_paths.append(path)
        else:
            add(pictures, path, _key(path))
    for path in mask_paths:
        # A picture may end so, too: left_L.jpg beside right_R.jpg.
        own = _key(path)
        add(masks, path, own if own in pictures else _ENDINGS.sub("", own))
    if not masks:
        raise UsageError(
            f"there are no masks in {files.root}",
            why="they are pictures of the same names in a folder called masks/, or end in _mask",
            fix="put pictures into images/ and their masks into masks/",
        )
    for key, path in pictures.items():
        if key in masks:
            found.pictures.append(
                AnnotatedPicture(
                    path=path, split=split_of_any(key.split("/")[:-1]), mask=masks[key]
                )
            )
    found.entries = len(masks)
    found.lost += [
        f"{printable(masks[key])} is the mask of no picture" for key in masks if key not in pictures
    ]
    left = [printable(path) for key, path in pictures.items() if key not in masks]
    found.notes += note("pictures without a mask, left out", sorted(left))
    return found


def _kind(path: str) -> str:
    parts = [folded(part).replace(" ", "") for part in path.split("/")[:-1]]
    return "mask" if any(part in _MASKS for part in parts) else ""


def _key(path: str) -> str:
    """What a picture and its mask share: the path without words for either."""
    folder, name = posixpath.split(posixpath.splitext(path)[0])
    parts = [part for part in folder.split("/") if part]
    kept = [p for p in parts if folded(p).replace(" ", "") not in _MASKS | _PICTURES]
    return "/".join((*kept, name))


def class_values(files: Files) -> dict[int, str]:
    """Names of classes by their values in masks, in order; nothing where no file says them.

    Values are those of `read_mask`.

    Raises:
        BadData: The file says something else.
    """
    name = next((one for one in _NAMES if one in files.paths), None)
    if name is None:
        return {}
    lines = files.text(name, fix=_FORM).splitlines()
    found: dict[int, str] = {}
    real = [line.strip() for line in lines if line.strip() and not line.lstrip().startswith("#")]
    for number, line in enumerate(real):
        value, title = _class(line, number)
        if value in found or title in found.values():
            raise BadData(f"{name} lists {title!r} or its value twice", fix=_FORM)
        found[value] = title
    if not found:
        raise BadData(f"{name} names no classes", fix=_FORM)
    return found


def _class(line: str, number: int) -> tuple[int, str]:
    words = [word for word in re.split(r"[\s,:;]+", line) if word]
    for first in (0, len(words) - 3):
        numbers = words[first : first + 3]
        if len(words) > 3 and all(_is_byte(word) for word in numbers):
            red, green, blue = map(int, numbers)
            title = " ".join(words[3:] if first == 0 else words[:first])
            return colour_value(red, green, blue), title
    if len(words) > 1 and words[0].isdecimal() and len(words[0]) < 6:
        return int(words[0]), " ".join(words[1:])
    return number, line


def _is_byte(word: str) -> bool:
    return word.isdecimal() and len(word) < 4 and int(word) < 256


def colour_value(red: Any, green: Any, blue: Any) -> Any:
    """The value of a colour, int, or of arrays of them."""
    grey = (red == green) & (green == blue)
    return np.where(grey, red, _COLOURS + (red << 16) + (green << 8) + blue)[()]


def ignored_value(text: str) -> int | None:
    """The value that a user means by ``255`` or by a colour, ``#e0e0c0``; None for other text."""
    if re.fullmatch(r"#[0-9a-fA-F]{6}", text):
        return int(colour_value(*bytes.fromhex(text[1:])))
    return int(text) if text.isdecimal() and len(text) < 9 else None


def read_mask(path: Path) -> NDArray[np.int32]:
    """The values of a mask, int32, shape (height, width): indices of a palette, grey or colours.

    A colour is 16,777,216 + 65,536 x red + 256 x green + blue; a grey is its grey value.

    Raises:
        BadMask: It is no picture, lossy, or too large.
    """
    try:
        with require("PIL.Image").open(path, formats=formats()) as image:
            if image.format in ("JPEG", "MPO"):
                raise BadMask("it is a JPEG, whose values are not those that were drawn")
            if image.width * image.height > MAX_PIXELS:
                raise BadMask(f"{image.width} x {image.height} pixels: more than {MAX_PIXELS}")
            image.load()
            if image.mode in ("RGB", "RGBA"):
                parts = np.asarray(image.convert("RGB")).astype(np.int32)
                return np.asarray(colour_value(*np.moveaxis(parts, -1, 0)), np.int32)
            if image.mode not in ("1", "L", "P", "I", "I;16"):
                raise BadMask(f"its pixels are of mode {image.mode}")
            values: NDArray[np.int32] = np.asarray(image).astype(np.int32)
            return values
    except BadMask:
        raise
    # Decoders meet damage with errors of any class: struct.error, IndexError, SyntaxError, …
    except Exception as error:
        raise BadMask(f"{type(error).__name__}: {error}") from error


def names_of(values: set[int]) -> dict[int, str]:
    """Names for the values of masks that no file names.

    Raises:
        BadData: There are too many.
    """
    if len(values) > _MOST_VALUES:
        raise BadData(
            f"masks have {len(values)} different values, more than {_MOST_VALUES}",
            why="they look like pictures; a mask has one value for each class",
            fix="save masks without smoothing, as PNG",
        )
    return {value: _name(value) for value in sorted(values)}


def _name(value: int) -> str:
    if value == 0:
        return "background"
    return str(value) if value < _COLOURS else f"#{value - _COLOURS:06x}"


def value_table(classes: Mapping[int, str], ignored: set[int]) -> dict[int, int]:
    """The class index of each value, -1 for those that are ignored."""
    table = {value: number for number, value in enumerate(classes)}
    return {**table, **dict.fromkeys(ignored, -1)}
