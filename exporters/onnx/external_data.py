"""External data: the weights of large networks in a second file; protobuf ends at 2 GB."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any

from zoo.common.errors import BadFile, Unsupported
from zoo.common.optional_imports import require

#: Bytes of constants from which on they go into a file of their own. A protobuf message ends at
#: 2^31 - 1 bytes; the graph itself, names and the manifest need room too.
MOST_BYTES = 2_000_000_000
#: Constants smaller than this stay in the model.
_SMALL = 1024
_CHUNK = 1 << 20
SUFFIX = ".data"


def store(model: Any, path: Path) -> None:
    """Checks and writes a model; a large one's constants go into ``<file>.data`` beside it."""
    onnx = require("onnx")
    _drop_unused_domains(model)
    if constant_bytes(model) <= MOST_BYTES:
        onnx.checker.check_model(model, full_check=True)
        path.write_bytes(model.SerializeToString())
        return
    side = path.with_name(path.name + SUFFIX)
    side.unlink(missing_ok=True)  # onnx would append to an old one
    onnx.save_model(
        model,
        str(path),
        save_as_external_data=True,
        all_tensors_to_one_file=True,
        location=side.name,
        size_threshold=_SMALL,
        convert_attribute=False,
    )
    # A message of this size cannot be serialized for the checker, which opens the file instead.
    onnx.checker.check_model(str(path), full_check=True)


def is_large(network: Any) -> bool:
    """Whether a Keras model's weights in float32 exceed one ONNX file."""
    return sum(4 * int(math.prod(w.shape)) for w in network.weights) > MOST_BYTES


def refuse_large(network: Any, precision: str) -> None:
    """Refuses large networks in other precisions, whose tools work on one protobuf message.

    Raises:
        Unsupported: The network has no room in one.
    """
    if precision != "float32" and is_large(network):
        raise Unsupported(
            f"a network of more than {MOST_BYTES / 1e9:g} GB of weights cannot be {precision} in "
            "ONNX files",
            why="the tools for it read and write one protobuf message, which ends at 2 GB",
            fix="choose float32, whose weights go into a second file, or another format",
        )


def inline_constants(model: Any, apart: Mapping[str, bytes]) -> None:
    """Puts constants that the converter stores outside a large model back into it.

    Args:
        model: Refers to them by name.
        apart: Name → bytes.
    """
    onnx = require("onnx")
    for tensor in model.graph.initializer:
        if onnx.external_data_helper.uses_external_data(tensor):
            places = {entry.key: entry.value for entry in tensor.external_data}
            tensor.raw_data = apart[places["location"]]
            tensor.ClearField("data_location")
            del tensor.external_data[:]


def _drop_unused_domains(model: Any) -> None:
    """Removes unused operator domains, which ONNX Runtime's tools declare and others refuse."""
    used = {"", *(node.domain for graph in graphs_of(model) for node in graph.node)}
    kept = [entry for entry in model.opset_import if entry.domain in used]
    del model.opset_import[:]
    model.opset_import.extend(kept)


def constant_bytes(model: Any) -> int:
    """Bytes of all constants of the graph, without copying or serializing them."""
    return sum(tensor_bytes(tensor) for tensor in model.graph.initializer)


def tensor_bytes(tensor: Any) -> int:
    """Bytes of one constant, wherever it is stored."""
    onnx = require("onnx")
    if onnx.external_data_helper.uses_external_data(tensor):
        return sum(int(entry.value) for entry in tensor.external_data if entry.key == "length")
    if tensor.HasField("raw_data"):
        return len(tensor.raw_data)
    return len(onnx.numpy_helper.to_array(tensor).tobytes())


def side_files(model: Any, path: Path) -> tuple[str, ...]:
    """Names of the files in which constants of the model lie, in the folder of `path` or below.

    Raises:
        BadFile: One is not there, or its name leads out of the folder.
    """
    onnx = require("onnx")
    named = {
        entry.value
        for tensor in _tensors(model)
        if onnx.external_data_helper.uses_external_data(tensor)
        for entry in tensor.external_data
        if entry.key == "location"
    }
    for name in sorted(named):
        if not _is_below(name) or _through_a_link(path.parent, name):
            raise BadFile(
                f"{path} refers to {name!r}",
                why="a model may only refer to files in its own folder and below, and to no links",
                fix="do not use the file unless you know who made it",
            )
        if not (path.parent / name).is_file():
            raise BadFile(
                f"{path} has lost its weights: there is no {name} beside it",
                why="constants of more than 2 GB lie in a file of their own",
                fix="copy both files together",
            )
    return tuple(sorted(named))


def _tensors(model: Any) -> list[Any]:
    """Constants of the graph and of attributes of its operators, those of inner graphs too."""
    found = []
    for graph in graphs_of(model):
        found += graph.initializer
        for attribute in (a for node in graph.node for a in node.attribute):
            found += [attribute.t, *attribute.tensors]
    return found


def graphs_of(model: Any) -> Iterator[Any]:
    """The graph, and those inside its loops and conditions."""
    graphs = [model.graph]
    while graphs:
        graph = graphs.pop()
        yield graph
        for attribute in (a for node in graph.node for a in node.attribute):
            graphs += [*([attribute.g] if attribute.HasField("g") else []), *attribute.graphs]


def _is_below(name: str) -> bool:
    """Whether a name is one of a file in this folder or in one of its own, on every system."""
    parts = PurePosixPath(name).parts
    plain = name == "/".join(parts) and PureWindowsPath(name).parts == parts
    return plain and bool(parts) and ".." not in parts and "\0" not in name


def _through_a_link(folder: Path, name: str) -> bool:
    """Whether the file, or a folder on the way to it, is a link."""
    parts = PurePosixPath(name).parts
    return any(folder.joinpath(*parts[: i + 1]).is_symlink() for i in range(len(parts)))


def hash_file(digest: Any, path: Path) -> int:
    """Adds a file to a digest; returns its size in bytes."""
    size = 0
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
            size += len(chunk)
    return size


def payload(model_bytes: bytes, path: Path, sides: tuple[str, ...]) -> tuple[int, str]:
    """Bytes and SHA-256 of a model without its manifest, side files included."""
    digest = hashlib.sha256(model_bytes)
    size = len(model_bytes) + sum(hash_file(digest, path.parent / name) for name in sides)
    return size, digest.hexdigest()
