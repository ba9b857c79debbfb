"""Tiny real files, built in milliseconds, and the agent in front of each runtime."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from textwrap import dedent

import numpy as np
import pytest
from adb_server import AdbServer

from zoo.devices.local.host import HostTransport
from zoo.execution.session import AgentSession

WEIGHTS = np.random.default_rng(0).normal(size=(3, 4)).astype(np.float32)
BIAS = np.random.default_rng(1).normal(size=3).astype(np.float32)


def tflite_file(
    path: Path,
    operator: str,
    options: object,
    tensors: list[tuple[str, tuple[int, ...], str, np.ndarray | None, tuple[float, int] | None]],
    variable: str | None = None,
    version: int = 1,
) -> Path:
    """A TFLite file with one operator: the last tensor is its output, the first its input."""
    import flatbuffers
    from ai_edge_litert import schema_py_generated as schema

    model, graph = schema.ModelT(), schema.SubGraphT()
    model.version, model.buffers = 3, [schema.BufferT()]
    graph.tensors, graph.inputs, graph.outputs = [], [0], [len(tensors) - 1]
    for name, shape, dtype, values, quantization in tensors:
        tensor = schema.TensorT()
        tensor.name, tensor.shape = name, list(shape)
        tensor.type = getattr(schema.TensorType, dtype)
        tensor.isVariable = name == variable
        if values is not None:
            buffer = schema.BufferT()
            buffer.data = np.frombuffer(values.tobytes(), np.uint8)
            tensor.buffer = len(model.buffers)
            model.buffers.append(buffer)
        if quantization is not None:
            parameters = schema.QuantizationParametersT()
            parameters.scale, parameters.zeroPoint = [quantization[0]], [quantization[1]]
            tensor.quantization = parameters
        graph.tensors.append(tensor)
    code, node = schema.OperatorCodeT(), schema.OperatorT()
    code.version = version
    code.builtinCode = code.deprecatedBuiltinCode = getattr(schema.BuiltinOperator, operator)
    node.inputs, node.outputs = list(range(len(tensors) - 1)), [len(tensors) - 1]
    node.builtinOptions = options
    node.builtinOptionsType = getattr(schema.BuiltinOptions, type(options).__name__[:-1])
    graph.operators, model.operatorCodes, model.subgraphs = [node], [code], [graph]
    builder = flatbuffers.Builder(1024)
    builder.Finish(model.Pack(builder), b"TFL3")
    path.write_bytes(bytes(builder.Output()))
    return path


@pytest.fixture(scope="session")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Files by name: what each computes is in the tests that use it."""
    schema = pytest.importorskip("ai_edge_litert.schema_py_generated")
    folder = tmp_path_factory.mktemp("files")
    made = {}
    for name, batch in (("dense", 1), ("dense_by_two", 2)):
        made[name] = tflite_file(
            folder / f"{name}.tflite",
            "FULLY_CONNECTED",
            schema.FullyConnectedOptionsT(),
            [
                ("x", (batch, 4), "FLOAT32", None, None),
                ("w", (3, 4), "FLOAT32", WEIGHTS, None),
                ("b", (3,), "FLOAT32", BIAS, None),
                ("y", (batch, 3), "FLOAT32", None, None),
            ],
        )
    made["wide"] = tflite_file(
        folder / "wide.tflite",
        "FULLY_CONNECTED",
        schema.FullyConnectedOptionsT(),
        [
            ("x", (1, 768), "FLOAT32", None, None),
            ("w", (768, 768), "FLOAT32", np.resize(WEIGHTS, (768, 768)), None),
            ("b", (768,), "FLOAT32", np.resize(BIAS, 768), None),
            ("y", (1, 768), "FLOAT32", None, None),
        ],
    )
    steps = np.rint(WEIGHTS / 0.02).clip(-127, 127).astype(np.int8)
    made["dense_int8"] = tflite_file(
        folder / "dense_int8.tflite",
        "FULLY_CONNECTED",
        schema.FullyConnectedOptionsT(),
        [
            ("x", (1, 4), "INT8", None, (0.5, -3)),
            ("w", (3, 4), "INT8", steps, (0.02, 0)),
            ("b", (3,), "INT32", np.array([5, -7, 9], np.int32), (0.01, 0)),
            ("y", (1, 3), "INT8", None, (0.25, 4)),
        ],
    )
    made["cast"] = tflite_file(
        folder / "cast.tflite",
        "CAST",
        schema.CastOptionsT(),
        [("x", (1, 4), "INT64", None, None), ("y", (1, 4), "FLOAT32", None, None)],
    )
    made["too_new"] = tflite_file(
        folder / "too_new.tflite",
        "CAST",
        schema.CastOptionsT(),
        [("x", (1, 4), "INT64", None, None), ("y", (1, 4), "FLOAT32", None, None)],
        version=99,
    )
    recurrent = schema.RNNOptionsT()
    recurrent.fusedActivationFunction = schema.ActivationFunctionType.TANH
    made["stateful"] = tflite_file(
        folder / "stateful.tflite",
        "RNN",
        recurrent,
        [
            ("x", (1, 4), "FLOAT32", None, None),
            ("w", (3, 4), "FLOAT32", WEIGHTS, None),
            ("u", (3, 3), "FLOAT32", np.ones((3, 3), np.float32), None),
            ("b", (3,), "FLOAT32", BIAS, None),
            ("h", (1, 3), "FLOAT32", None, None),
            ("y", (1, 3), "FLOAT32", None, None),
        ],
        variable="h",
    )
    made.update(onnx_files(folder))
    return made


