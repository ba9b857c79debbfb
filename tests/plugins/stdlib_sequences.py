"""A plugin with two small datasets of real text: the standard library of this Python.

``stdlib_docstrings`` asks which package a docstring's line is from, ``stdlib_tags`` what each
token of a line of code is.
"""

from __future__ import annotations

import ast
import hashlib
import io
import keyword
import sysconfig
import tokenize
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np

import zoo
from zoo.contracts import Dataset, DatasetProvider, Split
from zoo.contracts.dataset import IGNORED
from zoo.data.readers.hashing import array_hash, dataset_hash, split_hash

LIBRARY = Path(sysconfig.get_path("stdlib"))
PACKAGES = ("asyncio", "email")
TAGS = ("keyword", "name", "number", "operator", "string")
#: Modules whose lines are tagged.
TAGGED = ("argparse.py", "textwrap.py", "shutil.py", "heapq.py", "statistics.py")
_MOST_LINES = 2400
_SPLITS = {0: "test", 1: "validation"}


def split_of(examples: list[np.ndarray], labels: np.ndarray) -> Split:
    hashes = [array_hash(example) for example in examples]
    return Split(labels=labels, read=examples.__getitem__, content_hash=split_hash(hashes, labels))


def dataset_of(name: str, classes: tuple[str, ...], rows: list[tuple[np.ndarray, list[int]]]):
    """Divides examples by their content; labels are one per example, or one per step."""
    parts: dict[str, list[tuple[np.ndarray, list[int]]]] = {}
    for example, labels in rows:
        place = hashlib.sha256(repr(example.tolist()).encode()).digest()[0] % 5
        parts.setdefault(_SPLITS.get(place, "train"), []).append((example, labels))
    splits = {}
    for part, found in parts.items():
        longest = max(len(labels) for _, labels in found)
        padded = [labels + [IGNORED] * (longest - len(labels)) for _, labels in found]
        labels = np.array(padded, np.int64)
        stepwise = any(example.ndim for example, _ in found)
        splits[part] = split_of([e for e, _ in found], labels if stepwise else labels[:, 0])
    return Dataset(
        name=name, classes=classes, splits=splits, content_hash=dataset_hash(classes, splits)
    )


def docstring_lines(package: str) -> Iterator[str]:
    for path in sorted((LIBRARY / package).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
                for line in (ast.get_docstring(node) or "").splitlines():
                    if len(line.split()) >= 4:
                        yield line.strip()


def open_docstrings(argument: str | None) -> Dataset:
    rows = {
        line: label for label, package in enumerate(PACKAGES) for line in docstring_lines(package)
    }
    return dataset_of(
        "stdlib_docstrings", PACKAGES, [(np.array(line), [label]) for line, label in rows.items()]
    )


def open_reversed(argument: str | None) -> Dataset:
    """The same texts in words that nobody has seen: each is written backwards."""
    found = open_docstrings(None)
    rows = [
        (np.array(str(split.read(i))[::-1]), [int(split.labels[i])])
        for split in found.splits.values()
        for i in range(len(split))
    ]
    return dataset_of("stdlib_reversed", PACKAGES, rows)


def tagged_lines(source: str) -> Iterator[tuple[list[str], list[int]]]:
    kinds = {tokenize.NUMBER: "number", tokenize.OP: "operator", tokenize.STRING: "string"}
    words: list[str] = []
    tags: list[int] = []
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.NEWLINE:
            if len(words) > 2:
                yield words, tags
            words, tags = [], []
        elif token.type == tokenize.NAME or token.type in kinds:
            kind = kinds.get(token.type, "keyword" if keyword.iskeyword(token.string) else "name")
            words.append(token.string)
            tags.append(TAGS.index(kind))


def open_tags(argument: str | None) -> Dataset:
    rows: dict[tuple[str, ...], list[int]] = {}
    for name in TAGGED:
        for words, tags in tagged_lines((LIBRARY / name).read_text(encoding="utf-8")):
            rows[tuple(words)] = tags
    chosen = list(rows.items())[:_MOST_LINES]
    return dataset_of("stdlib_tags", TAGS, [(np.array(words), tags) for words, tags in chosen])


@zoo.hookimpl
def zoo_datasets() -> Iterable[DatasetProvider]:
    yield DatasetProvider(
        name="stdlib_docstrings",
        summary="Lines of docstrings, and the package that they are from",
        tasks=("sequence-classification",),
        open=open_docstrings,
        fingerprint=lambda argument: sysconfig.get_python_version(),
    )
    yield DatasetProvider(
        name="stdlib_reversed",
        summary="The same lines, written backwards",
        tasks=("sequence-classification",),
        open=open_reversed,
        fingerprint=lambda argument: sysconfig.get_python_version(),
    )
    yield DatasetProvider(
        name="stdlib_tags",
        summary="Lines of code, and what each token is",
        tasks=("sequence-tagging",),
        open=open_tags,
        fingerprint=lambda argument: sysconfig.get_python_version(),
    )
