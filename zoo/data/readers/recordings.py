"""Recordings of sensors from CSV files: numbers in channels, a label and a group in each row."""

from __future__ import annotations

import math
from array import array
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from zoo.common.errors import BadData
from zoo.common.shown_text import printable
from zoo.data.readers.array_ranges import rounded_channels
from zoo.data.readers.clocks import clock_breaks, seconds
from zoo.data.readers.columns import Columns, columns_of, header_of, is_number, places_of
from zoo.data.readers.folder_names import plain
from zoo.data.readers.label_forms import LABELS
from zoo.data.readers.label_kinds import refuse_numbers
from zoo.data.readers.listing import ListedFile, Listing, class_order
from zoo.data.readers.query import Query
from zoo.data.readers.tables import quote_cell, rows_of

_REPAIR = "fill the gap, or cut these rows out into files of their own"


@dataclass(frozen=True, kw_only=True, eq=False)
class Recording:
    """The rows of one file, in order of time.

    Attributes:
        name: Of the file.
        values: float32, shape (rows, channels), read-only.
        labels: Class index of each row, int64, shape (rows,); 0 where targets are predicted.
        targets: Of each row, float32, shape (rows, targets).
        groups: Group index of each row, int64, shape (rows,).
        breaks: Rows before which the clock jumps, ascending, int64.
        rounded: Channel → what it is, where float32 loses much of it.
    """

    name: str
    values: NDArray[np.float32]
    labels: NDArray[np.int64]
    groups: NDArray[np.int64]
    targets: NDArray[np.float32] = field(default_factory=lambda: np.empty((0, 0), np.float32))
    breaks: NDArray[np.int64] = field(default_factory=lambda: np.empty(0, np.int64))
    rounded: Mapping[int, str] = field(default_factory=dict)


@dataclass(kw_only=True)
class Recordings:
    """All recordings of a dataset.

    Attributes:
        columns: Which columns were used.
        classes: Class names.
        groups: Names of the groups: the values of the group column, or the files.
        items: One per file.
    """

    columns: Columns
    classes: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    items: list[Recording] = field(default_factory=list)

    @property
    def kinds(self) -> tuple[str, ...]:
        """Names of what rows are labelled with, for messages."""
        return ("all rows",) if self.columns.targets else self.classes


def read_unlabelled(
    listing: Listing, file: ListedFile, columns_for: Callable[[Sequence[str]], Columns]
) -> Recording:
    """Reads the channels of one file, which needs no labels.

    Args:
        listing: That the file is in.
        file: The file.
        columns_for: Returns the roles of columns for the names in its header.

    Raises:
        BadData: As `read_recordings`.
        ZooError: Whatever `columns_for` raises.
    """
    rows = rows_of(listing.root / file.path, file.path)
    header = header_of(file.path, next(rows, None), chosen=True)
    columns = columns_for(header)
    places = [header.index(name) for name in (*columns.numbers, columns.group or header[0])]
    # The place of the label, which is not read.
    reader = _Reader(file.path, columns, [*places[:-1], 0, places[-1]], len(header), {}, {})
    for line, row in rows:
        reader.add(line, row)
    return reader.finish()


def read_recordings(listing: Listing, query: Query) -> Recordings:
    """Reads every file.

    Args:
        listing: The files; each is a recording of its own.
        query: ``label`` names the column with the class (``label`` when not given), ``group``
            that of the group, ``channels`` those to use (all others when not given).

    Raises:
        BadData: What cannot be used; names file, line and column.
        UnknownName: A column that is not there.
    """
    found: Recordings | None = None
    labels: dict[str, int] = {}
    groups: dict[str, int] = {}
    for file in listing.files:
        rows = rows_of(listing.root / file.path, file.path)
        header = header_of(file.path, next(rows, None), bool(query.names("channels")))
        if found is None:
            found = Recordings(columns=columns_of(query, header, file.path))
        places = places_of(header, found.columns, file.path)
        reader = _Reader(file.path, found.columns, places, len(header), labels, groups)
        for line, row in rows:
            reader.add(line, row)
        found.items.append(reader.finish())
    assert found is not None  # A listing holds at least one file.
    return _in_order(found, labels, groups, one_class="normal" in query.options)


