"""tf2onnx without its copies: the same files, and those that need the copies still get them."""

from __future__ import annotations

import copy
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tiny_networks import ONNX, Deployed, deployed, write

from zoo.exporters.onnx import converter_memory


@pytest.fixture(scope="module")
def network() -> Deployed:
    import keras

    layers = keras.layers
    keras.utils.set_random_seed(3)
    pixels = keras.Input((8, 8, 1))
    x = layers.Conv2D(4, 3, activation="relu", name="conv")(pixels)
    x = layers.BatchNormalization()(layers.DepthwiseConv2D(3, name="depthwise")(x))
    outputs = layers.Dense(3, name="head")(layers.GlobalAveragePooling2D()(x))
    inputs = np.random.default_rng(1).normal(size=(4, 8, 8, 1)).astype(np.float32)
    return deployed(keras.Model(pixels, outputs), lambda raw: raw, inputs, inputs)


def content(path: Path) -> tuple[list[Any], list[Any]]:
    """Nodes and constants without their names, which the converter numbers on in one process."""
    import onnx

    graph = onnx.load(path).graph
    nodes = [(node.op_type, [*map(str, node.attribute)]) for node in graph.node]
    return nodes, sorted((tuple(one.dims), one.raw_data) for one in graph.initializer)


class Copies:
    """Stands in for the module `copy`, and counts the graphs that are copied."""

    def __init__(self) -> None:
        self.graphs = 0

    def deepcopy(self, value: Any, *rest: Any) -> Any:
        self.graphs += type(value).__name__ == "Graph"
        return copy.deepcopy(value, *rest)


@pytest.fixture
def copies(monkeypatch: pytest.MonkeyPatch) -> Copies:
    counted = Copies()
    monkeypatch.setattr("tf2onnx.optimizer.copy", counted)
    return counted


def test_no_graph_is_copied_and_the_file_is_the_same(
    network: Deployed, copies: Copies, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = content(write(ONNX, network, tmp_path, "float32")[0])
    assert copies.graphs == 0
    monkeypatch.setattr("zoo.exporters.onnx.conversion.with_few_copies", lambda convert: convert())
    assert content(write(ONNX, network, tmp_path, "float32")[0]) == made
    assert copies.graphs > 10  # what the first half must not see


def test_an_optimization_that_fails_is_left_out(
    network: Deployed, copies: Copies, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tf2onnx.optimizer.identity_optimizer import IdentityOptimizer

    def fail(*_: Any) -> Any:
        raise KeyError("its own fault")

    monkeypatch.setenv("TF2ONNX_CATCH_ERRORS", "as it was")
    monkeypatch.setattr(IdentityOptimizer, "_optimize", fail)
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("TF2ONNX_CATCH_ERRORS")
        _, contents = write(ONNX, network, tmp_path, "float32")
    assert copies.graphs > 10
    assert contents.operators["Identity"]
    assert os.environ["TF2ONNX_CATCH_ERRORS"] == "as it was"


def test_nodes_are_written_into_messages_of_their_own() -> None:
    """One message that is written anew again and again keeps what every former writing took."""
    import onnx
    from tf2onnx.graph import Graph, Node

    before = Node.update_proto
    graph = Graph([], output_shapes={}, dtypes={})
    weights = onnx.helper.make_tensor("w", onnx.TensorProto.FLOAT, [2], [1.0, 2.0])
    told = onnx.helper.make_node("Constant", [], ["w"], "w", doc_string="why", value=weights)
    node = Node(told, graph)

    def convert() -> Any:
        first = node.op
        node.update_proto()
        return first

    first = converter_memory.with_few_copies(convert)
    assert node.op is not first
    assert node.op == told
    assert Node.update_proto is before
