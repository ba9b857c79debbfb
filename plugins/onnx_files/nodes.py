"""One operator of an ONNX graph with its operands, and the table of functions that convert them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, NoReturn, TypeAlias

import numpy as np

from zoo.common.errors import Unsupported

from .held import Constant, Graph, Held, Value

#: What a converter returns: a value for each output that it makes, None for others.
Made: TypeAlias = Value | tuple[Value | None, ...]
_FIX = (
    "train without it, or save the network anew so that its graph does not need it; what can be "
    "opened is listed in docs/sources.md"
)


@dataclass(frozen=True, kw_only=True, eq=False)
class Node:
    """An operator.

    Attributes:
        kind: Its ONNX name.
        name: Of the node, for messages.
        version: Of its operator set.
        operands: None for those left out.
        attributes: As Python values.
        results: How many results are named.
        used: Which of them are read by other operators, or are the network's output.
        graph: The Keras graph that is made.
        origin: Names the file in messages.
    """

    kind: str
    name: str
    version: int
    operands: tuple[Value | None, ...]
    attributes: dict[str, Any]
    results: int
    used: tuple[bool, ...]
    graph: Graph
    origin: str

    def refuse(self, why: str, fix: str = _FIX) -> NoReturn:
        """Raises the error that names the node."""
        raise Unsupported(
            f"{self.origin}: the operator {self.kind} of {self.name!r} cannot be brought in",
            why=why,
            fix=fix,
        )

    def given(self, place: int) -> Value | None:
        """An operand, or None if it is left out."""
        return self.operands[place] if place < len(self.operands) else None

    def value(self, place: int) -> Value:
        """An operand that must be there."""
        found = self.given(place)
        if found is None:
            self.refuse(f"its operand {place} is missing")
        return found

    def held(self, place: int = 0) -> Held:
        """An operand that depends on the input of the network."""
        found = self.value(place)
        if not isinstance(found, Held):
            self.refuse(f"its operand {place} is a constant, where the network's values are needed")
        return found

    def constant(self, place: int) -> Constant | None:
        """An operand that must not depend on the input, or None if it is left out."""
        found = self.given(place)
        if isinstance(found, Held):
            self.refuse(f"its operand {place} depends on the input, where a constant is needed")
        return found

    def weights(self, place: int) -> Constant:
        """A constant operand of numbers that must be there, as float32."""
        found = self.constant(place)
        if found is None:
            self.refuse(f"its operand {place} is missing")
        return found.astype(np.float32)

    def numbers(self, attribute: str, place: int) -> list[int] | None:
        """Whole numbers that are an attribute in older operator sets, and an operand in newer."""
        if attribute in self.attributes:
            return [int(value) for value in np.ravel(self.attributes[attribute])]
        found = self.constant(place)
        return None if found is None else [int(value) for value in found.ravel()]

    def number(self, attribute: str, place: int, default: float | None) -> float | None:
        """A real number that is an attribute in older operator sets, and an operand in newer."""
        if attribute in self.attributes:
            return float(self.attributes[attribute])
        found = self.constant(place)
        return default if found is None or not found.size else float(found.ravel()[0])

    def get(self, attribute: str, default: Any) -> Any:
        """An attribute."""
        return self.attributes.get(attribute, default)


Converter: TypeAlias = Callable[[Node], Made]
CONVERTERS: dict[str, Converter] = {}


def converts(*kinds: str) -> Callable[[Converter], Converter]:
    """Declares which operators a function converts."""

    def declare(function: Converter) -> Converter:
        for kind in kinds:
            CONVERTERS[kind] = function
        return function

    return declare


def axis_of(axis: int, rank: int) -> int:
    """An axis counted from the front."""
    return axis + rank if axis < 0 else axis


def axes_of(axes: Iterable[int], rank: int) -> list[int]:
    """Axes counted from the front."""
    return [axis_of(axis, rank) for axis in axes]
