"""A plugin: parts of Fashion-MNIST for the support matrix.

`fashion_mnist_part` has the first 2,000 of its test images: files are judged on these where an
inference takes so long that all 10,000 would take the better part of an hour. `fashion_masks` has
a few images of each split with a mask each: item, or the black background.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from zoo.contracts import Dataset, DatasetProvider, Split
from zoo.contracts.dataset import SplitName
from zoo.data import fashion_mnist
from zoo.hookspecs import hookimpl

COUNT = 2000
#: Images with masks in each split.
MASKS: dict[SplitName, int] = {"train": 1000, "validation": 200, "test": 300}


def open_part(argument: str | None) -> Dataset:
    """Fashion-MNIST; its test split is cut."""
    whole = fashion_mnist.open_fashion_mnist(argument)
    test = whole.splits["test"]
    part = Split(
        labels=test.labels[:COUNT],
        read=test.read,
        content_hash=f"first {COUNT} of {test.content_hash}",
    )
    return replace(
        whole,
        name="fashion_mnist_part",
        splits={**whole.splits, "test": part},
        content_hash=f"first {COUNT} of {whole.content_hash}",
    )


def fingerprint(argument: str | None) -> str:
    """Of the whole, and how much of it is taken."""
    return f"first {COUNT} of {fashion_mnist.fingerprint(argument)}"


def open_masks(argument: str | None) -> Dataset:
    """The first images of each split; what is not black is the item."""
    import numpy as np

    whole = fashion_mnist.open_fashion_mnist(argument)
    splits = {}
    for name, count in MASKS.items():
        split = whole.splits[name]
        masks = [(split.read(number)[..., 0] > 0).astype(np.int8) for number in range(count)]
        splits[name] = Split(
            labels=np.stack(masks),
            read=split.read,
            content_hash=f"masks of the first {count} of {split.content_hash}",
        )
    return replace(
        whole,
        name="fashion_masks",
        classes=("background", "item"),
        splits=splits,
        content_hash=f"masks of {sorted(MASKS.items())} of {whole.content_hash}",
    )


def fingerprint_of_masks(argument: str | None) -> str:
    """Of the whole, and how much of it is taken."""
    return f"masks of {sorted(MASKS.items())} of {fashion_mnist.fingerprint(argument)}"


@hookimpl
def zoo_datasets() -> Iterator[Any]:
    """Yields the datasets."""
    yield DatasetProvider(
        name="fashion_masks",
        summary="Fashion-MNIST with masks of its items",
        tasks=("semantic-segmentation",),
        open=open_masks,
        fingerprint=fingerprint_of_masks,
    )
    yield DatasetProvider(
        name="fashion_mnist_part",
        summary=f"Fashion-MNIST with {COUNT} test images",
        tasks=("image-classification", "image-generation"),
        open=open_part,
        fingerprint=fingerprint,
    )
