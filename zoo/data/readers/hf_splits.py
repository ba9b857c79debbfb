"""Conversion of the splits of the library ``datasets``."""

from __future__ import annotations

import hashlib
import os
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zoo.common.errors import BadData, UnknownName, UsageError
from zoo.common.optional_imports import require
from zoo.common.paths import OFFLINE_VARIABLE, expanded, is_offline
from zoo.contracts.dataset import Dataset, Split
from zoo.data.readers.class_folders import note, refuse_broken
from zoo.data.readers.folder_names import plain
from zoo.data.readers.hashing import split_hash
from zoo.data.readers.in_memory import content_hashes, dataset_of, memory_split
from zoo.data.readers.listing import class_order
from zoo.data.readers.query import Query
from zoo.data.splits import divide_given

#: Names that owners give to splits.
SPLIT_NAMES = {
    "train": "train",
    **dict.fromkeys(("validation", "valid", "val", "dev"), "validation"),
    "test": "test",
}
_SECONDS = 15


@dataclass(frozen=True)
class _Part:
    """A split as the library gives it: its rows, and the class name of each."""

    rows: Any
    labels: list[str]


def load(query: Query) -> Mapping[str, Any]:
    """The dataset's own splits, by name.

    Raises:
        MissingExtra: The library is not installed.
        BadData: It cannot be loaded; gives the reason.
    """
    library = require("datasets")
    path = expanded(query.path)
    local = path.exists()
    name = os.path.realpath(path) if local else query.path
    revision = query.options.get("revision")
    try:
        if not local:
            revision = _resolve_revision(library, name, revision)
        loaded = library.load_dataset(name, query.options.get("config"), revision=revision)
    # The library lets errors of many others pass: of its readers, of pyarrow, of the network.
    except Exception as error:
        raise BadData(
            f"hf:{query.path} could not be loaded",
            why=" ".join(str(error).split())[:300] or type(error).__name__,
            fix=_fix(query, local),
        ) from error
    return dict(loaded)


def _resolve_revision(library: Any, name: str, revision: str | None) -> str | None:
    """The revision to load, resolved once; the library itself would ask the hub five times.

    Without the network, or when downloads are forbidden, what was downloaded before is used.
    """
    hub = require("huggingface_hub")
    try:
        if is_offline():
            raise OSError(f"{OFFLINE_VARIABLE} forbids downloads")
        return str(hub.HfApi().dataset_info(name, revision=revision, timeout=_SECONDS).sha)
    except hub.errors.HfHubHTTPError:
        raise
    except Exception as error:
        before = hub.constants.HF_HUB_OFFLINE, library.config.HF_HUB_OFFLINE
        hub.constants.HF_HUB_OFFLINE = library.config.HF_HUB_OFFLINE = True
        try:
            library.load_dataset_builder(name, revision=revision)
        except Exception:
            hub.constants.HF_HUB_OFFLINE, library.config.HF_HUB_OFFLINE = before
            raise ConnectionError(f"it is not in the cache, and: {error}") from error
        return revision


def _fix(query: Query, local: bool) -> str:
    if local:
        return "the folder holds parquet, CSV or JSON files, or images in a folder per class"
    return (
        "check the name at https://huggingface.co/datasets, the network and its proxy; "
        f"or download it elsewhere and name the folder: hf:./{query.path.rpartition('/')[2]}"
    )


def as_dataset(name: str, loaded: Mapping[str, Any], query: Query) -> Dataset:
    """A dataset from the columns of examples and classes, in the given splits.

    Raises:
        UsageError: Columns that are not there, or several that could be meant.
        BadData: Examples or labels that cannot be used.
    """
    features = next(iter(loaded.values())).features
    kind, column = _example_column(features, query)
    label = _label_column(features, query, column)
    parts, notes = _parts(loaded, label)
    classes = _classes(features[label], parts)
    number = {one: place for place, one in enumerate(classes)}
    labels = {p: np.array([number[o] for o in own.labels], np.int64) for p, own in parts.items()}
    if kind == "text":
        make, found = _texts(parts, labels, column, notes)
    else:
        make, found = _images(parts, labels, column, query)
    indices, more = divide_given(found, labels, classes)
    splits = {split: make(part, own) for split, (part, own) in indices.items()}
    return dataset_of(
        name,
        classes,
        splits,
        source=query.path
        if expanded(query.path).exists()
        else f"https://huggingface.co/datasets/{query.path}",
        notes=(*notes, *more),
    )


