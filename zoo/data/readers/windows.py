"""Windows of recordings, and their division among splits without leakage.

A window lies within one recording and one group, and all its rows have the same label: a window
across a change would have two truths.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zoo.common.errors import BadData
from zoo.data.group_splits import groups_to_splits
from zoo.data.readers.hashing import array_hash
from zoo.data.readers.recordings import Recording, Recordings
from zoo.data.splits import SHARES, without_duplicates

Indices = dict[str, NDArray[np.int64]]


@dataclass(frozen=True, kw_only=True, eq=False)
class Windows:
    """Positions of windows, ordered by recording and time.

    Attributes:
        length: Rows of each.
        recording: Which recording, int64, shape (windows,).
        start: First row in it.
        segment: Which stretch of rows with one label and group; windows of two never overlap.
        label: Class index.
        group: Group index.
    """

    length: int
    recording: NDArray[np.int64]
    start: NDArray[np.int64]
    segment: NDArray[np.int64]
    label: NDArray[np.int64]
    group: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.start)

    def read(self, recordings: Sequence[Recording], index: int) -> NDArray[np.float32]:
        """The values: float32, shape (length, channels)."""
        start = self.start[index]
        values: NDArray[np.float32] = recordings[self.recording[index]].values
        return values[start : start + self.length]

    def targets(self, recordings: Sequence[Recording], own: NDArray[np.int64]) -> Any:
        """Those of the last rows of some windows: float32, shape (windows, targets)."""
        last = self.start[own] + self.length - 1
        items = zip(self.recording[own].tolist(), last.tolist(), strict=True)
        return np.stack([recordings[recording].targets[row] for recording, row in items])


def cut_windows(recordings: Recordings, length: int, stride: int) -> Windows:
    """All windows of recordings that fit.

    Args:
        recordings: With at least one row each.
        length: Rows of a window.
        stride: Rows from the start of one to that of the next in the same stretch.

    Raises:
        BadData: A class has no stretch that is long enough.
    """
    parts: list[NDArray[np.int64]] = []
    longest = np.zeros(len(recordings.kinds), np.int64)
    segments = 0
    for number, item in enumerate(recordings.items):
        for begin, end in find_segments(item):
            label, group = item.labels[begin], item.groups[begin]
            longest[label] = max(longest[label], end - begin)
            starts = np.arange(begin, end - length + 1, stride, dtype=np.int64)
            same = np.array([[number], [segments], [label], [group]], np.int64)
            parts.append(np.vstack([starts, np.repeat(same, len(starts), axis=1)]))
            segments += 1
    short = np.flatnonzero(longest < length)
    if len(short):
        raise BadData(
            f"there is no window of {length} rows"
            if recordings.columns.targets
            else f"class {recordings.kinds[short[0]]!r} has no window of {length} rows",
            why="the longest stretch without a change of group or file has "
            f"{longest[short[0]]} rows"
            if recordings.columns.targets
            else "its longest stretch without a change of label, group or file has "
            f"{longest[short[0]]} rows",
            fix=f"a shorter window: window={longest.min()}",
        )
    start, recording, segment, label, group = np.hstack(parts)
    return Windows(
        length=length, recording=recording, start=start, segment=segment, label=label, group=group
    )


def find_segments(item: Recording) -> list[tuple[int, int]]:
    """First row and end of each stretch of rows with one label and group and no jump of time."""
    changes = np.flatnonzero(np.diff(item.labels) | np.diff(item.groups)) + 1
    changes = np.union1d(changes, item.breaks)
    edges = [0, *changes.tolist(), len(item.labels)]
    return list(itertools.pairwise(edges))


def split_windows(
    windows: Windows, recordings: Recordings, digests: Sequence[bytes]
) -> tuple[Indices, list[str]]:
    """Divides windows among train, validation and test, so that no row is in two of them.

    Whole groups go to one split, by their content. Where a class has too few groups for that,
    time decides for all classes: the last 15 % of each are test, those before validation, and
    windows that reach across a border are left out. Windows outside training that repeat one
    inside it, value by value, are left out too.

    Args:
        windows: To divide.
        recordings: They are cut from.
        digests: Content hash of each window.

    Returns:
        Ascending indices of each split, int64, and notes for the reader.

    Raises:
        BadData: A class has too few windows that do not overlap.
    """
    classes = recordings.kinds
    kind = recordings.columns.group or "file"
    where = groups_to_splits(
        windows.group.tolist(), windows.label.tolist(), digests, len(classes), SHARES
    )
    if where is not None:
        split_of = np.array([where[group] for group in windows.group.tolist()])
        found = {name: np.flatnonzero(split_of == name).astype(np.int64) for name in SHARES}
        notes = [
            f"split by {kind}: " + ", ".join(f"{list(where.values()).count(n)} {n}" for n in SHARES)
        ]
    else:
        found, left_out = _by_time(windows, classes)
        few, last = (
            ("there are too few", "the last windows are test")
            if recordings.columns.targets
            else ("some class has too few", "the last windows of each class are test")
        )
        notes = [
            f"split by time, not by {kind}, of which {few}: {last}; {left_out} across borders are "
            "left out"
        ]
    own_hashes = {name: [digests[i] for i in own.tolist()] for name, own in found.items()}
    kept, copies = without_duplicates(own_hashes, ("train", "test", "validation"))
    found = {name: own[kept[name]] for name, own in found.items()}
    if copies:
        notes.append(f"{copies} windows are left out of a split: another holds the same values")
    _check_classes(found, windows, classes)
    return found, notes


def _by_time(windows: Windows, classes: Sequence[str]) -> tuple[Indices, int]:
    """Blocks of time, class by class, and how many windows are left out at borders."""
    parts: dict[str, list[NDArray[np.int64]]] = {name: [] for name in SHARES}
    for label, name in enumerate(classes):
        for split, own in _blocks(windows, np.flatnonzero(windows.label == label), name).items():
            parts[split].append(own)
    found = {name: np.sort(np.concatenate(own)) for name, own in parts.items()}
    return found, len(windows) - sum(map(len, found.values()))


def _blocks(windows: Windows, own: NDArray[np.int64], name: str) -> Indices:
    """Training, validation and test windows of one class, from back to front."""
    parts = {split: max(1, round(len(own) * share)) for split, share in SHARES.items()}
    while True:
        test = own[-parts["test"] :]
        before = _ending_before(windows, own, test[0])
        validation = before[-parts["validation"] :]
        train = _ending_before(windows, own, validation[0]) if len(validation) else validation
        if len(train):
            return {"train": train, "validation": validation, "test": test}
        if parts["validation"] == parts["test"] == 1:
            raise BadData(
                f"class {name!r} has {len(own)} windows, of which fewer than three do not overlap",
                why="each split needs one, and no row may be in two splits",
                fix="record more of it, or cut shorter windows",
            )
        parts = {split: max(1, count // 2) for split, count in parts.items()}


def _ending_before(windows: Windows, own: NDArray[np.int64], border: np.int64) -> NDArray[np.int64]:
    """Those of `own` that lie before the window `border` and share no row with it."""
    other_segment = windows.segment[own] < windows.segment[border]
    ended = windows.start[own] + windows.length <= windows.start[border]
    before: NDArray[np.int64] = own[
        other_segment | ((windows.segment[own] == windows.segment[border]) & ended)
    ]
    return before


def _check_classes(found: Indices, windows: Windows, classes: Sequence[str]) -> None:
    for split, own in found.items():
        present = set(windows.label[own].tolist())
        for label, name in enumerate(classes):
            if label not in present:
                raise BadData(
                    f"class {name!r} has no windows of its own in {split}",
                    why="all of them repeat windows of another split, value by value",
                    fix="remove copies and stretches in which nothing changes",
                )


def window_hashes(windows: Windows, recordings: Sequence[Recording]) -> list[bytes]:
    """SHA-256 of each window's values, 32 bytes each."""
    return [array_hash(windows.read(recordings, i)) for i in range(len(windows))]
