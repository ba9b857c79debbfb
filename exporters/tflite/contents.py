"""Contents of TFLite files, and the manifest appended to them; needs no TensorFlow."""

from __future__ import annotations

import hashlib
import io
import zipfile
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from zoo.common.errors import BadFile
from zoo.common.files import write_bytes
from zoo.common.optional_imports import require
from zoo.contracts import FileContents, TensorInfo
from zoo.contracts.layers import ARITHMETICS

from .work import loop_counts, multiply_adds

MANIFEST = "zoo_manifest.json"
#: The names of the classes, a line each, for programs that know TFLite metadata alone.
LABELS = "labels.txt"
_IDENTIFIER = b"TFL3"
#: Bytes that the appended files may unpack to: a small archive can hold gigabytes of zeros.
_MOST_APPENDED = 64 << 20
_CONVERSIONS = frozenset({"QUANTIZE", "DEQUANTIZE"})
_WEIGHT_TYPES = frozenset({"INT8", "INT4", "UINT8"})
_STATEFUL = (
    "The file keeps state between inputs: reset its variables before each input "
    "(reset_all_variables() in Python, resetVariableTensors() in Java, ResetVariableTensors() in "
    "C++), or the answers are those of one endless sequence."
)
#: Operators that move values without computing.
_STRUCTURAL = frozenset(
    {"RESHAPE", "SQUEEZE", "EXPAND_DIMS", "TRANSPOSE", "PACK", "UNPACK", "SHAPE", "STRIDED_SLICE"}
    | {"SLICE", "SPLIT", "PAD", "CONCATENATION", "GATHER", "IDENTITY", "DELEGATE"}
    | {"DENSIFY"}  # unpacks zeros that are stored sparsely, once
)
#: Those of them behind which indices are the same numbers as before.
_KEEPS_VALUES = frozenset(
    {"RESHAPE", "SQUEEZE", "EXPAND_DIMS", "TRANSPOSE", "CAST", "STRIDED_SLICE", "SLICE"}
)


def inspect(path: Path) -> FileContents:
    """Reads the flatbuffer back; needs no TensorFlow."""
    payload, appended = _parts(path)
    schema = require("ai_edge_litert.schema_py_generated")
    attachments = {
        name: hashlib.sha256(data).hexdigest()
        for name, data in appended.items()
        if name != MANIFEST
    }
    labels = appended.get(LABELS)
    names = () if labels is None else tuple(labels.decode("utf-8", "replace").split("\n"))
    try:
        contents = _contents(payload, schema)
        return replace(contents, attachments=attachments, class_names=names)
    # Damaged offsets and indices surface as whatever numpy, struct or a list raises.
    except Exception as error:
        raise BadFile(f"{path} is a damaged TFLite file", why=str(error)) from error


def _contents(payload: bytes, schema: Any) -> FileContents:
    model = schema.ModelT.InitFromPackedBuf(payload, 0)
    graphs = model.subgraphs
    main = graphs[0]
    type_names = {v: k for k, v in vars(schema.TensorType).items() if isinstance(v, int)}
    operator_names = {v: k for k, v in vars(schema.BuiltinOperator).items() if isinstance(v, int)}
    tally = _Tally(type_names, model.buffers)
    # Of free sizes the shapes inside are those of no input.
    turns = loop_counts(model) if not _sizes_are_free(main) else []
    for place, graph in enumerate(graphs):
        for operator in graph.operators or []:
            name = _operator_name(model, operator, operator_names)
            tally.add(name, operator, graph, turns[place] if turns else 0)
    signature = (model.signatureDefs or [None])[0]
    weight_types = _weight_types(model, type_names)
    keeps_state = any(tensor.isVariable for graph in graphs for tensor in graph.tensors)
    inputs = _tensors(main, signature.inputs if signature else None, main.inputs, type_names)
    return FileContents(
        inputs=inputs,
        outputs=_tensors(main, signature.outputs if signature else None, main.outputs, type_names),
        operators=dict(sorted(tally.operators.items())),
        integer_operators=tally.integer,
        float_operators=len(tally.floating) + tally.hybrid,
        float_islands=tuple(tally.floating) if tally.integer or tally.hybrid else (),
        conversions=tally.conversions,
        custom_operators=tuple(sorted(tally.custom)),
        dynamic_tensors=tuple(
            _text(t.name)
            for graph in graphs
            for t in graph.tensors
            if t.shapeSignature is not None and (t.shapeSignature < 0).any()
        ),
        weight_bytes=sum(weight_types.values()),
        payload_bytes=len(payload),
        payload_sha256=hashlib.sha256(payload).hexdigest(),
        hybrid_operators=tally.hybrid,
        weight_types=weight_types,
        keeps_state=keeps_state,
        remarks=(_STATEFUL,) if keeps_state else (),
        multiply_adds=tally.work if turns else {},
        float_products=dict(tally.float_products) if tally.integer else {},
        small_weights=tally.small_weights,
        index_limits=_index_limits(model, main, inputs, operator_names),
    )


