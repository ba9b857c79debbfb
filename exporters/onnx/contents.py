"""Contents of ONNX files, and the manifest in their metadata; needs only the onnx package."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from zoo.common.errors import BadFile
from zoo.common.files import write_bytes
from zoo.common.optional_imports import require
from zoo.contracts import FileContents, TensorInfo
from zoo.contracts.layers import ARITHMETICS

from .axes import layout_of_image
from .external_data import payload, side_files, tensor_bytes
from .work import Sides, multiply_adds, shapes_of

MANIFEST = "zoo_manifest"
_STANDARD_DOMAINS = frozenset({"", "ai.onnx"})
#: Operators that each ONNX Runtime has, and no other runtime.
_OWN_DOMAIN = "com.microsoft"
_CONVERSIONS = frozenset({"QuantizeLinear", "DequantizeLinear", "DynamicQuantizeLinear"})
#: Operators that move values without computing.
_STRUCTURAL = frozenset(
    {"Reshape", "Squeeze", "Unsqueeze", "Transpose", "Identity", "Cast", "Shape", "Constant"}
    | {"Flatten", "Concat", "Slice", "Split", "Gather", "Pad", "Expand", "ReverseSequence"}
)
#: Those of them behind which indices are the same numbers as before.
_KEEPS_VALUES = frozenset(
    {"Reshape", "Squeeze", "Unsqueeze", "Transpose", "Identity", "Cast", "Flatten", "Slice"}
)
_INTEGER = frozenset({"QLinearConv", "QLinearMatMul"})
#: Operators that quantize their input on the fly, or work behind one that does.
_HYBRID = frozenset({"ConvInteger", "MatMulInteger", "DynamicQuantizeMatMul", "MatMulNBits"})
#: Dense layers with weights of few bits, in blocks.
BLOCKS_OPERATOR = "MatMulNBits"
_HYBRID_LSTM = "DynamicQuantizeLSTM"
_BINARY = frozenset({"Conv", "ConvTranspose", "Gemm", "MatMul", "Add", "Sub", "Mul", "Div"})
#: Operators that ONNX Runtime computes in float even between integers.
_FLOAT_ALONE = frozenset({"ConvTranspose", "LSTM", "GRU", "RNN", "InstanceNormalization"})
_SLOW_CONVOLUTIONS = (
    "ONNX Runtime has no fast kernel for convolutions with dynamic ranges on CPU: the file is "
    "small, but may be slower than float32; compare it with int8 by `zoo bench`."
)
_OWN_OPERATORS = "Only ONNX Runtime has these operators: {}."


def inspect(path: Path) -> FileContents:
    """Reads the graph back; needs the onnx package alone."""
    model = _load(path)
    try:
        return _contents(model, path, side_files(model, path))
    except BadFile:
        raise
    # Damaged types, dimensions and names surface as whatever the onnx package raises.
    except Exception as error:
        raise BadFile(f"{path} is a damaged ONNX file", why=str(error)) from error


def _contents(model: Any, path: Path, sides: tuple[str, ...]) -> FileContents:
    onnx = require("onnx")
    graph = model.graph
    shapes = onnx.shape_inference.infer_shapes(model).graph
    tally = _Tally(graph, shapes_of(shapes))
    stripped = onnx.ModelProto()
    stripped.CopyFrom(model)
    del stripped.metadata_props[:]
    size, digest = payload(stripped.SerializeToString(deterministic=True), path, sides)
    known = [*shapes.input, *shapes.output, *shapes.value_info]
    constants = {tensor.name for tensor in graph.initializer}
    return FileContents(
        inputs=tuple(_tensor(i) for i in graph.input if i.name not in constants),
        outputs=tuple(_tensor(o) for o in graph.output),
        operators=dict(sorted(tally.operators.items())),
        integer_operators=tally.integer,
        float_operators=len(tally.floating) + tally.hybrid,
        float_islands=tuple(tally.floating) if tally.integer or tally.hybrid else (),
        conversions=sum(tally.operators[name] for name in _CONVERSIONS),
        custom_operators=tuple(sorted(tally.custom)),
        dynamic_tensors=tuple(sorted({v.name for v in known if -1 in _shape(v)})),
        weight_bytes=sum(tensor_bytes(tensor) for tensor in graph.initializer),
        payload_bytes=size,
        payload_sha256=digest,
        hybrid_operators=tally.hybrid,
        weight_types=_weight_types(graph),
        remarks=_remarks(tally),
        side_files=sides,
        multiply_adds=tally.work if tally.counted else {},
        without_integer_kernel=dict(tally.lacking),
        float_products=dict(tally.float_products) if tally.integer else {},
        small_weights=tally.small_weights,
        attachments={
            _utf8(entry.key): hashlib.sha256(_utf8(entry.value).encode("utf-8")).hexdigest()
            for entry in model.metadata_props
            if entry.key != MANIFEST
        },
        index_limits=_index_limits(graph),
    )


def _index_limits(graph: Any) -> dict[str, int]:
    """Rows of the tables that inputs choose from; of several tables, the fewest."""
    tables = {tensor.name: tensor.dims for tensor in graph.initializer}
    came = {value.name: value.name for value in graph.input if value.name not in tables}
    found: dict[str, int] = {}
    for node in graph.node:
        if node.op_type in _KEEPS_VALUES and node.input and node.input[0] in came:
            came.update(dict.fromkeys(node.output, came[node.input[0]]))
        elif node.op_type == "Gather" and node.input[0] in tables and node.input[1] in came:
            axis = next((one.i for one in node.attribute if one.name == "axis"), 0)
            name, rows = came[node.input[1]], int(tables[node.input[0]][axis])
            found[name] = min(rows, found.get(name, rows))
    return found


def _remarks(tally: _Tally) -> tuple[str, ...]:
    own = _OWN_OPERATORS.format(", ".join(sorted(tally.own))) if tally.own else ""
    slow = _SLOW_CONVOLUTIONS if "ConvInteger" in tally.operators else ""
    return tuple(remark for remark in (own, slow) if remark)


def _weight_types(graph: Any) -> dict[str, int]:
    """Bytes of constants by element type."""
    onnx = require("onnx")
    sizes: Counter[str] = Counter()
    packed = {
        node.input[1]: f"int{attribute.i}"
        for node in graph.node
        if node.op_type == BLOCKS_OPERATOR
        for attribute in node.attribute
        if attribute.name == "bits"
    }
    for tensor in graph.initializer:
        dtype = onnx.helper.tensor_dtype_to_np_dtype(tensor.data_type)
        sizes[packed.get(tensor.name, str(dtype))] += tensor_bytes(tensor)
    return dict(sorted(sizes.items()))


class _Tally:
    """Sorts nodes into integer, hybrid, float, conversion and foreign ones.

    A node between DequantizeLinear and QuantizeLinear is what runtimes fuse into an integer
    kernel, so it counts as an integer operator when all its real inputs were dequantized.
    """

    def __init__(self, graph: Any, shapes: Mapping[str, Sides]) -> None:
        self.operators: Counter[str] = Counter(node.op_type for node in graph.node)
        self.integer = 0
        self.hybrid = 0
        self.floating: list[str] = []
        self.own = {node.op_type for node in graph.node if node.domain == _OWN_DOMAIN}
        self.custom = {
            f"{node.domain}:{node.op_type}"
            for node in graph.node
            if node.domain not in {*_STANDARD_DOMAINS, _OWN_DOMAIN}
        }
        self.work = dict.fromkeys(ARITHMETICS, 0)
        self.counted = True
        self.lacking: Counter[str] = Counter()
        self.float_products: Counter[str] = Counter()
        self._shapes = shapes
        self.small_weights: dict[str, str] = {}
        self._constants = {tensor.name for tensor in graph.initializer}
        self._four_bits = four_bit_constants(graph)
        self._producers = {output: node for node in graph.node for output in node.output}
        self._readers: dict[str, set[str]] = {}
        for node in graph.node:
            for name in node.input:
                self._readers.setdefault(name, set()).add(node.op_type)
        for node in graph.node:
            self._add(node)

    def _add(self, node: Any) -> None:
        kind = self.arithmetic(node)
        if scales := self._scales_of_four_bits(node):
            self.small_weights[";".join((node.name, *node.output))] = f"int4, {scales}"
        self.integer += kind == "integer"
        self.hybrid += kind == "hybrid"
        self.floating += [node.op_type] * (kind == "float")
        products = multiply_adds(node, self._shapes)
        if products is None:
            self.counted = False
        elif products:
            self.work[kind] += products
            self._note_float(node, kind, products)

    def _scales_of_four_bits(self, node: Any) -> str:
        if node.op_type == BLOCKS_OPERATOR:
            told = {attribute.name: attribute.i for attribute in node.attribute}
            return f"blocks of {told['block_size']}" if told["bits"] == 4 else ""
        return "a scale for each channel" if self._has_four_bits(node) else ""

    def _note_float(self, node: Any, kind: str, products: int) -> None:
        if self._is_hybrid_recurrent(node) or (
            node.op_type in _FLOAT_ALONE and self._is_between(node)
        ):
            self.lacking[node.op_type] += products
        elif kind != "integer":
            constants = (name for name in node.input if name in self._constants)
            self.float_products[";".join((node.name, *node.output, *constants))] += products

    def arithmetic(self, node: Any) -> str:
        """``integer``, ``hybrid`` or ``float``; ``conversion`` and ``structural`` compute not."""
        kind = node.op_type
        if kind in _CONVERSIONS:
            return "conversion"
        if kind in _STRUCTURAL or self._rescales(node):
            return "structural"
        # What an operator multiplies must come from integers too: weights that were kept in
        # float make it a float one.
        if kind in _INTEGER or (kind not in _FLOAT_ALONE and self._is_between(node)):
            return "integer"
        small = kind in _HYBRID or self._is_hybrid_recurrent(node) or self._has_four_bits(node)
        return "hybrid" if small else "float"

    def _has_four_bits(self, node: Any) -> bool:
        """Whether a node's weights are dequantized from constants of four bits."""
        makers = [self._producers.get(name) for name in node.input[1:2]]
        return any(
            not self._four_bits.isdisjoint(maker.input[:1]) for maker in makers if maker is not None
        )

    def _is_hybrid_recurrent(self, node: Any) -> bool:
        """Whether a recurrent layer has 8-bit weights, and computes in float."""
        if node.op_type == "GRU":
            return self._made_by(node.input[1]) == "DequantizeLinear"
        return bool(node.op_type == _HYBRID_LSTM)

    def _is_between(self, node: Any) -> bool:
        """Whether a node takes dequantized values alone, and its results are quantized."""
        multiplied = node.input[: 2 if node.op_type in _BINARY else 1]
        fed = bool(multiplied) and all(self._made_by(n) == "DequantizeLinear" for n in multiplied)
        read = all(self._readers.get(o, set()) <= {"QuantizeLinear", "Relu"} for o in node.output)
        return fed and read

    def _made_by(self, name: str) -> str:
        node = self._producers.get(name)
        return "" if node is None else str(node.op_type)

    def _rescales(self, node: Any) -> bool:
        """Whether a product only turns a hybrid operator's sums back into real numbers."""
        if node.op_type != "Mul":
            return False
        makers = [self._producers.get(name) for name in node.input]
        kinds = {maker.op_type for maker in makers if maker is not None}
        sums = {self._made_by(m.input[0]) for m in makers if m is not None and m.op_type == "Cast"}
        return "DynamicQuantizeLinear" in kinds or bool(sums & _HYBRID)


