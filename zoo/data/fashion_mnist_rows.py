"""Fashion-MNIST read row by row: a picture becomes a series of 28 steps of 28 values.

The classic exercise of recurrent networks (Le, Jaitly and Hinton, arXiv:1504.00941, read MNIST
pixel by pixel); row by row is the form in which Keras introduces them.
"""

from __future__ import annotations

from collections.abc import Iterable

from zoo.contracts.dataset import Dataset, DatasetProvider, refuse_argument
from zoo.hookspecs import hookimpl

_NAME = "fashion_mnist_rows"


@hookimpl
def zoo_datasets() -> Iterable[DatasetProvider]:
    """Yields ``fashion_mnist_rows``."""
    yield DatasetProvider(
        name=_NAME,
        summary="70,000 pictures of clothes in 10 classes, as 28 steps of 28 values",
        tasks=("sequence-classification",),
        open=open_fashion_mnist_rows,
        fingerprint=fingerprint,
        where="downloaded when first used; or: sudo apt install dataset-fashion-mnist",
    )


def open_fashion_mnist_rows(argument: str | None) -> Dataset:
    """The images and splits of ``fashion_mnist``; examples are float32 (28, 28), 0 to 255.

    Raises:
        UsageError: Something follows the name.
        BadData: The files are not here and cannot be downloaded.
        BadFile: A file is truncated or altered.
    """
    from zoo.data.fashion_mnist import open_fashion_mnist
    from zoo.data.readers.rows import as_rows

    refuse_argument(_NAME, argument)
    return as_rows(open_fashion_mnist(None), _NAME)


def fingerprint(argument: str | None) -> str:
    """That of the images.

    Raises:
        UsageError: Something follows the name.
        BadData: The files are not here and must not be downloaded.
    """
    from zoo.data import fashion_mnist

    refuse_argument(_NAME, argument)
    return f"rows of {fashion_mnist.fingerprint(None)}"