def _sizes_are_free(graph: Any) -> bool:
    """Whether an input has a free side beside the batch."""
    signatures = (graph.tensors[int(place)].shapeSignature for place in graph.inputs)
    return any(one is not None and (one[1:] < 0).any() for one in signatures)


def _index_limits(
    model: Any, graph: Any, inputs: tuple[TensorInfo, ...], names: dict[int, str]
) -> dict[str, int]:
    """Rows of the tables that inputs choose from; of several tables, the fewest."""
    came = {int(i): one.name for i, one in zip(graph.inputs, inputs, strict=True)}
    found: dict[str, int] = {}
    for operator in graph.operators or []:
        takes = [int(i) for i in (() if operator.inputs is None else operator.inputs)]
        kind = _operator_name(model, operator, names)
        if kind in _KEEPS_VALUES and takes and takes[0] in came:
            came.update({int(i): came[takes[0]] for i in operator.outputs})
        order = {"GATHER": (0, 1), "EMBEDDING_LOOKUP": (1, 0)}.get(kind)
        if order is None or takes[order[1]] not in came:
            continue
        table = graph.tensors[takes[order[0]]]
        if model.buffers[table.buffer].data is None:
            continue
        axis = operator.builtinOptions.axis if kind == "GATHER" else 0
        name, rows = came[takes[order[1]]], int(table.shape[axis])
        found[name] = min(rows, found.get(name, rows))
    return found


def _weight_types(model: Any, type_names: dict[int, str]) -> dict[str, int]:
    """Bytes of constants by element type; a buffer that two tensors share counts once."""
    sizes: Counter[str] = Counter()
    seen: set[int] = set()
    for tensor in (tensor for graph in model.subgraphs for tensor in graph.tensors):
        data = model.buffers[tensor.buffer].data
        if data is not None and tensor.buffer not in seen:
            seen.add(tensor.buffer)
            sizes[type_names[tensor.type].lower()] += len(data)
    return dict(sorted(sizes.items()))


class _Tally:
    """Sorts operators into integer, hybrid, float, conversion and custom ones."""

    def __init__(self, type_names: dict[int, str], buffers: Any) -> None:
        self.type_names = type_names
        self.buffers = buffers
        self.operators: Counter[str] = Counter()
        self.integer = 0
        self.hybrid = 0
        self.floating: list[str] = []
        self.conversions = 0
        self.custom: set[str] = set()
        self.work = dict.fromkeys(ARITHMETICS, 0)
        self.float_products: Counter[str] = Counter()
        self.small_weights: dict[str, str] = {}

    def add(self, name: str, operator: Any, graph: Any, turns: int) -> None:
        self.operators[name] += 1
        if name.startswith(("CUSTOM:", "Flex")):
            self.custom.add(name.removeprefix("CUSTOM:"))
        kind = self.arithmetic(name, operator, graph)
        self.conversions += kind == "conversion"
        self.integer += kind == "integer"
        self.hybrid += kind == "hybrid"
        self.floating += [name] * (kind == "float")
        for place in () if operator.inputs is None else operator.inputs:
            if place >= 0 and self.type_names[graph.tensors[int(place)].type] == "INT4":
                made = _text(graph.tensors[int(operator.outputs[0])].name)
                self.small_weights[made] = _granularity(graph.tensors[int(place)])
        products = turns * multiply_adds(name, operator, graph)
        if products:
            self.work[kind] += products
        if products and kind != "integer":
            self.float_products[_text(graph.tensors[int(operator.outputs[0])].name)] += products

    def arithmetic(self, name: str, operator: Any, graph: Any) -> str:
        """``integer``, ``hybrid`` or ``float``; ``conversion`` and ``structural`` compute not."""
        if name in _CONVERSIONS:
            return "conversion"
        if name in _STRUCTURAL:
            return "structural"
        # Some operators have no input: they make a value or name a variable.
        inputs, outputs = (() if i is None else i for i in (operator.inputs, operator.outputs))
        used = [int(i) for i in (*inputs[:1], *outputs)]
        kinds = {self.type_names[graph.tensors[i].type] for i in used if i >= 0}
        if not any(kind.startswith("FLOAT") for kind in kinds):
            return "integer"
        weighty = (self._is_integer_weight(graph.tensors[int(i)]) for i in inputs[1:] if i >= 0)
        return "hybrid" if any(weighty) else "float"

    def _is_integer_weight(self, tensor: Any) -> bool:
        """Whether a tensor holds integer weights of hybrid kernels."""
        constant = self.buffers[tensor.buffer].data is not None
        return constant and self.type_names[tensor.type] in _WEIGHT_TYPES


