"""Sentences to be tagged, token by token, from CoNLL files."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from zoo.common.errors import BadData, UsageError
from zoo.common.files import no_file
from zoo.common.paths import expanded
from zoo.contracts.dataset import IGNORED, SPLITS, Dataset, DatasetProvider
from zoo.hookspecs import hookimpl

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from zoo.data.readers.conll_files import Sentence
    from zoo.data.readers.listing import Listing

SUFFIXES = (".txt", ".conll", ".conllu", ".tsv", ".iob", ".iob2", ".bio", ".bio2")
_UNIVERSAL = ".conllu"
#: Names of files, without suffix, that mean a split.
SPLIT_FILES = {
    "train": "train",
    **dict.fromkeys(("validation", "valid", "val", "dev"), "validation"),
    "test": "test",
}


@hookimpl
def zoo_datasets() -> Iterable[DatasetProvider]:
    """Yields ``conll``."""
    yield DatasetProvider(
        name="conll",
        summary="your own tagged sentences: one token and tag per line, in CoNLL files",
        tasks=("sequence-tagging",),
        open=open_conll,
        fingerprint=fingerprint,
        argument="PATH",
        paths=(".conll", _UNIVERSAL),
        where="any file on this machine, or a folder with train, dev and test",
    )


def open_conll(argument: str | None) -> Dataset:
    """Reads all sentences; splits them by content, 70/15/15, where they are not split yet.

    Args:
        argument: Path of a file, or of a folder with ``train`` and ``test`` and perhaps ``dev``
            (``valid``, ``validation``), with a suffix such as ``.txt`` or ``.conll``.

    Raises:
        UsageError: No such file or folder, or no such files in it.
        BadData: A line that is no token with its tag; names file and line. Fewer than two tags.
    """
    import numpy as np

    from zoo.data.readers.class_folders import note
    from zoo.data.readers.conll_files import read_sentences
    from zoo.data.readers.folder_names import lookalike_notes
    from zoo.data.readers.in_memory import content_hashes, dataset_of, memory_split
    from zoo.data.splits import divide_given

    listing, files = _find(argument)
    found = {name: list(read_sentences(listing.root / path, path)) for name, path in files.items()}
    _refuse_few(found, files)
    classes = _classes(found)
    longest = max(len(tags) for own in found.values() for _, tags in own)
    labels = {name: _labels(own, classes, longest) for name, own in found.items()}
    examples = {name: [tokens for tokens, _ in own] for name, own in found.items()}
    hashes = {name: content_hashes(own) for name, own in examples.items()}
    # Sentences hold many tags, so none of them can be shared out evenly.
    whole = {name: np.zeros(len(own), np.int64) for name, own in found.items()}
    indices, notes = divide_given(hashes, whole, ("sentences",))
    splits = {
        name: memory_split(examples[key], labels[key], hashes[key], own)
        for name, (key, own) in indices.items()
    }
    used = set(np.unique(splits["train"].labels).tolist())
    unseen = [name for label, name in enumerate(classes) if label not in used]
    return dataset_of(
        f"conll:{argument}",
        classes,
        splits,
        source=", ".join(files.values()),
        notes=(
            *listing.notes,
            *notes,
            *note("tags without an example in train", unseen),
            *lookalike_notes(classes, "tags"),
            *note("left out", listing.ignored),
        ),
    )


def fingerprint(argument: str | None) -> str:
    """SHA-256 over names, sizes and times of all files; none is read.

    Raises:
        UsageError: No such file or folder.
        BadData: A link leaves the folder, or a folder cannot be read.
    """
    from zoo.data.readers.listing import listing_fingerprint

    return f"conll:{listing_fingerprint(_find(argument)[0])}"


def _find(argument: str | None) -> tuple[Listing, dict[str, str]]:
    """The files, and for each split (``""`` for a file that is not split) which of them it is."""
    from zoo.data.readers.folder_layout import serves_as_test
    from zoo.data.readers.listing import list_files
    from zoo.data.readers.query import parse_query

    query = parse_query("conll", argument)
    listing = list_files(query.path, SUFFIXES)
    if no_file(expanded(query.path)) is None:
        return listing, {"": listing.files[0].path}
    files: dict[str, str] = {}
    for file in listing.files:
        split = _split_of(Path(file.path))
        if split is None:
            listing.ignored.append(f"{file.path} (not named after a split)")
        elif split in files:
            raise BadData(
                f"{files[split]} and {file.path} mean the same split", fix="keep one of them"
            )
        else:
            files[split] = file.path
    if "test" not in files and "validation" in files:
        files["test"] = files.pop("validation")
        listing.notes.append(serves_as_test(files["test"], "file for test"))
    missing = [name for name in ("train", "test") if name not in files]
    if missing:
        raise UsageError(
            f"{query.path} holds no file called {' or '.join(missing)}",
            why="a folder is a dataset that is split already",
            fix="name the files train.txt and test.txt, or name one file: then it is split for you",
        )
    return listing, {name: files[name] for name in SPLITS if name in files}


def _split_of(path: Path) -> str | None:
    """The split that a file is named after; treebanks have ``en_ewt-ud-train.conllu``."""
    name = path.stem.lower()
    if path.suffix.lower() == _UNIVERSAL:
        name = name.rpartition("-ud-")[2]
    return SPLIT_FILES.get(name)


def _refuse_few(found: Mapping[str, list[Sentence]], files: Mapping[str, str]) -> None:
    for name, own in found.items():
        least = {"": 3, "train": 2}.get(name, 1)
        count = len({tokens for tokens, _ in own})
        if count < least:
            raise BadData(
                f"{files[name]} has {count} different sentences, but needs {least} or more",
                why="each split needs one",
                fix="add sentences, with an empty line behind each",
            )


def _classes(found: Mapping[str, list[Sentence]]) -> tuple[str, ...]:
    from zoo.data.readers.listing import class_order

    every = {tag for own in found.values() for _, tags in own for tag in tags}
    if len(every) < 2:
        raise BadData(
            f"there is only one tag: {', '.join(every)}",
            why="the tag is the last column of each line, in CoNLL-U the fourth",
            fix="check that this column holds the tags",
        )
    # Outside of everything comes first, as is the custom.
    return tuple(sorted(every, key=lambda tag: (tag != "O", class_order(tag))))


def _labels(sentences: list[Sentence], classes: tuple[str, ...], longest: int) -> NDArray[np.int64]:
    import numpy as np

    number = {name: label for label, name in enumerate(classes)}
    labels = np.full((len(sentences), longest), IGNORED, np.int64)
    for row, (_, tags) in zip(labels, sentences, strict=True):
        row[: len(tags)] = [number[tag] for tag in tags]
    return labels
