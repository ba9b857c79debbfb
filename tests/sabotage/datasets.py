"""A plugin with small datasets of real examples, few enough to judge hundreds of files on.

Fashion-MNIST with a test split of `TEST` examples: as it is, row by row, and in colour: red is
the picture, green the same picture smoothed, blue its edges, so that a swapped channel is no
matter of taste.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import cache, partial

import numpy as np
from numpy.typing import NDArray

import zoo
from zoo.contracts import Dataset, DatasetProvider, Split
from zoo.data.fashion_mnist import fingerprint, open_fashion_mnist
from zoo.data.readers.hashing import dataset_hash
from zoo.data.readers.rows import as_rows
from zoo.data.subset import subset

#: Examples of the test split, of each class as many.
TEST = 600
#: Of the training split of the datasets that a network is trained on from scratch.
TRAIN = 12_000


def with_few(dataset: Dataset, name: str, train: int | None = None) -> Dataset:
    """The dataset with a small test split, and no more than `train` examples for training."""
    splits = {**dataset.splits, "test": subset(dataset.splits["test"], TEST)}
    if train is not None:
        splits["train"] = subset(splits["train"], train)
    content = dataset_hash(dataset.classes, splits)
    return replace(dataset, name=name, splits=splits, content_hash=content)


def coloured(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """A grey picture, (side, side, 1), in three different channels."""
    grey = image[..., 0].astype(np.int16)
    around = np.pad(grey, 1, mode="edge")
    smooth = sum(
        around[y : y + grey.shape[0], x : x + grey.shape[1]] for y in range(3) for x in range(3)
    )
    edges = np.abs(np.diff(grey, axis=1, prepend=0))
    return np.stack([grey, smooth // 9, edges], axis=-1).astype(np.uint8)


@cache
def open_pictures(argument: str | None) -> Dataset:
    return with_few(open_fashion_mnist(None), "few_pictures")


@cache
def open_rows(argument: str | None) -> Dataset:
    return with_few(as_rows(open_fashion_mnist(None), "few_rows"), "few_rows")


@cache
def open_coloured(argument: str | None) -> Dataset:
    few = with_few(open_fashion_mnist(None), "few_coloured", TRAIN)

    def in_colour(split: Split) -> Split:
        return Split(
            labels=split.labels,
            read=lambda index: coloured(split.read(index)),
            content_hash=f"coloured {split.content_hash}",
        )

    splits = {name: in_colour(split) for name, split in few.splits.items()}
    return replace(few, splits=splits, content_hash=dataset_hash(few.classes, splits))


def _fingerprint(name: str, argument: str | None) -> str:
    return f"{name} {TEST} {TRAIN} {fingerprint(None)}"


@zoo.hookimpl
def zoo_datasets() -> Iterable[DatasetProvider]:
    opened: dict[str, tuple[Callable[[str | None], Dataset], tuple[str, ...]]] = {
        "few_pictures": (open_pictures, ("image-classification", "image-generation")),
        "few_coloured": (open_coloured, ("image-classification",)),
        "few_rows": (open_rows, ("sequence-classification",)),
    }
    for name, (open_one, tasks) in opened.items():
        yield DatasetProvider(
            name=name,
            summary="Fashion-MNIST with a small test split",
            tasks=tasks,
            open=open_one,
            fingerprint=partial(_fingerprint, name),
        )