def _granularity(tensor: Any) -> str:
    """What shares a scale of a constant of 4 bits."""
    told = tensor.quantization
    if told is not None and told.details is not None:
        return f"int4, blocks of {told.details.blockSize}"
    many = told is not None and told.scale is not None and len(told.scale) > 1
    return f"int4, {'a scale for each channel' if many else 'one scale'}"


def _operator_name(model: Any, operator: Any, names: dict[int, str]) -> str:
    code = model.operatorCodes[operator.opcodeIndex]
    name = names.get(max(code.builtinCode, code.deprecatedBuiltinCode), "UNKNOWN")
    return f"CUSTOM:{_text(code.customCode)}" if name == "CUSTOM" else name


def _tensors(
    graph: Any, named: Any, indices: Any, type_names: dict[int, str]
) -> tuple[TensorInfo, ...]:
    labels = {int(entry.tensorIndex): _text(entry.name) for entry in named or []}
    found = []
    for index in indices:
        tensor = graph.tensors[int(index)]
        shape = tensor.shapeSignature if tensor.shapeSignature is not None else tensor.shape
        quantization = tensor.quantization
        scaled = quantization is not None and quantization.scale is not None
        found.append(
            TensorInfo(
                name=labels.get(int(index), _text(tensor.name)),
                shape=tuple(int(n) for n in (shape if shape is not None else ())),
                dtype=type_names[tensor.type].lower(),
                scale=float(quantization.scale[0]) if scaled else None,
                zero_point=int(quantization.zeroPoint[0]) if scaled else None,
            )
        )
    return tuple(found)


def _text(value: Any) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value or "")


def _parts(path: Path) -> tuple[bytes, dict[str, bytes]]:
    """The flatbuffer, and the files appended to it as a zip archive."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise BadFile(f"{path} cannot be read", why=error.strerror) from error
    if not recognises(data[:16]):
        raise BadFile(f"{path} is not a TFLite file", fix="check the path and the suffix")
    if not zipfile.is_zipfile(io.BytesIO(data)):
        return data, {}
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            entries = archive.infolist()
            if sum(entry.file_size for entry in entries) > _MOST_APPENDED:
                raise zipfile.BadZipFile("they would unpack to more than any model has")
            twice = [name for name, n in Counter(e.filename for e in entries).items() if n > 1]
            if twice:
                # Of two of a name one reader takes the first and another the last.
                raise zipfile.BadZipFile(f"{', '.join(twice)}: more than one of the name")
            start = min((entry.header_offset for entry in entries), default=len(data))
            return data[:start], {entry.filename: archive.read(entry) for entry in entries}
    # Beside its own error, zipfile raises those of zlib, of seeking and of decoding.
    except Exception as error:
        raise BadFile(f"the files appended to {path} are damaged", why=str(error)) from error


def payload_of(path: Path) -> bytes:
    """The model without what is appended to it."""
    return _parts(path)[0]


def read_manifest(path: Path) -> str | None:
    """The manifest among the appended files."""
    text = _parts(path)[1].get(MANIFEST)
    return None if text is None else text.decode("utf-8", "replace")


def write_manifest(path: Path, text: str) -> None:
    """Appends the manifest, after the flatbuffer, as TFLite metadata appends its files."""
    payload, appended = _parts(path)
    write_bytes(path, with_appended(payload, {**appended, MANIFEST: text.encode("utf-8")}))


def with_appended(payload: bytes, files: Mapping[str, bytes]) -> bytes:
    """A flatbuffer, and files after it as a zip archive.

    They are stored as they are: MediaPipe opens no model with compressed files.
    """
    if not files:
        return payload
    buffer = io.BytesIO()
    buffer.write(payload)
    with zipfile.ZipFile(buffer, "a", zipfile.ZIP_STORED) as archive:
        for name, content in files.items():
            # A fixed date keeps equal contents equal byte by byte.
            archive.writestr(zipfile.ZipInfo(name, date_time=(1980, 1, 1, 0, 0, 0)), content)
    return buffer.getvalue()


def recognises(head: bytes) -> bool:
    """TFLite files have their identifier at offset 4."""
    return head[4:8] == _IDENTIFIER
