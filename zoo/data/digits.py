"""The 1,797 scanned digits of 8 x 8 pixels that come with scikit-learn."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from zoo.common.errors import MissingExtra
from zoo.contracts.dataset import Dataset, DatasetProvider, refuse_argument
from zoo.hookspecs import hookimpl

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

CLASSES = tuple("0123456789")
_SIDE = 8
_LARGEST = 16
#: Wide, so that the splits stay those of published figures.
_SLACK = 0.5


@hookimpl
def zoo_datasets() -> Iterable[DatasetProvider]:
    """Yields ``digits``."""
    yield DatasetProvider(
        name="digits",
        summary="1,797 scanned digits, 8 x 8 grey; comes with scikit-learn",
        tasks=("image-classification", "image-generation"),
        open=open_digits,
        fingerprint=fingerprint,
        where='pip install "edgezoo[data]"',
    )


def open_digits(argument: str | None) -> Dataset:
    """Reads the digits; split by content, 70/15/15.

    Raises:
        UsageError: Something follows the name.
        MissingExtra: scikit-learn is not installed.
    """
    from zoo.data.readers.hashing import example_hashes
    from zoo.data.readers.in_memory import dataset_of, memory_split
    from zoo.data.splits import split_by_content

    images, labels = _read(_find(argument))
    hashes = example_hashes(images)
    splits = {
        name: memory_split(images, labels, hashes, indices)
        for name, indices in split_by_content(hashes, labels, CLASSES, slack=_SLACK).items()
    }
    return dataset_of(
        "digits",
        CLASSES,
        splits,
        licence="CC-BY-4.0",
        source="https://archive.ics.uci.edu/dataset/80 (the copy in scikit-learn)",
    )


def fingerprint(argument: str | None) -> str:
    """SHA-256 of the compressed file.

    Raises:
        UsageError: Something follows the name.
        MissingExtra: scikit-learn is not installed.
    """
    from zoo.common.files import sha256_of

    return f"digits:{sha256_of(_find(argument))}"


def _find(argument: str | None) -> Path:
    refuse_argument("digits", argument)
    import importlib.util

    # find_spec does not run the package: importing scikit-learn takes over a second.
    spec = importlib.util.find_spec("sklearn")
    if spec is not None and spec.origin is not None:
        path = Path(spec.origin).parent / "datasets" / "data" / "digits.csv.gz"
        if path.is_file():
            return path
    raise MissingExtra("sklearn", "data")


def _read(path: Path) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    import gzip

    import numpy as np

    with gzip.open(path, "rt", encoding="ascii") as lines:
        table = np.loadtxt(lines, delimiter=",", dtype=np.int64)
    values, labels = table[:, :-1], table[:, -1]
    scaled = (values * 255 + _LARGEST // 2) // _LARGEST
    images = scaled.astype(np.uint8).reshape(-1, _SIDE, _SIDE, 1)
    return images, np.ascontiguousarray(labels)
