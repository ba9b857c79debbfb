"""The format: a line that names it, then one JSON document with layers and manifest."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import zoo
from zoo.common.errors import BadFile, Unsupported

MAGIC = b"dense layers 1\n"
_PASSIVE = {"InputLayer", "Flatten", "Softmax"}


def _layers(model: Any) -> Iterator[Any]:
    """Those of a model and of the models inside it, in their order."""
    for layer in model.layers:
        if hasattr(layer, "layers"):
            yield from _layers(layer)
        else:
            yield layer


def export(request: zoo.contracts.ExportRequest) -> None:
    """Writes the layers of a network that has no others."""
    scale, offset, layers = 1.0, 0.0, []
    for layer in _layers(request.model):
        kind = type(layer).__name__
        if kind == "Rescaling":
            scale, offset = float(layer.scale), float(layer.offset)
        elif kind == "Dense":
            weights, bias = (values.tolist() for values in layer.get_weights())
            activation = layer.activation.__name__
            if activation not in ("linear", "relu"):
                raise Unsupported(f"dense files have no activation {activation}")
            layers.append({"weights": weights, "bias": bias, "relu": activation == "relu"})
        elif kind not in _PASSIVE:
            raise Unsupported(f"dense files hold no layer {kind}")
    shape = [int(side) for side in request.model.inputs[0].shape[1:]]
    document = {
        "input": {"name": request.input_name, "shape": shape, "scale": scale, "offset": offset},
        "output": {"name": request.output_names[0], "classes": len(layers[-1]["bias"])},
        "layers": layers,
    }
    _write(request.path, document)


def _write(path: Path, document: dict[str, Any]) -> None:
    path.write_bytes(MAGIC + json.dumps(document).encode())


def read(path: Path) -> dict[str, Any]:
    """The document of a file."""
    content = path.read_bytes()
    try:
        if not content.startswith(MAGIC):
            raise ValueError("it begins with other bytes")
        document: dict[str, Any] = json.loads(content[len(MAGIC) :])
    except ValueError as error:
        raise BadFile(f"{path} holds no dense layers", why=str(error)) from error
    return document


def inspect(path: Path) -> zoo.FileContents:
    """What is in a file."""
    document = read(path)
    document.pop("manifest", None)
    payload = MAGIC + json.dumps(document).encode()
    given, made = document["input"], document["output"]
    numbers = sum(len(layer["bias"]) * (1 + len(layer["weights"])) for layer in document["layers"])
    return zoo.FileContents(
        inputs=(zoo.TensorInfo(name=given["name"], shape=(1, *given["shape"]), dtype="float32"),),
        outputs=(zoo.TensorInfo(name=made["name"], shape=(1, made["classes"]), dtype="float32"),),
        operators={"DENSE": len(document["layers"])},
        integer_operators=0,
        float_operators=len(document["layers"]),
        float_islands=(),
        conversions=0,
        custom_operators=(),
        dynamic_tensors=(),
        weight_bytes=4 * numbers,
        payload_bytes=len(payload),
        payload_sha256=hashlib.sha256(payload).hexdigest(),
        weight_types={"float32": 4 * numbers},
    )


def read_manifest(path: Path) -> str | None:
    """The manifest that a file carries."""
    return read(path).get("manifest")


def write_manifest(path: Path, text: str) -> None:
    """Puts another manifest in its place."""
    _write(path, {**read(path), "manifest": text})