Make = Callable[[str, NDArray[np.int64]], Split]
Hashes = dict[str, list[bytes]]


def _texts(
    parts: dict[str, _Part], labels: dict[str, NDArray[np.int64]], column: str, notes: list[str]
) -> tuple[Make, Hashes]:
    texts = {part: [str(t or "").strip() for t in own.rows[column]] for part, own in parts.items()}
    empty = [f"{part}[{i}]" for part, own in texts.items() for i, t in enumerate(own) if not t]
    refuse_broken(empty, sum(map(len, texts.values())), "texts", "they are empty")
    notes += note("left out: empty", empty)
    for part, own in texts.items():
        kept = [i for i, text in enumerate(own) if text]
        texts[part] = [own[i].replace("\0", " ") for i in kept]
        labels[part] = labels[part][kept]
    hashes = {part: content_hashes(own) for part, own in texts.items()}

    def make(part: str, own: NDArray[np.int64]) -> Split:
        return memory_split(texts[part], labels[part], hashes[part], own)

    return make, hashes


def _images(
    parts: dict[str, _Part], labels: dict[str, NDArray[np.int64]], column: str, query: Query
) -> tuple[Make, Hashes]:
    image = require("datasets").Image(decode=False)
    rows = {part: own.rows.cast_column(column, image) for part, own in parts.items()}
    path = expanded(query.path)
    root = Path(os.path.realpath(path)) if path.exists() else None
    hashes = {
        part: [
            hashlib.sha256(_bytes(own[i][column], f"{part}[{i}]", root)).digest()
            for i in range(len(own))
        ]
        for part, own in rows.items()
    }
    # Its rows are not promised to be readable from several threads at once.
    lock = threading.Lock()

    def make(part: str, own: NDArray[np.int64]) -> Split:
        from zoo.data.readers.image_files import BadImage, decode

        def read(index: int) -> NDArray[np.uint8]:
            place = int(own[index])
            with lock:
                stored = rows[part][place][column]
            try:
                return decode(_bytes(stored, f"{part}[{place}]", root))
            except BadImage as error:
                raise BadData(
                    f"the image {part}[{place}] of {query.path} cannot be used",
                    why=str(error),
                    fix="repair it, or choose another dataset",
                ) from error

        chosen = labels[part][own]
        content = split_hash([hashes[part][i] for i in own.tolist()], chosen)
        return Split(labels=chosen, read=read, content_hash=content)

    return make, hashes


def _bytes(stored: Any, place: str, root: Path | None) -> bytes:
    """The file of an image: kept in the row, or named there."""
    data = (stored or {}).get("bytes")
    if data is not None:
        return bytes(data)
    path = (stored or {}).get("path")
    if path is None:
        raise BadData(f"{place} has no image", fix="leave this row out of the dataset")
    real = Path(os.path.realpath(path))
    if root is not None and not real.is_relative_to(root):
        raise BadData(
            f"{place} is {real}, outside the folder",
            why="a dataset that reaches beyond its folder can expose other files",
            fix="copy the file into the folder",
        )
    try:
        return real.read_bytes()
    except OSError as error:
        raise BadData(f"{place}: {path} cannot be read", why=error.strerror) from error


