"""Content hashes of examples, splits and datasets."""

from __future__ import annotations

import hashlib
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from zoo.contracts.dataset import Split


def array_hash(array: NDArray[Any]) -> bytes:
    """SHA-256 over an array's type, shape and values, 32 bytes."""
    digest = hashlib.sha256(f"{array.dtype.str} {array.shape}\n".encode())
    digest.update(array.tobytes())
    return digest.digest()


def identity(example: NDArray[Any]) -> bytes:
    """SHA-256 of what an example shows, whatever file and form it came in, 32 bytes.

    Grey images are the same with one channel and with three, texts in any Unicode form, and
    numbers with either sign of zero.
    """
    if example.dtype.kind == "U":
        parts = [unicodedata.normalize("NFC", part) for part in example.reshape(-1).tolist()]
        return hashlib.sha256("\0".join((str(example.ndim), *parts)).encode()).digest()
    if example.dtype.kind == "f":
        return array_hash(example + 0)
    if example.ndim == 3 and example.shape[2] == 3:
        first = example[:, :, :1]
        example = first if bool((example == first).all()) else example
    return array_hash(example)


def example_hashes(examples: NDArray[Any]) -> list[bytes]:
    """The `identity` of each example along the first axis."""
    return [identity(example) for example in examples]


def split_hash(hashes: Iterable[bytes], labels: NDArray[Any]) -> str:
    """SHA-256 over examples and labels in order, in hexadecimal.

    Args:
        hashes: One digest per example.
        labels: As `Split.labels`.
    """
    digest = hashlib.sha256()
    size = 4 if labels.dtype.kind == "f" else labels.dtype.itemsize
    stored = labels.astype(f"<{labels.dtype.kind}{size}")
    for example, label in zip(hashes, stored, strict=True):
        digest.update(example)
        digest.update(label.tobytes())
    return digest.hexdigest()


def dataset_hash(classes: Sequence[str], splits: Mapping[str, Split]) -> str:
    """SHA-256 that changes with any example, label, split or class name, in hexadecimal."""
    lines = [f"{len(classes)} classes", *map(repr, classes)]
    lines += [f"{name} {splits[name].content_hash}" for name in sorted(splits)]
    return hashlib.sha256("\n".join(lines).encode("utf-8", "surrogatepass")).hexdigest()
