"""Pictures that a network made of examples, as files."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from zoo.common.errors import UsageError
from zoo.common.files import atomic_path, write_bytes
from zoo.common.optional_imports import require
from zoo.results.predictions import Predictions

if TYPE_CHECKING:
    from zoo.contracts.task import Array

#: ``.{encoder,decoder}.`` in a name, see `zoo.artifacts.file_chain.name_of_all`.
_PARTS = re.compile(r"\.\{[^{}]*\}\.")


def write_pictures(found: Predictions, folder: Path, *, overwrite: bool = False) -> list[Path]:
    """Writes a PNG for each example that was answered by a picture, and the file of its code.

    Args:
        found: The answers.
        folder: Made if it is not there.
        overwrite: Whether files of these names are replaced.

    Returns:
        The files, named after input and network; none where answers are no pictures.

    Raises:
        UsageError: A file is there already; none is written then.
    """
    made: dict[Path, Array | bytes] = {}
    # What all files of a model are called is no name of a file.
    subject = _PARTS.sub(".", found.subject)
    for one in found.examples:
        if one.output.picture is None:
            continue
        stem, coded = f"{Path(one.input).stem or 'picture'}.{subject}", one.output.coded
        number, own = 1, stem
        while folder / f"{own}.png" in made:
            number += 1
            own = f"{stem}-{number}"
        if coded is not None:
            made[folder / f"{own}{coded.suffix}"] = coded.content
        made[folder / f"{own}.png"] = one.output.picture
    there = [path for path in made if path.exists()]
    if there and not overwrite:
        raise UsageError(
            f"{there[0]} is there already" + (f", and {len(there) - 1} more" * (len(there) > 1)),
            why="a picture of that name would be overwritten",
            fix="--pictures FOLDER writes elsewhere, --overwrite replaces it",
        )
    if made:
        folder.mkdir(parents=True, exist_ok=True)
    for path, content in made.items():
        _write(path, content)
    return [*made]


def _write(path: Path, content: Array | bytes) -> None:
    if isinstance(content, bytes):
        write_bytes(path, content)
        return
    shown = content[:, :, 0] if content.shape[2] == 1 else content
    with atomic_path(path) as temporary:
        require("PIL.Image").fromarray(shown).save(temporary, "PNG")
