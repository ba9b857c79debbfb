"""A folder of sounds: one folder per word, with or without splits above them."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zoo.common.errors import BadData, UsageError
from zoo.common.shown_text import printable
from zoo.contracts.dataset import Dataset, DatasetProvider, Split
from zoo.hookspecs import hookimpl

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from zoo.data.readers.listing import ListedFile
    from zoo.data.readers.query import Query
    from zoo.data.readers.sound_check import CheckedSound

TASK = "audio-classification"
OPTIONS = ("group", "test", "rate", "seconds")
#: Samples per second, and seconds of an example, where no options say otherwise.
RATE, SECONDS = 16_000, 1.0
#: How Google's Speech Commands name their files: the speaker, then the number of the recording.
_SPEAKER = r"(?:^|/)([^/]+)_nohash_"
_LONGEST = 60.0


@hookimpl
def zoo_datasets() -> Iterable[DatasetProvider]:
    """Yields ``wav``."""
    yield DatasetProvider(
        name="wav",
        summary="your own sounds: one folder of .wav files per word, or train/ validation/ test/ "
        "above them",
        tasks=(TASK,),
        open=open_wav,
        fingerprint=fingerprint,
        argument="PATH",
        paths=("/",),
        where="any folder on this machine",
    )


def open_wav(argument: str | None) -> Dataset:
    """Checks every sound once and splits them.

    Files may have any rate, any number of channels, and whole or real numbers of any width. An
    example is their mean over channels at one rate and of one length (`fitted_sound`). In the
    layout of Speech Commands noise is no class, and its lists say what is test and validation.

    Args:
        argument: Path of the folder. ``?rate=16000`` behind it is the number of samples per second
            of an example, ``?seconds=1`` its length. ``?group=`` keeps the sounds of a voice in one
            split, as that of ``folder:`` keeps groups of images; files that are named as in Speech
            Commands (``…_nohash_0.wav``) are grouped by speaker unless it is given. ``?test=0.2``
            cuts that share of training off as test.

    Raises:
        UsageError: No such folder, or a wrong option.
        BadData: No class, an empty class, too many broken sounds, a class or its groups too few
            to split, a group in two given splits, or a link that leaves the folder.
    """
    from zoo.data.near_copies import as_outlines, near_copy_notes
    from zoo.data.readers import class_folders as shared
    from zoo.data.readers.groups import groups_of
    from zoo.data.readers.hashing import dataset_hash
    from zoo.data.readers.listing import list_folder
    from zoo.data.readers.sound_check import check_sounds
    from zoo.data.readers.sound_files import SUFFIXES
    from zoo.data.readers.speech_commands import in_its_layout, refuse_test
    from zoo.data.sound_outlines import CORRELATION

    query = _query(argument)
    rate, samples = _size(query)
    test = query.share("test")
    if test is not None:
        refuse_test(query.path)
    listing = in_its_layout(list_folder(query.path, cut_test=test is not None))
    classes = shared.classes_of(listing)
    sounds, others = shared.by_suffix(listing.files, frozenset(SUFFIXES))
    shared.refuse_empty(listing, sounds, "sounds", broken=False, others=_held(others))
    checked, memory_notes = check_sounds(listing.root, sounds)
    broken = [f"{sounds[i].path}: {c.problem}" for i, c in enumerate(checked) if c.problem]
    shared.refuse_broken(broken, len(sounds), "sounds", "they cannot be read as sounds")
    good = [i for i, c in enumerate(checked) if not c.problem]
    files, found = [sounds[i] for i in good], [checked[i] for i in good]
    hashes = [one.digest for one in found]
    labels = shared.labels_of(files, classes)
    shared.refuse_empty(listing, files, "sounds", broken=True)
    pattern, group_notes = _group(query, files)
    groups, more = groups_of(pattern, files)
    try:
        indices, split_notes = shared.divide(files, hashes, classes, groups, test)
    except BadData as error:
        if not group_notes or groups is None:
            raise
        raise BadData(
            error.what,
            why=f"{error.why}; the names of the files say who speaks: …_nohash_…",
            fix="add speakers; or write group=([^/]+)$ to take each file by itself, and accuracy "
            "is that of voices that the network knows",
        ) from error
    splits = {
        name: _split(
            listing.root,
            [files[i] for i in own],
            [hashes[i] for i in own],
            labels[own],
            rate,
            samples,
        )
        for name, own in indices.items()
    }
    pairs = shared.conflicting_labels([file.path for file in files], hashes, labels)
    copies = len(hashes) - len(set(hashes))
    content = (*classes, f"{samples} samples, {rate} per second")
    content_hash = dataset_hash(content, splits)
    near = near_copy_notes(
        content_hash,
        lambda name: as_outlines(found[i].outline for i in indices[name]),
        {name: split.names for name, split in splits.items()},
        "keep what was recorded together in one split by group=",
        "sounds",
        CORRELATION,
        lambda split, own, train: _alike(
            listing.root, splits[split].names[own], splits["train"].names[train]
        ),
    )
    notes = [
        *listing.notes,
        *shared.note("left out: not .wav files", [file.path for file in others]),
        *shared.note("left out", listing.ignored),
        *shared.note("left out: broken", broken),
        *shared.note("in more than one class", pairs),
        *([f"{copies} sounds are copies of others, and in the same split"] if copies else []),
        *_form_notes(files, found, rate, samples / rate),
        *group_notes,
        *more,
        *split_notes,
        *near,
        *memory_notes,
    ]
    return Dataset(
        name=f"wav:{argument}",
        classes=classes,
        splits=splits,
        content_hash=content_hash,
        source=f"files in {Path(query.path).name or query.path}",
        notes=tuple(notes),
        rate=rate,
    )


def fingerprint(argument: str | None) -> str:
    """SHA-256 over names, sizes and times of all files; none is read.

    Raises:
        UsageError: No such folder.
        BadData: A link leaves the folder, or a folder cannot be read.
    """
    from zoo.data.readers.listing import list_folder, listing_fingerprint
    from zoo.data.readers.speech_commands import lists_stamp, refuse_test

    query = _query(argument)
    test = query.share("test")
    if test is not None:
        refuse_test(query.path)
    listing = list_folder(query.path, cut_test=test is not None)
    return f"wav:{listing_fingerprint(listing)} {lists_stamp(listing)}".rstrip()


def _query(argument: str | None) -> Query:
    from zoo.common.files import no_folder
    from zoo.common.paths import expanded
    from zoo.data.readers.query import Query, parse_query

    # A folder may have a question mark in its name.
    if argument and no_folder(expanded(argument)) is None:
        return Query(provider="wav", path=argument)
    return parse_query("wav", argument, OPTIONS)


def _size(query: Query) -> tuple[int, int]:
    """Samples per second, and samples, of an example."""
    from zoo.data.readers.wave_files import RATES

    rate = query.number("rate") or RATE
    if not RATES[0] <= rate <= RATES[1]:
        raise UsageError(
            f"rate={rate} is not from {RATES[0]:,} to {RATES[1]:,} samples per second",
            fix=f"rate={RATE}",
        )
    text = query.options.get("seconds", str(SECONDS))
    try:
        seconds = float(text) if text.isascii() and "_" not in text else math.nan
    except ValueError:
        seconds = math.nan
    if not 0.05 <= seconds <= _LONGEST:
        raise UsageError(
            f"seconds={text} is not a length from 0.05 to {_LONGEST:g}", fix="seconds=1"
        )
    return rate, round(rate * seconds)


def _group(query: Query, files: Sequence[ListedFile]) -> tuple[str | None, list[str]]:
    """The expression that finds a file's group, and a note where nobody asked for it."""
    if "group" in query.options:
        return query.options["group"], []
    splits: dict[str, set[str | None]] = {}
    for file in files:
        # Noise and sounds of another kind stand beside those of speakers in Speech Commands.
        if found := re.search(_SPEAKER, file.below):
            splits.setdefault(found[1], set()).add(file.split)
    shared = sorted(speaker for speaker, own in splits.items() if len(own) > 1)
    if shared:
        return None, [
            f"{len(shared)} of {len(splits)} speakers, whom the names of the files say, are in "
            f"several of the given splits, such as {printable(shared[0])}: accuracy there is that "
            "of voices that the network knows"
        ]
    given = files[0].split is not None and any(file.split == "validation" for file in files)
    if given or not splits:
        return None, []
    return _SPEAKER, ["grouped by speaker, whom the names of the files say: …_nohash_…"]


