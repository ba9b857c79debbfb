"""ONNX files are read as data before ONNX Runtime opens them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from keras_makers import opened
from onnx_makers import i, model_of, nearest_mean, node, onnx, saved, values
from safetensors.numpy import load_file

from zoo.common.errors import UsageError
from zoo.networks.card import read_card
from zoo.networks.sources.describing import describe
from zoo.networks.sources.inputs import check_layout
from zoo.plugins.keras_files.opening import network_of
from zoo.plugins.onnx_files import recognises
from zoo.plugins.onnx_files.conversion import CONVERTERS
from zoo.plugins.onnx_files.opening import OnnxNetwork, open_onnx
from zoo.registry import PluginSettings, load_registry


def test_a_file_is_opened_channels_last(tmp_path: Path) -> None:
    found = open_onnx(saved(tmp_path / "net.onnx", nearest_mean()))
    assert [(t.name, t.dtype, t.shape) for t in found.inputs] == [("x", "float32", (None, 8, 8, 1))]
    assert [t.name for t in found.outputs] == ["softmax"]
    assert recognises("A.ONNX")
    assert not recognises("net.keras")


def test_a_stated_order_of_axes_is_held_against_the_file(tmp_path: Path) -> None:
    import keras

    layers = [keras.Input((8, 8, 1)), keras.layers.Flatten(), keras.layers.Dense(2)]
    ours = network_of(keras.Sequential(layers))
    theirs = open_onnx(saved(tmp_path / "net.onnx", nearest_mean()))
    for network, right, wrong, place in (
        (theirs, "nchw", "nhwc", "first"),
        (ours, "nhwc", "nchw", "last"),
    ):
        check_layout(network, None, "net")
        check_layout(network, right, "net")
        with pytest.raises(UsageError, match=f"says {wrong}, and net has its channels {place}"):
            check_layout(network, wrong, "net")


def answers_on_digits(weights: Path) -> np.ndarray:
    """The converted network's logits of raw images."""
    from zoo.data.opening import open_dataset
    from zoo.data.preprocessing.inputs import normalize, read_inputs
    from zoo.networks.loading import Subject, load_model
    from zoo.registry import PluginSettings

    made = load_model(Subject(model=str(weights), plugins=PluginSettings()))
    split = open_dataset(load_registry(), "digits").splits["test"]
    raw = read_inputs(split, made.preprocessing, range(50))
    return np.asarray(made.network(normalize(raw, made.preprocessing), training=False))


def test_a_network_is_brought_in(tmp_path: Path) -> None:
    """Its softmax is taken off, its classes come from its metadata, in the order of the data."""
    plain = opened(saved(tmp_path / "net.onnx", nearest_mean()), tmp_path / "plain", source="onnx")
    came = read_card(plain.with_suffix(".toml")).network
    assert came is not None
    assert came.source == "onnx"
    assert came.input.startswith("measured: 0..1, grey, 9")
    logits = answers_on_digits(plain)
    assert logits.max() > 1  # no probabilities
    order = [3, 1, 4, 0, 5, 9, 2, 6, 8, 7]
    turned = nearest_mean(metadata={"names": str({i: str(c) for i, c in enumerate(order)})})
    for tensor in turned.graph.initializer:
        values = onnx.numpy_helper.to_array(tensor)[..., order]
        tensor.CopyFrom(onnx.numpy_helper.from_array(values, tensor.name))
    again = opened(saved(tmp_path / "net.onnx", turned), tmp_path / "turned", source="onnx")
    np.testing.assert_allclose(answers_on_digits(again), logits, atol=1e-5)


def test_numbers_of_16_bits_become_those_of_32(tmp_path: Path) -> None:
    from onnxruntime.transformers.float16 import convert_float_to_float16

    half = saved(tmp_path / "half.onnx", convert_float_to_float16(nearest_mean()))
    assert open_onnx(half).inputs[0].dtype == "float16"
    assert open_onnx(half).in_half
    assert not open_onnx(saved(tmp_path / "net.onnx", nearest_mean())).in_half
    made = opened(half, tmp_path / "made", source="onnx")
    assert {w.dtype for w in load_file(made).values()} == {np.dtype(np.float32)}


