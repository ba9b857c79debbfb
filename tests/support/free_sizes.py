"""Small files that leave sizes of their inputs open, or take a state or indices beside examples."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

onnx = pytest.importorskip("onnx")
helper = onnx.helper
FLOAT, INT64 = onnx.TensorProto.FLOAT, onnx.TensorProto.INT64
INT32 = onnx.TensorProto.INT32
WEIGHTS = np.random.default_rng(0).normal(size=(4, 3, 3, 3)).astype(np.float32)
TABLE = np.random.default_rng(1).normal(size=(50, 8)).astype(np.float32)

Side = int | str
Value = tuple[str, int, Sequence[Side]]


def written(
    path: Path,
    nodes: Sequence[Any],
    inputs: Sequence[Value],
    outputs: Sequence[Value],
    constants: Mapping[str, Any] | None = None,
    *,
    opset: int = 17,
) -> Path:
    """An ONNX file of these operators, checked."""
    described = [
        [helper.make_tensor_value_info(*one) for one in side] for side in (inputs, outputs)
    ]
    kept = [onnx.numpy_helper.from_array(np.asarray(v), k) for k, v in (constants or {}).items()]
    graph = helper.make_graph(list(nodes), "network", *described, kept)
    imports = [helper.make_opsetid("", opset)]
    model = helper.make_model(graph, opset_imports=imports, ir_version=8)
    onnx.checker.check_model(model)
    onnx.save(model, str(path))
    return path


def node(kind: str, inputs: str, outputs: str, **attributes: Any) -> Any:
    """An operator; names are separated by blanks."""
    return helper.make_node(kind, inputs.split(), outputs.split(), **attributes)


def image_reader(path: Path) -> Path:
    """``x`` (n, 3, h, w), any size → ``y`` (n, 4): a convolution and its mean."""
    return written(
        path,
        [
            node("Conv", "x w", "c", pads=[1, 1, 1, 1]),
            node("Relu", "c", "r"),
            node("ReduceMean", "r", "y", axes=[2, 3], keepdims=0),
        ],
        [("x", FLOAT, ("n", 3, "h", "w"))],
        [("y", FLOAT, ("n", 4))],
        {"w": WEIGHTS},
    )


def token_reader(path: Path, *, masked: bool = False) -> Path:
    """``ids`` (b, 7) of 50 words, and perhaps ``mask`` (b, 7) → ``y`` (b, 8)."""
    nodes, inputs, constants = [node("Gather", "table ids", "e")], [("ids", INT64, ("b", 7))], {}
    if masked:
        nodes += [
            node("Cast", "mask", "m", to=FLOAT),
            node("Unsqueeze", "m last", "m3"),
            node("Mul", "e m3", "seen"),
        ]
        inputs.append(("mask", INT64, ("b", 7)))
        constants["last"] = np.array([2])
    nodes.append(node("ReduceMean", "seen" if masked else "e", "y", axes=[1], keepdims=0))
    return written(path, nodes, inputs, [("y", FLOAT, ("b", 8))], {"table": TABLE, **constants})


def two_readers(path: Path, *, swapped: bool = False) -> Path:
    """``pixels`` (n, 3, 8, 8), ``ids`` (n, 7) of 50 words, ``mask`` (n, 7) → ``score`` and ``map``.

    Args:
        path: Where to write.
        swapped: Whether masked words are those that are seen.
    """
    random = np.random.default_rng(4)
    keep = [node("Cast", "mask", "m", to=onnx.TensorProto.BOOL)]
    keep.append(node("Not", "m", "kept") if swapped else node("Identity", "m", "kept"))
    nodes = [
        *keep,
        node("Unsqueeze", "kept last", "m3"),
        node("Gather", "table ids", "e"),
        node("Where", "m3 e nothing", "seen"),
        node("ReduceSum", "seen second", "sums", keepdims=0),
        node("Tanh", "sums", "words"),  # of one range, whatever samples there are
        node("Conv", "pixels w", "c", pads=[1, 1, 1, 1]),
        node("Sigmoid", "c", "map"),
        node("GlobalAveragePool", "map", "p"),
        node("Flatten", "p", "f"),
        node("Concat", "words f", "both", axis=1),
        node("Gemm", "both k b", "score"),
    ]
    return written(
        path,
        nodes,
        # Neither in the order of the alphabet, nor in that of their use.
        [("pixels", FLOAT, ("n", 3, 8, 8)), ("ids", INT64, ("n", 7)), ("mask", INT32, ("n", 7))],
        [("score", FLOAT, ("n", 5)), ("map", FLOAT, ("n", 4, 8, 8))],
        {
            "last": np.array([2]),
            "second": np.array([1]),
            "table": TABLE,
            "nothing": np.zeros(1, np.float32),
            "w": WEIGHTS,
            "k": random.normal(size=(12, 5)).astype(np.float32),
            "b": random.normal(size=5).astype(np.float32),
        },
    )


def two_reader_samples(count: int) -> dict[str, Any]:
    """Samples of its inputs."""
    random = np.random.default_rng(6)
    return {
        "mask": random.integers(0, 2, (count, 7)).astype(np.int32),
        "pixels": random.random((count, 3, 8, 8), dtype=np.float32),
        "ids": random.integers(0, len(TABLE), (count, 7)),
    }


def state_keeper(path: Path) -> Path:
    """``x`` (n, 4) and a state ``h`` (2, n, 4) → ``y`` (n) and the next state ``hn``."""
    return written(
        path,
        [
            node("Add", "x h", "s"),
            node("Tanh", "s", "hn"),
            node("ReduceMean", "hn", "y", axes=[0, 2], keepdims=0),
        ],
        [("x", FLOAT, ("n", 4)), ("h", FLOAT, (2, "n", 4))],
        [("y", FLOAT, ("n",)), ("hn", FLOAT, (2, "n", 4))],
    )


@cache
def resizable_tflite() -> bytes:
    """``x`` (1, any, any, 3) → (1, 4), as TensorFlow converts it."""
    import tensorflow as tf

    weights = tf.constant(WEIGHTS.transpose(2, 3, 1, 0))

    @tf.function(input_signature=[tf.TensorSpec((1, None, None, 3), name="x")])
    def network(x: Any) -> Any:
        return tf.reduce_mean(tf.nn.relu(tf.nn.conv2d(x, weights, 1, "SAME")), (1, 2))

    converter = tf.lite.TFLiteConverter.from_concrete_functions([network.get_concrete_function()])
    made: bytes = converter.convert()
    return made


@cache
def token_tflite() -> bytes:
    """``ids`` (1, 7) of 50 words → (1, 8), as TensorFlow converts it."""
    import tensorflow as tf

    @tf.function(input_signature=[tf.TensorSpec((1, 7), tf.int32, name="ids")])
    def network(ids: Any) -> Any:
        return tf.reduce_mean(tf.gather(tf.constant(TABLE), ids), 1)

    converter = tf.lite.TFLiteConverter.from_concrete_functions([network.get_concrete_function()])
    made: bytes = converter.convert()
    return made


def detector(path: Path, **changes: Any) -> Path:
    """``images`` (n, 3, 16, 16) → ``boxes`` (n, 4, 8, 8) and ``scores:0`` (n, 2, 8, 8).

    Args:
        path: To write.
        changes: ``scaled`` multiplies the boxes, ``bias`` is added to them, ``swapped`` gives each
            output the other's place in the graph, ``renamed`` the boxes another name.
    """
    random = np.random.default_rng(5)

    def weights(*shape: int) -> Any:
        return (random.normal(size=shape) / np.sqrt(np.prod(shape[1:]))).astype(np.float32)

    constants: dict[str, Any] = {
        "w1": weights(8, 3, 3, 3),
        "w2": weights(8, 8, 3, 3),
        "wb": weights(4, 8, 1, 1),
        "wc": weights(2 if not changes.get("swapped") else 4, 8, 1, 1),
        "factor": np.float32(changes.get("scaled", 1.0)),
        "offset": np.float32(changes.get("bias", 0.0)),
    }
    boxes, scores = changes.get("renamed", "boxes"), "scores:0"
    count = constants["wc"].shape[0]
    ends = (scores, boxes) if changes.get("swapped") else (boxes, scores)
    plain = "scaled" in changes or "bias" in changes
    nodes = [
        node("Conv", "images w1", "c", pads=[1, 1, 1, 1], strides=[2, 2]),
        node("Relu", "c", "r"),
        node("Conv", "r w2", "s", pads=[1, 1, 1, 1]),
        node("Relu", "s", "t"),
        node("Conv", "t wb", "b" if plain else ends[0]),
        *([node("Mul", "b factor", "m"), node("Add", "m offset", ends[0])] if plain else []),
        node("Conv", "t wc", "k"),
        node("Sigmoid", "k", ends[1]),
    ]
    return written(
        path,
        nodes,
        [("images", FLOAT, ("n", 3, 16, 16))],
        [(boxes, FLOAT, ("n", 4, 8, 8)), (scores, FLOAT, ("n", count, 8, 8))],
        constants,
    )


def recurrent_cell(path: Path) -> Path:
    """``x`` (n, 4), a state ``h`` (2, n, 8) → ``y`` (n, 3) and ``hn``: two RNN cells as PyTorch has
    them, each taking its layer of the state."""
    random = np.random.default_rng(5)
    shapes = {"w": (4, 8), "u": (8, 8), "b": (8,), "v": (8, 8), "t": (8, 8), "k": (8, 3)}
    constants = {n: random.normal(size=s).astype(np.float32) / 2 for n, s in shapes.items()}
    constants["front"] = np.array([0])
    return written(
        path,
        [
            node("Split", "h", "h0 h1", axis=0),
            node("Squeeze", "h0 front", "low"),
            node("Squeeze", "h1 front", "high"),
            node("Gemm", "x w b", "a"),
            node("MatMul", "low u", "r"),
            node("Add", "a r", "s"),
            node("Tanh", "s", "first"),
            node("MatMul", "first v", "a1"),
            node("MatMul", "high t", "r1"),
            node("Add", "a1 r1", "s1"),
            node("Tanh", "s1", "second"),
            node("Unsqueeze", "first front", "f"),
            node("Unsqueeze", "second front", "g"),
            node("Concat", "f g", "hn", axis=0),
            node("MatMul", "second k", "y"),
        ],
        [("x", FLOAT, ("n", 4)), ("h", FLOAT, (2, "n", 8))],
        [("y", FLOAT, ("n", 3)), ("hn", FLOAT, (2, "n", 8))],
        constants,
    )


def recurrent_layers(path: Path, kind: str, steps: int = 1, *, batch: Side = "n") -> Path:
    """``x`` (steps, batch, 3) and states ``h``, of an LSTM ``c`` (2, batch, 4) → ``y``, ``hn``,
    ``cn``: a layer in both directions, as `torch.onnx.export` writes it."""
    random, cells = np.random.default_rng(6), kind == "LSTM"
    gates = {"LSTM": 4, "GRU": 3, "RNN": 1}[kind]
    shapes = {"w": (2, 4 * gates, 3), "r": (2, 4 * gates, 4), "b": (2, 8 * gates)}
    constants = {n: random.normal(size=s).astype(np.float32) / 2 for n, s in shapes.items()}
    extra: dict[str, Any] = {"linear_before_reset": 1} if kind == "GRU" else {}
    layer = node(
        kind,
        "x w r b  h c" if cells else "x w r b  h",
        "Y hn cn" if cells else "Y hn",
        hidden_size=4,
        direction="bidirectional",
        **extra,
    )
    # The lengths are left out.
    layer.input.insert(4, "")
    turn = node("Transpose", "Y", "T", perm=[0, 2, 1, 3])
    constants["both"] = np.array([0, 0, -1])
    states = [(name, FLOAT, (2, batch, 4)) for name in ("h", "c")[: 1 + cells]]
    after = [(name, FLOAT, (2, batch, 4)) for name in ("hn", "cn")[: 1 + cells]]
    return written(
        path,
        [layer, turn, node("Reshape", "T both", "y")],
        [("x", FLOAT, (steps, batch, 3)), *states],
        [("y", FLOAT, (steps, batch, 8)), *after],
        constants,
    )
