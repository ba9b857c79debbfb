"""A folder of images with a table beside them: real targets, or several labels of each."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from zoo.common.errors import BadData
from zoo.common.files import no_file
from zoo.common.shown_text import printable
from zoo.data.readers.columns import is_number
from zoo.data.readers.folder_layout import TABLE, folders_in
from zoo.data.readers.folder_names import split_of
from zoo.data.readers.label_forms import LABELS, NUMBERS, names_for
from zoo.data.readers.tables import quote_cell, rows_of

#: What float32 holds.
_MOST = float(np.finfo(np.float32).max)
_FORM = "its first column names files, each other one is a target or a label"


@dataclass(frozen=True, kw_only=True, eq=False)
class LabelTable:
    """The rows of a table.

    Attributes:
        form: Task that its columns are for.
        names: Of the columns behind the first.
        rows: Path of each file below the folder, with ``/`` between parts, and its row.
        values: float32, (rows, columns).
    """

    form: str
    names: tuple[str, ...]
    rows: dict[str, int]
    values: NDArray[np.float32]


def has_table(root: Path, asked: str | None) -> bool:
    """Whether the table in a folder counts: class folders beside it do, unless a task is asked for.

    Splits without folders in them hold no classes.

    Args:
        root: The folder.
        asked: Task that the user asks for.
    """
    if no_file(root / TABLE) is not None:
        return False
    if asked is not None:
        return asked in (NUMBERS, LABELS)
    names = folders_in(root)
    return len(names) < 2 or all(split_of(n) and not folders_in(root / n) for n in names)


def read_table(root: Path, asked: str | None) -> LabelTable:
    """Reads the table of a folder.

    Args:
        root: The folder.
        asked: Task that its columns are for; None leaves it to their values.

    Raises:
        BadData: A cell is no number, a file stands twice; or the values fit several tasks.
    """
    lines = rows_of(root / TABLE, TABLE)
    _, header = next(lines, (0, []))
    names = [text.strip() for text in header[1:]]
    if not names:
        raise BadData(f"{TABLE} has {len(header)} columns", why=_FORM, fix="file,age for example")
    if Path(header[0].strip()).suffix and all(map(is_number, names)):
        raise BadData(
            f"{TABLE}, line 1: {quote_cell(header[0])} is a file, but the first line must name the "
            "columns",
            fix="write a header above it: file,age for example",
        )
    rows: dict[str, int] = {}
    values: list[list[float]] = []
    for line, cells in lines:
        place = f"{TABLE}, line {line}"
        if len(cells) != len(header):
            raise BadData(
                f"{place}: {len(cells)} columns, but the header has {len(header)}",
                fix="give each row all columns; numbers with a decimal comma need a point",
            )
        path = Path(cells[0].strip()).as_posix()
        if path in rows:
            raise BadData(
                f"{place}: {quote_cell(path)} is listed twice", fix="keep one of its rows"
            )
        rows[path] = len(values)
        values.append(
            [_number(text, place, name) for text, name in zip(cells[1:], names, strict=True)]
        )
    if not values:
        raise BadData(f"{TABLE} holds a header, but no rows", fix="write a row for each file")
    found = np.array(values, np.float32)
    form = _form(found, names, asked)
    return LabelTable(
        form=form, names=names_for(names, len(names), form, TABLE), rows=rows, values=found
    )


def _number(text: str, place: str, column: str) -> float:
    where = f"{place}, column {printable(column)!r}"
    clean = text.strip()
    if not clean:
        raise BadData(f"{where}: the value is missing", fix="fill it, or leave the row out")
    try:
        # Python reads 1_000 and digits of every script; other programs do not.
        value = float(clean) if clean.isascii() and "_" not in clean else math.nan
    except ValueError:
        value = math.nan
    if not abs(value) <= _MOST:
        raise BadData(
            f"{where}: {quote_cell(clean)} is not a finite number",
            why="decimal commas are not read"
            if "," in clean
            else f"{_FORM}; names of classes are not read from tables",
            fix="write numbers; of classes, sort the files into a folder per class",
        )
    return value


def _form(values: NDArray[np.float32], names: Sequence[str], asked: str | None) -> str:
    """The task of the columns: what is asked for, or else what alone they can be."""
    marks = np.isin(values, (0, 1)).all(axis=0)
    if asked is not None:
        if asked == LABELS and not marks.all():
            name = names[int(np.flatnonzero(~marks)[0])]
            raise BadData(
                f"the column {printable(name)!r} of {TABLE} holds other numbers than 0 and 1",
                why="a label is true, 1, or not, 0",
                fix=f"leave the column out, or write task={NUMBERS} behind the path",
            )
        return asked
    if len(names) > 1 and marks.all():
        return LABELS
    whole = (values == np.rint(values)).all(axis=0)
    few = [len(np.unique(column)) * 3 < len(values) for column in values.T]
    doubtful = [n for n, w, f in zip(names, whole, few, strict=True) if w and f]
    if doubtful:
        raise BadData(
            f"the column {printable(doubtful[0])!r} of {TABLE} may be a target, a label or a class",
            why="it holds few different whole numbers",
            fix=f"say which, behind the path: ?task={NUMBERS} or ?task={LABELS}; of classes, sort "
            "the files into a folder per class",
        )
    return NUMBERS


def missing_files(table: LabelTable, files: Sequence[str]) -> None:
    """Refuses rows whose file is not among `files`.

    Raises:
        BadData: Names the first.
    """
    missing = sorted(table.rows.keys() - {*files})
    if missing:
        folders = Counter(Path(file).parent.as_posix() for file in files)
        usual = folders.most_common(1)[0][0] if folders else "."
        raise BadData(
            f"{TABLE} names {quote_cell(missing[0])}, which is no image in the folder"
            + (f"; nor are {len(missing) - 1} others" if len(missing) > 1 else ""),
            why=f"most images lie in {printable(usual)}/" if usual != "." else None,
            fix="write paths from the folder that the table is in, with /",
        )
