"""Valid records with one field changed, tiny real files, and plugins as text."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import fields
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
from hypothesis import HealthCheck, settings

import zoo
from zoo.artifacts.artifact import DatasetReference, Manifest
from zoo.contracts import (
    Architecture,
    Check,
    Comparison,
    Dataset,
    DatasetProvider,
    DeviceKind,
    Executor,
    Exporter,
    FileContents,
    ImagePreprocessing,
    Output,
    Preprocessing,
    Runtime,
    Source,
    Split,
    Target,
    Task,
    TensorInfo,
    Tracker,
    Truth,
    Variant,
    WeightsSource,
)
from zoo.contracts.plugin import Plugin
from zoo.registry import PluginSettings, Registry

#: Examples of hypothesis take what they take.
fuzz = settings(
    deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture]
)

ROOT = Path(zoo.__file__).parents[1]


def nothing(*_: Any, **__: Any) -> Any:
    """Stands for a function that the test never calls."""
    raise AssertionError("not to be called")


def preprocessing(**changes: Any) -> Preprocessing:
    return ImagePreprocessing(**{"height": 8, "width": 8, "channels": 1, **changes})


def variant(**changes: Any) -> Variant:
    values = {"name": "tiny8", "classes": 3, "parameters": 10, "multiply_adds": 20}
    return Variant(**{**values, "preprocessing": preprocessing(), **changes})


def architecture(**changes: Any) -> Architecture:
    values = {"name": "tiny", "summary": "one layer", "source": "here", "build": nothing}
    return Architecture(**{**values, "variants": (variant(),), **changes})


def official(**changes: Any) -> WeightsSource:
    values = {
        "variant": "tiny8",
        "tag": "in1k",
        "url": "https://example.org/tiny8.pth",
        "classes": tuple,
        "dataset": "photos",
    }
    return WeightsSource(
        **{**values, "layers": list, "framework": "torch", "licence": "CC0-1.0", **changes}
    )


def split(labels: Any = (0, 1, 2), dtype: str = "int64") -> Split:
    return Split(labels=np.array(labels, dtype), read=nothing, content_hash="0" * 64)


def truth(labels: Any, classes: tuple[str, ...] = ("a", "b", "c")) -> Truth:
    return Truth(
        labels=np.asarray(labels),
        classes=classes,
        examples=split(),
        held_out=split(),
        preprocessing=preprocessing(),
    )


def dataset(**changes: Any) -> Dataset:
    splits = {"train": split(), "validation": split(), "test": split()}
    values = {"name": "photos", "classes": ("a", "b", "c"), "splits": splits}
    return Dataset(**{**values, "content_hash": "0" * 64, **changes})


def provider(**changes: Any) -> DatasetProvider:
    values = {"name": "photos", "summary": "some", "tasks": ("image-classification",)}
    return DatasetProvider(**{**values, "open": nothing, "fingerprint": nothing, **changes})


def device(**changes: Any) -> DeviceKind:
    return DeviceKind(**{"name": "board", "summary": "a board", "driver": nothing, **changes})


def target(**changes: Any) -> Target:
    values = {"name": "board", "summary": "a processor", "source": "this file"}
    return Target(**{**values, "precisions": ("int8",), **changes})


def runtime(**changes: Any) -> Runtime:
    values = {"name": "mill", "summary": "grinds", "formats": ("stone",), "module": "json"}
    return Runtime(**{**values, "distributions": ("mill",), **changes})


def source(**changes: Any) -> Source:
    given = {"name": "s", "summary": "s", "recognises": nothing, "local": Path, "open": nothing}
    return Source(**(given | changes))


def executor(**changes: Any) -> Executor:
    return Executor(**{"name": "e", "summary": "s", **changes})


def tracker(**changes: Any) -> Tracker:
    return Tracker(**{"name": "t", "summary": "s", "argument": "X", "open": nothing, **changes})


def exporter(**changes: Any) -> Exporter:
    values = {
        "name": "stone",
        "summary": "a slab",
        "suffix": ".stone",
        "precisions": ("float32",),
        "export": nothing,
        "inspect": nothing,
        "read_manifest": nothing,
        "write_manifest": nothing,
        "recognises": nothing,
        "runtimes": ("chisel",),
        "extra": "all",
    }
    return Exporter(**{**values, **changes})


class Guess(Task):
    """A task of which only the record is looked at."""

    activation = compile = compare = parity = evaluate = accuracy = nothing


def task(**changes: Any) -> Task:
    values = {"name": "guess", "summary": "guesses", "outputs": (Output(name="guess"),)}
    return Guess(**{**values, **changes})


def compiled_by(task: Task, compile: Callable[[Any, Any, Any], str]) -> Task:
    """The task with another loss."""
    own = type("Own", (type(task),), {"compile": staticmethod(compile)})
    made: Task = own(**{field.name: getattr(task, field.name) for field in fields(task)})
    return made


def contents(**changes: Any) -> FileContents:
    """A file that is integer throughout."""
    values = {
        "inputs": (TensorInfo(name="pixels", shape=(1, 8, 8, 1), dtype="uint8"),),
        "outputs": (TensorInfo(name="probabilities", shape=(1, 3), dtype="uint8"),),
        "operators": {"CONV_2D": 2},
        "integer_operators": 2,
        "float_operators": 0,
        "float_islands": (),
        "conversions": 0,
        "custom_operators": (),
        "dynamic_tensors": (),
        "weight_bytes": 10,
        "payload_bytes": 100,
        "payload_sha256": "1" * 64,
    }
    return FileContents(**{**values, **changes})


def comparison(**changes: Any) -> Comparison:
    values = {"count": 100, "max_abs": 1e-6, "mean_abs": 1e-7, "agreement": 1.0}
    return Comparison(**{**values, **changes})


def manifest(**changes: Any) -> Manifest:
    values = {
        "model_id": "tiny8.photos",
        "architecture": "tiny",
        "task": "image-classification",
        "format": "stone",
        "precision": "float32",
        "licence": "CC0-1.0",
        "classes": ("a", "b", "c"),
        "weights_sha256": "2" * 64,
        "dataset": DatasetReference(name="photos", content_hash="3" * 64),
        "calibration": None,
        "preprocessing": preprocessing(),
        "inputs": contents().inputs,
        "outputs": contents().outputs,
        "payload_sha256": "1" * 64,
    }
    return Manifest(**{**values, **changes})


def check(**changes: Any) -> Check:
    return Check(**{"name": "parity", "passed": True, "value": "1", "limit": "2", **changes})


def plugin_text(name: str, *, variant: str = "", body: str = "") -> str:
    """The source of a plugin with one architecture; `body` stands before its hook."""
    return f"""
