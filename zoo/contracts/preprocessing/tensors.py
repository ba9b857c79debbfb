"""Inputs of networks whose meaning only their author knows, one or several."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal, get_args

from zoo.contracts.checks import check
from zoo.contracts.preprocessing.base import ElementType, Preprocessing

#: Types that inputs may have; real numbers are those of 32 bits.
ElementName = Literal["float32", "int8", "uint8", "int16", "uint16", "int32", "int64", "bool"]


@dataclass(frozen=True, kw_only=True)
class TensorPreprocessing(Preprocessing):
    """Numbers as the network takes them: nothing is done to a sample.

    Attributes:
        name: What the network's author called the input; files call it so, too.
        shape: Of one sample, in the network's own order of axes.
        low: Least number of the training samples.
        high: Greatest number of them.
        number: Type of its numbers, in files too: whole numbers stay whole.
        kind: Tells the records apart where they are stored.
    """

    input_name: ClassVar[str] = "tensor"

    name: str
    shape: tuple[int, ...]
    low: float
    high: float
    number: ElementName = "float32"
    kind: Literal["tensor"] = "tensor"

    def __post_init__(self) -> None:
        check(bool(self.name), "preprocessing", "the input needs a name")
        known = self.number in get_args(ElementName)
        check(known, "preprocessing", f"no input has numbers of type {self.number!r}")
        check(all(side > 0 for side in self.shape), "preprocessing", "sides must be positive")
        ordered = math.isfinite(self.low) and math.isfinite(self.high) and self.low <= self.high
        check(ordered, "preprocessing", "low and high must be finite and in this order")

    @property
    def dtype(self) -> str:
        """That of its numbers."""
        return self.number

    @property
    def graph_dtype(self) -> str:
        """The same: nothing is done to them."""
        return self.number

    @property
    def called(self) -> str:
        """The network's own name of it."""
        return self.name

    @property
    def input_shape(self) -> tuple[int, ...]:
        """The shape of one sample."""
        return self.shape

    @property
    def axes(self) -> tuple[str, ...]:
        """Numbers: what the axes mean is not known."""
        return tuple(f"axis {number}" for number in range(1, len(self.shape) + 1))

    @property
    def value_range(self) -> tuple[float, float]:
        """That of the training samples."""
        return (self.low, self.high)

    def describe(self) -> dict[str, str]:
        """Its name and shape, and that nothing is done to it."""
        sides = "×".join(map(str, self.shape)) or "one number"
        whole = "" if self.number == "float32" else f" of {self.number}"
        return {"input": f"{self.name}, {sides}{whole}, as it is"}


def range_of(tensors: Sequence[TensorPreprocessing]) -> tuple[float, float]:
    """That of all inputs of real numbers; of whole ones, if there are no others."""
    real = [one for one in tensors if one.number == "float32"] or tensors
    return (min(one.low for one in real), max(one.high for one in real))


def listed(tensors: Sequence[TensorPreprocessing]) -> str:
    """Several inputs in words."""
    each = [one.describe()["input"].removesuffix(", as it is") for one in tensors]
    return "; ".join(each) + ", as they are"


@dataclass(frozen=True, kw_only=True)
class TensorsPreprocessing(Preprocessing):
    """Several inputs as the network takes them.

    Attributes:
        tensors: Its inputs, in its own order.
        kind: Tells the records apart where they are stored.
    """

    input_name: ClassVar[str] = "tensors"

    tensors: tuple[TensorPreprocessing, ...]
    kind: Literal["tensors"] = "tensors"

    def __post_init__(self) -> None:
        names = [one.name for one in self.tensors]
        check(len(names) > 1, "preprocessing", "there are several inputs, or it is another record")
        check(len({*names}) == len(names), "preprocessing", "two inputs have the same name")

    @property
    def parts(self) -> tuple[Preprocessing, ...]:
        """The record of each."""
        return self.tensors

    @property
    def called(self) -> str:
        """All names."""
        return ", ".join(one.name for one in self.tensors)

    @property
    def dtype(self) -> ElementType:
        """A field for each."""
        return [(one.name, one.number, one.shape) for one in self.tensors]

    @property
    def graph_dtype(self) -> ElementType:
        """The same: nothing is done to them."""
        return self.dtype

    @property
    def input_shape(self) -> tuple[int, ...]:
        """None: a sample is one record."""
        return ()

    @property
    def axes(self) -> tuple[str, ...]:
        """None, as for one."""
        return ()

    @property
    def value_range(self) -> tuple[float, float]:
        """That of all real numbers among them; of whole ones, if there are no others."""
        return range_of(self.tensors)

    def describe(self) -> dict[str, str]:
        """Each input."""
        return {"input": listed(self.tensors)}
