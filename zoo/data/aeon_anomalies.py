"""Series with anomalies that the package aeon contains, in the format of TimeEval.

Each file has the columns ``timestamp``, one for each channel, and ``is_anomaly``, 0 or 1. Where a
file for training is beside that for test, which begins with the same rows, these are left out of
test (Wu & Keogh, arXiv:2009.13807; Schmidl, Wenig & Papenbrock 2022, PVLDB 15(9)).
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from zoo.contracts.dataset import Dataset

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from zoo.data.readers.columns import Columns

_TRAIN, _TEST = "_TRAIN.csv", "_TEST.csv"
_LABEL, _CLOCK = "is_anomaly", "timestamp"
#: Rows of a window, and from one to the next, where nobody says otherwise.
WINDOW, STRIDE = 64, 4


def find_sets(folder: Path) -> dict[str, tuple[Path, ...]]:
    """The sets in a folder of sets: training and test file of each, or its only file."""
    found: dict[str, tuple[Path, ...]] = {}
    for test in sorted(folder.glob(f"*/*{_TEST}")):
        train = test.with_name(test.name.replace(_TEST, _TRAIN))
        if train.is_file():
            found[test.parent.name] = (train, test)
    for path in sorted(folder.glob("*/*.csv")):
        if path.parent.name not in found and _is_marked(path):
            found[path.parent.name] = (path,)
    return found


def _is_marked(path: Path) -> bool:
    with path.open(encoding="utf-8", errors="replace") as file:
        return _LABEL in file.readline().strip().split(",")


def open_series(argument: str | None, folder: Path) -> Dataset:
    """Windows of a set; those of a single file are divided as `one_class_series` says.

    Args:
        argument: Its name, and ``window`` and ``stride`` behind a ``?``.
        folder: Of the sets.

    Raises:
        UnknownName: An option that there is not.
        BadData: A file is damaged, or holds no window of that length.
    """
    import numpy as np

    from zoo.data.one_class_series import MarkedRows, windows_of
    from zoo.data.readers.query import parse_query

    query = parse_query("aeon", argument, ("window", "stride"), what="name")
    length, stride = query.number("window") or WINDOW, query.number("stride") or STRIDE
    files = find_sets(folder)[query.path]
    read = [_read(path) for path in files]
    channels = read[0][0]
    items = [
        MarkedRows(name=path.name, values=values, anomalous=marks, split=None)
        for path, (_, values, marks) in zip(files, read, strict=True)
    ]
    if len(items) == 2:
        train, test = items
        rows = len(train.values)
        same = rows < len(test.values) and np.array_equal(train.values, test.values[:rows])
        skipped = rows if same else 0
        items = [
            MarkedRows(
                name=train.name, values=train.values, anomalous=train.anomalous, split="train"
            ),
            MarkedRows(
                name=test.name,
                values=test.values[skipped:],
                anomalous=test.anomalous[skipped:],
                split="test",
                first=skipped + 1,
            ),
        ]
    return windows_of(
        f"aeon:{argument}",
        items,
        length,
        stride,
        channels=channels,
        source="https://timeeval.github.io/evaluation-paper/notebooks/Datasets.html",
        notes=(f"windows of {length} rows, {stride} from one to the next",),
    )


def _read(path: Path) -> tuple[tuple[str, ...], NDArray[np.float32], NDArray[np.bool_]]:
    """Names of the channels, values and marks of a file."""
    import numpy as np

    from zoo.data.readers.columns import Columns
    from zoo.data.readers.listing import list_files
    from zoo.data.readers.recordings import read_unlabelled

    listing = list_files(str(path), None)

    def columns_for(header: Sequence[str]) -> Columns:
        names = tuple(name for name in header if name != _CLOCK)
        return Columns(channels=names, label="", group=None)

    item = read_unlabelled(listing, listing.files[0], columns_for)
    with path.open(encoding="utf-8") as file:
        names = [name for name in file.readline().strip().split(",") if name != _CLOCK]
    place = names.index(_LABEL)
    values = np.delete(item.values, place, axis=1)
    return tuple(n for n in names if n != _LABEL), values, item.values[:, place] != 0.0
