"""Gaps of recordings: whether windows end there or reach over them, as notes for the reader."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from zoo.common.shown_text import printable
from zoo.data.readers.clocks import clock_breaks, runs_like_a_clock, seconds
from zoo.data.readers.listing import Listing
from zoo.data.readers.recordings import Recording, Recordings
from zoo.data.readers.tables import rows_of


def gap_notes(listing: Listing, recordings: Recordings) -> list[str]:
    """What a reader must know of jumps of the clock within rows of one label and group.

    With the option ``time``, windows end there. Without it they reach over them: the clock may be
    a channel, or a column that is not used, which is read here.
    """
    columns, items = recordings.columns, recordings.items
    if columns.time:
        ended = [np.setdiff1d(item.breaks, _changes(item)) for item in items]
        what = f"the clock {columns.time!r}"
        return _notes(items, what, ended, "windows end there")
    notes = []
    for place, name in enumerate(columns.channels):
        jumps = [_jumps(item.values[:, place].astype(np.float64), item) for item in items]
        notes += _reached(items, f"the channel {name!r}", jumps, name)
    unread = _unread_columns(listing, recordings)
    for name, clocks in unread.items():
        jumps = [_jumps(clock, item) for clock, item in zip(clocks, items, strict=True)]
        notes += _reached(items, f"the column {name!r}, which no option names,", jumps, name)
    return notes


def _changes(item: Recording) -> NDArray[np.int64]:
    """Rows before which the label or the group changes."""
    return np.flatnonzero(np.diff(item.labels) | np.diff(item.groups)) + 1


def _jumps(clock: NDArray[np.float64], item: Recording) -> NDArray[np.int64] | None:
    """Where a column jumps; None when it is no clock."""
    changes = _changes(item)
    if not runs_like_a_clock(clock, changes):
        return None
    return np.setdiff1d(clock_breaks(clock), changes)


def _reached(
    items: list[Recording], what: str, jumps: list[NDArray[np.int64] | None], name: str
) -> list[str]:
    found = [one for one in jumps if one is not None]
    if len(found) < len(items):
        return []
    return _notes(items, what, found, f"windows reach over that; time={name} ends them there")


def _notes(
    items: list[Recording], what: str, jumps: list[NDArray[np.int64]], then: str
) -> list[str]:
    """A line with the number of jumps and the first; none without any."""
    count, holding = sum(map(len, jumps)), [n for n, own in enumerate(jumps) if len(own)]
    if not holding:
        return []
    first = holding[0]
    times = "once" if count == 1 else f"{count:,} times"
    place = f"{printable(items[first].name)}, row {int(jumps[first][0]) + 1:,}"
    return [f"{what} jumps {times} within a label and group (first at {place}): {then}"]


def _unread_columns(
    listing: Listing, recordings: Recordings
) -> dict[str, list[NDArray[np.float64]]]:
    """Columns of numbers or times that no option names, for each file; few are left to read."""
    columns = recordings.columns
    used = {*columns.channels, columns.label, columns.group or ""}
    found: dict[str, list[NDArray[np.float64]]] | None = None
    for file in listing.files:
        rows = rows_of(listing.root / file.path, file.path)
        header = [text.strip() for text in next(rows, (0, []))[1]]
        own: dict[str, list[float]] = {
            name: []
            for name in header
            if name not in used and name and (found is None or name in found)
        }
        for _, row in rows if own else ():
            for name, value in _values(header, row, list(own)):
                if value is None:
                    del own[name]
                else:
                    own[name].append(value)
            if not own:
                break
        found = {n: [*(found or {}).get(n, []), np.array(v)] for n, v in own.items()}
        if not found:
            break
    return found or {}


def _values(
    header: list[str], row: list[str], names: list[str]
) -> Iterator[tuple[str, float | None]]:
    for name in names:
        try:
            yield name, float(seconds(row[header.index(name)]))
        except ValueError:
            yield name, None