def onnx_files(folder: Path) -> dict[str, Path]:
    """ONNX files: a dense layer with a static and a free batch, and a sum of two inputs."""
    pytest.importorskip("onnxruntime")
    onnx = pytest.importorskip("onnx")
    from onnx import TensorProto, helper, numpy_helper

    def save(
        name: str, nodes: list[object], inputs: dict[str, list[object]], width: int = 3
    ) -> Path:
        value = helper.make_tensor_value_info
        graph = helper.make_graph(
            nodes,
            name,
            [value(key, TensorProto.FLOAT, shape) for key, shape in inputs.items()],
            [value("y", TensorProto.FLOAT, [next(iter(inputs.values()))[0], width])],
            [numpy_helper.from_array(WEIGHTS, "w"), numpy_helper.from_array(BIAS, "b")]
            if name != "sum"
            else [],
        )
        opsets = [helper.make_opsetid("", 17)]
        model = helper.make_model(graph, opset_imports=opsets, ir_version=9)
        onnx.save(model, folder / f"{name}.onnx")
        return folder / f"{name}.onnx"

    gemm = helper.make_node("Gemm", ["x", "w", "b"], ["y"], transB=1)
    add = helper.make_node("Add", ["a", "b"], ["y"])
    return {
        "onnx": save("onnx", [gemm], {"x": [1, 4]}),
        "onnx_free": save("onnx_free", [gemm], {"x": ["batch", 4]}),
        "sum": save("sum", [add], {"a": [1, 4], "b": [1, 4]}, width=4),
    }


@pytest.fixture(scope="module")
def litert() -> Iterator[AgentSession]:
    """One agent with LiteRT for all tests of a module."""
    with AgentSession(HostTransport(), "litert") as session:
        yield session


@pytest.fixture(scope="module")
def onnxruntime() -> Iterator[AgentSession]:
    """One agent with ONNX Runtime for all tests of a module."""
    with AgentSession(HostTransport(), "onnxruntime") as session:
        yield session


@pytest.fixture
def fake_runtime(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, str], None]:
    """Puts a module in place of ONNX Runtime whose import and run do what a test wants."""

    def install(on_import: str, on_run: str) -> None:
        code = f"""
        import os, signal, sys, time
        import numpy as np
        {on_import}

        class ExecutionMode:
            ORT_SEQUENTIAL = 0

        class SessionOptions:
            pass

        class Value:
            name, shape, type = "x", [1, 4], "tensor(float)"

        def disable_telemetry_events():
            pass

        def get_available_providers():
            return ["CPUExecutionProvider"]

        class InferenceSession:
            def __init__(self, path, options, providers):
                self.options = options

            def get_inputs(self):
                return [Value()]

            get_outputs = get_inputs

            def get_providers(self):
                return ["CPUExecutionProvider"]

            def run(self, names, feed):
                {on_run}
                return [feed["x"]]
        """
        (tmp_path / "onnxruntime.py").write_text(dedent(code))
        monkeypatch.setenv("PYTHONPATH", str(tmp_path))

    return install


@pytest.fixture
def server(tmp_path: Path) -> Iterator[AdbServer]:
    """A phone behind an ADB server."""
    pytest.importorskip("adbutils")
    folder = tmp_path / "phone"
    folder.mkdir()
    made = AdbServer(folder)
    yield made
    made.close()
