"""Pairs of bad and good pictures in two folders, with the same names."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from functools import partial
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from zoo.common.errors import BadData
from zoo.common.files import no_folder
from zoo.common.paths import expanded
from zoo.contracts.dataset import Dataset, DatasetProvider
from zoo.data.readers.patches import TASK
from zoo.hookspecs import hookimpl

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from zoo.data.readers.listing import Listing
    from zoo.data.readers.query import Query

    Picture = NDArray[np.uint8]

_NAME = "pairs"
_OPTIONS = ("bad", "good", "patch")


@hookimpl
def zoo_datasets() -> Iterable[DatasetProvider]:
    """Yields ``pairs``."""
    yield DatasetProvider(
        name=_NAME,
        summary="your own bad and good pictures: folders bad/ and good/ with the same names",
        tasks=(TASK,),
        open=open_pairs,
        fingerprint=fingerprint,
        argument="PATH",
        where="any folder on this machine",
    )


def open_pairs(argument: str | None) -> Dataset:
    """Matches pictures by name, checks that each pair fits, and cuts all into patches.

    Good pictures are as large as bad ones, or larger by one whole factor for all; what is left of
    a good one beyond that, fewer pixels than the factor, is cut off. Folders for
    training, validation and test above or below ``bad`` and ``good`` are honoured; else pairs are
    split 70/15/15 by content.

    Args:
        argument: Path of the folder. Behind it, ``?bad=low&good=high`` are other names of the two
            folders, and ``patch=96`` is the side of good patches.

    Raises:
        UsageError: No such folder.
        BadData: A folder of the two is missing, more than 1 % of the pictures are broken or do not
            fit, or bad pictures are the good ones.
    """
    from zoo.data.readers import class_folders as shared
    from zoo.data.readers.degradations import patch_of
    from zoo.data.readers.patches import PicturePair, patch_dataset, split_pictures

    query = _find(argument)
    listing, matched, alone = _matched(query)
    found = [_checked(listing.root, name, *files) for name, files in matched.items()]
    if all(one.swapped for one in found):
        bad, good = (query.options.get(side, side) for side in ("bad", "good"))
        raise BadData(
            f"all bad pictures of {query.path} are larger than the good ones",
            why=f"{found[0].name}: {found[0].sizes}",
            fix=f"if the two folders are confused: {_NAME}:{query.path}?bad={good}&good={bad}",
        )
    whole = [one for one in found if not one.problem]
    factors = Counter(one.factor for one in whole)
    scale = factors.most_common(1)[0][0] if factors else 1
    others = [f"{one.name}: {one.sizes}, not {scale} ×" for one in whole if one.factor != scale]
    fitting = [one for one in whole if one.factor == scale]
    broken = [*alone, *(f"{one.name}: {one.problem}" for one in found if one.problem), *others]
    shared.refuse_broken(
        broken,
        len(matched) + len(alone),
        "pairs",
        "each needs a bad and a good picture, the good one larger by the same whole factor",
    )
    same = [one.name for one in fitting if one.same]
    if len(same) == len(fitting):
        raise BadData(
            f"the bad pictures of {query.path} are the good ones",
            why=f"all {len(same)} pairs are identical: there is nothing to learn",
            fix="put the pictures before they were made bad into good/, or use "
            "folder:PATH?degrade=noise25",
        )
    digests = [one.digest for one in fitting]
    splits, told = split_pictures([one.name for one in fitting], digests)
    pairs = [
        PicturePair(
            name=one.name,
            split=split,
            digest=one.digest,
            read=partial(_read, listing.root, *matched[one.name]),
        )
        for one, split in zip(fitting, splits, strict=True)
    ]
    return patch_dataset(
        f"{_NAME}:{argument}",
        pairs,
        scale=scale,
        patch=patch_of(query, scale),
        source=f"files in {Path(query.path).name or query.path}",
        notes=(
            f"good pictures are {scale} times as large" if scale > 1 else "pairs of one size",
            *shared.note("left out", listing.ignored),
            *shared.note("left out: broken, or no pair that fits", broken),
            *shared.note("identical pairs", same),
            *shared.note(
                f"good pictures are no multiple of {scale}: what is more than {scale} times the "
                "bad one is cut off below and right, as for bad ones made after that cut",
                [f"{one.name}: {one.sizes}" for one in fitting if one.cut],
            ),
            *shared.copies(digests),
            *told,
        ),
    )


def fingerprint(argument: str | None) -> str:
    """SHA-256 over names, sizes and times of all files; none is read.

    Raises:
        UsageError: No such folder.
    """
    from zoo.data.readers.image_files import picture_files
    from zoo.data.readers.listing import listing_fingerprint

    return f"pairs:{listing_fingerprint(picture_files(_find(argument).path))}"


class _Checked:
    """What opening both pictures of a pair showed."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.problem = self.sizes = ""
        self.factor, self.same, self.digest = 1, False, b""
        self.swapped = self.cut = False


