"""Texts and rows of tokens as inputs."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar, Literal

from zoo.contracts.checks import check
from zoo.contracts.preprocessing.base import Preprocessing
from zoo.contracts.preprocessing.characters import TextRule, table_of

#: What stands for padding and for words outside the vocabulary.
PADDING, UNKNOWN = 0, 1
#: Word numbers begin behind those two.
FIRST_WORD = 2
_CUT = {
    "unicode": "runs of letters, digits and their combining signs; one by one in scripts without "
    "blanks; any other sign alone; Unicode NFC, usual width, unseen characters left out",
    "plain": "runs of letters and digits; any other sign alone, combining ones too",
}


@dataclass(frozen=True, kw_only=True)
class TokenPreprocessing(Preprocessing):
    """How a text, or a row of tokens, becomes word numbers.

    0 pads at the end, 1 stands for every word outside the vocabulary, the words follow in order
    of how often the training split has them. The record of a variant leaves the vocabulary empty.

    Attributes:
        length: Tokens per input; longer texts are cut at the end, shorter ones padded.
        size: Rows of the network's embedding: the vocabulary, padding and unknown together.
        lowercase: Whether capitals are folded (``str.casefold``).
        vocabulary: The words from number 2 on; empty until it is measured.
        rule: How a text is cut into tokens, and how characters are written: ``unicode`` knows
            combining signs, scripts without blanks and forms of the same character. Records that
            were stored before there was a choice are ``plain``.
        kind: Tells the records apart where they are stored.
    """

    input_name: ClassVar[str] = "tokens"
    dtype = "int32"
    graph_dtype = "int32"
    shown_as = "text"
    lacking: ClassVar[Mapping[str, str]] = {"rule": "plain"}

    length: int
    size: int
    lowercase: bool = True
    vocabulary: tuple[str, ...] = ()
    rule: TextRule = "unicode"
    kind: Literal["tokens"] = "tokens"

    def __post_init__(self) -> None:
        name = "preprocessing"
        check(self.length > 0, name, "length must be positive")
        check(self.size > FIRST_WORD, name, f"size must be more than {FIRST_WORD}")
        check(
            len(self.vocabulary) <= self.size - FIRST_WORD,
            name,
            f"{len(self.vocabulary)} words do not fit into {self.size} numbers",
        )
        check(len(set(self.vocabulary)) == len(self.vocabulary), name, "a word stands twice")

    @property
    def input_shape(self) -> tuple[int]:
        """(length,)."""
        return (self.length,)

    @property
    def axes(self) -> tuple[str, ...]:
        """One word after the other."""
        return ("time",)

    @property
    def value_range(self) -> tuple[float, float]:
        """Word numbers."""
        return (0.0, float(len(self.vocabulary) + FIRST_WORD - 1))

    def describe(self) -> dict[str, str]:
        """Length, vocabulary."""
        known = f"{len(self.vocabulary):,} words" if self.vocabulary else "built when trained"
        case = ", capitals folded" if self.lowercase else ""
        return {
            "input": f"{self.length} word numbers, padded with {PADDING}",
            "words": _CUT[self.rule],
            "vocabulary": f"{known}, at most {self.size - FIRST_WORD:,}{case}; "
            f"{UNKNOWN} for others",
        }

    @cached_property
    def numbers(self) -> Mapping[str, int]:
        """The number of each word of the vocabulary."""
        return {word: number for number, word in enumerate(self.vocabulary, start=FIRST_WORD)}

    def text_files(self) -> Mapping[str, tuple[str, ...]]:
        """The vocabulary, a word per line; and how a text is cut, with the characters it takes."""
        # A given token may hold a line break, which would shift all words behind it.
        words = tuple(" ".join(re.split(r"[\r\n]+", word)) for word in self.vocabulary)
        characters = table_of(self.rule).lines(folded=self.lowercase)
        return {"vocabulary": words, "characters": tuple(characters)}
