"""A hash of all product code that a module can reach, read from the source: nothing is imported.

Reached is what a module imports, at its top or inside functions, and what these modules import in
turn; modules named as ``"module:function"``, which worker processes import; the packages above each
of them; files of a program or of data that a module names beside itself. Imports under
``TYPE_CHECKING`` decide nothing and do not count. Plugins are found through the registry and not by
imports, so those that a result depends on are given.
"""

from __future__ import annotations

import hashlib
import importlib.util
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, Protocol

from zoo.common.code_facts import FactMemory, fact_file
from zoo.common.files import sha256_of
from zoo.common.modules import import_package

#: Import packages of the product; only within them imports are followed from everywhere.
PACKAGES = ("zoo", "zoo.plugins", "zoo.exporters", "zoo.devices")


class CodeSource(Protocol):
    """Where a plugin's code lies: a file or the folder of a package; None when that is unknown."""

    source_file: str | None
    version: str


class SourceTree:
    """The import graph of source files; every file is read once.

    Args:
        roots: Import package → its folder.
        memory: Where facts of their texts are kept; None for this process alone.
    """

    def __init__(self, roots: Mapping[str, Path], memory: Path | None = None) -> None:
        self._roots, self._facts = dict(roots), FactMemory(memory)
        self._modules: dict[str, Path | None] = {}
        self._edges: dict[Path, frozenset[Path]] = {}
        self._rows: dict[Path, str] = {}
        self._fingerprints: dict[tuple[Any, ...], str] = {}

    def fingerprint(self, modules: Iterable[str], plugins: Iterable[CodeSource] = ()) -> str:
        """SHA-256 over everything that modules of the product and plugins reach.

        Of a plugin from elsewhere its version counts, too.

        Raises:
            LookupError: There is no such module.
        """
        starts, given = tuple(modules), list(plugins)
        # Of a plan with thousands of steps there are a handful.
        asked = (starts, *((plugin.source_file, plugin.version) for plugin in given))
        if asked not in self._fingerprints:
            self._fingerprints[asked] = self._fingerprint(starts, given)
            self._facts.keep()
        return self._fingerprints[asked]

    def _fingerprint(self, modules: Iterable[str], given: Sequence[CodeSource]) -> str:
        rows = [self._row(path) for path in self.files(modules, given)]
        for plugin in given:
            if plugin.source_file is not None and not self._holds(Path(plugin.source_file)):
                rows.append(f"{import_package(Path(plugin.source_file)).stem} {plugin.version}")
        return hashlib.sha256("\n".join(sorted(set(rows))).encode()).hexdigest()

    def files(self, modules: Iterable[str], plugins: Iterable[CodeSource]) -> frozenset[Path]:
        """All files that modules of the product and plugins reach.

        Of a plugin that is a package the whole folder counts; of one from elsewhere its whole
        import package.

        Raises:
            LookupError: There is no such module.
        """
        starts = set[Path]()
        for module in modules:
            if not (found := self._files_of(module)):
                raise LookupError(f"there is no module {module}")
            starts |= found
        for plugin in plugins:
            if plugin.source_file is not None:
                source = Path(plugin.source_file)
                starts |= _content(source if self._holds(source) else import_package(source))
        return self.reached(starts)

    def _holds(self, source: Path) -> bool:
        return any(source.is_relative_to(root) for root in self._roots.values())

    def reached(self, starts: Iterable[Path]) -> frozenset[Path]:
        """`starts`, and every file that one of them reaches."""
        seen, todo = set[Path](), set(starts)
        while todo:
            path = todo.pop()
            seen.add(path)
            if path not in self._edges:
                self._edges[path] = frozenset(self._reached_by(path))
            todo |= self._edges[path] - seen
        return frozenset(seen)

    def file_of(self, module: str) -> Path | None:
        """The file of a module of the product; of a package its ``__init__.py``."""
        if module not in self._modules:
            self._modules[module] = self._find(module)
        return self._modules[module]

    def _find(self, module: str) -> Path | None:
        for package in sorted(self._roots, key=len, reverse=True):
            if module == package or module.startswith(f"{package}."):
                parts = module.removeprefix(package).strip(".").split(".")
                return _file(self._roots[package].joinpath(*filter(None, parts)))
        return None

    def _files_of(self, module: str) -> set[Path]:
        """The file of a module and of every package above it; empty when there is none."""
        if self.file_of(module) is None:
            return set()
        parts = module.split(".")
        names = (".".join(parts[: end + 1]) for end in range(len(parts)))
        return {path for name in names if (path := self.file_of(name)) is not None}

    def _reached_by(self, path: Path) -> Iterator[Path]:
        if path.suffix != ".py":
            return
        facts = self._facts.of(path.read_bytes())
        for module in facts.references:
            yield from self._files_of(module)
        for name in facts.beside:
            yield from _beside(path, name)
        for level, inner, outer in facts.imports:
            yield from self._imported(path, level, inner) or self._imported(path, level, outer)

    def _imported(self, path: Path, level: int, module: str) -> set[Path]:
        if level:
            package = path.parents[level - 1]
            file = _file(package.joinpath(*module.split("."))) if module else _file(package)
            return set() if file is None else {file, *_above(file, package)}
        if found := self._files_of(module):
            return found
        # Beside a plugin that is a lone file may lie what it imports.
        beside = path.with_name(f"{module.partition('.')[0]}.py")
        lone = not path.with_name("__init__.py").exists()
        return {beside} if lone and beside.is_file() else set()

    def _label(self, path: Path) -> str:
        """A file's place, wherever the product and its plugins are installed."""
        for package, root in self._roots.items():
            if path.is_relative_to(root):
                return f"{package}/{path.relative_to(root).as_posix()}"
        return path.relative_to(import_package(path).parent).as_posix()

    def _row(self, path: Path) -> str:
        if path not in self._rows:
            self._rows[path] = f"{self._label(path)} {sha256_of(path)}"
        return self._rows[path]


def code_of(modules: Iterable[str], plugins: Iterable[CodeSource] = ()) -> str:
    """`SourceTree.fingerprint` in the installed product; files that change later stay unnoticed."""
    return installed().fingerprint(modules, plugins)


@lru_cache
def installed() -> SourceTree:
    """The product as this process imports it."""
    specs = {package: importlib.util.find_spec(package) for package in PACKAGES}
    return SourceTree(
        {
            package: Path(spec.submodule_search_locations[0])
            for package, spec in specs.items()
            if spec is not None and spec.submodule_search_locations
        },
        memory=fact_file(),
    )


def _file(place: Path) -> Path | None:
    """The file of the module that lies at `place`, a path without suffix."""
    for path in (place / "__init__.py", place.with_name(f"{place.name}.py")):
        if path.is_file():
            return path
    return None


def _above(file: Path, top: Path) -> Iterator[Path]:
    """Files of the packages from `file` up to the folder `top`."""
    for folder in file.parents:
        if (init := folder / "__init__.py").is_file():
            yield init
        if folder == top:
            return


def _content(source: Path) -> set[Path]:
    """A plugin's own files: a lone file, or everything in the folder of a package."""
    if source.name == "__init__.py":
        source = source.parent
    if source.is_dir():
        return {p for p in source.rglob("*") if p.is_file() and p.suffix != ".pyc"}
    return {source}


def _beside(path: Path, name: str) -> Iterator[Path]:
    """A file, or a folder of a program, that a line of a module names and that lies beside it."""
    for folder in path.parents[:2]:
        place = folder / name
        if place.is_file():
            yield place
        elif (place / "__main__.py").is_file():
            yield from place.rglob("*.py")
