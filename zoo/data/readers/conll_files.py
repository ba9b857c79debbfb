"""Reader of CoNLL files: sentences with a tag per token."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from zoo.common.errors import BadData
from zoo.common.shown_text import printable
from zoo.data.readers.folder_names import plain
from zoo.data.readers.tables import lines_of, quote_cell

#: A longer one is a file without the empty lines between sentences.
MAX_TOKENS = 4096
Sentence = tuple[tuple[str, ...], tuple[str, ...]]

_DOCUMENT = "-DOCSTART-"
#: Of CoNLL-U: ID FORM LEMMA UPOS XPOS FEATS HEAD DEPREL DEPS MISC.
_COLUMNS, _FORM, _UPOS = 10, 1, 3
_COMMENT, _EMPTY = "#", "_"
_WORD, _FIRST = re.compile(r"[1-9][0-9]{0,5}\Z"), re.compile(r"(1|1-[0-9]+|0\.1)\Z")
#: Several words that are written as one token (``1-2``), and words that are not written (``1.1``).
_OTHER = re.compile(r"[1-9][0-9]*-[1-9][0-9]*\Z|[0-9]+\.[1-9][0-9]*\Z")
#: A file whose first sentence begins so has numbers in the place of tokens.
_COUNTED = ["1", "2", "3"]


def read_sentences(path: Path, name: str, *, tagged: bool = True) -> Iterator[Sentence]:
    """Tokens and tags of each sentence.

    One token per line: the token first, its tag last, any other columns between them. Columns are
    divided by tabs, or by blanks in lines without a tab. An empty line ends a sentence; lines
    that begin with ``-DOCSTART-`` are left out.

    Files of CoNLL-U (``.conllu``, or ten columns of which the first numbers the words) have the
    word in the second column and its part of speech (UPOS) in the fourth; comments, ranges of
    several words (``1-2``) and empty nodes (``1.1``) are left out.

    Args:
        path: The file.
        name: What to call it in messages.
        tagged: Whether a line with a token alone is an error. Otherwise a last column is still
            read as tags, and means nothing.

    Raises:
        BadData: Names file and line.
    """
    lines = lines_of(path, name)
    seen: list[str] = []
    for line in lines:
        seen.append(line)
        if line.strip() and not line.startswith(_COMMENT):
            break
    whole = itertools.chain(seen, lines)
    columns = seen[-1].split("\t") if seen else []
    numbered = len(columns) == _COLUMNS and _FIRST.match(columns[0])
    if path.suffix.lower() == ".conllu" or numbered:
        yield from _universal(whole, name, tagged=tagged)
    else:
        yield from _plain(whole, name, tagged=tagged)


def _universal(lines: Iterable[str], name: str, *, tagged: bool) -> Iterator[Sentence]:
    """Words of CoNLL-U, and their parts of speech."""
    tokens: list[str] = []
    tags: list[str] = []
    for number, text in enumerate(lines, start=1):
        line = text.rstrip("\r\n")
        if not line.strip():
            if tokens:
                yield tuple(tokens), tuple(tags)
                tokens, tags = [], []
            continue
        if line.startswith(_COMMENT):
            continue
        columns = [part.strip() for part in line.split("\t")]
        place = f"{printable(name)}, line {number}"
        if len(columns) != _COLUMNS:
            raise BadData(
                f"{place}: {len(columns)} columns, but CoNLL-U has {_COLUMNS}, divided by tabs",
                fix="write ID FORM LEMMA UPOS XPOS FEATS HEAD DEPREL DEPS MISC, with _ for none; "
                "a file of tokens and tags alone is named .conll",
            )
        if _OTHER.match(columns[0]):
            continue
        if not _WORD.match(columns[0]) or int(columns[0]) != len(tokens) + 1:
            raise BadData(
                f"{place}: the number of the word is {quote_cell(columns[0])}, not "
                f"{len(tokens) + 1}",
                why="the words of a sentence are numbered from 1",
                fix="put an empty line after each sentence, and check that no line is missing",
            )
        if tagged and columns[_UPOS] == _EMPTY:
            raise BadData(
                f"{place}: {quote_cell(columns[_FORM])} has no part of speech",
                why="the fourth column (UPOS), which is the tag, is _",
                fix="add one; `zoo predict` reads files without tags",
            )
        _check(columns[_FORM], columns[_UPOS], len(tokens), place)
        tokens.append(columns[_FORM])
        tags.append(plain(columns[_UPOS]))
    if tokens:
        yield tuple(tokens), tuple(tags)


def _plain(lines: Iterable[str], name: str, *, tagged: bool) -> Iterator[Sentence]:
    """Tokens of the first column, and tags of the last."""
    tokens: list[str] = []
    tags: list[str] = []
    width, first = 0, True
    for number, text in enumerate(lines, start=1):
        line = text.strip()
        if not line or line.startswith(_DOCUMENT):
            if tokens:
                yield tuple(tokens), tuple(tags)
                tokens, tags, first = [], [], False
            continue
        columns = [part.strip() for part in line.split("\t")] if "\t" in line else line.split()
        width = width or len(columns)
        place = f"{printable(name)}, line {number}"
        if tagged and len(columns) < 2:
            raise BadData(
                f"{place}: {quote_cell(columns[0])} has no tag",
                fix="write the token first and its tag last, with a tab between them",
            )
        if len(columns) != width:
            raise BadData(
                f"{place}: {len(columns)} columns, but the lines before have {width}",
                fix="give each line the same columns; a token with blanks in it needs tabs",
            )
        _check(columns[0], columns[-1], len(tokens), place)
        tokens.append(columns[0])
        tags.append(plain(columns[-1]))
        if first and width > 2 and tokens == _COUNTED:
            raise BadData(
                f"{place}: the first column holds numbers of tokens, not tokens",
                why="a token stands first in each line, and its tag last",
                fix="leave the numbers out; CoNLL-U has ten columns, divided by tabs, "
                "and its files are named .conllu",
            )
    if tokens:
        yield tuple(tokens), tuple(tags)


def _check(token: str, tag: str, tokens: int, place: str) -> None:
    if not token or not tag or printable(tag) != tag:
        raise BadData(
            f"{place}: the token is {quote_cell(token)}, its tag is {quote_cell(tag)}",
            fix="correct the line",
        )
    if tokens >= MAX_TOKENS:
        raise BadData(
            f"{place}: a sentence has more than {MAX_TOKENS:,} tokens",
            fix="put an empty line behind each sentence",
        )