class _Reader:
    """Gathers the rows of one file."""

    def __init__(
        self,
        name: str,
        columns: Columns,
        places: Sequence[int],
        width: int,
        labels: dict[str, int],
        groups: dict[str, int],
    ) -> None:
        self.name, self.columns, self.width = name, columns, width
        *self.channels, self.label_place, self.group_place = places
        self.label_of, self.group_of = labels, groups
        self.own_group = groups.setdefault(name, len(groups)) if columns.group is None else -1
        self.values, self.labels, self.groups = array("d"), array("q"), array("q")
        self.lines = array("q")

    def add(self, line: int, row: list[str]) -> None:
        if len(row) != self.width:
            raise BadData(
                f"{printable(self.name)}, line {line}: {len(row)} columns, but the header has "
                f"{self.width}",
                fix="give each row all columns; numbers with a decimal comma need a point",
            )
        cells = [row[place] for place in self.channels]
        if self.columns.time:
            cells[-1] = seconds(cells[-1])
        try:
            numbers = list(map(float, cells))
        except ValueError:
            numbers = []
        together = "".join(cells)
        # Python reads 1_000 and digits of every script; other programs do not.
        if not numbers or not together.isascii() or "_" in together:
            raise self._no_number(line, cells)
        self.values.extend(numbers)
        label = 0
        if self.columns.label:
            label = self._index(line, row, self.label_place, self.label_of)
        self.labels.append(label)
        # Without such a column the file itself is the group.
        self.groups.append(
            self.own_group
            if self.columns.group is None
            else self._index(line, row, self.group_place, self.group_of)
        )
        self.lines.append(line)

    def finish(self) -> Recording:
        if not self.lines:
            raise BadData(
                f"{printable(self.name)} holds a header, but no rows", fix="remove the file"
            )
        rows = np.frombuffer(self.values, np.float64).reshape(len(self.lines), len(self.channels))
        with np.errstate(over="ignore"):
            values = rows.astype(np.float32)
        wrong = np.argwhere(~np.isfinite(values))
        if len(wrong):
            row, channel = wrong[0].tolist()
            number = self.values[row * len(self.channels) + channel]
            place = self._place(self.lines[row], self.columns.numbers[channel])
            if math.isfinite(number):
                raise BadData(
                    f"{place}: {number:g} is beyond the range of float32", fix="scale the column"
                )
            raise BadData(f"{place}: the value is {number}", fix=_REPAIR)
        breaks = np.empty(0, np.int64)
        if self.columns.time:
            breaks = clock_breaks(rows[:, -1])
            rows, values = rows[:, :-1], np.ascontiguousarray(values[:, :-1])
        width = len(self.columns.channels)
        targets, rows = values[:, width:].copy(), rows[:, :width]
        if self.columns.form == LABELS and len(wrong := np.argwhere(~np.isin(targets, (0, 1)))):
            row, place = wrong[0].tolist()
            where = self._place(self.lines[row], self.columns.targets[place])
            raise _no_mark(where, f"{targets[row, place]:g}")
        values = np.ascontiguousarray(values[:, :width])
        values.flags.writeable = False
        return Recording(
            name=self.name,
            values=values,
            targets=targets,
            labels=np.array(self.labels, np.int64),
            groups=np.array(self.groups, np.int64),
            breaks=breaks,
            rounded=rounded_channels(rows, values, printable(self.name)),
        )

    def _no_number(self, line: int, cells: Sequence[str]) -> BadData:
        """The error for a row with a cell that is no number."""
        for column, text in zip(self.columns.numbers, cells, strict=True):
            if not text.strip():
                return BadData(f"{self._place(line, column)}: the value is missing", fix=_REPAIR)
            if not is_number(text) or not text.isascii() or "_" in text:
                break
        place, cell = self._place(line, column), quote_cell(text.strip())
        if column in self.columns.targets and self.columns.form == LABELS:
            return _no_mark(place, cell)
        others = [name for name in self.columns.channels if name != column]
        return BadData(
            f"{place}: {cell} is not a number",
            why="decimal commas are not read" if "," in text else None,
            fix=f"write a number, or leave the row out; of classes: label={column}"
            if column in self.columns.targets
            else f"if this is no channel, name those that are: channels={','.join(others)}",
        )

    def _index(self, line: int, row: list[str], place: int, known: dict[str, int]) -> int:
        """The number of a label or group; a new one gets the next."""
        text = row[place]
        if text not in known:
            column = self.columns.label if place == self.label_place else self.columns.group
            clean = self._text(line, str(column), text)
            known[text] = known.setdefault(clean, len(set(known.values())))
        return known[text]

    def _text(self, line: int, column: str, text: str) -> str:
        text = plain(text.strip())
        if not text:
            raise BadData(f"{self._place(line, column)}: the value is missing", fix=_REPAIR)
        if printable(text) != text:
            raise BadData(
                f"{self._place(line, column)}: {quote_cell(text)} has unprintable characters",
                fix="rename it",
            )
        return text

    def _place(self, line: int, column: str) -> str:
        return f"{printable(self.name)}, line {line}, column {printable(column)!r}"


def _no_mark(place: str, cell: str) -> BadData:
    return BadData(
        f"{place}: {cell} is neither 0 nor 1",
        why="a label is true, 1, or not, 0",
        fix="write 0 or 1; real numbers are predicted with target=COLUMN",
    )


def _in_order(
    found: Recordings, labels: dict[str, int], groups: dict[str, int], *, one_class: bool
) -> Recordings:
    """Numbers classes by their names, independent of the order of rows and files."""
    if found.columns.targets:
        found.classes = found.columns.targets
        found.groups = tuple(dict.fromkeys(plain(text.strip()) for text in groups))
        return found
    rows = sum(len(item.labels) for item in found.items)
    refuse_numbers([text.strip() for text in labels], rows, found.columns.label)
    # Spellings with blanks around them, or in another normal form, share the name's own number.
    found.classes = tuple(sorted({plain(text.strip()) for text in labels}, key=class_order))
    found.groups = tuple(dict.fromkeys(plain(text.strip()) for text in groups))
    if len(found.classes) < 2:
        why = "a classifier needs at least two"
        if one_class:
            why = "how well a network separates two kinds cannot be measured on one of them"
        raise BadData(
            f"there is only one class: {found.classes[0]}",
            why=why,
            fix=f"check the column {found.columns.label!r}, or add recordings of another class",
        )
    number = np.empty(len(found.classes), np.int64)
    for place, name in enumerate(found.classes):
        number[labels[name]] = place
    found.items = [replace(item, labels=number[item.labels]) for item in found.items]
    return found
