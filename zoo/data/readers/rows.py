"""Grey images read row by row, or column by column, as series: each is a step."""

from __future__ import annotations

import hashlib
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from zoo.contracts.dataset import Dataset, Split
from zoo.data.readers.hashing import dataset_hash


def as_rows(dataset: Dataset, name: str, *, columns: bool = False) -> Dataset:
    """A dataset of grey images, uint8 (height, width, 1), as series, float32 (height, width).

    Splits, labels and order stay; values stay 0 to 255. With `columns` the series are
    (width, height).
    """
    splits = {split: _rows_of(images, columns) for split, images in dataset.splits.items()}
    return replace(
        dataset, name=name, splits=splits, content_hash=dataset_hash(dataset.classes, splits)
    )


def _rows_of(images: Split, columns: bool) -> Split:
    def read(index: int) -> NDArray[np.float32]:
        rows = images.read(index)[:, :, 0].astype(np.float32)
        return np.ascontiguousarray(rows.T) if columns else rows

    # The values are those of the images, and have a hash of their own because they are no images.
    kind = "columns" if columns else "rows"
    digest = hashlib.sha256(f"{kind} {images.content_hash}".encode()).hexdigest()
    return replace(images, read=read, content_hash=digest)
