"""Image check of a folder: hash and defects of every image, remembered between runs."""

from __future__ import annotations

import base64
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from zoo.common.optional_imports import require
from zoo.data.near_copies import outline
from zoo.data.readers.check_memory import CheckMemory
from zoo.data.readers.hashing import identity
from zoo.data.readers.image_files import MAX_BYTES, BadImage, decode, formats
from zoo.data.readers.listing import ListedFile, unreadable

_VERSION = 3


@dataclass(frozen=True)
class CheckedFile:
    """What opening a file showed.

    Attributes:
        digest: SHA-256 of the pixels that a network sees, whatever file they are in.
        outline: By which near copies are found.
        problem: Why the file is broken, or nothing.
        size: Height and width.
    """

    digest: bytes
    outline: bytes
    problem: str
    size: tuple[int, int] = (0, 0)


def check_files(
    root: Path, files: Sequence[ListedFile], *, workers: int | None = None
) -> tuple[list[CheckedFile], list[str]]:
    """Opens every file that is new or changed since the last check.

    Args:
        root: The folder that paths are relative to.
        files: What to check.
        workers: Threads; None takes one per processor.

    Returns:
        One result per file, and notes for the reader.

    Raises:
        BadData: The system does not hand a file out.
    """
    memory = CheckMemory(
        folder="folders",
        what="images",
        # Loads Pillow's decoders, which must not happen in several threads at once.
        decoder=_decoder(),
        check=_check,
        stored=_stored,
        loaded=_loaded,
    )
    with warnings.catch_warnings():
        # Images that Pillow warns about are refused and reported; a second warning is redundant.
        warnings.simplefilter("ignore")
        return memory.outcomes(root, files, workers=workers)


def _check(root: Path, file: ListedFile) -> CheckedFile:
    path, size = root / file.path, file.size
    if size > MAX_BYTES:
        return _broken(f"{size} bytes: more than {MAX_BYTES}")
    try:
        image = decode(path.read_bytes())
    except OSError as error:  # of the system: the image itself may be whole
        raise unreadable(file.path, error) from error
    except BadImage as error:
        return _broken(str(error))
    return CheckedFile(identity(image), outline(image), "", (image.shape[0], image.shape[1]))


def _broken(problem: str) -> CheckedFile:
    return CheckedFile(b"", b"", problem)


def _decoder() -> dict[str, Any]:
    return {"version": _VERSION, "pillow": require("PIL").__version__, "formats": list(formats())}


def _stored(result: CheckedFile) -> list[Any]:
    digest, own = (base64.b64encode(one).decode() for one in (result.digest, result.outline))
    return [digest, own, result.problem, result.size]


def _loaded(stored: list[Any]) -> CheckedFile:
    digest, own, problem, (down, right) = stored
    size = int(down), int(right)
    return CheckedFile(base64.b64decode(digest), base64.b64decode(own), problem, size)
