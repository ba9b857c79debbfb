"""Time series from CSV files: windows of sensor recordings."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from zoo.common.errors import UsageError
from zoo.contracts.dataset import Dataset, DatasetProvider, Split
from zoo.data.one_class import TASK
from zoo.hookspecs import hookimpl

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from zoo.data.readers.listing import Listing
    from zoo.data.readers.query import Query
    from zoo.data.readers.recordings import Recordings
    from zoo.data.readers.windows import Windows

#: What may follow the path.
OPTIONS = (
    *("window", "stride", "label", "group", "channels", "time", "target", "labels"),
    *("normal", "anomalies"),
)
SUFFIXES = (".csv", ".tsv")


@hookimpl
def zoo_datasets() -> Iterable[DatasetProvider]:
    """Yields ``csv``."""
    yield DatasetProvider(
        name="csv",
        summary="your own time series: a CSV file, or a folder with one per recording",
        tasks=("sequence-classification", "regression", "multi-label", TASK),
        tasks_of=tasks_of,
        open=open_csv,
        fingerprint=fingerprint,
        asking={TASK: "normal=LABEL (or anomalies=FIRST-LAST,…, rows from 1)"},
        argument="PATH?window=STEPS",
        paths=(".csv", ".tsv"),
        where="any file or folder on this machine, with a header and a column label",
        defaults=lambda options: {"label": "label", "stride": options.get("window", "")},
    )


def open_csv(argument: str | None) -> Dataset:
    """Cuts recordings into windows and splits them, 70/15/15 where groups allow it.

    Args:
        argument: Path of a file or folder, and options behind a ``?``: ``window`` is the number of
            rows of an example; ``stride`` that from one to the next (``window`` when not given);
            ``label`` the column with the class (``label``); ``group`` a column that keeps
            recordings or persons apart; ``channels`` the columns to use (all others); ``time``
            one with a clock, numbers or dates, at whose jumps windows end. ``target`` names columns
            of real numbers to be predicted in the place of a class, ``labels`` columns of 0 and 1;
            those of a window are in its last row, and a window is one row where none is given.
            For anomaly detection ``normal`` is the label of normal rows, or ``anomalies`` lists the
            others, as ``120-180,400-460`` counted from 1: see `zoo.data.one_class_series`.

    Raises:
        UsageError: No such file or folder; a wrong option or column name.
        BadData: What cannot be used: names file, line and column. Or too few windows.
    """
    from zoo.data.one_class_series import open_one_class
    from zoo.data.readers.in_memory import dataset_of
    from zoo.data.readers.recordings import read_recordings
    from zoo.data.readers.windows import cut_windows, split_windows, window_hashes

    query, listing = _find(argument)
    if _is_one_class(query):
        return open_one_class(query, listing, f"csv:{argument}")
    length = query.number("window")
    columns = [key for key in ("label", "target", "labels") if key in query.options]
    if len(columns) > 1:
        raise UsageError(
            f"{columns[0]}= and {columns[1]}= cannot both be what is predicted", fix="keep one"
        )
    if length is None and columns in (["target"], ["labels"]):
        length = 1
    if length is None:
        raise UsageError(
            "the number of rows that make an example is not given",
            fix=f"csv:{query.path}?window=50; where each row is an example by itself, "
            f"csv:{query.path}?window=1, with &label=COLUMN for the class, or name the column to "
            f"predict: csv:{query.path}?target=COLUMN, or ?labels=COLUMN,COLUMN",
        )
    recordings = read_recordings(listing, query)
    windows = cut_windows(recordings, length, query.number("stride") or length)
    hashes = window_hashes(windows, recordings.items)
    indices, notes = _split_rows(windows, recordings, hashes) or split_windows(
        windows, recordings, hashes
    )
    splits = {n: _split(windows, recordings, hashes, own) for n, own in indices.items()}
    of_columns = _check_columns(recordings, splits)
    return dataset_of(
        f"csv:{argument}",
        recordings.classes,
        splits,
        source=f"{len(listing.files)} files" if len(listing.files) > 1 else listing.files[0].path,
        notes=(*notes, *of_columns, *_notes(listing, recordings, length)),
        channels=recordings.columns.channels,
    )


def fingerprint(argument: str | None) -> str:
    """SHA-256 over names, sizes and times of all files; none is read.

    Raises:
        UsageError: No such file or folder.
        BadData: A link leaves the folder, or a folder cannot be read.
    """
    from zoo.data.readers.listing import listing_fingerprint

    return f"csv:{listing_fingerprint(_find(argument)[1])}"


def _find(argument: str | None) -> tuple[Query, Listing]:
    from zoo.data.readers.listing import list_files

    query = _query(argument)
    return query, list_files(query.path, SUFFIXES)


def _query(argument: str | None) -> Query:
    from zoo.data.readers.query import parse_query

    return parse_query("csv", argument, OPTIONS)


def _split(
    windows: Windows, recordings: Recordings, hashes: list[bytes], own: NDArray[np.int64]
) -> Split:
    from zoo.data.readers.hashing import split_hash

    labels = windows.label[own]
    if recordings.columns.targets:
        labels = windows.targets(recordings.items, own)

    def read(index: int) -> NDArray[np.float32]:
        return windows.read(recordings.items, int(own[index]))

    content = split_hash([hashes[i] for i in own.tolist()], labels)
    return Split(labels=labels, read=read, content_hash=content)


def _split_rows(
    windows: Windows, recordings: Recordings, hashes: list[bytes]
) -> tuple[dict[str, NDArray[np.int64]], list[str]] | None:
    """By content, where rows are examples by themselves; None where order or groups count."""
    import numpy as np

    from zoo.data.target_splits import split_alike

    columns = recordings.columns
    ordered = windows.length > 1 or columns.time or columns.group or len(recordings.items) > 1
    if not columns.targets or ordered:
        return None
    labels = windows.targets(recordings.items, np.arange(len(windows)))
    found = split_alike(labels, hashes, columns.form)
    told = "each row is an example by itself: split by content; time=COLUMN keeps their order"
    return found, [told]


def tasks_of(argument: str | None) -> tuple[str, ...]:
    """The task that the options ask for; no file is read."""
    query = _query(argument)
    options = query.options
    if _is_one_class(query):
        return (TASK,)
    if "target" in options:
        return ("regression",)
    return ("multi-label",) if "labels" in options else ("sequence-classification",)


def _is_one_class(query: Query) -> bool:
    return not {"normal", "anomalies"}.isdisjoint(query.options)


def _check_columns(recordings: Recordings, splits: Mapping[str, Split]) -> list[str]:
    from zoo.data.readers.label_forms import LABELS, check_learnable
    from zoo.data.target_splits import missing_notes

    names, form = recordings.classes, recordings.columns.form
    if not form:
        return []
    by_split = {name: split.labels for name, split in splits.items()}
    notes = check_learnable(by_split["train"], names, form)
    if form == LABELS:
        notes += missing_notes(by_split, names)
    return notes


def _notes(listing: Listing, recordings: Recordings, length: int) -> list[str]:
    from zoo.data.readers.array_ranges import SUBTRACT
    from zoo.data.readers.class_folders import note
    from zoo.data.readers.folder_names import lookalike_notes
    from zoo.data.readers.gaps import gap_notes
    from zoo.data.readers.windows import find_segments

    short = [
        f"{item.name} ({len(item.values)} rows)"
        for item in recordings.items
        if max(end - begin for begin, end in find_segments(item)) < length
    ]
    rising, names = find_rising_channels(recordings), recordings.columns.channels
    rounded = {n: what for item in recordings.items for n, what in item.rounded.items()}
    return [
        *note("left out", listing.ignored),
        *note(f"recordings without {length} rows of one label, group and time, left out", short),
        *lookalike_notes(recordings.classes),
        *(
            f"the channel {name!r} only ever rises: a clock or a row number gives the class away "
            "by itself; to leave it out, name the others in channels=, or write "
            f"time={name}, which also ends windows at its jumps"
            for name in rising
        ),
        *(
            f"the channel {names[n]!r} of {what}: {SUBTRACT}"
            for n, what in sorted(rounded.items())
            if names[n] not in rising
        ),
        *gap_notes(listing, recordings),
    ]


def find_rising_channels(recordings: Recordings) -> list[str]:
    """Channels that never fall, or only where each label or group begins, such as time stamps."""
    import numpy as np

    from zoo.data.readers.windows import find_segments

    if not any(len(item.values) >= 20 for item in recordings.items):
        return []
    always, restarts = [], []
    for item in recordings.items:
        # float32 gives neighbouring times the same number, so each step may also be none.
        steps = np.diff(item.values, axis=0)
        starts = np.array([begin for begin, _ in find_segments(item)[1:]], np.int64) - 1
        always.append((steps >= 0).all(axis=0) & (item.values[-1] > item.values[0]))
        within = np.delete(steps, starts, axis=0)
        risen = (within >= 0).all(axis=0) & (within > 0).any(axis=0)
        restarts.append(risen & ((steps[starts] < 0).all(axis=0) if len(starts) else always[-1]))
    up = np.logical_and.reduce(always) | np.logical_and.reduce(restarts)
    return [n for n, each in zip(recordings.columns.channels, up.tolist(), strict=True) if each]
