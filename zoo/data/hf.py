"""Datasets of the Hugging Face hub, or of a local folder, by the library ``datasets``."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from zoo.common.errors import UsageError
from zoo.common.optional_imports import require_extra
from zoo.common.paths import expanded
from zoo.contracts.dataset import Dataset, DatasetProvider
from zoo.hookspecs import hookimpl

if TYPE_CHECKING:
    from zoo.data.readers.query import Query

OPTIONS = ("config", "revision", "image", "text", "label")
_IMAGES, _TEXTS = ("image-classification",), ("sequence-classification",)


@hookimpl
def zoo_datasets() -> Iterable[DatasetProvider]:
    """Yields ``hf``."""
    yield DatasetProvider(
        name="hf",
        summary="images or texts of the Hugging Face hub, or of a local folder of parquet files",
        tasks=(*_IMAGES, *_TEXTS),
        tasks_of=tasks_of,
        open=open_hf,
        fingerprint=fingerprint,
        root=root,
        argument="NAME",
        where='pip install "edgezoo[hf]"; downloaded by its library when first used',
    )


def tasks_of(argument: str | None) -> tuple[str, ...]:
    """Tasks that the examples fit; both, unless an option names their column."""
    query = _query(argument)
    if "image" in query.options:
        return _IMAGES
    return _TEXTS if "text" in query.options else (*_IMAGES, *_TEXTS)


def open_hf(argument: str | None) -> Dataset:
    """Loads a dataset by the library ``datasets``; code that comes with it never runs.

    Splits of its owners are honoured: ``test`` stays as it is, or ``validation`` serves as test
    where there is none with labels. What is not split is split by content, 70/15/15.

    Args:
        argument: Name on the hub, or path of a local folder; and options behind a ``?``:
            ``config`` and ``revision`` as the hub has them; ``image`` or ``text``, and ``label``,
            name columns where there are several that could be meant.

    Raises:
        MissingExtra: The library is not installed.
        UsageError: An option or column is wrong, or several columns could be meant.
        BadData: It cannot be loaded or used.
    """
    from zoo.data.readers.hf_splits import as_dataset, load

    query = _query(argument)
    return as_dataset(f"hf:{argument}", load(query), query)


def fingerprint(argument: str | None) -> str:
    """Of a local folder sizes and times; of a name on the hub the name: ``revision`` pins it.

    Raises:
        MissingExtra: The library is not installed.
        UsageError: A wrong option.
        BadData: A link leaves the folder.
    """
    query = _query(argument)
    require_extra("hf")
    path = expanded(query.path)
    if not path.exists():
        return f"hf:{argument}"
    from zoo.data.readers.listing import list_files, listing_fingerprint

    return f"hf:{listing_fingerprint(list_files(query.path, None))}"


def root(argument: str | None) -> Path | None:
    """The local folder; None of a name on the hub."""
    path = expanded(_query(argument).path)
    return path if path.exists() else None


def _query(argument: str | None) -> Query:
    from zoo.data.readers.query import parse_query

    query = parse_query("hf", argument, OPTIONS, what="name")
    if {"image", "text"} <= set(query.options):
        raise UsageError(
            "image= and text= exclude each other",
            why="an example is one or the other",
            fix="keep one",
        )
    return query
