"""Samples as network inputs: read as datasets are, what cannot be used is named and left out."""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import numpy as np

from zoo.common.errors import ZooError
from zoo.contracts import Preprocessing, Split
from zoo.contracts.preprocessing import Sample, SampleList
from zoo.data.preprocessing.inputs import kind_of
from zoo.data.preprocessing.steps import Array


def find_samples(
    preprocessing: Preprocessing, given: Sequence[str | Array], data: str, *, alone: bool = True
) -> SampleList:
    """The samples in all that a user named, in this order.

    Args:
        preprocessing: Of the network, whose kind of input decides how names are understood.
        given: Files, folders, texts, as typed; or raw examples as datasets give them.
        data: Dataset that the network was trained on; empty where it is not known.
        alone: Whether these are all that was named; beside others, a single one is one of several.

    Raises:
        ZooError: The only name is of nothing that can be used; of several it is among the problems.
    """
    kind, found = kind_of(preprocessing), SampleList()
    for number, name in enumerate(given):
        if not isinstance(name, str):
            array = np.asarray(name)
            found.samples.append(Sample(name=f"array {number}", read=partial(np.copy, array)))
            found.places.append(number)
            continue
        try:
            own = kind.samples(name, data)
        except ZooError as error:
            if alone and len(given) == 1:
                raise
            found.problems.append((name, ". ".join(filter(None, (error.what, error.why)))))
            continue
        found.samples += own.samples
        found.places += [number] * len(own.samples)
        found.problems += own.problems
        found.notes += [note for note in own.notes if note not in found.notes]
    return found


def split_of_samples(samples: Sequence[Sample]) -> Split:
    """The samples as a split, whose labels mean nothing."""
    return Split(
        labels=np.zeros(len(samples), np.int64),
        read=lambda index: samples[index].read(),
        content_hash="",
    )


def read_samples(
    samples: Sequence[Sample], preprocessing: Preprocessing, indices: Sequence[int]
) -> tuple[Array, list[int], list[tuple[int, str]]]:
    """Reads samples in several threads.

    Returns:
        Raw inputs of those that can be used; which these are; and the others, with the reasons.
    """
    split, kind = split_of_samples(samples), kind_of(preprocessing)

    def read(index: int) -> Array | str:
        try:
            found: Array = kind.read(split, index)
        except ZooError as error:
            return error.why or error.what
        except OSError as error:
            return error.strerror or str(error)
        return found

    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        found = list(zip(indices, pool.map(read, indices), strict=True))
    good = [(index, one) for index, one in found if not isinstance(one, str)]
    inputs = np.empty((len(good), *preprocessing.input_shape), preprocessing.dtype)
    for place, (_, one) in enumerate(good):
        inputs[place] = one
    bad = [(index, one) for index, one in found if isinstance(one, str)]
    return inputs, [index for index, _ in good], bad