def test_free_sizes_are_fixed_by_what_is_stated(tmp_path: Path) -> None:
    file = saved(tmp_path / "net.onnx", nearest_mean(size=("height", "width")))
    assert open_onnx(file).inputs[0].shape == (None, None, None, 1)
    with pytest.raises(UsageError, match="the size of its images is not in it"):
        opened(file, tmp_path / "none", source="onnx")
    opened(file, tmp_path / "made", source="onnx", input="8x8 nchw")
    size = nearest_mean(size=("height", "width"), metadata={"imgsz": "[8, 8]"})
    opened(saved(file, size), tmp_path / "again", source="onnx")
    told = describe(source="onnx", reference=str(file), plugins=PluginSettings(), emit=len)
    assert told["inputs"] == ["x float32 ?×?×?×1"]


@pytest.mark.parametrize(
    ("metadata", "classes", "stated"),
    [
        ({"names": "{0: 'a', 1: 'b'}"}, ("a", "b"), ""),
        ({"classes": '["a", "b"]'}, ("a", "b"), ""),
        ({"names": '{"1": "b", "0": "a"}'}, ("a", "b"), ""),
        ({"names": "{0: 'a', 2: 'b'}"}, (), ""),
        ({"names": "__import__('os').system('touch x')"}, (), ""),
        ({"names": "(" * 100_000}, (), ""),
        ({"names": "[1, 2]", "imgsz": "[8, 8]"}, (), ""),
        ({"Image.BitmapPixelFormat": "Bgr8"}, (), "bgr"),
        (
            {"Image.NominalPixelRange": "Normalized_1_1", "Image.BitmapPixelFormat": "Gray8"},
            (),
            "grey -1..1",
        ),
    ],
)
def test_metadata_are_read_as_data(
    metadata: dict[str, str], classes: tuple[str, ...], stated: str
) -> None:
    found = OnnxNetwork(model_of([node("Relu", "x")], (1, 3, 8, 8), metadata=metadata), "net.onnx")
    assert found.classes == classes
    assert found.stated == stated


def test_constants_among_the_inputs_are_none(tmp_path: Path) -> None:
    """As files of old operator sets name them."""
    model = model_of([node("Mul", "x", "c")], (1, 4), {"c": np.float32(2)})
    model.graph.input.append(onnx.helper.make_tensor_value_info("c", 1, ()))
    found = open_onnx(saved(tmp_path / "net.onnx", model))
    assert [tensor.name for tensor in found.inputs] == ["x"]
    given = values(3, 4)
    np.testing.assert_array_equal(np.asarray(found.model(given)), found.answers(given))


def test_channels_are_found_where_they_are() -> None:
    """By the convolution that reads them, behind other operators; else by their number."""
    first = [node("Relu", "x"), node("Conv", "relu", "w")]
    last = [node("Transpose", "x", perm=[0, 3, 1, 2]), node("Conv", "transpose", "w")]
    w = {"w": values(2, 3, 1, 1)}
    flat, shape = [node("Flatten", "x")], (None, 3, 3, 3)
    for nodes, given, weights, found in (
        (first, ("n", 3, 3, 3), w, shape),
        (last, ("n", 3, 3, 3), w, shape),
        (first, ("n", 3, 5, 4), w, (None, 5, 4, 3)),
        (last, ("n", 5, 4, 3), w, (None, 5, 4, 3)),
        (flat, ("n", 3, 5, 4), {}, (None, 5, 4, 3)),
        (flat, ("n", 5, 4, 3), {}, (None, 5, 4, 3)),
        (flat, ("n", 5, 4), {}, (None, 5, 4)),
        (flat, (0, 3, -1, 0), {}, (None, None, None, 3)),
    ):
        opened_network = OnnxNetwork(model_of(nodes, given, weights), "net.onnx")
        assert opened_network.inputs[0].shape == found
    # A batch that the graph holds for one alone is run one by one.
    flat = [node("Conv", "x", "w"), node("Reshape", "conv", "s")]
    one = OnnxNetwork(model_of(flat, ("n", 3, 5, 4), {**w, "s": i(1, 40)}), "net.onnx")
    given = values(2, 5, 4, 3)
    ours = np.asarray(one.model(given, training=False))
    np.testing.assert_allclose(one.answers(given), ours, atol=1e-5)


