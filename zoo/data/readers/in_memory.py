"""Datasets whose examples lie in memory: arrays, texts, or rows of tokens."""

from __future__ import annotations

import hashlib
import unicodedata
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zoo.contracts.dataset import Dataset, Split
from zoo.data.readers.hashing import dataset_hash, example_hashes, split_hash
from zoo.data.splits import divide_given

#: A text, or a row of tokens.
Example = str | tuple[str, ...]
Stored = NDArray[Any] | Sequence[Example]


def content_hashes(examples: Stored) -> list[bytes]:
    """SHA-256 of each example, of texts whatever their Unicode form, 32 bytes each."""
    if isinstance(examples, np.ndarray):
        return example_hashes(examples)
    return [
        # No token holds a NUL, and none is empty, so no text looks like a row.
        hashlib.sha256(
            unicodedata.normalize(
                "NFC", example if isinstance(example, str) else "\0\0".join(("", *example))
            ).encode()
        ).digest()
        for example in examples
    ]


def memory_split(
    examples: Stored,
    labels: NDArray[Any],
    hashes: Sequence[bytes],
    indices: NDArray[np.int64] | Sequence[int] | None = None,
    names: Sequence[str] = (),
) -> Split:
    """A split that reads from memory.

    Args:
        examples: An array, (examples, …), which is made read-only, since every reader gets a view
            of it; or strings, read as strings of shape (), and tuples, read as tokens of shape
            (steps,).
        labels: int64, shape (examples,) or (examples, steps); or float32, (examples, columns).
        hashes: One digest per example.
        indices: The examples that belong to the split; None means all.
        names: Of all examples, for messages; empty where they have none.
    """
    chosen = np.arange(len(examples)) if indices is None else np.asarray(indices, np.int64)
    places, own = chosen.tolist(), labels[chosen]
    if isinstance(examples, np.ndarray):
        examples.flags.writeable = False

    def read(index: int) -> NDArray[Any]:
        example = examples[chosen[index]]
        if isinstance(examples, np.ndarray):  # of several fields it would be no array
            return np.asarray(example)
        return np.array(example, dtype=np.str_)

    digests = [hashes[i] for i in places]
    return Split(
        labels=own,
        read=read,
        content_hash=split_hash(digests, own),
        identities=digests,
        names=[names[i] for i in places] if names else (),
    )


def divided_splits(
    examples: Mapping[str, Stored], labels: Mapping[str, NDArray[np.int64]], classes: Sequence[str]
) -> tuple[dict[str, Split], list[str]]:
    """The splits that `divide_given` makes of published ones, and its notes."""
    hashes = {part: content_hashes(own) for part, own in examples.items()}
    indices, notes = divide_given(hashes, labels, classes)
    return {
        split: memory_split(examples[part], labels[part], hashes[part], own)
        for split, (part, own) in indices.items()
    }, notes


def dataset_of(
    name: str, classes: tuple[str, ...], splits: Mapping[str, Split], **fields: Any
) -> Dataset:
    """A dataset with the content hash of its splits; `fields` are further ones of the record."""
    content = dataset_hash(classes, splits)
    return Dataset(name=name, classes=classes, splits=splits, content_hash=content, **fields)
