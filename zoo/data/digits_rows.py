"""The digits of scikit-learn read row by row: series of 8 steps of 8 values."""

from __future__ import annotations

from collections.abc import Iterable

from zoo.contracts.dataset import Dataset, DatasetProvider, refuse_argument
from zoo.hookspecs import hookimpl

_NAME = "digits_rows"


@hookimpl
def zoo_datasets() -> Iterable[DatasetProvider]:
    """Yields ``digits_rows``."""
    yield DatasetProvider(
        name=_NAME,
        summary="1,797 scanned digits, as 8 steps of 8 values; comes with scikit-learn",
        tasks=("sequence-classification",),
        open=open_digits_rows,
        fingerprint=fingerprint,
        where='pip install "edgezoo[data]"',
    )


def open_digits_rows(argument: str | None) -> Dataset:
    """The images and splits of ``digits``; examples are float32 (8, 8), 0 to 255.

    Raises:
        UsageError: Something follows the name.
        MissingExtra: scikit-learn is not installed.
    """
    from zoo.data.digits import open_digits
    from zoo.data.readers.rows import as_rows

    refuse_argument(_NAME, argument)
    return as_rows(open_digits(None), _NAME)


def fingerprint(argument: str | None) -> str:
    """That of the images.

    Raises:
        UsageError: Something follows the name.
        MissingExtra: scikit-learn is not installed.
    """
    from zoo.data import digits

    refuse_argument(_NAME, argument)
    return f"rows of {digits.fingerprint(None)}"
