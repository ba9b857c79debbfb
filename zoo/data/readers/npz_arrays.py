"""Reader of untrusted ``.npz`` files: arrays loaded without unpickling, and checked."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zoo.common.array_files import DAMAGED, load_arrays
from zoo.common.errors import BadData
from zoo.data.readers.array_ranges import (
    SUBTRACT,
    range_notes,
    refuse_mixed_scales,
    rounded_channels,
)
from zoo.data.readers.label_forms import (
    LABELS,
    NUMBERS,
    checked_names,
    form_of,
    marks,
    names_for,
    targets,
)
from zoo.data.readers.label_kinds import PREDICT, label_type_error, row_labels_error

_CHUNK = 1024
_EXPECTED = "store x and y, or x_train, y_train, x_test and y_test"
_SERIES = "rows of a table and time series: npz:PATH?kind=series"
_OTHER = {"classes", "targets", "labels"}
_SEVERAL = (
    "; a network from elsewhere with several inputs is exported without labels, from arrays named "
    "as these: npz:PATH?kind=tensors"
)
_UNLABELLED = "; samples without labels, for a network from elsewhere, are npz:PATH?kind=tensors"


@dataclass(kw_only=True)
class Arrays:
    """What the file holds, checked.

    Attributes:
        examples: By split; by ``""`` when the user gave no splits. Images: uint8, shape (examples,
            height, width, 1 or 3). Series: float32, shape (examples, steps, channels).
        labels: int64, shape (examples,), by the same names; or float32, (examples, columns), of
            real targets and of several labels.
        classes: Class names, or those of targets or labels.
        form: Task that labels without classes are for; None: they are classes.
        notes: Remarks for users.
    """

    examples: dict[str, NDArray[Any]] = field(default_factory=dict)
    labels: dict[str, NDArray[Any]] = field(default_factory=dict)
    classes: tuple[str, ...] = ()
    form: str | None = None
    notes: list[str] = field(default_factory=list)


def read_arrays(
    path: Path, kind: str = "images", asked: str | None = None, *, anywhere: bool = False
) -> Arrays:
    """Reads the file without ever unpickling anything.

    Args:
        path: The file.
        kind: One of `KINDS`: what x holds.
        asked: Task that the labels are for; None leaves it to them.
        anywhere: Whether a class may have its examples outside training.

    Raises:
        BadFile: Truncated, altered, or no ``.npz`` file.
        BadData: Arrays are missing, of the wrong shape or type, or hold impossible values.
    """
    stored = load_npz(path)
    names = _split_names(set(stored))
    result = Arrays(form=form_of((stored[_array_name("y", name)] for name in names), asked))
    given = {_array_name("x", name): stored[_array_name("x", name)] for name in names}
    read = KINDS[kind](given)
    for name in names:
        label_name, examples = _array_name("y", name), read[_array_name("x", name)]
        read_labels = _READ.get(result.form or "", _labels)
        result.labels[name] = read_labels(label_name, stored[label_name], len(examples))
        result.examples[name] = examples
    names_array = "classes"
    if result.form is None:
        whole = {"": np.concatenate([*result.labels.values()])} if anywhere else result.labels
        result.classes = _classes(stored.get("classes"), whole)
    else:
        own = "targets" if result.form == NUMBERS else "labels"
        names_array = own if own in stored else "classes"
        result.classes = _names(stored.get(names_array), result.labels, result.form, names_array)
    used = {_array_name(kind, name) for kind in "xy" for name in names} | {names_array}
    result.notes += range_notes(read, kind)
    if kind == "series":
        result.notes += _rounding_notes(given, read)
    unused = sorted(set(stored) - used)
    if unused:
        result.notes.append(f"not used: {', '.join(unused)}")
    return result


def label_form(path: Path, asked: str | None) -> str | None:
    """The task of labels without classes in a file; None where they are classes, or unreadable.

    Only labels are read.
    """
    try:
        with np.load(path, allow_pickle=False) as stored:
            names = [name for name in ("y", "y_train", "y_validation", "y_test") if name in stored]
            return form_of([stored[name] for name in names], asked)
    except (*DAMAGED, ValueError, KeyError):
        return asked  # Who opens it says what is wrong with it.


def _names(
    given: NDArray[Any] | None, labels: dict[str, NDArray[Any]], form: str, array: str
) -> tuple[str, ...]:
    widths = {_array_name("y", name): own.shape[1] for name, own in labels.items()}
    if len({*widths.values()}) > 1:
        raise BadData(
            f"columns differ: {', '.join(f'{name} has {n}' for name, n in widths.items())}",
            fix="give each split the same columns",
        )
    return names_for(given, next(iter(widths.values())), form, array)


#: How labels without classes are read, by their task.
_READ = {NUMBERS: targets, LABELS: marks}


def load_npz(path: Path) -> dict[str, NDArray[Any]]:
    """All arrays of a file, which must fit into the memory that is free."""
    import psutil

    free = psutil.virtual_memory().available
    return load_arrays(
        path,
        str(path),
        free,
        why=f"only {free / 1e9:.1f} GB of memory are free",
        fix="use folder:PATH, which reads images one by one",
    )


def _array_name(kind: str, split: str) -> str:
    return f"{kind}_{split}" if split else kind


def _split_names(present: set[str]) -> tuple[str, ...]:
    """Splits named by the arrays; ``("",)`` for plain x and y."""
    if {"x", "y"} & present:
        names: tuple[str, ...] = ("",)
    elif {"x_validation", "y_validation"} & present:
        tested = ("test",) if {"x_test", "y_test"} & present else ()
        names = ("train", "validation", *tested)
    else:
        names = ("train", "test")
    wanted = {_array_name(kind, name) for kind in "xy" for name in names}
    strangers = sorted(n for n in present - wanted if n.startswith(("x_", "y_")))
    missing = sorted(wanted - present)
    if missing or strangers:
        problems = [f"{n} is missing" for n in missing] + [f"{n} is not known" for n in strangers]
        labelled = {n for n in present if n.startswith("y")}
        several = len(present - labelled - _OTHER) > 1 and "x" in missing
        raise BadData(
            f"the arrays do not make a dataset: {', '.join(problems)}",
            why=f"the file holds {', '.join(sorted(present)) or 'nothing'}",
            fix=_EXPECTED + (_SEVERAL if several else "" if labelled else _UNLABELLED),
        )
    return names


def _rounding_notes(
    given: dict[str, NDArray[Any]], read: dict[str, NDArray[np.float32]]
) -> list[str]:
    return [
        f"channel {channel} of {what}: {SUBTRACT}"
        for name, own in read.items()
        for channel, what in rounded_channels(given[name].reshape(own.shape), own, name).items()
    ]


def _as_images(arrays: dict[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    shaped = {name: _shaped(name, array) for name, array in arrays.items()}
    factor = _factor(shaped)
    return {name: _as_bytes(array, factor) for name, array in shaped.items()}


def _as_series(arrays: dict[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    series = {name: _windows(name, array) for name, array in arrays.items()}
    shapes = {name: array.shape[1:] for name, array in series.items()}
    if len(set(shapes.values())) > 1:
        told = ", ".join(f"{name} {shape}" for name, shape in shapes.items())
        raise BadData(
            f"steps and channels differ: {told}",
            why="a network takes series of one shape",
            fix="cut or pad them to the same length",
        )
    return series


def _windows(name: str, array: NDArray[Any]) -> NDArray[np.float32]:
    """Series of any numbers as float32, shape (examples, steps, channels)."""
    if array.dtype.kind not in "uif":
        raise BadData(f"{name} is of type {array.dtype}", fix="series are numbers")
    given = array.shape
    if array.ndim == 2:
        array = array[..., np.newaxis]
    if array.ndim != 3 or 0 in array.shape:
        raise BadData(
            f"{name} has shape {given}",
            why="series have shape (examples, steps, channels) or (examples, steps)",
            fix="bring the axes into this order with numpy.moveaxis",
        )
    with np.errstate(over="ignore"):
        windows = np.ascontiguousarray(array, np.float32)
    wrong = np.argwhere(~np.isfinite(windows))
    if len(wrong):
        first = tuple(wrong[0, : len(given)].tolist())
        raise BadData(
            f"{name} holds {array[tuple(wrong[0])]} at index {first}",
            why="series must be finite numbers in the range of float32",
            fix="repair the array, or leave these examples out",
        )
    return windows


#: What x may hold, and how it is checked.
KINDS = {"images": _as_images, "series": _as_series}


def _shaped(name: str, given: NDArray[Any]) -> NDArray[Any]:
    array = given
    if array.dtype.kind not in "uif":
        raise BadData(
            f"{name} is of type {array.dtype}",
            fix="images are uint8, or numbers from 0 to 1 or from 0 to 255",
        )
    if array.ndim == 3:
        array = array[..., np.newaxis]
    if array.ndim != 4 or array.shape[3] not in (1, 3) or 0 in array.shape:
        raise BadData(
            f"{name} has shape {given.shape}",
            why="images have shape (examples, height, width) or (examples, height, width, 1 or 3)",
            fix=f"move channels last with numpy.moveaxis, and drop transparency; {_SERIES}",
        )
    return array


def _factor(images: dict[str, NDArray[Any]]) -> float:
    """The factor to 0-255, decided over all arrays so that splits stay comparable."""
    highest = 0.0
    for name, array in images.items():
        if array.dtype.kind == "f" and not np.isfinite(array).all():
            first = tuple(int(i) for i in np.argwhere(~np.isfinite(array))[0])
            raise BadData(
                f"{name} holds {array[first]} at index {first}",
                why="images must be finite numbers",
                fix="repair the array, or leave these examples out",
            )
        low, high = float(array.min()), float(array.max())
        if low < 0 or high > 255:
            raise BadData(
                f"{name} holds values from {low:g} to {high:g}",
                why="images are raw pixels, 0 to 255 (or fractions, 0 to 1)",
                fix=f"undo the normalization: the network's own preprocessing does it; {_SERIES}",
            )
        if array.dtype.kind == "f":
            highest = max(highest, high)
    kinds = {array.dtype.kind == "f" for array in images.values()}
    if kinds == {True, False} and highest <= 1:
        raise BadData(
            "some arrays hold fractions up to 1, others whole numbers", fix="use one kind"
        )
    refuse_mixed_scales(images)
    if 1 < highest < 2:
        raise BadData(
            f"fractions reach {highest:g}: neither 0 to 1 nor 0 to 255",
            fix="clip them to 1, or store uint8",
        )
    return 255.0 if kinds == {True} and highest <= 1 else 1.0


def _as_bytes(array: NDArray[Any], factor: float) -> NDArray[np.uint8]:
    if array.dtype == np.uint8:
        return np.ascontiguousarray(array)
    result = np.empty(array.shape, np.uint8)
    for start in range(0, len(array), _CHUNK):
        part = slice(start, start + _CHUNK)
        result[part] = np.rint(array[part].astype(np.float64) * factor)
    return result


def _labels(name: str, array: NDArray[Any], examples: int) -> NDArray[np.int64]:
    if array.ndim == 2 and array.shape[1] == 1:
        array = array[:, 0]
    if array.ndim != 1:
        raise row_labels_error(name, array)
    if len(array) != examples:
        raise BadData(
            f"{name} has {len(array)} labels for {examples} examples",
            fix="store one label per example",
        )
    if array.dtype.kind not in "ui":
        raise label_type_error(name, array)
    wrong = np.flatnonzero((array < 0) | (array > np.iinfo(np.int32).max))
    if len(wrong):
        raise BadData(
            f"{name} holds {array[wrong[0]]} at index {wrong[0]}",
            why="labels run from 0 to the number of classes - 1",
            fix=f"number the classes from 0{PREDICT}",
        )
    return array.astype(np.int64)


def _classes(names: NDArray[Any] | None, labels: dict[str, NDArray[np.int64]]) -> tuple[str, ...]:
    first = labels.get("", labels.get("train", np.empty(0, np.int64)))
    used = np.unique(first)
    if names is None:
        highest = max(int(own.max()) for own in labels.values())
        # Counting before naming: one stray label must not make a billion class names.
        classes = tuple(map(str, range(highest + 1))) if highest < 2 * len(used) else ()
        count = highest + 1
    else:
        classes = checked_names(names, "class", "classes")
        count = len(classes)
    for split, own in labels.items():
        wrong = np.flatnonzero(own >= count)
        if len(wrong):
            raise BadData(
                f"{_array_name('y', split)} holds {own[wrong[0]]} at index {wrong[0]}",
                why=f"classes names {count} classes, so labels run from 0 to {count - 1}",
                fix="correct the labels, or add names to classes",
            )
    if len(used) < count:
        absent = next(i for i in range(count) if i >= len(used) or used[i] != i)
        raise BadData(
            f"class {absent} has no {'training ' if '' not in labels else ''}examples",
            why=f"{count} classes are expected, {len(used)} occur",
            fix=f"number the classes without gaps, from 0{PREDICT}",
        )
    return classes
