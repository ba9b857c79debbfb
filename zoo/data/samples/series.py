"""Windows of recordings without labels: of tables, with the columns that training read."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from zoo.common.errors import BadData, UsageError, ZooError, nearest
from zoo.common.shown_text import printable
from zoo.contracts.preprocessing import Sample, SampleList, SeriesPreprocessing
from zoo.data.readers.class_folders import note
from zoo.data.readers.columns import Columns, header_of
from zoo.data.readers.listing import list_files
from zoo.data.readers.query import Query
from zoo.data.readers.recordings import Recording, read_unlabelled
from zoo.data.readers.tables import rows_of
from zoo.data.readers.windows import find_segments
from zoo.data.samples.arrays import ARRAYS, array_samples
from zoo.data.samples.named import find_path, nothing_there

_TABLES = (".csv", ".tsv")
_TAKES = "a .csv or .tsv file, a folder of them, or arrays of series in an .npz file"


def series_samples(given: str, data: str, own: SeriesPreprocessing) -> SampleList:
    """The windows of a table, or of every table in a folder, one behind the other.

    Windows lie within one stretch of time and one group, as those of datasets do. Columns are
    found by the names that the network was trained on, in any order; ``?channels=`` behind the
    path names others; ``stride=`` the rows from one window to the next.

    Args:
        given: As typed.
        data: Dataset that the network was trained on: its options name columns.
        own: What the network takes.

    Raises:
        UsageError: Nothing is there, or other columns than the network has channels.
        BadData: Cells that are no numbers.
    """
    there = find_path(given, data)
    if there is None:
        raise nothing_there(given, _TAKES)
    if there.suffix in ARRAYS:
        return _checked(array_samples(there, "series"), own)
    listing = list_files(str(there.path), _TABLES)
    asked = there.query.names("channels")
    _check_order(asked, own)
    channels = asked or own.names or _trained_channels(there.query, own)
    found = SampleList(notes=note(f"left out of {there.shown}", listing.ignored))
    used: dict[tuple[str, ...], None] = {}
    for file in listing.files:
        name = str(Path(there.shown) / file.path) if there.path.is_dir() else there.shown

        def columns(header: Sequence[str]) -> Columns:
            chosen = _columns(header, there.query, channels, own, name)  # noqa: B023
            used.setdefault(chosen.channels)
            return chosen

        try:
            item = read_unlabelled(listing, file, columns)
        except ZooError as error:
            if len(listing.files) == 1:
                raise
            found.problems.append((name, ". ".join(filter(None, (error.what, error.why)))))
            continue
        _add_windows(found, item, name, own, there.query.number("stride") or own.steps)
    if channels and not asked and not own.names:
        names = ", ".join(map(printable, channels))
        found.notes.append(f"channels are the columns {names}, as in {there.query.path}")
    if not channels:
        found.notes += [
            f"channels are the columns {', '.join(map(printable, names))}, in this order: the "
            "network does not say which it was trained on"
            for names in used
        ]
    return found


def _check_order(asked: tuple[str, ...], own: SeriesPreprocessing) -> None:
    """The channels of the training, asked for in another order, would be taken for one another."""
    if asked != own.names and sorted(asked) == sorted(own.names):
        names = ",".join(own.names)
        raise UsageError(
            f"channels={','.join(asked)} is another order than that of the training",
            why=f"the network takes {names}",
            fix=f"leave it out, or write channels={names}",
        )


def _columns(
    header: Sequence[str],
    query: Query,
    channels: tuple[str, ...],
    own: SeriesPreprocessing,
    name: str,
) -> Columns:
    """The roles of a table's columns, labels or none in it."""
    group, time = (query.options.get(key) for key in ("group", "time"))
    roles = {query.options.get("label", "label"), group, time}
    roles |= {*query.names("target", header), *query.names("labels", header)}
    wanted = channels or tuple(text for text in header if text and text not in roles)
    missing = [text for text in wanted if text not in header]
    if missing or len(wanted) != own.channels:
        takes = f"the network takes {own.channels}" + (f": {', '.join(channels)}" * bool(channels))
        raise UsageError(
            f"{printable(name)} has no column {missing[0]!r}"
            if missing
            else f"{printable(name)} has {len(wanted)} columns of numbers: {', '.join(wanted)}",
            why=takes,
            fix=f"say which, in the order of the training: "
            f"{_like(channels, [text for text in header if text not in roles], name, own)}",
        )
    return Columns(
        channels=wanted,
        label="",
        group=group if group in header else None,
        time=time if time in header else None,
    )


def _like(
    channels: tuple[str, ...], header: Sequence[str], name: str, own: SeriesPreprocessing
) -> str:
    """What to type: as many columns as the network takes, those of the nearest names first."""
    near: list[str] = []
    for text in channels or [""] * own.channels:
        close = [text] if text in header else nearest(text, header) if text else []
        near.append(next((one for one in close if one not in near), ""))
    rest = iter(text for text in header if text and text not in near)
    return f"{name}?channels={','.join(text or next(rest, 'NAME') for text in near)}"


def _trained_channels(query: Query, own: SeriesPreprocessing) -> tuple[str, ...]:
    """Names of the columns in the table of the training, where it is still there; else none."""
    try:
        listing = list_files(query.path, _TABLES) if query.path else None
        if listing is None or Path(listing.files[0].path).suffix.lower() not in _TABLES:
            return ()
        file = listing.files[0].path
        header = header_of(file, next(rows_of(listing.root / file, file), None), chosen=True)
        return _columns(header, query, (), own, file).channels
    except ZooError:
        return ()


def _add_windows(
    found: SampleList, item: Recording, name: str, own: SeriesPreprocessing, stride: int
) -> None:
    length, before = own.steps, len(found.samples)
    for begin, end in find_segments(item):
        for start in range(begin, end - length + 1, stride):
            rows = f"rows {start + 1} to {start + length}" if length > 1 else f"row {start + 1}"
            read = partial(_window, item.values, start, length)
            found.samples.append(Sample(name=f"{name}, {rows}", read=read))
    if len(found.samples) == before:
        longest = max(end - begin for begin, end in find_segments(item))
        found.problems.append(
            (name, f"the network takes {length} rows, and the longest stretch has {longest}")
        )
    elif left := len(item.values) % length if stride == length else 0:
        found.notes.append(f"{name}: the last {left} rows fill no window of {length}")


def _window(values: NDArray[np.float32], start: int, length: int) -> NDArray[np.float32]:
    return values[start : start + length]


def _checked(found: SampleList, own: SeriesPreprocessing) -> SampleList:
    shape = found.samples[0].read().shape
    if shape != own.input_shape:
        raise BadData(
            f"series of {found.samples[0].name} have {shape[0]} steps of {shape[1]} channels",
            why=f"the network takes {own.steps} steps of {own.channels} channels",
            fix="cut them to that shape",
        )
    return found
