"""Small graphs of operators of ONNX that are compared with ONNX Runtime, and elementwise ones."""

from __future__ import annotations

from typing import Any

import numpy as np
from onnx_makers import i, node, values

IMAGE, SERIES, FLAT, TOKENS = (1, 4, 6, 5), (1, 4, 7), (1, 6), (1, 5, 8)


def k(*shape: int) -> Any:
    """A constant."""
    return values(*shape)


class Cases(dict[str, tuple[list[Any], tuple[int, ...], dict[str, Any], int]]):
    """Name: nodes, shape of the input ``x``, constants, operator set."""

    def case(
        self, name: str, nodes: list[Any], shape: tuple[int, ...], opset: int = 18, **consts: Any
    ) -> None:
        """Adds a graph."""
        self[name] = (nodes, shape, consts, opset)

    def one(self, kind: str, shape: tuple[int, ...], opset: int = 18, **attributes: Any) -> None:
        """Adds a single operator without constants."""
        told = "".join(f" {key}={value}" for key, value in attributes.items())
        nodes = [node(kind, "x", **attributes)]
        self.case(f"{kind}{told} {len(shape)}-{opset}", nodes, shape, opset)


ELEMENTWISE = Cases()
case, one = ELEMENTWISE.case, ELEMENTWISE.one

for kind in (
    "Abs", "Ceil", "Cos", "Erf", "Exp", "Floor", "Neg", "Round", "Sign", "Sin", "Relu", "Elu",
    "Selu", "Sigmoid", "Softplus", "Softsign", "Tanh", "HardSwish", "HardSigmoid", "Mish",
    "LeakyRelu", "Celu", "Identity",
):  # fmt: skip
    one(kind, IMAGE)
for kind in ("Log", "Sqrt", "Reciprocal"):
    nodes = [node("Abs", "x"), node("Add", "abs", "c"), node(kind, "add")]
    case(kind, nodes, FLAT, c=np.float32(0.1))
one("ThresholdedRelu", FLAT, alpha=0.2)
one("HardSigmoid", FLAT, alpha=1 / 6)
one("Gelu", FLAT, 20)
one("Gelu", FLAT, 20, approximate="tanh")
one("Softmax", IMAGE, axis=1)
one("Softmax", IMAGE, axis=-1)
one("Softmax", IMAGE, 11, axis=1)
one("Softmax", IMAGE, 11, axis=3)
one("LogSoftmax", FLAT)
case("Clip 0..", [node("Clip", "x", "l", "h")], IMAGE, l=np.float32(0), h=np.float32(0.5))
case("Clip", [node("Clip", "x", "l", "h")], IMAGE, l=np.float32(-0.2), h=np.float32(0.5))
one("Clip", IMAGE, 7, min=-0.5, max=0.25)
case("Clip high", [node("Clip", "x", "", "h")], IMAGE, h=np.float32(0.5))
for kind in ("Add", "Sub", "Mul", "Div", "Max", "Min"):
    channel = np.abs(k(4, 1, 1)) + 0.5
    case(f"{kind} channel", [node("Relu", "x"), node(kind, "relu", "c")], IMAGE, c=channel)
    case(
        f"{kind} other way",
        [node("Relu", "x"), node("Exp", "relu"), node(kind, "c", "exp")],
        IMAGE,
        c=channel,
    )
    case(f"{kind} input", [node(kind, "x", "c")], IMAGE, c=channel)
    case(f"{kind} wide", [node(kind, "x", "c")], (1, 4, 1, 5), c=np.abs(k(1, 4, 6, 1)) + 0.5)
    case(f"{kind} two", [node("Exp", "x"), node(kind, "x", "exp")], IMAGE)
case("Add columns", [node("Exp", "x"), node("Add", "exp", "c")], (1, 3, 6, 6), c=k(6))
case("Add rows", [node("Exp", "x"), node("Add", "exp", "c")], (1, 3, 6, 6), c=k(6, 1))
case(
    "Add one each",
    [node("ReduceMean", "x", "a"), node("Add", "x", "reducemean")],
    (1, 3, 6, 6),
    a=i(1, 2, 3),
)
case("Pow", [node("Pow", "x", "c")], IMAGE, c=np.float32(2))
case(
    "normalized",
    [node("Sub", "x", "m"), node("Div", "sub", "s"), node("Conv", "div", "w")],
    (1, 3, 6, 6),
    m=k(3, 1, 1),
    s=np.abs(k(3, 1, 1)) + 0.5,
    w=k(2, 3, 3, 3),
)
case("Sum", [node("Exp", "x"), node("Relu", "x"), node("Sum", "x", "exp", "relu")], IMAGE)
case("Mean", [node("Exp", "x"), node("Relu", "x"), node("Mean", "x", "exp", "relu")], IMAGE)
case("PRelu", [node("PRelu", "x", "c")], IMAGE, c=k(4, 1, 1))
case("PRelu one", [node("PRelu", "x", "c")], IMAGE, c=k(1))
case(
    "excitation",
    [
        node("Conv", "x", "w"),
        node("GlobalAveragePool", "conv"),
        node("Conv", "globalaveragepool", "v", out="gate"),
        node("Sigmoid", "gate"),
        node("Mul", "conv", "sigmoid"),
    ],
    IMAGE,
    w=k(6, 4, 3, 3),
    v=k(6, 6, 1, 1),
)
GELU = [
    node("Conv", "x", "w", out="y"),
    node("Div", "y", "r"),
    node("Erf", "div"),
    node("Add", "one", "erf"),
]
HALF = {"w": k(3, 4, 1, 1), "r": np.float32(2**0.5), "one": np.float32(1), "half": np.float32(0.5)}
for name, first, second in (
    ("half first", ("y", "half"), ("m", "add")),
    ("half last", ("y", "add"), ("half", "m")),
    ("half between", ("half", "add"), ("m", "y")),
):
    ends = [node("Mul", *first, out="m"), node("Mul", *second, out="e")]
    case(f"gelu, {name}", [*GELU, *ends], IMAGE, **HALF)