def _held(others: Sequence[ListedFile]) -> list[str]:
    from zoo.data.readers.wave_files import CONVERT

    suffixes = Counter(Path(file.path).suffix.lower() for file in others)
    other = {".mp3", ".ogg", ".flac", ".m4a", ".aac", ".opus", ".aiff", ".aif"} & set(suffixes)
    read = [f"{suffixes[one]} {one} files are not read" for one in sorted(other)]
    return [*read, CONVERT] if read else []


def _form_notes(
    files: Sequence[ListedFile], found: Sequence[CheckedSound], rate: int, seconds: float
) -> list[str]:
    """What was done to bring all sounds into one form."""
    from zoo.data.readers.class_folders import note

    rates = Counter(one.rate for one in found)
    notes = []
    if set(rates) != {rate}:
        each = ", ".join(f"{count:,} at {own:,}" for own, count in sorted(rates.items()))
        notes.append(f"brought to {rate:,} samples per second (rate=): {each}")
    low = [own for own in rates if own < rate]
    if low:
        notes.append(
            f"sounds at {min(low):,} samples per second hold nothing above {min(low) / 2:,.0f} Hz: "
            "a network may learn the recording instead of the word where classes differ in it"
        )
    stereo = sum(one.channels > 1 for one in found)
    if stereo:
        notes.append(f"{stereo:,} sounds of several channels: their mean is taken")
    long = [f.path for f, c in zip(files, found, strict=True) if c.seconds > seconds * 1.001]
    if long:
        notes.append(
            f"{len(long):,} sounds are longer than {seconds:g} s (seconds=): the loudest "
            f"stretch of each is kept: {long[0]}" + ", …" * (len(long) > 1)
        )
    silent = [file.path for file, one in zip(files, found, strict=True) if one.silent]
    return [*notes, *note("of nothing but silence", silent)]


def _alike(root: Path, one: str, other: str) -> bool:
    """Whether two sounds are one recording; of a file that is gone nobody knows."""
    from zoo.data.readers.wave_files import BadSound
    from zoo.data.sound_outlines import same_recording

    try:
        return same_recording(root / one, root / other)
    except (BadSound, OSError):
        return False


def _split(
    root: Path,
    files: Sequence[ListedFile],
    hashes: Sequence[bytes],
    labels: NDArray[Any],
    rate: int,
    samples: int,
) -> Split:
    """A split of sounds that are read one by one."""
    from zoo.data.readers.hashing import split_hash
    from zoo.data.readers.sound_files import read_sound
    from zoo.data.readers.wave_files import BadSound

    paths = [file.path for file in files]

    def read(index: int) -> NDArray[np.float32]:
        try:
            return read_sound(root / paths[index], rate, samples)
        except (BadSound, OSError) as error:
            raise BadData(
                f"{paths[index]} cannot be read any more",
                why=str(error),
                fix="leave the folder alone during a run; start the run again",
            ) from error

    content = split_hash(hashes, labels)
    return Split(labels=labels, read=read, content_hash=content, identities=hashes, names=paths)
