"""Pictures and masks that a network answers, as files."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from zoo.common.errors import UsageError
from zoo.common.files import atomic_path, ensure_writable, write_bytes
from zoo.common.optional_imports import require
from zoo.contracts.outputs import CLASS_MAP, PICTURE
from zoo.contracts.prediction import DecodedMask
from zoo.results.predictions import Predictions
from zoo.tasks.semantic_segmentation.overlay import colours

if TYPE_CHECKING:
    from zoo.contracts.task import Array

#: ``.{encoder,decoder}.`` in a name, see `zoo.artifacts.file_chain.name_of_all`.
_PARTS = re.compile(r"\.\{[^{}]*\}\.")
#: Values of masks for what the network did not see, in files of 8 and of 16 bits.
_UNSEEN, _UNSEEN_WIDE = 255, 65535
#: Bytes of a file's name.
_LONGEST = 255


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
        ZooError: The folder cannot be written.
    """
    made = [(one.input, one.output) for one in found.examples if one.output.picture is not None]
    suffixes = tuple({own.coded.suffix for _, own in made if own.coded is not None})
    names = [name for name, _ in made]
    written: list[Path] = []
    fix = _elsewhere("--pictures")
    if made:
        ensure_writable(folder, fix=fix)
    paths = _free_paths(found.subject, names, folder, "--pictures", overwrite, suffixes)
    for path, (_, own) in zip(paths, made, strict=True):
        if own.coded is not None:
            written.append(path.with_name(path.stem + own.coded.suffix))
            write_bytes(written[-1], own.coded.content, fix=fix)
        assert own.picture is not None  # or it would not be among them
        _write(path, own.picture, fix)
        written.append(path)
    return written


def refuse_written(
    subject: str,
    names: Sequence[str],
    readings: Sequence[str],
    *,
    pictures: Path,
    masks: Path | None = None,
    overwrite: bool = False,
) -> None:
    """Refuses before the work what `write_pictures` and `write_masks` would refuse after it.

    Args:
        subject: Name of the network.
        names: Of the examples.
        readings: Of its outputs.
        pictures: Folder for pictures.
        masks: Folder for masks; None for none.
        overwrite: Whether files of these names are replaced.

    Raises:
        UsageError: A picture or a mask of one of them is there already, or there are to be masks
            and answers are none.
    """
    if masks is not None and CLASS_MAP not in readings:
        raise UsageError(f"{subject} answers no masks", fix="leave --masks out")
    if PICTURE in readings:
        _free_paths(subject, names, pictures, "--pictures", overwrite)
    if masks is not None:
        _free_paths(subject, _of_masks(names), masks, "--masks", overwrite)


def write_masks(found: Predictions, folder: Path, *, overwrite: bool = False) -> list[Path]:
    """Writes the mask of each example as a PNG of the size of its picture.

    Values are the numbers of classes, with a palette; 255 is what the network did not see. From 256
    classes on they are grey values of 16 bits, and that is 65535.

    Args:
        found: The answers.
        folder: Made if it is not there.
        overwrite: Whether files of these names are replaced.

    Returns:
        The files, named after input and network.

    Raises:
        UsageError: A file is there already, and none is written; or answers are no masks.
        ZooError: The folder cannot be written.
    """
    masks = [(one.input, one.output.mask) for one in found.examples]
    made = [(name, mask) for name, mask in masks if mask]
    if not made:
        raise UsageError(
            f"{found.subject} answers no masks",
            why=f"its task is {found.task}",
            fix="leave --masks out",
        )
    fix = _elsewhere("--masks")
    ensure_writable(folder, fix=fix)
    names = _of_masks([name for name, _ in made])
    paths = _free_paths(found.subject, names, folder, "--masks", overwrite)
    for path, (_, mask) in zip(paths, made, strict=True):
        _write_mask(path, mask, fix)
    return paths


def _of_masks(names: Sequence[str]) -> list[str]:
    return [f"{Path(name).stem or 'picture'}.mask.png" for name in names]


def _free_paths(
    answered_by: str,
    names: Sequence[str],
    folder: Path,
    option: str,
    overwrite: bool,
    suffixes: Sequence[str] = (),
) -> list[Path]:
    """A path for each picture.

    Args:
        answered_by: Name of the network.
        names: Of the examples.
        folder: Where.
        option: That names it.
        overwrite: Whether files of these names are replaced.
        suffixes: Of files that are written beside pictures.
    """
    paths: list[Path] = []
    # What all files of a model are called is no name of a file.
    subject = _PARTS.sub(".", answered_by)
    for name in names:
        stem = f"{Path(name).stem or 'picture'}.{subject}"
        number, path = 1, folder / f"{stem}.png"
        while path in paths:
            number += 1
            path = folder / f"{stem}-{number}.png"
        paths.append(path)
    _refuse_long(paths, option)
    beside = [path.with_name(path.stem + suffix) for path in paths for suffix in suffixes]
    there = [path for path in [*paths, *beside] if path.exists()]
    if there and not overwrite:
        raise UsageError(
            f"{there[0]} is there already" + (f", and {len(there) - 1} more" * (len(there) > 1)),
            why="a file of that name would be overwritten",
            fix=f"{option} FOLDER writes elsewhere, --overwrite replaces it",
        )
    return paths


def _refuse_long(paths: Sequence[Path], option: str) -> None:
    for path in paths:
        if len(path.name.encode()) > _LONGEST:
            raise UsageError(
                f"the name of {path} is too long",
                why=f"it has {len(path.name.encode())} bytes, and file systems take {_LONGEST}",
                fix=f"give the input a shorter name; {option} changes the folder alone",
            )


def _elsewhere(option: str) -> str:
    return f"name another folder with {option}, or change its permissions"


def _write_mask(path: Path, mask: DecodedMask, fix: str) -> None:
    import numpy as np

    wide = len(mask.names) > _UNSEEN
    values = mask.whole()
    values[values < 0] = _UNSEEN_WIDE if wide else _UNSEEN
    image = require("PIL.Image").fromarray(values.astype(np.uint16 if wide else np.uint8))
    if not wide:
        palette = np.full((_UNSEEN + 1, 3), 128, np.uint8)
        palette[: len(mask.names)] = colours(len(mask.names))
        image.putpalette(palette.tobytes())
    with atomic_path(path, fix=fix) as temporary:
        image.save(temporary, "PNG")


def _write(path: Path, pixels: Array, fix: str) -> None:
    image = require("PIL.Image").fromarray(pixels[:, :, 0] if pixels.shape[2] == 1 else pixels)
    with atomic_path(path, fix=fix) as temporary:
        image.save(temporary, "PNG")
