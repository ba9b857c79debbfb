"""Recordings of sensors from CSV files: numbers in channels, a label and a group in each row."""

from __future__ import annotations

import math
from array import array
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from zoo.common.errors import BadData, UnknownName, UsageError
from zoo.common.shown_text import printable
from zoo.data.readers.array_ranges import rounded_channels
from zoo.data.readers.clocks import clock_breaks, seconds
from zoo.data.readers.folder_names import plain
from zoo.data.readers.label_kinds import refuse_numbers
from zoo.data.readers.listing import Listing, class_order
from zoo.data.readers.query import Query
from zoo.data.readers.tables import quote_cell, rows_of

_REPAIR = "fill the gap, or cut these rows out into files of their own"


@dataclass(frozen=True, kw_only=True)
class Columns:
    """The roles of columns.

    Attributes:
        channels: Names of the columns that become channels, in order.
        label: Name of the column with the class.
        group: Name of the column of recordings or persons; None when there is none.
        time: Name of the column with the clock, which is no channel; None when there is none.
    """

    channels: tuple[str, ...]
    label: str
    group: str | None
    time: str | None = None

    @property
    def numbers(self) -> tuple[str, ...]:
        """Columns that are read as numbers: the channels, and the clock."""
        return (*self.channels, self.time) if self.time else self.channels


@dataclass(frozen=True, kw_only=True, eq=False)
class Recording:
    """The rows of one file, in order of time.

    Attributes:
        name: Of the file.
        values: float32, shape (rows, channels), read-only.
        labels: Class index of each row, int64, shape (rows,).
        groups: Group index of each row, int64, shape (rows,).
        breaks: Rows before which the clock jumps, ascending, int64.
        rounded: Channel → what it is, where float32 loses much of it.
    """

    name: str
    values: NDArray[np.float32]
    labels: NDArray[np.int64]
    groups: NDArray[np.int64]
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
        header = _header(file.path, next(rows, None), bool(query.names("channels")))
        if found is None:
            found = Recordings(columns=_columns(query, header, file.path))
        places = _places(header, found.columns, file.path)
        reader = _Reader(file.path, found.columns, places, len(header), labels, groups)
        for line, row in rows:
            reader.add(line, row)
        found.items.append(reader.finish())
    assert found is not None  # A listing holds at least one file.
    return _in_order(found, labels, groups)


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
        self.labels.append(self._index(line, row, self.label_place, self.label_of))
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
        values.flags.writeable = False
        return Recording(
            name=self.name,
            values=values,
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
            if not _is_number(text) or not text.isascii() or "_" in text:
                break
        others = [name for name in self.columns.channels if name != column]
        return BadData(
            f"{self._place(line, column)}: {quote_cell(text.strip())} is not a number",
            why="decimal commas are not read" if "," in text else None,
            fix=f"if this is no channel, name those that are: channels={','.join(others)}",
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


def _header(name: str, first: tuple[int, list[str]] | None, chosen: bool) -> list[str]:
    if first is None:
        raise BadData(f"{printable(name)} is empty", fix="remove the file, or check the path")
    line, cells = first
    header = [text.strip() for text in cells]
    place = f"{printable(name)}, line {line}"
    if all(_is_number(text) for text in header):
        raise BadData(
            f"{place}: there are only numbers, but the first line must name the columns",
            fix="write a header above them, such as x,y,z,label",
        )
    twice = next((text for text in header if text and header.count(text) > 1), None)
    if twice is not None:
        raise BadData(
            f"{place}: the column {quote_cell(twice)} stands twice", fix="rename one of them"
        )
    # A row number that was saved along has no name, and must not become a channel unseen.
    if "" in header and not chosen:
        raise BadData(
            f"{place}: column {header.index('') + 1} has no name",
            fix=f"name it, or name the channels: channels={','.join(h for h in header if h)}",
        )
    return header


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return not text
    return True


def _columns(query: Query, header: Sequence[str], name: str) -> Columns:
    label = query.options.get("label", "label")
    group = query.options.get("group")
    channels = query.names("channels")
    named = [text for text in header if text]
    time = query.options.get("time")
    for column in (label, *([group] if group else []), *([time] if time else []), *channels):
        if column not in named:
            given = "label" in query.options or column != label
            raise UnknownName(
                f"column of {printable(name)}",
                column,
                named,
                fix=None if given else f"which column is the class? label={'|'.join(named)}",
            )
    channels = channels or tuple(text for text in named if text not in (label, group, time))
    if label == group:
        raise UsageError(
            f"the column {label!r} cannot be label and group at once",
            fix="leave group= out",
        )
    for used in (label, group, time):
        if used in channels:
            raise UsageError(
                f"the column {used!r} is a channel and also the label or group",
                fix="leave it out of channels=",
            )
    if not channels or len(set(channels)) < len(channels):
        what = "names one twice" if channels else "finds no column"
        raise UsageError(
            f"channels of {printable(name)}: it {what}", fix=f"columns are {','.join(named)}"
        )
    if time is not None and time in (label, group):
        raise UsageError(f"the column {time!r} cannot be time and label or group", fix="keep one")
    return Columns(channels=channels, label=label, group=group, time=time)


def _places(header: list[str], columns: Columns, name: str) -> list[int]:
    """Indices of channels, label and group; that of the label again without a group."""
    wanted = [*columns.numbers, columns.label, columns.group or columns.label]
    missing = [column for column in wanted if column not in header]
    if missing:
        raise BadData(
            f"{printable(name)}, line 1: the column {quote_cell(missing[0])} is missing",
            why="all files of a dataset have the same columns",
            fix="add it, or move the file away",
        )
    return [header.index(column) for column in wanted]


def _in_order(found: Recordings, labels: dict[str, int], groups: dict[str, int]) -> Recordings:
    """Numbers classes by their names, independent of the order of rows and files."""
    rows = sum(len(item.labels) for item in found.items)
    refuse_numbers([text.strip() for text in labels], rows, found.columns.label)
    # Spellings with blanks around them, or in another normal form, share the name's own number.
    found.classes = tuple(sorted({plain(text.strip()) for text in labels}, key=class_order))
    found.groups = tuple(dict.fromkeys(plain(text.strip()) for text in groups))
    if len(found.classes) < 2:
        raise BadData(
            f"there is only one class: {found.classes[0]}",
            why="a classifier needs at least two",
            fix=f"check the column {found.columns.label!r}, or add recordings of another class",
        )
    number = np.empty(len(found.classes), np.int64)
    for place, name in enumerate(found.classes):
        number[labels[name]] = place
    found.items = [replace(item, labels=number[item.labels]) for item in found.items]
    return found
