"""Types and shapes of foreign tensors, as files for devices have them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import get_args

from zoo.contracts import ForeignTensor
from zoo.contracts.preprocessing.tensors import ElementName


def element_of(tensor: ForeignTensor) -> ElementName | None:
    """The type of a tensor in our files; None where none is its own."""
    if tensor.dtype.startswith(("float", "bfloat", "double")):
        return "float32"
    return next((name for name in get_args(ElementName) if name == tensor.dtype), None)


def shown_shape(shape: Sequence[int | None]) -> str:
    """A shape for people: ``?×3×4``."""
    return "×".join("?" if side is None else str(side) for side in shape)
