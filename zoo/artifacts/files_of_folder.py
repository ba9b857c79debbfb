"""Folders where exported files are taken: a run, an export, a bundle."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from zoo.artifacts.artifact import REJECTED, open_artifact, open_unaltered
from zoo.common.errors import UsageError, ZooError
from zoo.common.files import no_folder
from zoo.common.shown_text import printable
from zoo.contracts.precision import BASELINE, PRECISIONS
from zoo.registry import Registry

#: Names that an error lists.
_LISTED = 8


def is_folder_of_files(registry: Registry, named: str) -> bool:
    """Whether a name is that of a folder, and not of a network that is saved as one."""
    if no_folder(Path(named)):
        return False
    return not any(source.recognises(named) for source in registry.sources)


def expanded_folders(registry: Registry, operands: Sequence[str]) -> list[str]:
    """The operands, with the files of a folder in its place.

    Raises:
        UsageError: A folder holds none.
    """
    found: list[str] = []
    for name in operands:
        folder = is_folder_of_files(registry, name)
        found += map(str, files_of_folder(registry, Path(name))) if folder else [name]
    return found


def files_of_folder(registry: Registry, folder: Path) -> tuple[Path, ...]:
    """The exported files in a folder that passed their gate, by name.

    Raises:
        UsageError: There is no such folder, or none in it; names folders below it that have some.
    """
    if problem := no_folder(folder):
        raise UsageError(problem, fix="name the folder of a run, an export or a bundle")
    found = _files(registry, folder)
    if found:
        return found
    below = [path for path in sorted(folder.iterdir()) if path.is_dir() and _files(registry, path)]
    names = ", ".join(printable(str(path)) for path in below[:_LISTED])
    more = f", and {len(below) - _LISTED} more" if len(below) > _LISTED else ""
    known = ", ".join(exporter.suffix for exporter in registry.exporters)
    raise UsageError(
        f"{folder} holds no exported files",
        why=f"formats are {known}; rejected files do not count",
        fix=f"name one of {names}{more}" if below else "name a file, or the folder of a run",
    )


def only_file(registry: Registry, folder: Path, what: str) -> Path:
    """The file in a folder that holds one.

    Args:
        registry: Knows formats.
        folder: The folder.
        what: Is taken: ``a bundle is made of one``.

    Raises:
        UsageError: It holds several, or none; names them.
    """
    found = files_of_folder(registry, folder)
    if len(found) > 1:
        names = ", ".join(printable(str(path)) for path in found[:_LISTED])
        more = f", and {len(found) - _LISTED} more" if len(found) > _LISTED else ""
        raise UsageError(
            f"{folder} holds {len(found)} files, and {what}",
            fix=f"name one: {names}{more}",
        )
    return found[0]


def files_with_twins(registry: Registry, folder: Path) -> tuple[Path, ...]:
    """Those in a folder that are made of less precise numbers than the baseline's.

    One that cannot be opened is among them: whoever opens it says why.

    Raises:
        UsageError: There are none.
    """
    found = files_of_folder(registry, folder)
    kept = tuple(path for path in found if not _is_baseline(registry, path))
    if not kept:
        raise UsageError(
            f"{folder} holds {BASELINE.name} files alone, which others are compared with",
            fix="name a file of another precision",
        )
    return kept


def _is_baseline(registry: Registry, path: Path) -> bool:
    try:
        manifest = open_artifact(registry, path).manifest
    except ZooError:
        return False
    return manifest is not None and manifest.precision == BASELINE.name


def damaged_files(
    registry: Registry, operands: Sequence[str], files: Sequence[str]
) -> dict[str, ZooError]:
    """Why files that stand for a folder cannot be used; those that were named are not opened.

    Args:
        registry: Knows formats.
        operands: As typed.
        files: They, with the files of folders in their place.
    """
    found: dict[str, ZooError] = {}
    for file in files:
        if file not in operands:
            try:
                open_unaltered(registry, Path(file))
            except ZooError as error:
                found[file] = error
    return found


def most_precise_file(registry: Registry, folder: Path) -> Path:
    """The file that answers most as its network does: of the highest precision, by name.

    Raises:
        UsageError: There is none.
    """
    order = {precision.name: place for place, precision in enumerate(PRECISIONS)}

    def place(path: Path) -> tuple[int, str]:
        manifest = open_artifact(registry, path).manifest
        return order.get(manifest.precision if manifest else "", len(order)), path.name

    return min(files_of_folder(registry, folder), key=place)


def _files(registry: Registry, folder: Path) -> tuple[Path, ...]:
    return tuple(
        path
        for path in sorted(folder.iterdir())
        if path.is_file()
        and not path.name.endswith(REJECTED)
        and registry.exporter_for(path) is not None
    )
