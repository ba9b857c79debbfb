"""Which folders are splits, which are classes, and which are neither: by their names alone."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from zoo.common.errors import BadData, UsageError
from zoo.common.shown_text import printable
from zoo.data.readers.folder_names import a_fold, folded, of_a_system, split_of

#: A table of targets, or of several labels of each picture, in a folder.
TABLE = "labels.csv"
#: What annotated datasets call the folders of their parts.
_ANNOTATED = frozenset({"images", "image", "imgs", "img", "jpegimages", "pictures", "photos"})
_ANNOTATIONS = frozenset({"labels", "label", "annotations", "masks", "mask", "segmentations"})
_TABLES = frozenset({".csv", ".tsv", ".json", ".jsonl", ".xlsx", ".parquet", ".txt"})
_CLASSES = "each class has its examples in a folder of its own"
_SORT = "sort the files into a folder per class: "


@dataclass(kw_only=True)
class Layout:
    """Where the class folders are.

    Attributes:
        splits: For each split the name of its folder; for None, where splits are not given, the
            name of the folder with the classes, empty for the root itself.
        notes: What the reader should know.
    """

    splits: dict[str | None, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


def layout_of(root: Path, argument: str, names: Sequence[str], *, cut_test: bool = False) -> Layout:
    """Finds the splits, or refuses what is neither splits nor classes.

    Args:
        root: The folder.
        argument: What the user called it.
        names: The folders in it.
        cut_test: Whether the test split is to be cut from that for training.

    Raises:
        BadData: Names the folders that cannot be classes, and what they seem to be.
        UsageError: A test split is to be cut, but given, or cut anyway.
    """
    found = {name: split for name in names if (split := split_of(name)) is not None}
    kinds = set(found.values())
    strangers = [name for name in names if name not in found]
    if "train" in kinds and len(kinds) > 1:
        return _with_splits(root, argument, names, found, cut_test)
    if cut_test:
        raise UsageError(
            f"{argument} is not divided yet, so test= has nothing to add",
            why="it is for a folder with train/ and validation/, but no test/",
            fix="leave test= out: 15 % are test, by content",
        )
    if found and not strangers:
        if kinds != {"train"} or len(found) > 1:
            raise BadData(
                f"{argument} holds {_told(names)}, which look like splits, not like classes",
                why="there is no train/ beside them" if "train" not in kinds else "they mean one",
                fix="add train/ with the same class folders; if they are classes, rename them",
            )
        _refuse_annotated(root, argument, names[0])
        return Layout(
            splits={None: names[0]},
            notes=[f"{_told(names)} alone is given: validation and test are taken from it"],
        )
    _refuse_other_layouts(root, argument, names)
    _refuse_mixed(root, argument, found, strangers)
    return Layout(splits={None: ""}, notes=_alike_inside(root, names))


def _alike_inside(root: Path, names: Sequence[str]) -> list[str]:
    """What to say where all folders hold the same folders: splits, perhaps, in unknown words."""
    inside = folders_in(root / names[0]) if len(names) > 1 else []
    if len(inside) < 2 or not all(folders_in(root / name) == inside for name in names[1:]):
        return []
    return [
        f"{_told(names)} are taken for the classes, and each holds {_told(inside)}: if those are "
        "the classes, rename the outer folders to train, validation and test, or put the files of "
        "each class together in one folder"
    ]


def _with_splits(
    root: Path, argument: str, names: Sequence[str], found: dict[str, str], cut_test: bool
) -> Layout:
    """For each split its folder; that for validation serves as test where there is no other."""
    strangers = [name for name in names if name not in found]
    if strangers:
        raise BadData(
            f"{argument} holds splits ({_listed(found)}) and also {_listed(strangers)}",
            why="beside train/ and test/ only validation/ is expected",
            fix="move the others away, or rename train/ and test/ if they are classes",
        )
    given = dict(found)
    open_ones = {"validation", "test"} - set(given.values())
    for name, split in found.items():
        if split == "?":
            if len(open_ones) == 2:  # alone beside that for training either comes to the same
                open_ones = {"validation"}
            if len(open_ones) != 1:
                raise BadData(
                    f"{argument} has {printable(name)}/, which may mean validation or test",
                    why=f"beside it there is {_listed([n for n in names if n != name])}",
                    fix="rename it to validation or to test",
                )
            given[name] = next(iter(open_ones))
    by_split: dict[str | None, str] = {}
    for name in sorted(given):
        if given[name] in by_split:
            raise BadData(
                f"{argument} has both {_told([by_split[given[name]]])} and {_told([name])}",
                why="they mean the same split",
                fix="keep one of them",
            )
        by_split[given[name]] = name
    for name in names:
        _refuse_annotated(root, argument, name)
    train = printable(by_split["train"])
    if cut_test and "test" in by_split:
        raise UsageError(
            f"{argument} has {printable(by_split['test'])}/ already", fix="leave test= out"
        )
    if not any(folders_in(root / name) for name in names):
        raise BadData(
            f"{argument} holds splits ({_listed(names)}) without class folders",
            why=_CLASSES,
            fix=f"{_SORT}{train}/cat, {train}/dog, …",
        )
    if "test" in by_split or cut_test:
        return Layout(splits=by_split)
    held_out = by_split.pop("validation")
    by_split["test"] = held_out
    other = f"?test=0.2 keeps it for validation and cuts a fifth of {train}/ off as test"
    return Layout(splits=by_split, notes=[f"{serves_as_test(f'{held_out}/', 'test/')}; {other}"])


def serves_as_test(held_out: str, test: str) -> str:
    """The note on examples for validation beside which there are none for test.

    Whoever gives one part beside that for training means to judge by it. So no example of it may
    choose the epoch.
    """
    return f"{printable(held_out)} serves as test, since there is no {test}"


def _refuse_annotated(root: Path, argument: str, name: str) -> None:
    """Refuses ``train/images`` beside ``train/labels``, as datasets with boxes or masks have."""
    names = folders_in(root / name)
    kinds = set(map(folded, names))
    if kinds <= _ANNOTATED | _ANNOTATIONS and kinds & _ANNOTATED:
        raise _annotated(argument, f"{name}/{names[0]}")


def _annotated(argument: str, place: str) -> BadData:
    return BadData(
        f"{argument} looks like a dataset with boxes or masks, such as YOLO's: "
        f"{printable(place)}/ is no class",
        why=_CLASSES,
        fix="for detection or segmentation write coco:PATH, yolo:PATH, voc:PATH or masks:PATH; for "
        "classification, with one object in each picture, its box's class tells the folder that "
        "the picture belongs in",
    )


def _refuse_other_layouts(root: Path, argument: str, names: Sequence[str]) -> None:
    kinds = {folded(name) for name in names}
    if len(names) > 1 and kinds <= _ANNOTATED | _ANNOTATIONS and kinds & _ANNOTATIONS:
        raise _annotated(argument, names[0])
    if len(names) > 1 and all(map(a_fold, names)):
        raise BadData(
            f"{argument} holds {_told(names)}, which look like parts for cross-validation",
            why=_CLASSES,
            fix="choose which are for training and which for test: put their classes together in "
            "train/ and test/",
        )
    if len(names) != 1:
        return
    inside = folders_in(root / names[0])
    if inside and all(split_of(name) for name in inside):
        raise BadData(
            f"{argument} holds only {_told(names)}, and that holds splits: {_told(inside)}",
            fix=f"name the folder that holds the splits: {argument.rstrip('/')}/{_listed(names)}",
        )
    tables = sorted(p.name for p in root.iterdir() if p.suffix.lower() in _TABLES)
    if folded(names[0]) in _ANNOTATED and not inside and tables:
        raise BadData(
            f"{argument} holds {printable(names[0])}/ and {printable(tables[0])}: "
            "one folder for pictures of all classes",
            why=f"{_CLASSES}; tables of classes are not read",
            fix=f"{_SORT}the table says which; for real targets, or several labels of each "
            f"picture, call the table {TABLE}, and leave task= out or name their task",
        )
    if folded(names[0]) in _ANNOTATED and inside and set(map(folded, inside)) & _ANNOTATIONS:
        raise _annotated(argument, f"{names[0]}/{inside[0]}")


def _refuse_mixed(
    root: Path, argument: str, found: Iterable[str], strangers: Sequence[str]
) -> None:
    """A folder called ``train`` beside others is a class, unless it alone holds folders."""
    nested = [name for name in found if folders_in(root / name)]
    if nested and not any(folders_in(root / name) for name in strangers):
        raise BadData(
            f"{argument} holds {nested[0]}/, which looks like a split because folders are in it, "
            f"and also {_listed(strangers)}",
            why="classes and splits cannot stand beside each other",
            fix="move the others away, or rename it if it is a class",
        )


def folders_in(folder: Path) -> list[str]:
    """Names of the folders in a folder, those of systems left out."""
    try:
        with os.scandir(folder) as entries:
            return sorted(
                entry.name
                for entry in entries
                if entry.is_dir() and not entry.name.startswith(".") and not of_a_system(entry.name)
            )
    except OSError:
        return []  # Who lists it for its files says why it cannot be read.


def _listed(names: Iterable[str]) -> str:
    return ", ".join(map(printable, names))


def _told(names: Sequence[str]) -> str:
    few = [f"{printable(name)}/" for name in names[:6]]
    return ", ".join(few) + (" …" if len(names) > 6 else "")
