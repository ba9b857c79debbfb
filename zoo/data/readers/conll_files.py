"""Reader of CoNLL files: sentences with a tag per token."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from zoo.common.errors import BadData
from zoo.common.shown_text import printable
from zoo.data.readers.folder_names import plain
from zoo.data.readers.tables import lines_of, quote_cell

#: A longer one is a file without the empty lines between sentences.
MAX_TOKENS = 4096
Sentence = tuple[tuple[str, ...], tuple[str, ...]]

_DOCUMENT = "-DOCSTART-"


def read_sentences(path: Path, name: str, *, tagged: bool = True) -> Iterator[Sentence]:
    """Tokens and tags of each sentence.

    One token per line: the token first, its tag last, any other columns between them. Columns are
    divided by tabs, or by blanks in lines without a tab. An empty line ends a sentence; lines
    that begin with ``-DOCSTART-`` are left out.

    Args:
        path: The file.
        name: What to call it in messages.
        tagged: Whether a line with a token alone is an error. Otherwise a last column is still
            read as tags, and means nothing.

    Raises:
        BadData: Names file and line.
    """
    tokens: list[str] = []
    tags: list[str] = []
    width = 0
    for number, text in enumerate(lines_of(path, name), start=1):
        line = text.strip()
        if not line or line.startswith(_DOCUMENT):
            if tokens:
                yield tuple(tokens), tuple(tags)
                tokens, tags = [], []
            continue
        columns = [part.strip() for part in line.split("\t")] if "\t" in line else line.split()
        width = width or len(columns)
        place = f"{printable(name)}, line {number}"
        if tagged and len(columns) < 2:
            raise BadData(
                f"{place}: {quote_cell(columns[0])} has no tag",
                fix="write the token first and its tag last, with a tab between them",
            )
        _check(columns, width, len(tokens), place)
        tokens.append(columns[0])
        tags.append(plain(columns[-1]))
    if tokens:
        yield tuple(tokens), tuple(tags)


def _check(columns: list[str], width: int, tokens: int, place: str) -> None:
    if len(columns) != width:
        raise BadData(
            f"{place}: {len(columns)} columns, but the lines before have {width}",
            fix="give each line the same columns; a token with blanks in it needs tabs",
        )
    if not columns[0] or not columns[-1] or printable(columns[-1]) != columns[-1]:
        raise BadData(
            f"{place}: the token is {quote_cell(columns[0])}, its tag is {quote_cell(columns[-1])}",
            fix="correct the line",
        )
    if tokens >= MAX_TOKENS:
        raise BadData(
            f"{place}: a sentence has more than {MAX_TOKENS:,} tokens",
            fix="put an empty line behind each sentence",
        )