def _checked(root: Path, name: str, bad: str, good: str) -> _Checked:
    import numpy as np

    from zoo.data.readers.hashing import identity
    from zoo.data.readers.image_files import BadImage
    from zoo.data.readers.listing import unreadable
    from zoo.data.readers.patches import read_colours

    found, pictures = _Checked(name), []
    for path in (bad, good):
        try:
            pictures.append(read_colours(root / path))
        except BadImage as error:
            found.problem = f"{path}: {error}"
            return found
        except OSError as error:
            raise unreadable(path, error) from error
    low, high = pictures
    sides = [f"{one.shape[1]}×{one.shape[0]}" for one in pictures]
    found.sizes = f"bad {sides[0]}, good {sides[1]}"
    found.swapped = low.shape[0] > high.shape[0] and low.shape[1] > high.shape[1]
    found.factor = max(1, high.shape[0] // low.shape[0])
    left_over = [
        own - side * found.factor for own, side in zip(high.shape[:2], low.shape[:2], strict=True)
    ]
    if not all(0 <= pixels < found.factor for pixels in left_over):
        found.problem = f"sizes do not fit: {found.sizes}"
        return found
    found.cut = any(left_over)
    found.same = low.shape == high.shape and bool(np.array_equal(low, high))
    found.digest = identity(_cut(low, high))
    return found


def _read(root: Path, bad: str, good: str) -> tuple[Picture, Picture]:
    from zoo.data.readers.patches import read_colours

    low, high = read_colours(root / bad), read_colours(root / good)
    return low, _cut(low, high)


def _cut(low: Picture, high: Picture) -> Picture:
    """The good picture as far as it is a multiple of the bad one."""
    factor = high.shape[0] // low.shape[0]
    height, width = (side * factor for side in low.shape[:2])
    return high[:height, :width]


def _matched(query: Query) -> tuple[Listing, dict[str, tuple[str, str]], list[str]]:
    """The files; bad and good one of each pair by their common name; and those without another."""
    from zoo.data.readers.image_files import picture_files

    listing = picture_files(query.path)
    folders = [query.options.get(side, side) for side in ("bad", "good")]
    sides: list[dict[str, str]] = [{}, {}]
    twice: list[str] = []
    for file in listing.files:
        parts = PurePosixPath(file.path).with_suffix("").parts
        for own, folder in zip(sides, folders, strict=True):
            if folder not in parts[:-1]:
                continue
            place = parts.index(folder)
            name = "/".join((*parts[:place], *parts[place + 1 :]))
            if name in own:
                twice.append(f"{file.path}: {own[name]} has the same name")
            own.setdefault(name, file.path)
            break
    missing = [folder for own, folder in zip(sides, folders, strict=True) if not own]
    if missing:
        raise BadData(
            f"{query.path} has no pictures in a folder {missing[0]!r}",
            why="a pair is a bad picture in one folder, and a good one of its name in the other",
            fix=f"make folders {folders[0]}/ and {folders[1]}/, or name others: "
            f"{_NAME}:{query.path}?bad=NAME&good=NAME",
        )
    bad, good = sides
    if not bad.keys() & good.keys():
        raise BadData(
            f"no picture in {folders[0]}/ has the name of one in {folders[1]}/",
            why=f"{min(bad.values())} and {min(good.values())}: both pictures of a pair have the "
            "same name but for the suffix, in capitals and small letters, too",
            fix="rename those of one folder",
        )
    alone = [*twice, *_without(bad, good, folders[1]), *_without(good, bad, folders[0])]
    return listing, {name: (bad[name], good[name]) for name in bad if name in good}, alone


def _without(own: dict[str, str], other: dict[str, str], folder: str) -> Sequence[str]:
    return [f"{own[name]} has none in {folder}/" for name in own if name not in other]


def _find(argument: str | None) -> Query:
    from zoo.data.readers.query import Query, parse_query

    # A folder may have a question mark in its name.
    if argument and no_folder(expanded(argument)) is None:
        return Query(provider=_NAME, path=argument)
    return parse_query(_NAME, argument, _OPTIONS)
