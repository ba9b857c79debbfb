"""Windows of time series for anomaly detection.

A window is an anomaly where any of its rows is. No row is in two splits: time decides (of each
recording the first 60 % are for training, the next 15 % for validation, the rest for test), but
whole stretches of anomalies go to test and validation in turn, with the rows that windows around
them reach. Windows across a border are left out.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from zoo.common.errors import BadData, UnknownName, UsageError
from zoo.common.shown_text import printable
from zoo.contracts.dataset import SPLITS, Dataset
from zoo.data.one_class import CLASSES, MOST_ODD, check_splits, normal_class
from zoo.data.readers.class_folders import note
from zoo.data.readers.columns import Columns
from zoo.data.readers.hashing import example_hashes
from zoo.data.readers.in_memory import dataset_of, memory_split
from zoo.data.readers.listing import ListedFile, Listing
from zoo.data.readers.query import Query
from zoo.data.readers.recordings import Recording, read_recordings, read_unlabelled
from zoo.data.splits import without_duplicates

#: Where training and validation of a recording end, as shares of its rows.
_BORDERS = (0.60, 0.75)
#: Of recordings that are given for training, the last part serves as validation.
_GIVEN_BORDER = 0.80
_TRAIN, _VALIDATION, _TEST = range(3)
_FIX = "a shorter window, or longer recordings"


@dataclass(frozen=True, kw_only=True, eq=False)
class MarkedRows:
    """A recording with what is anomalous in it.

    Attributes:
        name: For messages.
        values: float32, (rows, channels).
        anomalous: Boolean, (rows,).
        breaks: Rows before which windows end, ascending, int64.
        split: ``train`` or ``test`` where the recording was given for it; None: time decides.
        first: Number of its first row, for messages.
    """

    name: str
    values: NDArray[np.float32]
    anomalous: NDArray[np.bool_]
    breaks: NDArray[np.int64] = field(default_factory=lambda: np.empty(0, np.int64))
    split: str | None = None
    first: int = 1


def open_one_class(query: Query, listing: Listing, name: str) -> Dataset:
    """Reads recordings whose anomalies a column or a list of rows names.

    Args:
        query: With ``window``, and ``normal`` or ``anomalies``.
        listing: The files.
        name: Of the dataset, as typed.

    Raises:
        UsageError: A missing, wrong or superfluous option.
        UnknownName: A column or label that is not there.
        BadData: What cannot be used: names file, line and column; or a split lacks what it needs.
    """
    length = query.number("window")
    if length is None:
        raise UsageError(
            "the number of rows that make an example is not given", fix=f"{name}&window=50"
        )
    for option in ("target", "labels"):
        if option in query.options:
            raise UsageError(f"{option}= is not for anomaly detection", fix=f"leave {option}= out")
    stride = query.number("stride") or length
    if "anomalies" in query.options:
        if "normal" in query.options or "label" in query.options:
            raise UsageError(
                "anomalies= and normal= both say which rows are anomalies",
                fix="keep one of the two",
            )
        columns, items = _listed_rows(query, listing)
    else:
        columns, items = _labelled_rows(query, listing)
    return windows_of(name, items, length, stride, channels=columns.channels, notes=_left(listing))


def windows_of(
    name: str,
    items: Sequence[MarkedRows],
    length: int,
    stride: int,
    *,
    channels: tuple[str, ...] = (),
    notes: Sequence[str] = (),
    source: str = "",
    licence: str = "unknown",
) -> Dataset:
    """The dataset of all windows of recordings.

    Args:
        name: Of the dataset, as typed.
        items: The recordings.
        length: Rows of a window.
        stride: Rows from the start of one to that of the next.
        channels: Names of the columns.
        notes: Remarks of whoever read the recordings.
        source: Where they are from.
        licence: SPDX identifier.

    Raises:
        BadData: No recording is long enough, training never changes, or a split lacks what it
            needs.
    """
    short = [f"{item.name} ({len(item.values)} rows)" for item in items if _longest(item) < length]
    if len(short) == len(items):
        raise BadData(f"there is no window of {length} rows: {'; '.join(short[:8])}", fix=_FIX)
    found = [_windows(item, owner, length, stride) for item, owner in _owned(items, length)]
    arrays: dict[str, NDArray[np.float32]] = {
        split: np.concatenate([of_item[0][n] for of_item in found])
        for n, split in enumerate(SPLITS)
    }
    marks: dict[str, NDArray[np.int64]] = {
        split: np.concatenate([of_item[1][n] for of_item in found])
        for n, split in enumerate(SPLITS)
    }
    odd = [one for of_item in found for one in of_item[2]]
    if len(odd) > MOST_ODD * (len(arrays["train"]) + len(odd)):
        raise BadData(
            f"{len(odd):,} of {len(arrays['train']) + len(odd):,} training windows hold anomalies, "
            f"more than {MOST_ODD:.0%}: {'; '.join(odd[:8])}",
            why="a network trained on anomalies reproduces them, and does not detect them",
            fix="give recordings without anomalies for training",
        )
    border = sum(of_item[3] for of_item in found)
    hashes: dict[str, list[bytes]] = {n: example_hashes(own) for n, own in arrays.items()}
    kept, copies = without_duplicates(hashes, SPLITS)
    told = check_splits({n: marks[n][own] == 1 for n, own in kept.items()}, name)
    _check_changes(arrays["train"], channels, items)
    splits = {n: memory_split(own, marks[n], hashes[n], kept[n]) for n, own in arrays.items()}
    return dataset_of(
        name,
        CLASSES,
        splits,
        source=source or "; ".join(item.name for item in items[:4]),
        licence=licence,
        channels=channels,
        notes=(
            *notes,
            *note(f"recordings of fewer than {length} rows, left out", short),
            *note("training windows with anomalies, left out", odd),
            *([f"{border:,} windows that span two splits are left out"] if border else []),
            *(
                [f"{copies:,} windows that equal one of another split are left out"]
                if copies
                else []
            ),
            *told,
        ),
    )


def _owned(items: Sequence[MarkedRows], length: int) -> list[tuple[MarkedRows, NDArray[np.int64]]]:
    """Each recording with the split of each of its rows."""
    found, turn = [], 0
    for item in items:
        rows = len(item.values)
        owner = np.full(rows, _TEST, np.int64)
        if item.split == "train":
            owner[:] = _TRAIN
            owner[int(rows * _GIVEN_BORDER) :] = _VALIDATION
        elif item.split is None:
            owner[: int(rows * _BORDERS[1])] = _VALIDATION
            owner[: int(rows * _BORDERS[0])] = _TRAIN
            for begin, end in _reaches(item.anomalous, length):
                owner[begin:end] = (_TEST, _VALIDATION)[turn % 2]
                turn += 1
        found.append((item, owner))
    return found


def _reaches(anomalous: NDArray[np.bool_], length: int) -> list[tuple[int, int]]:
    """First row and end of what windows with an anomaly cover, those that meet as one."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], anomalous.astype(np.int8), [0]])))
    found: list[tuple[int, int]] = []
    for begin, end in edges.reshape(-1, 2).tolist():
        low, high = max(begin - length + 1, 0), min(end + length - 1, len(anomalous))
        if found and low <= found[-1][1]:
            low = found.pop()[0]
        found.append((low, high))
    return found


