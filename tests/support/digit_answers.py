"""A plugin with data of real targets and of several labels, from what comes with scikit-learn.

Of the scanned digits what their pixels say: how much ink a row has and where its centre lies, or
which of five properties their number has; as pictures and row by row. And the 442 patients of the
study on diabetes, a row of ten figures each.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import cache, partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

import zoo
from zoo.contracts import Dataset, DatasetProvider, Split
from zoo.data.digits import fingerprint, open_digits
from zoo.data.readers.hashing import dataset_hash, example_hashes
from zoo.data.readers.in_memory import dataset_of, memory_split
from zoo.data.readers.rows import as_rows
from zoo.data.target_splits import split_alike

Array = NDArray[Any]
#: In pixels, of eight; of like size, so that integers of one scale can hold them.
TARGETS = ("ink", "column", "row")
LABELS = ("even", "round", "large", "prime", "four")
HOLDS = ([0, 2, 4, 6, 8], [0, 6, 8, 9], [5, 6, 7, 8, 9], [2, 3, 5, 7], [4])


def targets_of(split: Split) -> Array:
    """Filled pixels of a row, and the centre of all ink: float32 (examples, targets)."""
    pixels = np.stack([split.read(i)[..., 0] for i in range(len(split))]).astype(np.float64)
    places, ink = np.arange(pixels.shape[1]), pixels.sum((1, 2))
    columns, rows = pixels.sum(1) @ places / ink, pixels.sum(2) @ places / ink
    found: Array = np.stack([ink / 255 / len(places), columns, rows], 1).astype(np.float32)
    return found


def labels_of(split: Split) -> Array:
    """Which properties the number has: 0 or 1, float32 (examples, labels)."""
    held = [np.isin(split.labels, numbers) for numbers in HOLDS]
    found: Array = np.stack(held, 1).astype(np.float32)
    return found


def _with(names: tuple[str, ...], answers: Callable[[Split], Array], name: str) -> Dataset:
    digits = open_digits(None)
    splits = {
        part: replace(split, labels=answers(split), content_hash=f"{name} {split.content_hash}")
        for part, split in digits.splits.items()
    }
    content = dataset_hash(names, splits)
    return replace(digits, name=name, classes=names, splits=splits, content_hash=content)


@cache
def open_targets(argument: str | None) -> Dataset:
    return _with(TARGETS, targets_of, "digit_targets")


@cache
def open_labels(argument: str | None) -> Dataset:
    return _with(LABELS, labels_of, "digit_labels")


@cache
def open_diabetes(argument: str | None) -> Dataset:
    from sklearn.datasets import load_diabetes

    found = load_diabetes()
    rows = np.asarray(found.data, np.float32)[:, None, :]
    targets = np.asarray(found.target, np.float32)[:, None]
    hashes = example_hashes(rows)
    splits = {
        name: memory_split(rows, targets, hashes, indices)
        for name, indices in split_alike(targets, hashes, "targets").items()
    }
    return dataset_of(
        "diabetes", ("progression",), splits, licence="unknown", source="scikit-learn"
    )


@zoo.hookimpl
def zoo_datasets() -> Iterable[DatasetProvider]:
    opened: dict[str, tuple[Callable[[str | None], Dataset], str]] = {
        "digit_targets": (open_targets, "regression"),
        "digit_target_rows": (
            lambda _: as_rows(open_targets(None), "digit_target_rows"),
            "regression",
        ),
        "digit_labels": (open_labels, "multi-label"),
        "digit_label_rows": (
            lambda _: as_rows(open_labels(None), "digit_label_rows"),
            "multi-label",
        ),
        "diabetes": (open_diabetes, "regression"),
    }
    for name, (open_one, task) in opened.items():
        yield DatasetProvider(
            name=name,
            summary="Real targets or several labels, from what comes with scikit-learn",
            tasks=(task,),
            open=open_one,
            fingerprint=partial(_fingerprint, name),
        )


def _fingerprint(name: str, argument: str | None) -> str:
    return f"{name} {fingerprint(None)}"
