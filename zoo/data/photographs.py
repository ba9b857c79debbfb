"""Photographs that come with scikit-image and scikit-learn, made bad in a stated way."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from zoo.contracts.dataset import Dataset, DatasetProvider
from zoo.data.readers.patches import TASK
from zoo.data.readers.photographs import Photograph
from zoo.hookspecs import hookimpl

if TYPE_CHECKING:
    from zoo.data.readers.query import Query

_NAME = "photographs"
_OPTIONS = ("degrade", "patch")


@hookimpl
def zoo_datasets() -> Iterable[DatasetProvider]:
    """Yields ``photographs``."""
    yield DatasetProvider(
        name=_NAME,
        summary="patches of 16 photographs that come with scikit-image and scikit-learn, made bad "
        "in a stated way",
        tasks=(TASK,),
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

    Raises:
        UsageError: No such degradation, or a patch of no use.
        MissingExtra: A package is not installed, or comes without the photographs.
    """
    from zoo.data.readers.degradations import degradation_of, degraded_pair, patch_of
    from zoo.data.readers.hashing import array_hash
    from zoo.data.readers.patches import PicturePair, patch_dataset
    from zoo.data.readers.photographs import PHOTOGRAPHS, read_photograph

    query = _query(argument)
    degradation = degradation_of(query, _NAME)
    patch = patch_of(query, degradation.scale)

    def pair_of(one: Photograph) -> PicturePair:
        good = read_photograph(one)
        return PicturePair(
            name=one.name,
            split=one.split,
            digest=array_hash(good),
            read=lambda: degraded_pair(good, degradation),
        )

    return patch_dataset(
        f"{_NAME}{argument or ''}",
        [pair_of(one) for one in PHOTOGRAPHS],
        scale=degradation.scale,
        patch=patch,
        licence="CC0-1.0 AND CC-BY-2.0 AND public domain",
        source="scikit-image and scikit-learn, as installed",
        notes=(f"made bad: {degradation.meaning}",),
    )


def fingerprint(argument: str | None) -> str:
    """SHA-256 over the files.

    Raises:
        MissingExtra: A package is not installed.
        UsageError: No such degradation.
    """
    from zoo.data.readers.degradations import degradation_of
    from zoo.data.readers.photographs import photographs_fingerprint

    found = photographs_fingerprint()
    degradation_of(_query(argument), _NAME)
    return f"{argument} of {found}"


def _query(argument: str | None) -> Query:
    from zoo.data.readers.query import parse_query

    return parse_query(_NAME, f"{_NAME}{argument or ''}", _OPTIONS)
