"""A folder of good pictures in patches, made bad in a stated way, or left as they are.

``folder:PATH?degrade=bicubic2``, ``folder:PATH?task=image-compression``.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from zoo.common.errors import UsageError
from zoo.contracts.dataset import Dataset
from zoo.data.readers.patches import COMPRESSION
from zoo.data.readers.query import Query

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from zoo.data.readers.degradations import Degradation


def open_degraded(query: Query, name: str) -> Dataset:
    """Checks every picture once, divides them, degrades each as a whole and cuts it into patches.

    Folders for training and test are honoured; else pictures are split 70/15/15 by content.

    Args:
        query: The folder, the degradation, and ``patch=``.
        name: The dataset as the user typed it.

    Raises:
        UsageError: No such folder or degradation, or options of class folders.
        BadData: Too many broken pictures, or too few to split.
    """
    from zoo.data.readers import class_folders as shared
    from zoo.data.readers.degradations import degradation_of, patch_of
    from zoo.data.readers.folder_check import check_files
    from zoo.data.readers.image_files import picture_files
    from zoo.data.readers.patches import PicturePair, patch_dataset, split_pictures

    untouched = query.options.get("task") == COMPRESSION
    others = sorted(query.options.keys() - {"task" if untouched else "degrade", "patch"})
    if others:
        own = f"task={COMPRESSION} is" if untouched else "degrade="
        raise UsageError(
            f"{others[0]}= is of labelled folders, and {own} of good pictures"
            if others[0] != "degrade"
            else f"degrade= makes pictures bad, and {own} for pictures as they are",
            fix=f"leave {others[0]}= out",
        )
    degradation = None if untouched else degradation_of(query, f"folder:{query.path}")
    scale = degradation.scale if degradation else 1
    patch = patch_of(query, scale)
    listing = picture_files(query.path)
    checked, memory_notes = check_files(listing.root, listing.files)
    broken = [
        f"{file.path}: {found.problem}"
        for file, found in zip(listing.files, checked, strict=True)
        if found.problem
    ]
    shared.refuse_broken(broken, len(listing.files), "pictures", "they cannot be decoded")
    good = [
        (file.path, found.digest)
        for file, found in zip(listing.files, checked, strict=True)
        if not found.problem
    ]
    splits, told = split_pictures([path for path, _ in good], [digest for _, digest in good])
    pairs = [
        PicturePair(
            name=path,
            split=split,
            digest=digest,
            read=partial(_pair, listing.root / path, degradation),
        )
        for (path, digest), split in zip(good, splits, strict=True)
    ]
    return patch_dataset(
        name,
        pairs,
        scale=scale,
        patch=patch,
        source=f"files in {Path(query.path).name or query.path}",
        notes=(
            *([f"made bad: {degradation.meaning}"] if degradation else []),
            *shared.note("left out", listing.ignored),
            *shared.note("left out: broken", broken),
            *shared.copies([digest for _, digest in good]),
            *told,
            *memory_notes,
        ),
    )


def _pair(
    path: Path, degradation: Degradation | None
) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    from zoo.data.readers.degradations import degraded_pair
    from zoo.data.readers.patches import read_colours

    good = read_colours(path)
    return (good, good) if degradation is None else degraded_pair(good, degradation)
