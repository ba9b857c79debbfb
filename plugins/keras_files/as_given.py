"""Keras models with the inputs and outputs that their files have, by name."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from zoo.common.optional_imports import require
from zoo.contracts import ForeignTensor
from zoo.networks.sources.graph import computes_in_half

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True, kw_only=True)
class KerasAsGiven:
    """A Keras model with its tensors by name."""

    inputs: tuple[ForeignTensor, ...]
    outputs: tuple[ForeignTensor, ...]
    model: Any

    @property
    def in_half(self) -> bool:
        """Whether any of its layers computes in 16 bits."""
        return computes_in_half(self.model)

    def with_shapes(self, shapes: Mapping[str, tuple[int, ...]]) -> KerasAsGiven:
        """Itself: Keras builds the graph for each shape anew."""
        return self

    def run(self, inputs: Mapping[str, NDArray[Any]]) -> Mapping[str, NDArray[Any]]:
        """Its outputs by name, as float32, computed as outside of training."""
        keras = require("keras")
        own = [inputs[one.name].astype(one.dtype) for one in self.inputs]
        given: Any = own[0]
        if not isinstance(self.model, keras.Sequential):  # which has no structure of inputs
            given = keras.tree.pack_sequence_as(self.model.input, own)
        made = keras.tree.flatten(self.model(given, training=False))
        numbers = require("keras.ops").convert_to_numpy
        return {
            one.name: np.asarray(numbers(values), np.float32)
            for one, values in zip(self.outputs, made, strict=True)
        }


def named_tensors(
    tensors: Sequence[Any], structure: Any, taken: set[str]
) -> tuple[ForeignTensor, ...]:
    """Tensors by the keys that a model has for them, else by the layers that they come from.

    A layer may give several of them: those behind the first get a number. Names are added to
    `taken`.
    """
    if isinstance(structure, dict):
        names = require("keras").tree.flatten({key: key for key in structure})
    else:
        names = []
        for base in (one._keras_history.operation.name for one in tensors):
            numbered = (f"{base}_{number}" for number in itertools.count(1))
            names.append(next(n for n in itertools.chain([base], numbered) if n not in taken))
            taken.add(names[-1])
    taken.update(names)
    return tuple(
        ForeignTensor(name=name, dtype=str(one.dtype), shape=tuple(one.shape))
        for name, one in zip(names, tensors, strict=True)
    )
