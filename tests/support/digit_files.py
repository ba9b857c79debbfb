"""Files that know the digits, made by hand and judged by the real gate; no TensorFlow anywhere.

The network takes the class whose mean image is nearest: one dense layer and a softmax.
"""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from zoo.artifacts.artifact import (
    DatasetReference,
    GateReference,
    Manifest,
    embed,
    manifest_text,
    open_artifact,
    with_gate_result,
)
from zoo.artifacts.file_chain import FileChain
from zoo.artifacts.gate import compare_outputs, file_checks, run_checks
from zoo.artifacts.golden_samples import golden_name
from zoo.artifacts.normalization_in_file import check_normalization
from zoo.common.worker import Children
from zoo.contracts import Check, ImagePreprocessing
from zoo.data.digits import open_digits
from zoo.data.preprocessing.inputs import read_inputs, truth_of
from zoo.data.readers.hashing import array_hash
from zoo.execution.runner import choose_runtime, host_device, run_file
from zoo.networks.leading_layers import LeadingResult, LeadingResults
from zoo.pipeline.steps.keep_golden import keep_golden
from zoo.registry import PluginSettings, Registry, load_registry

PREPROCESSING = ImagePreprocessing(height=8, width=8, channels=1)
SHARPNESS = 2e-4


@lru_cache
def dataset() -> Any:
    return open_digits(None)


@lru_cache
def registry() -> Registry:
    return load_registry(PluginSettings(installed=False))


@lru_cache
def layer() -> tuple[np.ndarray, np.ndarray]:
    """Weights, float32 (10, 64), and biases, float32 (10,)."""
    split = dataset().splits["train"]
    pixels = read_inputs(split, PREPROCESSING).reshape(len(split), -1).astype(np.float64)
    means = np.stack([pixels[split.labels == digit].mean(axis=0) for digit in range(10)])
    centre = means.mean(axis=0)
    weights = (means - centre) * SHARPNESS
    biases = -0.5 * ((means**2).sum(axis=1) - (centre**2).sum()) * SHARPNESS
    return weights.astype(np.float32), biases.astype(np.float32)


def probabilities(pixels: np.ndarray) -> np.ndarray:
    """What the network answers, by numpy."""
    weights, biases = layer()
    logits = pixels.reshape(len(pixels), -1).astype(np.float32) @ weights.T + biases
    raised = np.exp(logits - logits.max(axis=1, keepdims=True))
    return (raised / raised.sum(axis=1, keepdims=True)).astype(np.float32)


