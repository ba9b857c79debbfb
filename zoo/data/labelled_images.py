"""Images of a folder whose targets or labels stand in a table beside them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from zoo.common.errors import BadData, UsageError
from zoo.contracts.dataset import Dataset
from zoo.data.readers.query import Query

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


def open_labelled(argument: str | None, query: Query, asked: str | None) -> Dataset:
    """Reads the table, checks every image that it names, and splits them.

    Folders for training and test are honoured; else images are split 70/15/15 by content.

    Args:
        argument: As the user typed it.
        query: The folder, and options.
        asked: Task that the table's columns are for; None leaves it to their values.

    Raises:
        BadData: The table or an image cannot be used.
        UsageError: Options of class folders.
    """
    from zoo.data.folder import image_split
    from zoo.data.near_copies import as_outlines, near_copy_notes
    from zoo.data.readers import class_folders as shared
    from zoo.data.readers.folder_check import check_files
    from zoo.data.readers.folder_layout import TABLE
    from zoo.data.readers.hashing import dataset_hash
    from zoo.data.readers.image_files import picture_files
    from zoo.data.readers.label_forms import LABELS, check_learnable
    from zoo.data.readers.labelled_folder import missing_files, read_table
    from zoo.data.target_splits import missing_notes

    for option in ("group", "test"):
        if option in query.options:
            raise UsageError(
                f"{option}= is of class folders, and {query.path} has {TABLE}",
                fix=f"leave {option}= out",
            )
    listing = picture_files(query.path)
    table = read_table(listing.root, asked)
    missing_files(table, [file.path for file in listing.files])
    named = [file for file in listing.files if file.path in table.rows]
    checked, memory_notes = check_files(listing.root, named)
    broken = [f"{f.path}: {c.problem}" for f, c in zip(named, checked, strict=True) if c.problem]
    shared.refuse_broken(broken, len(named), "images", "they cannot be decoded")
    good = [i for i, c in enumerate(checked) if not c.problem]
    files, hashes = [named[i] for i in good], [checked[i].digest for i in good]
    labels = table.values[[table.rows[file.path] for file in files]]
    indices, split_notes = _divide([file.path for file in files], hashes, labels, table.form)
    pairs = shared.conflicting_labels([file.path for file in files], hashes, labels)
    splits = {
        name: image_split(
            listing.root, [files[i] for i in own], [hashes[i] for i in own], labels[own]
        )
        for name, own in indices.items()
    }
    content_hash = dataset_hash(table.names, splits)
    strangers = [file.path for file in listing.files if file.path not in table.rows]
    by_split = {name: split.labels for name, split in splits.items()}
    near = near_copy_notes(
        content_hash,
        lambda name: as_outlines(checked[good[i]].outline for i in indices[name]),
        {name: split.names for name, split in splits.items()},
        "leave all but one of such pictures out",
    )
    return Dataset(
        name=f"folder:{argument}",
        classes=table.names,
        splits=splits,
        content_hash=content_hash,
        source=f"files in {Path(query.path).name or query.path}",
        notes=(
            *shared.note(f"not in {TABLE}, left out", strangers),
            *shared.note("left out", _others(listing.ignored, TABLE)),
            *shared.note("left out: broken", broken),
            *shared.note("with other values than a copy of it", pairs),
            *shared.copies(hashes),
            *split_notes,
            *check_learnable(by_split["train"], table.names, table.form),
            *(missing_notes(by_split, table.names) if table.form == LABELS else ()),
            *near,
            *memory_notes,
        ),
    )


def _divide(
    paths: Sequence[str], hashes: Sequence[bytes], labels: NDArray[np.float32], form: str
) -> tuple[dict[str, NDArray[np.int64]], list[str]]:
    """Indices of each split, those that folders stand for as they are; and notes."""
    from zoo.data.readers import class_folders as shared
    from zoo.data.readers.folder_layout import serves_as_test
    from zoo.data.readers.folder_names import split_of
    from zoo.data.splits import SHARES, SHARES_WITHOUT_TEST
    from zoo.data.target_splits import given_splits, split_alike

    given = given_splits(paths)
    if "validation" in given:
        return given, []
    if not given:
        alike = sorted({top for path in paths if split_of(top := path.partition("/")[0])})
        return split_alike(labels, hashes, form), shared.note(
            "folders called like splits, but not train/ and test/ with all images in them: split "
            "by content",
            alike,
        )
    train = given["train"]
    parts = split_alike(labels[train], [hashes[i] for i in train], form, SHARES_WITHOUT_TEST)
    found = {**given, **{name: train[own] for name, own in parts.items()}}
    held_out = sorted({paths[i].partition("/")[0] for i in given["test"].tolist()})
    as_test = [
        serves_as_test(f"{name}/", "test/") for name in held_out if split_of(name) == "validation"
    ]
    return {name: found[name] for name in SHARES}, [
        *as_test,
        "15 % of train/ serve as validation, since no folder does",
    ]


def _others(ignored: Sequence[str], table: str) -> list[str]:
    return [one for one in ignored if not one.startswith(f"{table} ")]


def table_task(root: Path, asked: str | None) -> str | None:
    """The task of a folder's table; None where none counts.

    Raises:
        BadData: It leaves the folder, or is no table of numbers.
    """
    from zoo.data.readers.folder_layout import TABLE
    from zoo.data.readers.labelled_folder import has_table, read_table

    if not has_table(root, asked):
        return None
    if not (root / TABLE).resolve().is_relative_to(root.resolve()):
        raise BadData(
            f"{TABLE} is a link out of {root}", fix="put the table itself into the folder"
        )
    return read_table(root, asked).form
