"""A folder of images: one folder per class, with or without splits above them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zoo.common.errors import BadData
from zoo.common.files import no_folder
from zoo.common.paths import expanded
from zoo.contracts.dataset import Dataset, DatasetProvider, Split
from zoo.data.degraded_folder import open_degraded
from zoo.data.labelled_images import open_labelled, table_task
from zoo.data.one_class import TASK
from zoo.data.readers.patches import COMPRESSION
from zoo.data.readers.patches import TASK as ENHANCEMENT
from zoo.hookspecs import hookimpl

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from zoo.data.readers.listing import ListedFile
    from zoo.data.readers.query import Query


#: What class folders serve.
CLASSES = ("image-classification", "image-generation")


@hookimpl
def zoo_datasets() -> Iterable[DatasetProvider]:
    """Yields ``folder``."""
    yield DatasetProvider(
        name="folder",
        summary="your own images: one folder per class, or train/ validation/ test/ above them",
        tasks=(*CLASSES, "regression", "multi-label", TASK, ENHANCEMENT, COMPRESSION),
        tasks_of=tasks_of,
        for_task=for_task,
        open=open_folder,
        fingerprint=fingerprint,
        asking={TASK: "normal=CLASS", ENHANCEMENT: "degrade=bicubic2"},
        argument="PATH",
        paths=("/",),
        where="any folder on this machine",
    )


def open_folder(argument: str | None) -> Dataset:
    """Checks every image once and splits them.

    Folders for training, validation and test are honoured as splits, whatever form their names
    have; without one for validation, it is taken from training. Otherwise images are split 70/15/15
    by content, or by group.

    Args:
        argument: Path of the folder. ``?group=`` behind it keeps groups of images in one split:
            ``group=folder`` those in one folder below their class, anything else is a regular
            expression that is looked for in the path below the class; its first bracket, or else
            all that it finds, names the group. ``?test=0.2`` cuts that share of training off as
            test, class by class, where there are folders for training and validation alone.
            A ``labels.csv`` in a folder without class folders names files in its first column, and
            their targets or labels in the others; ``?task=`` says which where they could be either.
            ``?normal=CLASS`` is for anomaly detection: training has this class alone, and the
            others are the anomalies of validation and test.
            ``?degrade=bicubic2`` is for image enhancement: all pictures are good ones, and made bad
            so; ``patch=96`` is the side of the patches that they are cut into.
            ``?task=image-compression`` leaves them as they are.

    Raises:
        UsageError: No such folder, or a wrong option.
        BadData: No class, an empty class, too many broken images, a class or its groups too few
            to split, a group in two given splits, folders that are no classes, or a link that
            leaves the folder.
    """
    from zoo.data.near_copies import as_outlines, near_copy_notes
    from zoo.data.one_class_folder import open_one_class
    from zoo.data.readers import class_folders as shared
    from zoo.data.readers.folder_check import check_files
    from zoo.data.readers.groups import groups_of
    from zoo.data.readers.hashing import dataset_hash
    from zoo.data.readers.image_files import suffixes, unread_formats
    from zoo.data.readers.listing import list_folder

    query = _find(argument)
    if "degrade" in query.options or query.options.get("task") == COMPRESSION:
        return open_degraded(query, f"folder:{argument}")
    if "normal" in query.options:
        return open_one_class(query, f"folder:{argument}")
    if tasks_of(argument) != CLASSES:
        return open_labelled(argument, query, _asked(query))
    test = query.share("test")
    listing = list_folder(query.path, cut_test=test is not None)
    classes = shared.classes_of(listing)
    images, others = shared.by_suffix(listing.files, frozenset(suffixes()))
    unread = unread_formats([file.path for file in others])
    shared.refuse_empty(listing, images, "images", broken=False, others=unread)
    checked, memory_notes = check_files(listing.root, images)
    broken = [f"{images[i].path}: {c.problem}" for i, c in enumerate(checked) if c.problem]
    shared.refuse_broken(broken, len(images), "images", "they cannot be decoded")
    good = [i for i, c in enumerate(checked) if not c.problem]
    files = [images[i] for i in good]
    hashes = [checked[i].digest for i in good]
    labels = shared.labels_of(files, classes)
    shared.refuse_empty(listing, files, "images", broken=True)
    groups, group_notes = groups_of(query.options.get("group"), files)
    indices, split_notes = shared.divide(files, hashes, classes, groups, test)
    splits = {
        name: image_split(
            listing.root, [files[i] for i in own], [hashes[i] for i in own], labels[own]
        )
        for name, own in indices.items()
    }
    pairs = shared.conflicting_labels([file.path for file in files], hashes, labels)
    content_hash = dataset_hash(classes, splits)
    near = near_copy_notes(
        content_hash,
        lambda name: as_outlines(checked[good[i]].outline for i in indices[name]),
        {name: split.names for name, split in splits.items()},
        "for frames of one film, see group= in the guide to datasets",
    )
    notes = [
        *listing.notes,
        *shared.note("left out: not images", [file.path for file in others]),
        *unread,
        *shared.note("left out", listing.ignored),
        *shared.note("left out: broken", broken),
        *shared.note("in more than one class", pairs),
        *shared.copies(hashes),
        *group_notes,
        *split_notes,
        *near,
        *memory_notes,
    ]
    return Dataset(
        name=f"folder:{argument}",
        classes=classes,
        splits=splits,
        content_hash=content_hash,
        source=f"files in {Path(query.path).name or query.path}",
        notes=tuple(notes),
    )


def fingerprint(argument: str | None) -> str:
    """SHA-256 over names, sizes and times of all files; none is read.

    Raises:
        UsageError: No such folder.
        BadData: A link leaves the folder, or a folder cannot be read.
    """
    from zoo.data.readers.listing import list_files, list_folder, listing_fingerprint

    query = _find(argument)
    if tasks_of(argument) not in (CLASSES, (TASK,)):
        return f"folder:{listing_fingerprint(list_files(query.path, None))}"
    listing = list_folder(query.path, cut_test=query.share("test") is not None)
    return f"folder:{listing_fingerprint(listing)}"


def tasks_of(argument: str | None) -> tuple[str, ...]:
    """Those of class folders; where a table counts, the one that its columns are for."""
    query = _find(argument)
    if "degrade" in query.options:
        return (ENHANCEMENT,)
    if query.options.get("task") == COMPRESSION:
        return (COMPRESSION,)
    if "normal" in query.options:
        return (TASK,)
    found = table_task(expanded(query.path), _asked(query))
    return CLASSES if found is None else (found,)


def for_task(argument: str, task: str) -> str:
    """The argument with ``task=image-compression`` where that is what a user has asked for."""
    query = _find(argument)
    if task != COMPRESSION or query.options.keys() & {"task", "degrade", "normal"}:
        return argument
    return f"{argument}{'&' if query.options else '?'}task={COMPRESSION}"


def _asked(query: Query) -> str | None:
    choices = ("image-classification", "regression", "multi-label", COMPRESSION)
    return query.choice("task", choices) if "task" in query.options else None


def _find(argument: str | None) -> Query:
    from zoo.data.readers.query import Query, parse_query

    # A folder may have a question mark in its name.
    if not argument or no_folder(expanded(argument)) is None:
        return Query(provider="folder", path=argument or "")
    return parse_query("folder", argument, ("group", "test", "task", "normal", "degrade", "patch"))


def image_split(
    root: Path, files: Sequence[ListedFile], hashes: Sequence[bytes], labels: NDArray[Any]
) -> Split:
    """A split of images that are read one by one."""
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

    content = split_hash(hashes, labels)
    return Split(labels=labels, read=read, content_hash=content, identities=hashes, names=paths)
