"""Pictures without labels: files of any format, folders of them, and arrays."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from zoo.common.errors import BadData
from zoo.contracts.preprocessing import Sample, SampleList
from zoo.data.readers.class_folders import note
from zoo.data.readers.image_files import BadImage, picture_files, read_image, unread_formats
from zoo.data.samples.arrays import ARRAYS, array_samples
from zoo.data.samples.named import NamedPath, find_path, nothing_there

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_TAKES = "a picture, a folder of pictures, or arrays of pictures in an .npz file"


def picture_samples(given: str) -> SampleList:
    """The pictures in a file or below a folder, decoded as datasets decode them.

    Raises:
        UsageError: Nothing is there, or no picture is in the folder.
        BadData: A link leaves the folder; or arrays that are no pictures.
    """
    there = find_path(given)
    if there is None:
        raise nothing_there(given, _TAKES)
    if there.suffix in ARRAYS:
        return array_samples(there, "images")
    if not there.path.is_dir():
        return SampleList(samples=[_sample(there.path, there.shown)])
    return _below(there)


def _below(there: NamedPath) -> SampleList:
    listing = picture_files(str(there.path))
    others = [name.rpartition(" (")[0] for name in listing.ignored]
    left_out = [line.removesuffix(" (not a picture)") for line in listing.ignored]
    return SampleList(
        samples=[
            _sample(listing.root / file.path, str(Path(there.shown) / file.path))
            for file in listing.files
        ],
        notes=[*note(f"left out of {there.shown}", left_out), *unread_formats(others)],
    )


def _sample(path: Path, name: str) -> Sample:
    return Sample(name=name, read=partial(_read, path))


def _read(path: Path) -> NDArray[np.uint8]:
    try:
        return read_image(path)
    except BadImage as error:
        raise BadData(f"{path} cannot be decoded", why=str(error)) from error
