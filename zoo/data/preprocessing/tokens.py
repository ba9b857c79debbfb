"""Texts and rows of tokens: splitting, vocabulary, word numbers."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from zoo.common.errors import BadData
from zoo.contracts.dataset import Dataset, Split
from zoo.contracts.preprocessing import FIRST_WORD, PADDING, UNKNOWN, TokenPreprocessing

#: Words with inner apostrophes and hyphens, and each sign by itself.
_TOKEN = re.compile(r"\w+(?:['’-]\w+)*|[^\w\s]")
_EXPECTED = "a dataset of texts yields one string, or a row of tokens, per example"


def tokens_of(example: NDArray[np.str_], lowercase: bool) -> list[str]:
    """The tokens of a text (a string of shape ()), or of a row that is split already."""
    text = example.item() if example.ndim == 0 else None
    parts = example.tolist() if text is None else _TOKEN.findall(text)
    return [part.casefold() for part in parts] if lowercase else parts


def read_tokens(split: Split, index: int, preprocessing: TokenPreprocessing) -> NDArray[np.int32]:
    """Word numbers: int32, shape (length,), padded at the end.

    Raises:
        BadData: The example is no text, or an empty one; names it.
    """
    found = _tokens(split, index, preprocessing)[: preprocessing.length]
    result = np.full(preprocessing.length, PADDING, np.int32)
    result[: len(found)] = [preprocessing.numbers.get(token, UNKNOWN) for token in found]
    return result


def fit_tokens(preprocessing: TokenPreprocessing, dataset: Dataset) -> TokenPreprocessing:
    """Builds the vocabulary: the words that the training split has most often, ties by name."""
    split = dataset.splits["train"]
    counts: Counter[str] = Counter()
    for index in range(len(split)):
        counts.update(_tokens(split, index, preprocessing))
    ordered = sorted(counts, key=lambda word: (-counts[word], word))
    return replace(preprocessing, vocabulary=tuple(ordered[: preprocessing.size - FIRST_WORD]))


def _tokens(split: Split, index: int, preprocessing: TokenPreprocessing) -> list[str]:
    example = split.read(index)
    if example.dtype.kind != "U" or example.ndim > 1:
        raise BadData(
            f"example {index} cannot be used: it is {example.dtype} of shape {example.shape}",
            fix=_EXPECTED,
        )
    found = tokens_of(example, preprocessing.lowercase)
    if not found:
        raise BadData(f"example {index} is an empty text", fix="leave it out of the dataset")
    return found
