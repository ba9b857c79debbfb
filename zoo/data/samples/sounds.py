"""Sounds without labels: a WAV file, or every one below a folder."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from zoo.common.errors import BadData
from zoo.contracts.preprocessing import Sample, SampleList
from zoo.data.readers.class_folders import note
from zoo.data.readers.listing import list_files
from zoo.data.readers.sound_files import SUFFIXES, read_sound
from zoo.data.readers.wave_files import CONVERT, BadSound
from zoo.data.samples.named import find_path, nothing_there

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_TAKES = "a .wav file, or a folder of them"


def sound_samples(given: str, rate: int, samples: int) -> SampleList:
    """The sounds in a file or below a folder, read as datasets read them.

    Args:
        given: As typed.
        rate: Samples per second that the network takes.
        samples: Length that it takes.

    Raises:
        UsageError: Nothing is there, or no sound is in the folder.
        BadData: A link leaves the folder.
    """
    there = find_path(given)
    if there is None:
        raise nothing_there(given, _TAKES)
    if not there.path.is_dir():
        return SampleList(samples=[_sample(there.path, there.shown, rate, samples)])
    listing = list_files(str(there.path), SUFFIXES, kind="sound", fix=f"name {_TAKES}")
    left_out = [line.removesuffix(" (not a sound)") for line in listing.ignored]
    return SampleList(
        samples=[
            _sample(listing.root / file.path, str(Path(there.shown) / file.path), rate, samples)
            for file in listing.files
        ],
        notes=note(f"left out of {there.shown}", left_out),
    )


def _sample(path: Path, name: str, rate: int, samples: int) -> Sample:
    return Sample(name=name, read=partial(_read, path, rate, samples))


def _read(path: Path, rate: int, samples: int) -> NDArray[np.float32]:
    try:
        return read_sound(path, rate, samples)
    except BadSound as error:
        raise BadData(f"{path} cannot be read as a sound", why=str(error), fix=CONVERT) from error
