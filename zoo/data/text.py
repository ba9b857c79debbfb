"""Text classification datasets: a folder per class, or a table of texts and classes."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from zoo.common.errors import BadData, UsageError
from zoo.common.files import no_file, no_folder
from zoo.common.paths import expanded
from zoo.contracts.dataset import Dataset, DatasetProvider
from zoo.hookspecs import hookimpl

if TYPE_CHECKING:
    from zoo.data.readers.query import Query


@hookimpl
def zoo_datasets() -> Iterable[DatasetProvider]:
    """Yields ``text``."""
    yield DatasetProvider(
        name="text",
        summary="your own texts: one folder per class, or a .csv or .tsv file of text and label",
        tasks=("sequence-classification",),
        open=open_text,
        fingerprint=fingerprint,
        argument="PATH",
        paths=(".csv", ".tsv"),
        where="any folder or file on this machine",
    )


def open_text(argument: str | None) -> Dataset:
    """Reads all texts and splits them by content, 70/15/15.

    Args:
        argument: Path of a folder with a folder of ``.txt`` files for each class, or ``train/``,
            ``validation/`` and ``test/`` above them; or of a table with two columns, text first.
            For tables, ``?text=COLUMN&label=COLUMN`` names the columns; for folders,
            ``?group=`` keeps texts in one split, and ``?test=`` cuts a test split off, as they do
            for images.

    Raises:
        UsageError: No such file or folder; a wrong option or column name.
        BadData: Another encoding than UTF-8, too many empty texts, fewer than two classes, a
            class too small to split, or a text in two given splits.
    """
    query, path = _find(argument)
    name = f"text:{argument}"
    return _open_table(name, query, path) if path.is_file() else _open_folder(name, query)


def fingerprint(argument: str | None) -> str:
    """SHA-256 over names, sizes and times of all files; none is read.

    Raises:
        UsageError: No such file or folder.
        BadData: A link leaves the folder, or a folder cannot be read.
    """
    from zoo.data.readers.listing import list_files, list_folder, listing_fingerprint

    query, path = _find(argument)
    cut = query.share("test") is not None
    listing = (
        list_files(query.path, ()) if path.is_file() else list_folder(query.path, cut_test=cut)
    )
    return f"text:{listing_fingerprint(listing)}"


def _find(argument: str | None) -> tuple[Query, Path]:
    from zoo.data.readers.query import parse_query

    query = parse_query("text", argument, ("text", "label", "group", "test"))
    path = expanded(query.path)
    problem = no_file(path, query.path, missing=f"there is no file or folder {query.path}")
    if problem and no_folder(path):
        raise UsageError(problem, fix="check the path")
    if query.options.keys() - {"group", "test"} and path.is_dir():
        raise UsageError(
            f"{query.path} is a folder, which has no columns",
            fix="leave text= and label= out, or name a .csv or .tsv file",
        )
    for name in ("group", "test"):
        if name in query.options and path.is_file():
            raise UsageError(
                f"{query.path} is a table, and {name}= is for folders", fix=f"leave {name}= out"
            )
    return query, path


def _open_folder(name: str, query: Query) -> Dataset:
    from zoo.data.readers import class_folders as shared
    from zoo.data.readers.groups import groups_of
    from zoo.data.readers.in_memory import content_hashes, dataset_of, memory_split
    from zoo.data.readers.listing import list_folder
    from zoo.data.readers.text_files import read_text_files

    test = query.share("test")
    listing = list_folder(query.path, cut_test=test is not None)
    classes = shared.classes_of(listing)
    every, others = shared.by_suffix(listing.files, frozenset({".txt"}))
    shared.refuse_empty(listing, every, "texts", broken=False)
    read, problems = read_text_files(listing, every)
    broken = [f"{f.path}: {p}" for f, p in zip(every, problems, strict=True) if p]
    shared.refuse_broken(broken, len(every), "texts", "they are empty, or not UTF-8")
    good = [i for i, problem in enumerate(problems) if not problem]
    files, texts = [every[i] for i in good], [read[i] for i in good]
    shared.refuse_empty(listing, files, "texts", broken=True)
    hashes, labels = content_hashes(texts), shared.labels_of(files, classes)
    groups, group_notes = groups_of(query.options.get("group"), files)
    indices, notes = shared.divide(files, hashes, classes, groups, test)
    names = [file.path for file in files]
    splits = {n: memory_split(texts, labels, hashes, own, names) for n, own in indices.items()}
    pairs = shared.conflicting_labels(names, hashes, labels)
    return dataset_of(
        name,
        classes,
        splits,
        source=f"files in {Path(query.path).name or query.path}",
        notes=(
            *listing.notes,
            *shared.note("left out: not .txt", [file.path for file in others]),
            *shared.note("left out", listing.ignored),
            *shared.note("left out: broken", broken),
            *shared.note("in more than one class", pairs),
            *group_notes,
            *notes,
        ),
    )


def _open_table(name: str, query: Query, path: Path) -> Dataset:
    import numpy as np

    from zoo.data.readers import class_folders as shared
    from zoo.data.readers.folder_names import lookalike_notes
    from zoo.data.readers.in_memory import content_hashes, dataset_of, memory_split
    from zoo.data.readers.listing import class_order
    from zoo.data.readers.text_files import read_text_table
    from zoo.data.splits import split_by_content

    found = read_text_table(path, query)
    classes = tuple(sorted(set(found.labels), key=class_order))
    if len(classes) < 2:
        raise BadData(
            f"{path.name} holds only one class: {', '.join(classes) or 'none'}",
            why="a classifier needs at least two",
            fix="check which column is the class: ?text=COLUMN&label=COLUMN",
        )
    number = {one: label for label, one in enumerate(classes)}
    labels = np.array([number[one] for one in found.labels], np.int64)
    hashes = content_hashes(found.texts)
    indices = split_by_content(hashes, labels, classes)
    splits = {n: memory_split(found.texts, labels, hashes, i) for n, i in indices.items()}
    pairs = shared.conflicting_labels(found.places, hashes, labels)
    return dataset_of(
        name,
        classes,
        splits,
        source=path.name,
        notes=(
            *found.notes,
            *shared.note("left out", found.broken),
            *lookalike_notes(classes),
            *shared.note("in more than one class", pairs),
        ),
    )
