"""Text preprocessing: tokenization, vocabulary, word numbers."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from dataclasses import replace
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zoo.common.errors import BadData
from zoo.contracts.dataset import IGNORED, Dataset, Split
from zoo.contracts.preprocessing import (
    FIRST_WORD,
    PADDING,
    UNKNOWN,
    Coverage,
    InputKind,
    SampleList,
    TokenPreprocessing,
)
from zoo.contracts.preprocessing.characters import CLASSES, TextRule, table_of
from zoo.data.preprocessing.series import stepwise_labels

_JOINER = "\u200d"
#: The rule ``plain``: words with inner apostrophes and hyphens, and each sign by itself.
_TOKEN = re.compile(r"\w+(?:['’-]\w+)*|[^\w\s]")
#: Least share of tokens in the vocabulary.
_KNOWN = 0.5
#: Share of a synthetic text's words that belong to its class.
_CLASS_WORDS = 0.5
#: So many that each comes often enough to be learnt.
_WORDS_PER_CLASS = 16
_EXPECTED = "a dataset of texts yields one string, or a row of tokens, per example"


def tokens_of(example: NDArray[np.str_], lowercase: bool, rule: TextRule = "unicode") -> list[str]:
    """Tokens of a text (a string of shape ()) or of a tokenized row, whose tokens stay whole."""
    table = table_of(rule)
    if example.ndim:
        parts = example.tolist()
        parts = [_cleaned(part) for part in parts] if table.normal else parts
    elif table.normal:
        text = unicodedata.normalize("NFC", example.item().translate(table.forms))
        parts = [_without_joiner(part) for part in _unicode_tokens().findall(text)]
    else:
        parts = _TOKEN.findall(example.item())
    parts = [part.casefold() for part in parts] if lowercase else parts
    return [unicodedata.normalize("NFC", part) for part in parts] if table.normal else parts


def is_blank(text: str) -> bool:
    """Whether a text has nothing that could be read: blanks, controls, unseen characters."""
    return not any(map(str.isalnum, text)) and not tokens_of(np.array(text), lowercase=False)


@lru_cache
def _unicode_tokens() -> re.Pattern[str]:
    """The cut that ``characters.txt`` describes."""
    kinds = table_of("unicode").characters
    signs, more = f"[{kinds('M')}]*", f"[{kinds('M')}{kinds('Z')}]*"
    word, other = f"[{kinds('W')}]{more}", f"[^{kinds(*(set(CLASSES) - {'S'}))}]"
    flag = f"[{kinds('R')}]"
    return re.compile(
        f"{word}(?:[{kinds('J')}]?{word})*|[{kinds('U')}]{more}|{flag}{flag}?{signs}"
        f"|[^{kinds('B', 'Z')}]{signs}(?:[{kinds('Z')}]{other}{signs})*"
    )


@lru_cache
def _word_begins() -> re.Pattern[str]:
    return re.compile(f"[{table_of('unicode').characters('W', 'U')}]")


def _without_joiner(token: str) -> str:
    """A word without the zero width joiner; in pictures it is what makes one of several."""
    if _JOINER not in token or not _word_begins().match(token):
        return token
    return token.replace(_JOINER, "")


def _cleaned(token: str) -> str:
    """A given token as a text has it, with any blanks as single spaces; never empty."""
    seen = token.translate(table_of("unicode").forms)
    return " ".join(seen.split()) or token


class Tokens(InputKind[TokenPreprocessing]):
    """Texts and rows of tokens as word numbers: int32, shape (length,), padded at the end."""

    def read(self, split: Split, index: int) -> NDArray[Any]:
        """The word numbers of one example.

        Raises:
            BadData: The example is no text, or an empty one; names it.
        """
        found = self._tokens(split, index)[: self.own.length]
        result = np.full(self.own.length, PADDING, np.int32)
        result[: len(found)] = [self.own.numbers.get(token, UNKNOWN) for token in found]
        return result

    def fit(self, dataset: Dataset) -> TokenPreprocessing:
        """Builds the vocabulary: the training split's most frequent words, ties by name."""
        split = dataset.splits["train"]
        counts: Counter[str] = Counter()
        for index in range(len(split)):
            counts.update(self._tokens(split, index))
        ordered = sorted(counts, key=lambda word: (-counts[word], word))
        return replace(self.own, vocabulary=tuple(ordered[: self.own.size - FIRST_WORD]))

    def _tokens(self, split: Split, index: int) -> list[str]:
        example = split.read(index)
        if example.dtype.kind != "U" or example.ndim > 1:
            raise BadData(
                f"example {index} cannot be used: it is {example.dtype} of shape {example.shape}",
                fix=_EXPECTED,
            )
        found = tokens_of(example, self.own.lowercase, self.own.rule)
        if not found:
            raise BadData(f"example {index} is an empty text", fix="leave it out of the dataset")
        return found

    def labels(self, labels: NDArray[Any]) -> NDArray[Any]:
        """As `stepwise_labels`."""
        return stepwise_labels(labels, self.own.length)

    def samples(self, given: str, data: str = "") -> SampleList:
        """A typed text, and those of files, folders and tables."""
        from zoo.data.samples.texts import text_samples

        return text_samples(given, data)

    def range_problem(self, inputs: NDArray[Any]) -> str:
        """Compares the share of words in the vocabulary with `_KNOWN`."""
        real = inputs[inputs != PADDING]
        known = float((real != UNKNOWN).mean()) if len(real) else 0.0
        words = f"the vocabulary of the weights has {len(self.own.vocabulary):,} words"
        return "" if known >= _KNOWN else f"{words}; {known:.0%} of the words of the data are in it"

    def coverage(self, split: Split) -> Coverage:
        """Words outside the vocabulary, and texts that are too long."""
        unknown = words = longer = 0
        for index in range(len(split)):
            tokens = self._tokens(split, index)
            read = tokens[: self.own.length]
            unknown += sum(token not in self.own.numbers for token in read)
            words += len(read)
            longer += len(tokens) > len(read)
        return Coverage(
            unknown=unknown,
            words=words,
            longer=longer,
            examples=len(split),
            length=self.own.length,
        )

    def text(self, split: Split, index: int) -> str:
        """The text itself; of tokens, with spaces between."""
        example = split.read(index)
        text = example.item() if example.ndim == 0 else " ".join(example.tolist())
        return str(text)

    def step_texts(self, split: Split, index: int, steps: list[int]) -> tuple[str, ...]:
        """The tokens as they are written."""
        tokens = tokens_of(split.read(index), lowercase=False, rule=self.own.rule)
        return tuple(tokens[step] if step < len(tokens) else "" for step in steps)

    def with_synthetic_statistics(self) -> TokenPreprocessing:
        """With a vocabulary of as many words as the network has numbers for."""
        if self.own.vocabulary:
            return self.own
        words = tuple(f"word{number}" for number in range(FIRST_WORD, self.own.size))
        return replace(self.own, vocabulary=words)

    def synthetic_examples(
        self, labels: NDArray[Any], classes: int, random: Any, seed: int
    ) -> tuple[Any, Any]:
        """Texts of different lengths in which every other word belongs to the class.

        Of labels for each step every word belongs to its own. Word numbers that belong to a class
        are those that leave its index when they are divided by the number of classes.
        """
        count, length = len(labels), self.own.length
        rows = min(_WORDS_PER_CLASS, (self.own.size - UNKNOWN) // classes)
        own = UNKNOWN + random.integers(0, rows, (count, length)) * classes
        wanted = own + labels.reshape(count, -1)
        if labels.ndim == 1:
            other = random.integers(UNKNOWN, self.own.size, (count, length))
            wanted = np.where(random.random((count, length)) < _CLASS_WORDS, wanted, other)
        lengths = random.integers(max(1, length // 2), length + 1, count)
        padding = np.arange(length) >= lengths[:, None]
        tokens = np.where(padding, PADDING, wanted).astype(np.int32)
        return tokens, labels if labels.ndim == 1 else np.where(padding, IGNORED, labels)