def test_gelu_is_one_function_and_shuffles_move_once() -> None:
    """In files for devices, a pattern of five operators is one, and images stay as they are."""
    nodes = [
        node("Conv", "x", "w", out="y", name="input"),
        node("Div", "y", "r"),
        node("Erf", "div"),
        node("Add", "erf", "one"),
        node("Mul", "y", "add", out="m"),
        node("Mul", "m", "half", out="e"),
        node("Reshape", "e", "apart"),
        node("Transpose", "reshape", perm=[0, 2, 1, 3, 4]),
        node("Reshape", "transpose", "joined", out="z"),
        node("Conv", "z", "v", out="end"),
        node("Flatten", "end"),
        node("Gemm", "flatten", "k"),
    ]
    constants = {"w": values(4, 3, 1, 1), "r": np.float32(2**0.5), "one": np.float32(1)}
    constants |= {"half": np.float32(0.5), "apart": i(1, 2, 2, 5, 5), "joined": i(1, 4, 5, 5)}
    constants |= {"v": values(2, 4, 3, 3), "k": values(18, 2)}
    network = OnnxNetwork(model_of(nodes, (1, 3, 5, 5), constants), "net.onnx").model
    kinds = [type(one).__name__ for one in network.operations]
    assert kinds.count("Gelu") == 1
    assert "Erf" not in kinds
    assert kinds.count("Permute") == 1


def test_forms_of_one_graph_are_the_same_network(tmp_path: Path) -> None:
    """Functions, sparse constants, unread operators, branches in 64 bits."""
    helper, given = onnx.helper, values(3, 4)
    kernel = np.float32([[0, 2, 0], [0, 0, -1], [3, 0, 0], [0, 0, 0.5]])
    plain = model_of([node("MatMul", "x", "w"), node("Relu", "matmul")], (1, 4), {"w": kernel})
    right = np.maximum(given @ kernel, 0)

    def same(model: Any) -> None:
        network = open_onnx(saved(tmp_path / "net.onnx", model))
        for found in (network.model(given), network.answers(given)):
            np.testing.assert_allclose(found, right, atol=1e-6)

    same(plain)
    body = [helper.make_node("Relu", ["a"], ["b"])]
    function = helper.make_function("own", "F", ["a"], ["b"], body, plain.opset_import)
    calls = [node("MatMul", "x", "w"), node("F", "matmul", domain="own")]
    called = model_of(calls, (1, 4), {"w": kernel})
    called.functions.append(function)
    same(called)
    for places in (np.flatnonzero(kernel), np.argwhere(kernel)):
        sparse = model_of([*plain.graph.node], (1, 4))
        values_of = onnx.numpy_helper.from_array(kernel[kernel != 0], "w")
        stored = onnx.numpy_helper.from_array(places.astype(np.int64), "places")
        sparse.graph.sparse_initializer.append(
            helper.make_sparse_tensor(values_of, stored, kernel.shape)
        )
        same(sparse)
    unread = [*plain.graph.node, node("NonZero", "relu"), node("Shape", "nonzero")]
    same(model_of(unread, (1, 4), {"w": kernel}, out="relu"))
    wide = [
        helper.make_graph(
            [
                helper.make_node("Cast", ["matmul"], ["d"], to=onnx.TensorProto.DOUBLE),
                helper.make_node(kind, ["d"], ["e"]),
                helper.make_node("Cast", ["e"], [kind], to=onnx.TensorProto.FLOAT),
            ],
            kind,
            [],
            [helper.make_tensor_value_info(kind, onnx.TensorProto.FLOAT, (1, 3))],
        )
        for kind in ("Relu", "Neg")
    ]
    branch = helper.make_node("If", ["c"], ["y"], then_branch=wide[0], else_branch=wide[1])
    chosen = {"w": kernel, "c": np.asarray(True)}
    same(model_of([node("MatMul", "x", "w"), branch], (1, 4), chosen))


def test_operators_are_listed() -> None:
    text = Path("docs/sources.md").read_text(encoding="utf-8")
    listed = text.split("## ONNX files")[1].split("```text\n")[1].split("```")[0].split()
    assert listed == sorted({*CONVERTERS, "Shape", "Size"})
