"""A folder of images: one folder per class, with or without splits above them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from zoo.common.errors import BadData
from zoo.contracts.dataset import Dataset, DatasetProvider, Split
from zoo.hookspecs import hookimpl

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from zoo.data.readers.listing import ListedFile


@hookimpl
def zoo_datasets() -> Iterable[DatasetProvider]:
    """Yields ``folder``."""
    yield DatasetProvider(
        name="folder",
        summary="your own images: one folder per class, or train/ validation/ test/ above them",
        tasks=("image-classification", "image-generation"),
        open=open_folder,
        fingerprint=fingerprint,
        argument="PATH",
        where="any folder on this machine",
    )


def open_folder(argument: str | None) -> Dataset:
    """Checks every image once and splits them.

    Folders ``train``, ``validation`` (or ``val``) and ``test`` are honoured as splits; without
    ``validation``, it is taken from ``train``. Otherwise images are split 70/15/15 by content.

    Args:
        argument: Path of the folder.

    Raises:
        UsageError: No such folder.
        BadData: No class, an empty class, too many broken images, an image in two
            splits, a class too small to split, or a link that leaves the folder.
    """
    from zoo.data.readers import class_folders as shared
    from zoo.data.readers.folder_check import check_files
    from zoo.data.readers.hashing import dataset_hash
    from zoo.data.readers.image_files import suffixes
    from zoo.data.readers.listing import list_folder

    listing = list_folder(argument)
    classes = shared.classes_of(listing)
    images, others = shared.by_suffix(listing.files, frozenset(suffixes()))
    shared.refuse_empty(listing, images, "images", broken=False)
    checked, memory_notes = check_files(listing.root, images)
    broken = [f"{images[i].path}: {c.problem}" for i, c in enumerate(checked) if c.problem]
    shared.refuse_broken(broken, len(images), "images", "they cannot be decoded")
    good = [i for i, c in enumerate(checked) if not c.problem]
    files = [images[i] for i in good]
    hashes = [checked[i].digest for i in good]
    labels = shared.labels_of(files, classes)
    shared.refuse_empty(listing, files, "images", broken=True)
    indices, split_notes = shared.divide(files, hashes, classes)
    splits = {
        name: _split(listing.root, [files[i] for i in own], [hashes[i] for i in own], labels[own])
        for name, own in indices.items()
    }
    pairs = shared.conflicting_labels([file.path for file in files], hashes, labels)
    notes = [
        *shared.note("left out: not images", [file.path for file in others]),
        *shared.note("left out", listing.ignored),
        *shared.note("left out: broken", broken),
        *shared.note("in more than one class", pairs),
        *split_notes,
        *memory_notes,
    ]
    return Dataset(
        name=f"folder:{argument}",
        classes=classes,
        splits=splits,
        content_hash=dataset_hash(classes, splits),
        source=f"files in {Path(argument or '').name or argument}",
        notes=tuple(notes),
    )


def fingerprint(argument: str | None) -> str:
    """SHA-256 over names, sizes and times of all files; none is read.

    Raises:
        UsageError: No such folder.
        BadData: A link leaves the folder, or a folder cannot be read.
    """
    from zoo.data.readers.listing import list_folder, listing_fingerprint

    return f"folder:{listing_fingerprint(list_folder(argument))}"


def _split(
    root: Path, files: Sequence[ListedFile], hashes: Sequence[bytes], labels: NDArray[np.int64]
) -> Split:
    from zoo.data.readers.hashing import split_hash
    from zoo.data.readers.image_files import BadImage, read_image

    paths = [file.path for file in files]

    def read(index: int) -> NDArray[np.uint8]:
        try:
            return read_image(root / paths[index])
        except (BadImage, OSError) as error:
            raise BadData(
                f"{paths[index]} cannot be read any more",
                why=str(error),
                fix="leave the folder alone during a run; start the run again",
            ) from error

    return Split(labels=labels, read=read, content_hash=split_hash(hashes, labels))
