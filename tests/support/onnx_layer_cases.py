"""Layers of ONNX in small graphs: convolutions, pools, normalizations, products, recurrent ones."""

from __future__ import annotations

import numpy as np
from onnx_cases import FLAT, IMAGE, SERIES, TOKENS, Cases, k
from onnx_makers import i, node

LAYERS = Cases()
case, one = LAYERS.case, LAYERS.one

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
