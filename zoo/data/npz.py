"""Images or time series, and labels, as arrays in one ``.npz`` file."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from zoo.common.errors import UsageError
from zoo.common.files import no_file
from zoo.common.paths import expanded
from zoo.contracts.dataset import SPLITS, Dataset, DatasetProvider, Split
from zoo.data.one_class import TASK
from zoo.hookspecs import hookimpl

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from zoo.data.readers.npz_arrays import Arrays
    from zoo.data.readers.query import Query

#: What x may hold, and the tasks that it fits.
_TASKS = {
    "images": ("image-classification", "image-generation"),
    "series": ("sequence-classification",),
    "tensors": ("tensors",),
}


@hookimpl
def zoo_datasets() -> Iterable[DatasetProvider]:
    """Yields ``npz``."""
    yield DatasetProvider(
        name="npz",
        summary="arrays x and y, or x_train, y_train, x_test, y_test, in a NumPy file",
        tasks=(
            *("image-classification", "image-generation", "sequence-classification"),
            *("regression", "multi-label", "tensors", TASK),
        ),
        tasks_of=tasks_of,
        open=open_npz,
        fingerprint=fingerprint,
        asking={TASK: "normal=CLASS"},
        argument="PATH",
        paths=(".npz",),
        where="numpy.savez_compressed(PATH, x=images, y=labels)",
        # Samples without labels are told by their task.
        defaults=lambda given: {"kind": "tensors" if given.get("kind") == "tensors" else "images"},
        for_task=_for_task,
    )


def open_npz(argument: str | None) -> Dataset:
    """Reads the arrays; what is not split already is split by content.

    Args:
        argument: Path of a file with ``x`` and ``y`` (split 70/15/15), or ``x_train``,
            ``y_train``, ``x_test`` and ``y_test`` with or without ``x_validation`` and
            ``y_validation`` (else taken from train). ``classes`` may hold the class names.
            ``?kind=series`` behind the path: x holds time series instead of images;
            ``?kind=tensors``: samples without labels for any network, arrays named as its inputs.
            ``?task=regression`` or ``?task=multi-label``: what y holds, where its numbers could be
            either. ``?normal=CLASS``: for anomaly detection; one class, by its name or number, is
            normal, and the others are anomalies.

            Images have shape (examples, height, width) or (examples, height, width, 1 or 3).
            Whole numbers must be 0-255. Fractions are multiplied by 255 when no array exceeds 1,
            and taken as 0-255 when one does; all are rounded. Series have shape (examples, steps,
            channels) or (examples, steps), any finite numbers. Labels are whole numbers from 0;
            real targets, of shape (examples,) or (examples, targets), whose names may stand in
            ``targets``; or 0 and 1 for each of several labels, (examples, labels), whose names may
            stand in ``labels``.

    Raises:
        UsageError: No such file.
        BadFile: Truncated, altered, or no ``.npz`` file.
        BadData: Arrays are missing, of the wrong shape or type, or hold impossible values.
    """
    from zoo.data.one_class_arrays import open_one_class
    from zoo.data.readers.hashing import dataset_hash, example_hashes
    from zoo.data.readers.in_memory import memory_split
    from zoo.data.readers.npz_arrays import read_arrays
    from zoo.data.readers.npz_tensors import open_tensors

    query, path = _find(argument)
    if _kind(query) == "tensors":
        return open_tensors(path, f"npz:{argument}")
    if "normal" in query.options:
        return open_one_class(query, path, f"npz:{argument}", _kind(query))
    arrays = read_arrays(path, _kind(query), _asked(query))
    hashes = {name: example_hashes(examples) for name, examples in arrays.examples.items()}
    splits = {
        name: memory_split(
            arrays.examples[key],
            arrays.labels[key],
            hashes[key],
            indices,
            [f"x_{key}[{i}]" if key else f"x[{i}]" for i in range(len(hashes[key]))],
        )
        for name, (key, indices) in _divide(arrays, hashes).items()
    }
    if arrays.form is not None:
        _check_columns(arrays, splits)
    content_hash = dataset_hash(arrays.classes, splits)
    return Dataset(
        name=f"npz:{argument}",
        classes=arrays.classes,
        splits=splits,
        content_hash=content_hash,
        source=path.name,
        notes=(*arrays.notes, *_near_copies(content_hash, splits)),
    )


def _near_copies(content_hash: str, splits: Mapping[str, Split]) -> list[str]:
    from zoo.data.near_copies import near_copy_notes, outlines_of

    if splits["train"].read(0).ndim != 3:
        return []
    return near_copy_notes(
        content_hash,
        lambda name: outlines_of(splits[name]),
        {name: split.names for name, split in splits.items()},
        "for frames of one film, give x_train and x_test, each with films of its own",
    )


def fingerprint(argument: str | None) -> str:
    """Size and times of the file.

    Raises:
        UsageError: No such file.
    """
    status = _find(argument)[1].stat()
    return f"npz:{status.st_size}:{status.st_mtime_ns}:{status.st_ctime_ns}"


def _divide(
    arrays: Arrays, hashes: dict[str, list[bytes]]
) -> dict[str, tuple[str, NDArray[np.int64] | None]]:
    """For each split the array that it comes from, and which of its examples; None means all."""
    from zoo.data.readers.folder_layout import serves_as_test
    from zoo.data.splits import SHARES, SHARES_WITHOUT_TEST

    if "" in hashes:
        divided = _split(arrays, "", hashes[""], SHARES)
        return {name: ("", own) for name, own in divided.items()}
    if {*SPLITS} == {*hashes}:
        return {name: (name, None) for name in SPLITS}
    test = "test"
    if test not in hashes:
        test = "validation"
        arrays.notes.append(serves_as_test("x_validation", "x_test"))
    arrays.notes.append("15 % of x_train serve as validation, since no other array does")
    divided = _split(arrays, "train", hashes["train"], SHARES_WITHOUT_TEST)
    return {**{name: ("train", own) for name, own in divided.items()}, "test": (test, None)}


def _split(
    arrays: Arrays, name: str, hashes: list[bytes], shares: Mapping[str, float]
) -> dict[str, NDArray[np.int64]]:
    from zoo.data.splits import split_by_content
    from zoo.data.target_splits import split_alike

    labels = arrays.labels[name]
    if arrays.form is None:
        return split_by_content(hashes, labels, arrays.classes, shares)
    return split_alike(labels, hashes, arrays.form, shares)


def _check_columns(arrays: Arrays, splits: Mapping[str, Split]) -> None:
    from zoo.data.readers.label_forms import LABELS, check_learnable
    from zoo.data.target_splits import missing_notes

    form, names = arrays.form or "", arrays.classes
    arrays.notes += check_learnable(splits["train"].labels, names, form)
    if form == LABELS:
        arrays.notes += missing_notes({n: s.labels for n, s in splits.items()}, names)


def tasks_of(argument: str | None) -> tuple[str, ...]:
    """The tasks of what the file holds; of its arrays the labels alone are read."""
    from zoo.data.readers.npz_arrays import label_form

    query, path = _find(argument)
    kind = _kind(query)
    if "normal" in query.options and kind != "tensors":
        return (TASK,)
    found = None if kind == "tensors" else label_form(path, _asked(query))
    return _TASKS[kind] if found is None else (found,)


def _asked(query: Query) -> str | None:
    return query.choice("task", ("regression", "multi-label")) if "task" in query.options else None


def _for_task(argument: str, task: str) -> str:
    """The argument with the kind of samples without labels, where they are asked for."""
    unsaid = not _find(argument)[0].options
    return f"{argument}?kind=tensors" if unsaid and (task,) == _TASKS["tensors"] else argument


def _kind(query: Query) -> str:
    return query.choice("kind", tuple(_TASKS))


def _find(argument: str | None) -> tuple[Query, Path]:
    from zoo.data.readers.query import parse_query

    query = parse_query("npz", argument, ("kind", "task", "normal"))
    path = expanded(query.path)
    if problem := no_file(path, query.path):
        raise UsageError(problem, fix="check the path")
    return query, path
