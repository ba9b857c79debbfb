"""Time series classification sets that the package aeon contains."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from zoo.common.errors import BadData, MissingExtra, UnknownName, nearest
from zoo.contracts.dataset import Dataset, DatasetProvider
from zoo.data import aeon_anomalies
from zoo.data.one_class import TASK
from zoo.hookspecs import hookimpl

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

#: A header is a few comments and tags; whatever stands this far down is data.
_HEADER_LINES = 400
_CLASSES = re.compile(r"@classlabel\s+true\s", re.IGNORECASE)
#: aeon's own tests use it; it is a piece of another set.
_NO_DATASETS = {"UnitTest", "UnitTestTimeStamps"}
#: Files whose series were cut to one length have this behind their name.
_EQUAL = "_eq"


@hookimpl
def zoo_datasets() -> Iterable[DatasetProvider]:
    """Yields ``aeon``."""
    yield DatasetProvider(
        name="aeon",
        summary="time series of the UCR and UEA archives that come with aeon: BasicMotions, …",
        tasks=("sequence-classification", TASK),
        tasks_of=tasks_of,
        open=open_aeon,
        fingerprint=fingerprint,
        argument="NAME",
        where='pip install "edgezoo[aeon]"',
    )


def open_aeon(argument: str | None) -> Dataset:
    """Reads a set with aeon's own loader; nothing is ever downloaded.

    The archive's test split stays as it is; 15 % of its training split serve as validation. Of a
    set with series of different lengths, the version with equal lengths is read. Sets of anomalies
    are read by `zoo.data.aeon_anomalies`.

    Args:
        argument: Name of a set that aeon carries in its package.

    Raises:
        MissingExtra: aeon is not installed.
        UnknownName: aeon carries no such set; lists those that it does.
        BadData: Series with gaps, or of different lengths.
    """
    import numpy as np

    from zoo.data.readers.in_memory import dataset_of, divided_splits
    from zoo.data.readers.listing import class_order

    if tasks_of(argument) == (TASK,):
        return aeon_anomalies.open_series(argument, _folder())
    name, files = _find(argument)
    arrays, names = {}, {}
    for part in ("train", "test"):
        arrays[part], names[part] = _load(name, part, files[0].parents[1])
    classes = tuple(sorted(set(names["train"]) | set(names["test"]), key=class_order))
    number = {one: label for label, one in enumerate(classes)}
    labels = {p: np.array([number[one] for one in own], np.int64) for p, own in names.items()}
    splits, notes = divided_splits(arrays, labels, classes)
    if files[0].stem.removesuffix("_TRAIN") != name:
        notes.append("series of different lengths: this is the archive's version of equal length")
    return dataset_of(
        f"aeon:{name}",
        classes,
        splits,
        source=f"https://www.timeseriesclassification.com/description.php?Dataset={name}",
        notes=tuple(notes),
    )


def fingerprint(argument: str | None) -> str:
    """Sizes and times of the two files.

    Raises:
        MissingExtra: aeon is not installed.
        UnknownName: aeon carries no such set.
    """
    if tasks_of(argument) == (TASK,):
        files = aeon_anomalies.find_sets(_folder())[argument.partition("?")[0] if argument else ""]
    else:
        files = _find(argument)[1]
    statuses = [file.stat() for file in files]
    return "aeon:" + ":".join(f"{s.st_size}-{s.st_mtime_ns}-{s.st_ctime_ns}" for s in statuses)


def tasks_of(argument: str | None) -> tuple[str, ...]:
    """Anomaly detection for sets of anomalies, else classification; no set is read.

    Raises:
        MissingExtra: aeon is not installed.
    """
    name = (argument or "").partition("?")[0]
    return (TASK,) if name in aeon_anomalies.find_sets(_folder()) else ("sequence-classification",)


def find_classification_sets(folder: Path) -> dict[str, tuple[Path, Path]]:
    """The classification sets in a folder of sets: training and test file of each."""
    found = {}
    for train in sorted(folder.glob("*/*_TRAIN.ts")):
        name = train.name.removesuffix("_TRAIN.ts").removesuffix(_EQUAL)
        test = train.with_name(train.name.replace("_TRAIN", "_TEST"))
        # "_eq" sorts behind the plain name, and so replaces it.
        if name not in _NO_DATASETS and test.is_file() and _has_classes(train):
            found[name] = (train, test)
    return found


def _find(argument: str | None) -> tuple[str, tuple[Path, Path]]:
    from zoo.data.readers.query import parse_query

    name = parse_query("aeon", argument, what="name").path
    sets = find_classification_sets(_folder())
    if name not in sets:
        anomalies = aeon_anomalies.find_sets(_folder())
        close = nearest(name, [*sets, *anomalies], 1)
        hint = f"did you mean {close[0]!r}? " if close else ""
        raise UnknownName(
            "dataset of aeon",
            name,
            sets,
            fix=f"{hint}the package carries {', '.join([*sets, *anomalies])}; others can be "
            "downloaded from timeseriesclassification.com and used by npz:PATH?kind=series",
        )
    return name, sets[name]


def _folder() -> Path:
    import importlib.util

    # find_spec does not run the package: importing aeon takes seconds.
    spec = importlib.util.find_spec("aeon")
    if spec is None or spec.origin is None:
        raise MissingExtra("aeon", "aeon")
    return Path(spec.origin).parent / "datasets" / "data"


def _has_classes(path: Path) -> bool:
    with path.open(encoding="utf-8", errors="replace") as file:
        for _, line in zip(range(_HEADER_LINES), file, strict=False):
            if _CLASSES.match(line.strip()):
                return True
            if line.strip().lower() == "@data":
                break
    return False


def _load(name: str, part: str, folder: Path) -> tuple[NDArray[np.float32], list[str]]:
    """Series, float32, shape (examples, steps, channels), and the class of each."""
    import numpy as np

    from zoo.common.optional_imports import require

    try:
        series, labels = require("aeon.datasets").load_classification(
            name, split=part, extract_path=str(folder), load_equal_length=True
        )
    # Its reader meets damaged files with errors of any class.
    except (ValueError, OSError, IndexError, KeyError) as error:
        raise BadData(
            f"aeon cannot read {name}", why=str(error), fix="install aeon again"
        ) from error
    if not isinstance(series, np.ndarray):
        lengths = sorted({one.shape[1] for one in series})
        raise BadData(
            f"the series of {name} have {lengths[0]} to {lengths[-1]} steps",
            why="a network takes series of one length",
            fix="cut or pad them yourself, and use npz:PATH?kind=series",
        )
    if not np.isfinite(series).all():
        raise BadData(
            f"the series of {name} have gaps", fix="fill them, and use npz:PATH?kind=series"
        )
    return np.ascontiguousarray(series.transpose(0, 2, 1), np.float32), [str(one) for one in labels]
