"""No row is in windows of two splits, whatever the recordings are like."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from zoo.common.errors import BadData
from zoo.data.readers.recordings import Columns, Recording, Recordings
from zoo.data.readers.windows import Indices, Windows, cut_windows, split_windows, window_hashes
from zoo.data.splits import split_by_content

#: Runs of (label, group, rows); a file holds some.
FILE = st.lists(
    st.tuples(st.integers(0, 2), st.integers(0, 8), st.integers(1, 40)), min_size=1, max_size=8
)


def recordings_of(files: list[list[tuple[int, int, int]]]) -> Recordings:
    """Every row holds a number of its own."""
    items, number = [], 0
    for runs in files:
        count = sum(rows for *_, rows in runs)
        values = np.arange(number, number + count, dtype=np.float32)[:, None]
        number += count
        labels = np.repeat([label for label, *_ in runs], [rows for *_, rows in runs])
        groups = np.repeat([group for _, group, _ in runs], [rows for *_, rows in runs])
        items.append(Recording(name="f", values=values, labels=labels, groups=groups))
    used = np.unique(np.concatenate([item.labels for item in items]))
    return Recordings(
        columns=Columns(channels=("x",), label="label", group="who"),
        classes=tuple(map(str, range(int(used.max()) + 1))),
        groups=tuple(map(str, range(9))),
        items=items,
    )


def rows_of_splits(
    recordings: Recordings, windows: Windows, indices: Indices
) -> dict[str, set[float]]:
    return {
        name: {float(v) for i in own for v in windows.read(recordings.items, i)[:, 0]}
        for name, own in indices.items()
    }


def leaks(rows: dict[str, set[float]]) -> bool:
    return sum(map(len, rows.values())) != len(set().union(*rows.values()))


@given(
    files=st.lists(FILE, min_size=1, max_size=6),
    length=st.integers(1, 12),
    stride=st.integers(1, 15),
)
def test_no_row_is_in_two_splits(
    files: list[list[tuple[int, int, int]]], length: int, stride: int
) -> None:
    recordings = recordings_of(files)
    try:
        windows = cut_windows(recordings, length, stride)
        indices, notes = split_windows(
            windows, recordings, window_hashes(windows, recordings.items)
        )
    except BadData:
        return
    rows = rows_of_splits(recordings, windows, indices)
    assert not leaks(rows)
    for own in indices.values():
        assert set(windows.label[own].tolist()) == set(range(len(recordings.classes)))
        assert own.tolist() == sorted(set(own.tolist()))
    if "split by who" in notes[0]:
        groups = [set(windows.group[own].tolist()) for own in indices.values()]
        assert sum(map(len, groups)) == len(set().union(*groups))
        assert sum(map(len, indices.values())) == len(windows)
    assert split_windows(windows, recordings, window_hashes(windows, recordings.items))[1] == notes


@given(files=st.lists(FILE, min_size=1, max_size=4), length=st.integers(1, 12))
def test_a_window_has_one_truth(files: list[list[tuple[int, int, int]]], length: int) -> None:
    recordings = recordings_of(files)
    try:
        windows = cut_windows(recordings, length, 1)
    except BadData:
        return
    for i in range(len(windows)):
        item = recordings.items[windows.recording[i]]
        own = slice(windows.start[i], windows.start[i] + length)
        assert set(item.labels[own].tolist()) == {windows.label[i]}
        assert set(item.groups[own].tolist()) == {windows.group[i]}
        assert len(item.labels[own]) == length


def test_the_check_sees_a_leak() -> None:
    """Splitting overlapping windows by content, as images are, would share rows."""
    recordings = recordings_of([[(0, 0, 100), (1, 0, 100)]])
    windows = cut_windows(recordings, 10, 2)
    hashes = window_hashes(windows, recordings.items)
    assert leaks(
        rows_of_splits(recordings, windows, split_by_content(hashes, windows.label, ("0", "1")))
    )
    assert not leaks(
        rows_of_splits(recordings, windows, split_windows(windows, recordings, hashes)[0])
    )


def test_three_windows_that_just_fit() -> None:
    """The hardest case that can be done: 30 rows are three windows of 10."""
    recordings = recordings_of([[(0, 0, 30), (1, 0, 30)]])
    windows = cut_windows(recordings, 10, 1)
    indices, _ = split_windows(windows, recordings, window_hashes(windows, recordings.items))
    assert {name: windows.start[own].tolist() for name, own in indices.items()} == {
        "train": [0, 30],
        "validation": [10, 40],
        "test": [20, 50],
    }
    shorter = recordings_of([[(0, 0, 29), (1, 0, 30)]])
    windows = cut_windows(shorter, 10, 1)
    with pytest.raises(BadData, match="class '0' has 20 windows, of which fewer than three"):
        split_windows(windows, shorter, window_hashes(windows, shorter.items))


def test_three_groups_are_enough() -> None:
    recordings = recordings_of([[(label, group, 20) for group in range(3) for label in (0, 1)]])
    windows = cut_windows(recordings, 10, 5)
    indices, notes = split_windows(windows, recordings, window_hashes(windows, recordings.items))
    assert notes == ["split by who: 1 train, 1 validation, 1 test"]
    assert all(len(own) == 6 for own in indices.values())


def test_a_class_in_two_groups_alone_is_split_by_time() -> None:
    runs = [(label, group, 40) for group in range(9) for label in ((0, 1) if group < 2 else (0,))]
    recordings = recordings_of([runs])
    windows = cut_windows(recordings, 10, 5)
    _, notes = split_windows(windows, recordings, window_hashes(windows, recordings.items))
    assert "split by time" in notes[0]
