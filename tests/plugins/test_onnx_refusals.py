"""Weights beside an ONNX file, and files that cannot be brought in, by file, graph and operator."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from keras_makers import opened
from onnx_makers import i, model_of, nearest_mean, node, onnx, saved, values

from zoo.common.errors import BadFile, Unsupported, UsageError, ZooError
from zoo.networks.sources import files
from zoo.networks.sources.identity import identity_of
from zoo.plugins.onnx_files.opening import open_onnx
from zoo.registry import load_registry


def _external(folder: Path, location: str, *, length: int = 0) -> Path:
    """A model whose weights lie in another file."""
    model = nearest_mean()
    kernel = model.graph.initializer[0]
    data = kernel.raw_data
    kernel.ClearField("raw_data")
    kernel.data_location = onnx.TensorProto.EXTERNAL
    told = {"location": location, "offset": "0", "length": str(length or len(data))}
    for key, value in told.items():
        kernel.external_data.add(key=key, value=value)
    (folder / "weights.bin").write_bytes(data)
    return saved(folder / "net.onnx", model)


def test_weights_beside_the_file_are_read(tmp_path: Path) -> None:
    path = _external(tmp_path, "weights.bin")
    given = values(5, 8, 8, 1)
    whole = open_onnx(saved(tmp_path / "whole.onnx", nearest_mean()))
    np.testing.assert_array_equal(open_onnx(path).answers(given), whole.answers(given))
    source = load_registry().sources.get("onnx")
    (beside,) = source.files_beside(str(path))
    assert beside == tmp_path / "weights.bin"
    assert source.files_beside(str(tmp_path / "whole.onnx")) == []
    # Other weights of the same graph are another network.
    before = identity_of(path, [beside])
    beside.write_bytes(beside.read_bytes()[::-1])
    assert identity_of(path, [beside]) != before


@pytest.mark.parametrize("location", ["../weights.bin", "/etc/hostname", "link", "C:\\x", "a/../b"])
def test_weights_elsewhere_are_refused(tmp_path: Path, location: str) -> None:
    (tmp_path / "inner").mkdir()
    path = _external(tmp_path / "inner", location)
    (tmp_path / "inner" / "link").symlink_to(tmp_path / "inner" / "weights.bin")
    with pytest.raises(BadFile, match="is refused: its weights lie in"):
        open_onnx(path)


def test_weights_with_several_names_are_refused_and_the_way_out_is_told(tmp_path: Path) -> None:
    path = _external(tmp_path, "weights.bin")
    (tmp_path / "other").hardlink_to(tmp_path / "weights.bin")
    with pytest.raises(BadFile, match="a file with several hard links") as caught:
        open_onnx(path)
    command = str(caught.value.fix).partition(": ")[2]
    subprocess.run(["sh", "-c", command], cwd=tmp_path, check=True)
    open_onnx(path)


def test_weights_that_are_not_whole_are_refused(tmp_path: Path) -> None:
    path = _external(tmp_path, "weights.bin", length=10_000)
    with pytest.raises(BadFile, match="the weights kernel are not whole"):
        open_onnx(path)
    path = _external(tmp_path, "gone.bin")
    with pytest.raises(BadFile, match=r"there is no gone\.bin beside it"):
        open_onnx(path)


@pytest.mark.parametrize(
    ("spoil", "problem"),
    [
        (lambda whole: whole[: len(whole) // 2], "truncated or damaged"),
        (lambda whole: b"", "it is empty"),
        (lambda whole: b"no network", "does not begin as one"),
        (lambda whole: b"\x89HDF\r\n\x1a\n" + whole, "begins as an HDF5 file"),
        (lambda whole: b"\x1c\0\0\0TFL3" + whole, "begins as a TFLite file"),
        (lambda whole: b"PK\x03\x04" + whole, "begins as a zip archive"),
        (lambda whole: whole[:2], "it holds no graph"),
    ],
)
def test_a_bad_file_is_refused(
    tmp_path: Path, spoil: Callable[[bytes], bytes], problem: str
) -> None:
    path = tmp_path / "net.onnx"
    path.write_bytes(spoil(nearest_mean().SerializeToString()))
    with pytest.raises(BadFile) as caught:
        open_onnx(path)
    assert problem in str(caught.value)


def test_what_is_not_there_or_too_large(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(BadFile, match="cannot be read"):
        open_onnx(tmp_path / "none.onnx")
    path = _external(tmp_path, "weights.bin")
    whole = path.stat().st_size + (tmp_path / "weights.bin").stat().st_size
    for most in (path.stat().st_size - 1, whole - 1):  # the file, its weights
        monkeypatch.setattr(files, "MOST_BYTES", most)
        with pytest.raises(BadFile, match="is larger than"):
            open_onnx(path)
    monkeypatch.setattr(files, "MOST_BYTES", whole + 1000)
    open_onnx(path)
    model = onnx.load(path, load_external_data=False)
    (again,) = (one for one in model.graph.initializer if one.external_data)
    model.graph.initializer.add().CopyFrom(again)
    model.graph.initializer[-1].name = "again"
    with pytest.raises(BadFile, match="is larger than"):  # the same part of its file twice
        open_onnx(saved(path, model))


def _quantized() -> object:
    constants = {"s": np.float32(0.1), "z": np.uint8(0)}
    nodes = [node("QuantizeLinear", "x", "s", "z"), node("DequantizeLinear", "quantizelinear", "s")]
    return model_of(nodes, (1, 4), constants)


def _branching(*condition: object, **constants: object) -> object:
    """Either the network's ReLU or its negative, by ``c``."""
    inner = [
        onnx.helper.make_graph(
            [node(kind, "x", out="r")], kind, [], [onnx.helper.make_tensor_value_info("r", 1, None)]
        )
        for kind in ("Relu", "Neg")
    ]
    branch = onnx.helper.make_node(
        "If", ["c"], ["y"], name="choice", then_branch=inner[0], else_branch=inner[1]
    )
    return model_of([*condition, branch], (1, 4), constants)


