"""Scenes of clothes: items of Fashion-MNIST on photographs, with boxes or masks."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from zoo.common.errors import UsageError
from zoo.contracts.dataset import Dataset, DatasetProvider
from zoo.data import fashion_mnist
from zoo.data.annotations import kinds
from zoo.hookspecs import hookimpl

if TYPE_CHECKING:
    from zoo.data.readers.query import Query

_NAME = "fashion_scenes"
#: Side of the pictures, and scenes for training, where nothing is said.
SIZE, COUNT = 96, 4000
_SIZES = (32, 512)
_MOST = 100_000
_OPTIONS = ("kind", "size", "count")
#: Changed with anything that changes a pixel or a label.
_VERSION = 1


@hookimpl
def zoo_datasets() -> Iterable[DatasetProvider]:
    """Yields ``fashion_scenes``."""
    yield DatasetProvider(
        name=_NAME,
        summary="clothes of Fashion-MNIST on photographs, 96 x 96 RGB, with boxes and masks",
        tasks=kinds.TASKS,
        tasks_of=lambda argument: kinds.kind_of_labels(_query(argument))[1],
        open=open_scenes,
        fingerprint=fingerprint,
        options=_OPTIONS,
        for_task=kinds.for_task,
        defaults=_defaults,
        where="made when first used, of fashion_mnist and the photographs of scikit-image and "
        "scikit-learn",
    )


def open_scenes(argument: str | None) -> Dataset:
    """The scenes, made at the first time and kept in the cache folder.

    No item and no photograph is in two splits. For `count` scenes of training there is a fifth as
    many for validation, and a quarter for the test.

    Args:
        argument: ``?kind=masks&size=64&count=500``; None for 4,000 scenes of 96 x 96 with boxes.

    Raises:
        UsageError: An option that is none.
        BadData: Fashion-MNIST is not here and cannot be downloaded.
        MissingExtra: The photographs are not installed.
    """
    from zoo.data.readers.in_memory import dataset_of
    from zoo.data.readers.scene_files import scene_splits

    query = _query(argument)
    kind = kinds.kind_of_labels(query)[0]
    size, counts = _asked(query)
    classes = fashion_mnist.CLASSES if kind == "boxes" else ("background", *fashion_mnist.CLASSES)
    return dataset_of(
        f"{_NAME}{argument or ''}",
        classes,
        scene_splits(_made_of(query), size, counts, kind),
        licence="MIT AND CC0-1.0 AND CC-BY-2.0",
        source="made of Fashion-MNIST and photographs in scikit-image and scikit-learn",
    )


def fingerprint(argument: str | None) -> str:
    """Of the items and photographs, whose content is verified, and the options.

    Raises:
        UsageError: An option that is none.
        BadData: Fashion-MNIST is not here and must not be downloaded.
        MissingExtra: The photographs are not installed.
    """
    query = _query(argument)
    return f"{kinds.kind_of_labels(query)[0]} of {_made_of(query)}"


def _made_of(query: Query) -> str:
    from zoo.data.readers.photographs import photographs_fingerprint

    size, counts = _asked(query)
    items = fashion_mnist.fingerprint(None)
    numbers = "-".join(map(str, (_VERSION, size, *counts.values())))
    return f"{_NAME} {numbers} {items} {photographs_fingerprint()}"


def _query(argument: str | None) -> Query:
    from zoo.data.readers.query import parse_query

    found = parse_query(_NAME, f"{_NAME}{argument or ''}", _OPTIONS)
    if found.path != _NAME:
        raise UsageError(f"{_NAME} takes no argument, but got {argument!r}", fix=f"--data {_NAME}")
    return found


def _asked(query: Query) -> tuple[int, Mapping[str, int]]:
    """Side of the pictures, and how many each split has."""
    size, count = query.number("size") or SIZE, query.number("count") or COUNT
    low, high = _SIZES
    if not low <= size <= high:
        raise UsageError(f"size={size} is not from {low} to {high} pixels", fix=f"size={SIZE}")
    if count > _MOST:
        raise UsageError(f"count={count} is more than {_MOST:,} scenes", fix=f"count={COUNT}")
    return size, {"train": count, "validation": -(-count // 5), "test": -(-count // 4)}


def _defaults(options: Mapping[str, str]) -> Mapping[str, str]:
    return {**kinds.defaults(options), "size": str(SIZE), "count": str(COUNT)}
