"""A dataset of annotated pictures, whatever form its annotations have."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zoo.common.errors import BadData, UsageError
from zoo.common.shown_text import printable
from zoo.contracts.dataset import SPLITS, Dataset, Split
from zoo.data.annotations.files import Files
from zoo.data.annotations.kinds import kind_of_labels
from zoo.data.annotations.labels import box_rows, drawn_mask, kept_masks, padded, stored_mask
from zoo.data.annotations.masks import (
    BadMask,
    class_values,
    ignored_value,
    names_of,
    read_mask,
    value_table,
)
from zoo.data.annotations.records import AnnotatedPicture, Annotations
from zoo.data.folder import image_split
from zoo.data.near_copies import as_outlines, near_copy_notes
from zoo.data.readers.class_folders import copies, note, refuse_broken
from zoo.data.readers.folder_check import CheckedFile, check_files
from zoo.data.readers.folder_layout import serves_as_test
from zoo.data.readers.hashing import dataset_hash
from zoo.data.readers.label_forms import LABELS
from zoo.data.readers.query import Query
from zoo.data.splits import SHARES, SHARES_WITHOUT_TEST
from zoo.data.target_splits import split_alike

#: Side of masks where pictures are larger or of several sizes.
_SIDE = 256
_LARGEST = 2048
_ADVICE = "leave all but one of such pictures out"


@dataclass
class _Labelled:
    """Labels of the pictures that can be used, in their order."""

    labels: NDArray[Any]
    classes: tuple[str, ...]
    present: NDArray[np.float32]  # 1 where a class is in a picture, (pictures, classes)
    unusable: list[str] = field(default_factory=list)  # of each picture, or nothing
    broken: list[str] = field(default_factory=list)


def open_annotated(query: Query, argument: str, read: Callable[[Files], Annotations]) -> Dataset:
    """Reads annotations, checks every picture once, and splits them.

    Splits that folders, lists or settings give are kept; else 70/15/15 by content, so that classes
    are alike.

    Args:
        query: Path and options.
        argument: As the user typed it.
        read: Reads the annotations of one form.

    Raises:
        BadData: More than 1 % of annotations or pictures cannot be used, or nothing can.
        UsageError: There is nothing to read, or options do not fit.
    """
    kind_of_labels(query)
    _ignored(query)
    files = Files(query.path)
    found = read(files)
    if not found.pictures:
        refuse_broken(found.lost, len(found.lost), "pictures", "they have no annotations")
        raise BadData(
            f"no picture of {query.path} is annotated", fix="check that pictures lie beside them"
        )
    listed = [files.paths[picture.path] for picture in found.pictures]
    checked, memory_notes = check_files(files.root, listed)
    labelled = _labelled(query, files, found, checked)
    unusable = [problem for problem in labelled.unusable if problem]
    lost = [*found.lost, *unusable]
    refuse_broken(
        lost,
        len(found.pictures) + len(found.lost),
        "pictures or their annotations",
        "each picture needs a file that can be read and one set of annotations",
    )
    broken = [*found.broken, *labelled.broken]
    refuse_broken(broken, found.entries, "annotations", "they cannot be learnt from")
    if not labelled.present.any():
        raise BadData(f"nothing is annotated in any picture of {query.path}", fix="check the files")
    good = [number for number, problem in enumerate(labelled.unusable) if not problem]
    hashes = [checked[number].digest for number in good]
    places, split_notes = _divide(
        [found.pictures[number].split for number in good], hashes, labelled.present[good]
    )
    splits: dict[str, Split] = {}
    for name, own in places.items():
        chosen = [good[i] for i in own.tolist()]
        splits[name] = image_split(
            files.root,
            [listed[number] for number in chosen],
            [checked[number].digest for number in chosen],
            labelled.labels[chosen],
        )
    content_hash = dataset_hash(labelled.classes, splits)
    near = near_copy_notes(
        content_hash,
        lambda name: as_outlines(checked[good[i]].outline for i in places[name].tolist()),
        {name: split.names for name, split in splits.items()},
        _ADVICE,
    )
    return Dataset(
        name=f"{query.provider}:{argument}",
        classes=labelled.classes,
        splits=splits,
        content_hash=content_hash,
        source=f"files in {files.root.name}",
        notes=(
            *note("pictures left out", lost),
            *note("annotations left out", broken),
            *_empty_notes(found, good, labelled),
            *found.notes,
            *copies(hashes),
            *split_notes,
            *_absent_notes(labelled, good, places),
            *near,
            *memory_notes,
        ),
    )


def _labelled(
    query: Query, files: Files, found: Annotations, checked: Sequence[CheckedFile]
) -> _Labelled:
    sizes = [
        "" if one.problem or picture.size in (None, one.size) else _other_size(picture, one)
        for picture, one in zip(found.pictures, checked, strict=True)
    ]
    problems = [
        f"{printable(picture.path)}: {one.problem}" if one.problem else size
        for picture, one, size in zip(found.pictures, checked, sizes, strict=True)
    ]
    stored = any(picture.mask for picture in found.pictures)
    if stored or kind_of_labels(query)[0] == "masks":
        return _with_masks(query, files, found, checked, problems, stored)
    if "size" in query.options:
        raise UsageError("size= is of masks", fix="leave it out; --input-size sizes pictures")
    rows, broken = [], []
    for picture, one in zip(found.pictures, checked, strict=True):
        own, wrong = ([], []) if one.problem else box_rows(picture, one.size, found.in_pixels)
        rows.append(own)
        broken += wrong
    present = np.zeros((len(rows), len(found.classes)), np.float32)
    for number, boxes in enumerate(rows):
        present[number, [int(box[0]) for box in boxes]] = 1
    return _Labelled(padded(rows), found.classes, present, problems, broken)


def _other_size(picture: AnnotatedPicture, one: CheckedFile) -> str:
    assert picture.size is not None
    stated, real = (f"{size[0]} x {size[1]}" for size in (picture.size, one.size))
    turned = ", turned as its camera says" if picture.size == one.size[::-1] else ""
    return f"{printable(picture.path)} is said to have {stated} pixels, and has {real}{turned}"


def _with_masks(
    query: Query,
    files: Files,
    found: Annotations,
    checked: Sequence[CheckedFile],
    problems: list[str],
    stored: bool,
) -> _Labelled:
    size = _mask_size(query, checked)
    classes, table = (
        _classes(query, files, found)
        if stored
        else (
            _with_background(found.classes),
            {},
        )
    )

    def draw(number: int) -> tuple[NDArray[np.int16], list[str]]:
        picture, one = found.pictures[number], checked[number]
        if problems[number]:
            return np.full(size, -1, np.int16), []
        if stored:
            return stored_mask(files.root, picture, one.size, table, size)
        return drawn_mask(picture, one.size, found.in_pixels, size)

    key = f"{files.root} {files.fingerprint} {query.provider} {sorted(query.options.items())}"
    masks, wrong = kept_masks(key, found.pictures, len(classes), size, draw)
    present = np.zeros((len(masks), len(classes)), np.float32)
    for number, mask in enumerate(masks):
        values = np.unique(mask)
        present[number, values[values >= 0]] = 1
    broken: list[str] = []
    unusable = list(problems)
    for number, own in enumerate(wrong):
        if stored:
            unusable[number] = unusable[number] or "; ".join(own)
        else:
            broken += own
    return _Labelled(masks, classes, present, unusable, broken)


def _with_background(classes: tuple[str, ...]) -> tuple[str, ...]:
    if "background" in classes:
        raise BadData(
            "a class is called background, which is what no outline covers",
            fix="rename it in the annotations",
        )
    return ("background", *classes)


def _mask_size(query: Query, checked: Sequence[CheckedFile]) -> tuple[int, int]:
    asked = query.number("size")
    if asked is not None:
        if not 8 <= asked <= _LARGEST:
            raise UsageError(f"size={asked} is not from 8 to {_LARGEST}", fix=f"size={_SIDE}")
        return asked, asked
    sizes = {one.size for one in checked if not one.problem}
    own = next(iter(sizes)) if len(sizes) == 1 else (_SIDE, _SIDE)
    return own if max(own) <= _SIDE else (_SIDE, _SIDE)


def _classes(
    query: Query, files: Files, found: Annotations
) -> tuple[tuple[str, ...], dict[int, int]]:
    """Names of classes, and the class index of each value of masks."""
    ignored = {*_ignored(query)}
    named = class_values(files)
    seen = {*named}
    if not named:
        for picture in found.pictures:
            try:
                seen |= {int(value) for value in np.unique(read_mask(files.root / picture.mask))}
            except BadMask:
                continue  # Told where the mask is read for its labels.
        named = names_of(seen - ignored)
    named = {value: name for value, name in named.items() if value not in ignored}
    # Where no mask can be read, each is told when it is read for its labels.
    if seen and not named:
        raise BadData("masks have no value but those that are ignored", fix="check ignore=")
    return tuple(named.values()), value_table(named, ignored)


def _ignored(query: Query) -> list[int]:
    parts = [part.strip() for part in query.options.get("ignore", "").split(",")]
    values = [ignored_value(part) for part in parts if part]
    known = [value for value in values if value is not None]
    if len(known) < len(values):
        raise UsageError(
            f"ignore={query.options['ignore']} is no value", fix="ignore=255, or ignore=#e0e0c0"
        )
    return known


def _divide(
    given: Sequence[str | None], hashes: Sequence[bytes], present: NDArray[np.float32]
) -> tuple[dict[str, NDArray[np.int64]], list[str]]:
    """Indices of each split, and notes."""
    own: dict[str, NDArray[np.int64]] = {
        name: np.flatnonzero([split == name for split in given]).astype(np.int64) for name in SPLITS
    }
    there = {name for name, places in own.items() if len(places)}
    if not there or there == {"train"}:
        told = ["all pictures are in train: split by content"] if there else []
        return split_alike(present, hashes, LABELS), told
    if "train" not in there and None not in given:
        raise BadData(
            f"no pictures are for train; all are for {' and '.join(sorted(there))}",
            why="a network learns from what is for train",
            fix="put some into train, or name a file or a folder that is not called after a split",
        )
    if None in given:
        raise BadData(
            f"{sum(split is None for split in given)} pictures are in no split, others in "
            f"{', '.join(sorted(there))}",
            why="either all pictures are divided, or none",
            fix="put each into train, val or test",
        )
    if len(there) == len(SPLITS):
        return own, []
    notes = ["15 % of train serve as validation, since nothing else does"]
    if "test" not in there:
        own["test"] = own["validation"]
        notes.insert(0, serves_as_test("what is for validation", "part for test"))
    train = own["train"]
    parts = split_alike(
        present[train], [hashes[i] for i in train.tolist()], LABELS, SHARES_WITHOUT_TEST
    )
    found = {**own, **{name: train[places] for name, places in parts.items()}}
    return {name: found[name] for name in SHARES}, notes


def _empty_notes(found: Annotations, good: Sequence[int], labelled: _Labelled) -> list[str]:
    if any(picture.mask for picture in found.pictures):
        return []
    count = sum(not found.pictures[number].things for number in good)
    return [f"{count} pictures are annotated as empty"] if count else []


def _absent_notes(
    labelled: _Labelled, good: Sequence[int], places: dict[str, NDArray[np.int64]]
) -> list[str]:
    present = labelled.present[good]
    notes = []
    for name in ("train", "test"):
        absent = np.flatnonzero(present[places[name]].sum(axis=0) == 0).tolist()
        notes += note(
            f"classes that no picture of {name} shows",
            [labelled.classes[number] for number in absent],
        )
    return notes