def _example_column(features: Mapping[str, Any], query: Query) -> tuple[str, str]:
    """``image`` or ``text``, and the column that holds the examples."""
    library = require("datasets")
    label = query.options.get("label", "label")
    images = [n for n, f in features.items() if isinstance(f, library.Image)]
    texts = [n for n, f in features.items() if _is_text(f) and n != label]
    for kind, columns in (("image", images), ("text", texts)):
        if kind in query.options:
            if query.options[kind] not in columns:
                raise UnknownName(f"{kind} column", query.options[kind], columns)
            return kind, query.options[kind]
    for kind, columns in (("image", images), ("text", texts)):
        if len(columns) == 1 or kind in columns:
            return kind, kind if kind in columns else columns[0]
        if columns:
            raise UsageError(
                f"several columns of {query.path} hold {kind}s: {', '.join(columns)}",
                fix=f"choose one: ?{kind}={columns[0]}",
            )
    raise BadData(
        f"{query.path} has no column of images or texts",
        why=f"it has {', '.join(features)}",
        fix="choose another dataset, or convert it to npz:PATH",
    )


def _is_text(feature: Any) -> bool:
    return getattr(feature, "dtype", None) in ("string", "large_string") and not hasattr(
        feature, "names"
    )


def _label_column(features: Mapping[str, Any], query: Query, example: str) -> str:
    others = [name for name in features if name != example]
    named = [name for name in others if hasattr(features[name], "names")]
    column = query.options.get("label")
    if column is None:
        column = "label" if "label" in others or len(named) != 1 else named[0]
    if column not in others:
        raise UnknownName("label column", column, others)
    return column


def _parts(loaded: Mapping[str, Any], label: str) -> tuple[dict[str, _Part], list[str]]:
    """Train, test and perhaps validation; or ``""`` for all, where they are not split."""
    notes: list[str] = []
    parts: dict[str, _Part] = {}
    feature = next(iter(loaded.values())).features[label]
    for name, rows in loaded.items():
        split = SPLIT_NAMES.get(name)
        labels = _label_names(rows[label], feature)
        if split is None and len(loaded) > 1:
            notes.append(f"the split {name!r} is not used")
        elif not any(labels):
            notes.append(f"the split {name!r} is not used: its labels are hidden")
        elif not all(labels):
            raise BadData(
                f"{name}[{labels.index('')}] has no label",
                fix="choose another column: ?label=COLUMN",
            )
        else:
            parts[split or name] = _Part(rows, labels)
    if "test" not in parts and "validation" in parts:
        parts["test"] = parts.pop("validation")
        notes.append("validation serves as test, since there is none with labels")
    if len(parts) == 1:
        return {"": next(iter(parts.values()))}, notes
    if not {"train", "test"} <= set(parts):
        raise BadData(
            f"the splits are {', '.join(loaded)}",
            why="train and test are needed, or one split alone",
            fix="choose another configuration: ?config=NAME",
        )
    return parts, notes


def _label_names(values: Sequence[Any], feature: Any) -> list[str]:
    """The class name of each row; empty where it is hidden (−1 by custom) or missing."""
    names = getattr(feature, "names", None)
    if names is None:
        return ["" if value is None else plain(str(value).strip()) for value in values]
    return ["" if value is None or value < 0 else str(names[value]) for value in values]


def _classes(feature: Any, parts: Mapping[str, _Part]) -> tuple[str, ...]:
    used = {name for part in parts.values() for name in part.labels}
    names = getattr(feature, "names", None)
    ordered = sorted(used, key=class_order) if names is None else [n for n in names if n in used]
    if len(ordered) < 2:
        raise BadData(
            f"there is only one class: {', '.join(ordered) or 'none'}",
            why="a classifier needs at least two",
            fix="choose another column: ?label=COLUMN",
        )
    if len(ordered) > max(1000, len(next(iter(parts.values())).labels) // 2):
        raise BadData(
            f"there are {len(ordered):,} classes",
            why="most examples have one of their own, so this column is no class",
            fix="choose another column: ?label=COLUMN",
        )
    return tuple(ordered)