def four_bit_constants(graph: Any) -> frozenset[str]:
    """Names of the constants with four bits."""
    four = require("onnx").TensorProto.INT4
    return frozenset(tensor.name for tensor in graph.initializer if tensor.data_type == four)


def _tensor(value: Any) -> TensorInfo:
    onnx = require("onnx")
    dtype = onnx.helper.tensor_dtype_to_np_dtype(value.type.tensor_type.elem_type)
    return TensorInfo(
        name=value.name, shape=_shape(value), dtype=str(dtype), layout=layout_of_image(value)
    )


def _shape(value: Any) -> tuple[int, ...]:
    tensor = value.type.tensor_type
    if not tensor.HasField("shape"):
        return (-1,)
    return tuple(d.dim_value if d.HasField("dim_value") else -1 for d in tensor.shape.dim)


def _load(path: Path) -> Any:
    onnx = require("onnx")
    if not path.is_file():
        raise BadFile(f"there is no file {path}", fix="check the path")
    try:
        model = onnx.load(str(path), load_external_data=False)
    # protobuf's DecodeError has a different home in each of its versions.
    except Exception as error:
        raise BadFile(f"{path} is not an ONNX file, or a damaged one", why=str(error)) from error
    keys = Counter(_utf8(entry.key) for entry in model.metadata_props)
    twice = [key for key, count in keys.items() if count > 1]
    if twice:
        # Of two of a name one reader takes the first and another the last.
        raise BadFile(
            f"{path} is a damaged ONNX file",
            why=f"metadata {', '.join(twice)}: more than one of the name",
            fix="export it again",
        )
    if not model.graph.node:
        raise BadFile(f"{path} is not an ONNX file, or a damaged one", why="it holds no graph")
    return model


def read_manifest(path: Path) -> str | None:
    """The manifest among the metadata properties."""
    found = [p.value for p in _load(path).metadata_props if p.key == MANIFEST]
    return _utf8(found[0]) if found else None


def _utf8(value: str | bytes) -> str:
    """Protobuf hands over bytes when they are no text."""
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else value


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
