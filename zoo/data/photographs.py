"""Photographs that come with scikit-image and scikit-learn, in patches.

They are made bad in a stated way, or left as they are where they are to be compressed.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from zoo.common.errors import UsageError
from zoo.contracts.dataset import Dataset, DatasetProvider
from zoo.data.readers.patches import COMPRESSION, TASK
from zoo.data.readers.photographs import Photograph
from zoo.hookspecs import hookimpl

if TYPE_CHECKING:
    from zoo.data.readers.degradations import Degradation
    from zoo.data.readers.query import Query

_NAME = "photographs"
_OPTIONS = ("degrade", "patch", "task")


@hookimpl
def zoo_datasets() -> Iterable[DatasetProvider]:
    """Yields ``photographs``."""
    yield DatasetProvider(
        name=_NAME,
        summary="patches of 16 photographs that come with scikit-image and scikit-learn, made bad "
        "in a stated way, or as they are",
        tasks=(TASK, COMPRESSION),
        tasks_of=tasks_of,
        for_task=for_task,
        asking={TASK: "degrade=bicubic2"},
        # Photographs that nothing is done to are those to be compressed.
        defaults=lambda options: {} if "degrade" in options else {"task": COMPRESSION},
        open=open_photographs,
        fingerprint=fingerprint,
        options=_OPTIONS,
        where='pip install "edgezoo[data]"',
    )


def open_photographs(argument: str | None) -> Dataset:
    """Degrades each photograph as a whole, then cuts it into patches.

    Args:
        argument: ``?degrade=bicubic2&patch=96``: the degradation, see
            `zoo.data.readers.degradations`, and the side of good patches, if not the usual one.
            ``?task=image-compression`` leaves them as they are.

    Raises:
        UsageError: No such degradation, or a patch of no use.
        MissingExtra: A package is not installed, or comes without the photographs.
    """
    from zoo.data.readers.degradations import degraded_pair, patch_of
    from zoo.data.readers.hashing import array_hash
    from zoo.data.readers.patches import PicturePair, patch_dataset
    from zoo.data.readers.photographs import PHOTOGRAPHS, read_photograph

    query = _query(argument)
    degradation = _degradation(query)
    scale = degradation.scale if degradation else 1
    patch = patch_of(query, scale)

    def pair_of(one: Photograph) -> PicturePair:
        good = read_photograph(one)
        return PicturePair(
            name=one.name,
            split=one.split,
            digest=array_hash(good),
            read=lambda: degraded_pair(good, degradation) if degradation else (good, good),
        )

    return patch_dataset(
        f"{_NAME}{argument or ''}",
        [pair_of(one) for one in PHOTOGRAPHS],
        scale=scale,
        patch=patch,
        licence="CC0-1.0 AND CC-BY-2.0 AND public domain",
        source="scikit-image and scikit-learn, as installed",
        notes=(f"made bad: {degradation.meaning}",) if degradation else (),
    )


def fingerprint(argument: str | None) -> str:
    """SHA-256 over the files.

    Raises:
        MissingExtra: A package is not installed.
        UsageError: No such degradation.
    """
    from zoo.data.readers.photographs import photographs_fingerprint

    found = photographs_fingerprint()
    _degradation(_query(argument))
    return f"{argument} of {found}"


def tasks_of(argument: str | None) -> tuple[str, ...]:
    """Enhancement where pictures are made bad, compression where that is asked for; else both."""
    options = _query(argument).options
    if "degrade" in options:
        return (TASK,)
    return (COMPRESSION,) if options.get("task") == COMPRESSION else (TASK, COMPRESSION)


def for_task(argument: str, task: str) -> str:
    """The options with ``task=image-compression`` where that is what a user has asked for."""
    options = _query(argument).options
    if task != COMPRESSION or options.keys() & {"task", "degrade"}:
        return argument
    return f"{argument}{'&' if options else '?'}task={COMPRESSION}"


def _degradation(query: Query) -> Degradation | None:
    """None where pictures stay as they are."""
    from zoo.data.readers.degradations import degradation_of

    if "task" in query.options and query.choice("task", (TASK, COMPRESSION)) == COMPRESSION:
        if "degrade" in query.options:
            raise UsageError(
                f"degrade= makes pictures bad, and task={COMPRESSION} is for pictures as they are",
                fix="leave degrade= out",
            )
        return None
    return degradation_of(query, _NAME)


def _query(argument: str | None) -> Query:
    from zoo.data.readers.query import parse_query

    return parse_query(_NAME, f"{_NAME}{argument or ''}", _OPTIONS)
