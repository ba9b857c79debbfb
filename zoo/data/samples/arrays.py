"""Samples in the arrays of ``.npz`` files."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zoo.common.errors import BadData
from zoo.common.named_arrays import joined
from zoo.contracts.preprocessing import Sample, SampleList
from zoo.data.readers.npz_arrays import KINDS, load_npz
from zoo.data.readers.npz_tensors import read_tensors
from zoo.data.samples.named import NamedPath, find_path, nothing_there

ARRAYS = (".npz",)
#: Names of arrays that hold examples, as datasets have them.
_EXAMPLES = ("x", "x_train", "x_validation", "x_test")


def array_samples(there: NamedPath, kind: str) -> SampleList:
    """Every row of the arrays of examples: those that datasets have, or else the only array.

    Args:
        there: The file.
        kind: What they hold, one of `zoo.data.readers.npz_arrays.KINDS`.

    Raises:
        BadFile: Truncated, altered, or no ``.npz`` file.
        BadData: No such array, or not of this kind.
    """
    stored = load_npz(there.path)
    names = [name for name in _EXAMPLES if name in stored] or list(stored)[: len(stored) == 1]
    if not names:
        raise BadData(
            f"{there.shown} holds {', '.join(sorted(stored)) or 'nothing'}",
            why=f"examples are in arrays called {', '.join(_EXAMPLES)}, or in the only one",
            fix="numpy.savez(PATH, x=examples)",
        )
    read = KINDS[kind]({name: stored[name] for name in names})
    unused = sorted({*stored} - {*names})
    return SampleList(
        samples=[
            Sample(name=f"{there.shown}, {name}[{index}]", read=partial(_row, own, index))
            for name, own in read.items()
            for index in range(len(own))
        ],
        notes=[f"not used of {there.shown}: {', '.join(unused)}"] if unused else [],
    )


def tensor_samples(given: str) -> SampleList:
    """Inputs as the network takes them: arrays called as these, the samples first.

    Raises:
        UsageError: Nothing is there.
        BadFile: As `array_samples`.
        BadData: No numbers, or arrays about different samples.
    """
    there = find_path(given)
    if there is None:
        raise nothing_there(given, "an .npz file with an array for each input of the network")
    if there.suffix not in ARRAYS:
        raise BadData(
            f"{there.shown} holds no inputs of this network",
            why="it takes numbers as they are: an array for each of its inputs, by name",
            fix="numpy.savez(PATH, NAME=samples)",
        )
    records = joined(read_tensors(there.path))
    return SampleList(
        samples=[
            Sample(name=f"{there.shown}[{index}]", read=partial(_row, records, index))
            for index in range(len(records))
        ]
    )


def _row(values: NDArray[Any], index: int) -> NDArray[Any]:
    return np.asarray(values[index])
