"""Samples without labels as inputs: numbers as they are."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from zoo.common.errors import BadData
from zoo.contracts.dataset import Split
from zoo.contracts.preprocessing import InputKind
from zoo.contracts.preprocessing.tensors import TensorPreprocessing


class Tensors(InputKind[TensorPreprocessing]):
    """One array of samples, of several the one that is called as the input."""

    def read(self, split: Split, index: int) -> NDArray[Any]:
        """A sample as float32."""
        given, own = split.read(index), self.own
        if given.dtype.names is not None:
            if own.name not in given.dtype.names:
                raise BadData(
                    f"the samples have no array for the input {own.name}",
                    why=f"they have {', '.join(given.dtype.names)}",
                    fix=f"call it {own.name!r}",
                )
            given = given[own.name]
        if given.dtype.kind not in "uifb" or given.shape != own.shape:
            raise BadData(
                f"samples have shape {'×'.join(map(str, given.shape)) or 'of one number'}",
                why=f"the network takes {own.describe()['input']}",
                fix="store them as (samples, …), each as the network takes it",
            )
        return np.asarray(given, np.float32)
