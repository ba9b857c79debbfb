"""Inputs of ``zoo predict`` for a network of encoder and decoder: pictures, and coded files."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from zoo.artifacts.artifact import Artifact, require_manifest
from zoo.artifacts.file_chain import FileChain, whole_chain
from zoo.common.errors import UsageError
from zoo.contracts import Task
from zoo.contracts.preprocessing import SampleList
from zoo.contracts.stored_code import StoredCode
from zoo.data.readers.image_files import picture_files
from zoo.registry import Registry

if TYPE_CHECKING:
    from zoo.contracts.task import Array

#: Bytes that a coded file is recognized by.
_HEAD = 16


@dataclass(frozen=True, kw_only=True)
class CodedInputs:
    """Inputs, by what is done with them.

    Attributes:
        pictures: Those that are coded and decoded, as they were named.
        coded: Coded files, which are decoded.
        places: Of each picture, then of each coded file, which of the inputs named it; empty where
            pictures were named first.
    """

    pictures: tuple[str | Array, ...]
    coded: tuple[str, ...]
    places: tuple[int, ...] = ()

    def order(self, found: SampleList) -> list[int]:
        """Numbers of samples, and behind them of coded files, in the order of the inputs.

        Args:
            found: What was found in the pictures.
        """
        count = len(found.samples)
        every = list(range(count + len(self.coded)))
        if not self.places or len(found.places) != count:
            return every
        of_pictures, of_coded = self.places[: len(self.pictures)], self.places[len(self.pictures) :]
        place = [*(of_pictures[own] for own in found.places), *of_coded]
        return sorted(every, key=lambda number: place[number])


def sorted_inputs(stored: StoredCode, inputs: Sequence[str | Array]) -> CodedInputs:
    """Tells coded files from pictures: by their first bytes, or by their name; in folders, too."""
    pictures: list[tuple[int, str | Array]] = []
    coded: list[tuple[int, str]] = []
    for place, one in enumerate(inputs):
        inside = _coded_below(stored, one) if isinstance(one, str) else []
        if inside:
            coded += [(place, path) for path in inside]
            pictures += [(place, path) for path in _pictures_below(str(one))]
        elif isinstance(one, str) and _is_coded(stored, one):
            coded.append((place, one))
        else:
            pictures.append((place, one))
    return CodedInputs(
        pictures=tuple(one for _, one in pictures),
        coded=tuple(one for _, one in coded),
        places=tuple(place for place, _ in [*pictures, *coded]),
    )


def _is_coded(stored: StoredCode, name: str) -> bool:
    try:
        path = Path(name)
        if not path.is_file():
            return False
        with path.open("rb") as file:
            return stored.recognizes(file.read(_HEAD)) or path.suffix.lower() == stored.suffix
    except (OSError, ValueError):
        return False


def _coded_below(stored: StoredCode, name: str) -> list[str]:
    """Coded files in a folder, by their suffix."""
    try:
        folder = Path(name)
        if not folder.is_dir():
            return []
        found = [p for p in folder.rglob("*") if p.suffix.lower() == stored.suffix]
        return sorted(str(p) for p in found if p.is_file())
    except (OSError, ValueError):
        return []


def _pictures_below(folder: str) -> list[str]:
    """Pictures in a folder; `BadData` of a link that leaves it."""
    try:
        listing = picture_files(folder)
    except UsageError:  # there are coded files alone
        return []
    return [str(Path(folder) / file.path) for file in listing.files]


def coding_files(
    registry: Registry, artifact: Artifact, task: Task, given: CodedInputs
) -> FileChain:
    """The files that are needed: to decode, a decoder alone is enough.

    Args:
        registry: Knows formats.
        artifact: The file that was named.
        task: Of the file.
        given: All inputs.

    Raises:
        BadFile: Another file is not there, was altered or exchanged, or has no manifest.
    """
    if not given.pictures and require_manifest(artifact).part == task.parts[-1].name:
        return FileChain(artifacts=(artifact,))
    return whole_chain(registry, artifact)
