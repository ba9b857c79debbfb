"""Datasets of grey images read row by row: 28 x 28 pixels are a series of 28 steps of 28 values.

The classic exercise of recurrent networks (Le, Jaitly and Hinton, arXiv:1504.00941, read MNIST
pixel by pixel); row by row is the form in which Keras introduces them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial

from zoo.contracts.dataset import Dataset, DatasetProvider, refuse_argument
from zoo.data.digits import fingerprint as digits_fingerprint
from zoo.data.digits import open_digits
from zoo.data.fashion_mnist import fingerprint as fashion_mnist_fingerprint
from zoo.data.fashion_mnist import open_fashion_mnist
from zoo.hookspecs import hookimpl


@hookimpl
def zoo_datasets() -> Iterable[DatasetProvider]:
    """Yields ``digits_rows`` and ``fashion_mnist_rows``."""
    yield _provider(
        "digits_rows",
        "1,797 scanned digits, as 8 steps of 8 values; comes with scikit-learn",
        open_digits,
        digits_fingerprint,
        where='pip install "edgezoo[data]"',
    )
    yield _provider(
        "fashion_mnist_rows",
        "70,000 pictures of clothes in 10 classes, as 28 steps of 28 values",
        open_fashion_mnist,
        fashion_mnist_fingerprint,
        where="downloaded when first used; or: sudo apt install dataset-fashion-mnist",
    )


def _provider(
    name: str,
    summary: str,
    open_images: Callable[[str | None], Dataset],
    fingerprint: Callable[[str | None], str],
    *,
    where: str,
) -> DatasetProvider:
    return DatasetProvider(
        name=name,
        summary=summary,
        tasks=("sequence-classification",),
        open=partial(_open, name, open_images),
        fingerprint=partial(_fingerprint, name, fingerprint),
        where=where,
    )


def _open(name: str, open_images: Callable[[str | None], Dataset], argument: str | None) -> Dataset:
    """The images and splits; examples are float32 (height, width), 0 to 255."""
    from zoo.data.readers.rows import as_rows

    refuse_argument(name, argument)
    return as_rows(open_images(None), name)


def _fingerprint(name: str, of_images: Callable[[str | None], str], argument: str | None) -> str:
    refuse_argument(name, argument)
    return f"rows of {of_images(None)}"