import zoo
{body}
@zoo.hookimpl
def zoo_architectures():
    yield zoo.Architecture(
        name={name!r}, summary="one layer", source="here", build=lambda inputs, classes: inputs,
        variants=(zoo.Variant(
            name={variant or name + "8"!r}, classes=3, parameters=10, multiply_adds=20,
            preprocessing=zoo.ImagePreprocessing(height=8, width=8, channels=1)),))
"""


def yielding(record: object) -> Callable[[], list[object]]:
    return lambda: [record]


def registry_with(hook: str, *records: object) -> Registry:
    """A registry in which each record comes from a plugin of its own."""
    registry = Registry(PluginSettings())
    for number, record in enumerate(records):
        plugin = Plugin(name=f"p{number}", origin="local", distribution="d", version="1")
        module = ModuleType(plugin.name)
        setattr(module, hook, zoo.hookimpl(yielding(record)))
        registry.register(plugin, lambda module=module: module)
        assert plugin.problem is None
    return registry


def run_python(
    *arguments: str, folder: Path, environment: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Runs this Python on `arguments` in `folder`."""
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=folder,
        env={**os.environ, **(environment or {})},
        capture_output=True,
        text=True,
        check=False,
    )


@contextmanager
def no_privileges() -> Iterator[None]:
    """Permissions bind nobody who is root, so the block runs as somebody else."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


def tflite_file(
    path: Path,
    *,
    operator: str = "FULLY_CONNECTED",
    batch: int = 1,
    inputs: tuple[int, ...] = (0, 1, 2),
) -> Path:
    """A TFLite file with one dense layer: ``x · w + 1``, where w is 0, 1, … 11 in shape (3, 4)."""
    import flatbuffers
    from ai_edge_litert import schema_py_generated as schema

    model, graph = schema.ModelT(), schema.SubGraphT()
    model.version, model.buffers = 3, [schema.BufferT()]
    graph.tensors, graph.inputs, graph.outputs = [], [0], [3]
    weights = np.arange(12, dtype=np.float32).reshape(3, 4)
    for name, shape, values in (
        ("x", (batch, 4), None),
        ("w", (3, 4), weights),
        ("b", (3,), np.ones(3, np.float32)),
        ("y", (batch, 3), None),
    ):
        tensor = schema.TensorT()
        tensor.name, tensor.shape, tensor.type = name, list(shape), schema.TensorType.FLOAT32
        if batch < 0 and values is None:
            tensor.shape, tensor.shapeSignature = [1, shape[1]], list(shape)
        if values is not None:
            buffer = schema.BufferT()
            buffer.data = np.frombuffer(values.tobytes(), np.uint8)
            tensor.buffer = len(model.buffers)
            model.buffers.append(buffer)
        graph.tensors.append(tensor)
    code, node = schema.OperatorCodeT(), schema.OperatorT()
    code.version = 1
    code.builtinCode = getattr(schema.BuiltinOperator, operator)
    code.deprecatedBuiltinCode = min(code.builtinCode, 127)
    if operator == "CUSTOM":
        code.customCode = b"TeaLeaves"
    node.inputs, node.outputs = list(inputs), [3]
    node.builtinOptions = schema.FullyConnectedOptionsT()
    node.builtinOptionsType = schema.BuiltinOptions.FullyConnectedOptions
    graph.operators, model.operatorCodes, model.subgraphs = [node], [code], [graph]
    builder = flatbuffers.Builder(1024)
    builder.Finish(model.Pack(builder), b"TFL3")
    path.write_bytes(bytes(builder.Output()))
    return path


def onnx_file(path: Path, *, domain: str = "", batch: int | str = 1) -> Path:
    """The same layer as `tflite_file` in ONNX."""
    from onnx import TensorProto, helper, numpy_helper, save

    weights = np.arange(12, dtype=np.float32).reshape(3, 4).T
    graph = helper.make_graph(
        [
            helper.make_node("MatMul", ["x", "w"], ["m"]),
            helper.make_node("Add", ["m", "b"], ["y"], domain=domain),
        ],
        "dense",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [batch, 4])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [batch, 3])],
        [
            numpy_helper.from_array(np.ascontiguousarray(weights), "w"),
            numpy_helper.from_array(np.ones(3, np.float32), "b"),
        ],
    )
    opsets = [helper.make_opsetid("", 17)] + ([helper.make_opsetid(domain, 1)] if domain else [])
    save(helper.make_model(graph, opset_imports=opsets, ir_version=8), path)
    return path
