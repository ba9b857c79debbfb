"""A plugin: Fashion-MNIST with the first 2,000 of its test images.

The support matrix judges on these where an inference takes so long that all 10,000 would take
the better part of an hour.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from zoo.contracts import Dataset, DatasetProvider, Split
from zoo.data import fashion_mnist
from zoo.hookspecs import hookimpl

COUNT = 2000


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


@hookimpl
def zoo_datasets() -> Iterator[Any]:
    """Yields the dataset."""
    yield DatasetProvider(
        name="fashion_mnist_part",
        summary=f"Fashion-MNIST with {COUNT} test images",
        tasks=("image-classification", "image-generation"),
        open=open_part,
        fingerprint=fingerprint,
    )
