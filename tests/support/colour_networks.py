"""ONNX files that find colours in pictures: objects with their boxes, or classes of pixels."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from series_files import Layer, proven_file

from zoo.contracts import ImagePreprocessing
from zoo.contracts.anchors import Anchors

HEIGHT, WIDTH, CELL = 24, 36, 4
COLOURS = ("red", "green", "blue")
#: Of pixels, and of the means of cells: how much more of its own colour there is than of others.
_OWN = (np.eye(3) * 1.5 - 0.5) / 12


def preprocessing(**change: Any) -> ImagePreprocessing:
    sides = {"height": HEIGHT, "width": WIDTH, "channels": 3}
    return ImagePreprocessing(**sides, mean=(0.0,) * 3, std=(1.0,) * 3, **change)


def picture(height: int, width: int) -> np.ndarray:
    """Squares of three colours on grey, none of which touches another."""
    random = np.random.default_rng((height, width))
    pixels = random.integers(70, 90, (height, width, 3)).astype(np.uint8)
    for channel, (top, left, bottom, right) in enumerate(
        ((0.1, 0.05, 0.4, 0.3), (0.45, 0.4, 0.85, 0.62), (0.15, 0.7, 0.55, 0.95))
    ):
        rows = slice(round(top * height), round(bottom * height))
        columns = slice(round(left * width), round(right * width))
        pixels[rows, columns] = 20
        pixels[rows, columns, channel] = 230
    return pixels


def segmenter(path: Path, own: ImagePreprocessing) -> Path:
    """The ground, or the colour of a pixel."""
    weights = np.concatenate([np.zeros((3, 1)), _OWN], axis=1).astype(np.float32)
    made = Layer(
        "semantic-segmentation",
        own,
        ("ground", *COLOURS),
        "masks:colours",
        readings={"given": "class-map"},
    )
    nodes = [
        ("MatMul", ["pixels", "weights"], "raw", {}),
        ("Add", ["raw", "biases"], "moved", {}),
        ("Softmax", ["moved"], "given", {"axis": -1}),
    ]
    constants = {"weights": weights, "biases": np.array([3, 0, 0, 0], np.float32)}
    return _file(path, made, nodes, constants, (HEIGHT, WIDTH, 4))


def detector(path: Path, own: ImagePreprocessing, anchors: Anchors | None = None) -> Path:
    """Objects by the means of cells of 4x4 pixels: a grid of centres, or one anchor in each."""
    places = np.array([[0.01, 0.02, -0.004, 0.003], [0.005, -0.01, 0.002, 0.004], [0.0] * 4])
    weights = np.concatenate([_OWN, places], axis=1).astype(np.float32)
    biases = np.array([-4.0] * 3 + [-1.0, -0.5, 0.1, 0.2], np.float32)
    rows, columns = HEIGHT // CELL, WIDTH // CELL
    shape: tuple[int, ...] = (rows, columns, 7)
    decoding: dict[str, float | str] = {"threshold": 0.4}
    if anchors is not None:
        shape, decoding = (rows * columns, 7), {**decoding, **anchors.recorded()}
    made = Layer(
        "object-detection",
        own,
        COLOURS,
        "coco:colours",
        readings={"given": "boxes"},
        decoding=decoding,
    )
    nodes = [
        ("Transpose", ["pixels"], "planes", {"perm": [0, 3, 1, 2]}),
        ("AveragePool", ["planes"], "cells", {"kernel_shape": [CELL] * 2, "strides": [CELL] * 2}),
        ("Transpose", ["cells"], "means", {"perm": [0, 2, 3, 1]}),
        ("MatMul", ["means", "weights"], "raw", {}),
        ("Add", ["raw", "biases"], "moved", {}),
        ("Sigmoid", ["moved"], "grid", {}),
        ("Reshape", ["grid", "shape"], "given", {}),
    ]
    constants = {"weights": weights, "biases": biases, "shape": np.array([1, *shape], np.int64)}
    return _file(path, made, nodes, constants, shape)


def _file(
    path: Path,
    made: Layer,
    nodes: list[tuple[str, list[str], str, dict[str, Any]]],
    constants: dict[str, np.ndarray],
    shape: tuple[int, ...],
) -> Path:
    from onnx import TensorProto, helper, numpy_helper

    name, kind = made.preprocessing.input_name, TensorProto.FLOAT
    graph = helper.make_graph(
        [
            helper.make_node(
                operator, [name if one == "pixels" else one for one in given], [found], **how
            )
            for operator, given, found, how in nodes
        ],
        "colours",
        [helper.make_tensor_value_info(name, kind, [1, HEIGHT, WIDTH, 3])],
        [helper.make_tensor_value_info("given", kind, [1, *shape])],
        [numpy_helper.from_array(values, key) for key, values in constants.items()],
    )
    inputs = np.stack([np.roll(picture(HEIGHT, WIDTH), 5 * k, 1) for k in range(3)])
    return proven_file(path, made, graph, inputs)
