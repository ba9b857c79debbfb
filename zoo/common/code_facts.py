"""What the text of a module says about other modules and files; parsed once for each text.

Parsing all code that a plan can reach takes half a second, in each command and in each process of a
worker. What a text says depends on nothing else, so that it is kept under the text's hash.
"""

from __future__ import annotations

import ast
import contextlib
import hashlib
import json
import re
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from pydantic import TypeAdapter

from zoo.common.errors import ZooError
from zoo.common.files import read_file, write_bytes
from zoo.common.paths import cache_folder

_REFERENCE = re.compile(r"""["']((?:\w+\.)+\w+):\w+["']""")
_QUOTED = re.compile(r"""["']([\w.-]+)["']""")
#: Lines that name a path beside their module.
_BESIDE = re.compile(r"^.*(?:\b__file__\b|\bfiles\().*$", re.MULTILINE)
#: Texts that are kept, and bytes of the file that keeps them.
_MOST, _MOST_BYTES = 4_000, 16 << 20


class ImportedName(NamedTuple):
    """A name that a module imports: as a module, or else from one.

    Attributes:
        level: Dots of a relative import.
        inner: The module, if the name is one.
        outer: The one that it is taken from otherwise; the same for a plain import.
    """

    level: int
    inner: str
    outer: str


class CodeFacts(NamedTuple):
    """What one text says.

    Attributes:
        references: Modules named as ``"module:function"``.
        beside: Names of files and folders in lines that name paths beside the module.
        imports: At its top or inside functions, but for those that only type checkers see.
    """

    references: tuple[str, ...]
    beside: tuple[str, ...]
    imports: tuple[ImportedName, ...]

    @classmethod
    def of(cls, text: str) -> CodeFacts:
        """Reads a text; one that is no Python here (a template) imports nothing."""
        try:
            body = ast.parse(text).body
        except (SyntaxError, ValueError):
            body = []
        return cls(
            references=tuple(_REFERENCE.findall(text)),
            beside=tuple(n for line in _BESIDE.findall(text) for n in _QUOTED.findall(line)),
            imports=tuple(_imports(body)),
        )


class FactMemory:
    """Facts by the SHA-256 of their text, kept in the cache; a damaged file is as good as none."""

    def __init__(self, path: Path | None) -> None:
        self._path, self._new = path, False
        self._facts: dict[str, CodeFacts] = {}
        if path is not None:
            with contextlib.suppress(OSError, ValueError):
                self._facts = _FACTS.validate_json(read_file(path, _MOST_BYTES))

    def of(self, content: bytes) -> CodeFacts:
        """Facts of a file's content."""
        digest = hashlib.sha256(content).hexdigest()
        if digest not in self._facts:
            self._facts[digest] = CodeFacts.of(content.decode("utf-8", errors="replace"))
            self._new = True
        return self._facts[digest]

    def keep(self) -> None:
        """Writes what is new; where the cache cannot be written, texts are parsed again."""
        if self._path is None or not self._new:
            return
        self._new = False
        latest = dict(list(self._facts.items())[-_MOST:])
        with contextlib.suppress(ZooError):
            write_bytes(self._path, json.dumps(latest).encode(), durable=False)


def fact_file() -> Path:
    """Of the user's cache, for this Python and this way of reading."""
    way = hashlib.sha256(Path(__file__).read_bytes() + sys.version.encode()).hexdigest()
    return cache_folder() / "code" / f"{way[:32]}.json"


def _imports(body: Iterable[ast.stmt]) -> Iterator[ImportedName]:
    for node in _statements(body):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield ImportedName(0, alias.name, alias.name)
        elif isinstance(node, ast.ImportFrom):
            for alias in node.names:
                inner = ".".join(filter(None, (node.module, alias.name)))
                yield ImportedName(node.level, inner, node.module or "")


def _statements(body: Iterable[ast.stmt]) -> Iterator[ast.stmt]:
    """Statements at any depth, but for those that only type checkers see."""
    for node in body:
        yield node
        test = node.test if isinstance(node, ast.If) else None
        parts = [] if isinstance(test, ast.Name) and test.id == "TYPE_CHECKING" else ["body"]
        for name in (*parts, "orelse", "finalbody"):
            yield from _statements(getattr(node, name, ()))
        for name in ("handlers", "cases"):
            for part in getattr(node, name, ()):
                yield from _statements(part.body)


_FACTS = TypeAdapter(dict[str, CodeFacts])
