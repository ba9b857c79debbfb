"""The layout of Google's Speech Commands: noise beside the words, and lists of the splits.

Warden 2018, arXiv:1804.03209: `_background_noise_` holds long recordings to mix into words and is
no class; `testing_list.txt` and `validation_list.txt` name the sounds of two splits by class and
file, one on each line, and all others are for training. No speaker is in two of them.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterator
from dataclasses import replace

from zoo.common.errors import BadData, UsageError
from zoo.common.files import read_file
from zoo.common.paths import expanded
from zoo.common.shown_text import printable
from zoo.data.readers.class_folders import note
from zoo.data.readers.folder_names import plain
from zoo.data.readers.listing import Listing

NOISE = "_background_noise_"
#: The split that each list names the sounds of.
LISTS = {"testing_list.txt": "test", "validation_list.txt": "validation"}
#: 105,829 sounds have lists of 11,005 and 9,981 lines, of less than 0.4 MB.
_MOST_BYTES = 64 << 20


def in_its_layout(listing: Listing) -> Listing:
    """The folder without noise as a class, and in the splits that its lists name.

    A folder in any other layout comes back as it is.

    Raises:
        BadData: A list cannot be read, a sound is in both, or a split has no sound of a class.
    """
    return _in_splits(_without_noise(listing))


def refuse_test(folder: str) -> None:
    """Refuses to cut off a test split where the lists name one.

    Raises:
        UsageError: Both lists are there.
    """
    if all((expanded(folder) / name).is_file() for name in LISTS):
        raise UsageError(
            f"{' and '.join(LISTS)} say which sounds are test, so test= has nothing to add",
            why="it is for a folder with train/ and validation/, but no test/",
            fix="leave test= out; or move both lists away",
        )


def lists_stamp(listing: Listing) -> str:
    """Changes with a list."""
    found = [listing.root / name for name in LISTS]
    there = [path.stat() for path in found if path.is_file()]
    return " ".join(f"{status.st_size} {status.st_mtime_ns}" for status in there)


def _without_noise(listing: Listing) -> Listing:
    noise = [file.path for file in listing.files if file.class_name == NOISE]
    if all(NOISE not in names for names in listing.classes.values()):
        return listing
    classes = {
        split: tuple(name for name in names if name != NOISE)
        for split, names in listing.classes.items()
    }
    told = f"left out: {NOISE}, {len(noise)} recordings to be mixed into words, is no class"
    return replace(
        listing,
        classes=classes,
        files=[file for file in listing.files if file.class_name != NOISE],
        notes=[*listing.notes, f"{told}; rename the folder if it is one"],
    )


def _in_splits(listing: Listing) -> Listing:
    there = [name for name in LISTS if (listing.root / name).is_file()]
    if not there:
        return listing
    if len(there) < len(LISTS) or set(listing.classes) != {None}:
        why = "there are folders of splits" if len(there) == len(LISTS) else "the other is missing"
        told = f"{' and '.join(there)} not used: {why}"
        return replace(listing, notes=[*listing.notes, told])
    where: dict[str, str] = {}
    for name in there:
        for path in _lines(listing, name):
            if where.setdefault(path, LISTS[name]) != LISTS[name]:
                raise BadData(
                    f"{printable(path)} is in {' and in '.join(there)}",
                    why="a sound in two splits is measured on what was learnt",
                    fix="correct one of the lists",
                )
    files = [replace(file, split=where.get(plain(file.path), "train")) for file in listing.files]
    unknown = sorted({*where} - {plain(file.path) for file in files})
    (names,) = listing.classes.values()
    for split in ("train", *LISTS.values()):
        held = {file.class_name for file in files if file.split == split}
        if lacking := [name for name in names if name not in held]:
            told = f"lines that name no file of the folder: {len(unknown):,}, such as "
            raise BadData(
                f"by {' and '.join(there)} there is no {split} sound of {', '.join(lacking)}",
                why="each split must hold the same classes"
                + "".join(f"; {told}{printable(path)}" for path in unknown[:1]),
                fix="add such sounds, or move both lists away: sounds are then divided by speaker",
            )
    counts = {split: sum(f.split == split for f in files) for split in ("train", *LISTS.values())}
    divided = ", ".join(f"{count:,} {split}" for split, count in counts.items())
    return replace(
        listing,
        classes=dict.fromkeys(counts, names),
        files=files,
        ignored=[text for text in listing.ignored if not text.startswith(tuple(there))],
        notes=[
            *listing.notes,
            f"split by {' and '.join(there)}: {divided}",
            *note("in the lists, and not in the folder", unknown),
        ],
    )


def _lines(listing: Listing, name: str) -> Iterator[str]:
    try:
        text = read_file(listing.root / name, _MOST_BYTES).decode("utf-8-sig")
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or str(error)
        raise BadData(f"{name} cannot be read as text", why=why, fix="save it as UTF-8") from error
    for line in filter(None, map(str.strip, text.splitlines())):
        yield plain(posixpath.normpath(line.replace("\\", "/")))
