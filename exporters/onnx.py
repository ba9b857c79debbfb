"""ONNX: the exchange format of ONNX Runtime, OpenVINO and browsers."""

from __future__ import annotations

import hashlib
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

from zoo.contracts import Exporter, ExportRequest, FileContents, TensorInfo
from zoo.errors import BadFile, ZooError
from zoo.extras import require
from zoo.files import write_bytes
from zoo.hookspecs import hookimpl

MANIFEST = "zoo_manifest"
OPSET = 17
_STANDARD_DOMAINS = frozenset({"", "ai.onnx"})
_CONVERSIONS = frozenset({"QuantizeLinear", "DequantizeLinear"})
#: Operators that move values without computing.
_STRUCTURAL = frozenset(
    {"Reshape", "Squeeze", "Unsqueeze", "Transpose", "Identity", "Cast", "Shape", "Constant"}
    | {"Flatten", "Concat", "Slice", "Split", "Gather", "Pad"}
)
_INTEGER = frozenset({"QLinearConv", "QLinearMatMul", "ConvInteger", "MatMulInteger"})


def export(request: ExportRequest) -> None:
    """Converts with tf2onnx; int8 is quantized by ONNX Runtime into QDQ form."""
    onnx = require("onnx")
    model = _convert(request)
    if request.precision == "int8":
        model = _quantize(model, request)
    onnx.checker.check_model(model, full_check=True)
    request.path.write_bytes(model.SerializeToString())


def _convert(request: ExportRequest) -> Any:
    tf = require("tensorflow")
    tf2onnx = require("tf2onnx")
    source = request.model
    shape = tuple(source.inputs[0].shape)
    signature = [tf.TensorSpec(shape, tf.float32, name=request.input_name)]
    function = tf.function(lambda inputs: source(inputs, training=False), signature)
    model, _ = tf2onnx.convert.from_function(function, signature, opset=OPSET)
    _rename_output(model.graph, request.output_name)
    return model


def _rename_output(graph: Any, name: str) -> None:
    if len(graph.output) != 1:
        raise ZooError(f"the converter made {len(graph.output)} outputs where one was expected")
    old = graph.output[0].name
    graph.output[0].name = name
    for node in graph.node:
        node.input[:] = [name if i == old else i for i in node.input]
        node.output[:] = [name if o == old else o for o in node.output]


class _Samples:
    """Feeds calibration inputs, one at a time, in the form the quantizer asks for."""

    def __init__(self, request: ExportRequest) -> None:
        assert request.calibration is not None  # the core never asks for int8 without
        self._name = request.input_name
        self._samples = iter(request.calibration)

    def get_next(self) -> dict[str, Any] | None:
        sample = next(self._samples, None)
        return None if sample is None else {self._name: sample[None]}


def _quantize(model: Any, request: ExportRequest) -> Any:
    onnx = require("onnx")
    quantization = require("onnxruntime.quantization")
    preprocess = require("onnxruntime.quantization.shape_inference").quant_pre_process
    with tempfile.TemporaryDirectory(prefix="zoo-onnx-") as folder:
        plain, ready, quantized = (str(Path(folder) / n) for n in ("a.onnx", "b.onnx", "c.onnx"))
        onnx.save(model, plain)
        # All shapes are static: symbolic inference would add nothing.
        preprocess(plain, ready, skip_symbolic_shape=True)
        # Unsigned activations with signed weights per channel use the x86 dot products directly;
        # signed activations cost a correction, and run several times slower there.
        quantization.quantize_static(
            ready,
            quantized,
            _Samples(request),
            quant_format=quantization.QuantFormat.QDQ,
            activation_type=quantization.QuantType.QUInt8,
            weight_type=quantization.QuantType.QInt8,
            per_channel=True,
        )
        return onnx.load(quantized)


def inspect(path: Path) -> FileContents:
    """Reads the graph back; needs the onnx package alone."""
    model = _load(path)
    try:
        return _contents(model)
    # Damaged types, dimensions and names surface as whatever the onnx package raises.
    except Exception as error:
        raise BadFile(f"{path} is a damaged ONNX file", why=str(error)) from error


