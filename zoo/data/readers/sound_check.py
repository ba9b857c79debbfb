"""Check of a folder of sounds: hash, form and defects of every file, remembered between runs."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from zoo.data.readers.check_memory import CheckMemory
from zoo.data.readers.hashing import array_hash
from zoo.data.readers.listing import ListedFile, unreadable
from zoo.data.readers.sound_files import decoded
from zoo.data.readers.wave_files import BadSound
from zoo.data.sound_outlines import sound_outline

_VERSION = 2


@dataclass(frozen=True, kw_only=True)
class CheckedSound:
    """What opening a file showed.

    Attributes:
        digest: SHA-256 of rate and samples, whatever numbers and channels they are stored in.
        rate: Samples per second.
        seconds: Its length.
        channels: How many it has.
        silent: Whether all samples are alike.
        outline: By which near copies are found.
        problem: Why the file is broken, or nothing.
    """

    digest: bytes = b""
    rate: int = 0
    seconds: float = 0.0
    channels: int = 0
    silent: bool = False
    outline: bytes = b""
    problem: str = ""


def check_sounds(
    root: Path, files: Sequence[ListedFile], *, workers: int | None = None
) -> tuple[list[CheckedSound], list[str]]:
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
        folder="sounds",
        what="sounds",
        decoder={"version": _VERSION},
        check=_check,
        stored=_stored,
        loaded=_loaded,
    )
    return memory.outcomes(root, files, workers=workers)


def _check(root: Path, file: ListedFile) -> CheckedSound:
    try:
        sound = decoded(root / file.path)
    except OSError as error:  # of the system: the sound itself may be whole
        raise unreadable(file.path, error) from error
    except BadSound as error:
        return CheckedSound(problem=str(error))
    return CheckedSound(
        digest=array_hash(np.append(sound.samples, np.float32(sound.rate)) + 0),
        rate=sound.rate,
        seconds=len(sound.samples) / sound.rate,
        channels=sound.channels,
        silent=bool((sound.samples == sound.samples[0]).all()),
        outline=sound_outline(sound.samples, sound.rate),
    )


def _stored(one: CheckedSound) -> list[Any]:
    digest, outline = (base64.b64encode(own).decode() for own in (one.digest, one.outline))
    return [digest, one.rate, one.seconds, one.channels, one.silent, outline, one.problem]


def _loaded(stored: list[Any]) -> CheckedSound:
    digest, rate, seconds, channels, silent, outline, problem = stored
    return CheckedSound(
        digest=base64.b64decode(digest),
        rate=int(rate),
        seconds=float(seconds),
        channels=int(channels),
        silent=bool(silent),
        outline=base64.b64decode(outline),
        problem=str(problem),
    )
