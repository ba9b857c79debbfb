"""The input of a later part of a network that is deployed as several files."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from zoo.contracts.checks import check
from zoo.contracts.preprocessing.base import Preprocessing

if TYPE_CHECKING:  # lists and help must not wait for numpy
    from numpy.typing import NDArray


@dataclass(frozen=True, kw_only=True)
class PartPreprocessing(Preprocessing):
    """What a later part takes: an output of the part before, in real numbers.

    No example is read by it: inputs come from running the parts before.

    Attributes:
        shape: Of one input, without the batch.
        low: Least value that the part before gave when the file was made.
        high: Greatest.
        before: Name of the part before.
        output: Name of its output.
        whole_numbers: Whether what the part before gave is rounded before this part takes it.
        kind: Tells the records apart where they are stored.
    """

    input_name: ClassVar[str] = "output of the part before"
    dtype = "float32"

    shape: tuple[int, ...]
    low: float
    high: float
    before: str
    output: str
    whole_numbers: bool = False
    kind: Literal["part"] = "part"

    def __post_init__(self) -> None:
        positive = len(self.shape) > 0 and all(side > 0 for side in self.shape)
        check(positive, "preprocessing", "shape must be of positive sides")
        finite = math.isfinite(self.low) and math.isfinite(self.high)
        check(finite and self.low <= self.high, "preprocessing", "low must not be above high")

    @property
    def input_shape(self) -> tuple[int, ...]:
        """As the part before gives it."""
        return self.shape

    @property
    def axes(self) -> tuple[str, ...]:
        """Places, and features last; no file may order them anew, since the part before has not."""
        return (*(f"place {n}" for n in range(1, len(self.shape))), "feature")

    @property
    def value_range(self) -> tuple[float, float]:
        """That of the part before."""
        return (self.low, self.high)

    def taken(self, given: NDArray[Any]) -> NDArray[Any]:
        """Whole numbers where that is asked: what is stored of the part before."""
        import numpy as np

        return np.rint(given).astype(given.dtype) if self.whole_numbers else given

    def describe(self) -> dict[str, str]:
        """Where the values come from."""
        sides = "×".join(map(str, self.shape))
        if self.whole_numbers:
            rounded = f"the output {self.output} of the {self.before}, rounded"
            return {"input": f"{sides} whole numbers: {rounded}"}
        return {"input": f"{sides} real numbers: the output {self.output} of the {self.before}"}
