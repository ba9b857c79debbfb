"""Texts, and rows of tokens, as examples of a dataset."""

from __future__ import annotations

import hashlib
import unicodedata
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from zoo.contracts.dataset import Split
from zoo.data.readers.hashing import split_hash

#: A text, or a row of tokens.
Example = str | tuple[str, ...]


def text_hashes(examples: Sequence[Example]) -> list[bytes]:
    """SHA-256 of each text or row of tokens, whatever its Unicode form, 32 bytes each."""
    return [
        # No token holds a NUL, and none is empty, so no text looks like a row.
        hashlib.sha256(
            unicodedata.normalize(
                "NFC", example if isinstance(example, str) else "\0\0".join(("", *example))
            ).encode()
        ).digest()
        for example in examples
    ]


def text_split(
    examples: Sequence[Example],
    labels: NDArray[np.int64],
    hashes: Sequence[bytes],
    indices: Sequence[int],
    names: Sequence[str] = (),
) -> Split:
    """A split that reads from a list in memory.

    Args:
        examples: Strings are read as strings of shape (), tuples as tokens of shape (steps,).
        labels: int64, shape (examples,) or (examples, steps).
        hashes: One digest per example.
        indices: The examples that belong to the split.
        names: What all examples are called in messages; empty where they have no names.
    """
    chosen = [examples[i] for i in indices]
    own = labels[np.asarray(indices, np.int64)]

    def read(index: int) -> NDArray[np.str_]:
        return np.array(chosen[index], dtype=np.str_)

    digests = [hashes[i] for i in indices]
    return Split(
        labels=own,
        read=read,
        content_hash=split_hash(digests, own),
        identities=digests,
        names=[names[i] for i in indices] if names else (),
    )
