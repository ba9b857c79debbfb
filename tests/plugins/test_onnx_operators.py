"""Each operator of ONNX computes in Keras what it computes in ONNX Runtime."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pytest
from onnx_makers import i, model_of, node, values

from zoo.networks.sources.graph import flattened, rebuilt
from zoo.plugins.onnx_files.opening import OnnxNetwork

IMAGE, SERIES, FLAT, TOKENS = (1, 4, 6, 5), (1, 4, 7), (1, 6), (1, 5, 8)


def k(*shape: int) -> Any:
    return values(*shape)


#: Name: nodes, shape, constants, operator set.
ONE: dict[str, tuple[list[Any], tuple[int, ...], dict[str, Any], int]] = {}


def case(
    name: str, nodes: list[Any], shape: tuple[int, ...], opset: int = 18, **consts: Any
) -> None:
    ONE[name] = (nodes, shape, consts, opset)


def one(kind: str, shape: tuple[int, ...], opset: int = 18, **attributes: Any) -> None:
    told = "".join(f" {key}={value}" for key, value in attributes.items())
    case(f"{kind}{told} {len(shape)}-{opset}", [node(kind, "x", **attributes)], shape, opset)


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

CONV = {
    "plain": ({}, (8, 4, 3, 3)),
    "pads": ({"pads": [1, 1, 1, 1]}, (8, 4, 3, 3)),
    "uneven": ({"pads": [2, 0, 1, 1], "strides": [2, 1]}, (8, 4, 3, 2)),
    "strides": ({"pads": [1, 1, 1, 1], "strides": [2, 2]}, (8, 4, 3, 3)),
    "dilated": ({"pads": [2, 2, 2, 2], "dilations": [2, 2]}, (8, 4, 3, 3)),
    "both": ({"pads": [2, 2, 2, 2], "dilations": [2, 2], "strides": [2, 2]}, (8, 4, 3, 3)),
    "upper": ({"auto_pad": "SAME_UPPER", "strides": [2, 2]}, (8, 4, 3, 3)),
    "lower": ({"auto_pad": "SAME_LOWER", "strides": [2, 2]}, (8, 4, 2, 4)),
    "valid": ({"auto_pad": "VALID"}, (8, 4, 1, 1)),
    "groups": ({"group": 2}, (8, 2, 3, 3)),
    "depthwise": ({"group": 4, "pads": [1, 1, 1, 1]}, (8, 1, 3, 3)),
    "depthwise uneven": ({"group": 4, "strides": [1, 2]}, (4, 1, 3, 3)),
}
for name, (attributes, shape) in CONV.items():
    case(
        f"Conv {name}",
        [node("Conv", "x", "w", "b", **attributes)],
        IMAGE,
        w=k(*shape),
        b=k(shape[0]),
    )
case("Conv series", [node("Conv", "x", "w", pads=[1, 1])], SERIES, w=k(3, 4, 3))
case("Conv series depthwise", [node("Conv", "x", "w", group=4)], SERIES, w=k(4, 1, 3))
case("Conv volume", [node("Conv", "x", "w", pads=[1] * 6)], (1, 2, 4, 5, 3), w=k(3, 2, 3, 3, 3))
TRANSPOSED = {
    "plain": ({}, (4, 3, 3, 3)),
    "strides": ({"strides": [2, 2], "pads": [1, 1, 1, 1]}, (4, 3, 3, 3)),
    "output": ({"strides": [2, 2], "pads": [1, 1, 1, 1], "output_padding": [1, 1]}, (4, 3, 3, 3)),
    "gap": ({"strides": [3, 3]}, (4, 3, 2, 2)),
    "beyond": ({"strides": [2, 2], "output_padding": [1, 1]}, (4, 3, 2, 2)),
    "groups": ({"group": 2, "strides": [2, 1]}, (4, 3, 3, 3)),
    "dilated": ({"dilations": [2, 2], "strides": [2, 2]}, (4, 3, 3, 3)),
    "same": ({"auto_pad": "SAME_UPPER", "strides": [2, 2]}, (4, 3, 3, 3)),
}
for name, (attributes, shape) in TRANSPOSED.items():
    width = shape[1] * attributes.get("group", 1)
    case(
        f"ConvTranspose {name}",
        [node("ConvTranspose", "x", "w", "b", **attributes)],
        IMAGE,
        w=k(*shape),
        b=k(width),
    )
case("ConvTranspose series", [node("ConvTranspose", "x", "w", strides=[2])], SERIES, w=k(4, 3, 3))
POOLS = {
    "plain": {},
    "strides": {"strides": [2, 2]},
    "pads": {"strides": [2, 2], "pads": [1, 1, 1, 1]},
    "uneven": {"strides": [2, 1], "pads": [0, 1, 1, 0]},
    "same": {"auto_pad": "SAME_UPPER", "strides": [2, 2]},
    "lower": {"auto_pad": "SAME_LOWER", "strides": [1, 2]},
    "ceil": {"strides": [2, 2], "ceil_mode": 1},
    "ceil pads": {"strides": [2, 2], "pads": [1, 1, 1, 1], "ceil_mode": 1},
}
for name, attributes in POOLS.items():
    for size in ([3, 3], [2, 2]):
        if size == [2, 2] and "pads" not in attributes:
            continue
        told = f"{name} {size[0]}"
        case(f"MaxPool {told}", [node("MaxPool", "x", kernel_shape=size, **attributes)], IMAGE)
        case(
            f"MaxPool positive {told}",
            [node("Relu", "x"), node("MaxPool", "relu", kernel_shape=size, **attributes)],
            IMAGE,
        )
        for counted in (0, 1):
            case(
                f"AveragePool {told} {counted}",
                [
                    node(
                        "AveragePool",
                        "x",
                        kernel_shape=size,
                        count_include_pad=counted,
                        **attributes,
                    )
                ],
                IMAGE,
                19,
            )
case(
    "MaxPool below zero",
    [
        node("Relu", "x"),
        node("Sub", "relu", "c"),
        node("Add", "relu", "d"),
        node("Concat", "sub", "add", axis=1),
        node("MaxPool", "concat", kernel_shape=[3, 3], pads=[1, 1, 1, 1], out=["most", "places"]),
    ],
    IMAGE,
    c=np.float32(5),
    d=-4 + k(4, 1, 1),
)
case("MaxPool series", [node("MaxPool", "x", kernel_shape=[2], strides=[2])], SERIES)
one("GlobalAveragePool", IMAGE)
one("LRN", (1, 9, 3, 2), size=5, alpha=0.5, bias=2.0)
one("LRN", (1, 9, 3, 2), size=3, alpha=0.5, beta=0.5)
MASK = np.asarray([[True, False, True, True, False]] * 4)[:, None]
case("Where", [node("Exp", "x"), node("Where", "c", "exp", "v")], IMAGE, c=MASK, v=np.float32(-1e9))
case("Where two", [node("Exp", "x"), node("Where", "c", "exp", "x")], IMAGE, c=MASK)
for kind in ("Acos", "Asin", "Atan", "Cosh", "Sinh", "Tan"):
    one(kind, FLAT)
one("GlobalMaxPool", SERIES)
NORM = {"s": k(4), "b": k(4), "m": k(4), "v": np.abs(k(4)) + 0.1}
for shape in (IMAGE, SERIES, (1, 4)):
    case(
        f"BatchNormalization {len(shape)}",
        [node("BatchNormalization", "x", "s", "b", "m", "v", epsilon=1e-3)],
        shape,
        **NORM,
    )
case("InstanceNormalization", [node("InstanceNormalization", "x", "s", "b")], IMAGE, s=k(4), b=k(4))
case(
    "GroupNormalization",
    [node("GroupNormalization", "x", "s", "b", num_groups=2)],
    IMAGE,
    21,
    s=k(4),
    b=k(4),
)
case("LayerNormalization", [node("LayerNormalization", "x", "s", "b")], TOKENS, s=k(8), b=k(8))
case(
    "LayerNormalization of three results",
    [node("LayerNormalization", "x", "s", out=["normal", "mean", "inverse"])],
    TOKENS,
    s=k(8),
)
case("LayerNormalization two", [node("LayerNormalization", "x", "s", axis=1)], TOKENS, s=k(5, 8))
case(
    "LayerNormalization channels last",
    [
        node("Transpose", "x", perm=[0, 2, 3, 1]),
        node("LayerNormalization", "transpose", "s", "b"),
        node("Transpose", "layernormalization", perm=[0, 3, 1, 2], out="back"),
        node("Conv", "back", "w"),
    ],
    IMAGE,
    s=k(4),
    b=k(4),
    w=k(2, 4, 3, 3),
)

case("Gemm", [node("Gemm", "x", "w", "b", alpha=0.5, beta=2.0)], FLAT, w=k(6, 3), b=k(3))
case("Gemm transB", [node("Gemm", "x", "w", "b", transB=1)], FLAT, w=k(3, 6), b=k(1, 3))
case(
    "Gemm of rows",
    [node("Gemm", "x", "w", "c", transA=1), node("Reshape", "gemm", "s")],
    FLAT,
    w=k(1, 6),
    c=k(6, 1),
    s=i(1, 36),
)
case("Gemm scalar", [node("Gemm", "x", "w", "b")], FLAT, w=k(6, 3), b=np.float32(2))
case("MatMul", [node("MatMul", "x", "w"), node("Add", "matmul", "b")], TOKENS, w=k(8, 3), b=k(3))
case("MatMul batch", [node("MatMul", "x", "w")], (1, 2, 5, 8), w=k(2, 8, 3))
case("MatMul left", [node("MatMul", "w", "x")], TOKENS, w=k(3, 5))
case("MatMul vector", [node("MatMul", "x", "w")], TOKENS, w=k(8))
case(
    "attention",
    [
        node("MatMul", "x", "q"),
        node("MatMul", "x", "k", out="key"),
        node("Reshape", "matmul", "s"),
        node("Reshape", "key", "s", out="keys"),
        node("Transpose", "reshape", perm=[0, 2, 1, 3]),
        node("Transpose", "keys", perm=[0, 2, 3, 1], out="turned"),
        node("MatMul", "transpose", "turned", out="scores"),
        node("Softmax", "scores"),
        node("MatMul", "softmax", "transpose", out="mixed"),
        node("Transpose", "mixed", perm=[0, 2, 1, 3], out="again"),
        node("Reshape", "again", "e", out="y"),
    ],
    TOKENS,
    q=k(8, 8),
    k=k(8, 8),
    s=i(1, 5, 2, 4),
    e=i(1, 5, 8),
)
case(
    "batch second",
    [
        node("Transpose", "x", perm=[1, 0, 2]),
        node("Reshape", "transpose", "s"),
        node("Transpose", "reshape", perm=[1, 0, 2], out="heads"),
        node("Transpose", "heads", perm=[0, 2, 1], out="turned"),
        node("MatMul", "heads", "turned"),
        node("Reshape", "matmul", "e", out="y"),
    ],
    TOKENS,
    s=i(5, 2, 4),
    e=i(1, -1),
)
case("Einsum", [node("Einsum", "x", "w", equation="bij,jk->bik")], TOKENS, w=k(8, 3))
case("Einsum two", [node("Exp", "x"), node("Einsum", "x", "exp", equation="bij,bkj->bik")], TOKENS)

case("Flatten dense", [node("Flatten", "x"), node("Gemm", "flatten", "w")], IMAGE, w=k(120, 3))
case(
    "Conv Flatten Gemm",
    [
        node("Conv", "x", "c"),
        node("Flatten", "conv"),
        node("Identity", "flatten"),
        node("Gemm", "identity", "w"),
    ],
    IMAGE,
    c=k(3, 4, 2, 2),
    w=k(60, 3),
)
case(
    "Conv Flatten Relu",
    [node("Conv", "x", "c"), node("Flatten", "conv"), node("Relu", "flatten")],
    IMAGE,
    c=k(3, 4, 2, 2),
)
case(
    "Reshape split",
    [
        node("Reshape", "x", "s"),
        node("Transpose", "reshape", perm=[0, 2, 1, 3, 4]),
        node("Reshape", "transpose", "e", out="y"),
        node("Conv", "y", "w"),
    ],
    IMAGE,
    s=i(0, 2, 2, 6, 5),
    e=i(1, 4, 6, 5),
    w=k(2, 4, 3, 3),
)
case(
    "Reshape mixed",
    [node("Conv", "x", "c"), node("Reshape", "conv", "s")],
    IMAGE,
    c=k(4, 4, 1, 1),
    s=i(1, 8, -1),
)
case("Squeeze", [node("Squeeze", "x", "a")], (1, 1, 6, 5), a=i(1))
one("Squeeze", (1, 4, 1, 1), 11, axes=[2, 3])
case(
    "Unsqueeze",
    [node("Unsqueeze", "x", "a"), node("Conv", "unsqueeze", "w")],
    (1, 6, 5),
    a=i(1),
    w=k(2, 1, 3, 3),
)
one("Transpose", IMAGE, perm=[0, 2, 3, 1])
case("Expand", [node("Expand", "x", "s")], (1, 4, 1, 5), s=i(1, 4, 3, 5))
case("Tile", [node("Tile", "x", "s")], IMAGE, s=i(1, 2, 1, 3))
case("Concat", [node("Exp", "x"), node("Concat", "x", "exp", axis=1)], IMAGE)
case(
    "Concat pooled",
    [
        node("Conv", "x", "w"),
        node("GlobalAveragePool", "conv"),
        node("Relu", "globalaveragepool"),
        node("Concat", "globalaveragepool", "relu", axis=1),
    ],
    IMAGE,
    w=k(3, 4, 2, 2),
)
case(
    "Concat constants", [node("Concat", "c", "x", "d", axis=1)], TOKENS, c=k(1, 1, 8), d=k(1, 2, 8)
)
case(
    "Slice",
    [node("Slice", "x", "s", "e", "a", "t")],
    IMAGE,
    s=i(1, -2),
    e=i(3, -100),
    a=i(1, 2),
    t=i(1, -1),
)
one("Slice", IMAGE, 9, starts=[0, 1], ends=[100, -1], axes=[1, 3])
case(
    "Split",
    [
        node("Split", "x", "s", axis=1, out=["a", "b"]),
        node("Exp", "a"),
        node("Concat", "b", "exp", axis=1),
    ],
    IMAGE,
    s=i(1, 3),
)
case(
    "Split even",
    [node("Split", "x", axis=1, num_outputs=2, out=["a", "b"]), node("Sub", "b", "a")],
    IMAGE,
)
case("Gather", [node("Gather", "x", "n", axis=1)], IMAGE, n=i(2, 0, -1))
case("Gather one", [node("Gather", "x", "n", axis=1)], TOKENS, n=np.int64(0))
case("Gather table", [node("Gather", "x", "n", axis=2)], TOKENS, n=i(2, 0, 5, 1).reshape(2, 2))
for mode in ("DCR", "CRD"):
    one("DepthToSpace", (1, 8, 2, 3), blocksize=2, mode=mode)
one("SpaceToDepth", (1, 2, 4, 6), blocksize=2)
for mode in ("constant", "reflect", "edge"):
    case(f"Pad {mode}", [node("Pad", "x", "p", mode=mode)], IMAGE, p=i(0, 0, 1, 2, 0, 0, 2, 1))
case(
    "Pad channels",
    [node("Pad", "x", "p", "v")],
    IMAGE,
    p=i(0, 1, 0, 0, 0, 2, 0, 0),
    v=np.float32(0.5),
)
case("Pad less", [node("Pad", "x", "p")], IMAGE, p=i(0, 0, -1, 1, 0, 0, 0, -1))
for kind in ("Mean", "Sum", "Max", "Min", "Prod", "L1", "L2", "SumSquare", "LogSumExp"):
    one(f"Reduce{kind}", IMAGE, 13 if kind != "Sum" else 12, axes=[1, 3], keepdims=0)
case(
    "ReduceMean spatial",
    [node("Conv", "x", "w"), node("ReduceMean", "conv", "a", keepdims=0)],
    IMAGE,
    w=k(3, 4, 1, 1),
    a=i(2, 3),
)
case(
    "Shape",
    [
        node("Conv", "x", "w"),
        node("Shape", "conv", out="s"),
        node("Gather", "s", "zero", out="n"),
        node("Unsqueeze", "n", "axis", out="m"),
        node("Concat", "m", "rest", axis=0, out="t"),
        node("Reshape", "conv", "t"),
    ],
    IMAGE,
    w=k(3, 4, 1, 1),
    zero=np.int64(0),
    axis=i(0),
    rest=i(-1),
)

for direction in ("forward", "reverse", "bidirectional"):
    count = 2 if direction == "bidirectional" else 1
    for kind, gates, extra in (
        ("LSTM", 4, {}),
        ("GRU", 3, {}),
        ("GRU", 3, {"linear_before_reset": 1}),
        ("RNN", 1, {}),
    ):
        for out in (["y"], ["", "y"], ["all", "end"]):
            told = f"{kind} {direction} {extra} {out}"
            nodes = [
                node("Transpose", "x", perm=[1, 0, 2]),
                node(
                    kind,
                    "transpose",
                    "w",
                    "r",
                    "b",
                    hidden_size=5,
                    direction=direction,
                    out=out,
                    **extra,
                ),
            ]
            consts = {
                "w": k(count, gates * 5, 8),
                "r": k(count, gates * 5, 5),
                "b": k(count, gates * 10),
            }
            if out == ["all", "end"]:
                nodes += [
                    node("ReduceSum", "all", "zero", keepdims=0, out="s"),
                    node("Add", "s", "end", out="z"),
                ]
                consts["zero"] = i(0)
                nodes += [node("Transpose", "z", perm=[1, 0, 2], out="t")]
            elif out == ["y"]:
                nodes += [
                    node("Transpose", "y", perm=[2, 0, 1, 3], out="t"),
                ]
            else:
                nodes += [node("Transpose", "y", perm=[1, 0, 2], out="t")]
            # All steps alone are read of one kind, and of RNN both: the code is the same.
            if (out == ["y"]) != bool(extra) or (kind == "RNN" and out != ["all", "end"]):
                continue
            case(told, nodes, TOKENS, **consts)
case(
    "LSTM cells",
    [
        node("Transpose", "x", perm=[1, 0, 2]),
        node("LSTM", "transpose", "w", "r", hidden_size=5, out=["y", "h", "c"]),
        node("Add", "h", "c"),
        node("Squeeze", "add", "a"),
    ],
    TOKENS,
    w=k(1, 20, 8),
    r=k(1, 20, 5),
    a=i(0),
)
for mode in ("nearest", "linear", "cubic"):
    for coordinates in ("half_pixel", "asymmetric", "align_corners", "pytorch_half_pixel"):
        for scale in ((1, 1, 2, 2), (1, 1, 1.5, 0.6)):
            if mode == "cubic" and coordinates == "asymmetric":
                continue
            case(
                f"Resize {mode} {coordinates} {scale}",
                [
                    node(
                        "Resize",
                        "x",
                        "",
                        "s",
                        mode=mode,
                        coordinate_transformation_mode=coordinates,
                    )
                ],
                IMAGE,
                s=np.float32(scale),
            )
case(
    "Resize sizes",
    [node("Conv", "x", "w"), node("Resize", "conv", "", "", "z", mode="linear")],
    IMAGE,
    w=k(3, 4, 1, 1),
    z=i(1, 3, 9, 11),
)
case("Resize 10", [node("Resize", "x", "s", mode="nearest")], IMAGE, 10, s=np.float32([1, 1, 2, 3]))
case("Resize 10 smaller", [node("Resize", "x", "s")], IMAGE, 10, s=np.float32([1, 1, 0.4, 1.7]))
case(
    "Resize 10 linear",
    [node("Resize", "x", "s", mode="linear")],
    IMAGE,
    10,
    s=np.float32([1, 1, 2, 2]),
)
case(
    "Upsample 9", [node("Upsample", "x", "s", mode="nearest")], IMAGE, 9, s=np.float32([1, 1, 2, 2])
)
one("Upsample", IMAGE, 7, mode="nearest", scales=[1.0, 1.0, 2.0, 2.0])
case(
    "Resize series", [node("Resize", "x", "", "s", mode="nearest")], SERIES, s=np.float32([1, 1, 2])
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


def _renamed(nodes: list[Any], constants: dict[str, Any], place: int) -> dict[str, Any]:
    """The constants of a case whose tensors got names of their own; its nodes are changed."""

    def own(name: str) -> str:
        return name if name in ("x", "") else f"{name}_{place}"

    for one in nodes:
        for names in (one.input, one.output):
            names[:] = [own(name) for name in list(names)]
    return {own(name): values for name, values in constants.items()}


GROUPS = sorted({(shape, opset) for _, shape, _, opset in ONE.values()})


@pytest.mark.parametrize(("shape", "opset"), GROUPS, ids=str)
def test_operators_compute_the_same(shape: tuple[int, ...], opset: int) -> None:
    """Those of one input as one network, for several examples at once."""
    names = [name for name, case in ONE.items() if case[1] == shape and case[3] == opset]
    every, constants, ends = [], {}, []
    for place, name in enumerate(names):
        nodes = copy.deepcopy(ONE[name][0])
        constants |= _renamed(nodes, ONE[name][2], place)
        flat = node("Flatten", nodes[-1].output[0], out=f"flat_{place}")
        every += [*nodes, flat]
        ends.append(flat.output[0])
    every.append(node("Concat", *ends, axis=1, out="every"))
    opened = OnnxNetwork(model_of(every, shape, constants, opset=opset), "net.onnx")
    own = opened.inputs[0].shape[1:]
    network = rebuilt(flattened(opened.model, own, own), "net.onnx")
    last = network.output._keras_history.operation
    parts = last._inbound_nodes[0].input_tensors if len(ends) > 1 else [network.output]
    assert len(parts) == len(names)
    batch = values(3, *own)
    ours, theirs = np.asarray(network(batch, training=False)), opened.answers(batch)
    assert ours.shape == theirs.shape
    assert np.isfinite(theirs).all()
    begin = 0
    for name, part in zip(names, parts, strict=True):
        place = slice(begin, begin := begin + part.shape[-1])
        one, other = ours[:, place], theirs[:, place]
        assert other.std() > 0, name
        np.testing.assert_allclose(one, other, atol=1e-5 * np.abs(other).max(), err_msg=name)
