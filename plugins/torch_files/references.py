"""What users type for networks of PyTorch: ``net.pt2``, ``net.py:build?weights=weights.pth``."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote

from zoo.common.errors import UnknownName, UsageError
from zoo.common.paths import expanded

ARCHIVE, PYTHON = ".pt2", ".py"
#: Files of PyTorch that hold no network that can be opened safely; they are recognised to say so,
#: as is a Python file without a function.
REFUSED = (".pt", ".pth")
_MODULE = re.compile(r"(?P<file>.+\.py):(?P<function>[A-Za-z_]\w*)(?:\?(?P<query>.*))?\Z", re.S)
_SHAPE = re.compile(r"[1-9]\d{0,5}(x[1-9]\d{0,5}){0,4}\Z")
_OPTIONS = ("weights", "shape")
_WEIGHTS = (".pth", ".pt", ".bin", ".safetensors")
#: Files that one may import from its folder.
_MOST_IMPORTED = 1000


@dataclass(frozen=True, kw_only=True)
class TorchReference:
    """A parsed reference.

    Attributes:
        file: An archive, or a Python file.
        function: Of the Python file; empty for an archive.
        weights: File of its weights; None where the function loads them itself.
        shape: Of one input, as PyTorch takes it, without the batch; None where it is not said.
    """

    file: Path
    function: str = ""
    weights: Path | None = None
    shape: tuple[int, ...] | None = None


def is_reference(reference: str) -> bool:
    """Whether it is written as one."""
    suffix = Path(reference).suffix.lower()
    # Behind a colon stands a name of another source, or the function.
    alone = suffix == PYTHON and ":" not in Path(reference).name
    return alone or suffix in (ARCHIVE, *REFUSED) or _MODULE.match(reference) is not None


def parse(reference: str) -> TorchReference:
    """Reads a reference.

    Raises:
        UnknownName: No such option.
        UsageError: A value that is none.
    """
    found = _MODULE.match(reference)
    if found is None:
        return TorchReference(file=Path(reference))
    options: dict[str, str] = {}
    for part in found["query"].split("&") if found["query"] else ():
        # As in the names of datasets, %26 stands for &.
        key, _, value = map(unquote, part.partition("="))
        if key not in _OPTIONS:
            raise UnknownName(f"option of {found['file']}:{found['function']}", key, _OPTIONS)
        if not value or key in options:
            raise UsageError(
                f"{reference}: {key} {'is given twice' if value else 'has no value'}",
                fix="write each once, as in net.py:build?weights=weights.pth&shape=3x224x224",
            )
        options[key] = value
    shape, weights = options.get("shape"), options.get("weights")
    if shape is not None and not _SHAPE.match(shape):
        raise UsageError(
            f"{reference}: {shape!r} is no shape",
            why="it is that of one input, as PyTorch has it, without the batch",
            fix="for example shape=3x224x224",
        )
    if weights is not None and not weights.lower().endswith(_WEIGHTS):
        raise UsageError(
            f"{reference}: {weights} is no file of PyTorch's weights",
            why=f"they end in {', '.join(_WEIGHTS)}",
            fix="torch.save(module.state_dict(), 'weights.pth')",
        )
    return TorchReference(
        file=expanded(found["file"]),
        function=found["function"],
        weights=None if weights is None else expanded(weights),
        shape=None if shape is None else tuple(map(int, shape.split("x"))),
    )


def file_of(reference: str) -> Path:
    """The archive or the Python file."""
    return parse(reference).file


def title(reference: str) -> str:
    """``net.pt2``, or ``net.py:build``."""
    found = parse(reference)
    return f"{found.file.name}:{found.function}" if found.function else found.file.name


def functions_in(path: Path) -> list[str]:
    """What a Python file defines that may return a module; it is read, not run."""
    try:
        tree = ast.parse(path.read_bytes())
    except (OSError, SyntaxError, ValueError, RecursionError):
        return []
    kinds = (ast.FunctionDef, ast.ClassDef)
    return [one.name for one in tree.body if isinstance(one, kinds) and one.name[0] != "_"]


def imported_files(path: Path) -> list[Path]:
    """The files that a Python file imports from its own folder, and these in turn.

    They are read, not run; what is imported under a computed name is not among them.
    """
    root, found, waiting = path.parent, dict[Path, None](), [path]
    while waiting and len(found) < _MOST_IMPORTED:
        current = waiting.pop()
        try:
            tree = ast.parse(current.read_bytes())
        except (OSError, SyntaxError, ValueError, RecursionError):
            continue  # whoever runs it says what is wrong with it
        for name in _names(tree, current.parent.relative_to(root).parts):
            for file in _files(root, name):
                if file != path and file not in found and file.is_file():
                    found[file] = None
                    waiting.append(file)
    return list(found)


def _names(tree: ast.Module, package: tuple[str, ...]) -> list[tuple[str, ...]]:
    """Names of modules that are imported, in parts."""
    names: list[tuple[str, ...]] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names += [tuple(alias.name.split(".")) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else ()
            base = (*above, *(node.module.split(".") if node.module else ()))
            names += [base, *((*base, alias.name) for alias in node.names)]
    return names


def _files(root: Path, name: tuple[str, ...]) -> list[Path]:
    """Where a module and the packages around it would lie."""
    found = []
    for depth in range(1, len(name) + 1):
        folder = root.joinpath(*name[:depth])
        found += [folder / "__init__.py", folder.with_name(f"{folder.name}.py")]
    return found
