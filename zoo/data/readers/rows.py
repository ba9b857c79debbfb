"""Grey images read row by row, as series: the rows are the steps, the columns the channels."""

from __future__ import annotations

import hashlib
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from zoo.contracts.dataset import Dataset, Split
from zoo.data.readers.hashing import dataset_hash


def as_rows(dataset: Dataset, name: str) -> Dataset:
    """A dataset of grey images, uint8 (height, width, 1), as series, float32 (height, width).

    Splits, labels and order stay; values stay 0 to 255.
    """
    splits = {split: _rows_of(images) for split, images in dataset.splits.items()}
    return replace(
        dataset, name=name, splits=splits, content_hash=dataset_hash(dataset.classes, splits)
    )


def _rows_of(images: Split) -> Split:
    def read(index: int) -> NDArray[np.float32]:
        return images.read(index)[:, :, 0].astype(np.float32)

    # The values are those of the images, and have a hash of their own because they are no images.
    digest = hashlib.sha256(f"rows {images.content_hash}".encode()).hexdigest()
    return replace(images, read=read, content_hash=digest)