def test_branches_are_decided_where_they_are_constant(tmp_path: Path) -> None:
    given = values(3, 4)
    for chosen, right in ((True, np.maximum(given, 0)), (False, -given)):
        opened = open_onnx(saved(tmp_path / "net.onnx", _branching(c=np.asarray(chosen))))
        np.testing.assert_array_equal(opened.model(given), right)
        np.testing.assert_array_equal(opened.answers(given), right)
    # As exporters write it: whether a side is 4, which it is.
    asked = [
        node("Shape", "x", out="s"),
        node("Gather", "s", "one", out="d"),
        node("Equal", "d", "four", out="c"),
    ]
    shaped = _branching(*asked, one=np.asarray(1), four=np.asarray(4))
    opened = open_onnx(saved(tmp_path / "net.onnx", shaped))
    np.testing.assert_array_equal(opened.model(given), np.maximum(given, 0))
    # By the input: named.
    asked = [node("ReduceMax", "x", out="m", keepdims=0), node("Greater", "m", "z", out="c")]
    opened = open_onnx(saved(tmp_path / "net.onnx", _branching(*asked, z=np.float32(0))))
    with pytest.raises(Unsupported, match="has branches or loops: 'choice' is an If") as caught:
        opened.model  # noqa: B018
    assert "one fixed shape" in str(caught.value.fix)


def _looping() -> object:
    body = onnx.helper.make_graph(
        [node("Identity", "on", out="still"), node("Relu", "h", out="r")],
        "body",
        [
            onnx.helper.make_tensor_value_info("n", onnx.TensorProto.INT64, ()),
            onnx.helper.make_tensor_value_info("on", onnx.TensorProto.BOOL, ()),
            onnx.helper.make_tensor_value_info("h", 1, None),
        ],
        [
            onnx.helper.make_tensor_value_info("still", onnx.TensorProto.BOOL, ()),
            onnx.helper.make_tensor_value_info("r", 1, None),
        ],
    )
    loop = onnx.helper.make_node("Loop", ["times", "", "x"], ["y"], name="again", body=body)
    return model_of([loop], (1, 4), {"times": np.asarray(3)})


@pytest.mark.parametrize(
    ("model", "problem", "fix"),
    [
        (_quantized, "is quantized already: 'quantizelinear' is a QuantizeLinear", "before it was"),
        (_looping, "has branches or loops: 'again' is a Loop", "--state INPUT=OUTPUT"),
        (
            lambda: model_of([node("Mine", "x", domain="me")], (1, 4)),
            "'mine' is a me:Mine, which ONNX does not have",
            "ONNX' own operators",
        ),
        (
            lambda: model_of([node("Relu", "x")], ()),
            "the input 'x' has no batch",
            "the shape of its input",
        ),
    ],
)
def test_what_no_network_can_be_made_of_is_refused(
    tmp_path: Path, model: Callable[[], object], problem: str, fix: str
) -> None:
    with pytest.raises(Unsupported) as caught:
        open_onnx(saved(tmp_path / "net.onnx", model()))
    assert problem in caught.value.what
    assert fix in str(caught.value.fix)


