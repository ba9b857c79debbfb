"""Fashion-MNIST: 70,000 pictures of clothes, 28 x 28 grey (Xiao, Rasul and Vollgraf 2017)."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from zoo.contracts.dataset import Dataset, DatasetProvider, refuse_argument
from zoo.hookspecs import hookimpl

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from zoo.data.readers.fashion_files import IdxFile

CLASSES = (
    "T-shirt/top",
    "Trouser",
    "Pullover",
    "Dress",
    "Coat",
    "Sandal",
    "Shirt",
    "Sneaker",
    "Bag",
    "Ankle boot",
)
#: Examples of each class that validation takes from the 60,000 official training images.
VALIDATION_PER_CLASS = 500

_SIDE = 28
_IMAGE_HEADER = 16
_LABEL_HEADER = 8


@hookimpl
def zoo_datasets() -> Iterable[DatasetProvider]:
    """Yields ``fashion_mnist``."""
    yield DatasetProvider(
        name="fashion_mnist",
        summary="70,000 pictures of clothes in 10 classes, 28 x 28 grey",
        tasks=("image-classification", "image-generation"),
        open=open_fashion_mnist,
        fingerprint=fingerprint,
        where="downloaded when first used; or: sudo apt install dataset-fashion-mnist",
    )


def open_fashion_mnist(argument: str | None) -> Dataset:
    """Reads and verifies the files: 55,000 train, 5,000 validation, the official 10,000 test.

    Raises:
        UsageError: Something follows the name.
        BadData: The files are not here and cannot be downloaded.
        BadFile: A file is truncated or altered.
    """
    from zoo.data.readers import fashion_files as files
    from zoo.data.readers.hashing import example_hashes
    from zoo.data.readers.in_memory import dataset_of, memory_split
    from zoo.data.splits import hold_out

    refuse_argument("fashion_mnist", argument)
    folder = files.find_folder()
    images, labels = _read(folder, files.TRAIN_IMAGES, files.TRAIN_LABELS)
    test_images, test_labels = _read(folder, files.TEST_IMAGES, files.TEST_LABELS)
    hashes = example_hashes(images)
    kept, aside = hold_out(hashes, labels, VALIDATION_PER_CLASS)
    splits = {
        "train": memory_split(images, labels, hashes, kept),
        "validation": memory_split(images, labels, hashes, aside),
        "test": memory_split(test_images, test_labels, example_hashes(test_images)),
    }
    return dataset_of(
        "fashion_mnist",
        CLASSES,
        splits,
        licence="MIT",
        source="https://github.com/zalandoresearch/fashion-mnist",
    )


def fingerprint(argument: str | None) -> str:
    """A constant: the content is verified against a known SHA-256 whenever it is read.

    Raises:
        UsageError: Something follows the name.
        BadData: The files are not here and must not be downloaded.
    """
    from zoo.data.readers.fashion_files import FILES, check_obtainable

    refuse_argument("fashion_mnist", argument)
    check_obtainable()
    parts = [file.sha256[:16] for file in FILES]
    return "-".join(["fashion_mnist", str(VALIDATION_PER_CLASS), *parts])


def _read(
    folder: Path, images: IdxFile, labels: IdxFile
) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    import numpy as np

    from zoo.data.readers.fashion_files import read_file

    # The files are verified, so their headers hold what they always held.
    pixels = np.frombuffer(read_file(folder, images), np.uint8, offset=_IMAGE_HEADER)
    classes = np.frombuffer(read_file(folder, labels), np.uint8, offset=_LABEL_HEADER)
    return pixels.reshape(-1, _SIDE, _SIDE, 1), classes.astype(np.int64)
