"""Reader of untrusted text tables: rows with their line numbers."""

from __future__ import annotations

import csv
import itertools
from collections.abc import Iterator
from pathlib import Path

from zoo.common.errors import BadData
from zoo.common.files import open_file
from zoo.common.shown_text import printable
from zoo.data.readers.listing import unreadable

#: A longer line is no line of a table or text; reading on would fill the memory.
MAX_LINE_BYTES = 1 << 20
DELIMITERS = (",", ";", "\t")

_BYTE_ORDER_MARKS = {b"\xff\xfe": "UTF-16", b"\xfe\xff": "UTF-16"}
_SAVE_AS_UTF8 = "save the file as UTF-8"


def lines_of(path: Path, name: str) -> Iterator[str]:
    """The lines of a UTF-8 file, with or without byte order mark; line ends stay.

    Args:
        path: The file.
        name: What to call it in messages.

    Raises:
        BadData: Another encoding, a NUL, or a line without end; names file and line.
    """
    try:
        with open_file(path) as file:
            for number in itertools.count(1):
                raw = file.readline(MAX_LINE_BYTES + 1)
                if not raw:
                    return
                yield _decoded(raw, name, number)
    except OSError as error:
        raise unreadable(name, error) from error


def _decoded(raw: bytes, name: str, number: int) -> str:
    place = f"{printable(name)}, line {number}"
    if number == 1 and raw[:2] in _BYTE_ORDER_MARKS:
        raise BadData(f"{printable(name)} is {_BYTE_ORDER_MARKS[raw[:2]]} text", fix=_SAVE_AS_UTF8)
    if b"\0" in raw:
        raise BadData(
            f"{place}: there is a NUL character",
            why="text holds none: the file is damaged, UTF-16, or not text",
            fix=_SAVE_AS_UTF8,
        )
    if len(raw) > MAX_LINE_BYTES:
        raise BadData(
            f"{place}: the line is longer than {MAX_LINE_BYTES:,} bytes",
            fix="check that this is a text file with line ends",
        )
    try:
        return raw.decode("utf-8-sig" if number == 1 else "utf-8")
    except UnicodeDecodeError as error:
        raise BadData(
            f"{place}: byte {error.start + 1} is 0x{raw[error.start]:02x}, which is not UTF-8",
            why="the file has another encoding, or is damaged",
            fix=_SAVE_AS_UTF8,
        ) from error


def rows_of(
    path: Path, name: str, delimiter: str | None = None, *, quotes: bool = True
) -> Iterator[tuple[int, list[str]]]:
    """The rows of a table, each with the number of the line where it begins.

    Args:
        path: The file.
        name: What to call it in messages.
        delimiter: Between fields; None takes comma, semicolon or tab, whichever the first line
            has most of. Empty lines are left out.
        quotes: Whether fields may stand in double quotes; else those are signs like any other.

    Raises:
        BadData: As `lines_of`; or quotes that do not fit.
    """
    lines = lines_of(path, name)
    if delimiter is None:
        first = next(lines, "")
        lines = itertools.chain([first], lines)
        delimiter = max(DELIMITERS, key=first.count)
    reader = csv.reader(
        lines,
        delimiter=delimiter,
        strict=True,
        quoting=csv.QUOTE_MINIMAL if quotes else csv.QUOTE_NONE,
    )
    begins = 1
    while True:
        try:
            row = next(reader, None)
        except csv.Error as error:
            raise BadData(
                f"{printable(name)}, line {begins}: {error}",
                why="the quotes or line ends of this row do not fit",
                fix="save the file again from the program that made it, as CSV in UTF-8",
            ) from error
        if row is None:
            return
        if row:
            yield begins, row
        begins = reader.line_num + 1


def quote_cell(text: str) -> str:
    """A field in quotes, escaped and shortened for messages."""
    return repr(text) if len(text) <= 40 else f"{text[:40]!r}…"
