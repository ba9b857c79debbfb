"""OpenCV in the agent, and how it reads an ONNX file's ends by itself."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from zoo.contracts import FileContents
from zoo.devices.agent.zoo_agent.common import AgentError
from zoo.devices.agent.zoo_agent.runtimes import opencv as code
from zoo.devices.agent.zoo_agent.runtimes.base import LoadRequest, Options
from zoo.devices.agent.zoo_agent.runtimes.onnxruntime import ORT_TYPES
from zoo.devices.agent.zoo_agent.runtimes.protobuf import onnx_signature
from zoo.devices.local.host import HostTransport
from zoo.devices.runtimes import RUNTIMES
from zoo.execution.failures import AgentRefused
from zoo.execution.session import AgentSession

EXAMPLES = np.random.default_rng(2).normal(size=(7, 4)).astype(np.float32)


@pytest.fixture(scope="module")
def opencv() -> Iterator[AgentSession]:
    pytest.importorskip("cv2")
    with AgentSession(HostTransport(), "opencv") as opened:
        yield opened


@pytest.mark.parametrize("name", ["onnx", "onnx_free"])
def test_an_onnx_file_says_what_onnxruntime_says(files: dict[str, Path], name: str) -> None:
    module = pytest.importorskip("onnxruntime")
    session = module.InferenceSession(str(files[name]), providers=["CPUExecutionProvider"])
    found = onnx_signature(files[name].read_bytes())
    for own, others in zip(found, (session.get_inputs(), session.get_outputs()), strict=True):
        assert [tensor["name"] for tensor in own] == [one.name for one in others]
        for tensor, one in zip(own, others, strict=True):
            sides = [side if isinstance(side, int) else None for side in one.shape]
            assert tensor["shape"] == sides
            assert tensor["dtype"] == ORT_TYPES[one.type[len("tensor(") : -1]]


@pytest.mark.parametrize("kept", [0, 1, 7, 40, 90])
def test_a_torn_onnx_file_is_refused(files: dict[str, Path], kept: int) -> None:
    with pytest.raises(AgentError):
        onnx_signature(files["onnx"].read_bytes()[:kept])


@pytest.mark.parametrize("data", [b"\xff" * 11, b"\x3a\x7f\x00", b"\x0b", b"plain text"])
def test_what_is_no_onnx_file_is_refused(data: bytes) -> None:
    with pytest.raises(AgentError, match=r"no ONNX file|no whole ONNX file"):
        onnx_signature(data)


@pytest.mark.parametrize("name", ["dense", "dense_by_two"])
def test_tflite_floats_agree(
    opencv: AgentSession, litert: AgentSession, files: dict[str, Path], name: str
) -> None:
    loaded, judged = opencv.load(files[name]), litert.load(files[name])
    assert (loaded.inputs, loaded.outputs) == (judged.inputs, judged.outputs)
    np.testing.assert_allclose(opencv.run(EXAMPLES), litert.run(EXAMPLES), atol=1e-6)


@pytest.mark.parametrize("name", ["onnx", "onnx_free"])
def test_onnx_floats_agree(
    opencv: AgentSession, onnxruntime: AgentSession, files: dict[str, Path], name: str
) -> None:
    loaded, judged = opencv.load(files[name]), onnxruntime.load(files[name])
    assert (loaded.inputs, loaded.outputs) == (judged.inputs, judged.outputs)
    np.testing.assert_allclose(opencv.run(EXAMPLES), onnxruntime.run(EXAMPLES), atol=1e-6)


def test_it_is_timed_and_its_operators_too(opencv: AgentSession, files: dict[str, Path]) -> None:
    loaded = opencv.load(files["onnx"], threads=2, purpose="timing")
    assert (loaded.api, loaded.threads) == ("cv2.dnn.Net.forward", 2)
    assert loaded.delegate["name"] == "OpenCV CPU, new engine"
    timed = opencv.bench(min_runs=20, min_seconds=0, max_seconds=9, warmup_seconds=0.01)
    assert timed.floors_met
    rows = opencv.profile(seconds=0.1).operators
    assert rows
    assert all(row.name for row in rows)


def test_integers_of_an_onnx_file_agree(
    opencv: AgentSession, onnxruntime: AgentSession, tmp_path: Path
) -> None:
    file = quantized_onnx(tmp_path / "int8.onnx")
    opencv.load(file)
    onnxruntime.load(file)
    # Both round sums of products to steps of 0.05; they may round a tie to either side.
    np.testing.assert_allclose(opencv.run(EXAMPLES), onnxruntime.run(EXAMPLES), atol=0.051)


def test_what_it_lacks_is_told_of_each_engine(opencv: AgentSession, files: dict[str, Path]) -> None:
    with pytest.raises(AgentRefused) as refusal:
        opencv.load(files["stateful"])
    assert refusal.value.kind == "CannotLoad"
    said = str(refusal.value)
    assert "the new engine: " in said
    assert "the classic engine: " in said
    assert "operators for ONNX files" in said
    assert "/modules/dnn" not in said, "places in its source help nobody"


def test_a_runtime_without_both_engines_is_too_old(files: dict[str, Path]) -> None:
    import types

    old = types.SimpleNamespace(__version__="4.11.0", dnn=types.SimpleNamespace())
    with pytest.raises(AgentError, match=r"OpenCV 4\.11\.0 is too old: 5\.0") as caught:
        code.open_model(old, LoadRequest(str(files["onnx"])), Options())
    assert caught.value.kind == "MissingRuntime"


def test_pictures_come_back_as_the_file_has_them() -> None:
    model = object.__new__(code._OpenCvModel)
    model._turned = True
    tensor: dict[str, Any] = {"name": "y", "shape": [1, 2, 3, 4], "dtype": "float32"}
    straight = np.arange(24, dtype=np.float32).reshape(1, 2, 3, 4)
    turned = np.ascontiguousarray(straight.transpose(0, 3, 1, 2))
    np.testing.assert_array_equal(model._as_in_file(tensor, straight), straight)
    np.testing.assert_array_equal(model._as_in_file(tensor, turned), straight)
    alike = {**tensor, "shape": [1, 2, 2, 2]}
    with pytest.raises(ValueError, match="channels of 'y' come first or last"):
        model._as_in_file(alike, np.zeros((1, 2, 2, 2), np.float32))
    with pytest.raises(ValueError, match=r"has the shape \(1, 5\)"):
        model._as_in_file({**tensor, "shape": [1, 4]}, np.zeros((1, 5), np.float32))


def test_hybrid_files_are_refused_before_they_are_tried() -> None:
    refusal = next(runtime.refusal for runtime in RUNTIMES if runtime.name == "opencv")
    assert refusal is not None

    def contents(**fields: Any) -> FileContents:
        plain: dict[str, Any] = {"operators": {}, "float_islands": (), "custom_operators": ()}
        numbers = ("integer_operators", "float_operators", "conversions", "weight_bytes")
        plain |= dict.fromkeys(numbers, 0) | {"inputs": (), "outputs": (), "dynamic_tensors": ()}
        return FileContents(**plain, payload_bytes=0, payload_sha256="", **fields)

    assert refusal(contents()) == ""
    assert "does not multiply real numbers by weights" in refusal(contents(hybrid_operators=1))


def quantized_onnx(path: Path) -> Path:
    """A dense layer with whole-number operands between a quantizer and a dequantizer."""
    onnx = pytest.importorskip("onnx")
    make, arrays = onnx.helper, onnx.numpy_helper
    weights = np.random.default_rng(5).integers(-100, 100, (4, 3)).astype(np.int8)
    constants = {
        "step": np.float32(0.05),
        "zero": np.int8(0),
        "weights": weights,
        "weight_step": np.float32(0.01),
        "weight_zero": np.int8(0),
    }
    nodes = [
        make.make_node("QuantizeLinear", ["x", "step", "zero"], ["xq"]),
        make.make_node("DequantizeLinear", ["xq", "step", "zero"], ["xd"]),
        make.make_node("DequantizeLinear", ["weights", "weight_step", "weight_zero"], ["wd"]),
        make.make_node("MatMul", ["xd", "wd"], ["p"]),
        make.make_node("QuantizeLinear", ["p", "step", "zero"], ["yq"]),
        make.make_node("DequantizeLinear", ["yq", "step", "zero"], ["y"]),
    ]
    floats = onnx.TensorProto.FLOAT
    graph = make.make_graph(
        nodes,
        "dense",
        [make.make_tensor_value_info("x", floats, [1, 4])],
        [make.make_tensor_value_info("y", floats, [1, 3])],
        [arrays.from_array(np.asarray(v), name) for name, v in constants.items()],
    )
    model = make.make_model(graph, opset_imports=[make.make_opsetid("", 17)], ir_version=8)
    path.write_bytes(model.SerializeToString())
    return path
