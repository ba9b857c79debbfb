"""Records of the rounding twin's operations."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from zoo.training.qat.kernels import Kernel

Limits = tuple[float, float]
#: What an operation does to the range of what it takes: learns one of its own, has one by nature,
#: keeps it, or computes in real numbers.
Rule = Literal["own", "fixed", "same", "real"]


@dataclass(frozen=True, kw_only=True)
class Op:
    """One operation of the rounding twin.

    Attributes:
        apply: From Keras tensors to a Keras tensor.
        inputs: Values it takes.
        output: The value it makes.
        rule: What becomes of the range.
        limits: With ``fixed``.
        exact: Whether it gives no value that it was not given; with ``same``.
        fuses: Whether an activation behind it is part of the same operator in files.
        fused: Whether it can be such an activation.
        kernel: What it multiplies by, if it does.
        name: Of the layer of the network.
        also: Further values it makes, of operations that are left as they are.
    """

    apply: Callable[..., Any]
    inputs: tuple[int, ...]
    output: int
    rule: Rule = "own"
    limits: Limits | None = None
    exact: bool = False
    fuses: bool = False
    fused: bool = False
    kernel: Kernel | None = None
    name: str = ""
    also: tuple[int, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Lowered:
    """A network as operations on values.

    Attributes:
        ops: In order.
        inputs: Values that are given.
        outputs: The output values.
        limits: Ranges of values that are known from the start.
        real: Layers that compute in real numbers, with the reason of each.
        rounded: Number of layers whose weights are rounded.
    """

    ops: tuple[Op, ...]
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    limits: Mapping[int, Limits]
    real: Mapping[str, str]
    rounded: int