def _contents(model: Any) -> FileContents:
    onnx = require("onnx")
    graph = model.graph
    tally = _Tally(graph)
    stripped = onnx.ModelProto()
    stripped.CopyFrom(model)
    del stripped.metadata_props[:]
    payload = stripped.SerializeToString(deterministic=True)
    shapes = onnx.shape_inference.infer_shapes(model).graph
    known = [*shapes.input, *shapes.output, *shapes.value_info]
    constants = {tensor.name for tensor in graph.initializer}
    return FileContents(
        inputs=tuple(_tensor(i) for i in graph.input if i.name not in constants),
        outputs=tuple(_tensor(o) for o in graph.output),
        operators=dict(sorted(tally.operators.items())),
        integer_operators=tally.integer,
        float_operators=len(tally.floating),
        float_islands=tuple(tally.floating) if tally.integer else (),
        conversions=sum(tally.operators[name] for name in _CONVERSIONS),
        custom_operators=tuple(sorted(tally.custom)),
        dynamic_tensors=tuple(sorted({v.name for v in known if -1 in _shape(v)})),
        weight_bytes=sum(_constant_bytes(tensor) for tensor in graph.initializer),
        payload_bytes=len(payload),
        payload_sha256=hashlib.sha256(payload).hexdigest(),
    )


class _Tally:
    """Sorts nodes into integer, float, conversion and foreign ones.

    A node between DequantizeLinear and QuantizeLinear is what runtimes fuse into an integer
    kernel, so it counts as an integer operator when all its real inputs were dequantized.
    """

    def __init__(self, graph: Any) -> None:
        self.operators: Counter[str] = Counter(node.op_type for node in graph.node)
        self.integer = 0
        self.floating: list[str] = []
        self.custom = {
            f"{node.domain}:{node.op_type}"
            for node in graph.node
            if node.domain not in _STANDARD_DOMAINS
        }
        producers = {output: node.op_type for node in graph.node for output in node.output}
        readers: dict[str, set[str]] = {}
        for node in graph.node:
            for name in node.input:
                readers.setdefault(name, set()).add(node.op_type)
        for node in graph.node:
            if node.op_type in _CONVERSIONS or node.op_type in _STRUCTURAL:
                continue
            fed = bool(node.input) and producers.get(node.input[0]) == "DequantizeLinear"
            read = all(readers.get(o, set()) <= {"QuantizeLinear", "Relu"} for o in node.output)
            if node.op_type in _INTEGER or (fed and read):
                self.integer += 1
            else:
                self.floating.append(node.op_type)


def _tensor(value: Any) -> TensorInfo:
    onnx = require("onnx")
    dtype = onnx.helper.tensor_dtype_to_np_dtype(value.type.tensor_type.elem_type)
    return TensorInfo(name=value.name, shape=_shape(value), dtype=str(dtype))


def _shape(value: Any) -> tuple[int, ...]:
    tensor = value.type.tensor_type
    if not tensor.HasField("shape"):
        return (-1,)
    return tuple(d.dim_value if d.HasField("dim_value") else -1 for d in tensor.shape.dim)


def _constant_bytes(tensor: Any) -> int:
    onnx = require("onnx")
    if onnx.external_data_helper.uses_external_data(tensor):  # in a file that may not be here
        return sum(int(entry.value) for entry in tensor.external_data if entry.key == "length")
    return len(onnx.numpy_helper.to_array(tensor).tobytes())


def _load(path: Path) -> Any:
    onnx = require("onnx")
    if not path.is_file():
        raise BadFile(f"there is no file {path}", fix="check the path")
    try:
        model = onnx.load(str(path), load_external_data=False)
    # protobuf's DecodeError has a different home in each of its versions.
    except Exception as error:
        raise BadFile(f"{path} is not an ONNX file, or a damaged one", why=str(error)) from error
    if not model.graph.node:
        raise BadFile(f"{path} is not an ONNX file, or a damaged one", why="it holds no graph")
    return model


def read_manifest(path: Path) -> str | None:
    """The manifest among the metadata properties."""
    found = [p.value for p in _load(path).metadata_props if p.key == MANIFEST]
    return found[0] if found else None


def write_manifest(path: Path, text: str) -> None:
    """Replaces the manifest among the metadata properties."""
    model = _load(path)
    others = [p for p in model.metadata_props if p.key != MANIFEST]
    kept = [(p.key, p.value) for p in others]
    del model.metadata_props[:]
    for key, value in [*kept, (MANIFEST, text)]:
        model.metadata_props.add(key=key, value=value)
    write_bytes(path, model.SerializeToString())


def recognises(head: bytes) -> bool:
    """An ONNX file is a protobuf whose first field is the IR version, a small number."""
    return len(head) >= 2 and head[0] == 0x08 and 1 <= head[1] <= 0x20


@hookimpl
def zoo_exporters() -> Any:
    """Yields the format."""
    yield Exporter(
        name="onnx",
        summary="ONNX: ONNX Runtime, OpenVINO, browsers",
        suffix=".onnx",
        precisions=("float32", "int8"),
        export=export,
        inspect=inspect,
        read_manifest=read_manifest,
        write_manifest=write_manifest,
        recognises=recognises,
        runtimes=("onnxruntime",),
        extra="onnx",
        distributions=("tensorflow", "keras", "tf2onnx", "onnx", "onnxruntime"),
    )
