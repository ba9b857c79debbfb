"""Samples without labels as inputs: numbers as they are."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from zoo.common.errors import BadData, nearest
from zoo.contracts.dataset import Split
from zoo.contracts.preprocessing import (
    InputKind,
    SampleList,
    SteppedPreprocessing,
    TensorPreprocessing,
    TensorsPreprocessing,
)


class Tensors(InputKind[TensorPreprocessing]):
    """One array of samples, of several the one that is called as the input."""

    def samples(self, given: str, data: str = "") -> SampleList:
        """Arrays of these names."""
        return _samples(given)

    def read(self, split: Split, index: int) -> NDArray[Any]:
        """A sample, in the numbers that the input takes."""
        given, own = split.read(index), self.own
        return _numbers(given if given.dtype.names is None else _field(given, own.name), own)


class SeveralTensors(InputKind[TensorsPreprocessing]):
    """An array of samples for each input, by its name."""

    def samples(self, given: str, data: str = "") -> SampleList:
        """Arrays of these names."""
        return _samples(given)

    def read(self, split: Split, index: int) -> NDArray[Any]:
        """A record of one sample, with a field for each input."""
        given = split.read(index)
        record = np.empty((), self.own.dtype)
        for one in self.own.tensors:
            record[one.name] = _numbers(_field(given, one.name), one)
        return record


class Sequences(InputKind[SteppedPreprocessing]):
    """An array of sequences for each input that is no state, the steps behind the samples."""

    def samples(self, given: str, data: str = "") -> SampleList:
        """Arrays of these names."""
        return _samples(given)

    def read(self, split: Split, index: int) -> NDArray[Any]:
        """A sequence of the only input, or a record of several, with a field for each."""
        given, own = split.read(index), self.own
        if len(own.given) == 1 and given.dtype.names is None:
            return _numbers(given, own.given[0], own.steps)
        read = {t.name: _numbers(_field(given, t.name), t, own.steps) for t in own.given}
        if len(read) == 1:
            return next(iter(read.values()))
        record = np.empty((), own.dtype)
        for name, values in read.items():
            record[name] = values
        return record


def _samples(given: str) -> SampleList:
    from zoo.data.samples.arrays import tensor_samples

    return tensor_samples(given)


def _field(given: NDArray[Any], name: str) -> NDArray[Any]:
    there = given.dtype.names or ()
    if name not in there:
        close = nearest(name, sorted(there))
        raise BadData(
            f"the samples have no array for the input {name}",
            why=f"they have {', '.join(there) or 'one array'}",
            fix=f"call it {name!r}" + (f"; is it {close[0]!r}?" if close else ""),
        )
    field: NDArray[Any] = given[name]
    return field


def _numbers(given: NDArray[Any], own: TensorPreprocessing, steps: int = 0) -> NDArray[Any]:
    """Checked numbers of one sample; of a sequence where there are `steps`."""
    shape = (steps, *own.shape) if steps else own.shape
    if given.dtype.kind not in "uifb" or given.shape != shape:
        sequences = f" in sequences of {steps} steps" if steps else ""
        has = f"shape {'×'.join(map(str, given.shape))}" if given.shape else "one number"
        has += f" of {given.dtype}" if given.dtype.kind not in "uifb" else ""
        sides = ", ".join(["samples", *map(str, shape)])
        raise BadData(
            f"samples have {has}",
            why=f"each sample has {has}, and the network takes {own.describe()['input']}"
            f"{sequences}",
            fix=f"store {own.name} as an array ({sides})",
        )
    dtype = np.dtype(own.number)
    made = np.asarray(given, dtype)
    if dtype.kind != "f" and (made != given).any():
        raise BadData(
            f"samples of {own.name} are not all {dtype}: there is "
            f"{given[made != given].reshape(-1)[0]:g}",
            why=f"the network takes {own.describe()['input']}",
            fix=f"store them as {dtype}",
        )
    return made