def _windows(
    item: MarkedRows, owner: NDArray[np.int64], length: int, stride: int
) -> tuple[list[NDArray[np.float32]], list[NDArray[np.int64]], list[str], int]:
    """Windows and labels of each split, odd ones in training by name, and how many are left out."""
    values: list[list[NDArray[np.float32]]] = [[], [], []]
    labels: list[list[int]] = [[], [], []]
    odd, border = list[str](), 0
    edges = [0, *item.breaks.tolist(), len(item.values)]
    for begin, end in itertools.pairwise(edges):
        for start in range(begin, end - length + 1, stride):
            own = slice(start, start + length)
            split = int(owner[start])
            mark = bool(item.anomalous[own].any())
            if (owner[own] != split).any():
                border += 1
            elif split == _TRAIN and mark:
                place = item.first + start
                odd.append(f"{item.name}, rows {place} to {place + length - 1}")
            else:
                values[split].append(item.values[own])
                labels[split].append(int(mark))
    shape = (0, length, item.values.shape[1])
    stacked = [np.stack(own) if own else np.empty(shape, np.float32) for own in values]
    return stacked, [np.array(own, np.int64) for own in labels], odd, border


def _longest(item: MarkedRows) -> int:
    return int(np.diff([0, *item.breaks.tolist(), len(item.values)]).max())


