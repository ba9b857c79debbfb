"""Reader of untrusted text files: texts with their classes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from zoo.common.errors import BadData, UnknownName
from zoo.common.shown_text import printable
from zoo.data.preprocessing.tokens import is_blank
from zoo.data.readers.class_folders import refuse_broken
from zoo.data.readers.folder_names import plain
from zoo.data.readers.listing import ListedFile, Listing, unreadable
from zoo.data.readers.query import Query
from zoo.data.readers.tables import quote_cell, rows_of

#: A longer file is no text to be classified.
MAX_BYTES = 10_000_000


@dataclass(kw_only=True)
class LabelledTexts:
    """Texts with the names of their classes.

    Attributes:
        texts: Without blanks at the ends; none is empty.
        labels: Class names.
        places: Where each stands, for messages.
        broken: What was left out, with the reason.
        notes: Remarks for users.
    """

    texts: list[str] = field(default_factory=list)
    labels: list[str] = field(default_factory=list)
    places: list[str] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def add(self, text: str, label: str, place: str) -> None:
        """Adds a text, or records that it is empty."""
        text = text.strip()
        if is_blank(text):
            self.broken.append(f"{place}: empty")
            return
        self.texts.append(text)
        self.labels.append(label)
        self.places.append(place)


def read_text_files(listing: Listing, files: Sequence[ListedFile]) -> tuple[list[str], list[str]]:
    """The text of each file, without blanks at the ends, and what is wrong with it, or nothing.

    Raises:
        BadData: The system does not hand a file out.
    """
    read = [_read(listing.root, file) for file in files]
    return [text for text, _ in read], [problem for _, problem in read]


def _read(root: Path, file: ListedFile) -> tuple[str, str]:
    path, size = root / file.path, file.size
    if size > MAX_BYTES:
        return "", f"{size} bytes: more than {MAX_BYTES}"
    try:
        text = path.read_bytes().decode("utf-8-sig").strip()
    except UnicodeDecodeError as error:
        return "", f"byte {error.start + 1} is 0x{error.object[error.start]:02x}, not UTF-8"
    except OSError as error:
        raise unreadable(file.path, error) from error
    if "\0" in text:
        return "", "holds a NUL character"
    return text, "empty" if is_blank(text) else ""


def read_text_table(path: Path, query: Query) -> LabelledTexts:
    """Reads a table with a column of texts and one of classes.

    The columns are those that ``text`` and ``label`` name. Otherwise the first line is a header
    when it is ``text`` and ``label``, in any order, or when its class stands nowhere else; and
    without a header the text stands first.

    Raises:
        BadData: Names file and line; or too many empty texts.
        UnknownName: A column that is not there.
    """
    name = path.name
    rows = table_rows(path, name)
    header = [text.strip() for text in rows[0][1]]
    asked = {"text", "label"} & set(query.options)
    columns = [query.options.get(key, key) for key in ("text", "label")]
    found = LabelledTexts()
    if asked or {"text", "label"} <= {text.lower() for text in header}:
        lowered = header if asked else [text.lower() for text in header]
        for column in columns:
            if column not in lowered:
                raise UnknownName(f"column of {printable(name)}", column, [h for h in header if h])
        places = [lowered.index(column) for column in columns]
        rows = rows[1:]
    else:
        _check_width(name, rows[0], 2, "name the columns: ?text=COLUMN&label=COLUMN")
        places = [0, 1]
        uses = Counter(row[1].strip() for _, row in rows if len(row) == 2)
        if len(rows) > 1 and uses[header[1]] == 1:
            found.notes.append(f"line {rows[0][0]} is taken for a header: {', '.join(header)}")
            rows = rows[1:]
    for line, row in rows:
        _check_width(name, (line, row), len(header), "put texts with a comma in double quotes")
        label = plain(row[places[1]].strip())
        place = f"{printable(name)}, line {line}"
        if not label or printable(label) != label:
            what = (
                f"{quote_cell(label)} is no usable class name" if label else "the class is missing"
            )
            raise BadData(f"{place}: {what}", fix="correct the line, or leave it out")
        found.add(row[places[0]], label, place)
    refuse_broken(found.broken, len(rows), "texts", "they are empty")
    return found


def table_rows(path: Path, name: str) -> list[tuple[int, list[str]]]:
    """All rows of a table of texts with the numbers of their lines.

    Raises:
        BadData: It is empty, or no table of text.
    """
    if path.suffix.lower() == ".tsv":
        rows = list(rows_of(path, name, "\t", quotes=False))
    else:
        # Texts hold signs of all kinds, so counting them does not help: the first that divides.
        first = next(rows_of(path, name, ","), (1, [""]))
        comma = len(first[1]) > 1
        rows = list(rows_of(path, name, "," if comma else None))
    if not rows:
        raise BadData(f"{printable(name)} is empty", fix="check the path")
    return rows


def _check_width(name: str, row: tuple[int, list[str]], width: int, fix: str) -> None:
    line, cells = row
    if len(cells) != width:
        raise BadData(
            f"{printable(name)}, line {line}: {len(cells)} columns where {width} are expected",
            fix=fix,
        )
