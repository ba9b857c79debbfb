"""Pictures that a network made of examples, as files."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from zoo.common.errors import UsageError
from zoo.common.files import atomic_path
from zoo.common.optional_imports import require
from zoo.results.predictions import Predictions

if TYPE_CHECKING:
    from zoo.contracts.task import Array


def write_pictures(found: Predictions, folder: Path, *, overwrite: bool = False) -> list[Path]:
    """Writes a PNG for each example that was answered by a picture.

    Args:
        found: The answers.
        folder: Made if it is not there.
        overwrite: Whether files of these names are replaced.

    Returns:
        The files, named after input and network; none where answers are no pictures.

    Raises:
        UsageError: A file is there already; none is written then.
    """
    made = [(one.input, one.output.picture) for one in found.examples]
    pictures = [(name, pixels) for name, pixels in made if pixels is not None]
    paths: list[Path] = []
    for name, _ in pictures:
        stem = f"{Path(name).stem or 'picture'}.{found.subject}"
        number, path = 1, folder / f"{stem}.png"
        while path in paths:
            number += 1
            path = folder / f"{stem}-{number}.png"
        paths.append(path)
    there = [path for path in paths if path.exists()]
    if there and not overwrite:
        raise UsageError(
            f"{there[0]} is there already" + (f", and {len(there) - 1} more" * (len(there) > 1)),
            why="a picture of that name would be overwritten",
            fix="--pictures FOLDER writes elsewhere, --overwrite replaces it",
        )
    if paths:
        folder.mkdir(parents=True, exist_ok=True)
    for path, (_, pixels) in zip(paths, pictures, strict=True):
        _write(path, pixels)
    return paths


def _write(path: Path, pixels: Array) -> None:
    image = require("PIL.Image").fromarray(pixels[:, :, 0] if pixels.shape[2] == 1 else pixels)
    with atomic_path(path) as temporary:
        image.save(temporary, "PNG")