@pytest.mark.parametrize(
    ("model", "kind", "problem"),
    [
        (
            lambda: model_of([node("Hardmax", "x", out="where")], (1, 4)),
            Unsupported,
            "the operator Hardmax of 'where' cannot be brought in",
        ),
        (
            lambda: model_of([node("Relu", "x")], (1, 3, "height", "width")),
            UsageError,
            "their size is not in it",
        ),
        (
            lambda: model_of([node("Reshape", "x", "s")], ("n", 4), {"s": i(2, 4)}),
            ZooError,
            "is of another batch than one",
        ),
        (
            lambda: model_of([node("Relu", "x")], (1, 4), opset=90),
            ZooError,
            "cannot be opened by ONNX Runtime",
        ),
        (
            lambda: model_of([node("Reshape", "x", "s")], ("n", 4), {"s": i(2, 2)}),
            Unsupported,
            "the first axis of what it gives is not the batch",
        ),
        (
            lambda: model_of([node("Identity", "c")], (1, 4), {"c": values(1, 4)}),
            Unsupported,
            "does not depend on its input",
        ),
        (
            lambda: model_of(
                [
                    node("Dropout", "x", out=["kept", "mask"]),
                    node("Cast", "mask", to=1),
                    node("Mul", "kept", "cast"),
                ],
                (1, 4),
            ),
            Unsupported,
            "more of its results are read than the first",
        ),
        (
            lambda: model_of([node("Conv", "x", "w")], (1, 4, 8, 8), {"w": values(2, 3, 3, 3)}),
            Unsupported,
            "weights for 3 channels, and its input has 4",
        ),
    ],
)
def test_what_cannot_be_brought_in_is_named(
    tmp_path: Path, model: Callable[[], object], kind: type[ZooError], problem: str
) -> None:
    opened = open_onnx(saved(tmp_path / "net.onnx", model()))
    with pytest.raises(kind) as caught:
        _ = opened.model
    assert problem in caught.value.what + str(caught.value.why)
    assert caught.value.fix


def test_nodes_of_one_name_are_told_apart(tmp_path: Path) -> None:
    """ONNX Runtime refuses them, though it needs no names."""
    twice = [node("Relu", "x", name="n"), node("Sigmoid", "relu", name="n")]
    more = [node("Neg", "sigmoid", name="n_2"), node("Abs", "neg"), node("Tanh", "abs")]
    opened = open_onnx(saved(tmp_path / "net.onnx", model_of([*twice, *more], (1, 4))))
    given = values(3, 4)
    right = np.tanh(1 / (1 + np.exp(-np.maximum(given, 0))))
    np.testing.assert_allclose(opened.answers(given), right, atol=1e-6)
    np.testing.assert_allclose(opened.model(given), right, atol=1e-6)


def test_numbers_without_a_kernel_are_named(tmp_path: Path) -> None:
    kind = onnx.TensorProto.BFLOAT16
    weights = onnx.helper.make_tensor("w", kind, (4, 2), np.ones(8).tolist())
    product = [node("Cast", "x", to=kind), node("MatMul", "cast", "w")]
    model = model_of([*product, node("Cast", "matmul", out="y", to=1)], (1, 4))
    model.graph.initializer.append(weights)
    opened = open_onnx(saved(tmp_path / "net.onnx", model))
    with pytest.raises(Unsupported, match="the operator MatMul of 'matmul' cannot") as caught:
        opened.answers(values(1, 4))
    assert "in bfloat16" in str(caught.value.why)
    assert "model.float()" in str(caught.value.fix)


_CONSTANTS = {"k": i(2), "axis": np.asarray(1), "grid": values(1, 2, 2, 2)}


@pytest.mark.parametrize(
    ("made", "shape", "fix"),
    [
        (node("GridSample", "x", "grid", name="one"), (1, 1, 4, 4), "without it"),
        (node("TopK", "x", "k", out=["v", "n"], name="one"), (1, 4), "ends in what 'one' takes"),
        (node("ArgMax", "x", name="one", axis=1), (1, 4), "compute ArgMax of its outputs"),
        (node("ArgMin", "x", name="one", axis=1), (1, 4), "compute ArgMin of its outputs"),
        (node("NonZero", "x", name="one"), (1, 4), "in your program"),
        (node("Unique", "x", name="one"), (1, 4), "in your program"),
        (node("CumSum", "x", "axis", name="one"), (1, 4), "docs/sources.md"),
        (node("Det", "x", name="one"), (1, 4, 4), "docs/sources.md"),
        (node("Cast", "x", name="one", to=8), (1, 4), "docs/sources.md"),
    ],
    ids=lambda one: getattr(one, "op_type", ""),
)
def test_operators_without_layers_are_named(
    tmp_path: Path, made: Any, shape: tuple[int, ...], fix: str
) -> None:
    model = model_of([made], shape, _CONSTANTS)
    types = {"ArgMax": 7, "ArgMin": 7, "NonZero": 7, "Cast": 8}
    model.graph.output[0].type.tensor_type.elem_type = types.get(made.op_type, 1)
    opened = open_onnx(saved(tmp_path / "net.onnx", model))
    with pytest.raises(Unsupported) as caught:
        _ = opened.model
    said = f"net.onnx: the operator {made.op_type} of 'one' cannot be brought in"
    assert caught.value.what == said
    assert caught.value.why
    assert fix in str(caught.value.fix)


def test_several_inputs_or_outputs_are_refused(tmp_path: Path) -> None:
    model = nearest_mean()
    model.graph.output.append(onnx.helper.make_tensor_value_info("gemm", 1, None))
    file = saved(tmp_path / "net.onnx", model)
    with pytest.raises(Unsupported, match=r"net\.onnx has 2 outputs: softmax"):
        opened(file, tmp_path / "made", source="onnx")
    with pytest.raises(Unsupported, match="has 2 outputs"):
        _ = open_onnx(file).model
