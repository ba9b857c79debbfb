"""ONNX files, checked before anything is computed of them."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any

from zoo.common.errors import BadFile, Unsupported, first_line
from zoo.common.optional_imports import require
from zoo.networks.sources.files import begin_of, check_size

from .preparing import inputs_of

_SAVE = "save it anew, with torch.onnx.export(…) or what made it"
#: First bytes of other files, from a place on.
_OTHERS = (
    (0, b"\x89HDF\r\n\x1a\n", "an HDF5 file (.h5)"),
    (0, b"PK\x03\x04", "a zip archive (.keras, .pt2 or .pth)"),
    (4, b"TFL3", "a TFLite file (.tflite)"),
)
_INTEGERS = frozenset(
    {"QuantizeLinear", "DequantizeLinear", "DynamicQuantizeLinear", "ConvInteger", "MatMulInteger"}
)
#: Of ONNX Runtime's own operators, those of quantized networks.
_OWN_INTEGERS = ("QLinear", "MatMulNBits", "DynamicQuantize", "MatMulBnb4", "QGemm", "QAttention")
CONTROL = frozenset({"If", "Loop", "Scan", "SequenceMap"})
_STANDARD = frozenset({"", "ai.onnx", "ai.onnx.ml", "com.microsoft"})


def checked_model(path: Path, origin: str = "") -> Any:
    """The model proto of a file, with all its data in memory.

    Args:
        path: The file.
        origin: Names it in messages about its operators; empty for the file's own name.

    Raises:
        BadFile: Truncated, of another type than its suffix, too large, or its data are missing or
            lie outside its folder.
        Unsupported: Quantized, or with operators of somebody's own.
    """
    model = _model(path)
    _side_files(model, path)
    try:
        require("onnx").external_data_helper.load_external_data_for_model(model, str(path.parent))
    # The package raises its checker's errors, those of files, and numpy's of wrong sizes.
    except Exception as error:
        raise BadFile(f"{path} is damaged", why=first_line(error), fix=_SAVE) from error
    check_operators(model, origin or path.name)
    _name_apart(model)
    return model


def _name_apart(model: Any) -> None:
    """Gives nodes of one name names of their own: ONNX Runtime refuses them, and needs none."""
    for graph in _graphs(model):
        taken: set[str] = {node.name for node in graph.node}
        seen: set[str] = set()
        for node in graph.node:
            if node.name in seen:
                numbers = (f"{node.name}_{number}" for number in count(2))
                node.name = next(name for name in numbers if name not in taken)
                taken.add(node.name)
            if node.name:
                seen.add(node.name)


def side_files(path: Path) -> list[Path]:
    """The files in which constants of a model lie, all inside its folder.

    Raises:
        BadFile: The model is none, or one of them is missing, too short, or leads elsewhere.
    """
    return _side_files(_model(path), path)


def _model(path: Path) -> Any:
    """The model proto of a file, without the data in other files."""
    _check_begin(path)
    onnx = require("onnx")
    try:
        model = onnx.load(str(path), load_external_data=False)
    # protobuf's DecodeError has a different home in each of its versions.
    except Exception as error:
        raise BadFile(
            f"{path} is truncated or damaged, or no ONNX file", why=first_line(error), fix=_SAVE
        ) from error
    if not model.graph.node or not model.graph.input or not model.graph.output:
        raise BadFile(
            f"{path} is truncated or damaged, or no ONNX file", why="it holds no graph", fix=_SAVE
        )
    return model


def _check_begin(path: Path) -> None:
    """Refuses a file that is too large, or does not begin as ONNX files do."""
    begins = begin_of(path, 16)
    other = next((what for at, head, what in _OTHERS if begins[at:].startswith(head)), None)
    if other is not None:
        raise BadFile(
            f"{path} is no ONNX file, whatever its name",
            why=f"it begins as {other} does",
            fix="name it as what it is",
        )
    if len(begins) < 2 or begins[0] != 0x08:
        raise BadFile(
            f"{path} is no ONNX file",
            why="it is empty" if not begins else "it does not begin as one",
            fix=_SAVE,
        )


def _side_files(model: Any, path: Path) -> list[Path]:
    """The files in which constants lie, all inside the model's folder.

    Raises:
        BadFile: One is missing, too short, or leads elsewhere, or they hold too much.
    """
    whole = path.stat().st_size
    uses = require("onnx").external_data_helper.uses_external_data
    found: dict[str, Path] = {}
    for tensor in _tensors(model):
        if not uses(tensor):
            continue
        places = {entry.key: entry.value for entry in tensor.external_data}
        name = places.get("location", "")
        if name not in found:
            found[name] = _inside(path, name)
        size = found[name].stat().st_size
        try:
            begin, length = int(places.get("offset", 0)), int(places.get("length", 0))
        except ValueError:
            begin, length = -1, -1
        if begin < 0 or length < 0 or begin + length > size:
            raise BadFile(
                f"{path}: the weights {tensor.name} are not whole",
                why=f"{name} has {size:,} bytes, and they would lie from {begin:,} on",
                fix="copy both files together, from where they were made",
            )
        # Several constants may be the same part of a file: each of them takes memory.
        whole += length or size - begin
    check_size(path, whole, "has, with its weights,")
    return list(found.values())


def _inside(path: Path, name: str) -> Path:
    posix, windows = PurePosixPath(name), PureWindowsPath(name)
    leads_out = posix.is_absolute() or windows.is_absolute() or windows.drive or not name
    leads_out = leads_out or ".." in (*posix.parts, *windows.parts) or "\0" in name
    file = path.parent / name
    steps = (
        []
        if leads_out
        else [path.parent.joinpath(*posix.parts[: i + 1]) for i in range(len(posix.parts))]
    )
    if leads_out or any(step.is_symlink() for step in steps):
        raise BadFile(
            f"{path} is refused: its weights lie in {name!r}",
            why="a network may open no file of this machine but those in its own folder",
            fix="do not use the file unless you know who made it",
        )
    if not file.is_file():
        raise BadFile(
            f"{path} has lost its weights: there is no {name} beside it",
            why="they lie in a file of their own",
            fix="copy both files together",
        )
    if file.stat().st_nlink > 1:
        raise BadFile(
            f"{path} is refused: its weights lie in {name!r}, a file with several hard links",
            why="a hard link may be a file from outside the folder",
            fix=f"replace it by a copy: cp {name} copy && mv copy {name}",
        )
    return file


def _tensors(model: Any) -> Iterator[Any]:
    """Constants of all graphs and of attributes of their operators."""
    for graph in _graphs(model):
        yield from getattr(graph, "initializer", ())
        for sparse in getattr(graph, "sparse_initializer", ()):
            yield from (sparse.values, sparse.indices)
        for attribute in (one for node in graph.node for one in node.attribute):
            yield attribute.t
            yield from attribute.tensors
            for sparse in (attribute.sparse_tensor, *attribute.sparse_tensors):
                yield from (sparse.values, sparse.indices)


def _graphs(model: Any) -> Iterator[Any]:
    """The graph, those of its functions, and those inside its loops and conditions."""
    waiting = [model.graph, *model.functions]
    while waiting:
        graph = waiting.pop()
        yield graph
        for attribute in (one for node in graph.node for one in node.attribute):
            waiting += [*([attribute.g] if attribute.HasField("g") else []), *attribute.graphs]


def control_flow(origin: str, name: str, kind: str) -> Unsupported:
    """The error for branches that depend on the input, and for loops."""
    return Unsupported(
        f"{origin} has branches or loops: {name!r} is {'an' if kind == 'If' else 'a'} {kind}",
        why="a network for devices computes the same for each input",
        fix="export it for one fixed shape, so that they are decided while it is exported"
        if kind == "If"
        else "export it for one fixed shape, so that its steps are written out; or export one "
        "step, which takes its state and gives the next, and name them: --state INPUT=OUTPUT",
    )


def check_operators(model: Any, origin: str) -> None:
    """Refuses what no Keras network can be made of, before anything opens the model.

    Raises:
        Unsupported: Names the operator.
    """
    own = {(function.domain, function.name) for function in model.functions}
    for node in (node for graph in _graphs(model) for node in graph.node):
        kind, domain = node.op_type, node.domain
        name = node.name or (node.output[0] if node.output else kind)
        if kind in _INTEGERS or (domain == "com.microsoft" and kind.startswith(_OWN_INTEGERS)):
            raise Unsupported(
                f"{origin} is quantized already: {name!r} is a {kind}",
                why="what quantization took away cannot be had back",
                fix="name the file from before it was quantized",
            )
        # Branches of constant conditions are decided when the graph is simplified.
        if kind in CONTROL and kind != "If" and domain in ("", "ai.onnx"):
            raise control_flow(origin, name, kind)
        if domain not in _STANDARD and (domain, kind) not in own:
            raise Unsupported(
                f"{origin}: {name!r} is a {domain}:{kind}, which ONNX does not have",
                why="what it computes is defined in its author's program alone",
                fix="export it with ONNX' own operators",
            )
    for value in (*model.graph.input, *model.graph.output):
        if not value.type.HasField("tensor_type"):
            raise Unsupported(
                f"{origin}: {value.name!r} is no tensor",
                why="only networks that take and give tensors can be brought in",
                fix="export it without sequences and maps",
            )
    for value in inputs_of(model):
        if not value.type.tensor_type.shape.dim:
            raise Unsupported(
                f"{origin}: the input {value.name!r} has no batch",
                why="its shape is empty, or not in the file",
                fix="export it with the shape of its input",
            )
