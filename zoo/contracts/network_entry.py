"""What a file's own graph makes of raw inputs before the network's first layers read them."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # lists and help must not wait for numpy
    from numpy.typing import NDArray


@dataclass(frozen=True, kw_only=True, eq=False)
class EntryPath:
    """What is done to values on their way from the input to a tensor.

    Attributes:
        operators: Kinds of the operators that compute on values on the way to it.
        step: The coarsest quantization step behind the first of these; 0 for real numbers.
        input_step: The coarsest quantization step in front of them.
        half: Whether some of them compute in half precision.
        whole: Whether values are whole numbers on the way, which have no fractions.
        low: Least number that it can hold.
        high: Greatest number that it can hold.
        input_low: Least raw value that reaches the first operator.
        input_high: Greatest raw value that does.
    """

    operators: tuple[str, ...] = ()
    step: float = 0.0
    input_step: float = 0.0
    half: bool = False
    whole: bool = False
    low: float = -inf
    high: float = inf
    input_low: float = -inf
    input_high: float = inf


@dataclass(frozen=True, kw_only=True, eq=False)
class EntryTensor(EntryPath):
    """A tensor behind which a layer of the network begins, measured on raw inputs.

    Between the input and it, the file only moves values and computes on each by itself.

    Attributes:
        name: Inside the file.
        values: Real numbers, (examples, *shape of the input, copies): the axes after the order of
            the input, whatever the file's own order, and how often each value is repeated; NaN
            for values that are not in the tensor.
        clipped: Whether each value was at an end of what some quantized tensor on the way holds,
            of the shape of `values`; None where there is no such tensor.
    """

    name: str
    values: NDArray[Any]
    clipped: NDArray[Any] | None = None


@dataclass(frozen=True, kw_only=True, eq=False)
class FirstResult:
    """The result of an operator that reads an entry tensor.

    Attributes:
        name: Inside the file.
        reads: Names of the entry tensors that the operator reads; empty: perhaps all.
        values: Real numbers, (examples, …), the axes in the file's own order.
        low: Least number that it can hold.
        high: Greatest number that it can hold.
        behind: Of the operator that alone reads this and reads nothing else, where there is one:
            files have several operators for some layers.
    """

    name: str
    values: NDArray[Any]
    reads: tuple[str, ...] = ()
    low: float = -inf
    high: float = inf
    behind: FirstResult | None = None


@dataclass(frozen=True, kw_only=True, eq=False)
class NetworkEntry:
    """Where the network of a file begins.

    Attributes:
        tensors: Every tensor that depends on the input and that some layer reads.
        results: What those layers make of them, where it was asked for; one without a result that
            can be read is left out.
        made: What a front end gives the network, (inputs, …) as in its record; None where the file
            begins with the network.
    """

    tensors: tuple[EntryTensor, ...]
    results: tuple[FirstResult, ...] = ()
    made: NDArray[Any] | None = None
