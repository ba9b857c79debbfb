"""A folder of images for anomaly detection: one class folder is normal, the others are not."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from zoo.common.errors import BadData, UsageError
from zoo.contracts.dataset import Dataset
from zoo.data.one_class import CLASSES, divide_one_class, normal_class
from zoo.data.readers import class_folders as shared
from zoo.data.readers.folder_check import check_files
from zoo.data.readers.hashing import dataset_hash
from zoo.data.readers.image_files import suffixes, unread_formats
from zoo.data.readers.listing import class_order, list_folder
from zoo.data.readers.query import Query


def open_one_class(query: Query, name: str) -> Dataset:
    """Checks every image once, and divides them so that training has normal ones alone.

    Folders for training, validation and test are honoured as splits; each may have classes of its
    own. Otherwise normal images are split 70/15/15 by content, and the others go to validation and
    test, half to each.

    Args:
        query: The path with ``normal=CLASS``.
        name: Of the dataset, as typed.

    Raises:
        UsageError: An option that class folders alone have.
        UnknownName: There is no such class.
        BadData: Too many broken images, too many odd ones in training, or a split lacks what it
            needs.
    """
    from zoo.data.folder import image_split

    for option in ("group", "test", "task"):
        if option in query.options:
            raise UsageError(
                f"{option}= and normal= cannot be given together", fix=f"leave {option}= out"
            )
    listing = list_folder(query.path)
    classes = sorted({n for names in listing.classes.values() for n in names}, key=class_order)
    if not classes:
        raise BadData(
            f"{listing.root} holds no class folders",
            why="each class has its examples in a folder of its own",
            fix="name the folder that holds the class folders",
        )
    normal = normal_class(query.options["normal"], classes, f"folder:{query.path}?normal=")
    images, others = shared.by_suffix(listing.files, frozenset(suffixes()))
    unread = unread_formats([file.path for file in others])
    shared.refuse_empty(listing, images, "images", broken=False, others=unread)
    checked, memory_notes = check_files(listing.root, images)
    broken = [f"{images[i].path}: {c.problem}" for i, c in enumerate(checked) if c.problem]
    shared.refuse_broken(broken, len(images), "images", "they cannot be decoded")
    good = [i for i, c in enumerate(checked) if not c.problem]
    files, hashes = [images[i] for i in good], [checked[i].digest for i in good]
    anomalous = np.array([file.class_name != normal for file in files], bool)
    paths = [file.path for file in files]
    indices, notes = divide_one_class(
        anomalous, hashes, [file.split for file in files], paths, name
    )
    labels = anomalous.astype(np.int64)
    splits = {
        split: image_split(
            listing.root, [files[i] for i in own], [hashes[i] for i in own], labels[own]
        )
        for split, own in indices.items()
    }
    pairs = shared.conflicting_labels(paths, hashes, labels)
    return Dataset(
        name=name,
        classes=CLASSES,
        splits=splits,
        content_hash=dataset_hash(CLASSES, splits),
        source=f"files in {Path(query.path).name or query.path}",
        notes=(
            f"normal: {normal}; anomalies: {', '.join(n for n in classes if n != normal)}",
            *listing.notes,
            *shared.note("left out: not images", [file.path for file in others]),
            *unread,
            *shared.note("left out", listing.ignored),
            *shared.note("left out: broken", broken),
            *shared.note("both normal and anomalous", pairs),
            *shared.copies(hashes),
            *notes,
            *memory_notes,
        ),
    )
