"""Content hashes of examples, splits and datasets."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from zoo.contracts.dataset import Split


def array_hash(array: NDArray[Any]) -> bytes:
    """SHA-256 over an array's type, shape and values, 32 bytes."""
    digest = hashlib.sha256(f"{array.dtype.str} {array.shape}\n".encode())
    digest.update(array.tobytes())
    return digest.digest()


def example_hashes(images: NDArray[Any]) -> list[bytes]:
    """SHA-256 of each example along the first axis, 32 bytes each."""
    return [array_hash(image) for image in images]


def split_hash(hashes: Iterable[bytes], labels: NDArray[np.int64]) -> str:
    """SHA-256 over examples and labels in order, in hexadecimal.

    Args:
        hashes: One digest per example.
        labels: Class indices, int64, shape (examples,) or (examples, steps).
    """
    digest = hashlib.sha256()
    for example, label in zip(hashes, labels.astype("<i8"), strict=True):
        digest.update(example)
        digest.update(label.tobytes())
    return digest.hexdigest()


def dataset_hash(classes: Sequence[str], splits: Mapping[str, Split]) -> str:
    """SHA-256 that changes with any example, label, split or class name, in hexadecimal."""
    lines = [f"{len(classes)} classes", *map(repr, classes)]
    lines += [f"{name} {splits[name].content_hash}" for name in sorted(splits)]
    return hashlib.sha256("\n".join(lines).encode("utf-8", "surrogatepass")).hexdigest()
