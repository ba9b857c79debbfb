"""Texts without labels: typed ones, files, folders of files, and tables."""

from __future__ import annotations

import functools
import os
from pathlib import Path

import numpy as np

from zoo.common.errors import BadData, UnknownName, UsageError
from zoo.common.shown_text import printable
from zoo.contracts.preprocessing import Sample, SampleList
from zoo.data.preprocessing.tokens import is_blank
from zoo.data.readers.class_folders import note
from zoo.data.readers.conll_files import read_sentences
from zoo.data.readers.listing import list_files
from zoo.data.readers.text_files import read_text_files, table_rows
from zoo.data.samples.named import NamedPath, find_path, nothing_there

_TABLES = (".csv", ".tsv")
#: A token a line, then perhaps its tag, which is not read.
_SENTENCES = (".conll", ".conllu", ".iob", ".iob2", ".bio", ".bio2")
_FILES = (*_TABLES, ".txt", *_SENTENCES)
_TAKES = "a text, a .txt or .conll file or a folder of them, or a .csv or .tsv file of texts"


def text_samples(given: str, data: str) -> SampleList:
    """A text that was typed, or the texts in a file, a folder or a table.

    Of a table, the column that ``?text=`` names, that of the training, the one called ``text``, or
    the only one, holds the texts. Each sentence of a CoNLL file is a text by itself, whose tokens
    stay whole; of a network that was trained on such files, a ``.tsv`` is one, too.

    Raises:
        UsageError: A name like a file's, and nothing is there; or an empty text.
        UnknownName: No such column.
        BadData: A table that is none.
    """
    there = find_path(given, data)
    if there is None:
        if _looks_like_a_path(given):
            raise nothing_there(given, _TAKES)
        if is_blank(given):
            raise UsageError("the text is empty", fix=f"name {_TAKES}")
        return SampleList(samples=[_sample(given, given.strip())])
    tagged = there.suffix == ".tsv" and there.query.provider == "conll"
    if tagged or there.suffix in _SENTENCES:
        return SampleList(samples=_sentences(there.path, there.shown))
    if there.suffix in _TABLES:
        return _of_table(there)
    return _of_files(there)


def _looks_like_a_path(given: str) -> bool:
    named = Path(given).suffix.lower() in _FILES or given.endswith(os.sep)
    return named or (os.sep in given and not any(map(str.isspace, given)))


def _of_files(there: NamedPath) -> SampleList:
    listing = list_files(str(there.path), (".txt", *_SENTENCES))
    texts, problems = read_text_files(listing, listing.files)
    found = SampleList(notes=note(f"left out of {there.shown}", listing.ignored))
    for file, text, problem in zip(listing.files, texts, problems, strict=True):
        name = str(Path(there.shown) / file.path) if there.path.is_dir() else there.shown
        if Path(file.path).suffix.lower() in _SENTENCES:
            try:
                found.samples += _sentences(listing.root / file.path, name)
            except BadData as error:
                found.problems.append((name, error.what))
        elif problem:
            found.problems.append((name, problem))
        else:
            found.samples.append(_sample(name, text))
    return found


def _sentences(path: Path, shown: str) -> list[Sample]:
    own = [tokens for tokens, _ in read_sentences(path, shown, tagged=False)]
    if not own:
        raise BadData(f"{printable(shown)} holds no sentences", fix="write a token a line")
    # The tokens are an array by themselves: a text would be cut at other places.
    return [
        Sample(
            name=f"{shown}, sentence {number}" if len(own) > 1 else shown,
            read=functools.partial(np.array, tokens, dtype=np.str_),
        )
        for number, tokens in enumerate(own, start=1)
    ]


def _of_table(there: NamedPath) -> SampleList:
    rows = table_rows(there.path, there.path.name)
    header = [text.strip() for text in rows[0][1]]
    asked = there.query.options.get("text", "")
    lowered = [text.lower() for text in header]
    if asked in header:
        place, rows = header.index(asked), rows[1:]
    elif "text" in lowered:
        place, rows = lowered.index("text"), rows[1:]
    elif len(header) == 1:
        place = 0
    else:
        raise UnknownName(f"column of {printable(there.shown)}", asked or "text", header)
    found = SampleList()
    for line, row in rows:
        name = f"{there.shown}, line {line}"
        if len(row) != len(header):
            problem = f"{len(row)} columns, but the first line has {len(header)}"
            found.problems.append((name, problem))
        elif is_blank(row[place]):
            found.problems.append((name, "the text is empty"))
        else:
            found.samples.append(_sample(name, row[place].strip()))
    if not found.samples:
        raise BadData(f"{there.shown} holds no texts", fix="check which column: ?text=COLUMN")
    return found


def _sample(name: str, text: str) -> Sample:
    return Sample(name=name, read=functools.partial(np.array, text, dtype=np.str_))
