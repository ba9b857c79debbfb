"""Photographs that come inside the installed packages scikit-image and scikit-learn.

Those whose terms of use the packages do not state are left out. They are found without importing
the packages, which takes seconds, and split by photograph, once and for all: what is cut from one
of them is never in two splits.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from zoo.common.errors import MissingExtra
from zoo.contracts.dataset import SPLITS, SplitName

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_PUBLIC_DOMAIN = "public domain"
_NO_RESTRICTIONS = "no known restrictions"
#: Where the packages keep them.
_FOLDERS = {"skimage": "data", "sklearn": "datasets/images"}


@dataclass(frozen=True, kw_only=True)
class Photograph:
    """A photograph in an installed package.

    Attributes:
        name: ``astronaut``.
        package: Module whose folder has it.
        file: Its name there.
        split: The split that all of it belongs to.
        licence: SPDX identifier, or what its package says in words.
    """

    name: str
    package: str
    file: str
    split: SplitName
    licence: str


def _skimage(file: str, split: SplitName, licence: str = "CC0-1.0") -> Photograph:
    name = Path(file).stem
    return Photograph(name=name, package="skimage", file=file, split=split, licence=licence)


def _sklearn(file: str, split: SplitName) -> Photograph:
    name = Path(file).stem
    return Photograph(name=name, package="sklearn", file=file, split=split, licence="CC-BY-2.0")


#: Drawings and binary masks are left out. Each split has coloured and grey ones.
PHOTOGRAPHS = (
    _skimage("astronaut.png", "train", _PUBLIC_DOMAIN),
    _skimage("brick.png", "train"),
    _skimage("camera.png", "train"),
    _sklearn("china.jpg", "train"),
    _skimage("clock_motion.png", "train", _PUBLIC_DOMAIN),
    _skimage("gravel.png", "train"),
    _skimage("hubble_deep_field.jpg", "train", _PUBLIC_DOMAIN),
    _skimage("ihc.png", "train", _NO_RESTRICTIONS),
    _skimage("retina.jpg", "train"),
    _sklearn("flower.jpg", "validation"),
    _skimage("cell.png", "validation"),
    _skimage("coins.png", "validation", _NO_RESTRICTIONS),
    _skimage("chelsea.png", "test"),
    _skimage("coffee.png", "test"),
    _skimage("grass.png", "test"),
    _skimage("rocket.jpg", "test", _PUBLIC_DOMAIN),
)


def photographs(split: SplitName | None = None) -> tuple[Photograph, ...]:
    """Those of a split, or all."""
    return tuple(one for one in PHOTOGRAPHS if split in (None, one.split))


def find_photograph(one: Photograph) -> Path:
    """Its file.

    Raises:
        MissingExtra: The package is not installed, or comes without the file.
    """
    import importlib.util

    # find_spec does not run the package: importing scikit-learn takes over a second.
    spec = importlib.util.find_spec(one.package)
    if spec is not None and spec.origin is not None:
        path = Path(spec.origin).parent / _FOLDERS[one.package] / one.file
        if path.is_file():
            return path
    raise MissingExtra(one.package, "data")


def read_photograph(one: Photograph) -> NDArray[np.uint8]:
    """Its pixels in RGB; grey ones with three equal channels.

    Returns:
        uint8, shape (height, width, 3).

    Raises:
        MissingExtra: The package is not installed, or comes without the file.
        BadImage: The file is damaged.
    """
    from zoo.data.readers.patches import read_colours

    return read_colours(find_photograph(one))


@functools.cache
def photographs_fingerprint() -> str:
    """SHA-256 over the names, splits and contents of all files, in hexadecimal.

    Raises:
        MissingExtra: A package is not installed, or comes without its files.
    """
    import hashlib

    from zoo.common.files import sha256_of

    digest = hashlib.sha256()
    for split in SPLITS:
        for one in photographs(split):
            digest.update(f"{split} {one.name} {sha256_of(find_photograph(one))}\n".encode())
    return digest.hexdigest()