def _check_changes(
    train: NDArray[np.float32], channels: tuple[str, ...], items: Sequence[MarkedRows]
) -> None:
    constant = np.ptp(train.reshape(-1, train.shape[-1]), axis=0) == 0.0
    if not constant.any():
        return
    number = int(constant.argmax())
    what = channels[number] if channels else f"{number + 1}"
    changing = [name for name, flat in zip(channels, constant.tolist(), strict=False) if not flat]
    use = f"channels={','.join(map(printable, changing))}" if changing else "leave the channel out"
    where = ", ".join(dict.fromkeys(item.name for item in items[:4]))
    raise BadData(
        f"{where}: the channel {printable(what)!r} never changes in training",
        why="values are divided by their standard deviation in training, which is zero",
        fix=f"{use}, or give recordings in which it changes",
    )


def _labelled_rows(query: Query, listing: Listing) -> tuple[Columns, list[MarkedRows]]:
    recordings = read_recordings(listing, query)
    label = recordings.columns.label
    normal = normal_class(
        query.options.get("normal"), recordings.classes, f"csv:{query.path}?label={label}&normal="
    )
    number = recordings.classes.index(normal)
    return recordings.columns, [_marked(item, item.labels != number) for item in recordings.items]


def _marked(item: Recording, anomalous: NDArray[np.bool_]) -> MarkedRows:
    changes = np.flatnonzero(np.diff(item.groups)) + 1
    return MarkedRows(
        name=item.name,
        values=item.values,
        anomalous=anomalous,
        breaks=np.union1d(item.breaks, changes).astype(np.int64),
    )


def _listed_rows(query: Query, listing: Listing) -> tuple[Columns, list[MarkedRows]]:
    if len(listing.files) > 1:
        raise UsageError(
            f"anomalies= gives rows of one file, but there are {len(listing.files)} files",
            fix="name one file, or mark anomalies in a column: label=COLUMN&normal=0",
        )
    file = listing.files[0]
    used: list[Columns] = []

    def columns_for(header: Sequence[str]) -> Columns:
        used.append(_columns(query, header, file))
        return used[0]

    item = read_unlabelled(listing, file, columns_for)
    anomalous = np.zeros(len(item.values), bool)
    for begin, end in _ranges(query.options["anomalies"], len(anomalous), file.path):
        anomalous[begin - 1 : end] = True
    return used[0], [_marked(item, anomalous)]


def _columns(query: Query, header: Sequence[str], file: ListedFile) -> Columns:
    named = [text for text in header if text]
    group, time = query.options.get("group"), query.options.get("time")
    taken = [name for name in (group, time) if name]
    channels = query.names("channels", named) or tuple(n for n in named if n not in taken)
    for column in (*taken, *channels):
        if column not in named:
            raise UnknownName(f"column of {printable(file.path)}", column, named)
    if not channels or len({*channels, *taken}) < len(channels) + len(taken):
        raise UsageError(
            f"channels of {printable(file.path)}: a column has two roles, or no channel is left",
            fix=f"columns are {','.join(named)}",
        )
    return Columns(channels=channels, label="", group=group, time=time)


def _ranges(text: str, rows: int, file: str) -> list[tuple[int, int]]:
    found = []
    for part in text.split(","):
        low, dash, high = part.strip().partition("-")
        numbers = [low, high if dash else low]
        if not all(one.isascii() and one.isdecimal() and len(one) <= 12 for one in numbers):
            raise UsageError(
                f"{part!r} in anomalies= is no range of rows", fix="anomalies=120-180,400-460"
            )
        begin, end = map(int, numbers)
        if begin > end:
            raise UsageError(
                f"anomalies={part}: the range ends before it begins", fix=f"anomalies={end}-{begin}"
            )
        if not 1 <= begin <= end <= rows:
            raise UsageError(
                f"anomalies={part}: {printable(file)} has the rows 1 to {rows:,}",
                why="rows are counted from 1 below the header, and both ends count",
                fix="correct the range",
            )
        found.append((begin, end))
    return found


def _left(listing: Listing) -> list[str]:
    return note("left out", listing.ignored)
