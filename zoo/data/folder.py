"""A folder of images: one folder per class, with or without splits above them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from zoo.contracts.dataset import SPLITS, Dataset, DatasetProvider, Split
from zoo.errors import BadData
from zoo.hookspecs import hookimpl

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from zoo.data.folder_check import Checked
    from zoo.data.listing import ListedFile, Listing

#: Up to this share of images may be broken; they are left out, with a note.
MAX_BROKEN = 0.01
#: So many names are listed before "and … more".
LISTED = 50


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
    from zoo.data.folder_check import check_files
    from zoo.data.hashing import dataset_hash
    from zoo.data.listing import list_folder

    listing = list_folder(argument)
    classes = _classes(listing)
    images, others = _by_suffix(listing.files)
    _refuse_empty(listing, images, "holds no images")
    checked, memory_notes = check_files(listing.root, images)
    good = _without_broken(images, checked)
    files = [images[i] for i in good]
    hashes = [checked[i].digest for i in good]
    _refuse_empty(listing, files, "holds only broken images")
    indices, split_notes = _divide(files, hashes, classes)
    splits = {
        name: _split(listing.root, [files[i] for i in own], [hashes[i] for i in own], classes)
        for name, own in indices.items()
    }
    broken = [f"{images[i].path}: {c.problem}" for i, c in enumerate(checked) if c.problem]
    notes = [
        *_note("left out: not images", [file.path for file in others]),
        *_note("left out", listing.ignored),
        *_note("left out: broken", broken),
        *_note("in more than one class", _contradictions(files, hashes)),
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
    from zoo.data.listing import list_folder, listing_fingerprint

    return f"folder:{listing_fingerprint(list_folder(argument))}"


def _classes(listing: Listing) -> tuple[str, ...]:
    from zoo.data.listing import class_order, shown

    every = sorted({n for names in listing.classes.values() for n in names}, key=class_order)
    for name in every:
        if not name.isprintable():
            raise BadData(
                f"the class folder {shown(name)!r} has unprintable characters in its name",
                fix="rename it",
            )
    for split, names in listing.classes.items():
        missing = [name for name in every if name not in names]
        if missing:
            raise BadData(
                f"{split}/ has no folder for {', '.join(missing)}",
                why="each split must hold the same classes",
                fix="add the folders, or remove the classes from the other splits",
            )
    if not every:
        raise BadData(
            f"{listing.root} holds no class folders",
            why="each class has its images in a folder of its own",
            fix="name the folder that holds the class folders",
        )
    return tuple(every)


def _by_suffix(files: Sequence[ListedFile]) -> tuple[list[ListedFile], list[ListedFile]]:
    from zoo.data.image_files import suffixes

    images: list[ListedFile] = []
    others: list[ListedFile] = []
    for file in files:
        (images if Path(file.path).suffix.lower() in suffixes() else others).append(file)
    return images, others


def _refuse_empty(listing: Listing, files: Sequence[ListedFile], problem: str) -> None:
    filled = {(file.split, file.class_name) for file in files}
    for split, names in listing.classes.items():
        for name in names:
            if (split, name) not in filled:
                place = f"{split}/{name}" if split else name
                raise BadData(
                    f"the class folder {place} {problem}",
                    fix="add images to it, or remove the folder",
                )


def _without_broken(images: Sequence[ListedFile], checked: Sequence[Checked]) -> list[int]:
    broken = [f"{images[i].path}: {c.problem}" for i, c in enumerate(checked) if c.problem]
    if len(broken) > MAX_BROKEN * len(images):
        raise BadData(
            f"{len(broken)} of {len(images)} images are broken, "
            f"more than {MAX_BROKEN:.0%}: {_listed(broken)}",
            why="they cannot be decoded",
            fix="repair or remove them",
        )
    return [i for i, c in enumerate(checked) if not c.problem]


def _divide(
    files: Sequence[ListedFile], hashes: Sequence[bytes], classes: tuple[str, ...]
) -> tuple[dict[str, list[int]], list[str]]:
    """Indices of each split's files, and a note when validation was not given."""
    from zoo.data.splits import SHARES_WITHOUT_TEST, refuse_overlap, split_by_content

    labels = _labels(files, classes)
    if files[0].split is None:
        return {n: own.tolist() for n, own in split_by_content(hashes, labels, classes).items()}, []
    every = {n: [i for i, file in enumerate(files) if file.split == n] for n in SPLITS}
    given: dict[str, list[int]] = {name: own for name, own in every.items() if own}
    refuse_overlap({n: {hashes[i]: files[i].path for i in own} for n, own in given.items()})
    if "validation" in given:
        return given, []
    train = given["train"]
    divided = split_by_content(
        [hashes[i] for i in train], labels[train], classes, SHARES_WITHOUT_TEST
    )
    parts = {name: [train[i] for i in own.tolist()] for name, own in divided.items()}
    return {**parts, "test": given["test"]}, [
        "15 % of train/ serve as validation, since there is no validation/"
    ]


def _labels(files: Sequence[ListedFile], classes: tuple[str, ...]) -> NDArray[np.int64]:
    import numpy as np

    number = {name: label for label, name in enumerate(classes)}
    return np.array([number[file.class_name] for file in files], dtype=np.int64)


def _split(
    root: Path, files: Sequence[ListedFile], hashes: Sequence[bytes], classes: tuple[str, ...]
) -> Split:
    from zoo.data.hashing import split_hash
    from zoo.data.image_files import BadImage, read_image

    paths = [file.path for file in files]
    labels = _labels(files, classes)

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


def _contradictions(files: Sequence[ListedFile], hashes: Sequence[bytes]) -> list[str]:
    """Pairs of identical images that carry different labels."""
    first: dict[bytes, ListedFile] = {}
    return [
        f"{first[content].path} = {file.path}"
        for file, content in zip(files, hashes, strict=True)
        if first.setdefault(content, file).class_name != file.class_name
    ]


def _note(what: str, names: Sequence[str]) -> list[str]:
    return [f"{len(names)} {what}: {_listed(names)}"] if names else []


def _listed(names: Sequence[str]) -> str:
    from zoo.data.listing import shown

    more = f"; and {len(names) - LISTED} more" if len(names) > LISTED else ""
    return "; ".join(map(shown, names[:LISTED])) + more
