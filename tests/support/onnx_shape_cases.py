"""Operators of ONNX that change shapes and places, or resize, in small graphs."""

from __future__ import annotations

import numpy as np
from onnx_cases import IMAGE, SERIES, TOKENS, Cases, k
from onnx_makers import i, node

SHAPES = Cases()
case, one = SHAPES.case, SHAPES.one

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