def onnx_digits(path: Path) -> Path:
    from onnx import TensorProto, helper, numpy_helper, save

    weights, biases = layer()
    kind = TensorProto.FLOAT
    graph = helper.make_graph(
        [
            helper.make_node("Flatten", ["pixels"], ["flat"]),
            helper.make_node("Gemm", ["flat", "weights", "biases"], ["logits"], transB=1),
            helper.make_node("Softmax", ["logits"], ["probabilities"], axis=-1),
        ],
        "digits",
        [helper.make_tensor_value_info("pixels", kind, [1, 8, 8, 1])],
        [helper.make_tensor_value_info("probabilities", kind, [1, 10])],
        [numpy_helper.from_array(weights, "weights"), numpy_helper.from_array(biases, "biases")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    save(model, str(path))
    return path


def onnx_int8_digits(path: Path, work: Path) -> Path:
    """Between quantization and dequantization, as the exporter writes it."""
    import onnx
    from onnxruntime.quantization import CalibrationDataReader, QuantFormat, quantize_static

    pixels = read_inputs(dataset().splits["train"], PREPROCESSING, range(64)).astype(np.float32)

    class Pixels(CalibrationDataReader):
        def __init__(self) -> None:
            self.rest = iter(pixels)

        def get_next(self) -> Any:
            one = next(self.rest, None)
            return None if one is None else {"pixels": one[None]}

    real = onnx_digits(work / "real.onnx")
    quantize_static(str(real), str(path), Pixels(), quant_format=QuantFormat.QDQ)
    made = onnx.load(str(path))
    del made.metadata_props[:]  # what no exporter of ours writes
    onnx.save(made, str(path))
    return path


def tflite_digits(path: Path, *, integer: bool, real_ends: bool = False) -> Path:
    """In real numbers, or in int8 with per-tensor scales: throughout, or between real ends."""
    import flatbuffers
    from ai_edge_litert import schema_py_generated as schema

    weights, biases = layer()
    kinds = schema.TensorType
    real = kinds.INT8 if integer else kinds.FLOAT32
    step = float(np.abs(weights).max() / 127)
    if integer:
        weights = np.rint(weights / step).astype(np.int8)
        biases = np.rint(biases / step).astype(np.int32)
    model, graph = schema.ModelT(), schema.SubGraphT()
    model.version, model.buffers = 3, [schema.BufferT()]
    graph.tensors, graph.inputs, graph.outputs = [], [0], [4]
    tensors = [
        ("pixels", (1, 8, 8, 1), real, None, 1.0, -128),
        ("weights", (10, 64), real, weights, step, 0),
        ("biases", (10,), kinds.INT32 if integer else real, biases, step, 0),
        ("logits", (1, 10), real, None, 0.1, 0),
        ("probabilities", (1, 10), real, None, 1 / 256, -128),
    ]
    steps = [
        ("FULLY_CONNECTED", [0, 1, 2], 3, schema.FullyConnectedOptionsT(), "FullyConnectedOptions"),
        ("SOFTMAX", [3], 4, schema.SoftmaxOptionsT(), "SoftmaxOptions"),
    ]
    if real_ends:
        tensors += [
            ("taken", (1, 8, 8, 1), kinds.FLOAT32, None, None, 0),
            ("given", (1, 10), kinds.FLOAT32, None, None, 0),
        ]
        graph.inputs, graph.outputs = [5], [6]
        steps = [
            ("QUANTIZE", [5], 0, schema.QuantizeOptionsT(), "QuantizeOptions"),
            *steps,
            ("DEQUANTIZE", [4], 6, schema.DequantizeOptionsT(), "DequantizeOptions"),
        ]
    for name, shape, kind, values, scale, zero in tensors:
        tensor = schema.TensorT()
        tensor.name, tensor.shape, tensor.type = name, list(shape), kind
        if integer and scale is not None:
            tensor.quantization = schema.QuantizationParametersT()
            tensor.quantization.scale, tensor.quantization.zeroPoint = [scale], [zero]
        if values is not None:
            buffer = schema.BufferT()
            buffer.data = np.frombuffer(values.tobytes(), np.uint8)
            tensor.buffer = len(model.buffers)
            model.buffers.append(buffer)
        graph.tensors.append(tensor)
    codes, nodes = [], []
    for number, (name, inputs, output, options, kind) in enumerate(steps):
        code, node = schema.OperatorCodeT(), schema.OperatorT()
        code.version = 4 if integer and name == "FULLY_CONNECTED" else 1
        code.builtinCode = code.deprecatedBuiltinCode = getattr(schema.BuiltinOperator, name)
        node.opcodeIndex, node.inputs, node.outputs = number, inputs, [output]
        node.builtinOptions = options
        node.builtinOptionsType = getattr(schema.BuiltinOptions, kind)
        if name == "SOFTMAX":
            options.beta = 1.0
        codes.append(code)
        nodes.append(node)
    graph.operators, model.operatorCodes, model.subgraphs = nodes, codes, [graph]
    builder = flatbuffers.Builder(1024)
    builder.Finish(model.Pack(builder), b"TFL3")
    path.write_bytes(bytes(builder.Output()))
    return path


def normalization(path: Path, precision: str) -> Check:
    """The gate's check; what a first layer makes of raw pixels is known here."""
    exporter = open_artifact(registry(), path).exporter
    pixels = read_inputs(dataset().splits["test"], PREPROCESSING, range(8))
    weights, biases = layer()
    logits = LeadingResult(
        layer="logits",
        shape=(10,),
        places=np.arange(10),
        values=pixels.reshape(8, -1) @ weights.T + biases,
    )
    leading = LeadingResults(inputs=pixels, results=(logits,))
    record = registry().precision(precision)
    return check_normalization(exporter, path, PREPROCESSING, record, pixels, leading).check


def judge_file(path: Path, precision: str, **changes: Any) -> Path:
    """Writes a manifest and lets the gate judge the file, golden inputs and all."""
    found = registry()
    artifact = open_artifact(found, path)
    exporter, contents, data = artifact.exporter, artifact.contents, dataset()
    manifest = Manifest(
        model_id="nearest.digits",
        architecture="nearest",
        task="image-classification",
        format=exporter.name,
        precision=precision,
        licence="CC0-1.0",
        classes=data.classes,
        weights_sha256="0" * 64,
        dataset=DatasetReference(name="digits", content_hash=data.content_hash),
        calibration=None,
        preprocessing=PREPROCESSING,
        inputs=contents.inputs,
        outputs=contents.outputs,
        payload_sha256=contents.payload_sha256,
        target="arm64",
    )
    embed(exporter, path, replace(manifest, **changes))
    artifact = open_artifact(found, path)
    manifest = artifact.manifest
    assert manifest is not None
    task, device, split = (
        found.tasks.get(manifest.task),
        host_device(found),
        data.splits["test"],
    )
    answered = run_file(
        path, choose_runtime(exporter, device), device, split, PREPROCESSING, emit=lambda _: None
    )
    reference = probabilities(read_inputs(split, PREPROCESSING))
    truth = truth_of(data, "test", PREPROCESSING)
    checks = run_checks(
        task=task,
        precision=found.precision(precision),
        static=file_checks(contents, found.precision(precision)),
        parity=compare_outputs(task, reference, answered.outputs, truth.labels),
        preprocessing=normalization(path, precision),
        truth=truth,
        reference=reference,
        outputs=answered.outputs,
        max_drop=5.0,
        baseline=None,
    )
    gate = GateReference(
        passed=all(check.passed for check in checks),
        runtime=answered.runtime,
        runtime_version=answered.runtime_version,
        checks=checks,
        metrics=task.evaluate(answered.outputs, truth),
        processor=answered.processor,
        outputs_sha256=array_hash(answered.outputs).hex(),
        calibration_error=task.calibration_error(answered.outputs, truth),
    )
    ((golden, beside),) = keep_golden(
        FileChain(artifacts=(artifact,)),
        found.precision(precision),
        [answered],
        split,
        truth.labels,
        "digits/test",
        device,
        Children(),
        task,
    )
    if beside is not None:
        path.with_name(golden_name(path.name)).write_bytes(beside)
    embed(exporter, path, with_gate_result(manifest, gate, golden))
    return path


def with_manifest(path: Path, **changes: Any) -> Path:
    """The same file with another manifest; the model is as it was."""
    artifact = open_artifact(registry(), path)
    assert artifact.manifest is not None
    artifact.exporter.write_manifest(path, manifest_text(replace(artifact.manifest, **changes)))
    return path
