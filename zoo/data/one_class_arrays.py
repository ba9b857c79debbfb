"""Arrays of a ``.npz`` file for anomaly detection: one class is normal, the others are not."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from zoo.common.errors import UsageError
from zoo.contracts.dataset import Dataset
from zoo.data.one_class import CLASSES, divide_one_class, normal_class
from zoo.data.readers.hashing import example_hashes
from zoo.data.readers.in_memory import dataset_of, memory_split
from zoo.data.readers.npz_arrays import read_arrays
from zoo.data.readers.query import Query


def open_one_class(query: Query, path: Path, name: str, kind: str) -> Dataset:
    """Divides the arrays so that training has normal examples alone.

    Args:
        query: The argument with ``normal=CLASS``.
        path: Of the file.
        name: Of the dataset, as typed.
        kind: What x holds.

    Raises:
        UsageError: ``task=`` is given, too.
        UnknownName: There is no such class.
        BadData: Arrays cannot be used, labels are no classes, or a split lacks what it needs.
    """
    if "task" in query.options:
        raise UsageError(
            "task= and normal= cannot be given together",
            why="normal= is for anomaly detection",
            fix="keep one",
        )
    arrays = read_arrays(path, kind, anywhere=True)
    normal = normal_class(query.options["normal"], arrays.classes, f"npz:{query.path}?normal=")
    keys = list(arrays.examples)
    examples = np.concatenate([arrays.examples[key] for key in keys])
    labels = np.concatenate([arrays.labels[key] for key in keys])
    counts = [(key, n) for key in keys for n in range(len(arrays.labels[key]))]
    names = [f"x_{key}[{n}]" if key else f"x[{n}]" for key, n in counts]
    hashes = example_hashes(examples)
    anomalous = labels != arrays.classes.index(normal)
    indices, notes = divide_one_class(
        anomalous, hashes, [key or None for key, _ in counts], names, name
    )
    marks = anomalous.astype(np.int64)
    splits = {n: memory_split(examples, marks, hashes, own, names) for n, own in indices.items()}
    return dataset_of(
        name, CLASSES, splits, source=path.name, notes=(f"normal: {normal}", *arrays.notes, *notes)
    )
